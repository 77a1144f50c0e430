"""How a change is taken back, as a pure function: the notes as they stand in, the change of them out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from zettelmem.decisions import Changes
from zettelmem.errors import ConflictError
from zettelmem.note import Evolution, Note
from zettelmem.values import build

from .sheet import Sheet, as_json


def entry_of(note: Note, change: str) -> Evolution | None:
    """What `change` did to `note`, as far as its history reaches back."""
    return next((entry for entry in note.history if entry.change == change), None)


def too_old(change: str, note: Note) -> ConflictError:
    """That a change cannot be undone, because a note's history does not reach back to it."""
    return ConflictError(
        f"change {change} is older than the {len(note.history)} changes that note {note.id} keeps, so it "
        "cannot be undone; revise or forget what it wrote instead",
        (note.id,),
    )


def undo(change: str, notes: Mapping[str, Note], now: datetime) -> Changes:
    """The states that the notes had before `change`, as a change of their own.

    Args:
        change: the change id to take back.
        notes: every note that the change wrote, and for a `remember` or a forgetting every note
            that is linked with them, or with their parts, now; by id.
        now: when.

    Raises:
        ConflictError: a later change stands on this one and is named: undo that first; or nothing of it
            is left; or the history of one of the notes does not reach back to it.
    """
    cause = notes[change.partition(".")[0]]
    told = entry_of(cause, change)
    if told is None:
        raise ConflictError(f"change {change} is not in the history of {cause.id}", (cause.id,))
    sheet = Sheet(cause, (note for note in notes.values() if note.id != cause.id), "undo", now)
    for note in notes.values():
        entry = entry_of(note, change)
        if entry is None and note.dropped and note.id in told.touched:
            raise too_old(change, note)
        if entry is None:
            continue
        _take_back(sheet, note, entry, notes)
    first = cause.history[0]
    if first.change == change and first.verb == "remember":
        if cause.forgotten_at is not None:
            raise ConflictError(f"note {cause.id} is forgotten already", (cause.id,))
        sheet.hide(cause)
    for note in notes.values():
        if sheet.fields.get(note.id, {}).get("forgotten_at") is not None:
            sheet.detach(note)  # links made since go as well
    if not (sheet.fields or sheet.linked or sheet.unlinked):
        raise ConflictError(f"nothing of change {change} is left to take back", (cause.id,))
    return sheet.changes()


def _take_back(sheet: Sheet, note: Note, entry: Evolution, notes: Mapping[str, Note]) -> None:
    for name, after in entry.after.items():
        if name in ("pending", "shown"):
            continue  # bookkeeping: an undone decision does not put the question back
        if as_json(getattr(note, name)) != after:
            later = next(x for x in reversed(note.history) if name in x.after)
            raise ConflictError(
                f"{name} of note {note.id} was changed again by {later.change}; undo that first",
                (note.id,),
            )
    fields = {name: old for name, old in entry.before.items() if name not in ("pending", "shown")}
    if fields:
        restored = build(Note, {**dict(note), **fields})
        sheet.set(note.id, f"undo {entry.change}", **{name: getattr(restored, name) for name in fields})
    for link in entry.linked:
        if link in note.links:
            sheet.unlink(link)
    for link in entry.unlinked:
        other = notes.get(link.other(note.id))
        if other is None:
            raise ConflictError(
                f"note {link.other(note.id)}, which a link of {note.id} needs, is gone for good",
                (note.id,),
            )
        restoring = entry_of(other, entry.change)
        hidden = other.forgotten_at is not None and not (restoring and "forgotten_at" in restoring.after)
        if hidden:
            later = next(x for x in reversed(other.history) if "forgotten_at" in x.after)
            raise ConflictError(
                f"note {other.id}, which a link of {note.id} needs, was forgotten by {later.change}; "
                "undo that first",
                (other.id,),
            )
        if link not in note.links:
            sheet.link(link)
