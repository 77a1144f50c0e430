"""How notes change each other, as pure functions: state in, state out, no clock, no I/O.

Every function returns `Changes`: the causing note first, then every other note that must be written
with it, each one revision on and with the change in its history. The store writes them in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from pydantic import JsonValue, TypeAdapter

from zettelmem.decisions import Changes, Decision
from zettelmem.errors import ConflictError, DecisionRefused, InvalidInput, LimitExceeded
from zettelmem.limits import MAX_CHANGES, MAX_DECISION_CHANGES, MAX_DECISION_LINKS, MAX_HISTORY, MAX_LINKS
from zettelmem.note import Evolution, Link, Note, Relation, Shown, Verb
from zettelmem.values import build

FOLLOWING = 0.2
"""Weight of the link to the note before in the thread."""


_CLOSING = (Relation.SUPERSEDES, Relation.CONTRADICTS)
_JSON: TypeAdapter[Any] = TypeAdapter(Any)


def _json(value: object) -> JsonValue:
    plain: JsonValue = _JSON.dump_python(value, mode="json")
    return plain


class _Sheet:
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

    def set(self, note_id: str, reason: str = "", **fields: Any) -> None:
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
            "before": {name: _json(getattr(note, name)) for name in fields},
            "after": {name: _json(value) for name, value in fields.items()},
            "linked": linked,
            "unlinked": unlinked,
            "touched": touched if is_cause else (),
        }
        return note.model_copy(
            update={
                **fields,
                "links": links,
                "history": _bounded((*note.history, build(Evolution, told))),
                "revision": note.revision if is_cause and new else note.revision + 1,
            }
        )


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
        if choice.relation is Relation.SUPERSEDES and note.occurred_at < other.occurred_at:
            raise DecisionRefused(
                f"neighbour {choice.neighbour} happened after this note, so this note cannot supersede "
                "it; use `contradicts` or `relates`"
            )
    weighty = changed + [x.neighbour for x in decision.links if x.relation in _CLOSING]
    for number in weighty:
        if neighbours[number].trust > note.trust:
            raise DecisionRefused(
                f"neighbour {number} is trusted more ({neighbours[number].trust.name.lower()}) than this "
                f"note ({note.trust.name.lower()}), which may not change, supersede or contradict it; "
                "link it with `relates`, or let its author revise it"
            )


def _decide(sheet: _Sheet, note: Note, neighbours: Sequence[Note], decision: Decision) -> None:
    check(note, neighbours, decision)
    for choice in decision.links:
        other = neighbours[choice.neighbour]
        sheet.link(
            Link(
                source=note.id,
                target=other.id,
                relation=choice.relation,
                reason=choice.reason,
                weight=choice.weight,
            )
        )
        if choice.relation is Relation.SUPERSEDES and (
            other.invalid_at is None or other.invalid_at > note.occurred_at
        ):
            sheet.set(other.id, choice.reason, invalid_at=note.occurred_at)
    for change in decision.changes:
        other = neighbours[change.neighbour]
        # An empty field is how weak models say "no change"; emptying a description is never meant.
        fields = {name: value for name in ("context", "keywords", "tags") if (value := getattr(change, name))}
        sheet.set(other.id, change.reason, **fields)


def remember(
    note: Note,
    previous: Note | None,
    neighbours: Sequence[Note],
    decision: Decision,
    now: datetime,
) -> Changes:
    """A new note, linked behind the one before it in its thread and as `decision` says.

    Raises:
        DecisionRefused: the decision names a neighbour that was not shown, touches too many, closes
            a later or changes a more trusted note. Nothing of it is applied.
        LimitExceeded: a note would have too many links.
    """
    others = {x.id: x for x in neighbours}
    if previous is not None:
        others.setdefault(previous.id, previous)
    sheet = _Sheet(note, others.values(), "remember", now)
    if previous is not None:
        sheet.link(Link(source=note.id, target=previous.id, relation=Relation.FOLLOWS, weight=FOLLOWING))
    _decide(sheet, note, neighbours, decision)
    return sheet.changes(keep_cause=True)


def apply(
    note: Note, neighbours: Sequence[Note], decision: Decision, now: datetime, **fields: Any
) -> Changes:
    """A stored note, linked and its neighbours changed as `decision` says; it is pending no more.

    Args:
        note: the note that the decision is about, as stored.
        neighbours: number i of the decision is ``neighbours[i]``.
        decision: a judge's decision.
        now: when it is applied.
        fields: fields of the note itself that construction made meanwhile (context, keywords, ...).

    Raises:
        DecisionRefused, LimitExceeded: as `remember`.
    """
    sheet = _Sheet(note, neighbours, "connect", now)
    sheet.set(note.id, pending=None, shown=(), **fields)
    _decide(sheet, note, neighbours, decision)
    return sheet.changes()


def show(note: Note, neighbours: Sequence[Note], now: datetime) -> Changes:
    """The note with its numbered neighbours written down, so that a later decision can be checked."""
    sheet = _Sheet(note, (), "judge", now)
    sheet.set(note.id, shown=tuple(Shown(id=x.id, revision=x.revision) for x in neighbours))
    return sheet.changes()


def without(decision: Decision, stale: Iterable[int]) -> Decision:
    """The decision without its changes of neighbours that were written since it was made.

    Links stay: they hold whatever a neighbour is called. A description decided on an outdated view
    would undo somebody else's, so the other one wins.
    """
    gone = set(stale)
    return Decision(
        links=decision.links,
        changes=tuple(x for x in decision.changes if x.neighbour not in gone),
    )


def renumber(decision: Decision, kept: Sequence[int]) -> Decision:
    """The decision about the neighbours `kept` (old numbers, in their new order) alone."""
    new = {old: number for number, old in enumerate(kept)}
    return Decision(
        links=tuple(
            x.model_copy(update={"neighbour": new[x.neighbour]}) for x in decision.links if x.neighbour in new
        ),
        changes=tuple(
            x.model_copy(update={"neighbour": new[x.neighbour]})
            for x in decision.changes
            if x.neighbour in new
        ),
    )


def revise(note: Note, fields: Mapping[str, Any], now: datetime, reason: str = "") -> Changes:
    """The note with the fields that its owner wants changed.

    Raises:
        InvalidInput: nothing would change, or a value does not fit.
    """
    checked = build(Note, {**dict(note), **fields})
    sheet = _Sheet(note, (), "revise", now)
    sheet.set(note.id, reason, **{name: getattr(checked, name) for name in fields})
    if not sheet.fields:
        raise InvalidInput(f"note {note.id} says so already; give at least one field that differs")
    return sheet.changes()


def forget(note: Note, linked: Sequence[Note], now: datetime, verb: Verb = "forget") -> Changes:
    """The note out of sight, and every link to it gone at the other end too.

    What it had superseded is so again, unless it was closed for another reason since, or so long ago
    that its history does not tell any more.

    Args:
        note: the note to forget.
        linked: every note that it is linked with.
        now: when.
        verb: `forget`, or `undo` where the forgetting takes a `remember` back.
    """
    sheet = _Sheet(note, linked, verb, now)
    _detach(sheet, note)
    sheet.set(note.id, forgotten_at=now)
    return sheet.changes()


def _detach(sheet: _Sheet, note: Note) -> None:
    """Take away the links of a note that goes out of sight, and reopen what it had superseded."""
    for link in note.links:
        sheet.unlink(link)
    for other in sheet.before.values():
        closed = [entry for entry in other.history if "invalid_at" in entry.after]
        if (
            closed
            and other.id != note.id
            and closed[-1].cause == note.id
            and closed[-1].verb == "evolve"
            and "invalid_at" not in sheet.fields.get(other.id, {})
        ):
            before = build(Note, {**dict(other), "invalid_at": closed[-1].before["invalid_at"]})
            sheet.set(other.id, f"{note.id} is forgotten", invalid_at=before.invalid_at)


def entry_of(note: Note, change: str) -> Evolution | None:
    """What `change` did to `note`, as far as its history reaches back."""
    return next((entry for entry in note.history if entry.change == change), None)


def _bounded(history: tuple[Evolution, ...]) -> tuple[Evolution, ...]:
    """The newest changes of a history, as many as a note may keep; the first tells how many are dropped."""
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
            that is linked with them now; by id.
        now: when.

    Raises:
        ConflictError: a later change stands on this one and is named: undo that first; or nothing of it
            is left; or the history of one of the notes does not reach back to it.
    """
    cause = notes[change.partition(".")[0]]
    told = entry_of(cause, change)
    if told is None:
        raise ConflictError(f"change {change} is not in the history of {cause.id}", (cause.id,))
    sheet = _Sheet(cause, (note for note in notes.values() if note.id != cause.id), "undo", now)
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
        sheet.set(cause.id, forgotten_at=now)
    if sheet.fields.get(cause.id, {}).get("forgotten_at") is not None:
        _detach(sheet, cause)  # links made since go as well
    if not (sheet.fields or sheet.linked or sheet.unlinked):
        raise ConflictError(f"nothing of change {change} is left to take back", (cause.id,))
    return sheet.changes()


def _take_back(sheet: _Sheet, note: Note, entry: Evolution, notes: Mapping[str, Note]) -> None:
    for name, after in entry.after.items():
        if name in ("pending", "shown"):
            continue  # bookkeeping: an undone decision does not put the question back
        if _json(getattr(note, name)) != after:
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


def rebase(base: Note, ours: Note, fresh: Note) -> Note:
    """`ours`, made on `base`, made again on `fresh`, which somebody else wrote meanwhile.

    Links and history of both are kept; a field that both changed stays as in `fresh`, and our history
    does not claim it.
    """
    entries = ours.history[-(ours.revision - base.revision) :]
    ours_alone = {
        name for entry in entries for name in entry.after if getattr(base, name) == getattr(fresh, name)
    }
    links = list(fresh.links)
    history = list(fresh.history)
    for entry in entries:
        unlinked = tuple(link for link in entry.unlinked if link in links)
        links = [link for link in links if link not in unlinked]
        linked = tuple(link for link in entry.linked if link not in links)
        links += linked
        history.append(
            entry.model_copy(
                update={
                    "before": {name: old for name, old in entry.before.items() if name in ours_alone},
                    "after": {name: new for name, new in entry.after.items() if name in ours_alone},
                    "linked": linked,
                    "unlinked": unlinked,
                }
            )
        )
    return fresh.model_copy(
        update={
            **{name: getattr(ours, name) for name in ours_alone},
            "links": tuple(links),
            "history": _bounded(tuple(history)),
            "revision": fresh.revision + len(entries),
        }
    )


def marked(changes: Sequence[Changes], mark: str) -> list[Changes]:
    """Changes of one write under ids of their own, where two writers may make one of a revision at once."""
    ids = {each.id: f"{each.id}-{mark}" for each in changes}

    def renamed(note: Note) -> Note:
        history = tuple(
            entry.model_copy(update={"change": ids[entry.change]}) if entry.change in ids else entry
            for entry in note.history
        )
        return note.model_copy(update={"history": history})

    return [Changes(id=ids[each.id], notes=tuple(map(renamed, each.notes))) for each in changes]


def erased(note: Note, now: datetime, mark: str) -> Note:
    """The note a revision on, because what erased notes had left in it was taken out.

    Only where writers have no lock: whoever read it before must not write it as it was.
    """
    told = {"change": f"{note.id}.{note.revision + 1}-{mark}", "verb": "erase", "cause": note.id, "at": now}
    history = _bounded((*note.history, build(Evolution, told)))
    return note.model_copy(update={"history": history, "revision": note.revision + 1})


def known_at(note: Note, at: datetime) -> Note:
    """The note as it stood at `at`: every later entry of its history taken back, links included.

    Before the oldest change that its history keeps, it is taken to have been as it was after the last
    one that was dropped: nothing older is known of it.
    """
    fields: dict[str, Any] = {}
    links = list(note.links)
    history = list(note.history)
    while history and history[-1].at > at:
        entry = history.pop()
        fields.update(entry.before)
        links = [link for link in links if link not in entry.linked] + list(entry.unlinked)
    if len(history) == len(note.history):
        return note
    fields |= {"links": tuple(links), "history": tuple(history)}
    fields["revision"] = max(1, note.revision - len(note.history) + len(history))
    return build(Note, {**dict(note), **fields})
