"""How good a ranked list is, and how sure we may be that one arm is better than another."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

KS = (2, 5, 10, 20)
COLUMNS = (*(f"{letter}@{k}" for letter in "RHA" for k in KS), "MRR", "N@10")
"""R: share of the gold in the top k. H: any of it there. A: all of it there. MRR. N: nDCG."""
RESAMPLES = 1_000
SEED = 20240817

Figures = NDArray[np.float64]


def score(ranked: Iterable[str], gold: Sequence[str]) -> dict[str, float]:
    """Every column of one ranked list, each in [0, 1]; an id that comes twice counts where it came first."""
    order, wanted = list(dict.fromkeys(ranked)), set(gold)
    found: dict[str, float] = {}
    for k in KS:
        hits = len(wanted.intersection(order[:k]))
        found[f"R@{k}"] = hits / len(wanted)
        found[f"H@{k}"] = float(hits > 0)
        found[f"A@{k}"] = float(hits == len(wanted))
    ranks = [rank for rank, key in enumerate(order, 1) if key in wanted]
    found["MRR"] = 1 / ranks[0] if ranks else 0.0
    ideal = sum(1 / math.log2(rank + 1) for rank in range(1, min(10, len(wanted)) + 1))
    found["N@10"] = sum(1 / math.log2(rank + 1) for rank in ranks if rank <= 10) / ideal
    return found


def interval(values: Figures) -> tuple[float, float]:
    """The middle 95 % of the means of resamples of `values`: a percentile bootstrap with a fixed seed.

    For the difference of two arms, give the differences question by question: that is the paired form.
    """
    if not len(values):
        return 0.0, 0.0
    chosen = np.random.default_rng(SEED).integers(0, len(values), (RESAMPLES, len(values)))
    low, high = np.percentile(values[chosen].mean(axis=1), (2.5, 97.5))
    return float(low), float(high)


def auc(positive: Figures, negative: Figures) -> float:
    """How likely a random positive scores above a random negative; a tie counts half."""
    ordered = np.sort(negative)
    below = np.searchsorted(ordered, positive, "left")
    level = np.searchsorted(ordered, positive, "right") - below
    return float((below + level / 2).mean() / len(negative))


def percentile(values: Sequence[float], q: float) -> float:
    """The q-th percentile, 0 where there are no values."""
    return float(np.percentile(values, q)) if len(values) else 0.0
