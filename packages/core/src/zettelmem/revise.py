"""Writes about notes that are stored: revised, and remembered again under their key."""

from __future__ import annotations

from typing import Any

from .decisions import Changes, Neighbour, Remembered
from .drafts import Draft, Fields
from .errors import InvalidInput, NotFound
from .intake import Intake
from .linking import evolve, rules
from .neighbours import numbered
from .note import Note
from .queries import Filter
from .values import build
from .writer import Writer, alive

SAYING = frozenset({"content", "data", "occurred_at", "invalid_at", "forgotten_at"})
"""The fields by which it is told whether a key was remembered again with something new."""


class Revise:
    """Changes notes that are stored.

    Args:
        writer: what commits.
        intake: what new words and data have to pass.
        k: how many neighbours are looked at.
    """

    def __init__(self, writer: Writer, intake: Intake, k: int) -> None:
        self._writer = writer
        self._intake = intake
        self._k = k

    async def revise(self, note: Note, fields: dict[str, Any], reason: str) -> Changes:
        """Fields of a note changed by its owner; new content gets new keywords and tags from the rules."""
        if "content" in fields or "kind" in fields or "data" in fields:
            draft = build(
                Draft,
                {
                    "content": fields.get("content", note.content),
                    "kind": fields.get("kind", note.kind),
                    "data": fields.get("data", note.data),
                },
            )
            draft = self._intake.checked(draft)
            fields["data"] = draft.data
            if "content" in fields:
                fields["content"] = draft.content
            if draft.content != note.content:
                made = rules.construct(draft.content, note.source, None)
                fields = {"keywords": made["keywords"], "tags": made["tags"]} | fields
        checked = build(Note, {**dict(note), **fields})
        tags = self._intake.flagged(checked.tags, checked.content, checked.context, checked.data)
        if tags != checked.tags:
            fields["tags"] = tags
            checked = checked.model_copy(update={"tags": tags})
        fields = {name: getattr(checked, name) for name in fields}
        now = self._writer.clock()
        (changes,) = await self._writer.commit(
            note.namespace,
            [note.id, *note.linked_ids(), *await self._writer.beyond(note)],
            lambda fresh: [evolve.revise(alive(fresh, note.id, gone=True), fields, now, reason)],
        )
        return changes

    async def again(self, note: Note, draft: Draft) -> Remembered:
        """The same key once more: nothing to do if it says the same, a revision if not.

        One that was forgotten is a new note, in the place of the old. But words that say what was last
        remembered under the key come late, as those of a retry do: they undo no later revise or forget.
        A draft with `data` is a record that is put in its place, whatever was done to it since.
        """
        fields = {
            name: value for name in draft.model_fields_set if (value := getattr(draft, name)) is not None
        }
        fields = {name: fields[name] for name in Fields.__annotations__ if name in fields}
        fields |= {"data": draft.data, "forgotten_at": None}
        last = evolve.last_remembered(note) if draft.data is None else None
        if last is not None and all(getattr(last, name) == fields[name] for name in SAYING & fields.keys()):
            return Remembered(note=note, change=note.history[-1].change, known=True)
        if "invalid_at" in draft.model_fields_set or note.forgotten_at is not None:
            fields["invalid_at"] = draft.invalid_at
        if note.forgotten_at is not None:
            now = self._writer.clock()
            fields |= {"recorded_at": now, "occurred_at": draft.occurred_at or now}
        if SAYING.isdisjoint(name for name, value in fields.items() if getattr(note, name) != value):
            return Remembered(note=note, change=note.history[-1].change, known=True)
        try:
            changes = await self.revise(note, fields, evolve.AGAIN)
        except InvalidInput:
            fresh = (await self._writer.store.notes(note.namespace, [note.id])).get(note.id)
            if fresh is None or any(getattr(fresh, name) != value for name, value in fields.items()):
                raise
            # Somebody else remembered the very same meanwhile.
            return Remembered(note=fresh, change=fresh.history[-1].change, known=True)
        return Remembered(note=changes.note, change=changes.id)

    async def around(self, note: Note) -> list[Neighbour]:
        """The nearest notes of one that is stored, numbered, nearest first.

        Raises:
            NotFound: it was erased meanwhile.
        """
        search = await self._writer.store.search(note.namespace)
        row = (await search.rows([note.id])).get(note.id)
        if row is None:
            raise NotFound(f"note {note.id} was erased meanwhile")
        sight = Filter(namespace=note.namespace, exact=True)
        (found,) = await search.nearest(sight, row.content_vector[None], self._k + 1)
        state = await self._writer.store.notes(
            note.namespace, (other for other, _ in found if other != note.id)
        )
        near = [(state[other], cosine) for other, cosine in found if other in state]
        return numbered(near[: self._k])
