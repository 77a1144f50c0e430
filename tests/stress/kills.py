"""Writers that are killed at random moments: nothing acknowledged is lost, and the store opens every time."""

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.stress.process import Acknowledgement, Process, missing
from zettelmem import Memory
from zettelmem.testing import HashEmbedder, hold

STORE = 10
"""Kills of one store; the next one begins anew."""


@dataclass
class Tally:
    """What some kills led to.

    Attributes:
        acknowledged: changes, by verb.
        lost: what is wrong, in words.
        unreadable, torn: stores that did not open, and that broke an invariant.
    """

    kills: int = 0
    acknowledged: Counter[str] = field(default_factory=Counter)
    lost: list[str] = field(default_factory=list)
    unreadable: int = 0
    torn: int = 0


def kills(directory: Path, count: int, chance: random.Random) -> Tally:
    """Kill writers, every other one while a second process does upkeep; look at the store after each."""
    tally = Tally()
    by_writer: list[list[Acknowledgement]] = []
    for number in range(count):
        by_writer.append(_kill_one(directory, number, chance))
        tally.kills += 1
        try:
            with Memory(str(directory), embedder=HashEmbedder()) as memory:
                for acknowledged in by_writer:
                    tally.lost += missing(memory, acknowledged)
                hold(memory)
        except AssertionError as error:
            tally.torn += 1
            tally.lost.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the store did not open
            tally.unreadable += 1
            tally.lost.append(repr(error))
    for acknowledged in by_writer:
        tally.acknowledged.update(each["did"] for each in acknowledged)
    return tally


def _kill_one(directory: Path, number: int, chance: random.Random) -> list[Acknowledgement]:
    writer = Process(["write", str(directory), f"w{number}", "-1", str(chance.randrange(1 << 30))])
    tender = Process(["tend", str(directory), "0.01"]) if number % 2 else None
    deadline = time.monotonic() + 60
    while not writer.acknowledged() and writer.running.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(chance.uniform(0, 1.2))
    if tender is not None:
        tender.kill()
    return writer.kill()


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Writers killed at random moments, every other one while another process optimizes."""
    chance = random.Random(1)
    total = Tally()
    store = 0
    while total.kills < count and time.monotonic() < end:
        store += 1
        tally = kills(directory / str(store), min(STORE, count - total.kills), chance)
        total.kills += tally.kills
        total.acknowledged += tally.acknowledged
        total.lost += tally.lost
        total.unreadable += tally.unreadable
        total.torn += tally.torn
    by_verb = {f"acknowledged {verb}": times for verb, times in total.acknowledged.items()}
    return {
        "kills": total.kills,
        "acknowledged": total.acknowledged.total(),
        "lost": len(total.lost),
        "unreadable": total.unreadable,
        "invariants broken": total.torn,
        **by_verb,
        "ok": not total.lost and total.kills > 0,
        "problems": total.lost[:5],
    }
