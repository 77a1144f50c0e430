"""Refit the weights of recall's signals from a run.

    python benchmarks/locomo.py --signals signals.npz
    python benchmarks/fit_weights.py signals.npz

A logistic regression tells what was asked for from the rest of each question's best candidates. It is
tried on conversations that it has not seen (the first half against the rest, both ways, and each against
all others) beside the shipped order on the same candidates, then fitted on all and printed as constants.
Several files are fitted together; one with a single namespace is cut into every other question.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from functools import reduce
from pathlib import Path

import numpy as np
from harness import metrics
from harness.corpus import CATEGORIES
from harness.report import Table, show
from harness.signals import Signals
from numpy.typing import NDArray
from rich.console import Console

Figures = NDArray[np.float64]
COLUMNS = ("R@5", "R@10", "R@20", "MRR")
ROUNDS = 100


def newton(values: Figures, gold: NDArray[np.bool_], strength: float) -> Figures:
    """Logistic regression by Newton's method: a weight a column, and the bias last.

    `strength` is how strongly the weights, not the bias, are drawn to 0: half of it times their squares.
    """
    table = np.column_stack([values, np.ones(len(values))])
    ridge = np.full(table.shape[1], strength)
    ridge[-1] = 1e-9  # keeps the step defined where all are of one class
    found = np.zeros(table.shape[1])

    def loss(at: Figures) -> float:
        margin = np.where(gold, 1.0, -1.0) * (table @ at)
        return float(np.logaddexp(0.0, -margin).sum() + 0.5 * (ridge * at) @ at)

    now = loss(found)
    for _ in range(ROUNDS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(table @ found, -35, 35)))
        slope = table.T @ (chance - gold) + ridge * found
        bend = (table * (chance * (1 - chance))[:, None]).T @ table + np.diag(ridge)
        step = np.linalg.solve(bend, slope)
        length = 1.0
        while loss(found - length * step) > now and length > 1e-6:
            length /= 2
        found = found - length * step
        before, now = now, loss(found)
        if before - now < 1e-9 * max(1.0, before):
            break
    return found


def fit(run: Signals, chosen: NDArray[np.bool_], strength: float) -> Figures:
    """Weights, and the bias last, from the candidates of the chosen questions; each counts once."""
    used = chosen[run.question]
    return newton(run.values[used], run.gold[used], strength)


def judged(run: Signals, scores: Figures) -> Figures:
    """`COLUMNS` of each question, its candidates ordered by these scores."""
    starts = np.searchsorted(run.question, np.arange(len(run.space) + 1))
    rows = []
    for i, wanted in enumerate(run.wanted):
        part = slice(int(starts[i]), int(starts[i + 1]))
        order = np.argsort(-scores[part], kind="stable")
        keys = [("gold" if run.gold[part][j] else "other") + str(j) for j in order]
        found = [key for key in keys if key.startswith("gold")]
        missing = [f"missing{j}" for j in range(int(wanted) - len(found))]
        figures = metrics.score(keys, [*found, *missing])
        rows.append([figures[name] for name in COLUMNS])
    return np.array(rows)


def held_out(run: Signals, folds: Sequence[set[str]], strength: float) -> Figures:
    """The scores of all candidates, each from weights fitted without its own fold of conversations."""
    scores = np.zeros(len(run.question))
    for fold in folds:
        inside = np.array([space in fold for space in run.space])
        weights = fit(run, ~inside, strength)
        mine = inside[run.question]
        scores[mine] = run.values[mine] @ weights[:-1]
    return scores


def comparison(run: Signals, orders: dict[str, Figures]) -> Table:
    """A row a group and way of ordering."""
    four = list(CATEGORIES.values())[:4]
    known = sorted(set(run.group), key=lambda name: [*CATEGORIES.values(), name].index(name))
    groups = {name: [each == name for each in run.group] for name in known}
    if set(four) & set(run.group):
        groups["1-4"] = [g in four for g in run.group]
    groups["all"] = [True] * len(run.group)
    figures = {name: judged(run, scores) for name, scores in orders.items()}
    rows = []
    for group, inside in groups.items():
        for i, (name, found) in enumerate(figures.items()):
            shown = 100 * found[np.array(inside)].mean(axis=0)
            head = [group, str(sum(inside))] if not i else ["", ""]
            rows.append([*head, name, *(f"{value:.1f}" for value in shown)])
    return Table("on conversations that the fit has not seen", ["questions", "n", "weights", *COLUMNS], rows)


def miscalibration(run: Signals, chances: Figures) -> float:
    """How far the chances are off on average, over ten bins of equal width."""
    bins = np.minimum((chances * 10).astype(int), 9)
    off = [
        (bins == i).sum() * abs(chances[bins == i].mean() - run.gold[bins == i].mean())
        for i in np.unique(bins)
    ]
    return float(sum(off) / len(chances))


def constants(run: Signals, strength: float) -> str:
    """The weights fitted on all questions, and the bias, as Python.

    The bias is fitted without the weights' penalty, and less the log of the candidates' number, which
    `zettelmem.ranking` takes off again.
    """
    weights = fit(run, np.ones(len(run.space), bool), strength)[:-1]
    total = (run.values @ weights)[:, None]
    slope, offset = newton(total, run.gold, 0.0)
    chances = 1 / (1 + np.exp(-(slope * total[:, 0] + offset)))
    count = np.log(np.median(np.bincount(run.question)))
    order = np.argsort(-np.abs(weights))
    lines = [f'    "{run.names[i]}": {slope * weights[i]:.2f},  # was {run.weights[i]:.2f}' for i in order]
    off = f"# chances are off by {100 * miscalibration(run, chances):.2f} points on average, here"
    return "\n".join(["WEIGHTS = {", *lines, "}", f"BIAS = {offset + count:.2f}", off])


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("signals", type=Path, nargs="+", help="what runs wrote with --signals")
    parser.add_argument("--strength", type=float, default=1.0, help="of the L2 penalty (default: 1)")
    parser.add_argument("--only", nargs="+", default=[], help="fit with these signals alone")
    parser.add_argument("--without", nargs="+", default=[], help="leave these signals out")
    options = parser.parse_args(given)
    for path in options.signals:
        if not path.is_file():
            sys.exit(f"{path} is not there; make it with locomo.py --signals {path}")
    runs = [Signals.load(path) for path in options.signals]
    halves = [each.halves() for each in runs]
    run = reduce(Signals.plus, runs)
    unknown = [name for name in (*options.only, *options.without) if name not in run.names]
    if unknown:
        sys.exit(f"no signal {', '.join(unknown)} in these runs; they have {', '.join(run.names)}")
    kept = [
        i
        for i, name in enumerate(run.names)
        if (not options.only or name in options.only) and name not in options.without
    ]
    run.names, run.weights, run.values = [run.names[i] for i in kept], run.weights[kept], run.values[:, kept]
    first = set[str]().union(*(half for half, _ in halves))
    spaces = list(dict.fromkeys(run.space))
    orders = {
        "shipped": run.score,
        "fitted, other half": held_out(run, [first, set(spaces) - first], options.strength),
        "fitted, all others": held_out(run, [{space} for space in spaces], options.strength),
    }
    show(Console(width=None if sys.stdout.isatty() else 120), [comparison(run, orders)])
    print(constants(run, options.strength))


if __name__ == "__main__":
    main()
