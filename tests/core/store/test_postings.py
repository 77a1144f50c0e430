"""The inverted index in memory against BM25 worked out text by text."""

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.store.postings import K1, MOST, B, Postings

TERMS = st.sampled_from(["cat", "dog", "rain", "snow"])
TEXTS = st.lists(TERMS, max_size=6).map(" ".join)


def bm25(texts: Sequence[str], alive: Sequence[bool], query: Sequence[str]) -> list[float]:
    """BM25 of each text, from its definition; 0 for those that are not alive."""
    bags = [Counter(text.split()) for text in texts]
    there = [bag for bag, counts in zip(bags, alive, strict=True) if counts]
    average = max(sum(bag.total() for bag in there) / max(len(there), 1), 1.0)
    scores = []
    for bag, counts in zip(bags, alive, strict=True):
        score = 0.0
        for term in dict.fromkeys(query):
            holding = sum(term in other for other in there)
            rarity = math.log(1 + (len(there) - holding + 0.5) / (holding + 0.5))
            norm = K1 * (1 - B + B * bag.total() / average)
            score += rarity * bag[term] * (K1 + 1) / (bag[term] + norm) if bag[term] else 0.0
        scores.append(score if counts else 0.0)
    return scores


def filled(texts: Sequence[str], together: int = 0) -> Postings:
    """The first `together` texts are added at once, the others one by one."""
    made = Postings()
    made.add_all(pa.array(texts[:together], pa.string()))
    for slot, text in enumerate(texts[together:], together):
        made.add(slot, text)
    return made


@given(
    st.integers(0, 8),
    st.lists(st.tuples(TEXTS, st.booleans()), max_size=8),
    st.lists(st.tuples(st.integers(0, 7), TEXTS), max_size=8),
    st.lists(TERMS | st.just("sun"), max_size=3),
)
def test_texts_added_and_replaced_in_any_order_score_as_bm25_says(
    together: int, first: list[tuple[str, bool]], later: list[tuple[int, str]], query: list[str]
) -> None:
    texts = [text for text, _ in first]
    alive = [counts for _, counts in first]
    postings = filled(texts, min(together, len(texts)))
    for slot, text in later:
        if slot < len(texts):
            postings.replace(slot, texts[slot], text)
            texts[slot] = text
    scores = postings.scores(query, np.array(alive, bool))
    assert scores.tolist() == pytest.approx(bm25(texts, alive, query))


@pytest.mark.parametrize("together", [0, 3])
def test_a_text_that_says_a_term_very_often_still_tells_its_slot(together: int) -> None:
    """The count of a term has few bits, and must not run over into the slot."""
    postings = filled(["cat", " ".join(["cat"] * (MOST + 200)), "dog"], together)
    everything = np.ones(3, bool)
    scores = postings.scores(["cat"], everything)
    assert scores[0] > 0
    assert scores[1] > 0
    assert scores[2] == 0
    postings.replace(1, " ".join(["cat"] * (MOST + 200)), "dog")
    assert postings.scores(["cat"], everything)[1] == 0


def test_slots_are_filled_one_after_the_other() -> None:
    with pytest.raises(AssertionError, match="one after the other"):
        filled(["cat"]).add(2, "dog")


def test_an_index_tells_about_how_large_it_is() -> None:
    small, large = filled(["cat"]), filled(["cat rain"] * 1_000)
    assert 0 < small.size < large.size
    large.replace(0, "cat rain", "cat rain snow")
    assert large.size > filled(["cat rain"] * 1_000).size
