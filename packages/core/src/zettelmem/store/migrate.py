"""Moving the table to another embedding model while the old one keeps answering."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from zettelmem.errors import StoreError
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.ranking.signals import blend

from . import indices
from .disk import TABLE
from .metadata import UNCLAIMED, Claim, check_version, claim_in, said, width
from .read import BATCH_ROWS
from .schema import FLOATS, NOTE_COLUMNS, to_note
from .table import as_store_error, conflicts
from .write import Store

if TYPE_CHECKING:
    from collections.abc import Generator

    import pyarrow as pa
    from lancedb.table import AsyncTable

logger = logging.getLogger(__name__)

STAGE = "vectors"
"""The table beside it that holds vectors of another embedding model while the store moves to it."""
MOVING = ".zettelmem.moving.lock"
"""Held by the process that moves the store to another embedding model."""
LEASE, RENEW = 600.0, 60.0
"""Seconds after which a claim on an object store ends, and after which a process that lives renews it."""
Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vectors]]]
"""From texts to the unit vector of each."""


async def reembed(store: Store, embed: Embed, progress: Callable[[int, int], None]) -> tuple[str | None, int]:
    """Move the table to the embedder of this store, whatever it was written with.

    The new vectors are made first, batch by batch, into a table beside, where the next process finds
    them if this one is killed. Meanwhile everybody reads and writes as before. Then writers wait, or are
    refused where they cannot be made to wait: what was written since is embedded, and one commit replaces
    the notes by the same ones with the new vectors.

    Args:
        store: opened with the new model.
        embed: texts to unit vectors of it.
        progress: called with the notes that are done, and all.

    Returns:
        The name of the model that it was written with, None where there is nothing yet; and the
        vectors that were made.

    Raises:
        StoreError: the disk or the bucket failed, or another process does the same or erases.
    """
    connection = await store.connect()
    with as_store_error(f"opening {store.uri}"):
        if TABLE not in (await connection.list_tables()).tables:
            return None, 0
        table = await connection.open_table(TABLE)
        schema = await table.schema()
    check_version(store.uri, schema)
    async with alone(store, table) as claim:
        before, made = said(await table.schema(), "embedder"), 0
        with as_store_error(f"re-embedding {store.uri}"):
            if before != store.embedder:
                stage = await _stage(store, (await embed([""]))[""])
                while (new := await _fill(store, stage, table, embed, progress, claim)) > BATCH_ROWS:
                    made += new
                await _index_stage(stage)
                async with store.turn, store.lock():
                    source = table
                    if claim is not None:  # from here on no write of others counts, and each looks for this
                        claim = Claim(claim.token, time.time(), closing=True)
                        await _claim(store, table, claim, of=claim)
                        source = await connection.open_table(TABLE)
                        await source.checkout(await source.version())  # a note must not come half of one
                    made += new + await _fill(store, stage, source, embed, progress, None)
                    await _switch(store, stage, table, source, claim)
            await drop_stage(store)
    return before, made


@asynccontextmanager
async def alone(store: Store, table: AsyncTable) -> AsyncIterator[Claim | None]:
    """Keep other processes from moving the store, and from erasing, which would be undone by it.

    On an object store the table itself tells who moves it.
    """
    if not store.lockable:
        claim = Claim(secrets.token_hex(8), time.time())
        await _claim(store, table, claim, of=None)
        try:
            yield claim
        finally:
            with as_store_error(f"writing {store.uri}"):
                if _is_of(claim, await table.schema()):  # not where the table was replaced
                    await store.describe(table, lambda _: UNCLAIMED)
        return
    if store.path is None:
        yield None
        return
    from filelock import AsyncFileLock, Timeout

    lock = AsyncFileLock(store.path / MOVING, run_in_executor=False)
    try:
        await lock.acquire(timeout=0)
    except Timeout as error:
        raise StoreError(
            f"another process is erasing in {store.uri}, or moving it to another embedding model; try "
            "again when it is done"
        ) from error
    except OSError as error:
        raise StoreError(f"{store.path} cannot be written: {error.strerror}") from error
    try:
        yield None
    finally:
        await lock.release()


async def _claim(store: Store, table: AsyncTable, claim: Claim, of: Claim | None) -> None:
    """Write a claim into the table of an object store, in the place of `of` or of one that is too old.

    Raises:
        StoreError: another process has one.
    """

    def metadata(schema: pa.Schema) -> dict[str, Any]:
        refuse_claimed(store, schema, of)
        return claim.metadata()

    with as_store_error(f"writing {store.uri}"):
        await store.describe(table, metadata)


def refuse_claimed(store: Store, schema: pa.Schema, mine: Claim | None = None) -> None:
    """Make sure that no other process moves the table of an object store to another model.

    Raises:
        StoreError: one does, or did and died less than an hour ago.
    """
    there = claim_in(schema)
    lost = there is None and mine is not None
    if lost or (
        there is not None and there.token != (mine and mine.token) and time.time() < there.at + LEASE
    ):
        raise StoreError(
            f"another process moves {store.uri} to another embedding model; try again when it is done. If it "
            f"died, its claim ends after {LEASE / 60:.0f} minutes"
        )


def _is_of(claim: Claim, schema: pa.Schema) -> bool:
    there = claim_in(schema)
    return there is not None and there.token == claim.token


async def _stage(store: Store, zero: Vectors) -> AsyncTable:
    """The table beside, with what an earlier process made for the same model, or empty."""
    import pyarrow as pa

    vector = pa.list_(pa.float32(), len(zero))
    schema = pa.schema(
        [("made_of", pa.string()), ("content_vector", vector), ("vector", vector)],
        metadata={"zettelmem.embedder": store.embedder},
    )
    connection = await store.connect()
    if STAGE in (await connection.list_tables()).tables:
        try:
            stage = await connection.open_table(STAGE)
            there = await stage.schema()
            if said(there, "embedder") == store.embedder and there.field("vector").type == vector:
                return stage
        except (OSError, RuntimeError, ValueError) as error:  # a power cut; nothing in it is unique
            logger.warning("the vectors made so far cannot be read and are made anew: %s", error)
        await drop_stage(store)
    return await connection.create_table(STAGE, schema=schema)


async def _fill(
    store: Store,
    stage: AsyncTable,
    table: AsyncTable,
    embed: Embed,
    progress: Callable[[int, int], None],
    claim: Claim | None,
) -> int:
    """Make the vectors that the stage lacks, and return how many it lacked."""
    import pyarrow as pa

    have = set((await stage.query().select(["made_of"]).to_arrow())["made_of"].to_pylist())
    total, done, new = await table.count_rows(), 0, 0
    renewed = time.time()
    async for batch in store.batches(table, NOTE_COLUMNS):
        notes = {_made_of(note): note for note in map(to_note, batch.to_pylist())}
        lacking = {key: note for key, note in notes.items() if key not in have}
        if lacking:
            texts = dict.fromkeys(
                text for note in lacking.values() for text in (note.content, note.description)
            )
            vectors = await embed(list(texts))
            rows = [
                {
                    "made_of": key,
                    "content_vector": vectors[note.content],
                    "vector": blend(vectors[note.content], vectors[note.description]),
                }
                for key, note in lacking.items()
            ]
            await stage.add(pa.Table.from_pylist(rows, schema=await stage.schema()))
            await store.sync()
        if claim is not None and time.time() > renewed + RENEW:
            renewed = time.time()
            await _claim(store, table, claim._replace(at=renewed), of=claim)
        have |= lacking.keys()
        new += len(lacking)
        done += len(batch)
        progress(done, total)
    return new


async def _switch(
    store: Store, stage: AsyncTable, table: AsyncTable, source: AsyncTable, claim: Claim | None
) -> None:
    """Replace the notes by those of `source` with the vectors of the stage, in one commit."""
    import pyarrow as pa
    from lancedb.expr import col, lit

    old, staged = await table.schema(), await stage.schema()
    fields = [staged.field(each.name) if each.name in FLOATS else each for each in old]
    told = {"zettelmem.embedder": store.embedder, "zettelmem.dimensions": str(width(staged))}
    kept = {key.decode(): value.decode() for key, value in (old.metadata or {}).items()}
    schema = pa.schema(fields, metadata=kept | told)

    async def anew() -> AsyncIterator[pa.RecordBatch]:
        async for batch in await source.query().to_batches(max_batch_length=BATCH_ROWS):
            keys = [_made_of(to_note(row)) for row in batch.select(NOTE_COLUMNS).to_pylist()]
            where = col("made_of").isin([lit(each) for each in dict.fromkeys(keys)])
            found = (await stage.query().where(where).to_arrow()).combine_chunks()
            place = {key: i for i, key in enumerate(found["made_of"].to_pylist())}
            here = found.take(pa.array([place[key] for key in keys], pa.int64()))
            columns = [(here if name in FLOATS else batch)[name] for name in schema.names]
            whole = pa.Table.from_arrays(columns, schema=schema)
            for part in whole.combine_chunks().to_batches():
                yield part

    if claim is not None:
        refuse_claimed(store, await table.schema(), claim)
    try:
        await table.add(reader(schema, anew()), mode="overwrite")
    except RuntimeError as error:
        # A bucket may have carried it out and its answer been lost: then it is our own write that is there.
        if store.lockable or not conflicts(error) or said(await table.schema(), "embedder") != store.embedder:
            raise
    await indices.make(table)
    await store.sync()


async def drop_stage(store: Store) -> None:
    """Remove the vectors of a move, whether it is done or was given up."""
    connection = await store.connect()
    if store.path is None:
        await connection.drop_table(STAGE, ignore_missing=True)
        return
    stage, dropped = store.path / f"{STAGE}.lance", store.path / f"{STAGE}.dropped"
    with as_store_error(f"removing {stage}"):
        if dropped.exists():
            await asyncio.to_thread(shutil.rmtree, dropped)
        if stage.exists():
            stage.rename(dropped)  # a kill must not leave half of it under its name
            await asyncio.to_thread(shutil.rmtree, dropped)


def _made_of(note: Note) -> str:
    """What the vectors of a note hang on, as a hash: so no words are kept beside the notes."""
    return hashlib.sha256(json.dumps([note.content, note.description]).encode()).hexdigest()


async def _index_stage(stage: AsyncTable) -> None:
    from lancedb.index import BTree

    await stage.optimize()
    await stage.create_index("made_of", config=BTree())


def reader(schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> pa.RecordBatchReader:
    """Batches that are made on this event loop, for LanceDB, which pulls them from another thread."""
    import pyarrow as pa

    loop = asyncio.get_running_loop()

    def pulled() -> Generator[pa.RecordBatch]:
        while True:
            batch = asyncio.run_coroutine_threadsafe(anext(batches, None), loop).result()
            if batch is None:
                return
            yield batch

    return pa.RecordBatchReader.from_batches(schema, pulled())
