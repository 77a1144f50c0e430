"""Insights and the notes that they stand on: which fall with which. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from zettelmem.decisions import Changes
from zettelmem.note import Link, Note, Relation, Trust

from .sheet import Sheet


def derived_links(note: Note) -> set[Link]:
    """The `derived_from` links that a note has or had, as far as its history tells."""
    links = [*note.links]
    for entry in note.history:
        links += [*entry.linked, *entry.unlinked]
    return {link for link in links if link.relation is Relation.DERIVED_FROM}


def standing_on(notes: Iterable[Note]) -> list[str]:
    """The ids of the notes that are derived from any of these."""
    found: dict[str, None] = {}
    for note in notes:
        for link in sorted(derived_links(note), key=lambda each: each.source):
            if link.target == note.id:
                found[link.source] = None
    return list(found)


def with_derived(ids: set[str], notes: Mapping[str, Note]) -> set[str]:
    """These notes, and all that are derived from them, however many steps away."""
    reached = set(ids)
    ahead = list(ids)
    while ahead:
        note = notes.get(ahead.pop())
        new = set(standing_on([note])) & notes.keys() - reached if note is not None else set()
        reached |= new
        ahead += new
    return reached


def weakened(changes: Sequence[Changes]) -> list[Note]:
    """The notes that these changes closed, forgot, or left less trusted, and that others are derived from."""
    found: list[Note] = []
    for note in (each for change in changes for each in change.notes):
        entry = note.history[-1]
        closed = note.invalid_at is not None and "invalid_at" in entry.after
        forgotten = note.forgotten_at is not None and "forgotten_at" in entry.after
        trusted_less = "trust" in entry.after and note.trust < int(str(entry.before["trust"]))
        if (closed or forgotten or trusted_less) and standing_on([note]):
            found.append(note)
    return found


def fall(insight: Note, sources: Iterable[Note], now: datetime) -> Changes | None:
    """The insight as it stands on these of its sources now; None if it stands as before.

    It is no longer so where one of them is not, and is trusted no more than any of them.
    """
    if insight.forgotten_at is not None:
        return None
    sheet = Sheet(insight, (), "fall", now)
    for source in sources:
        gone = source.forgotten_at is not None
        closed = source.invalid_at is not None and source.invalid_at <= now
        if (gone or closed) and insight.invalid_at is None:
            what = "was forgotten" if gone else "is no longer so"
            sheet.set(insight.id, f"it stands on {source.id}, which {what}", invalid_at=now)
        if source.trust < min(insight.trust, sheet.fields.get(insight.id, {}).get("trust", Trust.VERIFIED)):
            sheet.set(insight.id, f"it stands on {source.id}, which is trusted less", trust=source.trust)
    return sheet.changes() if sheet.fields else None
