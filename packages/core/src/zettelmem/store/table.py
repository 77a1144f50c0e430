"""The table: opened, checked, locked against other processes, synced. What reads and writes stands on it."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from zettelmem.errors import StoreError, StoreMismatch, ZettelmemError, without_places

from . import buckets, disk, indices
from .malloc import few_heaps
from .metadata import check_version, claim_in, erasures, said
from .schema import schema_of

if TYPE_CHECKING:
    from collections.abc import Generator

    import pyarrow as pa
    from lancedb import AsyncConnection
    from lancedb.table import AsyncTable

logger = logging.getLogger(__name__)

# LanceDB reads it when it is imported, and warns on stderr at every query otherwise.
os.environ.setdefault("LANCEDB_LOG", "error")

INDEX_CACHE, METADATA_CACHE = 128 << 20, 64 << 20
"""Bytes of indices and of other facts about files that LanceDB may keep in memory."""
READS = 5
"""How often a read is made whose version of the table somebody else cleaned away."""
MEETINGS = 6
"""How often a commit is tried that meets those of others at the same moment."""
LOCK_PAUSE = 0.002
"""Seconds between two tries to get the lock that another process holds."""
MET = ("conflict", "incompatible transaction", "already exists", "already set", "cannot be changed once set")
"""What LanceDB says where somebody else made the same, or another, change at the same moment."""
Answered = TypeVar("Answered")
STABLE = {"new_table_enable_stable_row_ids": "true"}
"""What makes LanceDB keep in which version each row was written last, through compaction too."""


@contextmanager
def as_store_error(doing: str) -> Generator[None]:
    """LanceDB's own errors as ours; everything that zettelmem raises passes through."""
    try:
        yield
    except ZettelmemError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{doing} failed: {without_places(error)}") from error


def cleaned_away(error: StoreError) -> bool:
    """Whether a file of the version that was read is no longer there."""
    return error.__cause__ is not None and "not found" in str(error).lower()


def conflicts(error: Exception) -> bool:
    """Whether LanceDB refused a commit because of another one at the same moment."""
    told = str(error).lower()
    return any(words in told for words in MET)


async def despite_others(commit: Callable[[], Awaitable[None]]) -> None:
    """Make a commit that others make too, again if it meets theirs.

    Args:
        commit: looks at what is there first, so that it may be called more than once.
    """
    for attempt in range(MEETINGS):
        try:
            return await commit()
        except (RuntimeError, ValueError) as error:
            if attempt == MEETINGS - 1 or not conflicts(error):
                raise
        await asyncio.sleep(random.uniform(0, 0.05 * 2**attempt))
    return None


async def to_its_end(read: Coroutine[Any, Any, Answered]) -> Answered:
    """The answer of a read that goes on when its caller is cancelled.

    LanceDB does not survive the cancelling of a query: a later one that needs the same part of an index may
    wait for it forever.
    """
    reading = asyncio.ensure_future(read)
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(reading)


@dataclass(eq=False, repr=False)
class Table:
    """One table of notes. Opens nothing until the first read or write.

    Args:
        uri: a directory, an object-store URI, or ``memory://``.
        embedder: name of the model whose vectors it holds.
        storage_options: what LanceDB needs to reach the object store.
        durable: on a local directory, sync the disk before a write is acknowledged.

    Raises:
        StoreError: the path is a file.

    Attributes:
        path: the directory; None elsewhere.
        turn: held by the one call of this object that writes.
        erasures: how often rows had been erased when the version was last looked at.
        schema: the table's columns, and what it tells of itself, when the version was last looked at.
    """

    uri: str
    embedder: str
    storage_options: Mapping[str, str] | None = field(default=None, kw_only=True)
    durable: bool = field(default=True, kw_only=True)
    path: Path | None = field(init=False)
    turn: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _opening: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _connection: AsyncConnection | None = field(init=False, default=None)
    _opened: AsyncTable | None = field(init=False, default=None)
    _closed: bool = field(init=False, default=False)
    _locked: bool = field(init=False, default=False)
    _checked: int = field(init=False, default=0)
    erasures: int = field(init=False, default=0)
    schema: pa.Schema | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.path = disk.local_path(self.uri)
        if self.path is not None and self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file; give a directory for the memory to live in")

    async def connect(self) -> AsyncConnection:
        """The database, its directory made and mended if need be."""
        if self._closed:
            raise StoreError("this memory is closed; open a new one")
        if self._connection is None:
            few_heaps()
            if self.path is not None and not self.read_only:
                try:
                    self.path.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise StoreError(
                        f"{self.path} cannot be made: {error.strerror}; give a directory you may write to"
                    ) from error
                async with self.lock():
                    torn = await asyncio.to_thread(disk.set_torn_aside, self.path)
                for manifest in torn:
                    logger.warning("a power cut tore %s; it was set aside", manifest)
            self._connection = await self._connect()
        return self._connection

    async def _connect(self) -> AsyncConnection:
        import lancedb

        with as_store_error(f"opening {self.uri}"):
            return await lancedb.connect_async(
                str(self.path) if self.path is not None else self.uri,
                storage_options=STABLE | dict(self.storage_options or {}),
                read_consistency_interval=timedelta(0),
                session=lancedb.Session(
                    index_cache_size_bytes=INDEX_CACHE, metadata_cache_size_bytes=METADATA_CACHE
                ),
            )

    async def forget_files(self) -> None:
        """Open the table anew, without what LanceDB keeps in memory of files that upkeep has replaced.

        Its caches are bounded and never cleared: of what they came to hold, most would be of such files.
        Reads under way go on with what they began with.
        """
        if self._opened is None or (self.lockable and self.path is None):  # that would be an empty one
            return
        connection = await self._connect()
        with as_store_error(f"opening {self.uri}"):
            self._opened = await connection.open_table(disk.TABLE)
        self._connection = connection

    async def table(self) -> AsyncTable | None:
        """The table, or None where nothing has been remembered yet."""
        return self._opened or await to_its_end(self._again(self._open))

    async def read(self, query: Callable[[AsyncTable], Awaitable[Answered]], absent: Answered) -> Answered:
        """What a query reads of one version of the table; every read goes through here.

        It goes on when its caller is cancelled, and it is made again if upkeep of another process cleaned
        away the version that it reads. If another process moved the store to another embedding model
        meanwhile, its answer is refused: vectors of two models cannot be compared.

        Args:
            query: reads the table, and may be called more than once.
            absent: the answer where nothing has been remembered yet.

        Raises:
            StoreError: the table cannot be read.
            StoreMismatch: it belongs to another embedding model by now.
        """

        async def once() -> Answered:
            table = await self.table()
            if table is None:
                return absent
            try:
                with as_store_error(f"reading {self.uri}"):
                    return await query(table)
            finally:
                await self.check_model()

        return await to_its_end(self._again(once))

    async def _again(self, read: Callable[[], Coroutine[Any, Any, Answered]]) -> Answered:
        """The answer of a read, made again while the version that it reads is cleaned away."""
        for _ in range(READS - 1):
            try:
                return await read()
            except StoreError as error:
                if not cleaned_away(error):
                    raise
        return await read()

    async def _open(self) -> AsyncTable | None:
        if self._opened is None:
            connection = await self.connect()
            # Another process may be in the midst of making it. The lock always comes before `_opening`.
            alone = self._locked or self.read_only
            async with nullcontext() if alone else self.lock(), self._opening:
                if self._opened is None:
                    with as_store_error(f"opening {self.uri}"):
                        if disk.TABLE not in (await connection.list_tables()).tables:
                            return None
                        table = await connection.open_table(disk.TABLE)
                        self._check(await table.schema())
                        if not self.read_only:
                            await despite_others(partial(indices.make, table))
                        self._opened = table
        return self._opened

    @property
    def read_only(self) -> bool:
        """Whether this is a directory that may be read and not written."""
        return self.path is not None and self.path.is_dir() and not os.access(self.path, os.W_OK)

    async def check_model(self) -> None:
        """Make sure that no other process moved the store to another embedding model since it was opened.

        Raises:
            StoreMismatch: one did.
        """
        if self._opened is not None and not self.uri.startswith("memory://"):
            await self._version_of(self._opened)

    async def _version_of(self, table: AsyncTable) -> int:
        """The table's newest version, looked at if it is another than the last."""
        with as_store_error(f"reading {self.uri}"):
            version: int = await table.version()
            if version != self._checked:
                schema = self.schema = await table.schema()
                self._check(schema)
                self.erasures = erasures(schema)
                self._checked = version
        return version

    async def settled(self, table: AsyncTable) -> int:
        """The newest version of a table that others write too, and that nobody moves just now.

        Whoever writes without a lock asks before, and once more before telling that it was written: what was
        written after a process began to put the vectors of another model in place, that process will not see.

        Raises:
            StoreMismatch: it belongs to another embedding model by now.
            StoreError: it is moved to one at this moment.
        """
        version = await to_its_end(self._version_of(table))
        claim = None if self.schema is None else claim_in(self.schema)
        if claim is not None and claim.closing:
            raise StoreError(
                f"{self.uri} is moved to another embedding model at this moment, and nothing is written "
                "until that is done: try again with that model. If the process that did it died, run "
                "`reembed` again"
            )
        return version

    async def describe(self, table: AsyncTable, metadata: Callable[[pa.Schema], Mapping[str, Any]]) -> None:
        """Change what the table tells of itself, again if others do so at the same moment.

        Args:
            table: the table.
            metadata: from its schema as it is to what LanceDB shall keep with a column.
        """

        async def change() -> None:
            await table.update_field_metadata(dict(metadata(await table.schema())))

        await despite_others(change)

    @property
    def seen(self) -> int:
        """The version that was looked at last."""
        return self._checked

    async def version(self) -> int:
        """The number of the table's newest version; 0 where nothing has been remembered yet."""
        table = await self.table()
        return 0 if table is None else await to_its_end(self._version_of(table))

    def _check(self, schema: pa.Schema) -> None:
        check_version(self.uri, schema)
        written = said(schema, "embedder")
        if written != self.embedder:
            raise StoreMismatch(
                f"{self.uri} was written with embedder {written!r}, not {self.embedder!r}; vectors of two "
                "models cannot be compared: open it with the embedder it was written with, or move it to "
                "this one with `reembed`"
            )

    async def create(self, dimensions: int) -> AsyncTable:
        """The table, made unless it is there, with its indices."""
        connection = await self.connect()
        async with self._opening:  # nobody opens what is not whole yet
            with as_store_error(f"creating {self.uri}"):
                try:
                    table = await connection.create_table(
                        disk.TABLE, schema=schema_of(dimensions, self.embedder), exist_ok=True
                    )
                except ValueError:  # somebody made it at the same moment, and its key is set already
                    table = await connection.open_table(disk.TABLE)
                    self._check(await table.schema())
                await despite_others(partial(indices.make, table))
            self._opened = table
        return table

    async def close(self) -> None:
        """Let go of the table. A commit under way is finished first."""
        async with self.turn:
            self._closed = True
            if self._opened is not None:
                self._opened.close()  # type: ignore[no-untyped-call]
            if self._connection is not None:
                self._connection.close()  # type: ignore[no-untyped-call]
            self._opened = self._connection = None

    @property
    def lockable(self) -> bool:
        """Whether other writers can be kept out: on an object store they cannot."""
        return self.path is not None or self.uri.startswith("memory://")

    @asynccontextmanager
    async def lock(self) -> AsyncIterator[None]:
        """Keep other processes from committing to the same directory."""
        if self.path is None:
            self._locked = True
            try:
                yield
            finally:
                self._locked = False
            return
        from filelock import FileLock, Timeout

        lock = FileLock(self.path / disk.LOCK, thread_local=False)
        while not lock.is_locked:
            try:
                lock.acquire(blocking=False)
            except Timeout:
                await asyncio.sleep(LOCK_PAUSE)
            except OSError as error:
                raise StoreError(
                    f"{self.path} cannot be written: {error.strerror}; give a directory you may write to, or "
                    "only read this one"
                ) from error
        self._locked = True
        try:
            yield
        finally:
            self._locked = False
            lock.release()

    async def sync(self) -> None:
        """Make all that was written survive a power cut, if that is wanted."""
        if self.durable and self.path is not None:
            await asyncio.to_thread(disk.sync, self.path)

    async def files(self) -> set[str]:
        """Every file of the store, relative to where it is; none where it is in memory.

        Raises:
            StoreError: a bucket cannot be looked into.
        """
        if self.path is not None:
            return await asyncio.to_thread(disk.files, self.path)
        if self.lockable:
            return set()
        return await asyncio.to_thread(buckets.names, self.uri, self.storage_options)

    def pieces(self, name: str) -> Iterator[bytes]:
        """One of the files, piece by piece."""
        if self.path is not None:
            return disk.pieces(self.path / name)
        return buckets.pieces(self.uri, self.storage_options, name)

    def exports(self) -> list[str]:
        """The files that notes were exported to, as far as this store was told."""
        return [] if self.path is None else disk.exports(self.path)

    async def exported(self, file: str | os.PathLike[str]) -> None:
        """Keep the name of a file that notes are exported to; a store that is only read keeps none."""
        if self.path is None or self.read_only:
            return
        async with self.lock():
            with as_store_error(f"writing {self.path}"):
                await asyncio.to_thread(disk.add_export, self.path, file)
            await self.sync()

    async def size(self) -> tuple[int, int]:
        """Bytes of the newest version's data and indices, and of all files of the store."""
        table = await self.table()
        if table is None:
            return 0, 0
        with as_store_error(f"reading {self.uri}"):
            live = cast(Any, await table.stats())["total_bytes"]
        return live, live if self.path is None else await asyncio.to_thread(disk.size, self.path)
