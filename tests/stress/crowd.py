"""Writers, upkeep and a reader at once: nothing is lost, and the reader misses nothing acknowledged."""

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stress.process import Acknowledgement, Process, history, missing
from zettelmem import Memory
from zettelmem.testing import HashEmbedder, hold, notes_of

WRITERS = 4
LOOKED_UP = 3
"""Notes that the reader also looks for by their id, a read."""


@dataclass
class Reads:
    """What a reader saw while others wrote.

    Attributes:
        missed: acknowledged notes that a read lacked.
        torn: links that were seen at one end only.
        misses: each read that lacked notes, in words.
    """

    reads: int = 0
    missed: int = 0
    torn: int = 0
    misses: list[str] = field(default_factory=list)

    def read(self, memory: Memory, writers: Sequence[Process], seconds: float) -> None:
        """Read everything once; `seconds` is how long the crowd has been at it."""
        due = {each["id"] for each in _acknowledged(writers) if each["did"] == "remember"}
        links = {note.id: note.links for note in notes_of(memory)}
        for note_id, linked in links.items():
            self.torn += sum(link not in links.get(link.other(note_id), ()) for link in linked)
        hidden = {each["id"] for each in _acknowledged(writers) if each["did"] == "forget"}
        lacking = set()
        for note_id in due - hidden - links.keys():
            # One that is about to be forgotten may go before its writer says so.
            if "forget" not in {entry.verb for entry in history(memory, note_id)}:
                lacking.add(note_id)
        for note_id in random.Random(self.reads).sample(sorted(due), min(LOOKED_UP, len(due))):
            if not history(memory, note_id):
                lacking.add(note_id)
        self.reads += 1
        self.missed += len(lacking)
        if lacking:
            still = lacking - {note.id for note in notes_of(memory)}
            self.misses.append(
                f"{seconds:.1f} s: {len(lacking)} of {len(due)}, {len(links)} read; "
                f"{len(still)} lacking a read later"
            )


def _acknowledged(writers: Sequence[Process]) -> list[Acknowledgement]:
    return [each for writer in writers for each in writer.acknowledged()]


def crowd(directory: Path, writers: int, notes: int, seconds: float) -> dict[str, Any]:
    """Let `writers` write so many notes each, in at most so many seconds, and tell what came of it."""
    started = time.monotonic()
    processes = [
        Process(["write", str(directory), f"w{number}", str(notes), str(number)]) for number in range(writers)
    ]
    tender = Process(["tend", str(directory), "1"])  # more often would be all that the lock is held for
    reads = Reads()
    try:
        with Memory(str(directory), embedder=HashEmbedder()) as memory:
            while any(each.running.poll() is None for each in processes):
                passed = time.monotonic() - started
                if passed > seconds:
                    raise AssertionError(f"the writers took longer than {seconds} seconds")
                reads.read(memory, processes, passed)
            by_writer = [each.finish(60) for each in processes]
            lost = [change for acknowledged in by_writer for change in missing(memory, acknowledged)]
            hold(memory)
            in_sight = len(notes_of(memory))
    finally:
        rounds = len(tender.kill())
        for each in processes:
            if each.running.poll() is None:
                each.kill()
    verbs = [each["did"] for acknowledged in by_writer for each in acknowledged]
    return {
        "acknowledged": len(verbs),
        "remembered": verbs.count("remember"),
        "forgotten": verbs.count("forget"),
        "brought back": verbs.count("undo"),
        "connected": verbs.count("connect"),
        "in sight": in_sight,
        "reads": reads.reads,
        "missed by the reader": reads.missed,
        "links seen at one end": reads.torn,
        "misses": reads.misses,
        "lost": lost,
        "rounds of upkeep": rounds,
        "seconds": round(time.monotonic() - started, 1),
    }


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Four writers of `count` notes each, one process that optimizes, one that reads."""
    found = crowd(directory, WRITERS, count, max(1.0, end - time.monotonic()))
    lost, misses = found.pop("lost"), found.pop("misses")
    whole = found["in sight"] == WRITERS * count - found["forgotten"] + found["brought back"]
    seen = not found["missed by the reader"] and not found["links seen at one end"]
    return found | {"lost": len(lost), "ok": not lost and seen and whole, "problems": [*lost, *misses][:5]}
