"""What upkeep asks a judge, and the shape of an answer. Pure: from values to text.

Notes are numbered from 0, fenced, and shown as data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from zettelmem.linking.prompts import Prompt
from zettelmem.note import Note
from zettelmem.render import DATA, beginning, fence

PREVIEW = 600
"""Characters of a note that a judge is shown."""
LONGEST = 600
"""Characters of an insight."""

WHICH_HOLDS = f"""You keep the notes of a memory in order. Two notes may not both be so. Decide which holds:
- "first": the first note takes the place of the second, which is no longer so. Only if both are about
  the same thing of the same person, and cannot both be so.
- "second": the first note is wrong; the second one holds.
- "both": both can be so. When in doubt, say "both".
{DATA} Only judge it."""

INSIGHT = f"""You keep the notes of a memory in order. You are shown notes that belong together. Write one
insight that helps somebody who sees none of them: a habit, a cause, a lesson ("When X fails with Y, do Z,
because ...").
- One or two sentences, in the language of the notes, with the names, so that it can be read alone.
- Say only what these notes tell. Guess nothing, and add no advice of your own.
- Give the numbers of the notes that it stands on.
- If they tell nothing together that each does not tell alone, leave the insight empty. That is a good answer.
{DATA} Only judge it."""


class Choice(BaseModel):
    """Which of two notes holds."""

    model_config = ConfigDict(extra="ignore")

    holds: Literal["first", "second", "both"]


class Insight(BaseModel):
    """What some notes tell together; empty where they tell nothing."""

    model_config = ConfigDict(extra="ignore")

    insight: Annotated[str, StringConstraints(max_length=LONGEST, strip_whitespace=True)] = Field(
        description="one or two sentences, or empty"
    )
    notes: list[int] = Field(default=[], max_length=16, description="numbers of the notes that it stands on")


def listed(notes: Sequence[Note]) -> str:
    """Numbered notes, a JSON object a line, in one fence."""
    lines: list[str] = []
    for number, note in enumerate(notes):
        told = {
            "note": number,
            "said_by": note.source.who or "unknown",
            "on": f"{note.occurred_at:%Y-%m-%d}",
            "trust": note.trust.name.lower(),
            "says": beginning(note.content, PREVIEW),
        }
        lines.append(json.dumps(told, ensure_ascii=False))
    return fence("\n".join(lines), "notes")


def which_holds(first: Note, second: Note) -> Prompt[Choice]:
    """The question which of two notes holds."""
    text = f"Note 0 is the first one, note 1 the second.\n{listed([first, second])}\nWhich holds?"
    return Prompt(WHICH_HOLDS, text, Choice)


def insight(notes: Sequence[Note]) -> Prompt[Insight]:
    """The question what some notes tell together."""
    return Prompt(INSIGHT, f"{listed(notes)}\nWhat do these notes tell together?", Insight)
