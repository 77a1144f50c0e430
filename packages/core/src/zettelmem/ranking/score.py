"""From signals to one score and an order. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from .candidates import Candidates, Query, Signal
from .signals import SEEDS, signals, spread, walk

WEIGHTS: Mapping[str, float] = {
    "content": 1.2,
    "surroundings": 3.6,
    "meaning": 3.5,
    "likeness": 4.0,
    "speaker": 1.0,
    "thread": 6.0,
    "links": 0.3,
    "named": 3.0,
    "bridge": 5.0,
    "reranker": 3.0,
    "time": 2.0,
    "when": 0.2,
    "says_when": 0.6,
    "tells": 1.0,
    "answers": 0.6,
    "length": 0.9,
    "idle": -6.0,
    "another": -3.0,
    "resting": -0.5,
    "newest": 10.0,
    "outdated": -14.0,
}
"""What each signal counts."""
FEW = 50
"""Candidates up to which their number hardly counts."""
EVIDENCE, MANY, BIAS = 10.7, -2.2, 4.9
"""From evidence, and the log of the number of candidates, to log odds that what was asked for is there.

`benchmarks/fit_score.py` fits them, for all shipped embedders together.
"""
BEHIND = 0.1
"""What a candidate's log odds lose by each point that its weighted sum is behind the best one."""


@dataclass(frozen=True)
class Ranking:
    """Candidates in order, best first.

    Attributes:
        order: places in the candidates, shape (n,).
        totals: weighted sum of each candidate's signals, in the candidates' own order.
        signals: each signal's values, in the candidates' own order.
        evidence: of the candidate that has most of it; see `evidence.strongest`.
    """

    order: NDArray[np.intp]
    totals: Signal
    signals: dict[str, Signal]
    evidence: float = 0.0

    @property
    def scores(self) -> Signal:
        """Score in [0, 1] of each candidate: of the best, about how likely what was asked for is there.

        The evidence is absolute, so that scores of different questions can be compared. Among many notes one
        holds some words of a question by chance, so their number counts against it. The scores of
        the other candidates are below that of the best, in the order of their weighted sums.
        """
        count = len(self.totals)
        if not count:
            return np.zeros(0)
        known = EVIDENCE * self.evidence + MANY * np.log(count + FEW) + BIAS
        odds = known - BEHIND * np.maximum(self.totals[self.order[0]] - self.totals, 0.0)
        scores: Signal = 1.0 / (1.0 + np.exp(-odds))
        return scores

    def plus(self, name: str, signal: Signal) -> Self:
        """The ranking with one more signal."""
        totals = self.totals + WEIGHTS[name] * signal
        order = np.argsort(-totals, kind="stable")
        return replace(self, order=order, totals=totals, signals={**self.signals, name: signal})

    def only(self, count: int) -> Self:
        """The ranking without the candidates that stand behind the first `count`."""
        return replace(self, order=self.order[self.order < count])


def weighted(values: Mapping[str, Signal], count: int) -> Signal:
    """The weighted sum of the signals that are there."""
    return sum((WEIGHTS[name] * signal for name, signal in values.items()), np.zeros(count))


def rank(candidates: Candidates, query: Query, *, expand: bool = True) -> Ranking:
    """Signals, score and order of the candidates; ties go to the earlier candidate.

    Args:
        candidates: what the searches found.
        query: what is asked.
        expand: let linked notes vote.
    """
    found = signals(candidates, query)
    totals = weighted(found, len(candidates))
    if expand:
        found["links"] = walk(candidates, spread(totals))
        totals = totals + WEIGHTS["links"] * found["links"]
    return Ranking(np.argsort(-totals, kind="stable"), totals, found)


def reachable(candidates: Candidates, ranked: Ranking) -> list[str]:
    """The notes linked to the best candidates that are no candidates themselves."""
    linked = (other for place in ranked.order[:SEEDS] for other in candidates.linked[place])
    return [other for other in dict.fromkeys(linked) if other not in candidates.places]


def reranked(ranked: Ranking, places: Sequence[int], given: Sequence[float]) -> Ranking:
    """The ranking with a reranker's scores of the candidates at `places` as one more signal.

    What it did not look at stays behind what it did.
    """
    looked = np.zeros(len(ranked.totals), bool)
    looked[list(places)] = True
    signal = np.zeros(len(ranked.totals))
    signal[list(places)] = spread(np.asarray(given, np.float64))
    again = ranked.plus("reranker", signal)
    return replace(again, order=np.lexsort((-again.totals, ~looked)))
