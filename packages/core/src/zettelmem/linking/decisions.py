"""What a decision may do to the notes that its judge was shown. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from zettelmem.decisions import Decision, NeighbourChange
from zettelmem.errors import DecisionRefused
from zettelmem.note import LATER_WORDS, Note, Relation

MAX_DECISION_LINKS = 16
"""Links that one decision may make."""
MAX_DECISION_CHANGES = 8
"""Neighbours that one decision may describe differently."""


def check(note: Note, neighbours: Sequence[Note], decision: Decision) -> None:
    """Refuse a decision that names what was not shown, or reaches further than it may.

    Raises:
        DecisionRefused: which number, why, and what to decide instead.
    """
    count = len(neighbours)
    numbers = [x.neighbour for x in decision.links] + [x.neighbour for x in decision.changes]
    unknown = sorted({number for number in numbers if number >= count})
    if unknown:
        shown = f"they are numbered 0 to {count - 1}" if count else "none were shown"
        raise DecisionRefused(f"no neighbour has number {unknown[0]}; {shown}")
    if len(decision.links) > MAX_DECISION_LINKS or len(decision.changes) > MAX_DECISION_CHANGES:
        raise DecisionRefused(
            f"the decision makes {len(decision.links)} links and {len(decision.changes)} changes; at most "
            f"{MAX_DECISION_LINKS} links and {MAX_DECISION_CHANGES} changes: keep the most telling ones"
        )
    changed = [x.neighbour for x in decision.changes]
    if len(set(changed)) < len(changed):
        raise DecisionRefused("the decision changes one neighbour twice; merge the two into one change")
    for choice in decision.links:
        other = neighbours[choice.neighbour]
        if choice.relation is Relation.FOLLOWS:
            raise DecisionRefused("`follows` is kept by the thread itself; choose another relation")
        # A plan is dated by its event, which may be moved forward: what counts is when it was said.
        if choice.relation in LATER_WORDS and note.recorded_at < other.recorded_at:
            raise DecisionRefused(
                f"neighbour {choice.neighbour} was said after this note, so this note cannot supersede or "
                "update it; use `contradicts` or `relates`"
            )
    weighty = changed + [x.neighbour for x in decision.links if x.relation in LATER_WORDS]
    for number in weighty:
        if neighbours[number].trust > note.trust:
            raise DecisionRefused(
                f"neighbour {number} is trusted more ({neighbours[number].trust.name.lower()}) than this "
                f"note ({note.trust.name.lower()}), which may not change, supersede or "
                "update it; link it with `contradicts` or `relates`, or remember this once more as said by "
                "whom it is from"
            )


def fitting(note: Note, neighbours: Sequence[Note], decision: Decision) -> Decision:
    """The parts of a decision that may be applied; a part that may not takes no other with it."""
    links = tuple(x for x in decision.links if _fits(note, neighbours, Decision(links=(x,))))
    changes: dict[int, NeighbourChange] = {}
    for change in decision.changes:
        if _fits(note, neighbours, Decision(changes=(change,))):
            changes.setdefault(change.neighbour, change)
    return Decision(links=links[:MAX_DECISION_LINKS], changes=tuple(changes.values())[:MAX_DECISION_CHANGES])


def _fits(note: Note, neighbours: Sequence[Note], part: Decision) -> bool:
    try:
        check(note, neighbours, part)
    except DecisionRefused:
        return False
    return True
