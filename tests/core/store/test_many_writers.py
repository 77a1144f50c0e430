"""Several processes on one directory, and processes that are killed: nothing acknowledged is lost."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.doubles import check_store, open_memory, open_sync
from zettelmem import NotFound

ROOT = Path(__file__).resolve().parents[3]

WRITER = """
import sys
from tests.doubles import open_sync
path, name, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
with open_sync(path, durable=False) as memory:
    for i in range(count):
        made = memory.remember(f"Telescope {name} number {i}.", namespace="a", thread=name)
        print(made.note.id, flush=True)
"""
CHANGER = """
import sys
from tests.doubles import open_sync
with open_sync(sys.argv[1], durable=False) as memory:
    last = None
    for i in range(1_000):
        made = memory.remember(f"Telescope {sys.argv[2]} number {i}.", namespace="a", thread="t", judge="ask")
        print("remember", made.note.id, flush=True)
        if made.neighbours:
            change = {"neighbour": 0, "context": f"Seen by {made.note.id}."}
            memory.connect(made.note.id, {"links": [{"neighbour": 0}], "changes": [change]}, namespace="a")
            print("connect", made.note.id, flush=True)
        if i % 5 == 4:
            memory.forget(last, namespace="a")
            print("forget", last, flush=True)
        last = made.note.id
"""
ONE_NOTE = """
import sys
from tests.doubles import open_sync
with open_sync(sys.argv[1], durable=False) as memory:
    for i in range(int(sys.argv[4])):
        memory.revise(sys.argv[2], namespace="a", context=f"{sys.argv[3]} {i}")
"""
ONE_KEY = """
import sys
from tests.doubles import open_sync
with open_sync(sys.argv[1], durable=False) as memory:
    print(memory.remember("Cats purr.", namespace="a", key="k").known)
"""


@contextmanager
def started(code: str, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A process of its own, which does not outlive the test."""
    process = subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate(timeout=30)


def run_all(*commands: tuple[str, ...]) -> list[str]:
    """What processes that run at once print, when all have ended well."""
    if not commands:
        return []
    with started(*commands[0]) as process:
        others = run_all(*commands[1:])
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return [out, *others]


async def test_four_processes_keep_every_note_and_mirror_every_link(tmp_path: Path) -> None:
    outs = run_all(*((WRITER, str(tmp_path), name, "25") for name in ("one", "two", "three", "four")))
    acknowledged = {note_id for out in outs for note_id in out.split()}
    assert len(acknowledged) == 100
    async with open_memory(str(tmp_path)) as memory:
        notes = await check_store(memory)
        assert set(notes) == acknowledged
        assert sum(len(x.links) for x in notes.values()) > 200
        for name in ("one", "two", "three", "four"):
            page = await memory.notes(namespace="a", thread=name)
            assert [x.position for x in page.notes] == list(range(25))


async def test_processes_that_revise_one_note_lose_no_revision(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        note_id = (await memory.remember("Cats purr.", namespace="a")).note.id
    run_all(*((ONE_NOTE, str(tmp_path), note_id, name, "12") for name in ("one", "two", "three")))
    async with open_memory(str(tmp_path)) as memory:
        kept = (await check_store(memory))[note_id]
        assert kept.revision == 37
        assert len({str(x.after["context"]) for x in kept.history[1:]}) == 36


async def test_one_key_from_several_processes_is_one_note(tmp_path: Path) -> None:
    outs = run_all(*((ONE_KEY, str(tmp_path)) for _ in range(4)))
    assert sorted(x.strip() for x in outs) == ["False", "True", "True", "True"]
    async with open_memory(str(tmp_path)) as memory:
        assert len(await check_store(memory)) == 1


def test_a_reader_sees_what_another_process_was_told_is_stored(tmp_path: Path) -> None:
    with open_sync(str(tmp_path)) as reader, started(WRITER, str(tmp_path), "one", "15") as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            note = reader.get(line.strip(), namespace="a")
            for link in note.links:
                assert link in reader.get(link.other(note.id), namespace="a").links
        assert writer.wait(60) == 0


@pytest.mark.parametrize("seed", range(4))
async def test_what_was_acknowledged_survives_a_kill(tmp_path: Path, seed: int) -> None:
    """kill -9 at a random moment, twice on one store: all is there, the store opens, links are mirrored."""
    dice = random.Random(seed)
    told: list[list[str]] = []
    for life in range(2):
        with started(CHANGER, str(tmp_path), f"life {life}") as process:
            assert process.stdout is not None
            for _ in range(dice.randint(1, 30)):
                told.append(process.stdout.readline().split())
            os.kill(process.pid, signal.SIGKILL)
            told += [line.split() for line in process.stdout.read().splitlines()]
    assert all(len(x) == 2 for x in told)
    async with open_memory(str(tmp_path)) as memory:
        notes = await check_store(memory)
        for verb, note_id in told:
            verbs = [x.verb for x in notes[note_id].history]
            assert verb in verbs, f"{verb} {note_id} was acknowledged and is not there"
        gone = [note_id for verb, note_id in told if verb == "forget"]
        for note_id in gone:
            with pytest.raises(NotFound):
                await memory.get(note_id, namespace="a")
        await memory.remember("After the crash.", namespace="a", thread="t")
        assert len(await memory.recall("telescope", namespace="a", k=1_000)) >= 1
        await check_store(memory)
