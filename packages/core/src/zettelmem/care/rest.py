"""How a note goes to rest, wakes, and falls with what it stands on. Pure."""

from __future__ import annotations

from datetime import datetime

from zettelmem.decisions import Changes
from zettelmem.linking.sheet import Sheet
from zettelmem.note import Note


def rest(note: Note, now: datetime, reason: str) -> Changes:
    """The note at rest: true and kept, and found only when it is asked for precisely."""
    sheet = Sheet(note, (), "rest", now)
    sheet.set(note.id, reason, rested_at=now)
    return sheet.changes()


def wake(note: Note, now: datetime) -> Changes:
    """The note awake again."""
    sheet = Sheet(note, (), "wake", now)
    sheet.set(note.id, "it was used", rested_at=None, front=None)
    return sheet.changes()
