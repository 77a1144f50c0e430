"""What every write needs: the store, an embedder, one commit, and a tidy table after it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from .decisions import Changes, Neighbour, Remembered
from .embedding import Embedding
from .errors import ConflictError, NotFound
from .linking import stands
from .namespace import Namespace
from .note import Note, Relation
from .protocols import Vectors
from .store import Step, Store, Tidying
from .store.search import Search

LINKED_TRIES = 8
"""How often a write is worked out again because its note was linked meanwhile."""


class Writer:
    """Commits pure steps, with the vectors that they need.

    Args:
        store: where the notes are kept.
        embedding: what makes their vectors.
        clock: what time it is.
    """

    def __init__(self, store: Store, embedding: Embedding, clock: Callable[[], datetime]) -> None:
        self.store = store
        self.embedding = embedding
        self.clock = clock
        self._tidying = Tidying(store)

    async def close(self) -> None:
        """Wait for what runs in the background."""
        await self._tidying.close()

    async def commit(
        self,
        namespace: Namespace,
        ids: Iterable[str],
        step: Step,
        vectors: Mapping[str, Vectors] | None = None,
        around: Search | None = None,
    ) -> list[Changes]:
        """Write what `step` makes of the fresh states of `ids`, and let the table be tidied if that is due.

        `vectors` are those known already, `around` is what found these ids just now: see `Store.commit`.

        Raises:
            ConflictError: the notes kept changing.
        """
        changes = await self.store.commit(namespace, ids, step, self._embed, vectors, around)
        await self._let_fall(namespace, changes)
        self._tidying.after(sum(len(each.notes) for each in changes))
        return changes

    async def _let_fall(self, namespace: Namespace, changes: Sequence[Changes]) -> None:
        """Let insights fall with the notes that they stand on."""
        weak = stands.weakened(changes)
        if not weak:
            return
        now = self.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            fallen = (stands.fall(fresh[each], weak, now) for each in ids if each in fresh)
            return [each for each in fallen if each is not None]

        ids = stands.standing_on(weak)
        await self.commit(namespace, ids, step)

    async def _embed(self, texts: Iterable[str]) -> dict[str, Vectors]:
        return await self.embedding.documents(texts, {})

    async def commit_linked(
        self, note: Note, step: Callable[[dict[str, Note]], Changes], more: Sequence[str] = ()
    ) -> Changes:
        """Commit a step that needs every note that the fresh one or a part of it is linked with; they may
        grow meanwhile."""
        ids = {note.id, *note.linked_ids(), *more, *await self.beyond(note)}
        for part in (await self.store.notes(note.namespace, note.parts)).values():
            ids |= {*part.linked_ids(), *await self.beyond(part)}
        for _ in range(LINKED_TRIES):
            absent: set[str] = set()

            def step_on_all(
                fresh: dict[str, Note], ids: set[str] = ids, absent: set[str] = absent
            ) -> list[Changes]:
                whole = alive(fresh, note.id, gone=True)
                for each in (whole, *(fresh[part] for part in whole.parts if part in fresh)):
                    absent |= set(each.linked_ids()) - ids
                return [] if absent else [step(fresh)]

            done = await self.commit(note.namespace, ids, step_on_all)
            if done:
                return done[0]
            ids |= absent
        raise ConflictError(f"note {note.id} kept being linked; try again later", (note.id,))

    async def beyond(self, note: Note) -> list[str]:
        """The notes that follow those that follow `note`: they may be found by its words."""
        after = [x.source for x in note.links if x.relation is Relation.FOLLOWS and x.target == note.id]
        following = (await self.store.notes(note.namespace, after)).values()
        beyond: list[str] = []
        for each in following:
            beyond += [x.source for x in each.links if x.relation is Relation.FOLLOWS and x.target == each.id]
        return beyond


def alive(fresh: Mapping[str, Note], note_id: str, *, gone: bool = False) -> Note:
    """The fresh state of a note, refused if it was forgotten, unless `gone` allows that."""
    note = fresh.get(note_id)
    if note is None or (note.forgotten_at is not None and not gone):
        raise NotFound(f"note {note_id} was forgotten meanwhile")
    return note


def others(state: Mapping[str, Note], note_id: str) -> list[Note]:
    """All notes but one."""
    return [note for note in state.values() if note.id != note_id]


def remembered(changes: Changes, neighbours: Sequence[Neighbour] = ()) -> Remembered:
    """What a change made of its note, for the caller."""
    evolved = tuple(note.id for note in changes.touched if note.history[-1].after)
    return Remembered(
        note=changes.note,
        change=changes.id,
        neighbours=tuple(neighbours),
        evolved=evolved,
        known=changes.note.history[-1].verb == "repeat",
    )
