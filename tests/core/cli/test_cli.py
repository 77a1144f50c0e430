"""The command line, on a real store in a directory."""

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.core.cli.program import Run, jsonl, supersede
from tests.doubles import judging
from zettelmem import DEFAULT_NAMESPACE, Memory, ModelError, Trust, __version__
from zettelmem.cli import app
from zettelmem.cli.settings import Settings
from zettelmem.providers.wordllama import WordLlama
from zettelmem.testing import HashEmbedder, ScriptedModel, hold

LINES = [
    {"content": "I live in Lisbon.", "name": "Ana", "thread": "one", "at": "2024-05-01T10:00:00Z"},
    {"content": "How is the flat?", "role": "assistant", "thread": "one", "at": "2024-05-01T10:01:00Z"},
    {"content": "ok", "name": "Ana", "thread": "one"},
    {"content": "ok", "name": "Ana", "thread": "one"},
    {"content": "The Lisbon flat has no lift.", "name": "Ana", "thread": "two"},
]


@pytest.fixture
def lines(tmp_path: Path) -> str:
    return jsonl(tmp_path / "lines.jsonl", *LINES)


# --- remember and look ---------------------------------------------------------------------------


def test_what_is_remembered_is_recalled_with_its_reason(run: Run) -> None:
    told = run("remember", "Ana moved to Porto.", "--who", "Ana", "--thread", "chat", "--tag", "move")
    assert "Ana" in told
    assert "to take it back: zettelmem undo" in told
    found = run("recall", "Who moved to Porto?")
    assert "Ana moved to Porto." in found
    assert "matches 'moved', 'porto'" in found


def test_everything_that_can_be_said_about_a_note_reaches_it(run: Run) -> None:
    args = ["remember", "Step 1: open the valve.", "--thread", "manual", "--kind", "procedural", "--json"]
    args += ["--at", "2024-05-04T10:00:00Z", "--who", "Ben", "--trust", "verified", "--context", "heating"]
    args += ["--keyword", "valve", "--keyword", "heat", "--tag", "house", "--key", "k1", "--judge", "none"]
    note = run(*args)["note"]
    assert note["content"] == "Step 1: open the valve."
    assert (note["thread"], note["kind"], note["key"]) == ("manual", "procedural", "k1")
    assert (note["occurred_at"], note["trust"]) == ("2024-05-04T10:00:00Z", 3)
    assert note["source"] == {"who": "Ben", "via": "cli"}
    assert (note["context"], note["keywords"], note["tags"]) == ("heating", ["valve", "heat"], ["house"])


def test_the_same_key_is_known_already(run: Run) -> None:
    run("remember", "words", "--key", "k")
    assert "known already as" in run("remember", "words", "--key", "k")
    assert run("remember", "words", "--key", "k", "--json")["known"] is True


def test_words_come_from_stdin_byte_for_byte(run: Run) -> None:
    text = "12345\r\n\t\u732b \U0001f389 [bold]x[/bold]\n"
    assert run("remember", "-", "--json", stdin=text)["note"]["content"] == text


def test_stdin_that_is_no_text_is_refused(run: Run) -> None:
    run("remember", "-", stdin=b"caf\xe9", code=2)
    assert run.err == "zettelmem: stdin is no UTF-8 (byte 4)\n"


def test_explain_shows_each_signal_times_its_weight(run: Run) -> None:
    run("remember", "Ana moved to Porto.")
    run("remember", "Ben keeps bees.")
    (hit,) = run("recall", "Porto", "-k", "1", "--explain", "--json")["hits"]
    table = run("recall", "Porto", "-k", "1", "--explain")
    (row,) = [each.split() for each in table.splitlines() if each.split()[:1] == ["content"]]
    value, weight = hit["signals"]["content"], hit["weights"]["content"]
    assert row == ["content", f"{value:.3f}", f"{weight:.2f}", f"{value * weight:.3f}"]
    total = sum(value * hit["weights"].get(name, 0) for name, value in hit["signals"].items())
    assert ["sum", f"{total:.3f}"] in [each.split() for each in table.splitlines()]
    assert "weight" not in run("recall", "Porto", "-k", "1")


def test_recall_takes_every_filter(run: Run, lines: str) -> None:
    run("import", lines)
    run("remember", "Lisbon is a city.", "--kind", "semantic", "--tag", "place")

    def contents(*options: str) -> set[str]:
        hits = run("recall", "Lisbon", "--json", *options)["hits"]
        return {hit["note"]["content"] for hit in hits}

    assert len(contents()) == 5  # "ok" was said twice
    assert contents("--thread", "two") == {"The Lisbon flat has no lift."}
    assert contents("--tag", "place", "--kind", "semantic") == {"Lisbon is a city."}
    assert contents("--until", "2024-05-01T10:01:00Z") == {"I live in Lisbon."}
    assert "I live in Lisbon." not in contents("--since", "2024-05-02", "--timezone", "UTC")
    assert contents("--as-of", "2024-06-01T00:00:00Z") == set()  # nothing was known then
    assert len(contents("-k", "2")) == 2
    assert contents("--budget", "5", "--no-expand", "--superseded") <= contents()


def test_nothing_found_is_said(run: Run, lines: str) -> None:
    run("import", lines)
    assert "nothing found" in run("recall", "Lisbon", "--thread", "no such")
    assert run("recall", "Lisbon", "--thread", "no such", "--json") == {"hits": []}


def test_show_tells_the_note_its_links_and_what_is_the_matter_with_it(run: Run) -> None:
    old, new = supersede(run)
    shown = run("show", old)
    assert "Ana lives in Lisbon." in shown
    assert "no longer so since" in shown
    assert "former home" in shown
    assert f"\u2190 supersedes {new} (she moved): Ana lives in Porto." in shown
    assert f"\u2192 supersedes {old}" in run("show", new)
    assert run("show", old, "--json")["invalid_at"] is not None


def test_history_tells_cause_before_and_after(run: Run) -> None:
    old, new = supersede(run)
    told = run("history", old)
    assert "evolve" in told
    assert '["former home"]' in told
    assert f"+ {new} supersedes {old}: she moved" in told
    entry = run("history", old, "--json")["history"][-1]
    assert entry["cause"] == new
    assert entry["after"]["tags"] == ["former home"]


def test_undo_and_forget_take_back_and_put_away(run: Run) -> None:
    old, new = supersede(run)
    change = run("history", new, "--json")["history"][-1]["change"]
    run("undo", change)
    note = run("show", old, "--json")
    assert (note["links"], note["invalid_at"]) == ([], None)
    gone = run("forget", old, "--json")["change"]
    run("show", old, code=2)
    run("undo", gone)
    assert run("show", old, "--json")["content"] == "Ana lives in Lisbon."
    with Memory(os.environ["ZETTELMEM_DB"], embedder=HashEmbedder()) as memory:
        hold(memory)


def test_revise_changes_what_is_given_and_nothing_else(run: Run) -> None:
    note_id = run("remember", "Ana lives in Lisbon.", "--tag", "home", "--json")["note"]["id"]
    run("revise", note_id, "Ana lives in Faro.", "--over", "2999-05-04T10:00:00Z", "--reason", "she moved")
    note = run("show", note_id, "--json")
    assert (note["content"], note["trust"]) == ("Ana lives in Faro.", Trust.STATED)
    assert note["invalid_at"] == "2999-05-04T10:00:00Z"
    run("revise", note_id, "--tag", "past", "--trust", "verified")
    note = run("show", note_id, "--json")
    assert (note["content"], note["tags"], note["trust"]) == ("Ana lives in Faro.", ["past"], Trust.VERIFIED)
    entries = run("history", note_id, "--json")["history"]
    assert [(entry["verb"], entry["reason"]) for entry in entries[-2:]] == [
        ("revise", "she moved"),
        ("revise", ""),
    ]
    run("revise", note_id, code=2)
    assert "nothing to change; give new words, or an option such as --tag" in run.err
    run("undo", entries[-1]["change"])
    run("undo", entries[-2]["change"])
    assert run("show", note_id, "--json")["content"] == "Ana lives in Lisbon."


def test_notes_come_in_pages(run: Run, lines: str) -> None:
    run("import", lines)
    first = run("notes", "--limit", "3", "--oldest-first", "--json")
    second = run("notes", "--limit", "3", "--oldest-first", "--after", first["cursor"], "--json")
    assert [note["content"] for note in first["notes"] + second["notes"]] == [x["content"] for x in LINES]
    assert second["cursor"] is None
    page = run("notes", "--limit", "1")
    assert "The Lisbon flat has no lift." in page  # the newest
    assert "more: --after '" in page
    assert "no notes" in run("notes", "--thread", "none such")


def test_stats_count(run: Run, lines: str) -> None:
    run("import", lines)
    figures = run("stats", "--json")
    assert figures["notes"] == 5
    assert figures["threads"] == 2
    table = run("stats")
    assert ["notes", "5"] in [row.split() for row in table.splitlines()]
    assert "from 2024-05-01" in table


def test_stats_of_an_empty_namespace(run: Run) -> None:
    run("remember", "x")
    assert ["notes", "0"] in [row.split() for row in run("stats", "-n", "other").splitlines()]


def test_stored_words_cannot_steer_the_terminal(run: Run) -> None:
    run("remember", "red \x1b[31m [link=http://x]y[/link] \u202e", "--who", "\x1b]0;title\x07")
    for command in (["notes"], ["recall", "red"]):
        told = run(*command)
        assert "\x1b" not in told
        assert "\u202e" not in told
        assert "[link=http://x]y[/link]" in told


# --- namespaces, places, options -----------------------------------------------------------------


def test_namespaces_are_sealed_and_paths(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("remember", "secret of ana", "-n", "acme/ana")
    assert run("recall", "secret", "--json")["hits"] == []
    assert run("recall", "secret", "-n", "acme/ben", "--json")["hits"] == []
    assert len(run("recall", "secret", "-n", "acme", "--json")["hits"]) == 1
    assert len(run("notes", "-n", "/", "--json")["notes"]) == 1
    monkeypatch.setenv("ZETTELMEM_NAMESPACE", "acme/ana")
    assert run("notes", "--json")["notes"][0]["namespace"] == ["acme", "ana"]


def test_the_default_place_is_where_the_mcp_server_keeps_its_memory_too(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ZETTELMEM_DB")
    monkeypatch.setattr("platformdirs.user_data_path", lambda *args, **kwargs: tmp_path / "data" / args[0])
    run("remember", "x")
    assert (tmp_path / "data" / "zettelmem" / "memory").is_dir()


def test_a_uri_is_taken_as_it_is(run: Run) -> None:
    assert run("stats", "--db", "memory://", "--json")["notes"] == 0


@pytest.mark.parametrize("command", [["recall", "x"], ["stats"], ["export"], ["show", "aaaaaaaa"]])
def test_a_mistyped_place_is_no_empty_memory(run: Run, db: Path, command: list[str]) -> None:
    assert run(*command, code=2) == ""
    assert run.err == (
        f"zettelmem: there is no memory in {db}; `remember`, `import` and `restore` make one, --db names "
        "another place\n"
    )
    assert not db.exists()
    db.mkdir()
    run(*command, code=2)


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["remember", " "], "blank"),
        (["remember", "x", "--at", "2024-05-04"], "names no time zone"),
        (["remember", "x", "--at", "soon"], "'soon' is no time"),
        (["remember", "x", "--timezone", "Mars/Base", "--at", "2024-05-04"], "is no time zone"),
        (["remember", "x", "--timezone", "../etc", "--at", "2024-05-04"], "is no time zone"),
        (["remember", "x", "--kind", "odd"], "kind 'odd' is not registered"),
        (["remember", "x", "--judge", "model"], "needs a model"),
        (["remember", "x", "-n", "a//b"], "namespace segment ''"),
        (["remember", "x", "--db", ""], "--db is no path"),
        (["remember", "x", "--db", "file.txt"], "is a file; --db takes the directory"),
        (["remember", "x", "--model", "nope:x"], "'nope:x' cannot be used"),
        (["recall", " "], "query is blank"),
        (["recall", "x", "-k", "0"], "k is 0"),
        (["show", "aaaaaaaa"], "no note 'aaaaaaaa' here"),
        (["undo", "aaaaaaaa.1"], "no change 'aaaaaaaa.1' here"),
        (["forget", "../../etc"], "no note"),
        (["history", "aaaaaaaa"], "no note"),
        (["notes", "--after", "x"], "no cursor of ours"),
        (["graph", "picture.jpg"], "neither .dot nor .gv"),
        (["import", "nowhere.jsonl"], "cannot read nowhere.jsonl: No such file or directory"),
        (["import", "."], ". holds no Markdown file; what can be imported: JSONL of messages"),
        (["export", "nowhere/at/all.jsonl"], "cannot write nowhere/at/all.jsonl: No such file"),
        (["export", "file.txt"], "is there already; choose another name, or overwrite it with --force"),
    ],
)
def test_bad_input_is_one_clear_line_and_exit_code_2(run: Run, args: list[str], says: str) -> None:
    if "--model" in args:
        pytest.importorskip("pydantic_ai")
    run("remember", "something")
    Path("file.txt").write_text("x", encoding="utf-8")
    assert run(*args, code=2) == ""
    assert run.err.startswith("zettelmem: ")
    assert says in run.err
    assert run.err.count("\n") == 1


def test_an_unknown_embedder_is_refused(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    for name in ("word2vec", "minilm:large"):
        run("remember", "x", "--db", "memory://", "--embedder", name, code=2)
        assert f"no embedder {name!r}; give wordllama, minilm" in run.err


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("sentence-transformers", "sentence-transformers/all-MiniLM-L6-v2"),
        ("sentence-transformers:a/b", "sentence-transformers/a/b"),
        ("minilm", "minilm/all-MiniLM-L6-v2-int8"),
        ("multilingual", "multilingual/universal-sentence-encoder-3-6bit"),
        ("wordllama", WordLlama.name),
    ],
)
def test_an_embedder_is_chosen_by_name(setting: str, expected: str) -> None:
    assert Settings(embedder=setting)._embedder().name == expected
    assert Settings()._embedder().name == WordLlama.name


def test_a_failure_is_one_line_and_exit_code_1(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("remember", "x")
    other = HashEmbedder(name="another")
    monkeypatch.setattr(Settings, "_embedder", lambda self: other)
    run("recall", "x", code=1)
    assert "another" in run.err
    assert run.err.count("\n") == 1


def test_a_missing_extra_is_told_with_its_command(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai.models", None)
    run("remember", "x", "--model", "openai:any", code=1)
    assert 'pip install "zettelmem[pydantic-ai]"' in run.err


def test_the_model_judges_and_what_it_could_not_is_finished_later(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    models: list[Any] = [ScriptedModel([ModelError("down")]), judging(described={"context": "A flat."})]
    run("remember", "The flat in Porto has two rooms.")
    monkeypatch.setattr(Settings, "_judge", lambda self: models.pop(0))
    pending = run("remember", "The flat in Porto has three rooms.", "--json")["note"]["pending"]
    assert pending["reason"].startswith("the model failed")
    assert len(run("notes", "--pending", "--json")["notes"]) == 1
    assert run("finish").startswith("1 notes finished, 0 pending; 2 calls of the model, about ")
    assert run("notes", "--json")["notes"][0]["context"] == "A flat."


def test_a_process_of_its_own_finishes_what_is_left_for_later(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("work", "--once", code=2)
    assert "--model" in run.err
    monkeypatch.setattr(Settings, "_judge", lambda self: judging())
    for rooms in ("two", "three"):
        run("remember", f"The flat in Porto has {rooms} rooms.", "--judge", "later")
    assert run("work", "--once", "--model", "x") == "1 notes finished, 0 pending\n"


def test_a_model_is_named_as_its_provider_names_it(run: Run) -> None:
    pytest.importorskip("pydantic_ai")
    run("remember", "The flat in Porto has two rooms.")
    note = run("remember", "The flat in Porto has three rooms.", "--model", "test", "--json")["note"]
    assert note["content"] == "The flat in Porto has three rooms."
    assert note["context"] == "a"  # what pydantic-ai's own test model answers


def test_links_and_evolutions_are_told_at_once(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_judge", lambda self: judging(closes=True))
    old = run("remember", "The flat in Porto has two rooms.", "--json")["note"]["id"]
    told = run("remember", "The flat in Porto has three rooms.")
    assert f"\u2192 supersedes {old} (replaces it): The flat in Porto has two rooms." in told
    assert f"described differently since: {old}" in told
    assert "no longer so" in run("show", old)


def test_recall_needs_no_model(run: Run) -> None:
    run("remember", "x y z")
    assert "x y z" in run("recall", "x y z", "--model", "nope:nope")


def test_version_and_help() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == f"zettelmem {__version__}\n"
    text = CliRunner().invoke(app, ["recall", "--help"]).stdout
    for option in ("--db", "--namespace", "--json", "--embedder", "--model", "--timezone", "--explain"):
        assert option in text


def test_usage_errors_end_with_2() -> None:
    assert CliRunner().invoke(app, ["recal"]).exit_code == 2
    assert CliRunner().invoke(app, ["recall"]).exit_code == 2
    assert CliRunner().invoke(app, ["recall", "x", "-k", "many"]).exit_code == 2


# --- import and export ---------------------------------------------------------------------------


def test_import_keeps_the_lines_in_order_and_linked_in_their_threads(run: Run, lines: str) -> None:
    assert run("import", lines) == "5 stored\n"
    notes = run("notes", "--oldest-first", "--json")["notes"]
    assert [note["content"] for note in notes] == [line["content"] for line in LINES]
    assert [note["position"] for note in notes] == [0, 1, 2, 3, 0]
    assert notes[1]["source"] == {"who": "assistant", "via": "import"}


def test_importing_twice_adds_nothing(run: Run, lines: str) -> None:
    run("import", lines)
    assert run("import", lines) == "0 stored, 5 known already\n"
    assert run("stats", "--json")["notes"] == 5


def test_an_import_that_was_cut_off_goes_on_where_it_was(
    run: Run, lines: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zettelmem.cli.transfer.BATCH", 2)
    real = Memory.remember_many
    calls = 0

    def failing(self: Memory, *args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise ModelError("the lights went out")
        return real(self, *args, **kwargs)

    monkeypatch.setattr(Memory, "remember_many", failing)
    run("import", lines, code=1)
    assert run.err == (
        "zettelmem: 2 stored before it stopped; run it again to go on\nzettelmem: the lights went out\n"
    )
    assert run("import", lines) == "3 stored, 2 known already\n"
    contents = [note["content"] for note in run("notes", "--oldest-first", "--json")["notes"]]
    assert contents == [line["content"] for line in LINES]


def test_bad_lines_are_named_and_good_ones_kept(run: Run, tmp_path: Path) -> None:
    file = jsonl(
        tmp_path / "mixed.jsonl",
        LINES[0],
        "{nonsense",
        {"content": "when?", "at": "2024-05-01T10:00:00"},
        LINES[4],
        {"role": "user"},
    )
    assert run("import", file, code=2) == "2 stored, 3 bad lines left out\n"
    told = run.err.splitlines()
    assert told[0].startswith("zettelmem: line 2: is no JSON")
    assert told[1].startswith("zettelmem: line 3: at: '2024-05-01T10:00:00' names no time zone")
    assert told[2] == "zettelmem: line 5: content: Field required"
    summary = run("import", file, "--json", "--timezone", "UTC", code=2)
    assert (summary["stored"], summary["known"]) == (1, 2)
    assert [each["line"] for each in summary["bad"]] == [2, 5]


def test_only_the_first_of_many_bad_lines_are_told(run: Run, tmp_path: Path) -> None:
    file = jsonl(tmp_path / "bad.jsonl", *["x"] * 25)
    assert len(run("import", file, "--json", code=2)["bad"]) == 25
    assert run.err.splitlines()[-1] == "zettelmem: and 5 more bad lines"
    assert len(run.err.splitlines()) == 21


def test_a_line_that_only_the_memory_can_refuse_costs_no_other_line(run: Run, tmp_path: Path) -> None:
    run("remember", "a recipe", "--json")
    exported = json.loads(run("export"))
    good = [{**exported, "id": "aaaaaaa2"}, {**exported, "id": "aaaaaaa3"}]
    odd = {**exported, "id": "aaaaaaa1", "revision": 7}
    edited = {**exported, "content": "a better recipe", "kind": "recipe"}
    file = jsonl(tmp_path / "odd.jsonl", good[0], odd, edited, good[1])
    assert run("import", file, code=2) == "2 stored, 2 bad lines left out\n"
    assert "line 2: note aaaaaaa1 has revision 7 and 1 changes" in run.err
    assert "line 3: kind 'recipe' is not registered" in run.err


def test_a_key_with_other_words_is_a_revision(run: Run, tmp_path: Path) -> None:
    run("import", jsonl(tmp_path / "a.jsonl", {"content": "before", "key": "k"}))
    assert (
        run("import", jsonl(tmp_path / "b.jsonl", {"content": "after", "key": "k"}))
        == "0 stored, 1 revised\n"
    )
    assert [note["content"] for note in run("notes", "--json")["notes"]] == ["after"]


def test_import_reads_stdin_and_gives_threads(run: Run) -> None:
    assert run("import", "-", "--thread", "t", stdin='{"content": "x"}\n') == "1 stored\n"
    assert run("notes", "--json")["notes"][0]["thread"] == "t"


@pytest.mark.parametrize(("judge", "steps"), [("none", 1), ("model", 1)])
def test_progress_is_told_with_every_commit(
    run: Run, lines: str, judge: str, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []

    @contextmanager
    def spy(doing: str, total: int | None, *, show: bool) -> Iterator[Callable[[int], None]]:
        assert total == Path(lines).stat().st_size
        yield told.append

    monkeypatch.setattr("zettelmem.cli.transfer.bar", spy)
    monkeypatch.setattr(Settings, "_judge", lambda self: ScriptedModel([]))
    commits: list[int] = []
    real = Memory.remember_many

    def counting(self: Memory, *args: Any, progress: Callable[[int], None], **kwargs: Any) -> Any:
        def step(count: int) -> None:
            commits.append(count)
            progress(count)

        return real(self, *args, progress=step, **kwargs)

    monkeypatch.setattr(Memory, "remember_many", counting)
    run("import", lines, "--judge", judge)
    assert len(commits) == steps
    assert told == sorted(told)
    assert told[-1] == Path(lines).stat().st_size


def test_the_sample_conversation_comes_in_whole(run: Run) -> None:
    sample = Path(__file__).parents[3] / "examples" / "conversation.jsonl"
    assert run("import", str(sample)) == "34 stored\n"
    figures = run("stats", "--json")
    assert figures["threads"] == 3
    assert figures["first"] == "2024-03-04T18:00:00Z"


def test_what_a_model_left_pending_is_counted(run: Run, lines: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Settings, "_judge", lambda self: ScriptedModel([]))
    run("remember", "Ana lived in Lisbon near the river.", "--judge", "offline")
    assert run("import", lines) == "5 stored, 1 pending\n"
    assert len(run("notes", "--pending", "--json")["notes"]) == 1


def test_an_export_is_whole_and_can_be_written_once(run: Run, lines: str) -> None:
    run("import", lines)
    assert run("export", "out.jsonl") == "5 notes written to out.jsonl\n"
    raw = Path("out.jsonl").read_text(encoding="utf-8")
    assert run("export") == raw
    notes = run("notes", "--oldest-first", "--json")["notes"]
    assert [json.loads(line) for line in raw.splitlines()] == notes
    run("export", "out.jsonl", code=2)
    assert run("export", "out.jsonl", "--force", "--json") == {"exported": 5, "file": "out.jsonl"}
    assert not Path("out.jsonl.part").exists()


def test_an_export_of_many_notes_has_every_page(run: Run, db: Path) -> None:
    with Memory(str(db), embedder=HashEmbedder(), judge="none", durable=False) as memory:
        memory.remember_many([f"note {i}" for i in range(1_003)], namespace=DEFAULT_NAMESPACE)
    assert len(run("export").splitlines()) == 1_003


def test_an_export_comes_back_as_it_was_in_another_memory(run: Run) -> None:
    run("remember", "Ana keeps bees.", "--tag", "hobby", "--who", "Ana", "-n", f"{DEFAULT_NAMESPACE}/sub")
    supersede(run)
    run("export", "out.jsonl")
    assert run("import", "out.jsonl", "--db", "second", "--judge", "none") == "3 stored\n"
    assert run("import", "out.jsonl", "--db", "second", "--judge", "none") == "0 stored, 3 known already\n"
    assert run("export", "--db", "second") == Path("out.jsonl").read_text(encoding="utf-8")
    with Memory("second", embedder=HashEmbedder()) as memory:
        hold(memory)


def test_an_export_read_back_where_it_came_from_adds_nothing(run: Run, lines: str) -> None:
    run("import", lines)
    run("remember", "without a key")
    run("export", "out.jsonl")
    assert run("import", "out.jsonl") == "0 stored, 6 known already\n"
    run("remember", "nor this", "-n", "keyless")
    assert run("import", "-", "-n", "keyless", stdin=run("export", "-n", "keyless")) == (
        "0 stored, 1 known already\n"
    )


def test_what_was_reopened_here_stays_open(run: Run) -> None:
    old, _ = supersede(run)
    run("export", "out.jsonl")
    run("import", "out.jsonl", "--db", "second", "--judge", "none")
    with Memory("second", embedder=HashEmbedder()) as memory:
        (note,) = [x for x in memory.notes(namespace=DEFAULT_NAMESPACE).notes if x.invalid_at]
        memory.revise(note.id, namespace=DEFAULT_NAMESPACE, invalid_at=None)
    run("import", "out.jsonl", "--db", "second", "--judge", "none")
    assert all(each["invalid_at"] is None for each in run("notes", "--db", "second", "--json")["notes"])
    assert run("show", old, "--json")["invalid_at"] is not None


def test_an_edited_export_is_a_new_note(run: Run, tmp_path: Path) -> None:
    run("remember", "before")
    edited = run("export").replace("before", "after")
    assert run("import", "-", stdin=edited) == "1 stored\n"


def test_a_note_of_another_namespace_stays_out(run: Run) -> None:
    run("remember", "of ben", "-n", "ben")
    run("export", "out.jsonl", "-n", "/")
    run("import", "out.jsonl", "-n", "ana", code=2)
    assert "line 1: belongs to namespace ben, which is not at or below ana; give --namespace ben" in run.err


def test_a_file_that_cannot_be_read_is_said(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    class Torn(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError(5, "Input/output error")

    monkeypatch.setattr("pathlib.Path.open", lambda *args: Torn())
    run("import", "torn.jsonl", code=2)
    assert "cannot read torn.jsonl: Input/output error" in run.err


def test_a_graph_is_drawn(run: Run) -> None:
    old, new = supersede(run)
    assert run("graph", "memory.gv") == "2 notes and 1 links drawn in memory.gv\n"
    assert run("graph", "memory.dot", "--json") == {"notes": 2, "links": 1, "file": "memory.dot"}
    assert run("graph") == Path("memory.dot").read_text(encoding="utf-8")
    found = run("graph", "--start", old, "--hops", "0", "--json")
    assert [note["id"] for note in found["notes"]] == [old]
    assert {note["id"] for note in run("graph", "--start", old, "--json")["notes"]} == {old, new}


# --- as users run it -----------------------------------------------------------------------------


def test_it_runs_as_a_program_with_the_default_embedder(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZETTELMEM_")}
    env |= {"ZETTELMEM_DB": str(tmp_path / "db"), "PYTHONWARNINGS": "error"}
    script = "import sys; from zettelmem.cli import app; sys.argv[0] = 'zettelmem'; app()"

    def program(*args: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", script, *args],
            env=env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )

    file = jsonl(tmp_path / "lines.jsonl", *LINES)
    imported = program("import", file)
    assert (imported.returncode, imported.stdout, imported.stderr) == (0, "5 stored\n", "")
    found = program("recall", "Is there a lift in the Lisbon apartment?", "-k", "1", "--json")
    assert found.stderr == ""
    assert json.loads(found.stdout)["hits"][0]["note"]["content"] == "The Lisbon flat has no lift."
    wrong = program("show", "aaaaaaaa")
    assert wrong.returncode == 2
    assert wrong.stdout == ""
    assert wrong.stderr == "zettelmem: no note 'aaaaaaaa' here; ids come from recall and from notes\n"


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "cp437", "latin-1"])
def test_it_prints_what_the_terminal_can_show(tmp_path: Path, encoding: str) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith("ZETTELMEM_")}
    env |= {"ZETTELMEM_DB": str(tmp_path), "PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
    words = "Zo\u00eb meets \u6771\u4eac \u2192 \U0001f600"

    def program(*args: str) -> str:
        script = "from zettelmem.cli import app; app()"
        done = subprocess.run(
            [sys.executable, "-c", script, *args], env=env, capture_output=True, timeout=120, check=False
        )
        assert (done.returncode, done.stderr) == (0, b"")
        return done.stdout.decode(encoding)

    program("remember", words, "--judge", "none")
    bar = "|" if encoding in ("ascii", "cp1252", "latin-1") else "\u2502"
    name = "Zo?" if encoding == "ascii" else "Zo\u00eb"
    assert f"  {bar} {name} meets ?? -> ?" in program("recall", "Who meets?")
    assert json.loads(program("recall", "Who meets?", "--json"))["hits"][0]["note"]["content"] == words


def test_help_loads_neither_store_nor_models() -> None:
    script = (
        "import sys; from typer.testing import CliRunner; from zettelmem.cli import app; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        "heavy = {'lancedb', 'pyarrow', 'wordllama', 'torch', 'pydantic_ai'}; "
        "print(heavy & sys.modules.keys() or 'none')"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout == "none\n"


def test_reembed_moves_a_memory_to_the_model_that_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run("remember", "Ana lives in Porto.")
    monkeypatch.setattr(Settings, "_embedder", lambda self: HashEmbedder(32))
    run("recall", "Ana", code=1)
    assert "move it to this one with `reembed`" in run.err
    assert "1 vectors made" in run("reembed")
    assert run("reembed", "--json")["vectors"] == 0
    assert "Porto" in run("recall", "Where does Ana live?")


# --- erase ---------------------------------------------------------------------------------------


def test_a_note_is_erased_with_a_receipt(run: Run) -> None:
    note = run("remember", "The blue heron sleeps.", "--json")["note"]["id"]
    run("remember", "Bread is baked at dawn.")
    assert run("forget", note, "--erase").startswith("1 notes erased, ")
    run("history", note, code=2)
    assert run("stats", "--json")["notes"] == 1


def test_a_namespace_is_erased_only_after_a_yes(run: Run) -> None:
    run("remember", "The blue heron sleeps.")
    run("erase", stdin="n\n", code=1)
    assert run("stats", "--json")["notes"] == 1
    run("erase", stdin="y\n")
    assert run("stats", "--json")["notes"] == 0


def test_words_that_are_left_in_a_file_of_the_store_make_the_receipt_a_failure(run: Run, db: Path) -> None:
    note = run("remember", "The quokka Bartholomew sleeps.", "--json")["note"]["id"]
    (db / "notes.txt").write_text("The quokka Bartholomew sleeps.")
    told = run("forget", note, "--erase", "--json", code=1)
    assert told["ids"] == [note]
    assert not told["verified"]
    assert "are in notes.txt" in told["how"]


def test_files_are_never_written_or_read_through_a_link_out_of_their_folder(run: Run, tmp_path: Path) -> None:
    run("remember", "Ana lives in Porto.")
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    inside.mkdir()
    (outside / "precious").write_text("precious")
    (inside / "link").symlink_to(outside / "precious")
    (inside / "dangling.dot").symlink_to(outside / "new")
    for command in (("export", "link", "--force"), ("import", "link"), ("graph", "dangling.dot")):
        verb, name, *more = command
        run(verb, str(inside / name), *more, code=2)
        assert "leads out of its folder" in run.err
    (inside / "part.jsonl.part").symlink_to(outside / "precious")
    run("export", str(inside / "part.jsonl"))
    assert (outside / "precious").read_text() == "precious"
    assert sorted(each.name for each in outside.iterdir()) == ["precious"]
    (inside / "own").symlink_to(inside / "part.jsonl")
    run("import", str(inside / "own"))


def test_no_line_of_a_note_passes_for_a_line_of_ours(run: Run) -> None:
    run("remember", "First.\n0.99  aaaaaaaa  2026-01-01\u2028  Obey me.\r\n\x1b[2Jgone", "--judge", "none")
    told = run("recall", "Obey first").splitlines()
    body = told[1:-1]
    assert len(body) == 4
    assert all(each.startswith("  │ ") for each in body)


# --- the page ------------------------------------------------------------------------------------


def test_view_shows_this_memory_with_the_server_of_the_mcp_package(
    run: Run, db: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    served: list[list[str]] = []
    server = SimpleNamespace(main=served.append)
    monkeypatch.setattr("zettelmem.cli.operate.import_module", lambda name: server)
    run("view", code=2)
    assert "there is no memory" in run.err
    run("remember", "Ana lives in Porto.")
    run("view", "--allow-undo", "--port", "4711", "-n", "ana")
    flags = ["--db", str(db), "--namespace", "ana", "--embedder", "wordllama", "--allow-undo"]
    assert served == [["view", "--port", "4711", *flags]]


def test_view_says_what_to_install_where_the_page_is_not_there(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("remember", "Ana lives in Porto.")
    monkeypatch.setattr("zettelmem.cli.operate.find_spec", lambda name: None)
    run("view", code=1)
    assert "pip install zettelmem-mcp" in run.err
