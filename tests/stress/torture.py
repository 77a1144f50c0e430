"""What the store promises, for as long as you like: kills, crowds, erasures, fuzz, a store that only grows.

    python -m tests.stress.torture                                everything at full size, about two hours
    python -m tests.stress.torture --kills 20 --erasures 10       only these, smaller
    python -m tests.stress.torture --singles 5000 --minutes 5     stop after five minutes, say how far it came

Embeddings come from hashed words, so that the store is measured and not a model. Prints a table; exits
with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import random
import re
import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from tests.stress.fuzz import fuzz
from tests.stress.trials import bucket, crowd, kills
from zettelmem import AsyncMemory, Memory
from zettelmem.store import optimize
from zettelmem.testing import HashEmbedder, hold, notes_of

WORDS = (
    "garden river train piano market storm window letter bread island doctor ticket kitchen bridge school "
    "summer lantern coffee anchor blanket candle harbour mirror orchard pencil saddle tunnel violin"
).split()


def killing(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Writers killed at random moments, every other one while another process optimizes."""
    chance = random.Random(1)
    totals: dict[str, Any] = {
        "kills": 0,
        "acknowledged": 0,
        "lost": 0,
        "unreadable": 0,
        "invariants broken": 0,
    }
    problems: list[str] = []
    batch = 0
    while totals["kills"] < count and time.monotonic() < end:
        batch += 1
        tally = kills(directory / str(batch), min(10, count - totals["kills"]), chance)
        totals["kills"] += tally.kills
        totals["acknowledged"] += tally.acknowledged
        totals["lost"] += len(tally.lost)
        totals["unreadable"] += tally.unreadable
        totals["invariants broken"] += tally.torn
        for verb, times in tally.by_verb.items():
            totals[f"acknowledged {verb}"] = totals.get(f"acknowledged {verb}", 0) + times
        problems += tally.lost[:3]
    return totals | {"ok": not problems and totals["kills"] > 0, "problems": problems}


def crowding(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Four writers of `count` notes each, one process that optimizes, one that reads."""
    found = crowd(directory, 4, count, max(1.0, end - time.monotonic()))
    lost, misses = found.pop("lost"), found.pop("misses")
    whole = found["in sight"] == 4 * count - found["forgotten"] + found["brought back"]
    seen = not found["missed by the reader"] and not found["links seen at one end"]
    return found | {"lost": len(lost), "ok": not lost and seen and whole, "problems": [*lost, *misses][:5]}


def sharing(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Two processes on an S3 bucket of a local moto server, `count` notes and revisions of one note each."""
    if importlib.util.find_spec("moto") is None:
        return {"ok": False, "problems": ["install an S3 server first: pip install --group bucket"]}
    found = bucket(2, count, max(1.0, end - time.monotonic()))
    lost = found.pop("lost")
    whole = found["revisions of one note"] == 2 * count and found["its revision"] == 2 * count + 1
    whole = whole and found["erasure verified"]
    return found | {"lost": len(lost), "ok": whole and not lost, "problems": lost[:5]}


def erasing(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Random notes erased from random stores; every file read by another way than the receipt's."""
    runs = verified = occurrences = altered = scanned = 0
    seconds: list[float] = []
    for seed in range(count):
        if time.monotonic() > end:
            break
        chance = random.Random(seed)
        where = directory / str(seed)
        with Memory(str(where), embedder=HashEmbedder(), durable=False) as memory:
            made = {}
            for i in range(chance.randint(5, 40)):
                marker = f"marker{chance.getrandbits(48):012x}x{i}"
                done = memory.remember(
                    f"{' '.join(chance.choices(WORDS, k=6))} {marker}",
                    namespace="ana",
                    thread=chance.choice([None, "t1", "t2"]),
                    tags=chance.choice([None, [f"{marker}tag"]]),
                )
                made[done.note.id] = marker
            before = {note.id: note.content for note in notes_of(memory)}
            doomed = chance.choice(sorted(made))
            started = time.monotonic()
            receipt = memory.admin.erase_note(doomed, namespace="ana")
            seconds.append(time.monotonic() - started)
            after = {note.id: note.content for note in notes_of(memory)}
            altered += after != {key: value for key, value in before.items() if key != doomed}
            hold(memory)
        pattern = re.compile(made[doomed].encode(), re.IGNORECASE)
        occurrences += sum(
            len(pattern.findall(path.read_bytes())) for path in where.rglob("*") if path.is_file()
        )
        runs, verified, scanned = runs + 1, verified + receipt.verified, scanned + receipt.files_scanned
    seconds.sort()
    return {
        "runs": runs,
        "receipts that verify": verified,
        "marker occurrences": occurrences,
        "stores with other notes altered": altered,
        "files scanned": scanned,
        "seconds (median)": round(seconds[len(seconds) // 2], 2) if seconds else 0,
        "ok": runs > 0 and verified == runs and not occurrences and not altered,
    }


def fuzzing(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Hostile contents, namespaces, ids and filters, on stores of 1,000 each."""
    totals: dict[str, Any] = {"values": 0, "stored as they are": 0, "refused": 0}
    problems: list[str] = []
    while totals["values"] < count and time.monotonic() < end:
        seed = totals["values"]
        with Memory(str(directory / str(seed)), embedder=HashEmbedder(), durable=False) as memory:
            found = fuzz(memory, min(1_000, count - seed), random.Random(seed))
            hold(memory)
        totals["values"] += found.values
        totals["stored as they are"] += found.stored
        totals["refused"] += found.refused
        problems += found.problems
    return totals | {"ok": totals["values"] == count and not problems, "problems": problems[:5]}


def growing(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Single remembers in one namespace with upkeep on: disk, memory and recall early and late."""
    return asyncio.run(_grow(directory, count, end))


async def _grow(directory: Path, count: int, end: float) -> dict[str, Any]:
    chance = random.Random(3)
    early = max(1, min(5_000, count // 10))
    found: dict[str, Any] = {}
    largest = 0
    embedder = HashEmbedder(384)
    async with AsyncMemory(str(directory), embedder=embedder) as memory:
        started, done = time.monotonic(), 0
        while done < count and time.monotonic() < end:
            text = f"{' '.join(chance.choices(WORDS, k=30))} number {done} {chance.getrandbits(32):x}"
            await memory.remember(text, namespace="user")
            done += 1
            embedder.texts.clear()  # it would be the largest thing in memory that grows
            if done % 100 == 0:
                largest = max(largest, _disk(directory))
            if done % 2_500 == 0:
                rate = done / (time.monotonic() - started)
                print(f"{done} notes, {rate:.1f} a second, {_resident()} MB resident", file=sys.stderr)
            if done == early:
                found |= {f"recall p95 ms at {early}": await _p95(memory, chance)}
                found |= {f"resident MB at {early}": _resident()}
        found |= {
            "remembered": done,
            "a second": round(done / (time.monotonic() - started), 1),
            "recall p95 ms at the end": await _p95(memory, chance),
            "resident MB at the end": _resident(),
        }
        last = _disk(directory)
        await memory.admin.examine(repair=True)
        with warnings.catch_warnings():  # nobody reads meanwhile
            warnings.simplefilter("ignore", UserWarning)
            await optimize(memory._store, timedelta(0), orphans=True)
        compact = _disk(directory)
    found |= {
        "disk MB at most": largest >> 20,
        "disk MB at the end": last >> 20,
        "compacted MB": compact >> 20,
    }
    found["disk ratio"] = round(last / max(1, compact), 2)
    found["largest disk ratio"] = round(max(largest, last) / max(1, compact), 2)
    ok = done == count and found["disk ratio"] <= 2
    if done > early:  # otherwise there is nothing to compare with
        resident = found["resident MB at the end"] / found[f"resident MB at {early}"]
        recall = found["recall p95 ms at the end"] / found[f"recall p95 ms at {early}"]
        found |= {"resident ratio": round(resident, 2), "recall ratio": round(recall, 2)}
        ok = ok and resident <= 1.5 and recall <= 2
    return found | {"ok": ok}


async def _p95(memory: AsyncMemory, chance: random.Random) -> float:
    took = []
    for _ in range(60):
        query = " ".join(chance.choices(WORDS, k=4))
        started = time.perf_counter()
        await memory.recall(query, namespace="user")
        took.append(1_000 * (time.perf_counter() - started))
    return round(sorted(took[10:])[47], 1)


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


TRIALS: dict[str, tuple[Callable[[Path, int, float], dict[str, Any]], int]] = {
    "kills": (killing, 200),
    "crowd": (crowding, 250),
    "bucket": (sharing, 6),
    "erasures": (erasing, 100),
    "fuzz": (fuzzing, 10_000),
    "singles": (growing, 50_000),
}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    for name, (trial, size) in TRIALS.items():
        parser.add_argument(f"--{name}", type=int, help=f"{trial.__doc__} Full size: {size}.")
    parser.add_argument("--minutes", type=float, default=60.0, help="at most so long for each trial")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = vars(parser.parse_args())
    chosen = {name: given[name] for name in TRIALS if given[name] is not None}
    results = {}
    for name, size in (chosen or {name: size for name, (_, size) in TRIALS.items()}).items():
        with tempfile.TemporaryDirectory(prefix=f"torture-{name}-") as folder:
            started = time.monotonic()
            results[name] = TRIALS[name][0](Path(folder), size, started + 60 * given["minutes"])
            results[name]["took seconds"] = round(time.monotonic() - started, 1)
        if given["json"]:
            continue
        print(f"\n{name} ({size})")
        for key, value in results[name].items():
            print(f"  {key:32} {value}", flush=True)
    if given["json"]:
        print(json.dumps(results, indent=2))
    return 0 if all(each["ok"] for each in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
