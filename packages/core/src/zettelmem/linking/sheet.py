"""The states of some notes while one change is worked out on them. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from pydantic import JsonValue, TypeAdapter

from zettelmem.decisions import Changes
from zettelmem.errors import LimitExceeded
from zettelmem.limits import MAX_CHANGES, MAX_HISTORY, MAX_LINKS
from zettelmem.note import Evolution, Link, Note, Verb
from zettelmem.spending import Account
from zettelmem.values import build

ENTRY_SIZE, LINK_SIZE, ID_SIZE = 400, 220, 16
"""Bytes that the rest of a change, of a link and an id take at most as JSON."""

_JSON: TypeAdapter[Any] = TypeAdapter(Any)


def as_json(value: object) -> JsonValue:
    """A field's value as a history keeps it."""
    plain: JsonValue = _JSON.dump_python(value, mode="json")
    return plain


class Sheet:
    """The states of some notes while one change is worked out on them."""

    def __init__(self, cause: Note, others: Iterable[Note], verb: Verb, now: datetime) -> None:
        self.cause = cause
        self.verb = verb
        self.now = now
        self.before = {cause.id: cause} | {note.id: note for note in others}
        self.fields: dict[str, dict[str, Any]] = {}
        self.reasons: dict[str, str] = {}
        self.linked: dict[str, list[Link]] = {}
        self.unlinked: dict[str, list[Link]] = {}
        self.cost: Account | None = None

    def set(self, note_id: str, reason: str = "", **fields: Any) -> None:
        """Change fields of a note; those that have the value already stay out of it."""
        note = self.before[note_id]
        changed = {name: new for name, new in fields.items() if getattr(note, name) != new}
        if changed:
            self.fields.setdefault(note_id, {}).update(changed)
            if reason:
                self.reasons[note_id] = reason

    def link(self, link: Link) -> None:
        """Add `link` at both ends, unless it is there already."""
        if any(
            (link.source, link.target, link.relation) == (x.source, x.target, x.relation)
            for x in (*self.before[link.source].links, *self.linked.get(link.source, ()))
        ):
            return
        for end in (link.source, link.target):
            self.linked.setdefault(end, []).append(link)

    def unlink(self, link: Link) -> None:
        """Remove `link` at both ends."""
        for end in (link.source, link.target):
            if link not in self.unlinked.setdefault(end, []):
                self.unlinked[end].append(link)

    def detach(self, note: Note) -> None:
        """Take away the links of a note that goes out of sight, and reopen what it had superseded."""
        for link in note.links:
            self.unlink(link)
        for other in self.before.values():
            if other.id != note.id and "invalid_at" not in self.fields.get(other.id, {}):
                self.reopen(other, note, f"{note.id} is forgotten")

    def reopen(self, other: Note, note: Note, reason: str) -> None:
        """What a note has closed last is so again, unless it was closed for another reason since."""
        closed = [entry for entry in other.history if "invalid_at" in entry.after]
        if closed and closed[-1].cause == note.id and closed[-1].verb == "evolve":
            before = build(Note, {**dict(other), "invalid_at": closed[-1].before["invalid_at"]})
            self.set(other.id, reason, invalid_at=before.invalid_at)

    def hide(self, note: Note) -> None:
        """Put a note out of sight, without its links; what is part of it goes with it."""
        for note_id in (note.id, *note.parts):
            if note_id in self.before:
                self.detach(self.before[note_id])
                self.set(note_id, forgotten_at=self.now)

    def changes(self, *, keep_cause: bool = False) -> Changes:
        """All of it as one change; with `keep_cause` the causing note is new and stays at revision 1."""
        cause = self.cause
        change = f"{cause.id}.{cause.revision if keep_cause else cause.revision + 1}"
        written = [
            note_id
            for note_id in self.before
            if note_id == cause.id
            or note_id in self.fields
            or note_id in self.linked
            or note_id in self.unlinked
        ]
        touched = tuple(note_id for note_id in written if note_id != cause.id)
        notes = tuple(
            self._written(self.before[note_id], change, touched, new=keep_cause) for note_id in written
        )
        return Changes(id=change, notes=notes)

    def _verb_for(self, note_id: str) -> Verb:
        if note_id == self.cause.id or self.verb in ("forget", "undo"):
            return self.verb
        return "evolve" if note_id in self.fields else "link"

    def _written(self, note: Note, change: str, touched: tuple[str, ...], *, new: bool) -> Note:
        is_cause = note.id == self.cause.id
        fields = self.fields.get(note.id, {})
        linked = tuple(self.linked.get(note.id, ()))
        unlinked = tuple(self.unlinked.get(note.id, ()))
        links = tuple(x for x in note.links if x not in unlinked) + linked
        if len(links) > MAX_LINKS:
            raise LimitExceeded(
                f"note {note.id} would have {len(links)} links, more than {MAX_LINKS}; "
                "link to a more specific note instead"
            )
        told = {
            "change": change,
            "verb": self._verb_for(note.id),
            "cause": self.cause.id,
            "at": self.now,
            "reason": self.reasons.get(note.id, ""),
            "before": {name: as_json(getattr(note, name)) for name in fields},
            "after": {name: as_json(value) for name, value in fields.items()},
            "linked": linked,
            "unlinked": unlinked,
            "touched": touched if is_cause else (),
            "cost": self.cost if is_cause else None,
        }
        return note.model_copy(
            update={
                **fields,
                "links": links,
                "history": bounded((*note.history, build(Evolution, told))),
                "revision": note.revision if is_cause and new else note.revision + 1,
            }
        )


def bounded(history: tuple[Evolution, ...]) -> tuple[Evolution, ...]:
    """The newest changes of a history, as many as a note may keep; the first tells how many are dropped."""
    # To write out a long history as JSON costs a millisecond a note, and few are near the bound.
    if len(history) <= MAX_CHANGES and sum(map(size_at_most, history)) <= MAX_HISTORY:
        return history
    kept = size = 0
    for entry in reversed(history):
        size += len(entry.model_dump_json(exclude_defaults=True).encode())
        if kept and (kept == MAX_CHANGES or size > MAX_HISTORY):
            break
        kept += 1
    gone = len(history) - kept
    if not gone:
        return history
    first = history[gone].model_copy(update={"dropped": history[0].dropped + gone})
    return (first, *history[gone + 1 :])


def size_at_most(entry: Evolution) -> int:
    """Bytes that a change takes at most as JSON, without writing it: a character takes up to six."""
    values = (*entry.before.values(), *entry.after.values())
    links = (*entry.linked, *entry.unlinked)
    words = len(entry.reason) + sum(len(link.reason) for link in links)
    # A number, a time or a source is short; `repr` of a list of words is as long as its JSON.
    words += sum(len(value) if isinstance(value, str) else len(repr(value)) for value in values)
    return ENTRY_SIZE + LINK_SIZE * len(links) + ID_SIZE * len(entry.touched) + 6 * words
