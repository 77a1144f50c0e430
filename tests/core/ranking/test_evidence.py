"""Evidence counts by itself: what a score is made of."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem import MIN_SCORE, AsyncMemory, Memory, for_prompt, to_ask_for
from zettelmem.ranking import evidence
from zettelmem.ranking.score import Ranking
from zettelmem.testing import HashEmbedder

NOTES = [
    "I run a small bakery in Gdansk with my sister Ola.",
    "The old oven must be lit by four, or the rolls are not ready at seven.",
    "My boy Kuba collects fossils and wants to dig up a dinosaur.",
    "I have a season ticket for the football club.",
    "My doctor told me to cut down on salt.",
    "The alarm code at the shop is 7731.",
    "The landlord wants to sell the building next spring.",
    "I sing bass in the shipyard choir.",
]
ANSWERED = [
    ("What is the alarm code?", "The alarm code at the shop is 7731."),
    ("What does Kuba collect?", "My boy Kuba collects fossils and wants to dig up a dinosaur."),
    ("What does the landlord want to sell?", "The landlord wants to sell the building next spring."),
]
UNANSWERED = ["What is the capital of Peru?", "How do I sort a list in Python?", "Who wrote Hamlet?"]


def ranking(totals: list[float], found: float) -> Ranking:
    """Candidates with these weighted sums, and this evidence that one of them is meant."""
    sums = np.array(totals)
    return Ranking(np.argsort(-sums, kind="stable"), sums, {"meaning": sums}, found)


def test_a_score_grows_with_the_evidence_and_not_with_the_distance_to_the_others() -> None:
    assert ranking([9.0, 1.0], 0.2).scores[0] < ranking([9.0, 1.0], 0.4).scores[0]
    assert ranking([9.0, 1.0], 0.4).scores[0] == ranking([9.0, 8.0], 0.4).scores[0]


def test_among_more_notes_the_same_evidence_says_less() -> None:
    assert ranking([1.0] * 600, 0.6).scores[0] < MIN_SCORE < ranking([1.0] * 30, 0.6).scores[0]


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=30), st.floats(-1, 3))
def test_scores_keep_the_order(totals: list[float], found: float) -> None:
    made = ranking(totals, found)
    scores = made.scores[made.order]
    assert np.all(np.diff(scores) <= 0)
    assert np.all((scores >= 0) & (scores <= 1))


def test_of_many_candidates_the_best_and_the_nearest_are_looked_at() -> None:
    totals = np.arange(100.0)[::-1]
    meaning = np.zeros(100)
    meaning[77] = 1.0
    made = Ranking(np.argsort(-totals, kind="stable"), totals, {"meaning": meaning})
    looked = evidence.looked_at(made)
    assert looked[: evidence.BEST] == list(range(evidence.BEST))
    assert 77 in looked
    assert len(looked) <= evidence.BEST + evidence.NEAREST


def test_the_likest_word_of_each_text_counts() -> None:
    east, north = np.array([1.0, 0.0], np.float32), np.array([0.0, 1.0], np.float32)
    asked, own = np.stack([east, north]), np.stack([east, north, north])
    found = evidence.likest(asked, own, [2, 0, 1])
    assert found.tolist() == [[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]]


def test_a_word_around_a_note_counts_less_than_one_that_it_says() -> None:
    asked = evidence.words_of("alarm code")
    said = evidence.shared(asked, "alarm code shop", 0.3)
    nothing = np.zeros(2)
    assert evidence.shared(asked, "alarm", 0.3).tolist() == [1.0, evidence.UNSAID * 0.3]
    assert evidence.held(asked, "alarm code shop", said) == 1.0
    assert evidence.held(asked, "alarm code shop", nothing) == pytest.approx(evidence.AROUND)
    assert evidence.held(asked, "bakery", nothing) == 0.0
    assert evidence.held((), "bakery", np.zeros(0)) == 0.0


def test_the_score_tells_what_a_small_memory_knows_from_what_it_does_not() -> None:
    with Memory() as memory:
        memory.remember_many(NOTES, namespace="a")
        for query, content in ANSWERED:
            hits = memory.recall(query, namespace="a")
            assert hits[0].note.content == content
            assert hits[0].score > 0.5
        for query in UNANSWERED:
            assert memory.recall(query, namespace="a", min_score=MIN_SCORE) == []


def test_an_embedder_that_knows_no_single_words_is_helped_by_the_words_themselves() -> None:
    with Memory(embedder=HashEmbedder()) as memory:
        memory.remember_many(NOTES, namespace="a")
        known = [memory.recall(query, namespace="a")[0].score for query, _ in ANSWERED]
        unknown = [memory.recall(query, namespace="a")[0].score for query in UNANSWERED]
    assert min(known) > 0.5
    assert min(known) > 1.5 * max(unknown)


async def test_a_greeting_finds_nothing_to_show() -> None:
    async with AsyncMemory() as memory:
        await memory.remember_many(NOTES, namespace="a")
        hits = await memory.recall("hello", namespace="a", k=to_ask_for(3))
        assert for_prompt(hits, 3, whole=0) == []


async def test_what_happened_in_the_time_asked_for_is_known() -> None:
    async with AsyncMemory() as memory:
        await memory.remember(
            "The dough was too wet.", namespace="a", occurred_at=datetime(2026, 3, 5, 10, tzinfo=UTC)
        )
        assert await memory.recall("Anything on 5 March 2026?", namespace="a", min_score=MIN_SCORE)
        assert not await memory.recall("Anything on 5 April 2025?", namespace="a", min_score=MIN_SCORE)


def test_words_are_embedded_once_and_the_oldest_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("zettelmem.embedding.MAX_WORDS", 12)
    with Memory() as memory:
        memory.remember_many(NOTES, namespace="a")
        first = [hit.score for hit in memory.recall("What is the alarm code?", namespace="a")]
        assert [hit.score for hit in memory.recall("What is the alarm code?", namespace="a")] == first
