"""What is so now: the newest word first where the question is about now, and else nothing moved."""

from datetime import UTC, datetime

import numpy as np
import pytest

from zettelmem.ranking.candidates import Candidates, Query
from zettelmem.ranking.currency import newest_first
from zettelmem.ranking.names import Names
from zettelmem.ranking.score import Ranking

VECTOR = np.zeros(2, np.float32)


def candidates(newer: dict[str, tuple[str, ...]]) -> Candidates:
    """Candidates of which nothing is known but the later words on their matters."""
    count = len(newer)
    zeros, flags = np.zeros(count), np.zeros(count, bool)
    return Candidates(
        ids=list(newer),
        threads=np.full(count, -1, np.int32),
        speakers=np.full(count, -1, np.int32),
        people=[],
        occurred=zeros,
        lengths=np.zeros(count, np.int32),
        says_when=flags,
        asks=flags,
        answers=flags,
        names=Names(),
        linked=[()] * count,
        link_weights=[()] * count,
        newer=list(newer.values()),
        resting=flags,
        idle=flags,
        vectors=np.zeros((count, 2), np.float32),
        content=zeros,
        around=zeros,
    )


def ordered(newer: dict[str, tuple[str, ...]], query: str, span: bool = False) -> list[str]:
    """The ids after the look at what is so now; before it they stand as they are given."""
    found = candidates(newer)
    totals = np.arange(len(found), 0, -1, dtype=np.float64)
    asked = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    ranked = newest_first(
        found,
        Ranking(np.arange(len(found)), totals, {}),
        Query(query, (), VECTOR, asked if span else None),
    )
    return [found.ids[place] for place in ranked.order]


def test_the_newest_word_takes_the_place_of_the_older_one_which_comes_last() -> None:
    assert ordered({"old": ("new",), "other": (), "new": ()}, "Where do I live?") == ["new", "other", "old"]


def test_of_a_chain_the_last_word_comes_first() -> None:
    chain = {"first": ("second",), "second": ("third",), "other": (), "third": ()}
    assert ordered(chain, "When is the release?") == ["third", "other", "first", "second"]


@pytest.mark.parametrize(
    "query",
    [
        "Where did I live before?",
        "What was the original launch date?",
        "Where did Ana use to work?",
        "Which day was it moved from?",
    ],
)
def test_a_question_about_the_past_moves_nothing(query: str) -> None:
    assert ordered({"old": ("new",), "new": ()}, query) == ["old", "new"]


def test_a_question_that_names_a_time_moves_nothing() -> None:
    assert ordered({"old": ("new",), "new": ()}, "Where do I live?", span=True) == ["old", "new"]


def test_a_later_word_that_is_out_of_sight_moves_nothing() -> None:
    assert ordered({"old": ("elsewhere",), "other": ()}, "Where do I live?") == ["old", "other"]


def test_words_that_go_in_a_circle_end_the_walk() -> None:
    assert set(ordered({"one": ("two",), "two": ("one",)}, "Where do I live?")) == {"one", "two"}


@pytest.mark.parametrize("query", ["What was the door code again?", "How old is my son?", "Where do I live?"])
def test_who_asks_again_or_for_an_age_asks_about_now(query: str) -> None:
    assert ordered({"old": ("new",), "new": ()}, query) == ["new", "old"]
