"""A store that grows note by note, with upkeep on: disk, memory and recall, early and late."""

import asyncio
import random
import re
import resource
import sys
import time
import warnings
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.stress.erasures import WORDS
from zettelmem import AsyncMemory
from zettelmem.store import optimize
from zettelmem.testing import HashEmbedder

EARLY = 5_000
"""Notes after which the first figures are taken; a tenth of all where that is less."""
RECALLS, WARMING = 60, 10
SPACE = "user"


@dataclass(frozen=True)
class Look:
    """Milliseconds of a recall (95th percentile) and megabytes resident, at one moment."""

    recall: float
    resident: int


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Single remembers in one namespace with upkeep on: disk, memory and recall early and late."""
    return asyncio.run(_grow(directory, count, end))


async def _grow(directory: Path, count: int, end: float) -> dict[str, Any]:
    chance = random.Random(3)
    early_at = max(1, min(EARLY, count // 10))
    early = Look(0.0, 0)
    largest = done = 0
    embedder = HashEmbedder(384)
    async with AsyncMemory(str(directory), embedder=embedder) as memory:
        started = time.monotonic()
        while done < count and time.monotonic() < end:
            text = f"{' '.join(chance.choices(WORDS, k=30))} number {done} {chance.getrandbits(32):x}"
            await memory.remember(text, namespace=SPACE)
            done += 1
            embedder.texts.clear()  # it would be the largest thing in memory that grows
            if done % 100 == 0:
                largest = max(largest, _disk(directory))
            if done % 2_500 == 0:
                rate = done / (time.monotonic() - started)
                print(f"{done} notes, {rate:.1f} a second, {_resident()} MB resident", file=sys.stderr)
            if done == early_at:
                early = Look(await _p95(memory, chance), _resident())
        rate = done / (time.monotonic() - started)
        late = Look(await _p95(memory, chance), _resident())
        disk = _disk(directory)
        await memory.admin.examine(repair=True)
        with warnings.catch_warnings():  # nobody reads meanwhile
            warnings.simplefilter("ignore", UserWarning)
            await optimize(memory._store, timedelta(0), orphans=True)
        compact = max(1, _disk(directory))
    figures = {
        f"recall p95 ms at {early_at}": early.recall,
        f"resident MB at {early_at}": early.resident,
        "remembered": done,
        "a second": round(rate, 1),
        "recall p95 ms at the end": late.recall,
        "resident MB at the end": late.resident,
        "disk MB at most": largest >> 20,
        "disk MB at the end": disk >> 20,
        "compacted MB": compact >> 20,
        "disk ratio": round(disk / compact, 2),
        "largest disk ratio": round(max(largest, disk) / compact, 2),
    }
    ok = done == count and figures["disk ratio"] <= 2
    if done > early_at:  # otherwise there is nothing to compare with
        resident, recall = late.resident / early.resident, late.recall / early.recall
        figures |= {"resident ratio": round(resident, 2), "recall ratio": round(recall, 2)}
        ok = ok and resident <= 1.5 and recall <= 2
    return figures | {"ok": ok}


async def _p95(memory: AsyncMemory, chance: random.Random) -> float:
    milliseconds = []
    for _ in range(RECALLS):
        query = " ".join(chance.choices(WORDS, k=4))
        started = time.perf_counter()
        await memory.recall(query, namespace=SPACE)
        milliseconds.append(1_000 * (time.perf_counter() - started))
    warm = sorted(milliseconds[WARMING:])
    return round(warm[int(0.95 * len(warm))], 1)


def _disk(directory: Path) -> int:
    total = 0
    for path in directory.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except FileNotFoundError:  # upkeep was faster
            continue
    return total


def _resident() -> int:
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.findall(r"VmRSS:\s+(\d+)", status.read_text())[0]) >> 10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
