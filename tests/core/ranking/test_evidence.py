"""Evidence counts by itself: what a score is made of."""

from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem import MIN_SCORE, AsyncMemory, Embedder, Memory, for_prompt, to_ask_for
from zettelmem.providers.minilm import MiniLM
from zettelmem.providers.multilingual import Multilingual
from zettelmem.providers.wordllama import WordLlama, word_vectors
from zettelmem.ranking import evidence
from zettelmem.ranking.score import Ranking

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
    asked, alike = evidence.words_of("alarm code"), np.ones(2, np.float32)
    said, nothing = np.ones(2), np.zeros(2)
    assert evidence.held(asked, alike, "alarm code shop", said) == 1.0
    assert evidence.held(asked, alike, "alarm code shop", nothing) == pytest.approx(evidence.AROUND)
    assert evidence.held(asked, alike, "bakery", nothing) == 0.0
    assert evidence.held((), np.zeros(0, np.float32), "bakery", np.zeros(0)) == 0.0


def test_a_word_that_says_much_weighs_more_than_an_ordinary_one() -> None:
    asked = evidence.words_of("want croissants")
    ordinary, telling = word_vectors(["want", "croissants"])
    weights = np.array([np.linalg.norm(ordinary), np.linalg.norm(telling)], np.float32)
    assert evidence.held(asked, weights, "", np.array([0.0, 1.0])) > 0.75


def test_a_cosine_counts_by_what_it_is_above_the_average() -> None:
    apart = np.array([0.5] + [0.0] * 999)
    close = 0.7 + 0.3 * apart
    assert evidence.raised(close)[0] == pytest.approx(0.5, abs=0.03), "for an embedder that puts all close"
    assert evidence.raised(apart)[0] == pytest.approx(0.5, abs=0.01)
    assert evidence.raised(np.array([0.5]))[0] > 0.4, "one note alone is no average"
    assert len(evidence.raised(np.zeros(0))) == 0


def test_the_score_tells_what_a_small_memory_knows_from_what_it_does_not() -> None:
    with Memory() as memory:
        memory.remember_many(NOTES, namespace="a")
        for query, content in ANSWERED:
            hits = memory.recall(query, namespace="a")
            assert hits[0].note.content == content
            assert hits[0].score > 0.5
        for query in UNANSWERED:
            assert memory.recall(query, namespace="a", min_score=MIN_SCORE) == []


@pytest.mark.parametrize("embedder", [WordLlama(), MiniLM(), Multilingual()], ids=lambda each: each.name)
def test_one_threshold_fits_every_embedder(embedder: Embedder) -> None:
    with Memory(embedder=embedder) as memory:
        memory.remember_many(NOTES, namespace="a")
        for query, content in ANSWERED:
            assert memory.recall(query, namespace="a", min_score=MIN_SCORE)[0].note.content == content
        for query in UNANSWERED:
            assert memory.recall(query, namespace="a", min_score=MIN_SCORE) == []


@pytest.mark.parametrize(
    "query",
    [
        "What do you know about me?",
        "Tell me about Ana.",
        "Who am I?",
        "Was weißt du über mich?",
        "¿Qué sabes?",
    ],
)
def test_who_asks_for_all_that_is_known_is_shown_something(query: str) -> None:
    with Memory() as memory:
        for text in NOTES:
            memory.remember(text, namespace="a", source="Ana")
        assert memory.recall(query, namespace="a", min_score=MIN_SCORE)


def test_who_asks_about_somebody_unknown_is_shown_nothing() -> None:
    with Memory() as memory:
        memory.remember_many(NOTES, namespace="a")
        assert memory.recall("Tell me about Zoltan.", namespace="a", min_score=MIN_SCORE) == []


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
