"""Which notes hold which term: an inverted index in memory, and BM25 over it."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pyarrow as pa

K1, B = 1.2, 0.75
"""Saturation of a term's count and weight of a text's length, as LanceDB and Lucene set them."""
COUNT_BITS = 8
"""Bits of a posting that hold how often the term occurs; the others hold the slot of the text."""
MOST = (1 << COUNT_BITS) - 1


class Postings:
    """Texts as bags of terms, each text in a slot of its own; slots are filled one after the other.

    A posting is one 32-bit number, the slot and the count of the term, so that a term's postings are read
    as one numpy array.
    """

    def __init__(self) -> None:
        self._terms: dict[str, array[int]] = {}
        self._lengths = array("i")
        self._total = 0

    def add(self, slot: int, text: str) -> None:
        """Put the terms of a text, with blanks between them, into the next slot."""
        assert slot == len(self._lengths), "slots are filled one after the other"
        terms = text.split()
        self._lengths.append(len(terms))
        self._total += len(terms)
        for term, count in Counter(terms).items():
            posting = (slot << COUNT_BITS) | min(count, MOST)
            postings = self._terms.get(term)
            if postings is None:
                self._terms[term] = array("I", (posting,))
            else:
                postings.append(posting)

    def add_all(self, texts: pa.Array) -> None:
        """Put the terms of many texts into the next slots: `add` for each, thirty times as fast."""
        import pyarrow.compute as pc

        first = len(self._lengths)
        split = pc.split_pattern(texts, " ")
        slots = np.repeat(np.arange(first, first + len(texts)), pc.list_value_length(split).to_numpy(False))
        coded = split.flatten().dictionary_encode()
        # A text without terms is split into one empty one.
        there = pc.not_equal(split.flatten(), "").to_numpy(False)
        slots, codes = slots[there], coded.indices.to_numpy(False)[there]
        self._lengths.frombytes(np.bincount(slots - first, minlength=len(texts)).astype(np.int32).tobytes())
        self._total += len(slots)
        pairs, counts = np.unique((codes.astype(np.int64) << 32) | slots, return_counts=True)
        packed = (((pairs & 0xFFFFFFFF) << COUNT_BITS) | np.minimum(counts, MOST)).astype(np.uint32)
        terms = coded.dictionary.to_pylist()
        bounds = np.searchsorted(pairs >> 32, np.arange(len(terms) + 1)).tolist()
        for term, start, end in zip(terms, bounds, bounds[1:], strict=False):
            if start < end:
                self._terms.setdefault(term, array("I")).frombytes(packed[start:end].tobytes())

    def replace(self, slot: int, old: str, new: str) -> None:
        """Put the terms of another text into a slot that holds the terms of `old`."""
        gone, come = old.split(), new.split()
        self._lengths[slot] += len(come) - len(gone)
        self._total += len(come) - len(gone)
        before, after = Counter(gone), Counter(come)
        for term in before.keys() | after.keys():
            if before[term] == after[term]:
                continue
            postings = self._terms.setdefault(term, array("I"))
            if before[term]:
                held = np.frombuffer(postings, np.uint32) >> COUNT_BITS
                place = int(np.flatnonzero(held == slot)[0])
                del held
                postings[place] = postings[-1]
                postings.pop()
            if after[term]:
                postings.append((slot << COUNT_BITS) | min(after[term], MOST))

    @property
    def size(self) -> int:
        """About how many bytes it takes."""
        return 4 * len(self._lengths) + 160 * len(self._terms) + 4 * self._total

    def scores(self, terms: Iterable[str], alive: NDArray[np.bool_]) -> NDArray[np.float64]:
        """BM25 of the terms in each text, as a share of what a text of average length with all of them has.

        0 where nothing matches, 1 where each term occurs once, a little more where they occur often or the
        text is short. A term that no text holds counts as the rarest of all.

        Robertson and Zaragoza, The Probabilistic Relevance Framework: BM25 and Beyond (2009). Statistics
        are those of the texts in `alive` alone.

        Args:
            terms: the terms of the query.
            alive: the slots that count, shape (slots,).

        Returns:
            float64, shape (slots,).
        """
        count = len(alive)
        scores = np.zeros(count)
        lengths = np.frombuffer(self._lengths, np.int32)[:count]
        total = int(np.count_nonzero(alive))
        if not total:
            return scores
        average = max(float(lengths[alive].mean()), 1.0)
        everything = 0.0
        for term in dict.fromkeys(terms):
            postings = self._terms.get(term)
            if postings is None:
                everything += float(np.log1p((total + 0.5) / 0.5))
                continue
            packed = np.frombuffer(postings, np.uint32)
            slots = packed >> COUNT_BITS
            often = (packed & MOST).astype(np.float64)
            holding = int(np.count_nonzero(alive[slots]))
            rarity = np.log1p((total - holding + 0.5) / (holding + 0.5))
            norm = K1 * (1 - B + B * lengths[slots] / average)
            scores[slots] += rarity * often * (K1 + 1) / (often + norm)
            everything += float(rarity)
        scores[~alive] = 0.0
        return scores / everything if everything else scores
