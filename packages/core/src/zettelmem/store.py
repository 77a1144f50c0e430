"""The only module that knows LanceDB: one table, one row a note, one atomic write a commit.

On a local directory a commit reads the rows it is about, works its pure step out on them and writes the
result while it holds a short lock between processes, then syncs the disk before it acknowledges. On an
object store there is no lock: each row is guarded by its revision, and rows that somebody else wrote
meanwhile are made again on the fresh state. Calls that arrive together share one write and one sync.
"""

from __future__ import annotations

import asyncio
import ctypes
import hashlib
import json
import logging
import os
import random
import secrets
import shutil
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import reduce, wraps
from operator import and_, or_
from pathlib import Path
from typing import TYPE_CHECKING, Any, Concatenate, Literal, ParamSpec, Protocol, TypeVar, cast

import numpy as np
from pydantic import TypeAdapter

from . import evolution
from .errors import ConflictError, StoreError, StoreMismatch, ZettelmemError
from .note import (
    Changes,
    Evolution,
    Filter,
    Namespace,
    Note,
    Pending,
    Quota,
    Relation,
    Shown,
    Source,
    Trust,
    random_id,
)
from .protocols import Vectors
from .quotas import admitted
from .ranking import Candidates, Matched, blend
from .text import asks, says_when

if TYPE_CHECKING:
    from collections.abc import Generator

    import pyarrow as pa
    from lancedb import AsyncConnection
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

logger = logging.getLogger(__name__)

# LanceDB reads it when it is imported, and warns on stderr at every query otherwise.
os.environ.setdefault("LANCEDB_LOG", "error")

SCHEMA_VERSION = 1
"""Raised by one whenever the columns change; a store of another version is refused."""
TABLE = "notes"
STAGE = "vectors"
"""The table beside it that holds vectors of another embedding model while the store moves to it."""
LOCK = ".zettelmem.lock"
EXPORTS = ".zettelmem.exports"
"""The files that notes were exported to, one a line as JSON, so that erasing can tell of them."""
MOVING = ".zettelmem.moving.lock"
"""Held by the process that moves the store to another embedding model."""
QUOTAS = "zettelmem.quotas"
"""Metadata of the column of namespaces: what each may hold, so that every process reads it with the rows."""
MANIFEST_END = b"LANC"
"""The last bytes of a manifest that is whole."""
BEGINNING = 20
"""Versions that a table may have before its first change is acknowledged: it is made, then its indices."""
PRIMARY = b"lance-schema:unenforced-primary-key:position"
"""Metadata by which LanceDB knows the column of the primary key."""
RETENTION = timedelta(seconds=10)
"""How long old versions of the table stay for readers in other processes, if there is room."""
ROOM = 1.5
"""Bytes on disk for each byte of the newest version, from which all older ones go at once."""
NEVER = timedelta(days=36_500)
TAIL_ROWS = 256
"""Rows outside the indices, from which they are refreshed; in a large table a few more."""
FOLD = 8
"""Small fragments that are made one, by the write that finds so many of its own, or by upkeep."""
SMALL = (FOLD * 4, FOLD * FOLD * 4)
"""Rows below which a fragment is small: in the first place, and if few of those are there."""
LOOSE = 3 * FOLD
"""Fragments besides those made by compaction, from which upkeep looks for small ones."""
VECTOR_ROWS = 4_000
"""Rows from which vectors are indexed. Up to here looking at all of them is as fast, and exact."""
SEGMENTS = 16
"""Pieces of a vector index, from which it is made anew."""
INDEX_CACHE, METADATA_CACHE = 128 << 20, 64 << 20
"""Bytes of indices and of other facts about files that LanceDB may keep in memory."""
M_MMAP_THRESHOLD, M_ARENA_MAX = -3, -8
"""The numbers of these settings in glibc's malloc.h."""
LARGE = 4 << 20
"""Bytes of a piece of memory that goes back to the system as soon as it is freed."""
REFINE = 2
"""How many times the notes asked for are looked at closely where a vector index is only nearly right."""
KEPT = 128
"""Rows kept in memory as they were read, for the commit that mostly comes next."""
READS = 5
"""How often a read is made whose version of the table somebody else cleaned away."""
ATTEMPTS = 20
"""How often rows that somebody else keeps writing are made again before a ConflictError."""

FEW_ROWS = 64
"""Rows a batch where reading may stop early."""
BATCH_ROWS = 500
"""Rows held in memory at a time while the whole table is read."""

MOST = 100_000
"""Rows that a search by words may bring where all are wanted."""

WINDOW = 1_000
"""Characters of each neighbouring content of its thread that a note can be found by."""

_ROW_COLUMNS = ["content_vector", "vector", "before", "after"]
_FAR = datetime(9999, 12, 31, tzinfo=UTC)
_SIGHT = [
    "id", "thread", "who", "occurred_at", "invalid_at", "says_when", "asks", "answers", "length", "tags",
    "linked", "link_weights", "vector",
]  # fmt: skip
Asked = ParamSpec("Asked")
Answered = TypeVar("Answered")

_HISTORY: TypeAdapter[tuple[Evolution, ...]] = TypeAdapter(tuple[Evolution, ...])
_SHOWN: TypeAdapter[tuple[Shown, ...]] = TypeAdapter(tuple[Shown, ...])

_HINT = f"{TABLE}.lance/_versions/latest_version_hint.json"
_FLOATS = {"content_vector", "vector"}

Hydrate = Callable[[Iterable[str]], dict[str, Note]]
"""Makes whole notes of the ids that are among some rows; most rows are never asked for."""
EraseStep = Callable[[dict[str, Note]], tuple[set[str], dict[str, Note]]]
"""From the fresh states of some notes to the ids that go and the other notes as they are without them."""
Step = Callable[[dict[str, Note]], Sequence[Changes]]
"""A pure function from the fresh states of the notes that were asked for to what must be written."""
Embed = Callable[[Sequence[str]], Awaitable[Mapping[str, Vectors]]]
"""From texts to the unit vector of each."""


class Journal(Protocol):
    """What is told of every change. If it raises before a write, nothing is written."""

    async def begin(self, changes: Sequence[Changes]) -> None:
        """These are about to be written."""

    async def fail(self, changes: Sequence[Changes]) -> None:
        """Writing them failed; some may stand nevertheless."""

    async def erase(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """These notes are about to be erased."""


class VectorsMissing(ZettelmemError):
    """The fresh states need texts embedded that the caller did not foresee; embed them and try again."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        super().__init__(f"{len(texts)} texts have no vector")
        self.texts = texts


class IdTaken(ZettelmemError):
    """A note of the same id is there already."""

    def __init__(self, note_id: str) -> None:
        super().__init__(f"note id {note_id} is taken")
        self.note_id = note_id


@dataclass(frozen=True)
class Row:
    """A note with what the store keeps for finding it.

    Attributes:
        note: the note.
        content_vector: unit vector of the content, float32, shape (dimensions,).
        vector: unit vector that it is found by: of the content, drawn towards its description.
        before: what was said just before in its thread, oldest first, at most two contents.
        after: what was said just after, or "".
    """

    note: Note
    content_vector: Vectors
    vector: Vectors
    before: tuple[str, ...] = ()
    after: str = ""

    @property
    def surroundings(self) -> str:
        """The text of the second lexical field: the content with all that is known around it."""
        note = self.note
        said = f"{note.source.who}: {note.content}" if note.source.who else note.content
        told = "" if any(each and each in note.context for each in self.before) else note.context
        spoken = f"{note.occurred_at:%A} {note.occurred_at.day} {note.occurred_at:%B %Y}"
        parts = (*self.before, said, self.after, told, ", ".join(note.added_words()), spoken)
        return "\n".join(part for part in parts if part)


@dataclass
class _Job:
    ids: tuple[str, ...]
    step: Step
    vectors: Mapping[str, Vectors]
    done: asyncio.Future[list[Changes]]


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


def namespace_column(namespace: Namespace) -> str:
    """The namespace as one string in which every subtree is a prefix that ends in '/'."""
    return "".join(segment.replace("%", "%25").replace("/", "%2F") + "/" for segment in namespace)


def _namespace(column: str) -> Namespace:
    return tuple(segment.replace("%2F", "/").replace("%25", "%") for segment in column.split("/")[:-1])


def _tag_column(tags: Iterable[str]) -> str:
    return "\n" + "".join(json.dumps(tag) + "\n" for tag in tags)


def _schema(dimensions: int, embedder: str) -> pa.Schema:
    import pyarrow as pa

    time = pa.timestamp("us", "UTC")
    vector = pa.list_(pa.float32(), dimensions)
    link = pa.struct(
        [
            *((name, pa.string()) for name in ("source", "target", "relation", "reason")),
            ("weight", pa.float64()),
        ]
    )
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            ("namespace", pa.string()),
            ("key", pa.string()),
            ("thread", pa.string()),
            ("position", pa.int32()),
            ("kind", pa.string()),
            ("content", pa.string()),
            ("context", pa.string()),
            ("keywords", pa.list_(pa.string())),
            ("tags", pa.list_(pa.string())),
            ("tag_text", pa.string()),
            ("data", pa.string()),
            ("links", pa.list_(link)),
            ("linked", pa.list_(pa.string())),
            ("link_weights", pa.list_(pa.float32())),
            ("occurred_at", time),
            ("recorded_at", time),
            ("invalid_at", time),
            ("closed_at", time),
            ("forgotten_at", time),
            ("live", pa.bool_()),
            ("who", pa.string()),
            ("via", pa.string()),
            ("trust", pa.int8()),
            ("pending", pa.string()),
            ("waiting", pa.bool_()),
            ("shown", pa.string()),
            ("revision", pa.int64()),
            ("base_revision", pa.int64()),
            ("history", pa.string()),
            ("size", pa.int32()),
            ("length", pa.int32()),
            ("says_when", pa.bool_()),
            ("asks", pa.bool_()),
            ("answers", pa.bool_()),
            ("before", pa.list_(pa.string())),
            ("after", pa.string()),
            ("surroundings", pa.string()),
            ("content_vector", vector),
            ("vector", vector),
        ],
        metadata={
            "zettelmem.schema": str(SCHEMA_VERSION),
            "zettelmem.embedder": embedder,
            "zettelmem.dimensions": str(dimensions),
        },
    )


def _said(schema: pa.Schema, name: str) -> str | None:
    """What a table says of itself: its `schema` version, its `embedder`, its `dimensions`."""
    value: bytes | None = (schema.metadata or {}).get(f"zettelmem.{name}".encode())
    return None if value is None else value.decode()


def _check_version(uri: str, schema: pa.Schema) -> None:
    version = _said(schema, "schema")
    if version != str(SCHEMA_VERSION):
        raise StoreMismatch(
            f"{uri} has schema version {version}, this zettelmem reads {SCHEMA_VERSION}; "
            "use the version that wrote it, or export there and import here"
        )


def _to_row(row: Row, base_revision: int) -> dict[str, Any]:
    note = row.note
    closing = [entry.at for entry in note.history if "invalid_at" in entry.after]
    return {
        "id": note.id,
        "namespace": namespace_column(note.namespace),
        "key": note.key,
        "thread": note.thread,
        "position": note.position,
        "kind": note.kind,
        "content": note.content,
        "context": note.context,
        "keywords": note.keywords,
        "tags": note.tags,
        "tag_text": _tag_column(note.tags),
        "data": None if note.data is None else json.dumps(note.data),
        "links": [link.model_dump(mode="json") for link in note.links],
        "linked": [link.other(note.id) for link in note.links],
        "link_weights": [link.weight for link in note.links],
        "occurred_at": note.occurred_at,
        "recorded_at": note.recorded_at,
        "invalid_at": note.invalid_at or _FAR,
        "closed_at": _FAR if note.invalid_at is None else (closing[-1] if closing else note.recorded_at),
        "forgotten_at": note.forgotten_at,
        "live": note.forgotten_at is None,
        "who": note.source.who,
        "via": note.source.via,
        "trust": int(note.trust),
        "pending": None if note.pending is None else note.pending.model_dump_json(),
        "waiting": note.pending is not None,
        "shown": _SHOWN.dump_json(note.shown).decode(),
        "revision": note.revision,
        "base_revision": base_revision,
        "history": _HISTORY.dump_json(note.history, exclude_defaults=True).decode(),
        "size": len(note.content.encode()),
        "length": len(note.content.split()),
        "says_when": says_when(note.content),
        "asks": asks(note.content),
        "answers": bool(row.before) and asks(row.before[-1]),
        "before": row.before,
        "after": row.after,
        "surroundings": row.surroundings,
        "content_vector": row.content_vector,
        "vector": row.vector,
    }


def _to_note(row: Mapping[str, Any]) -> Note:
    return Note(
        id=row["id"],
        namespace=_namespace(row["namespace"]),
        key=row["key"],
        thread=row["thread"],
        position=row["position"],
        kind=row["kind"],
        content=row["content"],
        context=row["context"],
        keywords=row["keywords"],
        tags=row["tags"],
        data=None if row["data"] is None else json.loads(row["data"]),
        links=row["links"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        invalid_at=None if row["invalid_at"] == _FAR else row["invalid_at"],
        forgotten_at=row["forgotten_at"],
        source=Source(who=row["who"], via=row["via"]),
        trust=Trust(row["trust"]),
        pending=None if row["pending"] is None else Pending.model_validate_json(row["pending"]),
        shown=_SHOWN.validate_json(row["shown"]),
        revision=row["revision"],
        history=_HISTORY.validate_json(row["history"]),
    )


_NOTE_COLUMNS = [
    "id", "namespace", "key", "thread", "position", "kind", "content", "context", "keywords", "tags",
    "data", "links", "occurred_at", "recorded_at", "invalid_at", "forgotten_at", "who", "via", "trust",
    "pending", "shown", "revision", "history",
]  # fmt: skip

_WHOLE = [*_NOTE_COLUMNS, *_ROW_COLUMNS]


def _matrix(column: pa.ChunkedArray) -> Vectors:
    array = column.combine_chunks()
    width = array.type.list_size
    return cast(Vectors, array.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))


def _where(sight: Filter, *, forgotten: bool = False) -> Expr:
    """The filter as LanceDB expression objects; values are literals, never text of a query."""
    from lancedb.expr import col, lit

    terms = [] if forgotten else [col("live") == lit(True)]
    prefix = namespace_column(sight.namespace)
    if sight.exact:
        terms.append(col("namespace") == lit(prefix))
    elif prefix:  # every string that begins with "a/" sorts from "a/" up to, not including, "a0"
        terms += [col("namespace") >= lit(prefix), col("namespace") < lit(f"{prefix[:-1]}0")]
    if sight.kinds is not None:
        terms.append(col("kind").isin([lit(kind) for kind in sight.kinds]))
    if sight.tags is not None:
        any_tag = [col("tag_text").contains(lit(f"\n{json.dumps(tag)}\n")) for tag in sight.tags]
        terms.append(reduce(or_, any_tag, lit(False)))
    if sight.thread is not None:
        terms.append(col("thread") == lit(sight.thread))
    if sight.since is not None:
        terms.append(col("occurred_at") >= lit(sight.since))
    if sight.until is not None:
        terms.append(col("occurred_at") < lit(sight.until))
    if sight.over_at is not None:
        terms.append(col("invalid_at") <= lit(sight.over_at))
    if sight.known_at is not None:
        terms.append(col("recorded_at") <= lit(sight.known_at))
    if sight.valid_at is not None:
        open_then = col("invalid_at") > lit(sight.valid_at)
        if sight.known_at is not None:  # closed by then, but nobody knew it yet
            open_then = open_then | (col("closed_at") > lit(sight.known_at))
        terms.append(open_then)
    if sight.min_trust > Trust.UNTRUSTED:
        terms.append(col("trust") >= lit(int(sight.min_trust)))
    if sight.via is not None:
        terms.append(col("via") == lit(sight.via))
    if sight.pending:
        terms.append(col("waiting") == lit(True))
    return reduce(and_, terms) if terms else lit(True)


@contextmanager
def _as_store_error(doing: str) -> Generator[None]:
    """LanceDB's own errors as ours; everything that zettelmem raises passes through."""
    try:
        yield
    except ZettelmemError:
        raise
    except (OSError, RuntimeError, ValueError) as error:
        raise StoreError(f"{doing} failed: {error}") from error


def _local_path(uri: str) -> Path | None:
    """The directory that is meant, whole: LanceDB takes a path such as `db` for a database in its cloud."""
    if "://" in uri and not uri.startswith("file://"):
        return None
    return Path(uri.removeprefix("file://")).expanduser().absolute()


def _sync_disk(path: Path) -> None:
    """Make everything written so far under `path` survive a power cut.

    LanceDB syncs nothing. Syncing only the new files leaves manifests that name lost ones, so on Linux
    the whole file system is synced by syncfs(2); elsewhere every file and directory of the table is.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if os.name == "posix" else None
    for each in (path,) if syncfs else (path, *path.rglob("*")):
        fd = os.open(each, os.O_RDONLY)
        try:
            if syncfs is None:
                os.fsync(fd)
            elif syncfs(fd) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
        finally:
            os.close(fd)


def _add_line(path: Path, file: str | os.PathLike[str]) -> None:
    with path.open("a") as stream:
        stream.write(f"{json.dumps(str(Path(file).absolute()))}\n")


def _set_torn_aside(path: Path) -> list[Path]:
    """Move newest manifests that a power cut tore out of the way, so that the version before opens.

    And a young table that has no whole manifest at all: nothing in it was ever acknowledged.

    Raises:
        StoreError: an older table has none. That is no power cut, and nothing is moved.
    """
    table = path / f"{TABLE}.lance"
    torn: list[Path] = []
    # Version n is stored as 2**64-1-n, so the newest manifest has the lowest name.
    for manifest in sorted((table / "_versions").glob("*.manifest")):
        if manifest.read_bytes().endswith(MANIFEST_END):
            break
        torn.append(manifest)
    else:
        if torn and 2**64 - 1 - int(torn[0].stem) > BEGINNING:
            raise StoreError(
                f"every list of files in {table / '_versions'} is damaged, as no power cut does; the notes "
                f"may still be in {table / 'data'}. Put a backup in its place, or move it away to begin anew"
            )
    moved = [manifest.rename(manifest.with_suffix(".torn")) for manifest in torn]
    if table.exists() and not any((table / "_versions").glob("*.manifest")):
        moved.append(table.rename(path / f"{TABLE}-{len(list(path.glob('*.torn')))}.torn"))
    return moved


def _cleaned_away(error: StoreError) -> bool:
    """Whether a file of the version that was read is no longer there."""
    return error.__cause__ is not None and "not found" in str(error).lower()


def _whole(
    read: Callable[Concatenate[Store, Asked], Coroutine[Any, Any, Answered]],
) -> Callable[Concatenate[Store, Asked], Coroutine[Any, Any, Answered]]:
    """A read of one version, which goes on when its caller is cancelled.

    It is made again if upkeep of another process cleaned away the version that it reads. LanceDB does not
    survive the cancelling of a query: a later one that needs the same part of an index may wait for it
    forever.
    """

    async def of_one_version(store: Store, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answered:
        for _ in range(READS - 1):
            try:
                return await read(store, *args, **kwargs)
            except StoreError as error:
                if not _cleaned_away(error):
                    raise
        return await read(store, *args, **kwargs)

    @wraps(read)
    async def whole(store: Store, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answered:
        return await _to_its_end(of_one_version(store, *args, **kwargs))

    return whole


def _of_one_model(
    read: Callable[Concatenate[Store, Asked], Coroutine[Any, Any, Answered]],
) -> Callable[Concatenate[Store, Asked], Coroutine[Any, Any, Answered]]:
    """A read of vectors, which must not be compared with ours if they are another model's by now.

    Another process may have moved the store meanwhile: whether the read gave an answer or an error, it is
    looked whether it did.
    """

    @wraps(read)
    async def checked(store: Store, /, *args: Asked.args, **kwargs: Asked.kwargs) -> Answered:
        try:
            return await read(store, *args, **kwargs)
        finally:
            await store.check_model()

    return checked


async def _to_its_end(read: Coroutine[Any, Any, Answered]) -> Answered:
    reading = asyncio.ensure_future(read)
    reading.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(reading)


class Store:
    """Notes on disk, in memory or in a bucket. Opens nothing until the first read or write."""

    def __init__(
        self,
        uri: str,
        embedder: str,
        *,
        storage_options: Mapping[str, str] | None = None,
        durable: bool = True,
    ) -> None:
        self.uri = uri
        self.path = _local_path(uri)
        self._embedder = embedder
        self._options = dict(storage_options) if storage_options else None
        self._durable = durable
        self._connection: AsyncConnection | None = None
        self._opened: AsyncTable | None = None
        self._turn = asyncio.Lock()
        self._opening = asyncio.Lock()
        self._jobs: list[_Job] = []
        self._closed = False
        self._locked = False
        self._checked = 0
        self._kept: dict[str, Row | None] = {}
        self._kept_at = 0
        self._loose: list[pa.Table] = []
        self._wrote_at = 0
        self.journal: Journal | None = None
        """Told what is about to be written."""
        self.commits = 0
        """Writes made by this object, each shared by all calls that arrived together."""
        if self.path is not None and self.path.exists() and not self.path.is_dir():
            raise StoreError(f"{self.path} is a file; give a directory for the memory to live in")

    # --- opening -------------------------------------------------------------------------------

    async def _connect(self) -> AsyncConnection:
        if self._closed:
            raise StoreError("this memory is closed; open a new one")
        if self._connection is None:
            _few_heaps()
            import lancedb

            if self.path is not None and not self.read_only:
                try:
                    self.path.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    raise StoreError(
                        f"{self.path} cannot be made: {error.strerror}; give a directory you may write to"
                    ) from error
                async with self._lock():
                    torn = await asyncio.to_thread(_set_torn_aside, self.path)
                for manifest in torn:
                    logger.warning("a power cut tore %s; it was set aside", manifest)
            with _as_store_error(f"opening {self.uri}"):
                self._connection = await lancedb.connect_async(
                    str(self.path) if self.path is not None else self.uri,
                    storage_options=self._options,
                    read_consistency_interval=timedelta(0),
                    session=lancedb.Session(
                        index_cache_size_bytes=INDEX_CACHE, metadata_cache_size_bytes=METADATA_CACHE
                    ),
                )
        return self._connection

    async def _table(self) -> AsyncTable | None:
        """The table, or None where nothing has been remembered yet."""
        return self._opened or await self._open()

    @_whole
    @_of_one_model
    async def _open(self) -> AsyncTable | None:
        if self._opened is None:
            connection = await self._connect()
            # Another process may be in the midst of making it. The lock always comes before `_opening`.
            alone = self._locked or self.read_only
            async with nullcontext() if alone else self._lock(), self._opening:
                if self._opened is None:
                    with _as_store_error(f"opening {self.uri}"):
                        if TABLE not in (await connection.list_tables()).tables:
                            return None
                        table = await connection.open_table(TABLE)
                        self._check(await table.schema())
                        if not self.read_only:
                            await _index(table)
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
        if self._opened is not None and self.path is not None:  # others move no bucket and no memory
            await self._version_of(self._opened)

    async def _version_of(self, table: AsyncTable) -> int:
        """The table's newest version, looked at if it is another than the last."""
        with _as_store_error(f"reading {self.uri}"):
            version: int = await table.version()
            if version != self._checked:
                self._check(await table.schema())
                self._checked = version
        return version

    def _check(self, schema: pa.Schema) -> None:
        _check_version(self.uri, schema)
        written = _said(schema, "embedder")
        if written != self._embedder:
            raise StoreMismatch(
                f"{self.uri} was written with embedder {written!r}, not {self._embedder!r}; vectors of two "
                "models cannot be compared: open it with the embedder it was written with, or move it to "
                "this one with `reembed`"
            )

    async def _create(self, dimensions: int) -> AsyncTable:
        connection = await self._connect()
        async with self._opening:  # nobody opens what is not whole yet
            with _as_store_error(f"creating {self.uri}"):
                table = await connection.create_table(
                    TABLE, schema=_schema(dimensions, self._embedder), exist_ok=True
                )
                await _index(table)
            self._opened = table
        return table

    async def close(self) -> None:
        """Let go of the table. A commit under way is finished first."""
        async with self._turn:
            self._closed = True
            if self._opened is not None:
                self._opened.close()  # type: ignore[no-untyped-call]
            if self._connection is not None:
                self._connection.close()  # type: ignore[no-untyped-call]
            self._opened = self._connection = None

    @property
    def _lockable(self) -> bool:
        """Whether other writers can be kept out: on an object store they cannot."""
        return self.path is not None or self.uri.startswith("memory://")

    @asynccontextmanager
    async def _lock(self) -> AsyncIterator[None]:
        """Keep other processes from committing to the same directory."""
        if self.path is None:
            self._locked = True
            try:
                yield
            finally:
                self._locked = False
            return
        from filelock import AsyncFileLock

        try:
            lock = AsyncFileLock(self.path / LOCK, poll_interval=0.002, run_in_executor=False)
            await lock.acquire()
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
            await lock.release()

    # --- reading -------------------------------------------------------------------------------

    async def get(self, ids: Iterable[str], *, forgotten: bool = False) -> dict[str, Note]:
        """The notes of these ids that exist, by id, whatever their namespace: the caller checks that."""
        rows = await self._rows(ids, _NOTE_COLUMNS)
        notes = (_to_note(row) for row in rows.to_pylist()) if rows is not None else ()
        return {note.id: note for note in notes if forgotten or note.forgotten_at is None}

    async def get_to_change(self, ids: Iterable[str], *, forgotten: bool = False) -> dict[str, Note]:
        """As `get`, for a commit that follows: it need not read them again if nobody wrote meanwhile."""
        notes = {note_id: row.note for note_id, row in (await self._read_rows(ids)).items()}
        return {note_id: note for note_id, note in notes.items() if forgotten or note.forgotten_at is None}

    async def _read_rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """Whole rows, read once as long as nobody writes: a commit is mostly about what was just read."""
        wanted = list(dict.fromkeys(ids))
        version = await self.version() if wanted else 0
        if version != self._kept_at:
            self._kept, self._kept_at = {}, version
        found = {each: self._kept[each] for each in wanted if each in self._kept}
        absent = [each for each in wanted if each not in found]
        rows = await self._rows(absent, _WHOLE)
        if rows is not None:
            new = {**dict.fromkeys(absent), **_as_rows(rows)}
            found |= new
            if await self.version() == version == self._kept_at and len(new) <= KEPT:
                self._kept |= new
                for each in list(self._kept)[:-KEPT]:
                    del self._kept[each]
        return {note_id: row for note_id, row in found.items() if row is not None}

    @_of_one_model
    async def content_vectors(self, ids: Iterable[str]) -> dict[str, Vectors]:
        """The unit vectors of the contents of these notes that exist, by id, float32."""
        rows = await self._rows(ids, ["id", "content_vector"])
        if rows is None:
            return {}
        return dict(zip(rows["id"].to_pylist(), _matrix(rows["content_vector"]), strict=True))

    @_whole
    async def _rows(self, ids: Iterable[str], columns: list[str]) -> pa.Table | None:
        from lancedb.expr import col, lit

        wanted = list(dict.fromkeys(ids))
        table = await self._table() if wanted else None
        if table is None:
            return None
        with _as_store_error(f"reading {self.uri}"):
            query = table.query().where(col("id").isin([lit(each) for each in wanted]))
            return await query.select(columns).to_arrow()

    @_whole
    async def _select(self, sight: Filter, columns: list[str]) -> pa.Table | None:
        table = await self._table()
        if table is None:
            return None
        with _as_store_error(f"reading {self.uri}"):
            return await table.query().where(_where(sight)).select(columns).to_arrow()

    async def version(self) -> int:
        """The number of the table's newest version; 0 where nothing has been remembered yet."""
        table = await self._table()
        return 0 if table is None else await _to_its_end(self._version_of(table))

    async def order(
        self, sight: Filter, by: Literal["recorded_at", "occurred_at"] = "recorded_at"
    ) -> list[tuple[datetime, int, str]]:
        """When each note was recorded or happened, its place in its thread, and its id: in that order."""
        found = await self.columns(sight, [by, "position", "id"])
        return sorted(zip(found[by], found["position"], found["id"], strict=True))

    async def columns(self, sight: Filter, names: Sequence[str]) -> dict[str, list[Any]]:
        """Some columns of all notes in sight, in no particular order."""
        rows = await self._select(sight, list(names))
        return {name: [] if rows is None else rows[name].to_pylist() for name in names}

    async def namespaces(self, sight: Filter) -> list[Namespace]:
        """The namespaces that hold a note in sight, sorted."""
        columns = (await self.columns(sight, ["namespace"]))["namespace"]
        return sorted(_namespace(column) for column in set(columns))

    async def last_of_thread(self, namespace: Namespace, thread: str) -> tuple[str, int] | None:
        """The id and the position of the last note of a thread."""
        sight = Filter(namespace=namespace, exact=True, thread=thread)
        found = await self.columns(sight, ["id", "position"])
        return max(
            zip(found["id"], found["position"], strict=True),
            key=lambda x: (x[1], x[0]),
            default=None,
        )

    @_whole
    @_of_one_model
    async def nearest(self, sight: Filter, vectors: Vectors, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the nearest notes and their cosine in [-1, 1], nearest first."""
        found: list[list[tuple[str, float]]] = [[] for _ in vectors]
        table = await self._table()
        if table is None or not len(vectors):
            return found
        with _as_store_error(f"searching {self.uri}"):
            rows = await (
                table.query()
                .where(_where(sight))
                .nearest_to(list(vectors))
                .column("content_vector")
                .distance_type("cosine")
                .refine_factor(REFINE)
                .limit(limit)
                .select(["id", "_distance"])
                .to_arrow()
            )
        which = rows["query_index"].to_pylist() if len(vectors) > 1 else [0] * len(rows)
        for index, note_id, distance in zip(
            which, rows["id"].to_pylist(), rows["_distance"].to_pylist(), strict=True
        ):
            found[index].append((note_id, 1.0 - distance))
        for each in found:
            each.sort(key=lambda x: (-x[1], x[0]))
        return found

    @_whole
    @_of_one_model
    async def worded(
        self, sight: Filter, texts: Sequence[str], limit: int
    ) -> list[list[tuple[str, Vectors]]]:
        """For each text the ids and content vectors of the notes whose words or tags match it best."""
        table = await self._table()
        if table is None:
            return [[] for _ in texts]
        where = _where(sight)

        async def one(text: str) -> list[tuple[str, Vectors]]:
            if not text:
                return []
            rows = await _worded(table, where, text, "surroundings", limit, ["id", "content_vector"])
            return list(zip(rows["id"].to_pylist(), _matrix(rows["content_vector"]), strict=True))

        with _as_store_error(f"searching {self.uri}"):
            return await asyncio.gather(*(one(text) for text in texts))

    @_whole
    @_of_one_model
    async def search(
        self, sight: Filter, text: str, vector: Vectors, limit: int
    ) -> tuple[Candidates, Matched]:
        """The `limit` best by the words of the content, by those around it, and by meaning: all of them."""
        table = await self._table()
        if table is None:
            return Candidates.none(), Matched()
        where = _where(sight)
        meaning = table.query().where(where).nearest_to(vector).column("vector").distance_type("cosine")
        meaning = meaning.refine_factor(REFINE)
        with _as_store_error(f"searching {self.uri}"):
            content, around, near = await asyncio.gather(
                _worded(table, where, text, "content", limit, _SIGHT),
                _worded(table, where, text, "surroundings", limit, _SIGHT),
                meaning.limit(limit).select(_SIGHT).to_arrow(),
            )
        return _candidates(content, around, near), Matched(_scores(content), _scores(around))

    @_whole
    @_of_one_model
    async def survey(self, sight: Filter) -> Candidates:
        """Every note in sight."""
        rows = await self._select(sight, _SIGHT)
        return Candidates.none() if rows is None else _candidates(rows)

    @_whole
    async def match(self, sight: Filter, text: str) -> Matched:
        """How well the words of every note of the namespace match, and those around it.

        The rest of the filter is left to what is known of the notes: here it would cost a third more.
        """
        table = await self._table()
        if table is None:
            return Matched()
        where = _where(Filter(namespace=sight.namespace, exact=sight.exact), forgotten=True)
        with _as_store_error(f"searching {self.uri}"):
            content, around = await asyncio.gather(
                _worded(table, where, text, "content", MOST, ["id"]),
                _worded(table, where, text, "surroundings", MOST, ["id"]),
            )
        return Matched(_scores(content), _scores(around))

    @_whole
    @_of_one_model
    async def look(self, ids: Iterable[str], sight: Filter) -> tuple[Candidates, Hydrate]:
        """The notes of these ids that are in sight, as candidates that nothing has matched yet.

        And a function that makes whole notes of those asked for, as far as they are among them:
        making a note costs more than reading its row, and most of these are never hits.
        """
        from lancedb.expr import col, lit

        wanted = list(dict.fromkeys(ids))
        table = await self._table() if wanted else None
        if table is None:
            return Candidates.none(), lambda _: {}
        with _as_store_error(f"reading {self.uri}"):
            where = _where(sight) & col("id").isin([lit(each) for each in wanted])
            columns = list(dict.fromkeys([*_NOTE_COLUMNS, *_SIGHT]))
            rows = await table.query().where(where).select(columns).to_arrow()
        return _candidates(rows), _hydrating(rows.select(_NOTE_COLUMNS))

    @_whole
    async def hydrate(self, sight: Filter, room: int) -> Hydrate | None:
        """All notes in sight in memory, as what makes whole notes of some; None if they take more bytes."""
        import pyarrow as pa

        table = await self._table()
        if table is None:
            return None
        kept, taken = [], 0
        with _as_store_error(f"reading {self.uri}"):
            query = table.query().where(_where(sight)).select(_NOTE_COLUMNS)
            async for batch in await query.to_batches(max_batch_length=FEW_ROWS):
                taken += batch.nbytes
                if taken > room:
                    return None
                kept.append(batch)
        return _hydrating(pa.Table.from_batches(kept)) if kept else None

    # --- writing -------------------------------------------------------------------------------

    async def commit(self, ids: Iterable[str], step: Step, vectors: Mapping[str, Vectors]) -> list[Changes]:
        """Work `step` out on the fresh states of `ids` and write what it returns: all of it or nothing.

        Args:
            ids: the notes that the step is about; missing ones are left out of what it is given.
            step: pure; may be called more than once.
            vectors: unit vector of each text (content or description) that is new or may have changed.

        Raises:
            VectorsMissing: the step made a text without a vector; nothing was written.
            IdTaken: a new note has the id of another; nothing was written.
            ConflictError: on an object store, others kept writing the same notes.
            StoreError: the disk or the bucket failed; nothing was written.
        """
        job = _Job(tuple(dict.fromkeys(ids)), step, vectors, asyncio.get_running_loop().create_future())
        self._jobs.append(job)
        # A caller that goes away must not tear a write that others share: the write goes on in its task.
        await asyncio.shield(asyncio.ensure_future(self._take_turn(job)))
        return job.done.result()

    async def _take_turn(self, mine: _Job) -> None:
        async with self._turn:
            if mine.done.done():
                return
            jobs, self._jobs = self._jobs, []
            try:
                await self._commit_together(jobs)
            except BaseException as error:
                for job in jobs:
                    if not job.done.done():
                        job.done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            for job in jobs:
                job.done.exception()  # seen, so that a caller that went away leaves no warning

    async def _commit_together(self, jobs: Sequence[_Job]) -> None:
        await self._connect()
        async with self._lock():
            before = await self._read_rows(each for job in jobs for each in job.ids)
            after = dict(before)
            made: list[tuple[_Job, list[Changes]]] = []
            room = _Room(self)
            for job in jobs:
                try:
                    state = {each: after[each].note for each in job.ids if each in after}
                    changes = list(job.step(state))
                    if not self._lockable:
                        changes = [
                            evolution.marked(each, random_id(secrets.token_bytes(5))) for each in changes
                        ]
                    new = _with_vectors(changes, after, job.vectors)
                    await room.take(after, new)
                    after |= new
                except Exception as error:  # noqa: BLE001 - it goes to the caller whose step it was
                    job.done.set_exception(error)
                else:
                    made.append((job, changes))
            if made:
                _see_around(after)
            rows = {note_id: row for note_id, row in after.items() if row is not before.get(note_id)}
            if rows:
                told = [each for _, changes in made for each in changes]
                if self.journal is not None:
                    await self.journal.begin(told)
                try:
                    await self._write(rows, before)
                except Exception:
                    if self.journal is not None:
                        await self.journal.fail(told)
                    raise
        for job, changes in made:
            job.done.set_result(changes)

    async def _write(self, rows: Mapping[str, Row], before: Mapping[str, Row]) -> None:
        """Write the rows on their base revisions; those that others changed meanwhile are made again."""
        base = {note_id: before[note_id] for note_id in rows if note_id in before}
        ours, pending = dict(rows), dict(rows)
        for attempt in range(ATTEMPTS):
            written = await self._merge(pending, base)
            if written == len(pending):
                break
            fresh = await self._read_rows(pending)
            stale: dict[str, Row] = {}
            for note_id, row in pending.items():
                now = fresh.get(note_id)
                if now is None:
                    continue  # erased meanwhile: nothing to change any more
                if row.note.history[-1].change in {entry.change for entry in now.note.history}:
                    continue  # ours is there, perhaps with another's on top of it
                if note_id not in base:
                    raise IdTaken(note_id)
                rebased = evolution.rebase(before[note_id].note, ours[note_id].note, now.note)
                base[note_id] = now
                stale[note_id] = replace(row, note=rebased)
            pending = stale
            if not pending:
                break
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))
        else:
            ids = tuple(pending)
            raise ConflictError(
                f"others kept writing {', '.join(ids)} through {ATTEMPTS} attempts; try again later",
                ids,
            )
        self.commits += 1
        await self._sync()

    async def _merge(self, rows: Mapping[str, Row], base: Mapping[str, Row]) -> int:
        import pyarrow as pa

        first = next(iter(rows.values()))
        table = await self._table() or await self._create(len(first.vector))
        schema = await table.schema()
        values = [
            _to_row(row, base[note_id].note.revision if note_id in base else 0)
            for note_id, row in rows.items()
        ]
        new = pa.Table.from_pylist(values, schema=schema)
        with _as_store_error(f"writing {self.uri}"):
            before = await table.version()
            again = self._to_write_again(new) if before == self._wrote_at else []
            if before != self._wrote_at:
                self._loose = []
            new = pa.concat_tables([new, *again])
            # Without its index the id is looked up by a scan, which is what makes inserts exact when
            # several processes write: the index does not see what was inserted since it was built.
            result = await (
                table.merge_insert("id")
                .when_matched_update_all(where="target.revision = source.base_revision")
                .when_not_matched_insert_all()
                .use_index(False)
                .execute(new)
            )
        if result.version == before + 1:  # nobody else wrote in between
            self._wrote_at = result.version
            if self._lockable and len(new) < SMALL[-1]:  # without a lock others may write them meanwhile
                self._loose.append(_on_itself(new))
            if self._kept_at == before:
                self._kept_at = result.version
                for note_id in rows:
                    self._kept.pop(note_id, None)
        return int(result.num_inserted_rows + result.num_updated_rows) - sum(map(len, again))

    def _to_write_again(self, new: pa.Table) -> list[pa.Table]:
        """Rows of this object's last, small writes, to go into one fragment with the new ones.

        Every read opens every fragment, so what is written note by note would soon slow it down.
        """
        import pyarrow as pa

        small = _small([len(each) for each in self._loose])
        if not any(small):
            return []
        again: list[pa.Table] = []
        kept: list[pa.Table] = []
        seen = set(new["id"].to_pylist())
        for table, go in zip(reversed(self._loose), reversed(small), strict=True):
            ids = table["id"].to_pylist()
            table = table.filter(pa.array([each not in seen for each in ids], pa.bool_()))
            seen.update(ids)
            (again if go else kept).append(table)
        self._loose = kept[::-1]
        return again

    async def quotas(self) -> list[Quota]:
        """The limits of the store, outermost first, without what is used of them."""
        table = await self._table()
        with _as_store_error(f"reading {self.uri}"):
            return [] if table is None else _quotas(await table.schema())

    @_whole
    async def measured(self, quota: Quota) -> Quota:
        """The quota with what its namespace holds now, forgotten notes included."""
        import pyarrow.compute as pc
        from lancedb.expr import col, func

        table = await self._table()
        if table is None:
            return quota
        weighed: Any = {name: func("octet_length", col(name)) for name in ("content", "context", "data")}
        with _as_store_error(f"reading {self.uri}"):
            where = _where(Filter(namespace=quota.namespace), forgotten=True)
            rows = await table.query().where(where).select(weighed).to_arrow()
        size = sum(pc.sum(rows[name]).as_py() or 0 for name in weighed)
        return quota.model_copy(update={"notes_used": len(rows), "size_used": size})

    async def set_quota(self, quota: Quota, dimensions: int) -> None:
        """Keep a quota in place of the one that its namespace has; without limits, none.

        Args:
            quota: its namespace and limits.
            dimensions: of a vector, should the table have to be made for it.

        Raises:
            StoreError: the disk or the bucket failed.
        """
        await self._connect()
        async with self._turn, self._lock():
            table = await self._table() or await self._create(dimensions)
            with _as_store_error(f"writing {self.uri}"):
                kept = {each.namespace: each for each in _quotas(await table.schema())}
                kept[quota.namespace] = quota
                limited = [
                    [each.namespace, each.notes, each.size]
                    for each in kept.values()
                    if each.notes is not None or each.size is not None
                ]
                told = {"path": "namespace", "metadata": {QUOTAS: json.dumps(limited)}}
                await table.update_field_metadata(told)
            await self._sync()

    async def delete(self, ids: Iterable[str]) -> None:
        """Remove rows for good. Old versions keep their bytes until upkeep cleans them."""
        from lancedb.expr import col, lit

        table = await self._table()
        if table is None:
            return
        async with self._turn, self._lock():
            with _as_store_error(f"writing {self.uri}"):
                await table.delete(col("id").isin([lit(each) for each in ids]))
            await self._sync()

    async def erase(self, sight: Filter, step: EraseStep, vectors: Mapping[str, Vectors]) -> Swept:
        """Write the whole table anew without some notes, then drop every older version, index and file.

        Other writers wait. A reader in another process that has just opened an older version fails
        once with a StoreError. A crash on the way leaves the table as it was, or the new one with old
        files beside it, which the next erasure or upkeep removes.

        Args:
            sight: the notes that the step is about, forgotten ones included.
            step: pure; may be called more than once.
            vectors: as for `commit`.

        Raises:
            VectorsMissing: a note is described differently now; nothing was written.
            StoreError: the disk failed, or this is an object store, where writers cannot be kept out.
        """
        if not self._lockable:
            raise StoreError(
                f"{self.uri} is an object store, where other writers cannot be kept out while the table is "
                "written anew; forget the notes, and erase in a copy of the store in a directory"
            )
        table = await self._table()
        if table is None:
            return Swept(0, 0, ())
        async with self._turn, self._lock(), self._moving():
            await self._drop_stage()
            with _as_store_error(f"reading {self.uri}"):
                where = _where(sight, forgotten=True)
                found = await table.query().where(where).select(_WHOLE).to_arrow()
            before = _as_rows(found)
            gone, scrubbed = step({note_id: row.note for note_id, row in before.items()})
            after = _without(before, gone, scrubbed, vectors)
            changed = {note_id: row for note_id, row in after.items() if row is not before[note_id]}
            old = self.files()
            with _as_store_error(f"erasing in {self.uri}"):
                versions = len(await table.list_versions())  # type: ignore[no-untyped-call]
                if self.journal is not None:
                    await self.journal.erase(sight.namespace, gone)
                await self._overwrite(table, gone | changed.keys(), changed)
                await _index(table)
                await self._sync()  # what is new is safe before what is old goes
                with warnings.catch_warnings():  # that readers may fail is known
                    warnings.simplefilter("ignore", UserWarning)
                    await table.optimize(cleanup_older_than=timedelta(0), delete_unverified=True)
                left = len(await table.list_versions())  # type: ignore[no-untyped-call]
            await asyncio.to_thread(self._remove_torn)
            await self._sync()
            kept = tuple(sorted(self.files() & old - {LOCK, MOVING, EXPORTS, _HINT}))
        return Swept(max(0, versions - left + 1), left, kept)

    async def _overwrite(self, table: AsyncTable, dropped: set[str], rows: Mapping[str, Row]) -> None:
        """The table anew, in one commit: batch by batch what is kept, then the changed rows."""
        import pyarrow as pa

        schema = await table.schema()

        async def anew() -> AsyncIterator[pa.RecordBatch]:
            async for batch in await table.query().to_batches(max_batch_length=BATCH_ROWS):
                yield batch.filter(pa.array([each not in dropped for each in batch["id"].to_pylist()]))
            values = [_to_row(row, row.note.revision - 1) for row in rows.values()]
            for batch in pa.Table.from_pylist(values, schema=schema).to_batches():
                yield batch

        await table.add(_reader(schema, anew()), mode="overwrite")

    # --- moving to another embedding model -----------------------------------------------------

    @asynccontextmanager
    async def _moving(self) -> AsyncIterator[None]:
        """Keep other processes from moving the store, and from erasing, which would be undone by it."""
        if self.path is None:
            yield
            return
        from filelock import AsyncFileLock, Timeout

        lock = AsyncFileLock(self.path / MOVING, run_in_executor=False)
        try:
            await lock.acquire(timeout=0)
        except Timeout as error:
            raise StoreError(
                f"another process is erasing in {self.uri}, or moving it to another embedding model; try "
                "again when it is done"
            ) from error
        except OSError as error:
            raise StoreError(f"{self.path} cannot be written: {error.strerror}") from error
        try:
            yield
        finally:
            await lock.release()

    async def reembed(self, embed: Embed, progress: Callable[[int, int], None]) -> tuple[str | None, int]:
        """Move the table to the embedder of this store, whatever it was written with.

        The new vectors are made first, batch by batch, into a table beside, where the next process finds
        them if this one is killed. Meanwhile everybody reads and writes as before. Then writers wait:
        what was written since is embedded, and one commit replaces the notes by the same ones with the
        new vectors.

        Args:
            embed: texts to unit vectors of the new model.
            progress: called with the notes that are done, and all.

        Returns:
            The name of the model that it was written with, None where there is nothing yet; and the
            vectors that were made.

        Raises:
            StoreError: the disk failed, another process does the same or erases, or this is an object
                store, where writers cannot be kept out.
        """
        if not self._lockable:
            raise StoreError(
                f"{self.uri} is an object store, where other writers cannot be kept out while its vectors "
                "are replaced; re-embed a copy of it in a directory, and copy that back"
            )
        connection = await self._connect()
        async with self._moving():
            with _as_store_error(f"opening {self.uri}"):
                if TABLE not in (await connection.list_tables()).tables:
                    return None, 0
                table = await connection.open_table(TABLE)
                schema = await table.schema()
            _check_version(self.uri, schema)
            before, made = _said(schema, "embedder"), 0
            with _as_store_error(f"re-embedding {self.uri}"):
                if before != self._embedder:
                    stage = await self._stage((await embed([""]))[""])
                    while (new := await self._fill(stage, table, embed, progress)) > BATCH_ROWS:
                        made += new
                    await _index_stage(stage)
                    async with self._turn, self._lock():
                        made += new + await self._fill(stage, table, embed, progress)
                        await self._switch(stage, table)
                await self._drop_stage()
        return before, made

    async def _stage(self, zero: Vectors) -> AsyncTable:
        """The table beside, with what an earlier process made for the same model, or empty."""
        import pyarrow as pa

        vector = pa.list_(pa.float32(), len(zero))
        schema = pa.schema(
            [("made_of", pa.string()), ("content_vector", vector), ("vector", vector)],
            metadata={"zettelmem.embedder": self._embedder},
        )
        connection = await self._connect()
        if STAGE in (await connection.list_tables()).tables:
            try:
                stage = await connection.open_table(STAGE)
                there = await stage.schema()
                if _said(there, "embedder") == self._embedder and there.field("vector").type == vector:
                    return stage
            except (OSError, RuntimeError, ValueError) as error:  # a power cut; nothing in it is unique
                logger.warning("the vectors made so far cannot be read and are made anew: %s", error)
            await self._drop_stage()
        return await connection.create_table(STAGE, schema=schema)

    async def _fill(
        self, stage: AsyncTable, table: AsyncTable, embed: Embed, progress: Callable[[int, int], None]
    ) -> int:
        """Make the vectors that the stage lacks, and return how many it lacked."""
        import pyarrow as pa

        have = set((await stage.query().select(["made_of"]).to_arrow())["made_of"].to_pylist())
        total, done, new = await table.count_rows(), 0, 0
        async for batch in self._batches(table, _NOTE_COLUMNS):
            notes = {_made_of(note): note for note in map(_to_note, batch.to_pylist())}
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
                await self._sync()
            have |= lacking.keys()
            new += len(lacking)
            done += len(batch)
            progress(done, total)
        return new

    async def _switch(self, stage: AsyncTable, table: AsyncTable) -> None:
        """Replace the notes by the same ones with the vectors of the stage, in one commit."""
        import pyarrow as pa
        from lancedb.expr import col, lit

        old, staged = await table.schema(), await stage.schema()
        fields = [staged.field(each.name) if each.name in _FLOATS else each for each in old]
        told = {"zettelmem.embedder": self._embedder, "zettelmem.dimensions": str(_width(staged))}
        kept = {key.decode(): value.decode() for key, value in (old.metadata or {}).items()}
        schema = pa.schema(fields, metadata=kept | told)

        async def anew() -> AsyncIterator[pa.RecordBatch]:
            async for batch in await table.query().to_batches(max_batch_length=BATCH_ROWS):
                keys = [_made_of(_to_note(row)) for row in batch.select(_NOTE_COLUMNS).to_pylist()]
                where = col("made_of").isin([lit(each) for each in dict.fromkeys(keys)])
                found = (await stage.query().where(where).to_arrow()).combine_chunks()
                place = {key: i for i, key in enumerate(found["made_of"].to_pylist())}
                here = found.take(pa.array([place[key] for key in keys], pa.int64()))
                columns = [(here if name in _FLOATS else batch)[name] for name in schema.names]
                whole = pa.Table.from_arrays(columns, schema=schema)
                for part in whole.combine_chunks().to_batches():
                    yield part

        await table.add(_reader(schema, anew()), mode="overwrite")
        await _index(table)
        await self._sync()

    async def _drop_stage(self) -> None:
        connection = await self._connect()
        if self.path is None:
            await connection.drop_table(STAGE, ignore_missing=True)
            return
        stage, dropped = self.path / f"{STAGE}.lance", self.path / f"{STAGE}.dropped"
        with _as_store_error(f"removing {stage}"):
            if dropped.exists():
                await asyncio.to_thread(shutil.rmtree, dropped)
            if stage.exists():
                stage.rename(dropped)  # a kill must not leave half of it under its name
                await asyncio.to_thread(shutil.rmtree, dropped)

    async def _sync(self) -> None:
        """Make all that was written survive a power cut, if that is wanted."""
        if self._durable and self.path is not None:
            await asyncio.to_thread(_sync_disk, self.path)

    def files(self) -> set[str]:
        """Every file under the directory of the store, relative to it; none where there is no directory."""
        if self.path is None:
            return set()
        return {str(each.relative_to(self.path)) for each in self.path.rglob("*") if each.is_file()}

    def exports(self) -> list[str]:
        """The files that notes were exported to, as far as this store was told."""
        file = None if self.path is None else self.path / EXPORTS
        if file is None or not file.exists():
            return []
        return list(dict.fromkeys(json.loads(line) for line in file.read_text().splitlines()))

    async def exported(self, file: str | os.PathLike[str]) -> None:
        """Keep the name of a file that notes are exported to; a store that is only read keeps none."""
        if self.path is None or self.read_only:
            return
        async with self._lock():
            with _as_store_error(f"writing {self.path}"):
                await asyncio.to_thread(_add_line, self.path / EXPORTS, file)
            await self._sync()

    def _remove_torn(self) -> None:
        for each in list(self.path.rglob("*.torn")) if self.path is not None else ():
            if each.is_dir():
                shutil.rmtree(each)
            else:
                each.unlink(missing_ok=True)

    async def everything(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Every row of the table with every column but the vectors, forgotten notes too, in batches."""
        table = await self._table()
        if table is None:
            return
        names = [name for name in (await table.schema()).names if name not in _FLOATS]
        async for batch in self._batches(table, names):
            yield batch.to_pylist()

    async def _batches(self, table: AsyncTable, names: list[str]) -> AsyncIterator[pa.RecordBatch]:
        """Every row once, also for a caller that is so slow that the version goes which it began with.

        Then it goes on with what is left of the newest: what was written meanwhile may be among it.
        """
        import pyarrow as pa

        seen: set[str] = set()
        while True:
            before = frozenset(seen)  # an id that occurs twice is shown twice
            try:
                with _as_store_error(f"reading {self.uri}"):
                    batches = await table.query().select(names).to_batches(max_batch_length=BATCH_ROWS)
                    async for batch in batches:
                        ids = batch["id"].to_pylist()
                        yield batch.filter(pa.array([each not in before for each in ids], pa.bool_()))
                        seen.update(ids)
            except StoreError as error:
                if not _cleaned_away(error):
                    raise
            else:
                return

    async def every_note(self) -> AsyncIterator[list[Note]]:
        """Every note there is, forgotten ones too, in batches."""
        async for rows in self.everything():
            yield [_to_note(row) for row in rows]

    async def size(self) -> tuple[int, int]:
        """Bytes of the newest version's data and indices, and of all files of the store."""
        table = await self._table()
        if table is None:
            return 0, 0
        with _as_store_error(f"reading {self.uri}"):
            live = cast(Any, await table.stats())["total_bytes"]
        return live, sum(self._sizes()) if self.path is not None else live

    def _sizes(self) -> Generator[int]:
        for name in self.files():
            with suppress(FileNotFoundError):  # upkeep of another process was faster
                yield (cast(Path, self.path) / name).stat().st_size

    # --- upkeep --------------------------------------------------------------------------------

    @_whole
    async def tail(self) -> Tail:
        """How much of the table its indices do not hold yet, and in how many pieces it is."""
        table = await self._table()
        if table is None:
            return Tail(0, 0)
        with _as_store_error(f"reading {self.uri}"):
            indices = await table.list_indices()
            figures = cast(Any, await table.stats())
        unindexed = max((index.num_unindexed_rows or 0 for index in indices), default=0)
        pieces = (index.num_segments or 1 for index in indices if _FLOATS & {*index.columns})
        fragments = figures["fragment_stats"]["num_fragments"]
        return Tail(unindexed, fragments, figures["num_rows"], max(pieces, default=0))

    async def tend(self) -> None:
        """Do what upkeep is due, if any: fold small fragments, refresh the indices, make room."""
        tail = await self.tail()
        if tail.long:
            await self.optimize()
        elif tail.scattered:
            await self.fold()

    async def fold(self) -> None:
        """Write the rows of many small fragments anew as one: what compaction does, without the rest of it.

        Reads open every fragment, so what is written note by note would slow them down long before it is
        worth to write the table and its indices anew.
        """
        import pyarrow as pa
        from lancedb.expr import col, lit

        table = await self._table()
        if table is None:
            return
        async with self._turn, self._lock():
            with _as_store_error(f"compacting {self.uri}"):
                placed = await table.query().select(["id"]).with_row_id().to_arrow()
                fragment = placed["_rowid"].to_numpy() >> 32  # the address of a row begins with its fragment
                _, which, sizes = np.unique(fragment, return_inverse=True, return_counts=True)
                small = np.array(_small(sizes.tolist()), bool)
                if not small.any():
                    return
                ids = placed["id"].filter(pa.array(small[which])).to_pylist()
                rows = await table.query().where(col("id").isin([lit(each) for each in ids])).to_arrow()
                await (
                    table.merge_insert("id")
                    .when_matched_update_all(where="target.revision = source.base_revision")
                    .use_index(False)
                    .execute(_on_itself(rows))
                )

    async def optimize(self, retention: timedelta = RETENTION, *, orphans: bool = False) -> None:
        """Compact, refresh the indices, and drop versions older than `retention`, or all for want of room.

        LanceDB compacts fragments that the same pieces of indices hold. A vector index gets a new piece
        each time, so a table that has one is written anew only when there are many pieces. Nothing goes
        before what replaces it is on disk; a crash on the way leaves a table without some of its indices
        at worst, which the next opening makes.

        With `orphans` also the files that a crash left behind; on an object store only while nobody
        else writes.
        """
        table = await self._table()
        if table is None:
            return
        async with self._turn, self._lock():
            with _as_store_error(f"compacting {self.uri}"), warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # readers of a version that goes read again
                if (await self.tail()).segments > SEGMENTS:
                    for index in await table.list_indices():
                        if _FLOATS & {*index.columns}:
                            await table.drop_index(index.name)
                while (await table.optimize(cleanup_older_than=NEVER)).compaction.fragments_removed:
                    pass  # what the indices hold from now on can be compacted with what they held
                await _index(table)
                await self._sync()  # what is new is safe before what is old goes
                live, disk = await self.size()
                await table.optimize(
                    cleanup_older_than=timedelta(0) if disk > ROOM * live else retention,
                    delete_unverified=orphans,
                )
            if orphans:
                await asyncio.to_thread(self._remove_torn)
            await self._sync()
        _trim_memory()


def _trim_memory() -> None:
    """Give back what compaction needed: glibc and Arrow keep it for the threads that it ran in."""
    import pyarrow as pa

    pa.default_memory_pool().release_unused()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if os.name == "posix" else None
    if trim is not None:
        trim(0)


def _few_heaps() -> None:
    """Let glibc make one heap a core for the threads of LanceDB, not eight, and none of large pieces.

    Each keeps what its threads freed, so a long-lived writer came to hold twice what it used. These are
    settings of the whole process; where the environment sets one of them, they are left alone.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if os.name == "posix" else None
    if mallopt is not None and not {"MALLOC_ARENA_MAX", "MALLOC_MMAP_THRESHOLD_"} & os.environ.keys():
        mallopt(M_ARENA_MAX, max(2, os.cpu_count() or 2))
        mallopt(M_MMAP_THRESHOLD, LARGE)


def _small(sizes: Sequence[int]) -> list[bool]:
    """Which fragments of these numbers of rows are worth to be made one, the smallest first."""
    for small in SMALL:
        if sum(size < small for size in sizes) >= FOLD:
            return [size < small for size in sizes]
    return [False] * len(sizes)


def _on_itself(rows: pa.Table) -> pa.Table:
    """Rows to be written once more as they are, unless somebody else changed them."""
    place = rows.schema.get_field_index("base_revision")
    return rows.set_column(place, rows.schema.field(place), rows["revision"])


def _quotas(schema: pa.Schema) -> list[Quota]:
    """The quotas that a table keeps, outermost first, without what is used of them."""
    kept = json.loads((schema.field("namespace").metadata or {}).get(QUOTAS.encode(), b"[]"))
    found = [Quota(namespace=tuple(space), notes=notes, size=size) for space, notes, size in kept]
    return sorted(found, key=lambda each: (len(each.namespace), each.namespace))


def _made_of(note: Note) -> str:
    """What the vectors of a note hang on, as a hash: so no words are kept beside the notes."""
    return hashlib.sha256(json.dumps([note.content, note.description]).encode()).hexdigest()


def _width(schema: pa.Schema) -> int:
    width: int = schema.field("vector").type.list_size
    return width


def _reader(schema: pa.Schema, batches: AsyncIterator[pa.RecordBatch]) -> pa.RecordBatchReader:
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


async def _index_stage(stage: AsyncTable) -> None:
    from lancedb.index import BTree

    await stage.optimize()
    await stage.create_index("made_of", config=BTree())


class _Room:
    """What quotas leave to the jobs of one commit, each taking its part before the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limits: list[Quota] | None = None
        self._room: dict[Namespace, Quota] = {}

    async def take(self, before: Mapping[str, Row], after: Mapping[str, Row]) -> None:
        """Take the part of one job.

        Raises:
            QuotaError: there is not that much.
        """
        if self._limits is None and after:
            self._limits = await self._store.quotas()
        notes = {note_id: row.note for note_id, row in after.items()}
        concerned = [x for x in self._limits or () if any(x.covers(y.namespace) for y in notes.values())]
        for each in concerned:
            if each.namespace not in self._room:
                self._room[each.namespace] = await self._store.measured(each)
        then = {note_id: row.note for note_id, row in before.items()}
        left = admitted([self._room[each.namespace] for each in concerned], then, notes)
        self._room |= {each.namespace: each for each in left}


async def _index(table: AsyncTable) -> None:
    """Make the indices that are not there: all of them for a new table, none as a rule for an old one."""
    from lancedb.index import FTS, BTree, IvfSq

    there = {column for index in await table.list_indices() for column in index.columns}
    if PRIMARY not in ((await table.schema()).field("id").metadata or {}):  # it can be set only once
        await table.set_unenforced_primary_key("id")
    wanted: dict[str, Any] = {
        "content": FTS(with_position=False),
        "surroundings": FTS(with_position=False),
        "namespace": BTree(),
        "id": BTree(),
    }
    if await table.count_rows() >= VECTOR_ROWS:
        wanted |= {column: IvfSq(distance_type="cosine") for column in _FLOATS}
    for column, config in wanted.items():
        if column not in there:
            await table.create_index(column, config=config)


def _as_rows(rows: pa.Table) -> dict[str, Row]:
    notes = [_to_note(row) for row in rows.select(_NOTE_COLUMNS).to_pylist()]
    if not notes:
        return {}
    contents, vectors = _matrix(rows["content_vector"]), _matrix(rows["vector"])
    before, after = rows["before"].to_pylist(), rows["after"].to_pylist()
    return {
        note.id: Row(note, contents[i], vectors[i], tuple(before[i]), after[i])
        for i, note in enumerate(notes)
    }


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
    _see_around(said)
    return after | said


def _with_vectors(
    changes: Sequence[Changes], before: Mapping[str, Row], vectors: Mapping[str, Vectors]
) -> dict[str, Row]:
    after: dict[str, Row] = {}
    missing: list[str] = []
    final = {note.id: note for change in changes for note in change.notes}
    for note in final.values():
        old = before.get(note.id)
        if old and (old.note.content, old.note.description) == (note.content, note.description):
            after[note.id] = replace(old, note=note)
            continue
        same_content = old is not None and old.note.content == note.content
        wanted = [note.description] if same_content else [note.content, note.description]
        lacking = [text for text in wanted if text not in vectors]
        missing += lacking
        if lacking:
            continue
        content = old.content_vector if old and same_content else vectors[note.content]
        vector = blend(content, vectors[note.description])
        after[note.id] = (
            replace(old, note=note, content_vector=content, vector=vector)
            if old
            else Row(note, content, vector)
        )
    if missing:
        raise VectorsMissing(tuple(dict.fromkeys(missing)))
    return after


def _see_around(rows: dict[str, Row]) -> None:
    """Let notes that follow each other be found by each other's words, and no longer where they don't."""
    for note_id in sorted(rows, key=lambda each: rows[each].note.position):
        row = rows[note_id]
        follows = [link for link in row.note.links if link.relation is Relation.FOLLOWS]
        earlier = [link.target for link in follows if link.source == note_id][-1:]
        later = [link.source for link in follows if link.target == note_id][-1:]
        before, after = (row.before if earlier else ()), (row.after if later else "")
        if earlier and earlier[0] in rows:
            previous = rows[earlier[0]]
            before = (*previous.before[-1:], previous.note.content[-WINDOW:])
        if later and later[0] in rows:
            after = rows[later[0]].note.content[:WINDOW]
        if (before, after) != (row.before, row.after):
            rows[note_id] = replace(row, before=before, after=after)


async def _worded(
    table: AsyncTable, where: Expr, text: str, column: str, limit: int, columns: Sequence[str]
) -> pa.Table:
    """The rows whose `column` matches the words of `text` best, with their BM25 as `_score`."""
    from lancedb.query import MatchQuery

    query = table.query().where(where).nearest_to_text(MatchQuery(text, column))  # type: ignore[call-arg]
    return await query.limit(limit).select([*columns, "_score"]).to_arrow()


def _scores(rows: pa.Table) -> dict[str, float]:
    return dict(zip(rows["id"].to_pylist(), rows["_score"].to_pylist(), strict=True))


def _hydrating(rows: pa.Table) -> Hydrate:
    """Making a note costs more than reading its row, so only those that are asked for are made."""
    import pyarrow as pa

    place = {note_id: i for i, note_id in enumerate(rows["id"].to_pylist())}

    def hydrate(ids: Iterable[str]) -> dict[str, Note]:
        taken = rows.take(pa.array([place[each] for each in ids if each in place], pa.int64()))
        return {row["id"]: _to_note(row) for row in taken.to_pylist()} if len(taken) else {}

    return hydrate


def _candidates(*found: pa.Table) -> Candidates:
    """Rows of several searches as one set, each note once."""
    import pyarrow as pa

    seen: set[str] = set()
    keep: list[pa.Table] = []
    for rows in found:
        ids = rows["id"].to_pylist()
        new = [i for i, note_id in enumerate(ids) if note_id not in seen]
        seen.update(ids)
        keep.append(rows.select(_SIGHT).take(pa.array(new, pa.int64())))
    rows = pa.concat_tables(keep)
    ids = rows["id"].to_pylist()
    return Candidates(
        ids=ids,
        threads=rows["thread"].to_pylist(),
        speakers=rows["who"].to_pylist(),
        occurred=rows["occurred_at"].cast(pa.int64()).to_numpy() / 1e6,
        invalid=rows["invalid_at"].cast(pa.int64()).to_numpy() / 1e6,
        lengths=rows["length"].to_numpy(),
        says_when=rows["says_when"].to_numpy().astype(bool),
        asks=rows["asks"].to_numpy().astype(bool),
        answers=rows["answers"].to_numpy().astype(bool),
        tags=rows["tags"].to_pylist(),
        linked=rows["linked"].to_pylist(),
        link_weights=rows["link_weights"].to_pylist(),
        vectors=_matrix(rows["vector"]) if ids else np.zeros((0, 1), np.float32),
    )
