"""How much recall@10 falls when one signal is left out, on a run's own candidates.

python benchmarks/locomo.py --signals signals.npz
python benchmarks/sensitivity.py signals.npz
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from fit_weights import COLUMNS, judged
from harness.report import Table, show
from harness.signals import Signals
from rich.console import Console

PLACE = COLUMNS.index("R@10")


def sensitivity(run: Signals) -> Table:
    """A row a signal: its weight, and the change of R@10 in points without it."""
    totals = run.values @ run.weights
    whole = 100 * judged(run, totals)[:, PLACE].mean()
    rows = [["all of them", "", f"{whole:.1f}"]]
    for place, name in enumerate(run.names):
        without = totals - run.values[:, place] * run.weights[place]
        change = 100 * judged(run, without)[:, PLACE].mean() - whole
        rows.append([name, f"{run.weights[place]:g}", f"{change:+.1f}"])
    return Table("recall@10 without one signal", ["signal", "weight", "points"], rows)


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    (file,) = given if given is not None else sys.argv[1:]
    show(Console(), [sensitivity(Signals.load(Path(file)))])


if __name__ == "__main__":
    np.seterr(all="raise", under="ignore")
    main()
