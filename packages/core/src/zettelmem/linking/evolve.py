"""How notes change each other, as pure functions: state in, state out, no clock, no I/O.

Every function returns `Changes`: the causing note first, then every other note that must be written
with it, each one revision on and with the change in its history. The store writes them in one commit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from itertools import takewhile
from typing import Any

from pydantic import JsonValue

from zettelmem.decisions import Changes, Decision
from zettelmem.errors import InvalidInput
from zettelmem.note import Evolution, Link, Note, Pending, Relation, Shown, Verb
from zettelmem.spending import Account
from zettelmem.values import build

from .decisions import check
from .matters import says_again
from .sheet import Sheet, as_json, bounded

BELONGING = 0.1
"""Weight of the link from a piece of a text to the note that stands for the whole."""
FOLLOWING = 0.2
"""Weight of the link to the note before in the thread."""
AGAIN = "remembered again under the same key"
"""The reason of a revision by a `remember` whose key was known."""


def decide(sheet: Sheet, note: Note, neighbours: Sequence[Note], decision: Decision) -> None:
    """Write down what a decision does.

    Raises:
        DecisionRefused: it names what was not shown, or reaches further than it may.
    """
    check(note, neighbours, decision)
    for choice in decision.links:
        other = neighbours[choice.neighbour]
        # Of two that contradict each other the less trusted one is flagged.
        flagged = choice.relation is Relation.CONTRADICTS and other.trust > note.trust
        sheet.link(
            Link(
                source=other.id if flagged else note.id,
                target=note.id if flagged else other.id,
                relation=choice.relation,
                reason=choice.reason,
                weight=choice.weight,
            )
        )
        # What a plan is about may lie ahead, but its words count from when they were said.
        said_at = min(note.occurred_at, note.recorded_at)
        if choice.relation is Relation.SUPERSEDES and (
            other.invalid_at is None or other.invalid_at > said_at
        ):
            sheet.set(other.id, choice.reason, invalid_at=said_at)
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
    sheet = Sheet(note, others.values(), "remember", now)
    if previous is not None:
        sheet.link(Link(source=note.id, target=previous.id, relation=Relation.FOLLOWS, weight=FOLLOWING))
    decide(sheet, note, neighbours, decision)
    return sheet.changes(keep_cause=True)


def apply(
    note: Note,
    neighbours: Sequence[Note],
    decision: Decision,
    now: datetime,
    cost: Account | None = None,
    reason: str = "",
    pending: Pending | None = None,
    **fields: Any,
) -> Changes:
    """A stored note, linked and its neighbours changed as `decision` says; it is pending no more.

    Args:
        note: the note that the decision is about, as stored.
        neighbours: number i of the decision is ``neighbours[i]``.
        decision: a judge's decision.
        now: when it is applied.
        cost: what a language model was paid for it.
        reason: why, where it was not the judge's own word.
        pending: what of the judge's word waits for a review.
        fields: fields of the note itself that construction made meanwhile (context, keywords, ...).

    Raises:
        DecisionRefused, LimitExceeded: as `remember`.
    """
    sheet = Sheet(note, neighbours, "connect", now)
    sheet.cost = cost
    sheet.set(note.id, reason, pending=pending, shown=(), **fields)
    decide(sheet, note, neighbours, decision)
    return sheet.changes()


def owe(
    note: Note,
    pending: Pending | None,
    now: datetime,
    reason: str = "",
    cost: Account | None = None,
    **fields: Any,
) -> Changes:
    """The note with another `pending`, as somebody took it in hand or tried in vain; and its `fields`."""
    sheet = Sheet(note, (), "judge", now)
    sheet.cost = cost
    sheet.set(note.id, reason, pending=pending, **fields)
    return sheet.changes()


def paid(changes: Sequence[Changes], cost: Account | None) -> list[Changes]:
    """The changes, with what a language model was paid for all of them told by the first."""
    made = [*changes]
    if made and cost is not None:
        first = made[0].note
        entry = first.history[-1].model_copy(update={"cost": cost})
        note = first.model_copy(update={"history": (*first.history[:-1], entry)})
        made[0] = made[0].model_copy(update={"notes": (note, *made[0].touched)})
    return made


def take_back(note: Note, linked: Mapping[str, Note], now: datetime) -> Changes | None:
    """What a note's arrival did to others taken back, and its links, but for its place in its thread.

    Where somebody changed a field since, that one stands; of learned keywords those go that came with it.
    None where there is nothing to take back.
    """
    arrival = note.history[0]
    sheet = Sheet(note, linked.values(), "undo", now)
    for link in note.links:
        if link in arrival.linked and link.source == note.id and link.relation is not Relation.FOLLOWS:
            sheet.unlink(link)
    for other in linked.values():
        entry = next((x for x in other.history if x.change == arrival.change), None)
        if entry is None:
            continue
        fields = {
            name: old
            for name, old in entry.before.items()
            if as_json(getattr(other, name)) == entry.after[name]
        }
        if "keywords" in entry.before and "keywords" not in fields:
            learned = _words(entry.after["keywords"]) - _words(entry.before["keywords"])
            fields["keywords"] = [word for word in other.keywords if word not in learned]
        restored = build(Note, {**dict(other), **fields})
        reason = f"another judge decides about {note.id}"
        sheet.set(other.id, reason, **{name: getattr(restored, name) for name in fields})
    return sheet.changes() if sheet.unlinked or sheet.fields else None


def _words(value: JsonValue) -> set[str]:
    """The words of a field as a history keeps it."""
    return set(map(str, value)) if isinstance(value, list) else set()


def compose(whole: Note, parts: Sequence[Note], now: datetime) -> Changes:
    """The note that stands for a text, with the notes of its pieces linked to it as parts."""
    sheet = Sheet(whole, parts, "connect", now)
    for part in parts:
        sheet.link(Link(source=part.id, target=whole.id, relation=Relation.PART_OF, weight=BELONGING))
    return sheet.changes()


def show(note: Note, neighbours: Sequence[Note], now: datetime) -> Changes:
    """The note with its numbered neighbours written down, so that a later decision can be checked."""
    sheet = Sheet(note, (), "judge", now)
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
    sheet = Sheet(note, (), "revise", now)
    sheet.set(note.id, reason, **{name: getattr(checked, name) for name in fields})
    if not sheet.fields:
        raise InvalidInput(f"note {note.id} says so already; give at least one field that differs")
    sheet.set(note.id, reason, rested_at=None, front=None)
    return sheet.changes()


def repeats(again: Note, note: Note) -> bool:
    """Whether a new note says nothing but the words of one that is there, and so is that note once more.

    A note with a key or with data is wanted for itself. Words that were taken back since, or on whose
    matter there is a later word, are said anew.
    """
    alone = again.key is None and note.key is None and again.data is None and note.data is None
    stands = note.forgotten_at is None and note.invalid_at is None and not note.newer
    fits = again.namespace == note.namespace and again.invalid_at is None and not note.shown
    return alone and stands and fits and says_again(again, note)


def repeat(note: Note, again: Note, now: datetime) -> Changes:
    """The note, with one more time that its words were said; who is trusted more becomes its source."""
    sheet = Sheet(note, (), "repeat", now)
    sheet.reasons[note.id] = f"said again by {again.source.who or 'somebody'}"
    sheet.set(note.id, sheet.reasons[note.id], rested_at=None, front=None)
    if again.trust > note.trust:
        sheet.set(note.id, source=again.source, trust=again.trust)
    return sheet.changes()


def forget(note: Note, linked: Sequence[Note], now: datetime, verb: Verb = "forget") -> Changes:
    """The note out of sight with all its parts, and every link to them gone at the other end too.

    What it had superseded is so again, unless it was closed for another reason since, or so long ago
    that its history does not tell any more.

    Args:
        note: the note to forget.
        linked: every note that it or a part of it is linked with.
        now: when.
        verb: `forget`, or `undo` where the forgetting takes a `remember` back.
    """
    sheet = Sheet(note, linked, verb, now)
    sheet.hide(note)
    return sheet.changes()


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
            "history": bounded(tuple(history)),
            "revision": fresh.revision + len(entries),
        }
    )


def marked(changes: Sequence[Changes], mark: str) -> list[Changes]:
    """Changes of one write under ids of their own, where two writers may make one of a revision at once."""
    ids = {each.id: f"{each.id}-{mark}" for each in changes if not each.restored}

    def renamed(note: Note) -> Note:
        history = tuple(
            entry.model_copy(update={"change": ids[entry.change]}) if entry.change in ids else entry
            for entry in note.history
        )
        return note.model_copy(update={"history": history})

    return [
        each if each.restored else Changes(id=ids[each.id], notes=tuple(map(renamed, each.notes)))
        for each in changes
    ]


def erased(note: Note, now: datetime, mark: str) -> Note:
    """The note a revision on, because what erased notes had left in it was taken out.

    Only where writers have no lock: whoever read it before must not write it as it was.
    """
    told = {"change": f"{note.id}.{note.revision + 1}-{mark}", "verb": "erase", "cause": note.id, "at": now}
    history = bounded((*note.history, build(Evolution, told)))
    return note.model_copy(update={"history": history, "revision": note.revision + 1})


def known_at(note: Note, at: datetime) -> Note:
    """The note as it stood at `at`: every later entry of its history taken back, links included.

    Before the oldest change that its history keeps, it is taken to have been as it was after the last
    one that was dropped: nothing older is known of it.
    """
    later = list(takewhile(lambda entry: entry.at > at, reversed(note.history)))
    return _before(note, len(later))


def last_remembered(note: Note) -> Note | None:
    """The note as the last `remember` of its key left it; None where its history tells no more of that."""
    for later, entry in enumerate(reversed(note.history)):
        if entry.verb == "remember" or entry.reason == AGAIN:
            return _before(note, later)
    return None


def _before(note: Note, count: int) -> Note:
    """The note with the newest `count` entries of its history taken back."""
    if not count:
        return note
    fields: dict[str, Any] = {}
    links = list(note.links)
    for entry in reversed(note.history[-count:]):
        fields.update(entry.before)
        links = [link for link in links if link not in entry.linked] + list(entry.unlinked)
    fields |= {"links": tuple(links), "history": note.history[:-count]}
    fields["revision"] = max(1, note.revision - count)
    return build(Note, {**dict(note), **fields})
