"""Rows out of the table for good, with every older version and file."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from zettelmem.errors import StoreError
from zettelmem.note import Filter, Note
from zettelmem.protocols import Vectors
from zettelmem.ranking import blend

from . import indices
from .disk import EXPORTS, LOCK, TABLE, remove_torn
from .filters import where_of
from .moving import MOVING, alone, drop_stage, reader
from .reading import BATCH_ROWS
from .rows import WHOLE, Row, as_rows, to_row
from .table import as_store_error
from .writing import Store, VectorsMissing, see_around

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import AsyncTable

HINT = f"{TABLE}.lance/_versions/latest_version_hint.json"
EraseStep = Callable[[dict[str, Note]], tuple[set[str], dict[str, Note]]]
"""From the fresh states of some notes to the ids that go and the other notes as they are without them."""


@dataclass(frozen=True)
class Swept:
    """What is left after an erasure, as far as files tell.

    Attributes:
        versions_removed: versions of the table before it that are gone.
        versions_left: versions that are there now.
        old_files: files from before it that are still there, relative to the store.
    """

    versions_removed: int
    versions_left: int
    old_files: tuple[str, ...]


async def erase_rows(store: Store, sight: Filter, step: EraseStep, vectors: Mapping[str, Vectors]) -> Swept:
    """Write the whole table anew without some notes, then drop every older version, index and file.

    Other writers wait. A reader in another process that has just opened an older version fails
    once with a StoreError. A crash on the way leaves the table as it was, or the new one with old
    files beside it, which the next erasure or upkeep removes.

    Args:
        store: where they are.
        sight: the notes that the step is about, forgotten ones included.
        step: pure; may be called more than once.
        vectors: as for `commit`.

    Raises:
        VectorsMissing: a note is described differently now; nothing was written.
        StoreError: the disk failed, or this is an object store, where writers cannot be kept out.
    """
    if not store.lockable:
        raise StoreError(
            f"{store.uri} is an object store, where other writers cannot be kept out while the table is "
            "written anew; forget the notes, and erase in a copy of the store in a directory"
        )
    table = await store.table()
    if table is None:
        return Swept(0, 0, ())
    async with store.turn, store.lock(), alone(store):
        await drop_stage(store)
        with as_store_error(f"reading {store.uri}"):
            where = where_of(sight, forgotten=True)
            found = await table.query().where(where).select(WHOLE).to_arrow()
        before = as_rows(found)
        gone, scrubbed = step({note_id: row.note for note_id, row in before.items()})
        after = _without(before, gone, scrubbed, vectors)
        changed = {note_id: row for note_id, row in after.items() if row is not before[note_id]}
        old = store.files()
        with as_store_error(f"erasing in {store.uri}"):
            versions = len(await table.list_versions())  # type: ignore[no-untyped-call]
            if store.journal is not None:
                await store.journal.erase(sight.namespace, gone)
            await _overwrite(table, gone | changed.keys(), changed)
            await indices.make(table)
            await store.sync()  # what is new is safe before what is old goes
            with warnings.catch_warnings():  # that readers may fail is known
                warnings.simplefilter("ignore", UserWarning)
                await table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
            left = len(await table.list_versions())  # type: ignore[no-untyped-call]
        if store.path is not None:
            await asyncio.to_thread(remove_torn, store.path)
        await store.sync()
        kept = tuple(sorted(store.files() & old - {LOCK, MOVING, EXPORTS, HINT}))
    return Swept(max(0, versions - left + 1), left, kept)


async def _overwrite(table: AsyncTable, dropped: set[str], rows: Mapping[str, Row]) -> None:
    """The table anew, in one commit: batch by batch what is kept, then the changed rows."""
    import pyarrow as pa

    schema = await table.schema()

    async def anew() -> AsyncIterator[pa.RecordBatch]:
        async for batch in await table.query().to_batches(max_batch_length=BATCH_ROWS):
            yield batch.filter(pa.array([each not in dropped for each in batch["id"].to_pylist()]))
        values = [to_row(row, row.note.revision - 1) for row in rows.values()]
        for batch in pa.Table.from_pylist(values, schema=schema).to_batches():
            yield batch

    await table.add(reader(schema, anew()), mode="overwrite")


def _without(
    rows: Mapping[str, Row], gone: set[str], scrubbed: Mapping[str, Note], vectors: Mapping[str, Vectors]
) -> dict[str, Row]:
    """The rows that stay, described and surrounded as if those that go had never been."""
    missing: list[str] = []
    after = {note_id: row for note_id, row in rows.items() if note_id not in gone}
    for note_id, note in scrubbed.items():
        row = replace(rows[note_id], note=note)
        if note.description != rows[note_id].note.description:
            if note.description not in vectors:
                missing.append(note.description)
                continue
            row = replace(row, vector=blend(row.content_vector, vectors[note.description]))
        after[note_id] = row
    if missing:
        raise VectorsMissing(tuple(dict.fromkeys(missing)))
    threads = {rows[note_id].note.thread for note_id in gone} - {None}
    said = {note_id: row for note_id, row in after.items() if row.note.thread in threads}
    see_around(said)
    return after | said
