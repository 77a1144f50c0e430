"""Can the score tell that nothing relevant is there? Each question is also asked to a wrong conversation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from rich.console import Console

from harness import metrics
from harness.arms import Ours
from harness.corpus import Corpus
from harness.metrics import Figures
from harness.report import Table
from harness.trial import bar, scored

THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98)
DEPTH = 10
"""Hits asked for; the best one's score decides."""


@dataclass
class Abstention:
    """The best hit's score of each question, asked where its answer is and asked where it is not."""

    right: Figures
    wrong: Figures

    def at(self, threshold: float) -> dict[str, float]:
        """Precision and recall of "something relevant is here" if the best score reaches the threshold."""
        kept, fooled = int((self.right >= threshold).sum()), int((self.wrong >= threshold).sum())
        precision = kept / (kept + fooled) if kept + fooled else 1.0
        recall = kept / len(self.right)
        return {
            "threshold": threshold,
            "precision": 100 * precision,
            "recall": 100 * recall,
            "F1": 100 * (2 * precision * recall / (precision + recall) if kept else 0.0),
            "let through": 100 * fooled / len(self.wrong),
        }

    def best(self) -> float:
        """The score that gives the highest F1 as a threshold."""
        seen: set[float] = {*self.right.tolist(), *self.wrong.tolist()}
        return max(sorted(seen), key=lambda threshold: self.at(threshold)["F1"])

    def figures(self) -> dict[str, Any]:
        """All of it."""
        return {
            "AUC": 100 * metrics.auc(self.right, self.wrong),
            "thresholds": [self.at(x) for x in THRESHOLDS],
            "best": self.at(self.best()),
            "median right": float(np.median(self.right)),
            "median wrong": float(np.median(self.wrong)),
        }

    def table(self) -> Table:
        """As a table."""
        found = self.figures()
        names = ["precision", "recall", "F1", "let through"]
        rows = [
            [f"{each['threshold']:.2f}{mark}", *(f"{each[name]:.1f}" for name in names)]
            for each, mark in [*((x, "") for x in found["thresholds"]), (found["best"], " (best F1)")]
        ]
        title = (
            f"abstention: {len(self.right)} questions asked here and to a wrong conversation; "
            f"AUC {found['AUC']:.1f}"
        )
        return Table(title, ["best score at least", *names], rows)


async def abstention(arm: Ours, corpus: Corpus, console: Console) -> Abstention | None:
    """Ask every question to its own namespace and to the next one in the data; None if there is only one."""
    spaces = corpus.spaces
    if len(spaces) < 2:
        console.print("abstention needs two conversations: there is no wrong one to ask")
        return None
    after = dict(zip(spaces, [*spaces[1:], spaces[0]], strict=True))
    right: list[float] = []
    wrong: list[float] = []
    with bar(console) as progress:
        for question in progress.track(scored(corpus), description="abstention"):
            for scores, space in ((right, question.space), (wrong, after[question.space])):
                hits = await arm.hits(question, DEPTH, space)
                scores.append(hits[0].score if hits else 0.0)
    return Abstention(np.array(right), np.array(wrong))
