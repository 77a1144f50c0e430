"""Moving to another embedding model: the old one answers until the new one does, and no kill hurts."""

import asyncio
import random
import time
from pathlib import Path

import pytest

from tests.doubles import check_store, contents, open_memory, open_sync
from tests.stress.process import Process
from zettelmem import StoreError, StoreMismatch
from zettelmem.protocols import Vectors
from zettelmem.store import migrate, read
from zettelmem.testing import HashEmbedder, hold, notes_of

OLD, NEW = 256, 48


def facts(count: int) -> list[str]:
    return [f"Fact {i}: the {'quokka' if i % 2 else 'wombat'} eats leaf number {i}." for i in range(count)]


class Slow(HashEmbedder):
    """An embedder that can be held up in the middle of its work."""

    def __init__(self, dimensions: int = NEW, *, name: str | None = None) -> None:
        super().__init__(dimensions, name=name)
        self.go = asyncio.Event()
        self.reached = asyncio.Event()
        self.loop = asyncio.get_running_loop()

    def embed_documents(self, texts: list[str]) -> Vectors:  # type: ignore[override]
        if len(texts) > 1:
            self.loop.call_soon_threadsafe(self.reached.set)
            asyncio.run_coroutine_threadsafe(self.go.wait(), self.loop).result(60)
        return super().embed_documents(texts)


@pytest.mark.parametrize("dimensions", [NEW, OLD])
async def test_every_note_is_there_with_its_history_and_found_by_the_new_model(
    tmp_path: Path, dimensions: int
) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(facts(30), namespace="ana")
        gone = (await memory.notes(namespace="ana")).notes[3]
        await memory.forget(gone.id, namespace="ana")
        before = await check_store(memory)
    new = HashEmbedder(dimensions, name="new")
    async with open_memory(str(tmp_path), embedder=new) as memory:
        with pytest.raises(StoreMismatch, match="reembed"):
            await memory.recall("leaf", namespace="ana")
        told: list[tuple[int, int]] = []
        done = await memory.admin.reembed(progress=lambda done, of: told.append((done, of)))
        assert (done.after, done.vectors) == ("new", 30)
        assert told[-1] == (30, 30)
        assert await check_store(memory) == before
        assert contents(await memory.recall("leaf number 7", namespace="ana"))[0] == facts(30)[7]
        again = await memory.admin.reembed()
        assert (again.before, again.vectors) == ("new", 0)
        assert (await memory.admin.examine()).healthy
    assert not (tmp_path / f"{migrate.STAGE}.lance").exists()


async def test_the_old_model_reads_and_writes_until_the_switch_and_is_then_told(tmp_path: Path) -> None:
    slow = Slow(OLD, name="another model of the same size")
    async with open_memory(str(tmp_path)) as old, open_memory(str(tmp_path), embedder=slow) as new:
        await old.remember_many(facts(10), namespace="ana")
        moving = asyncio.create_task(new.admin.reembed())
        await slow.reached.wait()
        assert len(await old.recall("leaf number 7", namespace="ana", k=3)) == 3
        late = (await old.remember("Written while the store moves.", namespace="ana")).note
        slow.go.set()
        assert (await moving).vectors == 11
        for verb in (old.recall("leaf", namespace="ana"), old.remember("Too late.", namespace="ana")):
            with pytest.raises(StoreMismatch, match="another model of the same size"):
                await verb
        assert (await new.get(late.id, namespace="ana")).content == late.content
        (best, *_) = await new.recall("written while the store moves", namespace="ana")
        assert best.note.id == late.id
        assert len((await new.notes(namespace="ana")).notes) == 11


async def test_a_model_that_fails_on_the_way_is_asked_only_for_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (read, migrate):
        monkeypatch.setattr(module, "BATCH_ROWS", 4)
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(facts(20), namespace="ana", judge="none")

    class Failing(HashEmbedder):
        def embed_documents(self, texts: list[str]) -> Vectors:  # type: ignore[override]
            if self.calls == 3:
                raise OSError("the model went away")
            return super().embed_documents(texts)

    async with open_memory(str(tmp_path), embedder=Failing(NEW, name="new")) as memory:
        with pytest.raises(Exception, match="went away"):
            await memory.admin.reembed()
    async with open_memory(str(tmp_path)) as memory:
        assert len(await memory.recall("leaf", namespace="ana", k=20)) == 20
    async with open_memory(str(tmp_path), embedder=HashEmbedder(NEW, name="new")) as memory:
        assert (await memory.admin.reembed()).vectors == 20 - 3 * 4


async def test_two_at_once_are_refused_and_so_is_erasing_meanwhile(tmp_path: Path) -> None:
    slow = Slow()
    async with open_memory(str(tmp_path)) as old, open_memory(str(tmp_path), embedder=slow) as new:
        kept = (await old.remember_many(facts(3), namespace="ana"))[0].note
        moving = asyncio.create_task(new.admin.reembed())
        await slow.reached.wait()
        with pytest.raises(StoreError, match="another process"):
            await old.admin.erase_note(kept.id, namespace="ana")
        async with open_memory(str(tmp_path), embedder=HashEmbedder(8)) as third:
            with pytest.raises(StoreError, match="another process"):
                await third.admin.reembed()
        slow.go.set()
        await moving
        assert (await new.admin.erase_note(kept.id, namespace="ana")).verified


async def test_vectors_that_a_power_cut_tore_are_made_again(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("One.", namespace="ana")
    torn = tmp_path / f"{migrate.STAGE}.lance" / "_versions"
    torn.mkdir(parents=True)
    (torn / "18446744073709551614.manifest").touch()
    async with open_memory(str(tmp_path), embedder=HashEmbedder(NEW)) as memory:
        assert (await memory.admin.reembed()).vectors == 1
    assert not torn.exists()


async def test_a_store_with_nothing_in_it_needs_no_moving(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        assert (await memory.admin.reembed()).before is None


def test_killed_at_random_moments_it_goes_on_and_nothing_is_lost(tmp_path: Path) -> None:
    chance = random.Random(5)
    sizes = [OLD, NEW]
    with open_sync(str(tmp_path)) as memory:
        memory.remember_many(facts(120), namespace="shared", judge="none")
        before = {note.id: note for note in notes_of(memory)}
    moved = 0
    for _ in range(4):
        old, new = sizes
        mover = Process(["reembed", str(tmp_path), str(new)])
        deadline = time.monotonic() + 60
        while not mover.acknowledged() and mover.running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.005)
        time.sleep(chance.uniform(0, 0.25))
        mover.kill()
        for each in (old, new):
            with open_sync(str(tmp_path), embedder=HashEmbedder(each)) as memory:
                try:
                    hits = memory.recall("leaf number 7", namespace="shared", k=3)
                except StoreMismatch:
                    continue
                assert hits[0].note.content == facts(120)[7]
                hold(memory)
                assert {note.id: note for note in notes_of(memory)} == before
                answered = each
        if answered == new:
            sizes.reverse()
            moved += 1
    mover = Process(["reembed", str(tmp_path), str(sizes[1])])
    assert mover.finish(60)[-1]["after"] == HashEmbedder(sizes[1]).name
    with open_sync(str(tmp_path), embedder=HashEmbedder(sizes[1])) as memory:
        assert {note.id: note for note in notes_of(memory)} == before
        assert memory.admin.examine().healthy
