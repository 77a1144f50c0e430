"""The store itself: opening what is torn, half made, foreign or unusable; sharing commits; erasing rows."""

import asyncio
import ctypes
import gc
import logging
import os
import weakref
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.doubles import check_store, contents, everything, open_memory, open_sync, said
from zettelmem import ConflictError, StoreError, StoreMismatch
from zettelmem.queries import Filter
from zettelmem.ranking.candidates import Query
from zettelmem.store import (
    Store,
    disk,
    indices,
    malloc,
    metadata,
    optimize,
    read,
    schema,
    tail_of,
    tend,
    tidy,
    write,
)
from zettelmem.testing import HashEmbedder

# --- opening -----------------------------------------------------------------------------------------


async def test_a_directory_is_made_where_there_is_none(tmp_path: Path) -> None:
    async with open_memory(f"file://{tmp_path}/one/two") as memory:
        await memory.remember("Cats purr.", namespace="a")
    async with open_memory(str(tmp_path / "one" / "two")) as memory:
        assert len(await check_store(memory)) == 1


def test_a_file_is_no_place_for_a_memory(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("x")
    with pytest.raises(StoreError, match="is a file; give a directory"):
        open_memory(str(path))


async def test_a_path_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    async with open_memory(str(tmp_path / "file" / "below")) as memory:
        with pytest.raises(StoreError, match=r"cannot be made: .*; give a directory you may write to"):
            await memory.remember("Cats purr.", namespace="a")


async def test_a_directory_that_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(filelock.FileLock, "acquire", refused)
    async with open_memory(str(tmp_path)) as memory:
        with pytest.raises(StoreError, match="cannot be written: Permission denied; give a directory"):
            await memory.remember("Cats purr.", namespace="a")


async def test_a_full_disk_is_told_and_the_store_stays_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(said("My telescope broke.", "The telescope stands."), namespace="a")
        before = await everything(memory)

        async def full(*_: object) -> int:
            raise StoreError("writing failed: No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "_merge", full)
            with pytest.raises(StoreError, match="No space left on device"):
                await memory.remember("The telescope is mended.", namespace="a", thread="t")
        assert await everything(memory) == before
        await memory.remember("The telescope is mended.", namespace="a", thread="t")
        await check_store(memory)


async def test_another_embedder_is_refused_by_name(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("Cats purr.", namespace="a")
    async with open_memory(str(tmp_path), embedder=HashEmbedder(name="other")) as memory:
        with pytest.raises(
            StoreMismatch, match="written with embedder 'zettelmem-testing/hash-256', not 'other'"
        ):
            await memory.recall("cats", namespace="a")
        with pytest.raises(StoreMismatch):
            await memory.remember("Dogs bark.", namespace="a")
    async with open_memory(str(tmp_path)) as memory:
        assert len(await check_store(memory)) == 1


async def test_another_schema_version_is_refused_by_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("Cats purr.", namespace="a")
    written = metadata.SCHEMA_VERSION
    monkeypatch.setattr(metadata, "SCHEMA_VERSION", 99)
    async with open_memory(str(tmp_path)) as memory:
        with pytest.raises(StoreMismatch, match=f"has schema version {written}, this zettelmem reads 99"):
            await memory.notes(namespace="a")


@pytest.mark.parametrize("path", ["db", "./db", "dbs/ana", "file://db"])
async def test_a_relative_path_is_a_directory_here_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    monkeypatch.chdir(tmp_path)
    async with open_memory(path, judge="none") as memory:
        await memory.remember("Cats purr.", namespace="a")
        (tmp_path / "elsewhere").mkdir()
        monkeypatch.chdir(tmp_path / "elsewhere")
        await memory.remember("Cats bite.", namespace="a")
    monkeypatch.chdir(tmp_path)
    async with open_memory(path) as memory:
        assert len(await memory.recall("cats", namespace="a")) == 2
        assert memory._store.path is not None
        assert memory._store.path.is_relative_to(tmp_path)


@pytest.mark.parametrize("torn", [1, 2])
async def test_empty_newest_manifests_are_set_aside(
    tmp_path: Path, torn: int, caplog: pytest.LogCaptureFixture
) -> None:
    """A power cut leaves them; the version before opens."""
    async with open_memory(str(tmp_path), judge="none") as memory:
        for i in range(4):
            await memory.remember(f"Thing {i}.", namespace="a")
    manifests = sorted((tmp_path / "notes.lance" / "_versions").glob("*.manifest"))
    for manifest in manifests[:torn]:
        manifest.write_bytes(b"")
    with caplog.at_level(logging.WARNING, "zettelmem"):
        async with open_memory(str(tmp_path), judge="none") as memory:
            assert len(await check_store(memory)) == 4 - torn
            await memory.remember("New.", namespace="a")
            assert contents(await memory.recall("new", namespace="a"))[0] == "New."
    assert caplog.text.count("it was set aside") == torn
    assert len(list((tmp_path / "notes.lance" / "_versions").glob("*.torn"))) == torn


async def test_an_old_store_without_any_whole_manifest_is_not_taken_for_an_empty_one(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path), judge="none") as memory:
        for i in range(disk.BEGINNING):
            await memory.remember(f"Thing {i}.", namespace="a")
    versions = tmp_path / "notes.lance" / "_versions"
    kept = {each: each.read_bytes() for each in versions.glob("*.manifest")}
    for each in kept:
        each.write_bytes(b"")
    async with open_memory(str(tmp_path)) as memory:
        with pytest.raises(StoreError, match="Put a backup in its place"):
            await memory.notes(namespace="a")
    for each, whole in kept.items():
        each.write_bytes(whole)  # nothing was moved
    async with open_memory(str(tmp_path)) as memory:
        assert len(await check_store(memory)) == disk.BEGINNING


@pytest.mark.parametrize("writes", [0, 1])
async def test_a_store_that_was_half_made_is_made_whole(
    tmp_path: Path, writes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A crash between making the table and its indices must not keep it shut, or deaf."""

    async def dies(*_: object) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch:
        patch.setattr(indices, "make", dies)
        async with open_memory(str(tmp_path)) as memory:
            with pytest.raises(StoreError, match="killed"):
                await memory.remember("Lost with the crash.", namespace="a")
    async with open_memory(str(tmp_path)) as memory:
        assert await memory.recall("cats", namespace="a") == []
        for i in range(writes):
            await memory.remember(f"Cats purr {i}.", namespace="a")
        assert len(await memory.recall("cats", namespace="a")) == writes
        await check_store(memory)


@pytest.mark.parametrize("setting", ["MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_", None])
def test_memory_is_given_back_as_the_environment_says_or_else_as_we_do(
    monkeypatch: pytest.MonkeyPatch, setting: str | None
) -> None:
    told: dict[int, int] = {}

    class Libc:
        mallopt = staticmethod(told.__setitem__)

    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: Libc)
    monkeypatch.delenv("MALLOC_ARENA_MAX", raising=False)
    if setting is not None:
        monkeypatch.setenv(setting, "7")
    malloc.few_heaps()
    assert told == ({} if setting else {-8: max(2, os.cpu_count() or 2), -3: 4 << 20})
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())  # no glibc
    malloc.few_heaps()
    malloc.trim_memory()


# --- commits -------------------------------------------------------------------------------------------


async def test_calls_at_once_share_commits() -> None:
    async with open_memory(judge="none") as memory:
        made = await asyncio.gather(*(memory.remember(f"Thing {i}.", namespace="a") for i in range(20)))
        assert memory._store.commits < 20
        assert {x.note.id for x in made} == set(await check_store(memory))


async def test_a_step_that_fails_does_not_hurt_those_that_share_its_commit() -> None:
    async with open_memory(judge="none") as memory:
        first = await memory.remember("My telescope broke.", namespace="a")
        calls = (
            memory.revise(first.note.id, namespace="a", reason="x" * 600, tags=["bad"]),
            memory.revise(first.note.id, namespace="a", context="Good."),
            memory.forget(first.note.id, namespace="a"),
            memory.revise(first.note.id, namespace="a", tags=["late"]),
        )
        results = await asyncio.gather(*calls, return_exceptions=True)
        assert isinstance(results[0], ValueError)
        notes = await check_store(memory)
        assert notes[first.note.id].forgotten_at is not None


async def test_every_commit_is_synced_unless_it_need_not_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[Path] = []
    monkeypatch.setattr(disk, "sync", synced.append)
    async with open_memory(str(tmp_path / "d"), durable=True, judge="none") as memory:
        made = await memory.remember("One.", namespace="a")
        await memory.revise(made.note.id, namespace="a", tags=["x"])
        await memory.forget(made.note.id, namespace="a")
        assert synced == [tmp_path / "d"] * 3
    async with open_memory(str(tmp_path / "e"), durable=False) as memory:
        await memory.remember("One.", namespace="a")
    async with open_memory("memory://", durable=True) as memory:
        await memory.remember("One.", namespace="a")
    assert len(synced) == 3


def test_syncing_reaches_a_real_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_sync(str(tmp_path), durable=True) as memory:
        memory.remember("One.", namespace="a")
    disk.sync(tmp_path)
    monkeypatch.setattr(ctypes, "CDLL", lambda *_, **__: object())
    disk.sync(tmp_path)
    with pytest.raises(OSError, match="No such file"):
        disk.sync(tmp_path / "missing")


async def test_upkeep_of_nothing_does_nothing() -> None:
    async with open_memory() as memory:
        await optimize(memory._store)
        assert await tail_of(memory._store) == tidy.Tail(0, 0)
        assert await memory._store.version() == 0


async def test_upkeep_keeps_everything_and_shortens_the_tail(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path), judge="none") as memory:
        for i in range(40):
            await memory.remember(f"Thing {i} of cats.", namespace="a")
    async with open_memory(str(tmp_path), judge="none") as memory:
        before = await check_store(memory)
        hits = contents(await memory.recall("cats", namespace="a", k=50))
        await optimize(memory._store)
        tail = await tail_of(memory._store)
        assert tail.rows == 0
        assert tail.fragments < 5
        assert not tail.long
        assert await check_store(memory) == before
        assert sorted(contents(await memory.recall("cats", namespace="a", k=50))) == sorted(hits)
        await memory.remember("Thing 41 of cats.", namespace="a")
        assert "Thing 41 of cats." in contents(await memory.recall("thing 41", namespace="a"))


async def test_what_many_short_processes_write_lies_in_few_files(tmp_path: Path) -> None:
    """Each opening writes one note and is gone: upkeep is due by what is there, not by who wrote it."""
    for i in range(120):
        async with open_memory(str(tmp_path), judge="none") as memory:
            await memory.remember(f"Thing {i} of cats.", namespace="a")
    async with open_memory(str(tmp_path), judge="none") as memory:
        tail = await tail_of(memory._store)
        assert tail.total == 120
        assert tail.fragments <= tidy.FRAGMENTS + 2
        assert len(await check_store(memory)) == 120


async def test_small_files_of_several_writers_are_compacted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tidy, "FRAGMENTS", 20)
    monkeypatch.setattr(tidy, "LOOK_EVERY", 1_000)  # nobody looks by itself but after its first write
    async with open_memory(str(tmp_path), judge="none") as one, open_memory(str(tmp_path)) as two:
        for i in range(12):
            await one.remember(f"Thing {i} of cats.", namespace="a")
            await two.remember(f"Thing {i} of dogs.", namespace="a")
        assert (await tail_of(one._store)).scattered
        before = await check_store(one)
        await tend(one._store)
        assert (await tail_of(one._store)).fragments < 4
        assert await check_store(two) == before


async def test_vectors_of_a_large_table_are_indexed_and_the_index_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indices, "VECTOR_ROWS", 20)
    monkeypatch.setattr(tidy, "SEGMENTS", 2)
    async with open_memory(str(tmp_path), judge="none") as memory:
        pieces = []
        for i in range(5):
            await memory.remember_many([f"Thing {i} of {j} cats." for j in range(12)], namespace="a")
            await optimize(memory._store)
            pieces.append((await tail_of(memory._store)).segments)
        assert (pieces[0], pieces[1], max(pieces)) == (0, 1, 3)
        assert pieces[-1] < 3
        assert len(await check_store(memory)) == 60
        (hit,) = await memory.recall("Thing 3 of 7 cats.", namespace="a", k=1)
        assert hit.note.content == "Thing 3 of 7 cats."


@pytest.mark.parametrize("by_another", [True, False])
async def test_a_slow_reader_reads_on_when_its_version_is_cleaned_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, by_another: bool
) -> None:
    monkeypatch.setattr(read, "BATCH_ROWS", 4)
    async with open_memory(str(tmp_path), judge="none") as one, open_memory(str(tmp_path)) as two:
        made = {(await one.remember(f"Thing {i} of cats.", namespace="a")).note.id for i in range(12)}
        seen: list[str] = []
        async for notes in one._store.every_note():
            seen += [note.id for note in notes]
            await optimize((two if by_another else one)._store, timedelta(0))
        assert sorted(seen) == sorted(made)


async def test_after_upkeep_nothing_is_kept_of_the_files_that_it_replaced(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path), judge="none") as memory:
        await memory.remember("A cat.", namespace="a")
        table = weakref.ref(await memory._store.table())
        assert table() is not None
        await optimize(memory._store)
        gc.collect()
        assert table() is None
        assert contents(await memory.recall("cat", namespace="a")) == ["A cat."]


# --- without a lock: as on an object store ---------------------------------------------------------------


@pytest.mark.usefixtures("unlocked")
async def test_without_a_lock_no_write_is_lost(tmp_path: Path) -> None:
    """Every row is guarded by its revision; what somebody else wrote meanwhile is made again."""
    async with open_memory(str(tmp_path), judge="none") as one, open_memory(str(tmp_path)) as two:
        note_id = (await one.remember("Cats purr.", namespace="a")).note.id
        await asyncio.gather(
            *(
                memory.revise(note_id, namespace="a", tags=[f"{name}{i}"])
                for i in range(6)
                for name, memory in (("one", one), ("two", two))
            )
        )
        kept = (await check_store(one))[note_id]
        assert kept.revision == 13


@pytest.mark.usefixtures("unlocked")
async def test_without_a_lock_a_row_that_is_always_taken_is_a_conflict(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path), judge="none") as memory:
        note_id = (await memory.remember("Cats purr.", namespace="a")).note.id
        merge = Store._merge
        busy = False

        async def taken(self: Store, rows: Any, base: Any) -> int:
            nonlocal busy
            if not busy:
                busy = True
                async with open_memory(str(tmp_path), judge="none") as other:
                    await other.revise(note_id, namespace="a", context=f"{np.random.default_rng().random()}")
                busy = False
            return await merge(self, rows, base)

        monkeypatch.setattr(write, "ATTEMPTS", 3)
        monkeypatch.setattr(Store, "_merge", taken)
        with pytest.raises(ConflictError, match=f"others kept writing {note_id} through 3 attempts") as told:
            await memory.revise(note_id, namespace="a", tags=["mine"])
        assert told.value.note_ids == (note_id,)
        monkeypatch.setattr(Store, "_merge", merge)
        kept = (await check_store(memory))[note_id]
        assert "mine" not in kept.tags


# --- columns ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "space", [(), ("a",), ("a/b", "c"), ("%", "%2F"), ("a%2Fb",), ("/",), ("a", "/b/")], ids=str
)
def test_a_namespace_survives_its_column(space: tuple[str, ...]) -> None:
    assert schema.namespace_of(schema.namespace_column(space)) == space


async def test_nothing_is_found_where_nothing_was_remembered() -> None:
    kept = Store("memory://", "x")
    search = await kept.search(("a",))
    sight, query = Filter(namespace=("a",)), Query("x", ("x",), np.zeros(4, np.float32))
    assert search.view is None
    assert await search.nearest(sight, np.zeros((0, 4), np.float32), 3) == []
    assert await search.nearest(sight, np.zeros((2, 4), np.float32), 3) == [[], []]
    assert await search.worded(sight, ["x"], np.zeros((1, 4), np.float32), 3) == [[]]
    assert await search.candidates(sight, query, 3, 10) == (None, True)
    assert await search.look(["00000000"], sight, query) is None
    assert await search.rows(["00000000"]) == {}
    assert await search.people() == []
    assert await search.in_sight(sight) == ([], 0)
    await kept.close()
