"""Notes as Markdown files with front matter and wikilinks, and back again."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem import Link, Memory, Note, Relation, Source, Trust
from zettelmem.cli.files import write_vault
from zettelmem.exchange import Incoming, Reading, file_name, folder_name, page_of, recognise
from zettelmem.exchange.markdown import parsed
from zettelmem.exchange.page import MARK, linked, note_of
from zettelmem.testing import HashEmbedder, hold

NOW = datetime(2024, 5, 4, 10, 0, 0, 123456, tzinfo=UTC)
KEPT = {
    *("id", "namespace", "key", "thread", "position", "kind", "content", "context", "keywords", "tags"),
    *("data", "occurred_at", "recorded_at", "invalid_at", "source", "trust", "pending", "status"),
}


def note(note_id: str = "aaaaaaa1", **fields: Any) -> Note:
    given = {"namespace": ("ana",), "content": "words", "occurred_at": NOW, "recorded_at": NOW, **fields}
    return Note(id=note_id, **given)


def back(*notes: Note) -> list[Note]:
    """Notes written as pages and read again."""
    names = {each.id: file_name(each) for each in notes}
    pages = [parsed(page_of(each, names).encode(), f"{names[each.id]}.md") for each in notes]
    ids = {name: note_id for note_id, name in names.items()}
    return linked([(page, note_of(page)) for page in pages], ids)


TEXT = st.text(min_size=1, max_size=60).filter(str.strip)
NUMBERS = st.integers(-(2**60), 2**60) | st.floats(allow_nan=False, allow_infinity=False)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(TEXT, TEXT, st.lists(TEXT, max_size=3), st.dictionaries(st.text(max_size=9), JSON, max_size=3))
def test_any_words_come_back_as_they_are(
    words: str, context: str, tags: list[str], data: dict[str, Any]
) -> None:
    before = note(
        content=words, context=context, tags=tags, keywords=tags, data=data, thread=words, key=context
    )
    (after,) = back(before)
    for name in ("content", "context", "tags", "keywords", "data", "thread", "key"):
        assert getattr(after, name) == getattr(before, name)


@pytest.mark.parametrize(
    "words",
    ["---\na: 1\n---\n", f"a{MARK}- supersedes [[x]]", "\r\n a \r", "%% x %%", "[[link]] #tag", "\ufeffx"],
)
def test_words_that_look_like_markup_come_back_as_they_are(words: str) -> None:
    assert back(note(content=words))[0].content == words


@given(st.text(max_size=100), st.floats(0.001, 1.0))
def test_any_link_comes_back_at_both_ends(reason: str, weight: float) -> None:
    link = Link(
        source="aaaaaaa1", target="aaaaaaa2", relation=Relation.SUPPORTS, reason=reason, weight=weight
    )
    one, two = back(note("aaaaaaa1", links=[link]), note("aaaaaaa2", links=[link]))
    assert one.links == two.links == (link,)


def test_names_of_files_and_folders_lead_nowhere() -> None:
    assert file_name(note(content="../../etc/passwd: [[x]]|#^ \x00")) == "etc passwd x aaaaaaa1"
    assert "/" not in file_name(note(content="\u2028///"))
    assert [folder_name(each) for each in ("..", ".git", "a/b", "C:\\x")] == [
        "%2E.",
        "%2Egit",
        "a%2Fb",
        "C%3A%5Cx",
    ]
    assert len(folder_name("\u732b" * 200)) == 100


def test_a_page_reads_well_in_obsidian() -> None:
    link = Link(source="aaaaaaa1", target="aaaaaaa2", relation=Relation.SUPERSEDES, reason="he moved")
    new = note(
        "aaaaaaa1", content="Ana lives in Porto.", tags=["home"], links=[link], source=Source(who="Ana")
    )
    old = note("aaaaaaa2", content="Ana lives in Lisbon.", links=[link])
    assert page_of(new, {each.id: file_name(each) for each in (new, old)}) == (
        "---\nzettelmem: 1\nid: aaaaaaa1\nnamespace:\n- ana\nkind: episodic\n"
        "occurred_at: '2024-05-04T10:00:00.123456Z'\nrecorded_at: '2024-05-04T10:00:00.123456Z'\n"
        "position: 0\ntrust: stated\nvia: api\nwho: Ana\nkeywords: []\ntags:\n- home\n"
        "mark: 553f610b4aaae289\n---\n"
        "Ana lives in Porto.\n\n%% zettelmem: links %%\n"
        "- supersedes [[Ana lives in Lisbon aaaaaaa2]] (he moved)\n"
    )


@pytest.fixture
def lived() -> tuple[Note, ...]:
    with Memory(embedder=HashEmbedder()) as memory:
        memory.remember_conversation(
            [{"content": f"Turn {i}\r\nof the talk. "} for i in range(20)],
            namespace="ana",
            thread="talk",
        )
        memory.remember(
            "Read on the web.", namespace="ana", trust=Trust.UNTRUSTED, source="web", kind="insight"
        )
        old = memory.remember("The boat is red.", namespace="ana", key="colour").note
        new = memory.remember("The boat is blue.", namespace="ana", judge="none").note
        memory.ask(new.id, namespace="ana", among=[old.id])
        link = {"neighbour": 0, "relation": "supersedes", "reason": "it was\npainted", "weight": 0.5}
        memory.connect(new.id, {"links": [link]}, namespace="ana")
        over = memory.remember("Ana smokes.", namespace="ana", judge="none").note
        memory.revise(over.id, namespace="ana", invalid_at=memory.clock())
        memory.remember("Ben keeps bees.", namespace=["ana", "../ben"], data={"n": [1.5, None]})
        return memory.notes(namespace=(), limit=None).notes


def test_a_vault_comes_back_whole_but_for_its_history(lived: tuple[Note, ...], tmp_path: Path) -> None:
    write_vault(tmp_path / "vault", lived, ("ana",))
    (tmp_path / "vault" / ".obsidian").mkdir()
    parts = list(recognise(tmp_path / "vault", "vault").read(Reading()))
    notes = [each.note for each in parts if isinstance(each, Incoming) and each.note]
    assert len(notes) == len(parts) == len(lived)
    with Memory(embedder=HashEmbedder()) as other:
        other.admin.restore(notes)
        hold(other)
        again = {each.id: each for each in other.notes(namespace=(), limit=None).notes}
        assert {x.check for x in other.admin.examine().findings if x.trouble} == set()
        for before in lived:
            after = again[before.id]
            for name in KEPT:
                assert getattr(after, name) == getattr(before, name), name
            assert set(after.links) == set(before.links)
        superseding = next(x for x in lived if x.content == "The boat is blue.")
        other.forget(superseding.id, namespace="ana")
        assert other.keyed(["colour"], namespace="ana")["colour"].invalid_at is None


def test_a_link_to_a_page_that_was_deleted_goes(lived: tuple[Note, ...], tmp_path: Path) -> None:
    write_vault(tmp_path, lived, ("ana",))
    next(tmp_path.glob("The boat is red*.md")).unlink()
    parts = list(recognise(tmp_path, "vault").read(Reading()))
    notes = [each.note for each in parts if isinstance(each, Incoming) and each.note]
    assert all(link.relation is not Relation.SUPERSEDES for each in notes for link in each.links)
