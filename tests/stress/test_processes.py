"""Processes that die, and processes that write at once. The long runs: tests/stress/torture.py."""

import random
from pathlib import Path

from tests.stress.crowd import crowd
from tests.stress.kills import kills


def test_killed_writers_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    tally = kills(tmp_path, 4, random.Random(7))
    assert (tally.lost, tally.unreadable, tally.torn) == ([], 0, 0)
    assert tally.acknowledged.total() > 10


def test_many_writers_upkeep_and_a_reader_at_once(tmp_path: Path) -> None:
    found = crowd(tmp_path, writers=4, notes=12, seconds=240)
    assert found["lost"] == []
    assert found["missed by the reader"] == 0
    assert found["links seen at one end"] == 0
    assert found["remembered"] == 48
    assert found["in sight"] == 48 - found["forgotten"] + found["brought back"]
