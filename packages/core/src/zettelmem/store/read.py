"""Reading the table: notes by id, by filter, by meaning, by words; all of them in batches."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from zettelmem.errors import StoreError
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.ranking import Candidates, Matched
from zettelmem.receipts import Quota

from .filters import where_of
from .schema import FLOATS, NOTE_COLUMNS, WHOLE, Row, as_rows, matrix, namespace_of, quotas_in, to_note
from .table import Table, as_store_error, cleaned_away, of_one_model, whole

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

REFINE = 2
"""How many times the notes asked for are looked at closely where a vector index is only nearly right."""
KEPT = 128
"""Rows kept in memory as they were read, for the commit that mostly comes next."""
FEW_ROWS = 64
"""Rows a batch where reading may stop early."""
BATCH_ROWS = 500
"""Rows held in memory at a time while the whole table is read."""
MOST = 100_000
"""Rows that a search by words may bring where all are wanted."""
SIGHT = [
    "id", "thread", "who", "occurred_at", "invalid_at", "says_when", "asks", "answers", "length", "tags",
    "linked", "link_weights", "vector",
]  # fmt: skip
Hydrate = Callable[[Iterable[str]], dict[str, Note]]
"""Makes whole notes of the ids that are among some rows; most rows are never asked for."""


@dataclass(eq=False, repr=False)
class Reading(Table):
    """A table that can be read."""

    _kept: dict[str, Row | None] = field(init=False, default_factory=dict)
    _kept_at: int = field(init=False, default=0)

    async def get(self, ids: Iterable[str], *, forgotten: bool = False) -> dict[str, Note]:
        """The notes of these ids that exist, by id, whatever their namespace: the caller checks that."""
        rows = await self._rows(ids, NOTE_COLUMNS)
        notes = (to_note(row) for row in rows.to_pylist()) if rows is not None else ()
        return {note.id: note for note in notes if forgotten or note.forgotten_at is None}

    async def get_to_change(self, ids: Iterable[str], *, forgotten: bool = False) -> dict[str, Note]:
        """As `get`, for a commit that follows: it need not read them again if nobody wrote meanwhile."""
        notes = {note_id: row.note for note_id, row in (await self.read_rows(ids)).items()}
        return {note_id: note for note_id, note in notes.items() if forgotten or note.forgotten_at is None}

    async def read_rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """Whole rows, read once as long as nobody writes: a commit is mostly about what was just read."""
        wanted = list(dict.fromkeys(ids))
        version = await self.version() if wanted else 0
        if version != self._kept_at:
            self._kept, self._kept_at = {}, version
        found = {each: self._kept[each] for each in wanted if each in self._kept}
        absent = [each for each in wanted if each not in found]
        rows = await self._rows(absent, WHOLE)
        if rows is not None:
            new = {**dict.fromkeys(absent), **as_rows(rows)}
            found |= new
            if await self.version() == version == self._kept_at and len(new) <= KEPT:
                self._kept |= new
                for each in list(self._kept)[:-KEPT]:
                    del self._kept[each]
        return {note_id: row for note_id, row in found.items() if row is not None}

    @of_one_model
    async def content_vectors(self, ids: Iterable[str]) -> dict[str, Vectors]:
        """The unit vectors of the contents of these notes that exist, by id, float32."""
        rows = await self._rows(ids, ["id", "content_vector"])
        if rows is None:
            return {}
        return dict(zip(rows["id"].to_pylist(), matrix(rows["content_vector"]), strict=True))

    @whole
    async def _rows(self, ids: Iterable[str], columns: list[str]) -> pa.Table | None:
        from lancedb.expr import col, lit

        wanted = list(dict.fromkeys(ids))
        table = await self.table() if wanted else None
        if table is None:
            return None
        with as_store_error(f"reading {self.uri}"):
            query = table.query().where(col("id").isin([lit(each) for each in wanted]))
            return await query.select(columns).to_arrow()

    @whole
    async def _select(self, sight: Filter, columns: list[str]) -> pa.Table | None:
        table = await self.table()
        if table is None:
            return None
        with as_store_error(f"reading {self.uri}"):
            return await table.query().where(where_of(sight)).select(columns).to_arrow()

    async def order(
        self, sight: Filter, by: Literal["recorded_at", "occurred_at"] = "recorded_at"
    ) -> list[tuple[datetime, int, str]]:
        """When each note was recorded or happened, its place in its thread, and its id: in that order."""
        found = await self.columns(sight, [by, "position", "id"])
        return sorted(zip(found[by], found["position"], found["id"], strict=True))

    async def all_notes(self, sight: Filter) -> list[Note]:
        """All notes in sight as one version of the table has them, in no particular order."""
        rows = await self._select(sight, NOTE_COLUMNS)
        return [] if rows is None else [to_note(row) for row in rows.to_pylist()]

    async def columns(self, sight: Filter, names: Sequence[str]) -> dict[str, list[Any]]:
        """Some columns of all notes in sight, in no particular order."""
        rows = await self._select(sight, list(names))
        return {name: [] if rows is None else rows[name].to_pylist() for name in names}

    async def namespaces(self, sight: Filter) -> list[Namespace]:
        """The namespaces that hold a note in sight, sorted."""
        columns = (await self.columns(sight, ["namespace"]))["namespace"]
        return sorted(namespace_of(column) for column in set(columns))

    async def last_of_thread(self, namespace: Namespace, thread: str) -> tuple[str, int] | None:
        """The id and the position of the last note of a thread."""
        sight = Filter(namespace=namespace, exact=True, thread=thread)
        found = await self.columns(sight, ["id", "position"])
        return max(
            zip(found["id"], found["position"], strict=True),
            key=lambda x: (x[1], x[0]),
            default=None,
        )

    @whole
    @of_one_model
    async def nearest(self, sight: Filter, vectors: Vectors, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the nearest notes and their cosine in [-1, 1], nearest first."""
        found: list[list[tuple[str, float]]] = [[] for _ in vectors]
        table = await self.table()
        if table is None or not len(vectors):
            return found
        with as_store_error(f"searching {self.uri}"):
            rows = await (
                table.query()
                .where(where_of(sight))
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

    @whole
    @of_one_model
    async def worded(
        self, sight: Filter, texts: Sequence[str], limit: int
    ) -> list[list[tuple[str, Vectors]]]:
        """For each text the ids and content vectors of the notes whose words or tags match it best."""
        table = await self.table()
        if table is None:
            return [[] for _ in texts]
        where = where_of(sight)

        async def one(text: str) -> list[tuple[str, Vectors]]:
            if not text:
                return []
            rows = await _worded(table, where, text, "surroundings", limit, ["id", "content_vector"])
            return list(zip(rows["id"].to_pylist(), matrix(rows["content_vector"]), strict=True))

        with as_store_error(f"searching {self.uri}"):
            return await asyncio.gather(*(one(text) for text in texts))

    @whole
    @of_one_model
    async def search(
        self, sight: Filter, text: str, vector: Vectors, limit: int
    ) -> tuple[Candidates, Matched]:
        """The `limit` best by the words of the content, by those around it, and by meaning: all of them."""
        table = await self.table()
        if table is None:
            return Candidates.none(), Matched()
        where = where_of(sight)
        meaning = table.query().where(where).nearest_to(vector).column("vector").distance_type("cosine")
        meaning = meaning.refine_factor(REFINE)
        with as_store_error(f"searching {self.uri}"):
            content, around, near = await asyncio.gather(
                _worded(table, where, text, "content", limit, SIGHT),
                _worded(table, where, text, "surroundings", limit, SIGHT),
                meaning.limit(limit).select(SIGHT).to_arrow(),
            )
        return _candidates(content, around, near), Matched(_scores(content), _scores(around))

    @whole
    @of_one_model
    async def survey(self, sight: Filter) -> Candidates:
        """Every note in sight."""
        rows = await self._select(sight, SIGHT)
        return Candidates.none() if rows is None else _candidates(rows)

    @whole
    async def match(self, sight: Filter, text: str) -> Matched:
        """How well the words of every note of the namespace match, and those around it.

        The rest of the filter is left to what is known of the notes: here it would cost a third more.
        """
        table = await self.table()
        if table is None:
            return Matched()
        where = where_of(Filter(namespace=sight.namespace, exact=sight.exact), forgotten=True)
        with as_store_error(f"searching {self.uri}"):
            content, around = await asyncio.gather(
                _worded(table, where, text, "content", MOST, ["id"]),
                _worded(table, where, text, "surroundings", MOST, ["id"]),
            )
        return Matched(_scores(content), _scores(around))

    @whole
    @of_one_model
    async def look(self, ids: Iterable[str], sight: Filter) -> tuple[Candidates, Hydrate]:
        """The notes of these ids that are in sight, as candidates that nothing has matched yet.

        And a function that makes whole notes of those asked for, as far as they are among them:
        making a note costs more than reading its row, and most of these are never hits.
        """
        from lancedb.expr import col, lit

        wanted = list(dict.fromkeys(ids))
        table = await self.table() if wanted else None
        if table is None:
            return Candidates.none(), lambda _: {}
        with as_store_error(f"reading {self.uri}"):
            where = where_of(sight) & col("id").isin([lit(each) for each in wanted])
            columns = list(dict.fromkeys([*NOTE_COLUMNS, *SIGHT]))
            rows = await table.query().where(where).select(columns).to_arrow()
        return _candidates(rows), _hydrating(rows.select(NOTE_COLUMNS))

    @whole
    async def hydrate(self, sight: Filter, room: int) -> Hydrate | None:
        """All notes in sight in memory, as what makes whole notes of some; None if they take more bytes."""
        import pyarrow as pa

        table = await self.table()
        if table is None:
            return None
        kept, taken = [], 0
        with as_store_error(f"reading {self.uri}"):
            query = table.query().where(where_of(sight)).select(NOTE_COLUMNS)
            async for batch in await query.to_batches(max_batch_length=FEW_ROWS):
                taken += batch.nbytes
                if taken > room:
                    return None
                kept.append(batch)
        return _hydrating(pa.Table.from_batches(kept)) if kept else None

    async def everything(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Every row of the table with every column but the vectors, forgotten notes too, in batches."""
        table = await self.table()
        if table is None:
            return
        names = [name for name in (await table.schema()).names if name not in FLOATS]
        async for batch in self.batches(table, names):
            yield batch.to_pylist()

    async def batches(self, table: AsyncTable, names: list[str]) -> AsyncIterator[pa.RecordBatch]:
        """Every row once, also for a caller that is so slow that the version goes which it began with.

        Then it goes on with what is left of the newest: what was written meanwhile may be among it.
        """
        import pyarrow as pa

        seen: set[str] = set()
        while True:
            before = frozenset(seen)  # an id that occurs twice is shown twice
            try:
                with as_store_error(f"reading {self.uri}"):
                    batches = await table.query().select(names).to_batches(max_batch_length=BATCH_ROWS)
                    async for batch in batches:
                        ids = batch["id"].to_pylist()
                        yield batch.filter(pa.array([each not in before for each in ids], pa.bool_()))
                        seen.update(ids)
            except StoreError as error:
                if not cleaned_away(error):
                    raise
            else:
                return

    async def every_note(self) -> AsyncIterator[list[Note]]:
        """Every note there is, forgotten ones too, in batches."""
        async for rows in self.everything():
            yield [to_note(row) for row in rows]

    async def quotas(self) -> list[Quota]:
        """The limits of the store, outermost first, without what is used of them."""
        table = await self.table()
        with as_store_error(f"reading {self.uri}"):
            return [] if table is None else quotas_in(await table.schema())

    @whole
    async def measured(self, quota: Quota) -> Quota:
        """The quota with what its namespace holds now, forgotten notes included."""
        import pyarrow.compute as pc
        from lancedb.expr import col, func

        table = await self.table()
        if table is None:
            return quota
        weighed: Any = {name: func("octet_length", col(name)) for name in ("content", "context", "data")}
        with as_store_error(f"reading {self.uri}"):
            where = where_of(Filter(namespace=quota.namespace), forgotten=True)
            rows = await table.query().where(where).select(weighed).to_arrow()
        size = sum(pc.sum(rows[name]).as_py() or 0 for name in weighed)
        return quota.model_copy(update={"notes_used": len(rows), "size_used": size})


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
        return {row["id"]: to_note(row) for row in taken.to_pylist()} if len(taken) else {}

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
        keep.append(rows.select(SIGHT).take(pa.array(new, pa.int64())))
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
        vectors=matrix(rows["vector"]) if ids else np.zeros((0, 1), np.float32),
    )
