"""Arms asked all questions of a corpus, one after the other, and what came of it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from harness import metrics
from harness.arms import Arm, Unavailable
from harness.corpus import CATEGORIES, Corpus, Question
from harness.metrics import Figures
from harness.shelf import Shelf

K = 20
SHOWN = 10
"""Hits whose tokens are counted: what `recall` returns by default."""


@dataclass
class Outcome:
    """One arm's answers.

    Attributes:
        retrieved: keys, best first, one list a question.
        figures: a row a scored question, a column of `metrics.COLUMNS` each.
        seconds, tokens: of each question.
    """

    arm: Arm
    retrieved: list[list[str]]
    figures: Figures
    seconds: list[float]
    tokens: list[int]

    def column(self, name: str) -> Figures:
        """One metric of every scored question."""
        values: Figures = self.figures[:, metrics.COLUMNS.index(name)]
        return values


def bar(console: Console) -> Progress:
    """A progress bar."""
    return Progress(
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True,
    )  # fmt: skip


def scored(corpus: Corpus) -> list[Question]:
    """The questions that have an answer among the texts; the others are asked, not scored."""
    return [question for question in corpus.questions if question.gold]


def members(questions: Sequence[Question], group: str) -> NDArray[np.bool_]:
    """Which questions belong to a group of the tables."""
    four = list(CATEGORIES.values())[:4]
    return np.array([group in (q.group, "all") or (group == "1-4" and q.group in four) for q in questions])


async def run(arms: Sequence[Arm], shelf: Shelf, console: Console) -> list[Outcome]:
    """Prepare and ask each arm; one that cannot run here is left out, and why is said."""
    corpus = shelf.corpus
    sizes = {(item.space, item.key): -(-len(item.text.encode()) // 4) for item in corpus.items}
    outcomes = []
    for arm in arms:
        with bar(console) as progress:
            task = progress.add_task(f"{arm.name}: remembering", total=len(corpus.items))
            shelf.progress = lambda n, p=progress, t=task: p.advance(t, n)  # type: ignore[misc]
            try:
                await arm.prepare(shelf)
            except Unavailable as missing:
                console.print(f"{arm.name} is left out: {missing}", markup=False)
                continue
            progress.reset(task, description=f"{arm.name}: asking", total=len(corpus.questions))
            retrieved, seconds, tokens = [], [], []
            for question in corpus.questions:
                started = time.perf_counter()
                keys = await arm.find(question, K)
                seconds.append(time.perf_counter() - started)
                retrieved.append(keys)
                tokens.append(sum(sizes[question.space, key] for key in keys[:SHOWN]))
                progress.advance(task)
        rows = [
            list(metrics.score(keys, question.gold).values())
            for keys, question in zip(retrieved, corpus.questions, strict=True)
            if question.gold
        ]
        names = tuple(metrics.score([], ["-"]))
        order = [names.index(name) for name in metrics.COLUMNS]
        figures = np.array(rows, float).reshape(-1, len(names))[:, order]
        outcomes.append(Outcome(arm, retrieved, figures, seconds, tokens))
    return outcomes
