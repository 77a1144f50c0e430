"""What a model would change and a person looks at first: what is withheld, and what an answer does. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

from zettelmem.decisions import Changes, Decision, LinkChoice, Neighbour
from zettelmem.errors import DecisionRefused
from zettelmem.note import LATER_WORDS, Link, Note, Pending, Relation
from zettelmem.values import build

from . import guard
from .evolve import decide
from .rules import ALIKE
from .sheet import Sheet, as_json

Review = Literal["all", "closings", "none"]
"""What waits for a person: all that a model would change, what it would close or reopen, or nothing."""

EXPIRES_AFTER = timedelta(days=14)
"""How long a proposal waits; then the rules' word stands."""


def withheld(
    review: Review,
    note: Note,
    neighbours: Sequence[Neighbour],
    decision: Decision,
    by_rules: Decision,
    fields: Mapping[str, Any],
) -> Pending | None:
    """What of a model's word waits for a review, without a time; None if nothing does.

    Args:
        review: what is to wait.
        note: the note, as it is stored.
        neighbours: those that the decisions number.
        decision: the model's.
        by_rules: what the rules decide alone: that never waits.
        fields: how the model describes the note.
    """
    links: list[Link] = []
    ruled = [(choice.neighbour, choice.relation) for choice in by_rules.links]
    for choice in decision.links:
        if (choice.neighbour, choice.relation) in ruled:
            continue
        link = _link(note, neighbours, choice)
        if _is_new(link, note) and (review == "all" or (review == "closings" and closes(link, note))):
            links.append(link)
    described = {name: as_json(value) for name, value in fields.items() if getattr(note, name) != value}
    if review != "all":
        described = {}
    reason = "waiting for review"
    return Pending(reason=reason, links=tuple(links), described=described) if links or described else None


def without(waiting: Pending, note: Note, neighbours: Sequence[Neighbour], decision: Decision) -> Decision:
    """The decision, with what the note says already in place of each link that waits."""
    kept: list[LinkChoice] = []
    for choice in decision.links:
        link = _link(note, neighbours, choice)
        if link not in waiting.links:
            kept.append(choice)
            continue
        for had in _own(note, link.target):
            told = {"relation": had.relation, "reason": had.reason, "weight": had.weight}
            kept.append(choice.model_copy(update=told))
    return decision.model_copy(update={"links": tuple(kept)})


def closes(link: Link, note: Note) -> bool:
    """Whether a link that is wanted would close its target, or reopen what the note has closed."""
    reopens = link.relation is Relation.UPDATES and any(
        had.relation is Relation.SUPERSEDES for had in _own(note, link.target)
    )
    return reopens or link.relation is Relation.SUPERSEDES


def accept(note: Note, link: Link, other: Note, similarity: float, now: datetime) -> Changes:
    """The note with a link that waited, and what follows from it.

    Raises:
        DecisionRefused: the guard that each closing passes forbids it by now.
    """
    if link.relation is Relation.SUPERSEDES and not guard.may_close(note, other, similarity):
        raise DecisionRefused(
            f"note {note.id} may not close {other.id} any more: it is closed, trusted more, or of something "
            "else since one of them was changed; refuse the proposal"
        )
    sheet = Sheet(note, [other], "connect", now)
    for had in _own(note, other.id):
        sheet.unlink(had)
        if had.relation is Relation.SUPERSEDES:
            sheet.reopen(other, note, f"{note.id} does not replace it")
    choice = LinkChoice(neighbour=0, relation=link.relation, reason=link.reason, weight=link.weight)
    decide(sheet, note, [other], Decision(links=(choice,)))
    sheet.set(note.id, "accepted", pending=_left(note, link))
    return sheet.changes()


def refuse(note: Note, link: Link, other: Note, now: datetime) -> Changes:
    """The note without a link that waited. What was not closed is open no more: both hold."""
    sheet = Sheet(note, [other], "connect", now)
    for had in _own(note, other.id):
        if link.relation is Relation.SUPERSEDES and had.relation is Relation.UPDATES:
            sheet.unlink(had)
            told = {"relation": Relation.RELATES, "reason": "both hold", "weight": ALIKE}
            sheet.link(had.model_copy(update=told))
    sheet.set(note.id, f"refused: {link.relation} {other.id}", pending=_left(note, link))
    return sheet.changes()


def describe(note: Note, now: datetime, *, accepted: bool) -> Changes:
    """The note with the description that waited, or without it."""
    sheet = Sheet(note, (), "connect", now)
    pending = note.pending
    fields: dict[str, Any] = {}
    if accepted and pending is not None:
        described = build(Note, {**dict(note), **pending.described})
        fields = {name: getattr(described, name) for name in pending.described}
    reason = "accepted" if accepted else "refused: its description"
    sheet.set(note.id, reason, pending=_left(note, None), **fields)
    return sheet.changes()


def _left(note: Note, link: Link | None) -> Pending | None:
    """What still waits, without this link; without the description where it is None."""
    pending = note.pending
    if pending is None:
        return None
    links = tuple(each for each in pending.links if each != link)
    described = pending.described if link is not None else {}
    left = pending.model_copy(update={"links": links, "described": described})
    return left if left.proposes else None


def _own(note: Note, target: str) -> list[Link]:
    """What the note says of another one, as a judge does."""
    said = (*LATER_WORDS, Relation.RELATES)
    return [x for x in note.links if (x.source, x.target) == (note.id, target) and x.relation in said]


def _link(note: Note, neighbours: Sequence[Neighbour], choice: LinkChoice) -> Link:
    target = neighbours[choice.neighbour].note.id
    told = {"relation": choice.relation, "reason": choice.reason, "weight": choice.weight}
    return build(Link, {"source": note.id, "target": target, **told})


def _is_new(link: Link, note: Note) -> bool:
    had = [(x.source, x.target, x.relation) for x in note.links]
    return (link.source, link.target, link.relation) not in had
