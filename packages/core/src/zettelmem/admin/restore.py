"""Whole notes back into a store as they were: ids, revisions, links, histories, times. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime

from zettelmem.decisions import Changes
from zettelmem.errors import InvalidInput
from zettelmem.linking.sheet import bounded
from zettelmem.namespace import Namespace
from zettelmem.note import Evolution, Link, Note, Relation, keyed_id


def sound(note: Note) -> Note:
    """The note, if a store could have written it.

    Raises:
        InvalidInput: its revision, its key or its links do not fit it.
    """
    if note.revision != note.dropped + len(note.history):
        raise InvalidInput(
            f"note {note.id} has revision {note.revision} and {note.dropped + len(note.history)} changes; "
            "restore it as it was exported"
        )
    if note.key is not None and note.id != keyed_id(note.namespace, note.key):
        raise InvalidInput(f"note {note.id} is not the note of its key {note.key!r}; restore it as exported")
    if any(note.id not in (link.source, link.target) for link in note.links):
        raise InvalidInput(f"note {note.id} holds a link of other notes; restore it as it was exported")
    return note


def batches(notes: Sequence[Note], size: int) -> Iterator[list[Note]]:
    """The notes in order, in runs of one namespace and at most `size`, in which no id comes twice."""
    batch: list[Note] = []
    for note in notes:
        other = batch and batch[0].namespace != note.namespace
        if other or len(batch) == size or any(note.id == each.id for each in batch):
            yield batch
            batch = []
        batch.append(note)
    if batch:
        yield batch


def around(notes: Sequence[Note]) -> set[str]:
    """The ids of notes and of all that they are linked with."""
    ids = {note.id for note in notes}
    return ids.union(*(note.linked_ids() for note in notes))


def follows(notes: Sequence[Note]) -> list[str]:
    """The ids of the notes next to these ones in their threads."""
    ids: list[str] = []
    for note in notes:
        ids += [link.other(note.id) for link in note.links if link.relation is Relation.FOLLOWS]
    return ids


def brought_back(
    notes: Sequence[Note], fresh: Mapping[str, Note], coming: Mapping[str, Namespace], now: datetime
) -> list[Changes]:
    """What writes notes as they were.

    Args:
        notes: sound notes of one namespace.
        fresh: what is in the store of these notes and of those that they are linked with, by id.
        coming: the namespace of every note that was or will be restored beside them, by id.
        now: when links are taken away whose other end is nowhere.

    Raises:
        InvalidInput: one of them is there already.
    """
    taken = [note.id for note in notes if note.id in fresh]
    if taken:
        raise InvalidInput(f"notes {', '.join(taken[:5])} are there already; leave them out")
    made: list[Changes] = []
    for note in notes:
        gone = [link for link in note.links if not _held(link, note, fresh, coming)]
        whole = _without(note, gone, now) if gone else note
        made.append(Changes(id=whole.history[-1].change, notes=(whole,), restored=True))
    return made


def _held(link: Link, note: Note, fresh: Mapping[str, Note], coming: Mapping[str, Namespace]) -> bool:
    """Whether the other end of a link is restored too, or is there and knows of the link."""
    other = link.other(note.id)
    there = fresh.get(other)
    if there is not None:
        return there.namespace == note.namespace and link in there.links
    return coming.get(other) == note.namespace


def _without(note: Note, gone: Sequence[Link], now: datetime) -> Note:
    """The note a revision on, without some of its links."""
    entry = Evolution(
        change=f"{note.id}.{note.revision + 1}",
        verb="link",
        cause=note.id,
        at=now,
        reason="the other ends were not restored",
        unlinked=tuple(gone),
    )
    links = tuple(link for link in note.links if link not in gone)
    history = bounded((*note.history, entry))
    return note.model_copy(update={"links": links, "history": history, "revision": note.revision + 1})
