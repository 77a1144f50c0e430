"""One ordinary word does not outweigh meaning."""

import pytest

from zettelmem import Embedder, Memory
from zettelmem.providers.minilm import MiniLM
from zettelmem.providers.wordllama import WordLlama

NOTES = [
    "My husband drives an old Volvo.",
    "Nora is seven and goes to second grade.",
    "A prawn put me in hospital once.",
    "I save two hundred francs a month for her.",
    "The keys hang in the hall, keep them there.",
    "I cannot sleep when the moon is full.",
    "I want to sell the piano.",
    "We hope to see Iceland next summer.",
]
FOUND_BY_ALL = [
    ("What keeps me awake at night?", "I cannot sleep when the moon is full."),
    ("Which country do I want to visit?", "We hope to see Iceland next summer."),
]
FOUND_BY_MINILM = [
    ("How old is my kid?", "Nora is seven and goes to second grade."),
    ("Am I putting money aside?", "I save two hundred francs a month for her."),
]


@pytest.mark.parametrize(
    ("embedder", "asked"),
    [(WordLlama(), FOUND_BY_ALL), (MiniLM(), FOUND_BY_ALL + FOUND_BY_MINILM)],
    ids=["wordllama", "minilm"],
)
def test_a_paraphrase_comes_before_a_note_that_shares_an_ordinary_word(
    embedder: Embedder, asked: list[tuple[str, str]]
) -> None:
    with Memory(embedder=embedder) as memory:
        memory.remember_many(NOTES, namespace="a")
        for query, content in asked:
            assert memory.recall(query, namespace="a", k=1)[0].note.content == content


def test_a_measure_that_is_asked_for_is_no_word_to_match() -> None:
    with Memory() as memory:
        memory.remember_many(NOTES, namespace="a")
        hits = memory.recall("How old is the child?", namespace="a")
        volvo = next(hit for hit in hits if "Volvo" in hit.note.content)
    assert volvo.signals["content"] == 0
    assert "old" not in volvo.why


def test_a_note_that_holds_the_whole_question_comes_first_all_the_same() -> None:
    with Memory() as memory:
        memory.remember_many([*NOTES, "Ticket 4711 waits for Liis."], namespace="a")
        assert memory.recall("ticket 4711", namespace="a", k=1)[0].note.content.startswith("Ticket")
