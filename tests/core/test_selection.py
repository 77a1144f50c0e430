"""What a prompt gets of the notes that were found: the best few, people's words first."""

from datetime import UTC, datetime, timedelta

import pytest

from zettelmem import Hit, Note, Source, Trust, for_prompt, to_ask_for
from zettelmem.selection import only_asks

DAY = datetime(2026, 5, 3, tzinfo=UTC)
ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def hit(content: str, place: int = 0, *, who: str = "user", score: float = 0.5) -> Hit:
    at = DAY + timedelta(days=place)
    trust = Trust.REPORTED if who == "assistant" else Trust.STATED
    note = Note(
        id=f"k3v9x2a{ALPHABET[place % 32]}",
        namespace=("a",),
        content=content,
        occurred_at=at,
        recorded_at=at,
        source=Source(who=who),
        trust=trust,
    )
    return Hit(note=note, score=score)


def shown(hits: list[Hit], k: int = 6, **how: object) -> list[str]:
    return [each.note.content for each in for_prompt(hits, k, **how)]  # type: ignore[arg-type]


def many(text: str, count: int = 40, who: str = "user") -> list[Hit]:
    """So many that a memory is seen to hold more."""
    return [hit(f"{text} number {place}.", place, who=who) for place in range(count)]


def test_a_small_memory_is_given_whole() -> None:
    hits = [
        hit("You have a cat.", 4, who="assistant", score=0.9),
        hit("Ana moved.", 3, score=0.9),
        hit("Ana has a cat.", 1, score=0.0),
    ]
    assert shown(hits, k=1, min_score=0.4) == ["Ana moved.", "Ana has a cat.", "You have a cat."]


def test_a_memory_of_few_long_notes_is_not_given_whole() -> None:
    hits = [hit("long " * 200, 0, score=0.9), hit("longer " * 200, 1, score=0.8)]
    assert len(shown(hits, k=1)) == 1


def test_of_a_large_memory_the_best_few_are_given() -> None:
    assert shown(many("Cat"), k=3) == ["Cat number 0.", "Cat number 1.", "Cat number 2."]


def test_hits_below_the_score_are_not_given() -> None:
    hits = [hit("right", score=0.7), *(hit(f"wrong {place}", place, score=0.1) for place in range(40))]
    assert shown(hits, min_score=0.5) == ["right"]


def test_the_words_of_the_user_come_before_the_assistants() -> None:
    hits = [*many("Advice", 30, who="assistant"), *many("Fact", 30)]
    found = shown(hits, k=6)
    assert found == [f"Fact number {n}." for n in range(4)] + ["Advice number 0.", "Advice number 1."]


def test_the_assistants_words_take_the_places_that_nobody_else_wants() -> None:
    assert len(shown([*many("Advice", 60, who="assistant"), hit("Fact.")], k=6)) == 6


def test_what_only_asks_never_outranks_what_tells() -> None:
    asked = [hit(f"What is cat number {n} called?", n, score=0.9) for n in range(40)]
    found = shown([*asked, hit("The cat is called Mia.", score=0.2)], k=3)
    assert found[0] == "The cat is called Mia."
    assert len(found) == 3


def test_words_of_the_conversation_are_no_answer() -> None:
    hits = [hit("What is my cat called?"), hit("what is  my cat called"), hit("My cat is Mia.")]
    assert shown(hits, present=["What is my cat called?", "Hello"]) == ["My cat is Mia."]


def test_acknowledgements_take_no_place() -> None:
    hits = [hit("Noted.", who="assistant"), *many("Will do.", 2, who="user")]
    assert shown(hits) == ["Will do. number 0.", "Will do. number 1."]


@pytest.mark.parametrize(("k", "wanted"), [(1, 40), (10, 40), (20, 60), (1_000, 1_000)])
def test_a_recall_is_asked_for_more_than_is_shown(k: int, wanted: int) -> None:
    assert to_ask_for(k) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "Where do I live?",
        "where do i live",
        "Hi! What is my cat called?",
        "\u732b\u306e\u540d\u524d\u306f\u4f55\u3067\u3059\u304b\uff1f",
        "\u0623\u064a\u0646 \u0623\u0633\u0643\u0646\u061f",
        "Is it raining? Should I take a coat?",
    ],
)
def test_questions_only_ask(text: str) -> None:
    assert only_asks(text)


@pytest.mark.parametrize(
    "text",
    [
        "I live in Bern. And you?",
        "When I was young I lived in Rome.",
        "What a day! I lost my keys.",
        "My cat is called Mia.",
        "Do the dishes on Friday.",
        "Who dares wins.",
        "Hello!",
        "Is that so? " * 40,
    ],
)
def test_what_tells_something_does_not_only_ask(text: str) -> None:
    assert not only_asks(text)
