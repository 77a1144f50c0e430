"""A namespace in memory: kept up to date it answers like one filled anew, and like the table on disk."""

import asyncio
import contextlib
import tempfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.doubles import DAY, START, Clock, contents, open_memory
from zettelmem import AsyncMemory, ConflictError, DecisionRefused, InvalidInput, Note, NotFound, Source, Trust
from zettelmem.language.terms import terms
from zettelmem.queries import Filter
from zettelmem.ranking.candidates import Candidates, Query
from zettelmem.store import Store, optimize, view
from zettelmem.store.schema import Row
from zettelmem.store.view import View
from zettelmem.testing import HashEmbedder

SPACES = [("a",), ("a", "b"), ("c",)]
WORDS = st.sampled_from("telescope mirror attic moved Porto no longer".split())
TEXTS = st.lists(WORDS, min_size=1, max_size=4).map(" ".join)
WHO = st.sampled_from([0, 1])
"""Which of two openings of one directory acts; the first is the one whose view is looked at."""
WHICH = st.integers(0, 9)
"""Which of the notes so far."""
DRAFTS = st.fixed_dictionaries(
    {"content": TEXTS},
    optional={
        "thread": st.sampled_from(["t", "T", "u"]),
        "kind": st.sampled_from(["episodic", "semantic"]),
        "tags": st.just(["Porto", "the attic"]),
        "occurred_at": st.integers(-3, 3).map(lambda days: START + days * DAY),
        "source": st.sampled_from([Source(who="Ana"), Source(who="Ben", via="chat")]),
        "trust": st.sampled_from(Trust),
        "key": st.sampled_from(["k", "l"]),
    },
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "content": TEXTS,
        "context": TEXTS,
        "tags": st.sampled_from([[], ["mirror"], ["Porto", "new"]]),
        "kind": st.sampled_from(["episodic", "semantic"]),
        "occurred_at": st.just(START + 2 * DAY),
        "invalid_at": st.sampled_from([None, START + DAY]),
        "source": st.just(Source(who="Cem", via="mail")),
        "trust": st.sampled_from(Trust),
    },
)
STEPS = st.one_of(
    st.tuples(st.just("remember"), WHO, st.sampled_from(SPACES), st.lists(DRAFTS, min_size=1, max_size=3)),
    st.tuples(st.just("revise"), WHO, WHICH, FIELDS),
    st.tuples(st.just("forget"), WHO, WHICH, st.none()),
    st.tuples(st.just("undo"), WHO, WHICH, st.none()),
    st.tuples(st.just("connect"), WHO, WHICH, st.sampled_from(["relates", "supersedes", "contradicts"])),
    st.tuples(st.just("upkeep"), WHO, st.none(), st.none()),
)


async def act(memory: AsyncMemory, known: list[Note], verb: str, which: Any, what: Any) -> None:
    """One verb on one of the notes that are known; what may not be done is not done."""
    if verb == "remember":
        known += [made.note for made in await memory.remember_many(what, namespace=which)]
        return
    if verb == "upkeep":
        await optimize(memory._store)
        return
    if not known:
        return
    note = known[which % len(known)]
    with contextlib.suppress(NotFound, InvalidInput, ConflictError, DecisionRefused):
        if verb == "revise":
            await memory.revise(note.id, namespace=note.namespace, **what)
        elif verb == "forget":
            await memory.forget(note.id, namespace=note.namespace)
        elif verb == "undo":
            history = await memory.history(note.id, namespace=note.namespace)
            await memory.undo(history[-1].change, namespace=note.namespace)
        else:
            await memory.ask(note.id, namespace=note.namespace)
            decision = {"links": [{"neighbour": 0, "relation": what}]}
            await memory.connect(note.id, decision, namespace=note.namespace)


def sights(namespace: tuple[str, ...]) -> Iterator[Filter]:
    """Every way to narrow a read."""
    for narrowed in (
        {},
        {"exact": True},
        {"kinds": ("semantic",)},
        {"kinds": ("semantic", "episodic")},
        {"kinds": ("insight",)},
        {"tags": ("PORTO",)},
        {"tags": ("#the attic", "new")},
        {"thread": "T"},
        {"since": START},
        {"until": START + DAY},
        {"since": START - DAY, "until": START + 2 * DAY},
        {"valid_at": START},
        {"valid_at": START + 2 * DAY},
        {"over_at": START + 2 * DAY},
        {"known_at": START + timedelta(seconds=20)},
        {"known_at": START + timedelta(seconds=20), "valid_at": START + 2 * DAY},
        {"min_trust": Trust.STATED},
        {"via": "chat"},
        {"via": "nobody"},
        {"pending": True},
        {"kinds": ("semantic",), "tags": ("porto",), "valid_at": START + 2 * DAY, "exact": True},
    ):
        yield Filter(namespace=namespace, **narrowed)


def asking(text: str) -> Query:
    return Query(text, tuple(dict.fromkeys(terms(text))), HashEmbedder().embed_queries([text])[0])


QUERY = asking("Ana moved the telescope to Porto")


def all_told(rows: dict[str, Row]) -> dict[str, tuple[Any, ...]]:
    """All that rows say, so that they can be compared."""
    return {note_id: _told(row) for note_id, row in rows.items()}


def _told(row: Row) -> tuple[Any, ...]:
    vectors = row.content_vector.tolist(), row.vector.tolist()
    return row.note, *vectors, row.before, row.after, row.content_terms, row.around_terms, row.history


def by_id(found: Candidates | None, threads: dict[str, str | None]) -> dict[str, tuple[Any, ...]]:
    """What candidates say of each note. Numbers of threads and places of people differ between views."""
    assert found is not None
    for code in np.unique(found.threads):
        ids = [found.ids[place] for place in np.flatnonzero(found.threads == code)]
        assert len({threads[each] for each in ids}) == 1, "two threads have one number"
    assert len({threads[each] for each in found.ids}) == len({*found.threads.tolist()})
    borne: dict[int, set[str]] = {place: set() for place in range(len(found))}
    for name, places in found.named("porto the attic mirror new").items():
        for place in places:
            borne[place].add(name)
    columns = zip(
        found.ids,
        [found.people[code] if code >= 0 else None for code in found.speakers],
        found.occurred.tolist(),
        found.lengths.tolist(),
        found.says_when.tolist(),
        found.asks.tolist(),
        found.answers.tolist(),
        [tuple(sorted(borne[place])) for place in range(len(found))],
        found.linked,
        found.link_weights,
        found.newer,
        found.idle.tolist(),
        found.vectors.tolist(),
        strict=True,
    )
    return {note_id: tuple(values) for note_id, *values in columns}


def words_of(found: Candidates | None) -> dict[str, tuple[float, float]]:
    """BM25 of each candidate in its content, and around it."""
    assert found is not None
    return dict(zip(found.ids, zip(found.content.tolist(), found.around.tolist(), strict=True), strict=True))


def matching(found: Candidates | None) -> dict[str, tuple[bool, bool]]:
    """Whether the query matches each candidate in its content, and around it."""
    return {note_id: (own > 0, around > 0) for note_id, (own, around) in words_of(found).items()}


def near(found: list[tuple[str, float]]) -> dict[str, Any]:
    return {note_id: pytest.approx(cosine, abs=1e-5) for note_id, cosine in found}


def check_alike(kept: View, fresh: View) -> None:
    """Two views of one namespace answer alike, whatever was asked."""
    assert {*kept.ids} == {*fresh.ids}
    assert len(kept.ids) == len({*kept.ids}) == len(kept)
    rows, anew = kept.rows(kept.ids), fresh.rows(kept.ids)
    assert all_told(rows) == all_told(anew)
    threads = {each: row.note.thread for each, row in rows.items()}
    assert {*filter(None, kept.people())} == {*filter(None, fresh.people())}
    for thread in ("t", "T", "u", "v"):
        last = fresh.last_of_thread(kept.namespace, thread)
        assert kept.last_of_thread(kept.namespace, thread) == last
    for sight in sights(kept.namespace):
        assert {*kept.ids_seen(sight)} == {*fresh.ids_seen(sight)}
        assert kept.tokens(sight) == fresh.tokens(sight)
        for whole in (0, 1_000):
            found, all_found = kept.search(sight, QUERY, 1_000, whole)
            found_anew, all_found_anew = fresh.search(sight, QUERY, 1_000, whole)
            assert all_found == all_found_anew
            assert by_id(found, threads) == by_id(found_anew, threads)
            assert words_of(found) == {each: pytest.approx(x) for each, x in words_of(found_anew).items()}
        looked = kept.look(kept.ids, sight, QUERY)
        assert {*looked.ids} == {*kept.ids_seen(sight)}
        asked = QUERY.vector[None]
        assert dict(kept.nearest(sight, asked, 1_000)[0]) == near(fresh.nearest(sight, asked, 1_000)[0])
        worded, nothing = kept.worded(sight, [QUERY.terms, []], 1_000)
        worded_anew, _ = fresh.worded(sight, [QUERY.terms, []], 1_000)
        assert ({*worded}, nothing) == ({*worded_anew}, [])


# Examples are played on a real store: making a failing one small would take minutes.
PLAYED = settings(max_examples=12, phases=[Phase.explicit, Phase.reuse, Phase.generate])


@PLAYED
@given(st.lists(STEPS, min_size=1, max_size=12), st.sampled_from([1, 3, 4_096]), st.sampled_from([1, 64]))
def test_a_view_kept_up_to_date_answers_like_one_filled_anew(
    steps: list[Any], kept_rows: int, many: int
) -> None:
    async def run(path: str) -> None:
        clock, known = Clock(), list[Note]()
        async with open_memory(path, clock=clock) as one, open_memory(path, clock=clock) as two:
            for verb, who, which, what in steps:
                await act((one, two)[who], known, verb, which, what)
                for space in ((), *SPACES):
                    await one._store.view(space)
            async with open_memory(path) as anew:
                for space in ((), *SPACES):
                    kept, fresh = await one._store.view(space), await anew._store.view(space)
                    assert (kept is None) == (fresh is None)
                    if kept is not None and fresh is not None:
                        check_alike(kept, fresh)

    with tempfile.TemporaryDirectory() as path, pytest.MonkeyPatch.context() as patch:
        patch.setattr(view, "KEPT_ROWS", kept_rows)
        patch.setattr(view, "MANY", many)
        asyncio.run(run(path))


@PLAYED
@given(st.lists(DRAFTS, min_size=1, max_size=8), st.lists(STEPS, max_size=6), st.booleans())
def test_in_memory_and_on_disk_the_same_notes_are_found(
    drafts: list[Any], steps: list[Any], indexed: bool
) -> None:
    async def run(path: str) -> None:
        known = list[Note]()
        async with open_memory(path) as memory, open_memory(path, resident=0) as large:
            await act(memory, known, "remember", ("a",), drafts)
            for verb, who, which, what in steps:
                await act((memory, large)[who], known, verb, which, what)
            if indexed:
                await optimize(memory._store)
            for space in ((), *SPACES):
                await check_same_found(memory._store, large._store, space)

    with tempfile.TemporaryDirectory() as path:
        asyncio.run(run(path))


async def check_same_found(resident: Store, large: Store, space: tuple[str, ...]) -> None:
    """What is found through a view is found without one, whatever was asked."""
    memory, disk = await resident.search(space), await large.search(space)
    assert memory.view is not None
    assert disk.view is None
    ids = memory.view.ids
    rows, stored = await memory.rows(ids), await disk.rows(ids)
    assert all_told(rows) == all_told(stored)
    threads = {each: row.note.thread for each, row in rows.items()}
    for thread in ("t", "T", "u", "v"):
        assert await memory.last_of_thread(thread) == await disk.last_of_thread(thread)
    for sight in sights(space):
        found, _ = await memory.candidates(sight, QUERY, 1_000, 1_000)
        on_disk, _ = await disk.candidates(sight, QUERY, 1_000, 1_000)
        assert by_id(found, threads) == by_id(on_disk, threads)
        assert matching(found) == matching(on_disk)
        (ids, size), (ids_on_disk, size_on_disk) = await memory.in_sight(sight), await disk.in_sight(sight)
        assert ({*ids}, size) == ({*ids_on_disk}, size_on_disk)
        vectors = QUERY.vector[None]
        (ours,), (theirs,) = [await each.nearest(sight, vectors, 1_000) for each in (memory, disk)]
        assert dict(ours) == near(theirs)
        texts = [QUERY.text]
        (ours,), (theirs,) = [await each.worded(sight, texts, vectors, 1_000) for each in (memory, disk)]
        assert dict(ours) == near(theirs)
        looked, looked_up = await memory.look(rows, sight, QUERY), await disk.look(rows, sight, QUERY)
        assert by_id(looked, threads) == by_id(looked_up, threads)


@pytest.mark.parametrize("resident", [0, 1 << 30])
async def test_no_way_to_read_rows_crosses_into_another_namespace(resident: int) -> None:
    async with open_memory(resident=resident) as memory:
        ours = (await memory.remember("Cats purr.", namespace="a/b")).note
        theirs = (await memory.remember("Cats bite.", namespace="ab")).note
        both = [ours.id, theirs.id]
        assert (await memory._store.rows(("a",), both)).keys() == {ours.id}
        assert (await memory._store.notes(("a",), both)).keys() == {ours.id}
        assert (await memory._store.rows((), both)).keys() == {*both}
        search = await memory._store.search(("a",))
        assert (await search.rows(both)).keys() == {ours.id}


@pytest.mark.parametrize("resident", [0, 1 << 30])
async def test_what_another_process_erases_is_found_no_more(tmp_path: Path, resident: int) -> None:
    async with open_memory(str(tmp_path), resident=resident) as one, open_memory(str(tmp_path)) as two:
        made = await one.remember_many(
            [{"content": "Quokka secret.", "source": {"who": "Ana"}}, "The cat purrs."], namespace="a"
        )
        assert len(await one.recall("quokka", namespace="a")) == 2
        await two.admin.erase_note(made[0].note.id, namespace="a")
        assert contents(await one.recall("quokka", namespace="a")) == ["The cat purrs."]
        assert await one._store.rows(("a",), [made[0].note.id]) == {}
        for space in (("a",), ()):
            assert await (await one._store.search(space)).people() == []


async def test_what_another_process_writes_is_found_at_once(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path), judge="none") as one, open_memory(str(tmp_path)) as two:
        await one.remember("The cat purrs.", namespace="a")
        assert len(await one.recall("cat", namespace="a")) == 1
        made = await two.remember("The cat bites.", namespace="a")
        found = contents(await one.recall("cat", namespace="a"))
        assert sorted(found) == ["The cat bites.", "The cat purrs."]
        await two.revise(made.note.id, namespace="a", content="The dog bites.")
        assert contents(await one.recall("dog", namespace="a", k=1)) == ["The dog bites."]
        await two.forget(made.note.id, namespace="a")
        assert contents(await one.recall("cat", namespace="a")) == ["The cat purrs."]


async def test_readers_at_once_wait_for_one_look_at_what_another_process_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    users = [f"user{number}" for number in range(8)]
    async with open_memory(str(tmp_path)) as ours, open_memory(str(tmp_path)) as other:
        for user in users:  # each view is of another version
            await other.remember(f"The {user} has a telescope.", namespace=user)
            await ours.recall("telescope", namespace=user)
        await other.remember("The mirror is new.", namespace=users[-1])
        await ours.recall("telescope", namespace=users[0])
        await other.remember("The mirror is old.", namespace=users[-1])
        looks, catch_up = [], Store._catch_up

        async def counted(store: Store, *given: Any) -> None:
            looks.append(given)
            await catch_up(store, *given)

        monkeypatch.setattr(Store, "_catch_up", counted)
        found = await asyncio.gather(*(ours.recall("mirror", namespace=user) for user in users))
        assert {hit.note.content for hit in found[-1]} >= {"The mirror is new.", "The mirror is old."}
        assert len(looks) == 1


async def test_a_view_that_was_filled_while_rows_were_erased_is_filled_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as ours, open_memory(str(tmp_path)) as other:
        erased = (await other.remember("Ana has a mirror.", namespace="ana")).note
        fill = Store._fill

        async def slow(store: Store, namespace: Any, version: int) -> View | None:
            view = await fill(store, namespace, version)
            if view is not None and erased.id in view.ids:
                await other.admin.erase_note(erased.id, namespace="ana")
                await store.version()
                store._drop_erased()  # as a recall in another namespace does
            return view

        monkeypatch.setattr(Store, "_fill", slow)
        async with asyncio.timeout(30):
            assert await ours.recall("mirror", namespace="ana") == []


async def test_the_view_that_was_not_used_for_longest_goes_first() -> None:
    async with open_memory(judge="none") as memory:
        store = memory._store
        await memory.remember_many([f"Cat {i} of a." for i in range(20)], namespace="a")
        first = await store.view(("a",))
        assert first is not None
        store.budget = int(2.5 * first.size)
        await memory.remember_many([f"Cat {i} of b." for i in range(20)], namespace="b")
        assert await store.view(("a",)) is first
        await memory.remember_many([f"Cat {i} of c." for i in range(20)], namespace="c")
        assert [*store._views] == [("a",), ("c",)]
        assert len(await memory.recall("cat", namespace="b", k=50)) == 20, (
            "and it comes back when it is asked"
        )
        assert [*store._views] == [("c",), ("b",)]


async def test_a_namespace_that_outgrows_the_budget_is_searched_on_disk() -> None:
    async with open_memory(judge="none") as memory:
        await memory.remember_many([f"Cat {i}." for i in range(20)], namespace="a")
        store = memory._store
        resident = await store.view(("a",))
        assert resident is not None
        store.budget = resident.size + 1_000
        await memory.remember_many([f"Dog {i}." for i in range(60)], namespace="a")
        assert await store.view(("a",)) is None
        assert len(await memory.recall("dog", namespace="a", k=100)) == 80
        assert (await memory.remember("A last cat.", namespace="a")).note.content in contents(
            await memory.recall("last cat", namespace="a", k=3)
        )


async def test_an_empty_namespace_has_an_empty_view() -> None:
    async with open_memory() as memory:
        await memory.remember("Cats purr.", namespace="a")
        nothing = await memory._store.view(("b",))
        assert nothing is not None
        assert len(nothing) == 0
        assert await memory.recall("cats", namespace="b") == []
