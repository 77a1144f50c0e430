"""Uses are counted in memory, ride along with the next commit, and wake what rests."""

from datetime import timedelta
from pathlib import Path

import pytest

from tests.doubles import Clock, check_store, contents, open_memory
from zettelmem import InvalidInput
from zettelmem.care import use


async def test_a_use_is_written_with_the_next_commit_and_changes_nothing_else() -> None:
    async with open_memory() as memory:
        first = (await memory.remember("Ana lives in Porto.", namespace="ana")).note
        commits = memory._store.commits
        assert await memory.used([first.id], namespace="ana") == (first.id,)
        assert memory._store.commits == commits, "a use writes nothing by itself"
        await memory.remember("The museum opens at nine.", namespace="ana", judge="none")
        assert memory._store.commits == commits + 1
        after = await memory.get(first.id, namespace="ana")
        assert (after.uses, after.helped) == (1, 1)
        assert after.last_used_at is not None
        assert (after.revision, after.history, after.links) == (first.revision, first.history, first.links)
        await check_store(memory)


async def test_uses_add_up_and_closing_writes_those_that_wait(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        note = (await memory.remember("Ana lives in Porto.", namespace="ana")).note
        await memory.used([note.id], namespace="ana")
        await memory.used([note.id], namespace="ana", helped=False)
    async with open_memory(str(tmp_path)) as memory:
        again = await memory.get(note.id, namespace="ana")
        assert (again.uses, again.helped) == (2, 1)


async def test_many_uses_do_not_wait_for_a_commit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(use, "WAITING", 2)
    async with open_memory() as memory:
        ids = []
        for text in ("Tea is served at four.", "The boat sails on Monday."):
            ids.append((await memory.remember(text, namespace="ana")).note.id)
        await memory.used(ids, namespace="ana")
        assert not memory._store.uses
        assert (await memory.get(ids[0], namespace="ana")).uses == 1


async def test_only_notes_that_are_here_are_counted() -> None:
    async with open_memory() as memory:
        mine = (await memory.remember("Ana lives in Porto.", namespace="ana")).note.id
        other = (await memory.remember("Ben lives in Rome.", namespace="ben")).note.id
        gone = (await memory.remember("The keys are under the pot.", namespace="ana")).note.id
        await memory.forget(gone, namespace="ana")
        assert await memory.used([mine, other, gone, "nonsense"], namespace="ana") == (mine,)
        with pytest.raises(InvalidInput, match="give a list"):
            await memory.used(mine, namespace="ana")


async def test_a_failed_write_keeps_the_uses_for_the_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_memory() as memory:
        note = (await memory.remember("Ana lives in Porto.", namespace="ana")).note
        await memory.used([note.id], namespace="ana")
        whole = memory._store._write

        async def full(*_: object) -> None:
            raise OSError("the disk is full")

        monkeypatch.setattr(memory._store, "_write", full)
        with pytest.raises(OSError, match="full"):
            await memory.remember("Tea is served at four.", namespace="ana")
        monkeypatch.setattr(memory._store, "_write", whole)
        await memory.remember("The boat sails on Monday.", namespace="ana")
        assert (await memory.get(note.id, namespace="ana")).uses == 1


@pytest.mark.usefixtures("unlocked")
async def test_where_nothing_locks_a_use_is_counted_on_top_of_what_others_wrote(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as one, open_memory(str(tmp_path)) as other:
        note = (await one.remember("Ana lives in Porto.", namespace="ana")).note
        await one.used([note.id], namespace="ana")
        await one.recall("Where does Ana live?", namespace="ana")
        await other.revise(note.id, namespace="ana", tags=["home"])
        await one._upkeep.uses.flush()
        after = await one.get(note.id, namespace="ana")
        assert (after.uses, after.tags, after.revision) == (1, ("home",), 2)
        await check_store(one)


async def test_any_use_wakes_a_note_that_rests() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        note = (await memory.remember("We met Ben at the station.", namespace="ana")).note
        clock.now += timedelta(days=2_000)
        await memory.upkeep(namespace="ana", steps=["fade"])
        assert (await memory.get(note.id, namespace="ana")).rested_at is not None
        await memory.used([note.id], namespace="ana")
        awake = await memory.get(note.id, namespace="ana")
        assert awake.rested_at is None
        assert awake.history[-1].verb == "wake"
        await check_store(memory)


async def test_the_same_words_again_wake_a_note_too() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        note = (await memory.remember("Ana is allergic to peanuts.", namespace="ana")).note
        clock.now += timedelta(days=2_000)
        await memory.upkeep(namespace="ana", steps=["fade"])
        again = await memory.remember("Ana is allergic to peanuts.", namespace="ana")
        assert again.note.id == note.id
        assert again.note.rested_at is None


async def test_what_rests_is_found_when_asked_for_precisely_and_not_offered_first() -> None:
    clock = Clock()
    async with open_memory(clock=clock) as memory:
        old = (await memory.remember("We met Ben at the station in Lyon.", namespace="ana")).note
        clock.now += timedelta(days=2_000)
        await memory.upkeep(namespace="ana", steps=["fade"])
        await memory.remember("We met Ben at the station in Turin.", namespace="ana", judge="none")
        loosely = await memory.recall("Who did we meet at the station?", namespace="ana")
        assert contents(loosely)[0].endswith("Turin.")
        precisely = await memory.recall("Lyon", namespace="ana")
        assert precisely[0].note.id == old.id
        assert "rests since" in precisely[0].why
