"""Rows out of the table for good, with every older version and file."""

from __future__ import annotations

import asyncio
import random
import secrets
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from zettelmem.errors import ConflictError, StoreError
from zettelmem.linking import evolve
from zettelmem.note import Note, random_id
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.ranking.signals import blend

from . import indices
from .disk import EXPORTS, LOCK, TABLE, remove_torn
from .filters import where_of
from .metadata import ERASURES, erasures, one_more_erasure
from .migrate import MOVING, Embed, alone, drop_stage, reader, refuse_claimed
from .read import BATCH_ROWS
from .schema import CHANGED, WHOLE, Row, as_rows, columns_of, to_table
from .steps import see_around
from .table import as_store_error, conflicts
from .write import ATTEMPTS, GUARD, Store, write_again

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import AsyncTable

HINT = f"{TABLE}.lance/_versions/latest_version_hint.json"
TRIES = 8
"""How often an erasure is worked out again because descriptions need vectors that nobody foresaw."""
Choose = Callable[[Mapping[str, Note]], set[str]]
"""From the fresh states of some notes to the ids of those that go; pure."""
Scrub = Callable[[Mapping[str, Note], Mapping[str, Note]], dict[str, Note]]
"""From notes that go and the others to those of the others that are different without them; pure."""


@dataclass(frozen=True)
class Swept:
    """What was erased, and what is left after it, as far as files tell.

    Attributes:
        gone: the notes that went.
        rewritten: other notes that were changed.
        versions_removed: versions of the table before it that are gone.
        versions_left: versions of the table before it that are still there.
        old_files: files from before it that are still there, relative to the store.
    """

    gone: dict[str, Note] = field(default_factory=dict)
    rewritten: frozenset[str] = frozenset()
    versions_removed: int = 0
    versions_left: int = 0
    old_files: tuple[str, ...] = ()


async def erase_rows(
    store: Store, sight: Filter, choose: Choose, scrub: Scrub, embed: Embed, now: datetime
) -> Swept:
    """Take notes out of the table, write all others anew, drop every older version, index and file.

    In a directory other writers wait, and one commit does it. A crash on the way leaves the table as it
    was, or the new one with old files beside it, which the next erasure or upkeep removes. On an object
    store others write meanwhile: the notes go in one commit, with all that others say of them, and it is
    looked again until nothing of them has come back.

    A reader in another process that has just opened an older version reads again.

    Args:
        store: where they are.
        sight: the notes that it is about, forgotten ones included.
        choose, scrub: which notes go, and how the others look without them.
        embed: descriptions that change to their unit vectors.
        now: when (aware).

    Raises:
        ConflictError: the others kept changing.
        StoreError: the disk or the bucket failed, or obstore is missing, which erasing in a bucket needs.
    """
    table = await store.table()
    if table is None:
        return Swept()
    if not store.lockable:
        return await _among_others(store, table, sight, choose, scrub, embed, now)
    vectors: dict[str, Vectors] = {}
    for _ in range(TRIES):
        swept = await _alone(store, table, sight, choose, scrub, vectors)
        if isinstance(swept, Swept):
            return swept
        vectors |= await embed(list(swept))
    raise ConflictError(f"the notes kept changing through {TRIES} attempts; try again later", ())


async def _alone(
    store: Store,
    table: AsyncTable,
    sight: Filter,
    choose: Choose,
    scrub: Scrub,
    vectors: Mapping[str, Vectors],
) -> Swept | frozenset[str]:
    """Erase in one commit, or answer with the texts that need a vector first."""
    async with store.turn, store.lock(), alone(store, table):
        await drop_stage(store)
        before = await _all_rows(table, sight)
        ids = choose({note_id: row.note for note_id, row in before.items()})
        after = _without(before, ids, scrub, vectors)
        if isinstance(after, frozenset):
            return after
        changed = {note_id: row for note_id, row in after.items() if row is not before[note_id]}
        old, mark = await store.files(), await table.version()
        for hook in store.hooks:
            await hook.erasing(sight.namespace, ids)
        with as_store_error(f"erasing in {store.uri}"):
            earlier = len(await table.list_versions())  # type: ignore[no-untyped-call]
            await _overwrite(table, ids | changed.keys(), changed)
            await indices.settle(table)
            await store.sync()  # what is new is safe before what is old goes
            left = await _clean(table, mark, orphans=True)
        if store.path is not None:
            await asyncio.to_thread(remove_torn, store.path)
        await store.sync()
        kept = await store.files() & old
    gone = {note_id: before[note_id].note for note_id in ids}
    return Swept(gone, frozenset(changed), earlier - left, left, _still(kept))


async def _among_others(
    store: Store,
    table: AsyncTable,
    sight: Filter,
    choose: Choose,
    scrub: Scrub,
    embed: Embed,
    now: datetime,
) -> Swept:
    """Without a lock: everything is done again for as long as others bring something back meanwhile."""
    vectors: dict[str, Vectors] = {}
    gone: dict[str, Row] | None = None
    rewritten: set[str] = set()
    removed = left = 0
    cleaned = False
    async with store.turn:
        refuse_claimed(store, await table.schema())
        old = await store.files()
        for attempt in range(ATTEMPTS):
            before = await _all_rows(table, sight)
            if gone is None:
                ids = choose({note_id: row.note for note_id, row in before.items()})
                gone = {note_id: before[note_id] for note_id in ids}
                for hook in store.hooks:
                    await hook.erasing(sight.namespace, ids)
            # Under a key that was remembered again meanwhile there is a new note, which stays.
            ids = {note_id for note_id, row in gone.items() if not _made_anew(row, before.get(note_id))}
            there = ids & before.keys()
            after = _without({**gone, **before}, ids, scrub, vectors)
            if isinstance(after, frozenset):
                vectors |= await embed(list(after))
                continue
            changed = {note_id: row for note_id, row in after.items() if row is not before[note_id]}
            if cleaned and not there and not changed:
                break
            rewritten |= changed.keys()
            cleaned = False
            try:
                with as_store_error(f"erasing in {store.uri}"):
                    if there or changed:
                        await _replace(table, there, changed, before, now)
                    await table.update_field_metadata(one_more_erasure(await table.schema()))
                    mark = await table.version()
                    earlier = len(await table.list_versions())  # type: ignore[no-untyped-call]
                    await _rewrite(table)
                    await indices.make(table, anew=True)
                    left = await _clean(table, mark, orphans=False)
                    removed += earlier - left
                    cleaned = True
            except StoreError as error:
                if not conflicts(error):  # that somebody else committed at that moment
                    raise
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))
        else:
            raise ConflictError(
                f"others kept writing through {ATTEMPTS} attempts; erase again later", tuple(gone or ())
            )
        await store.settled(table)
        kept = await store.files() & old
    notes = {note_id: row.note for note_id, row in gone.items()}
    return Swept(notes, frozenset(rewritten), removed, left, _still(kept))


def _made_anew(old: Row, now: Row | None) -> bool:
    return now is not None and now.note.recorded_at != old.note.recorded_at


def _still(kept: set[str]) -> tuple[str, ...]:
    return tuple(sorted(kept - {LOCK, MOVING, EXPORTS, HINT}))


async def _all_rows(table: AsyncTable, sight: Filter) -> dict[str, Row]:
    with as_store_error("reading what is to be erased"):
        return as_rows(await table.query().where(where_of(sight, forgotten=True)).select(WHOLE).to_arrow())


async def _clean(table: AsyncTable, mark: int, *, orphans: bool) -> int:
    """Drop every older version with its files; how many from before version `mark` are left."""
    with warnings.catch_warnings():  # that readers may fail is known
        warnings.simplefilter("ignore", UserWarning)
        await table.optimize(cleanup_older_than=timedelta(0), delete_unverified=orphans)
    versions = await table.list_versions()  # type: ignore[no-untyped-call]
    return sum(each["version"] <= mark for each in versions)


async def _replace(
    table: AsyncTable,
    gone: Collection[str],
    rows: Mapping[str, Row],
    before: Mapping[str, Row],
    now: datetime,
) -> None:
    """Delete notes and write others over what was read of them, in one commit; the caller looks what was."""
    from lancedb.expr import col, lit

    schema = await table.schema()
    mark = random_id(secrets.token_bytes(6))
    new: dict[str, Row] = {}
    for note_id, row in rows.items():
        new[note_id] = replace(row, note=evolve.erased(row.note, now, mark)).with_terms(None)
    bases = [before[note_id].note.revision for note_id in new]
    merge = table.merge_insert("id").when_matched_update_all(where=GUARD).use_index(False)
    if gone:
        merge = merge.when_not_matched_by_source_delete(col("id").isin([lit(each) for each in gone]))
    await merge.execute(to_table(columns_of(new.values()), bases, schema))


async def _rewrite(table: AsyncTable) -> None:
    """Write every row into a new fragment, because old ones keep the bytes of rows that were deleted."""
    placed = await _placed(table)
    newest = max(placed.values(), default=0)
    for _ in range(ATTEMPTS):
        old = [note_id for note_id, version in placed.items() if version <= newest]
        if not old:
            return
        for start in range(0, len(old), BATCH_ROWS):
            await write_again(table, old[start : start + BATCH_ROWS])
        placed = await _placed(table)


async def _placed(table: AsyncTable) -> dict[str, int]:
    """The version of the table in which each row was written last: its fragment is as old."""
    rows = await table.query().select(["id", CHANGED]).to_arrow()
    return dict(zip(rows["id"].to_pylist(), rows[CHANGED].to_pylist(), strict=True))


async def _overwrite(table: AsyncTable, dropped: set[str], rows: Mapping[str, Row]) -> None:
    """The table anew, in one commit: batch by batch what is kept, then the changed rows."""
    import pyarrow as pa

    schema = _counted(await table.schema())

    async def anew() -> AsyncIterator[pa.RecordBatch]:
        async for batch in await table.query().to_batches(max_batch_length=BATCH_ROWS):
            yield batch.filter(pa.array([each not in dropped for each in batch["id"].to_pylist()]))
        bases = [row.note.revision - 1 for row in rows.values()]
        for batch in to_table(columns_of(rows.values()), bases, schema).to_batches():
            yield batch

    await table.add(reader(schema, anew()), mode="overwrite")


def _counted(schema: pa.Schema) -> pa.Schema:
    """The schema that tells of one erasure more, so that every process forgets what it holds in memory."""
    place = schema.get_field_index("id")
    field = schema.field(place)
    metadata = {**(field.metadata or {}), ERASURES.encode(): str(erasures(schema) + 1).encode()}
    return schema.set(place, field.with_metadata(metadata))


def _without(
    rows: Mapping[str, Row], gone: set[str], scrub: Scrub, vectors: Mapping[str, Vectors]
) -> dict[str, Row] | frozenset[str]:
    """The rows that stay, described and surrounded as if those that go had never been.

    Or, where descriptions changed, the texts that need a vector first.
    """
    missing: list[str] = []
    after = {note_id: row for note_id, row in rows.items() if note_id not in gone}
    scrubbed = scrub(
        {note_id: rows[note_id].note for note_id in gone},
        {note_id: row.note for note_id, row in after.items()},
    )
    for note_id, note in scrubbed.items():
        row = replace(rows[note_id], note=note)
        if note.description != rows[note_id].note.description:
            if note.description not in vectors:
                missing.append(note.description)
                continue
            row = replace(row, vector=blend(row.content_vector, vectors[note.description]))
        after[note_id] = row
    if missing:
        return frozenset(missing)
    threads = {rows[note_id].note.thread for note_id in gone} - {None}
    said = {note_id: row for note_id, row in after.items() if row.note.thread in threads}
    see_around(said)
    after |= said
    for note_id, row in after.items():
        if row is not rows[note_id]:
            after[note_id] = row.with_terms(None)
    return after
