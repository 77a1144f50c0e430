"""Open questions between two notes: which there are, and what an answer does. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Literal

from zettelmem.decisions import Changes
from zettelmem.errors import ConflictError, DecisionRefused
from zettelmem.linking.rules import ALIKE
from zettelmem.linking.sheet import Sheet
from zettelmem.note import Link, Note, Relation

Answer = Literal["first", "second", "both"]
"""Which of two notes holds."""
NEWER: tuple[Answer, ...] = ("first", "both")
CONTRADICTION: tuple[Answer, ...] = ("first", "second", "both")


def open_pairs(notes: Mapping[str, Note], relation: Relation) -> Iterator[tuple[Note, Note]]:
    """The pairs of notes that `relation` links and that both hold, the one that says it first."""
    for note in notes.values():
        for link in note.links:
            other = notes.get(link.target)
            says = link.relation is relation and link.source == note.id
            if says and other is not None and note.invalid_at is None and other.invalid_at is None:
                yield note, other


def newest_alone(pairs: Iterable[tuple[Note, Note]]) -> list[tuple[Note, Note]]:
    """Of several later words on one note's matter, the last; those that may not close it left out."""
    last: dict[str, tuple[Note, Note]] = {}
    for later, older in pairs:
        had = last.get(older.id)
        if older.trust <= later.trust and (had is None or had[0].recorded_at < later.recorded_at):
            last[older.id] = later, older
    return list(last.values())


def settle(first: Note, second: Note, answer: Answer, now: datetime) -> Changes:
    """What the answer to an open question between two notes changes.

    Args:
        first, second: the notes; the first is linked to the second by `updates` or `contradicts`.
        answer: which holds. The one that does not is closed; where both do, they are related.
        now: when.

    Raises:
        DecisionRefused: the one that would be closed is trusted more.
        ConflictError: the question is open no more.
    """
    asked = (Relation.UPDATES, Relation.CONTRADICTS)
    links = [x for x in first.links if x.relation in asked and (x.source, x.target) == (first.id, second.id)]
    if not links or first.invalid_at is not None or second.invalid_at is not None:
        raise ConflictError(
            f"notes {first.id} and {second.id} were settled meanwhile; run upkeep again",
            (first.id, second.id),
        )
    sheet = Sheet(first, [second], "connect", now)
    if answer == "both":
        for link in links:
            sheet.unlink(link)
        told = Link(
            source=first.id, target=second.id, relation=Relation.RELATES, reason="both hold", weight=ALIKE
        )
        sheet.link(told)
        return sheet.changes()
    holds, over = (first, second) if answer == "first" else (second, first)
    if over.trust > holds.trust:
        raise DecisionRefused(
            f"note {over.id} is trusted more ({over.trust.name.lower()}) than {holds.id} "
            f"({holds.trust.name.lower()}), which cannot close it; answer 'both', or revise one of them"
        )
    if answer == "first":
        reason = "judged to be the later word"
        superseding = Link(
            source=first.id, target=second.id, relation=Relation.SUPERSEDES, reason=reason, weight=ALIKE
        )
        sheet.link(superseding)
        sheet.set(second.id, reason, invalid_at=min(first.occurred_at, first.recorded_at))
    else:
        sheet.set(first.id, f"contradicts {second.id}, which holds", invalid_at=now)
    return sheet.changes()
