"""Refit what a score is made of, and see what each threshold lets through.

    python benchmarks/fit_score.py --data FOLDER

asks the questions of locomo-dev.json to their own conversation and to a wrong one, and those of
everyday-dev.json that its notes answer and that they do not. A logistic regression then tells by the evidence
of the best hit, and the log of the number of notes, whether what was asked for is there. Conversations and
everyday notes count alike, and so do the embedders that are named. Each part is also judged by what was
fitted on the others. --db keeps the conversations for the next run.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from fit_weights import newton
from harness import metrics
from harness.corpus import Corpus, data_file, draft, read_locomo
from harness.trial import scored
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from zettelmem import Embedder, Hit, Memory
from zettelmem.providers import named_embedder
from zettelmem.ranking.score import BIAS, EVIDENCE, FEW, MANY

CONVERSATIONS, EVERYDAY = "locomo-dev.json", "everyday-dev.json"
THRESHOLDS = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
K = 10
FOLDS = 5


@dataclass
class Asked:
    """Questions of one kind, a row each.

    Attributes:
        rows: evidence of the best hit, and the log of the number of notes.
        known: whether what was asked for is there.
        best: the best score.
        right: the scores of the right hits among the first ten.
        fold: the part that a question belongs to when it is judged by the others.
    """

    rows: list[tuple[float, float]] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    best: list[float] = field(default_factory=list)
    right: list[list[float]] = field(default_factory=list)
    fold: list[int] = field(default_factory=list)

    def add(self, hits: Sequence[Hit], count: int, right: Sequence[float], known: bool, fold: int) -> None:
        """Take in what a question found among `count` notes."""
        score = min(max(hits[0].score, 1e-12), 1 - 1e-12)
        odds = float(np.log(score / (1 - score)))
        many = float(np.log(count + FEW))
        self.rows.append(((odds - BIAS - MANY * many) / EVIDENCE, many))
        self.known.append(known)
        self.best.append(hits[0].score)
        self.right.append(list(right))
        self.fold.append(fold)

    def lost(self, threshold: float) -> float:
        """The share of the right hits whose score is below the threshold."""
        scores = np.array([score for each in self.right for score in each])
        return float((scores < threshold).mean())

    def silent(self, threshold: float) -> float:
        """The share of the questions without an answer for which no hit reaches the threshold."""
        vain = np.array(self.best)[~np.array(self.known)]
        return float((vain < threshold).mean())


def conversations(corpus: Corpus, folder: Path, embedder: Embedder) -> Asked:
    """Every question, asked to its own conversation and to the next one in the data."""
    asked = Asked()
    spaces = corpus.spaces
    after = dict(zip(spaces, [*spaces[1:], spaces[0]], strict=True))
    with Memory(str(folder), judge="offline", embedder=embedder) as memory:
        for space in spaces:
            memory.remember_many([draft(item) for item in corpus.of(space)], namespace=space)
        sizes = {space: memory.stats(namespace=space).notes for space in spaces}
        for question in scored(corpus):
            for space in (question.space, after[question.space]):
                hits = memory.recall(question.text, namespace=space, k=K)
                own = space == question.space
                right = [hit.score for hit in hits if own and hit.note.key in question.gold]
                asked.add(hits, sizes[space], right, own, spaces.index(question.space) % FOLDS)
    return asked


def everyday(found: dict[str, Any], embedder: Embedder) -> Asked:
    """The questions of the first language, which has some that its notes do not answer."""
    asked = Asked()
    first = found["recall"][0]
    with Memory(embedder=embedder) as memory:
        made = [memory.remember(text, namespace="u").note.id for text in first["notes"]]
        for place, question in enumerate(first["questions"]):
            hits = memory.recall(question["ask"], namespace="u", k=K)
            right = [hit.score for hit in hits if hit.note.id == made[question["answer"]]]
            asked.add(hits, len(made), right, True, place % FOLDS)
        for place, question in enumerate(first["unanswerable"]):
            hits = memory.recall(question, namespace="u", k=K)
            asked.add(hits, len(made), [], False, place % FOLDS)
    return asked


def fitted(sets: Sequence[Asked], without: int | None = None) -> NDArray[np.float64]:
    """Weights of evidence and number, and the bias last; each set counts alike, and in it both classes."""
    rows: list[NDArray[np.float64]] = []
    known: list[NDArray[np.bool_]] = []
    most = max(len(each.rows) for each in sets)
    for each in sets:
        used = np.array(each.fold) != without
        for answered in (True, False):
            chosen = np.flatnonzero(used & (np.array(each.known) == answered))
            again = np.resize(chosen, most)  # the fewer are repeated
            rows.append(np.array(each.rows)[again])
            known.append(np.full(most, answered))
    return newton(np.concatenate(rows), np.concatenate(known), 1.0)


def told_apart(sets: Sequence[Asked]) -> list[float]:
    """The AUC of each set in percent, each fifth of its questions judged by a fit on the others."""
    weights = [fitted(sets, fold) for fold in range(FOLDS)]
    figures: list[float] = []
    for each in sets:
        odds = np.array([row @ weights[fold][:2] + weights[fold][2] for row, fold in _pairs(each)])
        known = np.array(each.known)
        figures.append(100 * metrics.auc(odds[known], odds[~known]))
    return figures


def _pairs(asked: Asked) -> list[tuple[NDArray[np.float64], int]]:
    return [(np.array(row), fold) for row, fold in zip(asked.rows, asked.fold, strict=True)]


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of both files (default: $ZETTELMEM_DATA)")
    parser.add_argument("--embedders", nargs="+", default=["wordllama"], help="(default: wordllama)")
    parser.add_argument("--db", type=Path, help="keep the conversations there, and use those that are there")
    options = parser.parse_args(given)
    corpus = read_locomo(data_file(options.data, CONVERSATIONS))
    notes = json.loads(data_file(options.data, EVERYDAY).read_text("utf-8"))
    sets: list[Asked] = []
    with tempfile.TemporaryDirectory() as folder:
        for name in options.embedders:
            embedder, place = named_embedder(name), Path(options.db or folder) / name.replace(":", "-")
            sets += [conversations(corpus, place, embedder), everyday(notes, embedder)]
    names = [f"{name}, {what}" for name in options.embedders for what in ("conversations", "everyday")]
    table = Table(
        "score at least",
        *(f"{name}: {what}" for name in names for what in ("silent %", "right hits lost %")),
        title="what a threshold does, with the constants as they are",
    )
    for threshold in THRESHOLDS:
        shares = [share for each in sets for share in (each.silent(threshold), each.lost(threshold))]
        table.add_row(f"{threshold:.2f}", *(f"{100 * share:.1f}" for share in shares))
    console = Console()
    console.print(table)
    for name, figure in zip(names, told_apart(sets), strict=True):
        console.print(f"{name}: AUC {figure:.1f} by what was fitted on the other four fifths")
    evidence, many, bias = fitted(sets)
    console.print(f"EVIDENCE, MANY, BIAS = {evidence:.1f}, {many:.1f}, {bias:.2f}")


if __name__ == "__main__":
    main()
