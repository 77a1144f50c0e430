"""Moving the table to another embedding model while the old one keeps answering."""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from zettelmem.errors import StoreError
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.ranking.signals import blend

from . import indices
from .disk import TABLE
from .read import BATCH_ROWS
from .schema import FLOATS, NOTE_COLUMNS, check_version, said, to_note, width
from .table import as_store_error
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
Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vectors]]]
"""From texts to the unit vector of each."""


async def reembed(store: Store, embed: Embed, progress: Callable[[int, int], None]) -> tuple[str | None, int]:
    """Move the table to the embedder of this store, whatever it was written with.

    The new vectors are made first, batch by batch, into a table beside, where the next process finds
    them if this one is killed. Meanwhile everybody reads and writes as before. Then writers wait:
    what was written since is embedded, and one commit replaces the notes by the same ones with the
    new vectors.

    Args:
        store: opened with the new model.
        embed: texts to unit vectors of it.
        progress: called with the notes that are done, and all.

    Returns:
        The name of the model that it was written with, None where there is nothing yet; and the
        vectors that were made.

    Raises:
        StoreError: the disk failed, another process does the same or erases, or this is an object
            store, where writers cannot be kept out.
    """
    if not store.lockable:
        raise StoreError(
            f"{store.uri} is an object store, where other writers cannot be kept out while its vectors "
            "are replaced; re-embed a copy of it in a directory, and copy that back"
        )
    connection = await store.connect()
    async with alone(store):
        with as_store_error(f"opening {store.uri}"):
            if TABLE not in (await connection.list_tables()).tables:
                return None, 0
            table = await connection.open_table(TABLE)
            schema = await table.schema()
        check_version(store.uri, schema)
        before, made = said(schema, "embedder"), 0
        with as_store_error(f"re-embedding {store.uri}"):
            if before != store.embedder:
                stage = await _stage(store, (await embed([""]))[""])
                while (new := await _fill(store, stage, table, embed, progress)) > BATCH_ROWS:
                    made += new
                await _index_stage(stage)
                async with store.turn, store.lock():
                    made += new + await _fill(store, stage, table, embed, progress)
                    await _switch(store, stage, table)
            await drop_stage(store)
    return before, made


@asynccontextmanager
async def alone(store: Store) -> AsyncIterator[None]:
    """Keep other processes from moving the store, and from erasing, which would be undone by it."""
    if store.path is None:
        yield
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
        yield
    finally:
        await lock.release()


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
    store: Store, stage: AsyncTable, table: AsyncTable, embed: Embed, progress: Callable[[int, int], None]
) -> int:
    """Make the vectors that the stage lacks, and return how many it lacked."""
    import pyarrow as pa

    have = set((await stage.query().select(["made_of"]).to_arrow())["made_of"].to_pylist())
    total, done, new = await table.count_rows(), 0, 0
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
        have |= lacking.keys()
        new += len(lacking)
        done += len(batch)
        progress(done, total)
    return new


async def _switch(store: Store, stage: AsyncTable, table: AsyncTable) -> None:
    """Replace the notes by the same ones with the vectors of the stage, in one commit."""
    import pyarrow as pa
    from lancedb.expr import col, lit

    old, staged = await table.schema(), await stage.schema()
    fields = [staged.field(each.name) if each.name in FLOATS else each for each in old]
    told = {"zettelmem.embedder": store.embedder, "zettelmem.dimensions": str(width(staged))}
    kept = {key.decode(): value.decode() for key, value in (old.metadata or {}).items()}
    schema = pa.schema(fields, metadata=kept | told)

    async def anew() -> AsyncIterator[pa.RecordBatch]:
        async for batch in await table.query().to_batches(max_batch_length=BATCH_ROWS):
            keys = [_made_of(to_note(row)) for row in batch.select(NOTE_COLUMNS).to_pylist()]
            where = col("made_of").isin([lit(each) for each in dict.fromkeys(keys)])
            found = (await stage.query().where(where).to_arrow()).combine_chunks()
            place = {key: i for i, key in enumerate(found["made_of"].to_pylist())}
            here = found.take(pa.array([place[key] for key in keys], pa.int64()))
            columns = [(here if name in FLOATS else batch)[name] for name in schema.names]
            whole = pa.Table.from_arrays(columns, schema=schema)
            for part in whole.combine_chunks().to_batches():
                yield part

    await table.add(reader(schema, anew()), mode="overwrite")
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
