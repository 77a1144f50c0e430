"""A power cut, replayed: what was synced is there, of what was not only a part is, and nothing acknowledged
is lost.

Before each sync the directory is compared with how it was after the sync before, and put together again as
a journalling file system may leave it: the files made since, in their order, up to some moment; the last of
them named but empty, one cut in half; and what was deleted since gone, if the moment is now. LanceDB syncs
nothing by itself, so this is all that a cut can find, as far as the order of files goes.
"""

import random
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from tests.doubles import check_store, open_memory, open_sync
from zettelmem import AsyncMemory
from zettelmem.store import disk as disk_of_store
from zettelmem.store import optimize
from zettelmem.testing import HashEmbedder, hold, notes_of

IMAGES = 3
"""Directories put together for each sync."""


class Disk:
    """A directory whose syncs are watched, and what a power cut before any of them would have left."""

    def __init__(self, root: Path, images: Path, chance: random.Random) -> None:
        self.root, self.images, self.chance = root, images, chance
        self.synced: dict[str, bytes] = {}
        self.acknowledged: dict[str, str] = {}
        self.cuts: list[tuple[Path, dict[str, str]]] = []

    def files(self) -> dict[str, tuple[int, bytes]]:
        """Every file with when it was made, and its bytes."""
        found = (each for each in self.root.rglob("*") if each.is_file() and each.suffix != ".lock")
        return {
            str(each.relative_to(self.root)): (each.stat().st_mtime_ns, each.read_bytes()) for each in found
        }

    def sync(self) -> None:
        """What stands now, stands for good; before that, see what a cut would have left."""
        now = self.files()
        self.cut(now)
        self.synced = {name: data for name, (_, data) in now.items()}

    def cut(self, now: dict[str, tuple[int, bytes]]) -> None:
        new = sorted(
            (name for name in now if self.synced.get(name) != now[name][1]), key=lambda name: now[name][0]
        )
        for _ in range(IMAGES):
            named = self.chance.choice([len(new), self.chance.randint(0, len(new))])
            whole = self.chance.choice([0, self.chance.randint(0, named)])
            image = dict(self.synced)
            if named == len(new):
                image = {name: data for name, data in image.items() if name in now}
            for i, name in enumerate(new[:named]):
                data = now[name][1]
                image[name] = data if i < whole else data[: len(data) // 2] if i == whole else b""
            where = self.images / str(len(self.cuts))
            for name, data in image.items():
                (where / name).parent.mkdir(parents=True, exist_ok=True)
                (where / name).write_bytes(data)
            where.mkdir(parents=True, exist_ok=True)
            self.cuts.append((where, dict(self.acknowledged)))

    def check(self) -> int:
        """Open what each cut would have left; all that was acknowledged before it has to be there."""
        for where, acknowledged in self.cuts:
            with open_sync(str(where)) as memory:
                notes = notes_of(memory)
                hold(notes)
                there = {note.id: note.content for note in notes}
                assert acknowledged.items() <= there.items(), where.name
                memory.remember("And on it goes.", namespace="ana")
            shutil.rmtree(where)
        return len(self.cuts)


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Disk:
    disk = Disk(tmp_path / "memory", tmp_path / "images", random.Random(request.node.name))
    real = disk_of_store.sync

    def watched(path: Path) -> None:
        real(path)
        if path == disk.root:
            disk.sync()

    monkeypatch.setattr(disk_of_store, "sync", watched)
    return disk


async def keep(memory: AsyncMemory, disk: Disk, text: str) -> str:
    note = (await memory.remember(text, namespace="ana")).note
    disk.acknowledged[note.id] = note.content
    return note.id


async def test_what_was_acknowledged_survives_a_cut_before_any_sync(disk: Disk) -> None:
    async with open_memory(str(disk.root), durable=True) as memory:
        for i in range(8):
            note_id = await keep(memory, disk, f"Fact {i} about quokkas.")
        del disk.acknowledged[note_id]  # either content may be found until the change is acknowledged
        await memory.revise(note_id, namespace="ana", content="Revised.")
        disk.acknowledged[note_id] = "Revised."
        await keep(memory, disk, "The last one.")
    assert disk.check() >= 10 * IMAGES


async def test_compaction_deletes_nothing_before_what_replaces_it_is_safe(disk: Disk) -> None:
    async with open_memory(str(disk.root), durable=True) as memory:
        for i in range(6):
            await keep(memory, disk, f"Fact {i} about quokkas.")
        for _ in range(2):
            await optimize(memory._store, timedelta(milliseconds=1))
            await keep(memory, disk, "Another.")
        await check_store(memory)
    assert disk.check() >= 8 * IMAGES


async def test_erasing_deletes_nothing_before_what_replaces_it_is_safe(disk: Disk) -> None:
    async with open_memory(str(disk.root), durable=True) as memory:
        ids = [await keep(memory, disk, f"Fact {i} about quokkas.") for i in range(4)]
        for note_id in ids[:2]:
            del disk.acknowledged[note_id]
            await memory.admin.erase_note(note_id, namespace="ana")
    assert disk.check() >= 6 * IMAGES


async def test_moving_to_another_model_loses_nothing(disk: Disk) -> None:
    async with open_memory(str(disk.root), durable=True) as memory:
        for i in range(3):
            await keep(memory, disk, f"Fact {i} about quokkas.")
    disk.cuts.clear()
    async with open_memory(str(disk.root), durable=True, embedder=HashEmbedder(32)) as memory:
        await memory.admin.reembed()
    for where, acknowledged in disk.cuts:
        async with open_memory(str(where), embedder=HashEmbedder(32)) as memory:
            await memory.admin.reembed()
            assert acknowledged.keys() <= (await check_store(memory)).keys()
            await memory.recall("quokkas", namespace="ana")
