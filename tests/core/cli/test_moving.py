"""Moving in and out on the command line: imports, vaults, backups, graphs."""

import gzip
import json
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from tests.core.cli.program import Run, supersede
from tests.core.exchange import samples
from zettelmem import DEFAULT_NAMESPACE, Memory
from zettelmem.testing import HashEmbedder, hold


def written(name: str, value: Any) -> str:
    Path(name).write_text(json.dumps(value), encoding="utf-8")
    return name


def vault(files: dict[str, str]) -> str:
    for name, words in files.items():
        path = Path("vault", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words, encoding="utf-8")
    return "vault"


@pytest.mark.parametrize(
    ("name", "value", "count"),
    [
        ("gpt.json", samples.chatgpt(), 3),
        ("claude.json", samples.claude(), 2),
        ("mem0.json", samples.mem0(), 2),
    ],
)
def test_an_export_of_another_program_comes_in_once(run: Run, name: str, value: Any, count: int) -> None:
    file = written(name, value)
    assert run("import", file) == f"{count} stored\n"
    assert run("import", file) == f"0 stored, {count} known already\n"
    assert run("import", "-", stdin=Path(file).read_text()) == f"0 stored, {count} known already\n"


def test_a_longer_export_adds_what_is_new(run: Run) -> None:
    value = samples.claude()
    run("import", written("a.json", value))
    more = {**value[0]["chat_messages"][0], "uuid": "m-9", "text": "x", "content": []}
    value[0]["chat_messages"].append(more)
    assert run("import", written("b.json", value)) == "1 stored, 2 known already\n"


def test_a_dry_run_tells_what_would_come_and_makes_nothing(run: Run, db: Path) -> None:
    told = run("import", written("gpt.json", samples.chatgpt()), "--dry-run")
    assert told == (
        "ChatGPT conversations: 3 notes in 1 threads, 2024-05-04 to 2024-05-04\n"
        "  user: I live in Porto. Where to swim?\n"
        "  assistant: At Matosinhos, in summer.\n"
        "  user: This is my dog Rex.\n"
        "nothing was stored (--dry-run)\n"
    )
    assert not db.exists()
    assert run("import", "gpt.json", "--dry-run", "--json")["notes"] == 3


def test_an_unknown_file_is_refused_and_makes_nothing(run: Run, db: Path) -> None:
    Path("paper.pdf").write_bytes(b"%PDF-1.7")
    run("import", "paper.pdf", code=2)
    assert "paper.pdf is of no known format; what can be imported: JSONL" in run.err
    assert not db.exists()


def test_the_reference_servers_memory_comes_in(run: Run) -> None:
    Path("memory.json").write_text("\n".join(map(json.dumps, [*samples.REFERENCE, {"type": "entity"}])))
    assert run("import", "memory.json", code=2) == "5 stored, 1 bad lines left out\n"
    assert run.err.startswith("zettelmem: line 4: is neither an entity")
    assert "Ana: keeps bees" in run("recall", "Who keeps bees?")


def test_wikilinks_become_links_once(run: Run) -> None:
    folder = vault({**samples.OBSIDIAN, **samples.BASIC_MEMORY})
    assert run("import", folder, "--judge", "none") == "7 stored, 6 links made\n"
    assert run("import", folder, "--judge", "none") == "0 stored, 7 known already\n"
    with Memory("db", embedder=HashEmbedder()) as memory:
        hold(memory)
        keys = ["vault:Bees.md", "vault:Porto.md"]
        bees, porto = memory.keyed(keys, namespace=DEFAULT_NAMESPACE).values()
        assert [(x.source, x.target, x.reason) for x in porto.links if x.source == bees.id] == [
            (bees.id, porto.id, "links to")
        ]


def test_an_edited_page_is_a_revision(run: Run) -> None:
    run("import", vault(samples.OBSIDIAN))
    run("import", vault({"Porto.md": "The town by the sea."}))
    assert "town by the sea" in run("recall", "Which town is by the sea?")
    assert run("stats", "--json")["notes"] == 3


def edit(words: str, others: str, *, within: str = "") -> None:
    """Put other words into the page of our vault that holds these, and `within`."""
    for path in Path("vault").rglob("*.md"):
        text = path.read_text(encoding="utf-8")
        if words in text and within in text:
            path.write_text(text.replace(words, others), encoding="utf-8")


def test_an_edited_page_of_our_vault_is_a_revision_of_its_note(run: Run) -> None:
    old, new = supersede(run)
    run("remember", "The garden needs water.", "--tag", "home")
    run("export", "vault", "--format", "markdown")
    before = run("export")
    assert run("import", "vault") == "0 stored, 3 known already\n"
    assert run("export") == before

    edit("Ana lives in Porto.\n", "Ana lives in Porto, by the river.\n")
    edit("- home", "- garden", within="needs water")
    assert run("import", "vault") == "0 stored, 1 known already, 2 revised\n"
    note = run("show", new, "--json")
    assert note["content"] == "Ana lives in Porto, by the river."
    assert [entry["verb"] for entry in note["history"]][-1] == "revise"
    assert note["history"][-1]["reason"] == "edited in its file"
    assert {link["relation"] for link in note["links"]} == {"supersedes"}
    assert run("show", old, "--json")["invalid_at"]
    assert run("recall", "garden water", "--json")["hits"][0]["note"]["tags"] == ["garden"]
    assert run("import", "vault") == "0 stored, 3 known already\n"

    run("undo", note["history"][-1]["change"])
    assert run("show", new, "--json")["content"] == "Ana lives in Porto."


def test_a_page_that_was_edited_does_not_undo_what_happened_here_since(run: Run) -> None:
    note = run("remember", "The garden needs water.", "--json")["note"]["id"]
    run("export", "vault", "--format", "markdown")
    run("revise", note, "The garden needs no water.")
    assert run("import", "vault") == "0 stored, 1 known already\n", "an old page is no news"
    edit("needs water.\n", "needs much water.\n")
    assert run("import", "vault") == "1 stored\n"
    assert run("show", note, "--json")["content"] == "The garden needs no water."
    contents = {json.loads(line)["content"] for line in run("export").splitlines()}
    assert contents == {"The garden needs no water.", "The garden needs much water."}
    assert run("import", "vault") == "0 stored, 1 known already\n"


def test_line_ends_that_an_editor_changed_are_no_edit(run: Run) -> None:
    run("remember", "One line.\nAnother line.")
    run("export", "vault", "--format", "markdown")
    for path in Path("vault").rglob("*.md"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n") + b"\r\n")
    assert run("import", "vault") == "0 stored, 1 known already\n"


def test_databases_of_other_programs_come_in_once_with_their_links(run: Run, tmp_path: Path) -> None:
    samples.langgraph(tmp_path / "store.db", [("ana", "1", {"text": "Ana lives in Porto."})])
    memories = [
        samples.amem_memory("m1", "Rex is a dog."),
        samples.amem_memory("m2", "Rex barks.", links=["m1"]),
    ]
    samples.amem(tmp_path / "amem", memories)
    assert run("import", "store.db") == "1 stored\n"
    assert run("import", "store.db") == "0 stored, 1 known already\n"
    assert run("import", "amem", "--judge", "none") == "2 stored, 1 links made\n"
    assert run("import", "amem", "--judge", "none") == "0 stored, 2 known already\n"


def test_links_that_a_crash_left_out_are_made_the_next_time(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = vault(samples.OBSIDIAN)
    with monkeypatch.context() as patch:
        patch.setattr("zettelmem.cli.transfer._link", lambda *args: (_ for _ in ()).throw(KeyboardInterrupt))
        run("import", folder, "--judge", "none", code=130)
    assert run("import", folder, "--judge", "none") == "0 stored, 3 known already, 3 links made\n"


def test_a_vault_is_written_and_comes_back(run: Run) -> None:
    run("remember", "Ana keeps bees.", "--tag", "hobby", "--who", "Ana", "-n", f"{DEFAULT_NAMESPACE}/sub")
    supersede(run)
    assert run("export", "out", "--format", "markdown") == "3 notes written to out\n"
    assert len(list(Path("out").glob("*.md"))) == 2
    assert len(list(Path("out/sub").glob("Ana keeps bees *.md"))) == 1
    assert run("import", "out", "--db", "second") == "3 stored\n"
    assert run("import", "out", "--db", "second") == "0 stored, 3 known already\n"
    first, second = [
        {x["id"]: x for x in run("notes", "--json", *more)["notes"]} for more in ([], ["--db", "second"])
    ]
    assert first.keys() == second.keys()
    for note_id, note in first.items():
        changed = {name for name in note if note[name] != second[note_id][name]}
        assert changed <= {"history", "revision", "shown"}
    run("export", "out", "--format", "markdown", code=2)
    assert "out is not empty; choose another folder" in run.err
    run("export", "out", "--format", "markdown", "--force")
    run("export", "--format", "markdown", code=2)
    assert "a vault is a folder; name it" in run.err


@pytest.mark.parametrize("file", ["all.jsonl", "all.jsonl.gz"])
def test_a_backup_brings_everything_back(run: Run, file: str) -> None:
    supersede(run)
    run("remember", "of ben", "-n", "ben")
    run("forget", run("remember", "a slip", "--json")["note"]["id"])
    run("quota", "--notes", "50")
    assert run("backup", file) == f"4 notes backed up to {file}\n"
    assert run("restore", file, "--db", "second") == "4 stored\n"
    assert run("restore", file, "--db", "second") == "0 stored, 4 known already\n"
    with Memory("db", embedder=HashEmbedder()) as one, Memory("second", embedder=HashEmbedder()) as other:
        assert one.admin.backup() == other.admin.backup()
        hold(other)


def test_a_backup_that_was_cut_off_tells_so_and_keeps_what_there_is(run: Run) -> None:
    supersede(run)
    run("backup", "all.jsonl")
    whole = Path("all.jsonl").read_bytes()
    Path("all.jsonl").write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    run("restore", "all.jsonl", "--db", "second", code=2)
    assert "the backup tells of 2 notes and holds 1; it was cut off" in run.err
    Path("cut.gz").write_bytes(gzip.compress(whole)[:-9])
    run("restore", "cut.gz", "--db", "third", code=2)
    assert "the file is damaged or was cut off" in run.err
    run("restore", written("gpt.json", samples.chatgpt()), "--db", "fourth", code=2)
    assert "this is no backup" in run.err


def test_what_is_here_stays_as_it_is_when_a_backup_is_restored(run: Run) -> None:
    note = run("remember", "The boat is red.", "--json")["note"]["id"]
    run("backup", "all.jsonl")
    run("revise", note, "The boat is blue.")
    assert run("restore", "all.jsonl") == "0 stored, 1 known already\n"
    assert run("show", note, "--json")["content"] == "The boat is blue."


def test_a_backup_is_of_one_moment_while_others_write(db: Path) -> None:
    with Memory(str(db), embedder=HashEmbedder(), durable=False) as memory:
        memory.remember("The first.", namespace="a", thread="t")
        stop = threading.Event()

        def write() -> None:
            while not stop.is_set():
                memory.remember(f"Number {memory.clock()}.", namespace="a", thread="t", judge="none")

        writer = threading.Thread(target=write)
        writer.start()
        try:
            with Memory(str(db), embedder=HashEmbedder()) as reader:
                for _ in range(10):
                    hold(reader.admin.backup().notes)
        finally:
            stop.set()
            writer.join()


def test_erasing_names_the_vaults_and_backups_that_still_hold_the_words(run: Run) -> None:
    note = run("remember", "The quokka Bartholomew sleeps.", "--json")["note"]["id"]
    run("export", "vault", "--format", "markdown")
    run("backup", "all.jsonl.gz")
    receipt = run("forget", note, "--erase", "--json")
    for name in ("vault", "all.jsonl.gz"):
        assert str(Path(name).absolute()) in receipt["exports"]


def test_a_graph_is_written_for_other_programs(run: Run) -> None:
    old, new = supersede(run)
    run("remember", "odd \x01 <b>&", "--judge", "none")
    assert run("graph", "memory.graphml") == "3 notes and 1 links drawn in memory.graphml\n"
    root = ElementTree.parse("memory.graphml").getroot()
    space = "{http://graphml.graphdrawing.org/xmlns}"
    edges = [(each.get("source"), each.get("target")) for each in root.iter(f"{space}edge")]
    assert edges == [(new, old)]
    words = [each.text for each in root.iter(f"{space}data") if each.get("key") == "content"]
    assert "odd \ufffd <b>&" in words
