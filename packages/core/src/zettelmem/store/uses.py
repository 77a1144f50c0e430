"""Uses of notes that wait for a write: counted in memory, written with whatever is written next. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from zettelmem.namespace import Namespace
from zettelmem.note import Note

from .schema import Row


@dataclass(frozen=True)
class Use:
    """How often a note was used since its last write.

    Attributes:
        namespace: where the note is.
        times, helped: how often, and how often it helped.
        at: when last.
    """

    namespace: Namespace
    times: int
    helped: int
    at: datetime


def together(some: Mapping[str, Use], more: Mapping[str, Use]) -> dict[str, Use]:
    """The uses of both, by the ids of their notes."""
    uses = dict(some)
    for note_id, use in more.items():
        had = uses.get(note_id)
        if had is not None:
            times, helped = had.times + use.times, had.helped + use.helped
            use = Use(use.namespace, times, helped, max(had.at, use.at))
        uses[note_id] = use
    return uses


def counted(row: Row, use: Use) -> Row:
    """The row with the uses of its note. They are no change of it: no revision, no history."""
    note = row.note
    at = use.at if note.last_used_at is None else max(use.at, note.last_used_at)
    counts = {"uses": note.uses + use.times, "helped": note.helped + use.helped, "last_used_at": at}
    return replace(row, note=note.model_copy(update=counts))


def counts_of(note: Note) -> tuple[int, int, datetime | None]:
    """What is counted of a note."""
    return note.uses, note.helped, note.last_used_at


def carried(base: Note, ours: Note, fresh: Note) -> dict[str, object]:
    """The counts of a note that somebody else wrote meanwhile, with ours on top of theirs."""
    times = [each for each in (ours.last_used_at, fresh.last_used_at) if each is not None]
    return {
        "uses": fresh.uses + ours.uses - base.uses,
        "helped": fresh.helped + ours.helped - base.helped,
        "last_used_at": max(times, default=None),
    }
