"""Hostile input: kept byte for byte or refused clearly, never run, never seen by another namespace."""

import asyncio
import random
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.doubles import START, note, open_memory, open_sync
from tests.stress.fuzz import fuzz as fuzz_many
from zettelmem import (
    AsyncMemory,
    Decision,
    InvalidInput,
    LimitExceeded,
    LinkChoice,
    Memory,
    NotFound,
    StoreError,
)
from zettelmem.limits import MAX_LINKS
from zettelmem.linking import evolve
from zettelmem.testing import hold

NASTY = [
    "' OR 1=1 --",
    '" OR ""="',
    "a'; DROP TABLE notes; --",
    "%",
    "_",
    "\\",
    "\\'",
    "''",
    "a\0b",
    "\u202egnirts lortnoc",
    "\ud800",
    "/",
    "a/b",
    "%2F",
    "../../etc/passwd",
    "${jndi:x}",
    '{"$ne": null}',
    "null",
    "1e999",
    "\n",
    "'\n\"ana\"\n'",
    "namespace >= ''",
    "\ufeff",
    "🧠" * 20,
]
texts = st.one_of(
    st.sampled_from(NASTY),
    st.text(alphabet=st.characters(exclude_categories=()), max_size=40),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=3).map("".join),
)
fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.fixture(scope="module")
def kept() -> Any:
    """A memory with a note of Bo's that nobody else may see."""
    with open_sync() as memory:
        memory.remember("Bo's secret is quokka.", namespace="bo", tags=["private"], thread="t", key="k")
        yield memory


def bo(memory: Memory) -> str:
    (note,) = memory.notes(namespace="bo").notes
    return note.id


@fuzz
@given(space=st.lists(texts, min_size=1, max_size=2), content=texts, word=texts)
def test_nothing_crosses_namespaces_and_contents_stay(
    kept: Memory, space: list[str], content: str, word: str
) -> None:
    try:
        note = kept.remember(content, namespace=space, tags=[word], thread="x", judge="none").note
    except InvalidInput:
        return
    if tuple(space)[:1] == ("bo",):
        return
    assert kept.get(note.id, namespace=space).content == content
    for hit in kept.recall("secret quokka", namespace=space, k=50):
        assert hit.note.namespace[: len(space)] == tuple(space)
    for each in kept.notes(namespace=space, tags=[word]).notes if word.strip() else ():
        assert each.namespace[: len(space)] == tuple(space)
    with pytest.raises(NotFound):
        kept.get(bo(kept), namespace=space)
    assert [each.content for each in kept.notes(namespace="bo").notes] == ["Bo's secret is quokka."]


@fuzz
@given(
    filters=st.fixed_dictionaries(
        {},
        optional={"thread": texts, "tags": st.lists(texts, max_size=3), "kinds": st.lists(texts, max_size=2)},
    ),
    query=texts,
)
def test_filters_are_values_and_never_let_more_through(
    kept: Memory, filters: dict[str, Any], query: str
) -> None:
    try:
        hits = kept.recall(query, namespace="ana", **filters)
        page = kept.notes(namespace="ana", **filters)
    except InvalidInput:
        return
    assert all(each.namespace == ("ana",) for each in (*page.notes, *(hit.note for hit in hits)))


@fuzz
@given(note_id=texts)
def test_odd_ids_are_unknown_ids(kept: Memory, note_id: str) -> None:
    told = set()
    for verb in (kept.get, kept.history, kept.links, kept.forget, kept.undo):
        with pytest.raises((NotFound, InvalidInput)) as caught:
            verb(note_id, namespace="ana")
        told.add(type(caught.value))
    with pytest.raises((NotFound, InvalidInput)):
        kept.admin.erase_note(note_id, namespace="ana")


def test_an_id_of_another_namespace_answers_like_an_unknown_one(kept: Memory) -> None:
    foreign, unknown = bo(kept), "zzzzzzzz"
    for verb in (kept.get, kept.history, kept.links, kept.forget, kept.neighbours):
        told = []
        for note_id in (foreign, unknown):
            with pytest.raises(NotFound) as caught:
                verb(note_id, namespace="ana")
            told.append(str(caught.value).replace(note_id, "ID"))
        assert told[0] == told[1]


def test_fuzzed_values_are_kept_as_they_are_or_refused(tmp_path: Path) -> None:
    """As many as you like: tests/stress/torture.py --fuzz."""
    with open_sync(str(tmp_path)) as memory:
        found = fuzz_many(memory, 250, random.Random(11))
        hold(memory)
    assert found.problems == []
    assert found.stored > 20
    assert found.refused > 20


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


@pytest.mark.parametrize(
    ("wanted", "limit", "way"),
    [
        ({"content": "x" * 1_000_001}, "1000000 characters", "shorten or split"),
        ({"content": "x", "context": "x" * 4_001}, "4000 characters", "shorten or split"),
        ({"content": "x", "data": {"a": "x" * 1_000_001}}, "1,000,000", "split it over"),
        ({"content": "x", "data": nested(40)}, "32 levels", "flatten"),
        ({"content": "x", "tags": [f"t{i}" for i in range(65)]}, "64 items", "keep the most telling"),
        ({"content": "x", "keywords": ["x" * 101]}, "100 characters", "shorten or split"),
        ({"content": "x", "key": "x" * 501}, "500 characters", "shorten or split"),
        ({"content": "x", "namespace": ["x"] * 17}, "16 segments", "join some"),
        ({"content": "x", "namespace": "x" * 201}, "200 characters", "user's id"),
    ],
)
def test_each_refusal_says_the_limit_and_the_way_around_it(
    kept: Memory, wanted: dict[str, Any], limit: str, way: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        kept.remember(**{"namespace": "limits", **wanted})
    assert limit in str(caught.value)
    assert way in str(caught.value)
    assert kept.notes(namespace="limits").notes == ()


def test_queries_pages_and_links_say_their_limits_too(kept: Memory) -> None:
    with pytest.raises(LimitExceeded, match="over 10,000 characters; ask with its gist"):
        kept.recall("x" * 10_001, namespace="limits")
    with pytest.raises(InvalidInput, match="give 1 to 1,000"):
        kept.recall("x", namespace="limits", k=1_001)
    link = [{"source": "aaaaaaaa", "target": f"{i:08d}", "relation": "relates"} for i in range(MAX_LINKS)]
    full = note(links=link)
    more = note("bbbbbbbb")
    with pytest.raises(LimitExceeded, match="more than 256; link to a more specific note instead"):
        evolve.remember(more, None, [full], Decision(links=(LinkChoice(neighbour=0),)), START)


# --- cancellation --------------------------------------------------------------------------------


@pytest.mark.parametrize("steps", range(0, 60, 3))
async def test_cancelled_at_any_step_a_note_is_whole_or_not_there(steps: int) -> None:
    async with open_memory() as memory:
        first = (await memory.remember("Ana lives in Porto.", namespace="ana", thread="t")).note
        task = asyncio.create_task(memory.remember("Ana likes Porto.", namespace="ana", thread="t"))
        for _ in range(steps):
            await asyncio.sleep(0.0005)
            if task.done():
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await memory.remember("Ana left Porto.", namespace="ana", thread="t")
        page = await memory.notes(namespace="ana")
        assert {note.content for note in page.notes} >= {"Ana lives in Porto.", "Ana left Porto."}
        assert first.id in {note.id for note in page.notes}
        hold(page.notes)


# --- disks that refuse ---------------------------------------------------------------------------


@pytest.fixture
async def failing(tmp_path: Path) -> AsyncIterator[AsyncMemory]:
    async with open_memory(str(tmp_path), durable=True) as memory:
        await memory.remember("Before the disk failed.", namespace="ana")
        yield memory


async def test_a_disk_that_cannot_sync_is_told_and_the_store_stays_readable(
    failing: AsyncMemory, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(path: Path) -> None:
        raise OSError(28, "No space left on device", str(path))

    with monkeypatch.context() as patch:
        patch.setattr("zettelmem.store.disk.sync", full)
        with pytest.raises((StoreError, OSError), match="No space left"):
            await failing.remember("While it failed.", namespace="ana")
    await failing.remember("After it recovered.", namespace="ana")
    async with open_memory(str(tmp_path)) as again:
        contents = {note.content for note in (await again.notes(namespace="ana")).notes}
    assert contents >= {"Before the disk failed.", "After it recovered."}


def test_a_place_that_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="is a file"):
        open_sync(str(tmp_path / "file"))
    with pytest.raises(StoreError), open_sync(str(tmp_path / "file" / "below")) as memory:
        memory.remember("x", namespace="ana")
