"""Links by the caller's own decision: number the neighbours of a note, then take what was decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from .decisions import Changes, Decision, Neighbour, Question, Remembered
from .errors import ConflictError, DecisionRefused
from .linking import evolve, prompts
from .neighbours import numbered
from .note import Note
from .revise import Revise
from .store import Store
from .values import build
from .writer import Writer, alive, remembered


async def waiting(store: Store, note: Note) -> list[Neighbour]:
    """The numbered neighbours that the note was last shown, if none of them was written since; else none."""
    around = await _compared(store, note, [each.id for each in note.shown])
    revisions = {other.id: other.revision for other, _ in around}
    stand = all(revisions.get(each.id) == each.revision for each in note.shown)
    return numbered(around) if stand else []


async def chosen(store: Store, note: Note, others: Sequence[Note]) -> list[Neighbour]:
    """These notes as numbered neighbours of `note`, in their order, without the note itself."""
    return numbered(await _compared(store, note, [each.id for each in others if each.id != note.id]))


async def _compared(store: Store, note: Note, ids: Sequence[str]) -> list[tuple[Note, float]]:
    """Those of these notes that exist, in this order, and the cosine of each content to that of `note`."""
    rows = await store.rows(note.namespace, [note.id, *ids])
    own = rows.get(note.id)
    if own is None:
        return []
    there = [rows[each] for each in ids if each in rows]
    return [(row.note, float(own.content_vector @ row.content_vector)) for row in there]


async def show(writer: Writer, note: Note, around: Sequence[Neighbour]) -> None:
    """Write the numbers of the neighbours into the note, where every process finds them."""
    notes = [each.note for each in around]

    def step(fresh: dict[str, Note]) -> list[Changes]:
        return [evolve.show(alive(fresh, note.id), notes, writer.clock())]

    await writer.commit(note.namespace, [note.id], step)


async def ask(writer: Writer, revise: Revise, note: Note, others: Sequence[Note] | None = None) -> Question:
    """The question about a note and its neighbours, or others, under numbers that `decide` understands."""
    around = await waiting(writer.store, note) if others is None else await chosen(writer.store, note, others)
    if others is not None and around:
        await show(writer, note, around)
    if not around:
        around = await revise.around(note)
        await show(writer, note, around)
    return Question(
        neighbours=tuple(around),
        instructions=f"{prompts.JUDGE}\n{prompts.IN_JSON}",
        prompt=prompts.judge(note, around),
    )


def decision_of(given: Decision | Mapping[str, Any] | str) -> Decision:
    """A decision from loose fields, or from a model's answer that holds it as JSON.

    Raises:
        InvalidInput: it is no decision.
    """
    return prompts.decision_in(given) if isinstance(given, str) else build(Decision, given)


async def decide(writer: Writer, note: Note, decision: Decision, now: datetime) -> Remembered:
    """Apply a decision about the neighbours that the note was shown.

    Raises:
        DecisionRefused: none were shown, or the decision does not fit them.
        ConflictError: a neighbour that it names changed meanwhile.
    """
    if not note.shown and (decision.links or decision.changes):
        raise DecisionRefused(
            f"no numbered neighbours are waiting for note {note.id}; call ask first, then connect with the "
            "numbers it gives"
        )

    def step(fresh: dict[str, Note]) -> list[Changes]:
        subject = alive(fresh, note.id)
        return [evolve.apply(subject, _as_shown(subject, fresh, decision), decision, now)]

    ids = [note.id, *(each.id for each in note.shown)]
    (changes,) = await writer.commit(note.namespace, ids, step)
    return remembered(changes)


def _as_shown(note: Note, fresh: Mapping[str, Note], decision: Decision) -> list[Note]:
    """The shown neighbours as they stand, if the decision still fits them."""
    changed = {change.neighbour for change in decision.changes}
    named = changed | {link.neighbour for link in decision.links}
    for number, each in enumerate(note.shown):
        now = fresh.get(each.id)
        gone = now is None or now.forgotten_at is not None
        if number in named and (gone or (number in changed and now and now.revision != each.revision)):
            raise ConflictError(
                f"neighbour {number} {'was forgotten' if gone else 'changed'} since it was shown; call ask "
                f"for note {note.id} and decide again",
                (each.id,),
            )
    return [fresh.get(each.id, note) for each in note.shown]
