"""Upkeep of the table: folding, compaction, indices, old versions."""

from __future__ import annotations

import asyncio
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

import numpy as np

from . import indices
from .disk import remove_torn
from .malloc import trim_memory
from .schema import FLOATS
from .table import as_store_error, whole
from .write import FOLD, FRAGMENT, Store, small_ones, write_again

RETENTION = timedelta(seconds=10)
"""How long old versions of the table stay for readers in other processes, if there is room."""
ROOM = 1.5
"""Bytes on disk for each byte of the newest version, from which all older ones go at once."""
NEVER = timedelta(days=36_500)
TAIL_ROWS = 256
"""Rows outside the indices, from which they are refreshed; in a large table a few more."""
LOOSE = 3 * FOLD
"""Fragments besides those made by compaction, from which upkeep looks for small ones."""
SEGMENTS = 16
"""Pieces of a vector index, from which it is made anew."""


@dataclass(frozen=True)
class Tail:
    """What upkeep looks at.

    Attributes:
        rows: rows that no index holds yet.
        fragments: fragments of the table.
        total: rows of the table.
        segments: pieces of a vector index, 0 without one. Each is about a fragment that compaction made.
    """

    rows: int
    fragments: int
    total: int = 0
    segments: int = 0

    @property
    def long(self) -> bool:
        """Whether recall would be noticeably faster with the indices refreshed."""
        return self.rows > TAIL_ROWS + self.total // 50

    @property
    def scattered(self) -> bool:
        """Whether the rows written last lie in so many files that every read is slower for it."""
        return self.fragments - max(1, self.segments) > LOOSE


@whole
async def tail_of(store: Store) -> Tail:
    """How much of the table its indices do not hold yet, and in how many pieces it is."""
    table = await store.table()
    if table is None:
        return Tail(0, 0)
    with as_store_error(f"reading {store.uri}"):
        found = await table.list_indices()
        figures = cast(Any, await table.stats())
    unindexed = max((each.num_unindexed_rows or 0 for each in found), default=0)
    pieces = (each.num_segments or 1 for each in found if FLOATS & {*each.columns})
    fragments = figures["fragment_stats"]["num_fragments"]
    return Tail(unindexed, fragments, figures["num_rows"], max(pieces, default=0))


async def tend(store: Store) -> None:
    """Do what upkeep is due, if any: fold small fragments, refresh the indices, make room."""
    tail = await tail_of(store)
    if tail.long:
        await optimize(store)
    elif tail.scattered:
        await fold(store)


async def fold(store: Store) -> None:
    """Write the rows of many small fragments anew as one: what compaction does, without the rest of it.

    Reads open every fragment, so what is written note by note would slow them down long before it is
    worth to write the table and its indices anew.
    """
    import pyarrow as pa

    table = await store.table()
    if table is None:
        return
    async with store.turn, store.lock():
        with as_store_error(f"compacting {store.uri}"):
            placed = await table.query().select(["id"]).with_row_id().to_arrow()
            fragment = placed["_rowid"].to_numpy() >> FRAGMENT
            _, which, sizes = np.unique(fragment, return_inverse=True, return_counts=True)
            small = np.array(small_ones(sizes.tolist()), bool)
            if not small.any():
                return
            await write_again(table, placed["id"].filter(pa.array(small[which])).to_pylist())


async def optimize(store: Store, retention: timedelta = RETENTION, *, orphans: bool = False) -> None:
    """Compact, refresh the indices, and drop versions older than `retention`, or all for want of room.

    LanceDB compacts fragments that the same pieces of indices hold. A vector index gets a new piece
    each time, so a table that has one is written anew only when there are many pieces. Nothing goes
    before what replaces it is on disk; a crash on the way leaves a table without some of its indices
    at worst, which the next opening makes.

    With `orphans` also the files that a crash left behind; on an object store only while nobody
    else writes.
    """
    table = await store.table()
    if table is None:
        return
    async with store.turn, store.lock():
        with as_store_error(f"compacting {store.uri}"), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # readers of a version that goes read again
            if (await tail_of(store)).segments > SEGMENTS:
                await indices.drop_vectors(table)
            while (await table.optimize(cleanup_older_than=NEVER)).compaction.fragments_removed:
                pass  # what the indices hold from now on can be compacted with what they held
            await indices.make(table)
            await store.sync()  # what is new is safe before what is old goes
            live, disk = await store.size()
            await table.optimize(
                cleanup_older_than=timedelta(0) if disk > ROOM * live else retention,
                delete_unverified=orphans,
            )
        if orphans and store.path is not None:
            await asyncio.to_thread(remove_torn, store.path)
        await store.sync()
        await store.forget_files()
    del table  # and with it what LanceDB kept for it, which can be given back now
    trim_memory()
