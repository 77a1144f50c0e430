"""What a turn does: it tells, it only asks, or it only says that it was heard."""

import pytest

from zettelmem.language.talk import only_asks, plain


@pytest.mark.parametrize(
    "text",
    [
        "Where do I live?",
        "where do i live",
        "Hi! What is my cat called?",
        "Tell me where I live.",
        "Please remind me what my cat is called",
        "Could you tell me who leads the team?",
        "What's my cat called",
        "Which team do I support",
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
        "",
        "Is that so? " * 40,
    ],
)
def test_what_tells_something_does_not_only_ask(text: str) -> None:
    assert not only_asks(text)


def test_words_are_compared_without_case_blanks_and_final_marks() -> None:
    assert plain("My  cat is\nMIA!") == plain("my cat is Mia")
    assert plain("Is it Mia?") != plain("Is it Max?")
