"""What a model's answers come to: a description that is none of the prompt's, and a decision. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from pydantic import BaseModel

from zettelmem.decisions import Decision, LinkChoice, Neighbour
from zettelmem.note import LATER_WORDS, Described, Note, Relation

from .prompts import FIELDS
from .rules import ALIKE

_MARKS = ("<<<", ">>>", '{"', "}]", "note 0")
"""Signs of a prompt that was repeated rather than answered."""


def _repeats_prompt(text: str) -> bool:
    return any(mark in text for mark in _MARKS)


def described(answer: BaseModel, fields: Collection[Described]) -> dict[str, Any]:
    """The fields of a description that a model gave, without what it took from the prompt.

    An empty field is how weak models say that they do not know: the rules' word stays.
    """
    kept: dict[str, Any] = {}
    for name in fields:
        value = getattr(answer, name, None)
        if isinstance(value, tuple):
            value = tuple(word for word in value if word.strip() and not _repeats_prompt(word))
        elif isinstance(value, str) and (_repeats_prompt(value) or value == FIELDS["context"].example):
            continue
        if value:
            kept[name] = value
    return kept


def decision(
    note: Note,
    neighbours: Sequence[Neighbour],
    rules: Decision,
    closes: Collection[int] | None,
    links: Sequence[LinkChoice] | None,
) -> Decision:
    """The decision about a note: the model's word where it was asked, and the rules' where it was not.

    What the rules would close and the model would not stays beside the new note: both valid, the later one
    first. A neighbour that is closed learns nothing: it would be found by words that it does not say.

    Args:
        note: the note that is judged.
        neighbours: those that the decisions number.
        rules: what the rules decide.
        closes: the numbers of those that the model closes; None where it was not asked.
        links: its other links; None where it was not asked.
    """
    chosen: dict[int, LinkChoice] = {}
    for choice in rules.links:
        later = choice.relation in LATER_WORDS
        if later and closes is not None and choice.relation is Relation.SUPERSEDES:
            choice = choice.model_copy(update={"relation": Relation.UPDATES})
        if later or links is None:
            chosen[choice.neighbour] = choice
    for choice in links or ():
        doubts = choice.relation is Relation.CONTRADICTS
        if not (doubts and neighbours[choice.neighbour].note.trust > note.trust):
            chosen.setdefault(choice.neighbour, choice)
    for number in closes or ():
        chosen[number] = LinkChoice(
            neighbour=number, relation=Relation.SUPERSEDES, reason="replaces it", weight=ALIKE
        )
    later_words = {x.neighbour for x in chosen.values() if x.relation in LATER_WORDS}
    related = chosen.keys() - later_words
    changes = tuple(x for x in rules.changes if x.neighbour in related)
    return Decision(links=tuple(chosen.values()), changes=changes)


def link_of(number: int, answer: Any) -> LinkChoice:
    """One link of an answer, as a choice about the neighbour `number`."""
    relation = Relation(answer.relation)
    return LinkChoice(neighbour=number, relation=relation, reason=answer.reason, weight=ALIKE)
