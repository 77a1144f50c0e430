"""Uses of notes: counted in memory, and written with the next commit."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from zettelmem.decisions import Changes
from zettelmem.errors import StoreError
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.store.uses import Use, together
from zettelmem.writer import Writer

from .rest import wake

logger = logging.getLogger(__name__)
WAITING = 64
"""Notes whose uses wait for a write at most."""


class Uses:
    """Counts what answers use.

    Args:
        writer: what commits.
    """

    def __init__(self, writer: Writer) -> None:
        self._writer = writer

    async def count(self, ids: Sequence[str], space: Namespace, *, helped: bool) -> tuple[str, ...]:
        """Count one use of each of these notes, and wake those that rest; the ids that were counted."""
        store = self._writer.store
        rows = await store.rows(space, ids)
        notes = [row.note for row in rows.values() if row.note.forgotten_at is None]
        now = self._writer.clock()
        new = {note.id: Use(note.namespace, 1, int(helped), now) for note in notes}
        store.uses = together(store.uses, new)
        for namespace in dict.fromkeys(note.namespace for note in notes if note.rested_at is not None):
            sleeping = [
                note.id for note in notes if note.rested_at is not None and note.namespace == namespace
            ]

            def step(fresh: dict[str, Note]) -> list[Changes]:
                return [
                    wake(note, now) for note in fresh.values() if note.rested_at and not note.forgotten_at
                ]

            await self._writer.commit(namespace, sleeping, step)
        if len(store.uses) >= WAITING:
            await self.flush()
        return tuple(new)

    async def flush(self) -> None:
        """Write the uses that wait."""
        if self._writer.store.uses:
            await self._writer.commit((), (), lambda _: [])

    async def close(self) -> None:
        """Write the uses that wait, as far as the store can be written."""
        try:
            await self.flush()
        except StoreError as error:  # a count is not worth a failed goodbye
            logger.warning("the uses of %d notes were not written: %s", len(self._writer.store.uses), error)
