"""What upkeep did, and what it asks whoever judges."""

from __future__ import annotations

from typing import Literal, get_args

from pydantic import Field

from zettelmem.errors import InvalidInput
from zettelmem.note import ChangeId, NoteId
from zettelmem.spending import Account
from zettelmem.values import Time, Value

Step = Literal["settle", "merge", "distil", "fade"]
"""What upkeep does, in this order: open questions, doubles, insights, what nobody needs."""
STEPS: tuple[Step, ...] = get_args(Step)
About = Literal["newer", "contradiction", "insight", "closing", "reopening", "link", "description"]


class Done(Value):
    """One thing that upkeep did, or would do.

    Attributes:
        step: which part of upkeep it is.
        notes: the notes that it is about, the causing one first.
        told: what was done, in words.
        change: the id that `undo` takes; None where nothing was written.
    """

    step: Step | Literal["review"]
    notes: tuple[NoteId, ...]
    told: str
    change: ChangeId | None = None


class Proposal(Value):
    """A question that upkeep or a model's review leaves to whoever judges; `decide` takes it with an answer.

    Attributes:
        step: which part of upkeep asks; `review` where a model would change something.
        about: `newer`: the first note may be the later word on the second one's matter. `contradiction`: the
            two contradict each other. `insight`: what do these notes tell together? Of a review: the first
            note would close the second (`closing`), or would not any more (`reopening`); it would be linked
            with it (`link`), or be described differently (`description`).
        notes: the notes, numbered from 0 in this order.
        question: the question in words, with the notes, fenced.
        id: names what waits for a review, as long as it does.
        expires_at: until when it waits for a review.
        answers: the answers that there are; empty where the answer is a text of one's own, or "".
    """

    step: Step | Literal["review"]
    about: About
    notes: tuple[NoteId, ...]
    question: str
    answers: tuple[str, ...] = ()
    id: str = ""
    expires_at: Time | None = None


class UpkeepReport(Value):
    """What one round of upkeep did.

    Attributes:
        changes: what was done, or would be with `dry_run`, in order.
        proposals: what is left to whoever judges.
        pending: notes that still wait for a judge.
        spent: what the model cost, failed attempts included.
        problems: what went wrong and was left for the next round, in words.
        dry_run: whether nothing was written.
    """

    changes: tuple[Done, ...] = ()
    proposals: tuple[Proposal, ...] = ()
    pending: int = Field(default=0, ge=0)
    spent: Account = Account()
    problems: tuple[str, ...] = ()
    dry_run: bool = False


def checked_steps(steps: object) -> tuple[Step, ...]:
    """The steps that were asked for, in the order that upkeep takes them.

    Raises:
        InvalidInput: one is unknown.
    """
    if isinstance(steps, str) or not isinstance(steps, list | tuple | set | frozenset):
        raise InvalidInput(f"steps is {steps!r}; give a list of {', '.join(STEPS)}")
    unknown = [each for each in steps if each not in STEPS]
    if unknown:
        raise InvalidInput(f"there is no step {unknown[0]!r}; give a list of {', '.join(STEPS)}")
    return tuple(step for step in STEPS if step in steps)
