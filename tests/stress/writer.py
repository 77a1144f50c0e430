"""A process of its own for the reliability tests: it writes, says what is acknowledged, and may die.

python tests/stress/writer.py write DIRECTORY NAME COUNT SEED     remember, connect, revise, forget, undo
python tests/stress/writer.py tend DIRECTORY SECONDS              optimize until killed, with pauses
python tests/stress/writer.py fill DIRECTORY NAME COUNT          remember until a quota is full
python tests/stress/writer.py revise URI NOTE NAME COUNT          notes, and revisions of one that is shared
python tests/stress/writer.py reembed DIRECTORY DIMENSIONS        move it to another embedding model
"""

import asyncio
import itertools
import json
import random
import sys
from contextlib import suppress
from datetime import timedelta

from zettelmem import AsyncMemory, ConflictError, Decision, LinkChoice, NeighbourChange, NotFound, QuotaError
from zettelmem.store import optimize
from zettelmem.testing import HashEmbedder

SPACE = "shared"
PLACES = "river station garden kitchen harbour library market tower".split()


def say(**fields: object) -> None:
    """One line, at once: what stands here has been acknowledged."""
    sys.stdout.write(json.dumps(fields) + "\n")
    sys.stdout.flush()


async def write(directory: str, name: str, count: int, seed: int) -> None:
    """Notes in a thread, and now and then a decision, a revision, a forgetting, an undo."""
    chance = random.Random(seed)
    async with AsyncMemory(directory, embedder=HashEmbedder()) as memory:
        for i in itertools.count() if count < 0 else range(count):
            text = f"{name} number {i} at the {chance.choice(PLACES)} with {chance.choice(PLACES)}"
            done = await memory.remember(text, namespace=SPACE, thread=name if i % 2 else None)
            say(did="remember", id=done.note.id, content=text)
            if i % 3 == 2:
                await connect(memory, done.note.id, i)
            if i % 5 == 4:
                await memory.revise(done.note.id, namespace=SPACE, content=f"{text}, revised")
                say(did="revise", id=done.note.id, content=f"{text}, revised")
            if i % 7 == 6:
                gone = await memory.forget(done.note.id, namespace=SPACE)
                say(did="forget", id=done.note.id)
                if i % 2:
                    # Another may have forgotten a note that it was linked with, which must come back first.
                    with suppress(ConflictError):
                        await memory.undo(gone.change, namespace=SPACE)
                        say(did="undo", id=done.note.id)
        say(did="end")


async def connect(memory: AsyncMemory, note_id: str, i: int) -> None:
    """Link the nearest neighbour and describe it; others may be faster, and then nothing is claimed."""
    try:
        near = (await memory.ask(note_id, namespace=SPACE)).neighbours[:1]
        decision = Decision(
            links=tuple(LinkChoice(neighbour=x.number, reason=f"seen {i}") for x in near),
            changes=tuple(NeighbourChange(neighbour=x.number, context=f"seen by {note_id}") for x in near),
        )
        done = await memory.connect(note_id, decision, namespace=SPACE)
    except (ConflictError, NotFound):
        return
    say(did="connect", id=note_id, change=done.change)


async def tend(directory: str, pause: float) -> None:
    """Upkeep whether it is due or not, with pauses of so many seconds."""
    async with AsyncMemory(directory, embedder=HashEmbedder()) as memory:
        for i in itertools.count():
            await optimize(memory._store, timedelta(minutes=10))
            say(did="tend", round=i)
            await asyncio.sleep(pause)


async def revise(where: str, note_id: str, name: str, count: int) -> None:
    """Notes of its own, and after each a revision of one that others revise too."""
    async with AsyncMemory(where, embedder=HashEmbedder()) as memory:
        for i in range(count):
            text = f"{name} number {i} at the {PLACES[i % len(PLACES)]}"
            done = await memory.remember(text, namespace=SPACE)
            say(did="remember", id=done.note.id, content=text)
            again = await memory.revise(note_id, namespace=SPACE, context=f"Seen by {name}, {i}.")
            say(did="share", id=note_id, change=again.change)


async def fill(directory: str, name: str, count: int) -> None:
    """Remember notes; those that the quota refuses are not claimed."""
    async with AsyncMemory(directory, embedder=HashEmbedder()) as memory:
        for i in range(count):
            with suppress(QuotaError):
                done = await memory.remember(f"{name} number {i}", namespace=SPACE, judge="none")
                say(did="remember", id=done.note.id)


async def reembed(directory: str, dimensions: int) -> None:
    """Move the store to a model of so many dimensions, telling how far it is."""
    async with AsyncMemory(directory, embedder=HashEmbedder(dimensions)) as memory:
        done = await memory.admin.reembed(
            progress=lambda done, total: say(did="embed", done=done, total=total)
        )
    say(did="reembed", before=done.before, after=done.after, vectors=done.vectors)


if __name__ == "__main__":
    if sys.argv[1] == "tend":
        asyncio.run(tend(sys.argv[2], float(sys.argv[3])))
    elif sys.argv[1] == "fill":
        asyncio.run(fill(sys.argv[2], sys.argv[3], int(sys.argv[4])))
    elif sys.argv[1] == "revise":
        asyncio.run(revise(sys.argv[2], sys.argv[3], sys.argv[4], int(sys.argv[5])))
    elif sys.argv[1] == "reembed":
        asyncio.run(reembed(sys.argv[2], int(sys.argv[3])))
    else:
        asyncio.run(write(sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5])))
