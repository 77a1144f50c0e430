"""Files of other programs: recognised by what is in them, read into drafts with keys, bounded."""

import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from tests.core.exchange import samples
from zettelmem import InvalidInput, Relation, Trust
from zettelmem.exchange import BadLine, Incoming, Reading, recognise
from zettelmem.exchange import items as bounds
from zettelmem.exchange.items import Items


def text(value: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(value, indent=1).encode())


def zipped(**files: Any) -> io.BytesIO:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, value in files.items():
            archive.writestr(name, value if isinstance(value, bytes) else json.dumps(value))
    stream.seek(0)
    return stream


def folder(place: Path, files: Mapping[str, str]) -> Path:
    for name, words in files.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_text(words, encoding="utf-8")
    return place


def read(source: BinaryIO | Path, name: str = "file") -> tuple[str, list[Incoming], list[BadLine]]:
    found = recognise(source, name)
    parts = list(found.read(Reading()))
    assert parts == list(found.read(Reading())), "a second reading is like the first"
    keys = [each.draft.key for each in parts if isinstance(each, Incoming)]
    assert len(set(keys)) == len(keys)
    assert None not in keys
    good = [each for each in parts if isinstance(each, Incoming)]
    return found.format, good, [each for each in parts if isinstance(each, BadLine)]


def contents(parts: list[Incoming]) -> list[str]:
    return [each.draft.content for each in parts]


@pytest.mark.parametrize("packed", [False, True])
def test_of_chatgpt_the_branch_that_was_shown_last_is_read(packed: bool) -> None:
    value = samples.chatgpt()
    source = zipped(**{"x/conversations.json": value, "user.json": {}}) if packed else text(value)
    name, parts, bad = read(source)
    assert (name, bad) == ("ChatGPT conversations", [])
    assert contents(parts) == [
        "I live in Porto. Where to swim?",
        "At Matosinhos, in summer.",
        "This is my dog Rex.",
    ]
    draft = parts[0].draft
    assert (draft.key, draft.thread, draft.data) == (
        "chatgpt:q1",
        "chatgpt:c-1",
        {"conversation": "Swimming"},
    )
    assert draft.occurred_at == datetime(2024, 5, 4, 10, 0, 0, 500_000, tzinfo=UTC)
    assert [each.draft.trust for each in parts] == [Trust.STATED, Trust.REPORTED, Trust.STATED]


@pytest.mark.parametrize("packed", [False, True])
def test_of_claude_the_text_parts_are_read(packed: bool) -> None:
    value = samples.claude()
    name, parts, bad = read(zipped(**{"conversations.json": value}) if packed else text(value))
    assert (name, bad) == ("Claude conversations", [])
    assert contents(parts) == ["I keep bees in Porto.", "Feed them in February."]
    assert parts[1].draft.source.who == "assistant"
    assert parts[1].draft.occurred_at == datetime(2024, 5, 4, 10, 1, tzinfo=UTC)
    assert parts[1].draft.thread == "claude:conv-1"


@pytest.mark.parametrize("wrapped", [False, True])
def test_memories_of_mem0_keep_their_times_and_categories(wrapped: bool) -> None:
    value = samples.mem0()
    name, parts, bad = read(text({"results": value} if wrapped else value))
    assert (name, bad) == ("mem0 memories", [])
    draft = parts[0].draft
    assert (draft.content, draft.tags) == ("Ana is allergic to peanuts", ("health",))
    assert draft.occurred_at == datetime(2024, 7, 26, 15, 42, 59, 222839, tzinfo=UTC)
    assert draft.data == {"user_id": "ana", "metadata": {"source": "intake"}}
    assert draft.trust is Trust.REPORTED


@pytest.mark.parametrize("lines", [False, True])
def test_the_reference_servers_graph_is_read_as_its_double_keeps_it(lines: bool) -> None:
    knowledge = pytest.importorskip("zettelmem_mcp.knowledge")
    graph: dict[str, list[Any]] = {"entities": samples.REFERENCE[:2], "relations": samples.REFERENCE[2:]}
    raw = "\n".join(map(json.dumps, samples.REFERENCE)).encode()
    name, parts, bad = read(io.BytesIO(raw) if lines else text(graph))
    assert (name, bad) == ("the reference memory server's graph", [])
    entities = [knowledge.Entity.model_validate(each) for each in graph["entities"]]
    drafts = [draft for each in entities for draft in knowledge.of_entity(each)]
    drafts.append(knowledge.of_relation(knowledge.Relation.model_validate(graph["relations"][0])))
    assert [each.draft for each in parts] == drafts


def test_a_vault_of_obsidian_is_read_with_its_links_and_tags(tmp_path: Path) -> None:
    name, parts, bad = read(folder(tmp_path, samples.OBSIDIAN))
    assert (name, bad) == ("a folder of Markdown notes", [])
    by_file = {each.file: each for each in parts}
    assert sorted(by_file) == ["Bees.md", "People/Ana.md", "Porto.md"]
    bees = by_file["Bees.md"]
    assert bees.draft.content.startswith("# Bees\n\nTwo hives")
    assert bees.draft.tags == ("hobby", "garden/bees", "honey")
    assert bees.draft.occurred_at == datetime(2024, 5, 4, tzinfo=UTC)
    assert [link.key for link in bees.links] == ["vault:Porto.md", "vault:People/Ana.md"]
    assert by_file["Porto.md"].draft.content == "Porto\n\nThe town by the river."
    assert [link.key for link in by_file["People/Ana.md"].links] == ["vault:Porto.md"]


def test_observations_of_basic_memory_are_notes_of_their_own(tmp_path: Path) -> None:
    _, parts, bad = read(folder(tmp_path, samples.BASIC_MEMORY))
    assert bad == []
    page, one, two = [each for each in parts if each.file == "coffee/Brewing.md"]
    assert page.draft.content == "# Coffee Brewing\n\nNotes on the morning.\n\n- [x] buy beans"
    assert [(link.key, link.relation) for link in page.links] == [
        ("vault:Morning Routine.md", Relation.PART_OF)
    ]
    assert one.draft.content == "Pour over needs 30 seconds of bloom #timing (tested)"
    assert one.draft.tags == ("method", "timing")
    assert one.draft.context == "Coffee Brewing"
    assert one.line == 14
    assert two.draft.content == "Ana likes it weak"
    assert [(link.key, link.relation) for link in two.links] == [(page.draft.key, Relation.PART_OF)]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (b"%PDF-1.7", "paper.pdf"),
        (b'{"some": "object"}', "settings.json"),
        (b"[1, 2]", "numbers.json"),
        (b"", "empty.json"),
        (b"plain words", "words.txt"),
    ],
)
def test_what_is_not_known_is_refused_with_what_is(source: bytes, name: str) -> None:
    with pytest.raises(
        InvalidInput, match=rf"{name} is of no known format; .*ChatGPT.*memory\.json.*Obsidian"
    ):
        recognise(io.BytesIO(source), name)


def test_an_archive_without_conversations_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"an archive without conversations\.json"):
        recognise(zipped(**{"notes.txt": b"x"}), "a.zip")
    with pytest.raises(InvalidInput, match="the archive cannot be read"):
        recognise(io.BytesIO(b"PK\x03\x04 torn"), "a.zip")


def test_an_archive_that_unpacks_to_too_much_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    bomb = zipped(**{"conversations.json": b"[" + b" " * 1_000_000})
    monkeypatch.setattr(bounds, "MAX_UNPACKED", 100_000)
    with pytest.raises(InvalidInput, match=r"unpacks to 1,000,001 bytes, over 100,000"):
        recognise(bomb, "bomb.zip")


def test_names_in_an_archive_lead_nowhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    source = zipped(
        **{"../../conversations.json": samples.claude(), "/etc/conversations-2.json": samples.claude()[:0]}
    )
    assert len(read(source)[1]) == 2
    assert list(tmp_path.iterdir()) == []


def test_a_damaged_archive_tells_so() -> None:
    raw = bytearray(zipped(**{"conversations.json": samples.chatgpt()}).getvalue())
    raw[60:90] = bytes(30)
    with pytest.raises(InvalidInput, match=r"conversations\.json is damaged"):
        read(io.BytesIO(bytes(raw)))


def test_a_link_out_of_a_vault_is_not_followed(tmp_path: Path) -> None:
    outside, inside = tmp_path / "secret.md", tmp_path / "vault"
    outside.write_text("secret")
    folder(inside, {"a.md": "in"})
    (inside / "link.md").symlink_to(outside)
    assert [each.file for each in read(inside)[1]] == ["a.md"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("---\na: [\n---\nx", "the front matter is no YAML"),
        ("---\na: &a [1]\nb: [*a, *a]\n---\nx", r"holds an alias"),
        ("---\ndate: soon\n---\nx", "'soon' is no time"),
        ("---\nzettelmem: 9\n---\nx", "was written by another version"),
        ("x" * 1_000_100, "content: is longer than 1000000"),
    ],
)
def test_what_is_wrong_with_a_page_is_said_with_its_file(tmp_path: Path, words: str, says: str) -> None:
    _, good, bad = read(folder(tmp_path, {"bad.md": words, "good.md": "fine"}))
    assert [each.file for each in good] == ["good.md"]
    (problem,) = bad
    assert problem.told.startswith("bad.md, line 1: ")
    with pytest.raises(AssertionError, match=says):
        raise AssertionError(problem.problem)


class TestItems:
    def test_items_come_with_their_lines(self) -> None:
        found = list(Items(io.BytesIO(b'\xef\xbb\xbf[\n{"a": 1},\n\n {"b":\n 2} ,3]')))
        assert [(each.line, each.value) for each in found] == [(2, {"a": 1}), (4, {"b": 2}), (5, 3)]

    def test_any_other_value_is_the_only_item(self) -> None:
        assert [each.value for each in Items(io.BytesIO(b' {"a": 1}\n{"b": 2}'))] == [{"a": 1}]
        assert list(Items(io.BytesIO(b"  "))) == []

    def test_an_item_may_be_longer_than_a_piece(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "PIECE", 2)
        values = [12345, "words" * 50, [1, [2]], {"a": "\u00e9"}]
        assert [each.value for each in Items(text(values))] == values

    @pytest.mark.parametrize(
        ("raw", "says"),
        [
            (b'[\n{"a": 1},\n{"b" 2}]', "line 3: is no JSON"),
            (b'[{"a": 1}', "line 1: the list is never closed"),
            (b'[{"a": 1', "line 1: is no JSON"),
            (b'["\xff"]', "is no UTF-8"),
            (b"[" * 100_000, "nests too deep"),
        ],
    )
    def test_what_is_wrong_is_said_with_its_line(self, raw: bytes, says: str) -> None:
        with pytest.raises(InvalidInput, match=says):
            list(Items(io.BytesIO(raw)))

    def test_an_item_without_end_is_not_held_in_memory(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bounds, "MAX_ITEM", 100_000)
        with pytest.raises(InvalidInput, match="longer than 100,000 characters"):
            list(Items(io.BytesIO(b'["' + b"x" * 10_000_000)))


# --- databases -----------------------------------------------------------------------------------


def test_of_langgraphs_store_each_item_is_a_note(tmp_path: Path) -> None:
    file = samples.langgraph(
        tmp_path / "store.db",
        [
            ("users.ana", "k1", {"text": "Ana lives in Porto."}),
            ("users.ana", "k2", {"kind": "Memory", "content": {"content": "Ana has a cat."}}),
            ("users.ben", "k1", {"age": 3, "likes": ["tea"]}),
            ("users.ben", "k2", "plain words"),
            ("users.ben", "k3", b"{no json"),
            ("users.ben", "k4", {"text": ""}),
        ],
    )
    with file.open("rb") as stream:
        name, parts, bad = read(stream, "store.db")
    assert name == "LangGraph's SqliteStore"
    assert contents(parts) == [
        "Ana lives in Porto.",
        "Ana has a cat.",
        '{"age": 3, "likes": ["tea"]}',
        "plain words",
        '{"text": ""}',
    ]
    assert [each.problem[:38] for each in bad] == ["item 'k3' of 'users.ben': its value is"]
    first = parts[0].draft
    assert first.tags == ("users", "ana")
    assert first.data == {
        "namespace": ["users", "ana"],
        "key": "k1",
        "value": {"text": "Ana lives in Porto."},
    }
    assert first.occurred_at == datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert first.trust is Trust.REPORTED


def test_an_item_of_langgraph_with_an_end_ends(tmp_path: Path) -> None:
    file = samples.langgraph(tmp_path / "store.db", [("ana", "k1", {"text": "Ana is in Porto today."})])
    with closing(sqlite3.connect(file)) as base, base:
        base.execute("UPDATE store SET expires_at = '2026-03-02 12:00:00', ttl_minutes = 1440")
    with file.open("rb") as stream:
        _, (part,), _ = read(stream, "store.db")
    assert part.draft.invalid_at == datetime(2026, 3, 2, 12, tzinfo=UTC)


@pytest.mark.parametrize("by_file", [False, True])
def test_of_a_mem_memories_come_with_what_its_model_made_of_them(tmp_path: Path, by_file: bool) -> None:
    place = samples.amem(
        tmp_path / "memories",
        [
            samples.amem_memory("m1", "Ana lives in Porto."),
            samples.amem_memory("m2", "Ana has a cat.", links=["m1", "gone", 3], context="Ana's pets"),
            samples.amem_memory("m3", "Bad.", timestamp="yesterday"),
            samples.amem_memory("m4", "Odd lists.", keywords="none", tags="[[]]", category="home"),
        ],
    )
    if by_file:
        with (place / "chroma.sqlite3").open("rb") as stream:
            name, parts, bad = read(stream)
    else:
        name, parts, bad = read(place)
    assert name == "A-MEM's memories in Chroma"
    assert contents(parts) == ["Ana lives in Porto.", "Ana has a cat.", "Odd lists."]
    assert [each.problem for each in bad] == [
        "memory 'm3': timestamp: 'yesterday' is no time such as 202603011230"
    ]
    one, two, three = (each.draft for each in parts)
    assert (one.context, two.context) == (None, "Ana's pets")
    assert (one.keywords, one.tags, three.keywords, three.tags) == (("home",), ("people",), None, ("home",))
    assert one.occurred_at == datetime(2026, 3, 1, 12, 30, tzinfo=UTC)
    assert [(wish.key, wish.relation) for wish in parts[1].links] == [
        ("amem:memories:m1", Relation.RELATES),
        ("amem:memories:gone", Relation.RELATES),
    ]


def test_what_chroma_keeps_of_others_comes_as_documents(tmp_path: Path) -> None:
    _, parts, _ = read(samples.amem(tmp_path / "store", [{"topic": "x"}]))
    assert contents(parts) == ["A document. context: x"]
    assert parts[0].draft.trust is Trust.REPORTED


@pytest.mark.parametrize("damage", ["cut", "other", "noise", "view"])
def test_a_database_of_nobody_or_a_damaged_one_is_refused(tmp_path: Path, damage: str) -> None:
    file = tmp_path / "x.db"
    samples.langgraph(file, [("ana", str(number), {"text": "words " * 500}) for number in range(40)])
    whole = file.read_bytes()
    match damage:
        case "cut":
            file.write_bytes(whole[:9_000])
        case "noise":
            file.write_bytes(whole[:100] + b"\xff" * 4_000)
        case "other" | "view":
            file.unlink()
            with closing(sqlite3.connect(file)) as base, base:
                base.execute("CREATE TABLE t (a)")
                if damage == "view":
                    base.execute(
                        "CREATE VIEW store AS SELECT load_extension('x') AS prefix, 1 AS key, 2 AS value, "
                        "3 AS created_at, 4 AS updated_at"
                    )
    before = file.read_bytes()
    with file.open("rb") as stream, pytest.raises(InvalidInput, match="SQLite file"):
        read(stream, "x.db")
    assert file.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["x.db"]


def test_a_database_does_not_come_from_stdin(tmp_path: Path) -> None:
    file = samples.langgraph(tmp_path / "x.db", [("ana", "1", {"text": "words"})])
    with pytest.raises(InvalidInput, match="name the file"):
        read(io.BytesIO(file.read_bytes()), "-")
