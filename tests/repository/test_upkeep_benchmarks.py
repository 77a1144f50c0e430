"""The benchmarks of upkeep, on a made-up conversation and a made-up month."""

import re
from pathlib import Path

from tests.repository.test_benchmarks import command, data

__all__ = ["data"]  # a fixture


def test_near_doubles_are_merged_and_every_change_is_taken_back(data: Path) -> None:
    done = command("doubles.py", "--data", data, "--convs", "made-up-1", "--share", "0.3")
    assert done.returncode == 0, done.stderr
    told = dict(re.findall(r"(.+?) {2,}(.+)", done.stdout))
    assert told["near-doubles merged"].endswith("100.0 %")
    assert told["merged though a value differs"] == "0"
    assert told["all changes undone, the store is as before"] == "True"


def test_a_month_with_upkeep_stands_beside_one_without() -> None:
    done = command("year.py", "--a-day", "2", "--days", "30", "--ask", "4")
    assert done.returncode == 0, done.stderr
    assert done.stdout.index("without upkeep") < done.stdout.index("with upkeep\n")
    assert "upkeep took 0.0 % of remembering" in done.stdout
