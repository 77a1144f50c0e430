"""Whether what was asked for is there at all: evidence that counts by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from zettelmem.language.terms import telling_words, words_with_terms
from zettelmem.protocols import Vectors

from .candidates import Candidates, Query, Signal
from .score import Ranking
from .signals import timely

FEW = 40
"""Candidates up to which the words of all are compared with the question's."""
BEST = 10
"""Of more candidates, those first in order whose words are compared."""
NEAREST = 5
"""Candidates, nearest in meaning, whose words are compared too."""
AROUND = 0.6
"""What a word of the question counts at least that stands in a note or around it, in [0, 1]."""
FEW_SEEN = 10
"""Candidates up to which their average cosine says little."""
IN_TIME = 0.3
"""What it counts that a note happened in the time that the question names."""
ANY = 1.0
"""Evidence that any note gives where a question asks for all that is known."""
LONGEST = 2_000
"""Characters of a text whose words are compared."""

Words = tuple[tuple[str, tuple[str, ...]], ...]
"""Words in lower case, each once, and the index terms of each."""


@lru_cache(maxsize=8_192)
def words_told(text: str) -> tuple[str, ...]:
    """The words of a note that carry meaning, in lower case, each once."""
    return telling_words(text[:LONGEST])


def words_of(text: str) -> Words:
    """The words of a question that carry meaning, in order, with their terms.

    >>> words_of("Where do the two cats sleep?")
    (('two', ('two',)), ('cats', ('cat',)), ('sleep', ('sleep',)))
    """
    found: dict[str, tuple[str, ...]] = {}
    for word, its_terms in words_with_terms(text[:LONGEST]):
        found.setdefault(word.lower(), its_terms)
    return tuple(found.items())


def looked_at(ranked: Ranking) -> list[int]:
    """The places of the few candidates that are looked at closely: first in order, or nearest in meaning."""
    if len(ranked.order) <= FEW:
        best: list[int] = ranked.order.tolist()
        return best
    nearest = np.argsort(-ranked.signals["meaning"], kind="stable")[:NEAREST]
    return list(dict.fromkeys([*ranked.order[:BEST].tolist(), *nearest.tolist()]))


def likest(asked: Vectors, own: Vectors, lengths: Sequence[int]) -> Signal:
    """For each text and each word of the question the highest cosine to a word of the text.

    The late interaction of ColBERT (Khattab and Zaharia, 2020), on vectors of single words.

    Args:
        asked: unit vectors of the question's words, float32, shape (n, dimensions).
        own: unit vectors of the words of all texts, one text after the other, float32.
        lengths: how many of them each text has.

    Returns:
        float64, shape (len(lengths), n), in [-1, 1]; 0 for a text without words.
    """
    found = np.zeros((len(lengths), len(asked)))
    filled = np.flatnonzero(lengths)
    if len(filled) and len(asked):
        # Not by a BLAS: it would start threads that cost more than the few sums.
        cosines = np.stack([np.einsum("ij,j->i", own, word) for word in asked], axis=1)
        starts = np.concatenate([[0], np.cumsum(lengths)[:-1]])[filled]
        found[filled] = np.maximum.reduceat(cosines, starts, axis=0)
    return found


def held(asked: Words, weights: Vectors, around: str, likeness: Signal) -> float:
    """The share of the question's words that a note holds, in [0, 1].

    A word counts as much as the likest word of the note is like it, and at least `AROUND` where it stands,
    in any form, in the note or around it. Words that say much weigh more than ordinary ones.

    Args:
        asked: the words of the question.
        weights: how much each of them says, from 0 up, shape (len(asked),).
        around: the index terms of all that the note is found by, blanks between.
        likeness: of each word of the question to the likest word of the note, shape (len(asked),).
    """
    if not weights.any():
        return 0.0
    around = f" {around} "
    there = np.array([_says(around, its_terms) for _, its_terms in asked], np.float64)
    return float(np.average(np.maximum(likeness, AROUND * there).clip(0.0, 1.0), weights=weights))


def _says(text: str, its_terms: Iterable[str]) -> bool:
    return any(f" {term} " in text for term in its_terms)


def raised(cosines: Signal) -> Signal:
    """Cosines above that of the average candidate, 1 for the same words; so they mean the same everywhere.

    An embedder that puts all texts close together, or does not know the language, gives high cosines to all.
    Of few candidates, the average says little.
    """
    count = len(cosines)
    average = max(float(cosines.mean()), 0.0) * count / (count + FEW_SEEN) if count else 0.0
    return (cosines - average) / (1.0 - average)


def strongest(candidates: Candidates, query: Query, places: Sequence[int], shares: Signal) -> float:
    """The evidence of the candidate that has most of it, from about -1 to 2.3; 0 where there are none.

    Evidence is how much nearer in meaning than others a note is, the share of the question's words that it
    holds, and whether it happened in the time that the question names.

    Args:
        candidates, query: what was found, and what is asked.
        places: of the candidates that were looked at.
        shares: for each of them what `held` tells.
    """
    if not places:
        return 0.0
    here = list(places)
    found = raised(candidates.cosines(query))[here] + shares
    if query.span is not None:
        found = found + IN_TIME * timely(candidates, query.span)[here]
    return float(found.max())
