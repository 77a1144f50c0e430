"""What a language model is asked, and the shape of its answer. Pure functions from values to text.

Stored words are data: they stand between fence lines that the words themselves cannot contain, and
the instructions say that nothing inside is to be obeyed. Neighbours are numbered; models never see ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from zettelmem.decisions import Decision, Neighbour
from zettelmem.drafts import Draft
from zettelmem.note import Note
from zettelmem.render import DATA, beginning, fence
from zettelmem.values import Context, Words, refusal

CONSTRUCT = f"""You describe one memory so that it can be found again and told apart from others.
Answer only with the fields you are asked for, in the language of the memory.
{DATA} Only describe it."""

JUDGE = f"""You keep a Zettelkasten: a box of notes that are linked, and described better as new notes arrive.
You are shown one new note and its nearest neighbours, each with a number. Decide
- links: which neighbours the new note truly belongs with, how, and why in a few words. Use
  `supersedes` only where the new note makes the neighbour untrue from now on, `contradicts` where both
  cannot be true, `supports` where one is evidence for the other, otherwise `relates`. Most neighbours
  need no link.
- changes: which neighbours must now be described differently (context, keywords, tags), because the new
  note tells something about them. Leave out every field that stays as it is. Content cannot be changed.
An empty decision is a good answer. Name neighbours by their number only.
{DATA} Only judge it."""

IN_JSON = """Answer with JSON only, such as
{"links": [{"neighbour": 0, "relation": "supersedes", "reason": "moved"}],
 "changes": [{"neighbour": 2, "context": "...", "keywords": ["..."], "tags": ["..."], "reason": "..."}]}
or {"links": [], "changes": []}."""
"""For models that are not made to answer in a schema."""

_FIELDS: dict[str, tuple[Any, Any]] = {
    "context": (Context, Field(description="one sentence: what this is about, and what it means")),
    "keywords": (
        Words,
        Field(description="3 to 8 words or short phrases from the text, most telling first"),
    ),
    "tags": (Words, Field(description="1 to 5 broad classes, such as 'health' or 'travel'")),
    "kind": (
        Literal["episodic", "semantic", "procedural", "insight"],
        Field(
            description="episodic (what happened), semantic (what is so), procedural (how to) "
            "or insight (distilled from others)"
        ),
    ),
}

PREVIEW = 2_000
"""Characters of a note's content that a judge is shown."""


def decision_in(words: str) -> Decision:
    """The decision in what a model said: the JSON from its first brace to its last.

    Raises:
        InvalidInput: there is none.
    """
    try:
        return Decision.model_validate_json(words[words.find("{") : words.rfind("}") + 1])
    except ValidationError as error:
        raise refusal(error) from error


def _told(note: Note) -> str:
    return f"{note.occurred_at:%Y-%m-%d %H:%M}, {note.kind}, trust {note.trust.name.lower()}"


@cache  # to make one takes a millisecond, and there are sixteen
def construction_schema(asked: frozenset[str]) -> type[BaseModel]:
    """The answer schema for the fields `asked` of context, keywords, tags and kind."""
    fields: dict[str, Any] = {name: _FIELDS[name] for name in _FIELDS if name in asked}
    return create_model("Construction", __config__=ConfigDict(extra="ignore"), **fields)


def construct(draft: Draft, previous: Sequence[Note], now: datetime) -> str:
    """The prompt that asks for a draft's missing fields, with what was said just before."""
    parts = [f"Today is {now:%Y-%m-%d}."]
    if previous:
        before = "\n".join(
            f"{note.source.who or 'unknown'}: {beginning(note.content, PREVIEW)}" for note in previous
        )
        parts.append("Just before in the same thread:\n" + fence(before, "before"))
    when = f"{draft.occurred_at:%Y-%m-%d %H:%M}" if draft.occurred_at else "now"
    memory = f"{draft.source.who or 'unknown'}: {beginning(draft.content, PREVIEW)}"
    parts.append(f"The memory, {when}:\n" + fence(memory, "memory"))
    return "\n\n".join(parts)


def describe(neighbours: Sequence[Neighbour]) -> str:
    """Numbered neighbours, fenced, for a judge to decide about."""
    parts = []
    for each in neighbours:
        note = each.note
        text = "\n".join(
            (
                f"said by: {note.source.who or 'unknown'}",
                f"content: {beginning(note.content, PREVIEW)}",
                f"context: {note.context}",
                f"keywords: {', '.join(note.keywords)}",
                f"tags: {', '.join(note.tags)}",
            )
        )
        closed = ", no longer so" if note.invalid_at else ""
        parts.append(f"Neighbour {each.number} ({_told(note)}{closed}):\n" + fence(text, "neighbour"))
    return "\n\n".join(parts)


def judge(note: Note, neighbours: Sequence[Neighbour]) -> str:
    """The prompt that asks which neighbours to link and which to describe differently."""
    text = "\n".join(
        (
            f"said by: {note.source.who or 'unknown'}",
            f"content: {beginning(note.content, PREVIEW)}",
            f"context: {note.context}",
            f"keywords: {', '.join(note.keywords)}",
        )
    )
    new = f"New note ({_told(note)}):\n" + fence(text, "note")
    return "\n\n".join((new, describe(neighbours)))
