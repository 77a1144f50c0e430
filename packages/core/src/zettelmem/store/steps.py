"""What a commit is worked out of: steps played on rows, and the rows that they make. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from zettelmem.decisions import Changes
from zettelmem.note import Note, Relation
from zettelmem.protocols import Vectors
from zettelmem.ranking.signals import blend

from .schema import Row
from .uses import counts_of

WINDOW = 1_000
"""Characters of each neighbouring content of its thread that a note can be found by."""
Step = Callable[[dict[str, Note]], Sequence[Changes]]
"""A pure function from the fresh states of the notes that were asked for to what must be written."""


@dataclass(frozen=True)
class Played:
    """A step worked out on some rows: what it changes, and the texts that still lack a vector."""

    rows: Mapping[str, Row]
    changes: Sequence[Changes]

    def fits(self, rows: Mapping[str, Row]) -> bool:
        """Whether the rows are still those that the step was worked out on.

        A note under a key may have been erased and remembered anew meanwhile: then only its time differs.
        """
        return rows.keys() == self.rows.keys() and all(
            _state(rows[note_id].note) == _state(row.note) for note_id, row in self.rows.items()
        )


def _state(note: Note) -> tuple[object, ...]:
    return note.revision, note.recorded_at, *counts_of(note)


def play(step: Step, rows: Mapping[str, Row]) -> Played:
    """The step worked out on the notes of these rows."""
    return Played(rows, step({note_id: row.note for note_id, row in rows.items()}))


def final(changes: Sequence[Changes]) -> dict[str, Note]:
    """The last state of each note that the changes write."""
    return {note.id: note for change in changes for note in change.notes}


def _texts(note: Note, old: Row | None) -> list[str]:
    """The texts of a note whose vectors its old row does not have."""
    if old is None or old.note.content != note.content:
        return [note.content, note.description]
    if _describing(old.note) == _describing(note) or old.note.description == note.description:
        return []
    return [note.description]


def _describing(note: Note) -> tuple[object, ...]:
    """What the description of a content is made of."""
    return note.context, note.keywords, note.tags


def lacking(
    changes: Sequence[Changes], before: Mapping[str, Row], vectors: Mapping[str, Vectors]
) -> frozenset[str]:
    """The texts that must be embedded before the changes can be written."""
    texts = (text for note in final(changes).values() for text in _texts(note, before.get(note.id)))
    return frozenset(text for text in texts if text not in vectors)


def rows_of(
    changes: Sequence[Changes], before: Mapping[str, Row], vectors: Mapping[str, Vectors]
) -> dict[str, Row]:
    """The rows that the changes write, by id."""
    after: dict[str, Row] = {}
    for note in final(changes).values():
        old = before.get(note.id)
        texts = _texts(note, old)
        if old is not None and not texts:
            after[note.id] = replace(old, note=note)
            continue
        content = vectors[note.content] if old is None or note.content in texts else old.content_vector
        vector = blend(content, vectors[note.description])
        if old is None:
            after[note.id] = Row(note, content, vector)
        else:
            after[note.id] = replace(old, note=note, content_vector=content, vector=vector)
    return after


def see_around(rows: dict[str, Row]) -> None:
    """Let notes that follow each other be found by each other's words, and no longer where they don't."""
    for note_id in sorted(rows, key=lambda each: rows[each].note.position):
        row = rows[note_id]
        follows = [link for link in row.note.links if link.relation is Relation.FOLLOWS]
        earlier = [link.target for link in follows if link.source == note_id][-1:]
        later = [link.source for link in follows if link.target == note_id][-1:]
        before, after = (row.before if earlier else ()), (row.after if later else "")
        if earlier and earlier[0] in rows:
            previous = rows[earlier[0]]
            before = (*previous.before[-1:], previous.note.content[-WINDOW:])
        if later and later[0] in rows:
            after = rows[later[0]].note.content[:WINDOW]
        if (before, after) != (row.before, row.after):
            rows[note_id] = replace(row, before=before, after=after)
