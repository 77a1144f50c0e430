"""Words that say the same again, and words that say nothing."""

import pytest

from zettelmem.language.sameness import carries_nothing, same_words
from zettelmem.linking.matters import tells_nothing


@pytest.mark.parametrize(
    "again",
    ["The code is 5582", "the code is 5582.", "  The   code is\n5582. ", "THE CODE IS 5582..."],
)
def test_case_white_space_and_full_stops_make_no_other_words(again: str) -> None:
    assert same_words(again) == same_words("The code is 5582.")


@pytest.mark.parametrize("other", ["The code is 5583.", "The code is 5582?", "The code"])
def test_other_words_and_questions_are_not_the_same(other: str) -> None:
    assert same_words(other) != same_words("The code is 5582.")


def test_full_stops_alone_are_words_of_their_own() -> None:
    assert same_words("...") != same_words("!")


@pytest.mark.parametrize(
    "text",
    [
        "Noted.",
        "Will do.",
        "Ok, got it!",
        "Thanks so much!",
        "I've noted that.",
        "Hello!",
        "Alles klar, danke.",
    ],
)
def test_an_acknowledgement_carries_nothing(text: str) -> None:
    assert carries_nothing(text)


@pytest.mark.parametrize("text", ["Noted: the code is 5582.", "Yes, in May.", "Ok, I live in Graz.", "No."])
def test_an_answer_carries_something(text: str) -> None:
    assert not carries_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "Where do I live?",
        "Hi! Where do I live? And since when?",
        "Noted.",
        "My words 'the launch is in March' were wrong.",
    ],
)
def test_who_only_asks_acknowledges_or_takes_back_tells_nothing(text: str) -> None:
    assert tells_nothing(text)


@pytest.mark.parametrize(
    "text",
    [
        "I live in Graz. Do you know it?",
        "My words 'the launch is in March' were wrong. The launch is in May.",
        "The launch is not in March.",
    ],
)
def test_who_says_something_beside_it_tells(text: str) -> None:
    assert not tells_nothing(text)
