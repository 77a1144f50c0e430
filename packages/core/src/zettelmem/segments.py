"""Where the matter changes in a long text. Pure: sentences and their vectors in, pieces of the text out.

The text is cut so that the pieces hold together best, found by dynamic programming over all ways to cut it
(Utiyama and Isahara, 2001), with the likeness of sentence vectors in place of words (as TextTiling compares
neighbouring blocks, Hearst, 1997). A cut costs less where the writer began a paragraph or a heading.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .protocols import Vectors
from .render import one_line

COST = 0.9
"""What a cut must gain in cohesion inside of a paragraph: about a sentence that stands apart.

Chosen on texts made of five paragraphs of 2WikiMultihopQA, with the default embedder; docs/brief.md tells
what is found there."""
AT_PARAGRAPH, AT_HEADING = 0.54, 0.09
"""The same where a paragraph begins, and where a heading does."""
FULL = 60
"""Characters from which a sentence counts fully; a shorter one tells less of the matter."""
LONGEST = 60
"""Sentences of one piece at most."""
_SENTENCE = re.compile(
    r"\S.*?(?:[.!?\u2026]+[\"'\u201d\u2019)\]]*(?=\s)|[\u3002\uff01\uff1f]+|(?=\n)|\Z)", re.DOTALL
)
_HEADING = re.compile(r"#{1,6} |[=*-]{3,}\s*$")


@dataclass(frozen=True)
class Sentence:
    """A sentence, or a line, of a text.

    Attributes:
        start, end: where it stands in the text.
        cost: what a cut before it costs.
    """

    start: int
    end: int
    cost: float


def sentences(text: str) -> list[Sentence]:
    """The sentences of a text, in order; a line ends one too."""
    found: list[Sentence] = []
    for match in _SENTENCE.finditer(text):
        between = text[found[-1].end : match.start()] if found else ""
        cost = AT_PARAGRAPH if between.count("\n") > 1 else COST
        if _HEADING.match(match.group()) and "\n" in between:
            cost = AT_HEADING
        found.append(Sentence(match.start(), match.end(), cost))
    return found


def pieces(text: str, found: Sequence[Sentence], vectors: Vectors, most: int) -> list[str]:
    """The text in pieces, cut where the matter changes; nothing but white space between them is left out.

    Args:
        text: the text.
        found: its sentences.
        vectors: a unit vector of each sentence, float32, shape (len(found), dimensions).
        most: pieces at most, 2 or more.
    """
    lengths = np.array([each.end - each.start for each in found])
    vectors = vectors * np.minimum(1.0, lengths / FULL)[:, None]
    costs = np.array([each.cost for each in found])
    starts = cuts(vectors, costs)
    while len(starts) > most:
        costs = costs * 2.0
        starts = cuts(vectors, costs, longest=2 * len(found) // most)
    ends = [found[start - 1].end for start in starts[1:]] + [found[-1].end]
    return [text[found[start].start : end] for start, end in zip(starts, ends, strict=True)]


def beginning(text: str, size: int) -> str:
    """How a text begins: its first line without a heading's marks, cut to `size` characters."""
    return one_line(text.split("\n")[0].lstrip("# "), size)


def begins_with(text: str, words: str) -> bool:
    """Whether `words` are what `beginning` made of a text."""
    return beginning(text, len(words)) == words


def cuts(vectors: NDArray[Any], costs: NDArray[Any], longest: int = LONGEST) -> list[int]:
    """The first sentence of each piece, so that the cohesion of all pieces less the cost of cuts is highest.

    The cohesion of a piece is the length of the sum of its vectors: as many as its sentences, if these all
    say the same, and about the root of that if they have nothing in common.

    Args:
        vectors: of the sentences, as long as each counts, shape (n, dimensions).
        costs: of a cut before each sentence, shape (n,).
        longest: sentences of one piece at most.
    """
    count = len(vectors)
    sums = np.concatenate([np.zeros((1, vectors.shape[1])), np.cumsum(vectors, axis=0, dtype=np.float64)])
    best = np.zeros(count + 1)
    before = np.zeros(count + 1, np.intp)
    for end in range(1, count + 1):
        first = max(0, end - longest)
        held = np.linalg.norm(sums[end] - sums[first:end], axis=1)
        totals = best[first:end] + held - costs[first:end]
        before[end] = first + int(np.argmax(totals))
        best[end] = totals.max()
    starts: list[int] = []
    end = count
    while end:
        end = int(before[end])
        starts.append(end)
    return starts[::-1]
