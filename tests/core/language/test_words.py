"""What is read off words: telling ones, names, times, questions, news."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.language import words


def test_words_are_lower_case_in_order_without_stop_words() -> None:
    assert words.words("The Cat didn't eat Ana's fish, but C++ and v2.0!") == [
        "cat",
        "eat",
        "ana",
        "fish",
        "c++",
        "v2.0",
    ]


def test_names_are_capitalised_words_away_from_a_sentences_start() -> None:
    assert words.names("Yesterday Ana met Ben Howard in New York.") == ["Ana", "Ben Howard", "New York"]
    assert words.names("New York is big. New shoes hurt. The New Year came.") == ["New York", "New Year"]
    assert words.names("Running is fun. Swimming too.") == []
    assert words.names("It was 2024, and NASA called.") == ["2024", "NASA"]


@pytest.mark.parametrize(
    ("content", "tags"), [("#Porto and #flat_hunt, a#b, #1, ##x1", ["porto", "flat_hunt"]), ("", [])]
)
def test_hashtags_are_words_behind_their_sign(content: str, tags: list[str]) -> None:
    assert words.hashtags(content)[: len(tags)] == tags
    assert "b" not in words.hashtags(content)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("We met yesterday.", True),
        ("In June 2023 she left.", True),
        ("two weeks ago", True),
        ("She likes tea.", False),
    ],
)
def test_a_time_is_told(content: str, told: bool) -> None:
    assert words.says_when(content) is told


@pytest.mark.parametrize(
    ("query", "wanted"),
    [("When did Ana move?", True), ("What year was it?", True), ("Where does Ana live?", False)],
)
def test_a_time_is_asked_for(query: str, wanted: bool) -> None:
    assert words.asks_when(query) is wanted


@pytest.mark.parametrize(
    ("content", "question"),
    [("Really? ", True), ("真的吗\uff1f", True), ("حقا\u061f", True), ("Yes.", False), ("", False)],
)
def test_a_question_ends_with_its_mark(content: str, question: bool) -> None:
    assert words.asks(content) is question


@pytest.mark.parametrize(
    ("content", "news"),
    [
        ("I no longer work there.", True),
        ("Ana moved to Porto.", True),
        ("The meeting was cancelled.", True),
        ("Ana likes tea.", False),
    ],
)
def test_a_change_is_announced(content: str, news: bool) -> None:
    assert words.announces_change(content) is news


@given(st.text())
def test_any_text_can_be_read(content: str) -> None:
    assert not set(words.words(content)) & words.STOP_WORDS
    assert all(0 < len(name) <= 100 for name in words.names(content))
    assert all(tag == tag.lower() for tag in words.hashtags(content))
    for question in (words.says_when, words.asks_when, words.asks, words.announces_change):
        assert question(content) in (True, False)


@pytest.mark.parametrize(
    "content",
    [
        "A. " * 300_000,
        "Ab cd. " * 100_000,
        "a" * 1_000_000,
        "A " * 500_000,
        "A'" * 500_000,
        "1 " * 500_000,
        "#" * 1_000_000,
        ". " * 500_000,
    ],
)
def test_a_megabyte_is_read_at_once(content: str) -> None:
    """No pattern runs away, and only the head is read: each takes milliseconds, not minutes."""
    began = time.process_time()
    words.words(content)
    words.names(content)
    words.hashtags(content)
    words.says_when(content)
    words.announces_change(content)
    assert time.process_time() - began < 0.5
