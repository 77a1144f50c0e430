"""Every signal of the best candidates of every question, in one file: what `fit_weights.py` learns from."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from harness.arms import Ours
from harness.corpus import Corpus
from harness.trial import bar, scored

DEPTH = 100
"""Candidates a question."""


@dataclass
class Signals:
    """Candidates of all questions under each other, best first within a question.

    Attributes:
        names: of the signals.
        weights: what each counted in the run.
        values: shape (candidates, signals).
        question: which question each candidate is of, ascending.
        gold: whether it answers it.
        score: what the run scored it.
        space, group: of each question.
        wanted: how many texts answer each question, found or not.
    """

    names: list[str]
    weights: NDArray[np.float64]
    values: NDArray[np.float64]
    question: NDArray[np.int64]
    gold: NDArray[np.bool_]
    score: NDArray[np.float64]
    space: list[str]
    group: list[str]
    wanted: NDArray[np.int64]

    def save(self, path: Path) -> None:
        """Write it as NumPy's npz."""
        with path.open("wb") as file:
            np.savez_compressed(
                file,
                names=np.array(self.names),
                weights=self.weights,
                values=self.values.astype(np.float32),
                question=self.question,
                gold=self.gold,
                score=self.score,
                space=np.array(self.space),
                group=np.array(self.group),
                wanted=self.wanted,
            )

    @classmethod
    def load(cls, path: Path) -> Signals:
        """Read what `save` wrote."""
        with np.load(path) as kept:
            return cls(
                names=[str(name) for name in kept["names"]],
                weights=kept["weights"],
                values=kept["values"].astype(np.float64),
                question=kept["question"],
                gold=kept["gold"],
                score=kept["score"],
                space=[str(space) for space in kept["space"]],
                group=[str(group) for group in kept["group"]],
                wanted=kept["wanted"],
            )

    def halves(self) -> tuple[set[str], set[str]]:
        """The first half of the namespaces and the rest; a lone one is cut into two, every other question."""
        spaces = list(dict.fromkeys(self.space))
        if len(spaces) == 1:
            self.space = [f"{space}, {'even' if i % 2 else 'odd'}" for i, space in enumerate(self.space)]
            spaces = list(dict.fromkeys(self.space))
        half = -(-len(spaces) // 2)
        return set(spaces[:half]), set(spaces[half:])

    def plus(self, more: Signals) -> Signals:
        """Both runs as one; a signal that one of them lacks is 0 there."""
        names = list(dict.fromkeys([*self.names, *more.names]))
        values = np.zeros((len(self.values) + len(more.values), len(names)))
        for part, rows in ((self, slice(0, len(self.values))), (more, slice(len(self.values), None))):
            for i, name in enumerate(part.names):
                values[rows, names.index(name)] = part.values[:, i]
        known = dict(zip(more.names, more.weights, strict=True))
        known |= dict(zip(self.names, self.weights, strict=True))
        return Signals(
            names=names,
            weights=np.array([known[name] for name in names]),
            values=values,
            question=np.concatenate([self.question, more.question + len(self.space)]),
            gold=np.concatenate([self.gold, more.gold]),
            score=np.concatenate([self.score, more.score]),
            space=self.space + more.space,
            group=self.group + more.group,
            wanted=np.concatenate([self.wanted, more.wanted]),
        )


async def collect(arm: Ours, corpus: Corpus, console: Console) -> Signals:
    """Recall deep and with reasons; a signal that a hit lacks is 0 there."""
    asked = scored(corpus)
    rows: list[dict[str, float]] = []
    question: list[int] = []
    gold: list[bool] = []
    score: list[float] = []
    weights: dict[str, Any] = {}
    with bar(console) as progress:
        for i, each in enumerate(progress.track(asked, description="signals")):
            for hit in await arm.hits(each, DEPTH, explain=True):
                weights |= hit.weights
                rows.append(hit.signals)
                question.append(i)
                gold.append(hit.note.key in each.gold)
                score.append(hit.score)
    names = list(dict.fromkeys(name for row in rows for name in row))
    return Signals(
        names=names,
        weights=np.array([float(weights.get(name, 0.0)) for name in names]),
        values=np.array([[row.get(name, 0.0) for name in names] for row in rows]).reshape(-1, len(names)),
        question=np.array(question, np.int64),
        gold=np.array(gold, bool),
        score=np.array(score),
        space=[each.space for each in asked],
        group=[each.group for each in asked],
        wanted=np.array([len(each.gold) for each in asked], np.int64),
    )
