"""Tidying the table: compaction, indices, old versions. What is due is judged by what is there."""

from __future__ import annotations

import asyncio
import logging
import warnings
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

from zettelmem.errors import StoreError

from . import indices
from .disk import remove_torn
from .malloc import trim_memory
from .schema import FLOATS
from .table import as_store_error
from .write import Store

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

logger = logging.getLogger(__name__)

RETENTION = timedelta(seconds=10)
"""How long old versions of the table stay for readers in other processes, if there is room."""
ROOM = 1.5
"""Bytes on disk for each byte of the newest version, from which all older ones go at once."""
TAIL_ROWS, MOST_TAIL_ROWS = 4_096, 8_192
"""Rows outside the indices from which they are refreshed: half of the table, within these bounds."""
FRAGMENTS = 48
"""Fragments beyond those that compaction leaves, from which the table is compacted."""
FRAGMENT_ROWS = 1_000_000
"""Rows that compaction puts into one fragment."""
SEGMENTS = 16
"""Pieces of a vector index, from which it is made anew."""
LOOK_EVERY = 32
"""Rows written by one object between two looks at what is due."""
IDLE_LOOKS, IDLE_PAUSE = 50, 0.02
"""How often, and every how many seconds, tidying that is due looks whether a caller still waits."""


@dataclass(frozen=True)
class Tail:
    """What tidying looks at.

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
        """Whether a search by the indices would be noticeably faster with them refreshed."""
        return self.rows > min(max(TAIL_ROWS, self.total // 2), MOST_TAIL_ROWS)

    @property
    def scattered(self) -> bool:
        """Whether the rows written last lie in so many files that every write is slower for it."""
        return self.fragments - max(self.segments, self.total // FRAGMENT_ROWS) > FRAGMENTS


async def tail_of(store: Store) -> Tail:
    """How much of the table its indices do not hold yet, and in how many pieces it is."""

    async def query(table: AsyncTable) -> Tail:
        described = await table.list_indices()
        figures = cast(Any, await table.stats())
        unindexed = max((each.num_unindexed_rows or 0 for each in described), default=0)
        segments = (each.num_segments or 1 for each in described if {*FLOATS} & {*each.columns})
        fragments = figures["fragment_stats"]["num_fragments"]
        return Tail(unindexed, fragments, figures["num_rows"], max(segments, default=0))

    return await store.read(query, Tail(0, 0))


async def tend(store: Store) -> None:
    """Do tidying that is due, if any."""
    tail = await tail_of(store)
    if tail.long or tail.scattered:
        await optimize(store)


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
            before = await table.version()
            if (await tail_of(store)).segments > SEGMENTS:
                await indices.drop_vectors(table)
            await indices.settle(table)
            await store.sync()  # what is new is safe before what is old goes
            live, disk = await store.size()
            await table.optimize(
                cleanup_older_than=timedelta(0) if disk > ROOM * live else retention,
                delete_unverified=orphans,
            )
            if store.lockable:
                store.keep_up(before, await table.version())
        if orphans and store.path is not None:
            await asyncio.to_thread(remove_torn, store.path)
        await store.sync()
        await store.forget_files()
    del table  # and with it what LanceDB kept for it, which can be given back now
    trim_memory()


class Tidying:
    """Tidying in the background: looks at what is due after the first write, and after some more each time.

    Args:
        store: what is looked after.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._written = LOOK_EVERY  # a process that writes once looks too
        self._task: asyncio.Task[None] | None = None

    def after(self, rows: int) -> None:
        """So many rows were written: look at what is due, if it is time."""
        self._written += rows
        if self._written >= LOOK_EVERY and (self._task is None or self._task.done()):
            self._written = 0
            self._task = asyncio.create_task(self._tend())

    async def close(self) -> None:
        """Wait for what runs."""
        if self._task is not None:
            await self._task

    async def _tend(self) -> None:
        for _ in range(IDLE_LOOKS):
            if not self._store.busy:
                break
            await asyncio.sleep(IDLE_PAUSE)
        try:
            await tend(self._store)
        except StoreError as error:  # nobody waits for it, and the next write tries again
            logger.warning("tidying failed and will be tried again: %s", error)
