"""What the store promises, for as long as you like: kills, crowds, erasures, fuzz, a store that only grows.

    python -m tests.stress.torture                                everything at full size, about two hours
    python -m tests.stress.torture --kills 20 --erasures 10       only these, smaller
    python -m tests.stress.torture --singles 5000 --minutes 5     stop after five minutes, say how far it came

Embeddings come from hashed words, so that the store is measured and not a model. Prints a table; exits
with 1 if a promise was broken.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.stress import bucket, crowd, erasures, fuzz, kills, singles


class Trial(NamedTuple):
    """A trial in a folder, of a size, until a time (monotonic seconds); and its full size."""

    run: Callable[[Path, int, float], dict[str, Any]]
    full: int


TRIALS = {
    "kills": Trial(kills.trial, 200),
    "crowd": Trial(crowd.trial, 250),
    "bucket": Trial(bucket.trial, 6),
    "erasures": Trial(erasures.trial, 100),
    "fuzz": Trial(fuzz.trial, 10_000),
    "singles": Trial(singles.trial, 50_000),
}


def run(name: str, size: int, minutes: float) -> dict[str, Any]:
    """One trial in a folder of its own: what came of it, and whether the promise was kept (`ok`)."""
    with tempfile.TemporaryDirectory(prefix=f"torture-{name}-") as folder:
        started = time.monotonic()
        result = TRIALS[name].run(Path(folder), size, started + 60 * minutes)
        return result | {"took seconds": round(time.monotonic() - started, 1)}


def main() -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for name, trial in TRIALS.items():
        parser.add_argument(f"--{name}", type=int, help=f"{trial.run.__doc__} Full size: {trial.full}.")
    parser.add_argument("--minutes", type=float, default=60.0, help="at most so long for each trial")
    parser.add_argument("--json", action="store_true", help="print JSON")
    given = vars(parser.parse_args())
    sizes = {name: given[name] for name in TRIALS if given[name] is not None}
    results = {}
    for name, size in (sizes or {name: trial.full for name, trial in TRIALS.items()}).items():
        results[name] = run(name, size, given["minutes"])
        if not given["json"]:
            print(f"\n{name} ({size})")
            for key, value in results[name].items():
                print(f"  {key:32} {value}", flush=True)
    if given["json"]:
        print(json.dumps(results, indent=2))
    return 0 if all(each["ok"] for each in results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
