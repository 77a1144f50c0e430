"""The command for long trials, at its smallest."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def torture(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tests.stress.torture", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_each_trial_asked_for_is_run_and_told() -> None:
    done = torture("--kills", "1", "--erasures", "2", "--fuzz", "60", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(done.stdout)
    assert set(found) == {"kills", "erasures", "fuzz"}
    assert found["erasures"]["receipts that verify"] == 2
    assert found["fuzz"]["values"] == 60
    assert (found["kills"]["kills"], found["kills"]["lost"]) == (1, 0)


def test_a_trial_that_runs_out_of_time_counts_as_failed() -> None:
    done = torture("--erasures", "5", "--minutes", "0", "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["erasures"]["runs"] == 0
