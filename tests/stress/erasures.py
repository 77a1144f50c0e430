"""Random notes erased from random stores; every file is read by another way than the receipt's."""

import random
import re
import statistics
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from zettelmem import Erasure, Memory
from zettelmem.testing import HashEmbedder, hold, notes_of

WORDS = (
    "garden river train piano market storm window letter bread island doctor ticket kitchen bridge school "
    "summer lantern coffee anchor blanket candle harbour mirror orchard pencil saddle tunnel violin"
).split()
"""What texts of the stress suite are made of."""


@dataclass(frozen=True)
class Erased:
    """What came of one erasure.

    Attributes:
        occurrences: of the erased note's marker, in all files of the store.
        altered: whether another note came, went or says something else.
        seconds: what the erasure took.
    """

    receipt: Erasure
    occurrences: int
    altered: bool
    seconds: float


def erase_one(directory: Path, chance: random.Random) -> Erased:
    """Fill a store with 5 to 40 notes, erase one of them, and look for it."""
    with Memory(str(directory), embedder=HashEmbedder(), durable=False) as memory:
        markers = {}
        for number in range(chance.randint(5, 40)):
            marker = f"marker{chance.getrandbits(48):012x}x{number}"
            done = memory.remember(
                f"{' '.join(chance.choices(WORDS, k=6))} {marker}",
                namespace="ana",
                thread=chance.choice([None, "t1", "t2"]),
                tags=chance.choice([None, [f"{marker}tag"]]),
            )
            markers[done.note.id] = marker
        contents = {note.id: note.content for note in notes_of(memory)}
        doomed = chance.choice(sorted(markers))
        started = time.monotonic()
        receipt = memory.admin.erase_note(doomed, namespace="ana")
        seconds = time.monotonic() - started
        contents.pop(doomed)
        altered = contents != {note.id: note.content for note in notes_of(memory)}
        hold(memory)
    pattern = re.compile(markers[doomed].encode(), re.IGNORECASE)
    files = [path for path in directory.rglob("*") if path.is_file()]
    occurrences = sum(len(pattern.findall(path.read_bytes())) for path in files)
    return Erased(receipt, occurrences, altered, seconds)


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Random notes erased from random stores; every file read by another way than the receipt's."""
    erasures: list[Erased] = []
    while len(erasures) < count and time.monotonic() < end:
        seed = len(erasures)
        erasures.append(erase_one(directory / str(seed), random.Random(seed)))
    verified = sum(each.receipt.verified for each in erasures)
    occurrences = sum(each.occurrences for each in erasures)
    altered = sum(each.altered for each in erasures)
    seconds = statistics.median(each.seconds for each in erasures) if erasures else 0.0
    return {
        "runs": len(erasures),
        "receipts that verify": verified,
        "marker occurrences": occurrences,
        "stores with other notes altered": altered,
        "files scanned": sum(each.receipt.files_scanned for each in erasures),
        "seconds (median)": round(seconds, 2),
        "ok": bool(erasures) and verified == len(erasures) and not occurrences and not altered,
    }
