"""Finding notes: in the resident view of their namespace, or by LanceDB's indices where it is too large."""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from zettelmem.language.terms import terms
from zettelmem.language.words import name_in
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.ranking.candidates import Candidates, Query

from .filters import where_of
from .read import Read
from .schema import CHANGED, LEXICAL, Row, matrix, namespace_column, width
from .view import VIEW_COLUMNS, View

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

REFINE = 2
"""How many times the notes asked for are looked at closely where a vector index is only nearly right."""
NOTE_BYTES = 1_500
"""About how many bytes of a view a note takes beside its vectors and its text."""
TEXT_COPIES = 4
"""About how many bytes of a view a byte of content takes: the words, their terms twice, their postings."""
FILL_ROWS = 4_096
"""Rows that are read at a time while a view is filled."""
SIGHT = [
    "id", "thread", "who", "occurred_at", "says_when", "asks", "answers", "length", "tags", "linked",
    "link_weights", "vector",
]  # fmt: skip
"""The columns that candidates are made of."""


@dataclass
class _People:
    """Who ever said something in a namespace that is too large for a view, up to a version of the table."""

    version: int = 0
    erasures: int = 0
    names: dict[str, None] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Search(Read):
    """A table in which notes are found.

    Args:
        budget: bytes that the views may take together; the least used view goes first.
    """

    budget: int = field(default=1 << 30, kw_only=True)
    _views: OrderedDict[Namespace, View] = field(init=False, default_factory=OrderedDict)
    _large: dict[Namespace, _People] = field(init=False, default_factory=dict)
    _filling: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _shown_erasures: int = field(init=False, default=0)

    # --- views -----------------------------------------------------------------------------------

    async def view(self, namespace: Namespace) -> View | None:
        """The namespace and all below it in memory, as of the newest version; None if it does not fit."""
        version = await self.version()
        if self.erasures != self._shown_erasures:  # what was erased must be found nowhere
            self._views.clear()
            self._large.clear()
            self._shown_erasures = self.erasures
        view = self._views.get(namespace)
        if view is None or view.version != version:
            view = await self._current(namespace)
        if view is not None:
            self._views.move_to_end(namespace)
        return view

    async def _current(self, namespace: Namespace) -> View | None:
        async with self._filling:
            version = await self.version()
            view = self._views.get(namespace)
            if view is not None and view.version != version:
                await self._catch_up(view, version)
            elif view is None and namespace not in self._large:
                view = await self._fill(namespace, version)
        self._make_room()
        return self._views.get(namespace)

    async def _catch_up(self, view: View, version: int) -> None:
        """Bring a view up to date by the rows that were written since, whoever wrote them."""
        from lancedb.expr import col, lit

        since = col(CHANGED) > lit(view.version)
        rows = await self.select(_inside(view.namespace) & since, VIEW_COLUMNS)
        if rows is not None:
            view.apply(rows)
        view.version = version

    async def _fill(self, namespace: Namespace, version: int) -> View | None:
        where = _inside(namespace)

        async def estimate(table: AsyncTable) -> tuple[int, int]:
            dimensions = width(await table.schema())
            sizes = (await table.query().where(where).select(["size"]).to_arrow())["size"].to_numpy()
            return len(sizes) * (8 * dimensions + NOTE_BYTES) + TEXT_COPIES * int(sizes.sum()), dimensions

        async def query(table: AsyncTable) -> View:
            view = View(namespace, dimensions)
            view.version = version
            batches = (
                await table.query().where(where).select(VIEW_COLUMNS).to_batches(max_batch_length=FILL_ROWS)
            )
            async for batch in batches:
                await asyncio.to_thread(view.apply, _as_table(batch))
            return view

        size, dimensions = await self.read(estimate, (0, 0))
        if not dimensions:
            return None
        if size > self.budget:
            self._large[namespace] = _People()
            return None
        view = await self.read(query, None)
        if view is not None:
            self._views[namespace] = view
        return view

    def _make_room(self) -> None:
        while self._views and sum(view.size for view in self._views.values()) > self.budget:
            namespace, _ = self._views.popitem(last=False)
            if not self._views:
                self._large[namespace] = _People()

    def take_in(self, rows: pa.Table, fresh: Mapping[str, Row], before: int, version: int) -> None:
        """Bring the views up to date with what this object wrote on version `before`, reading nothing."""
        columns = rows["namespace"].to_pylist()
        for view in self._views.values():
            if view.version != before:
                continue
            prefix = namespace_column(view.namespace)
            places = [place for place, column in enumerate(columns) if column.startswith(prefix)]
            if places:
                view.apply(rows.select(VIEW_COLUMNS).take(places), fresh)
            view.version = version
        self._make_room()

    def keep_up(self, before: int, version: int) -> None:
        """Tell the views that the versions from `before` to this one changed no note."""
        for view in self._views.values():
            if view.version == before:
                view.version = version

    # --- finding ---------------------------------------------------------------------------------

    async def rows(self, namespace: Namespace, ids: Iterable[str]) -> dict[str, Row]:
        """The rows of these notes of the namespace and below that exist, by id, forgotten ones too."""
        wanted = list(dict.fromkeys(ids))
        if not wanted:
            return {}
        view = await self.view(namespace)
        if view is not None:
            return view.rows(wanted)
        inside = Filter(namespace=namespace).covers
        stored = await self.stored_rows(wanted)
        return {note_id: row for note_id, row in stored.items() if inside(row.note.namespace)}

    async def notes(self, namespace: Namespace, ids: Iterable[str]) -> dict[str, Note]:
        """The notes of the namespace and below that are not forgotten, by id."""
        rows = await self.rows(namespace, ids)
        notes = (row.note for row in rows.values())
        return {note.id: note for note in notes if note.forgotten_at is None}

    async def last_of_thread(self, namespace: Namespace, thread: str) -> Note | None:
        """The last note of a thread of exactly this namespace."""
        view = await self.view(namespace)
        if view is not None:
            last = view.last_of_thread(namespace, thread)
        else:
            sight = Filter(namespace=namespace, exact=True, thread=thread)
            columns = await self.columns(sight, ["position", "id"])
            last = max(zip(columns["position"], columns["id"], strict=True), default=(0, None))[1]
        return None if last is None else (await self.rows(namespace, [last]))[last].note

    async def nearest(self, sight: Filter, vectors: Vectors, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the nearest notes and their cosine in [-1, 1], nearest first."""
        view = await self.view(sight.namespace)
        if view is not None:
            return view.nearest(sight, vectors, limit)
        where = where_of(sight)

        async def query(table: AsyncTable) -> list[list[tuple[str, float]]]:
            nearest = table.query().where(where).nearest_to(list(vectors)).column("content_vector")
            nearest = nearest.distance_type("cosine").refine_factor(REFINE).limit(limit)
            rows = await nearest.select(["id", "_distance"]).to_arrow()
            which = rows["query_index"].to_pylist() if len(vectors) > 1 else [0] * len(rows)
            found: list[list[tuple[str, float]]] = [[] for _ in vectors]
            pairs = zip(which, rows["id"].to_pylist(), rows["_distance"].to_pylist(), strict=True)
            for place, note_id, distance in pairs:
                found[place].append((note_id, 1.0 - distance))
            return [sorted(each, key=lambda pair: (-pair[1], pair[0])) for each in found]

        return await self.read(query, [[] for _ in vectors]) if len(vectors) else []

    async def worded(
        self, sight: Filter, texts: Sequence[str], vectors: Vectors, limit: int
    ) -> list[list[tuple[str, float]]]:
        """For each text the ids of the notes whose words or tags match it best, worst last, and their cosine.

        Args:
            sight: which notes may be found.
            texts: what is looked up; nothing is found by "".
            vectors: for each text the unit vector that cosines are taken to, float32.
            limit: at most so many for each.
        """
        queries = [terms(text) for text in texts]
        view = await self.view(sight.namespace)
        if view is not None:
            found = view.worded(sight, queries, limit)
            cosines = [view.cosines(ids, vector) for ids, vector in zip(found, vectors, strict=True)]
            return [list(zip(ids, each, strict=True)) for ids, each in zip(found, cosines, strict=True)]
        where = where_of(sight)

        async def one(table: AsyncTable, place: int) -> list[tuple[str, float]]:
            if not queries[place]:
                return []
            columns = ["id", "content_vector"]
            rows = await _worded(table, where, queries[place], "around_terms", limit, columns)
            near = matrix(rows["content_vector"]) @ vectors[place] if len(rows) else []
            return [
                (note_id, float(cosine)) for note_id, cosine in zip(rows["id"].to_pylist(), near, strict=True)
            ]

        async def query(table: AsyncTable) -> list[list[tuple[str, float]]]:
            return [await one(table, place) for place in range(len(queries))]

        return await self.read(query, [[] for _ in texts])

    async def candidates(
        self, sight: Filter, query: Query, depth: int, whole: int
    ) -> tuple[Candidates | None, bool]:
        """The notes in sight that may answer, and whether they are all there are; None without a table.

        Args:
            sight: which notes may be found.
            query: what is asked.
            depth: how many each search brings: by words of the content, by words around it, by meaning.
            whole: notes in sight up to which a view makes all of them candidates.
        """
        view = await self.view(sight.namespace)
        if view is not None:
            return view.search(sight, query, depth, whole)
        where = where_of(sight)

        async def search(table: AsyncTable) -> list[pa.Table]:
            meaning = table.query().where(where).nearest_to(query.vector).column("vector")
            meaning = meaning.distance_type("cosine").refine_factor(REFINE).limit(depth)
            by_words = [_worded(table, where, query.terms, column, depth, SIGHT) for column in LEXICAL]
            return list(await asyncio.gather(*by_words, meaning.select([*SIGHT, "_distance"]).to_arrow()))

        tables = await self.read(search, None)
        return (None, True) if tables is None else (_candidates(tables, await self.people(sight)), False)

    async def look(self, ids: Iterable[str], sight: Filter, query: Query) -> Candidates | None:
        """The notes of these ids that are in sight, as candidates."""
        from lancedb.expr import col, lit

        view = await self.view(sight.namespace)
        if view is not None:
            return view.look(ids, sight, query)
        these = col("id").isin([lit(each) for each in ids])
        rows = await self.select(where_of(sight) & these, SIGHT)
        return None if rows is None else _candidates([rows], await self.people(sight))

    async def people(self, sight: Filter) -> list[str]:
        """Everybody who said something in the namespace and below it."""
        from lancedb.expr import col, lit

        view = await self.view(sight.namespace)
        if view is not None:
            return view.people()
        people = self._large.setdefault(sight.namespace, _People())
        version = await self.version()
        if people.version != version:
            since = col(CHANGED) > lit(people.version)
            rows = await self.select(_inside(sight.namespace) & since, ["who"])
            for name in rows["who"].unique().to_pylist() if rows is not None else ():
                if name:
                    people.names[name] = None
            people.version = version
        return list(people.names)

    async def in_sight(self, sight: Filter) -> tuple[list[str], int]:
        """The ids of all notes in sight, and about how many tokens their contents have together."""
        view = await self.view(sight.namespace)
        if view is not None:
            return view.ids_seen(sight), view.tokens(sight)
        columns = await self.columns(sight, ["id", "size"])
        return columns["id"], sum(-(-size // 4) for size in columns["size"])


def _inside(namespace: Namespace) -> Expr:
    return where_of(Filter(namespace=namespace), forgotten=True)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches([batch])


async def _worded(
    table: AsyncTable, where: Expr, query: Sequence[str], column: str, limit: int, columns: Sequence[str]
) -> pa.Table:
    """The rows whose `column` matches the terms best, with their BM25 as `_score`."""
    from lancedb.query import MatchQuery

    match = MatchQuery(" ".join(query), column)  # type: ignore[call-arg]
    matching = table.query().where(where).nearest_to_text(match)
    return await matching.limit(limit).select([*columns, "_score"]).to_arrow()


def _candidates(found: Sequence[pa.Table], people: list[str]) -> Candidates:
    """Rows of several searches as one set, each note once."""
    import pyarrow as pa

    kept: dict[str, None] = {}
    parts: list[pa.Table] = []
    for rows in found:
        new = [place for place, note_id in enumerate(rows["id"].to_pylist()) if note_id not in kept]
        part = rows.select(SIGHT).take(pa.array(new, pa.int64()))
        kept |= dict.fromkeys(part["id"].to_pylist())
        parts.append(part)
    rows = pa.concat_tables(parts)
    ids = rows["id"].to_pylist()
    codes = {name: place for place, name in enumerate(people)}
    speakers = [codes.setdefault(name, len(codes)) if name else -1 for name in rows["who"].to_pylist()]
    threads = [zlib.crc32(name.encode()) >> 1 if name else -1 for name in rows["thread"].to_pylist()]
    scores = [_scores(each) for each in found[:2]] if len(found) > 1 else [{}, {}]
    return Candidates(
        ids=ids,
        threads=np.array(threads, np.int32),
        speakers=np.array(speakers, np.int32),
        people=list(codes),
        occurred=rows["occurred_at"].cast(pa.int64()).to_numpy() / 1e6,
        lengths=rows["length"].to_numpy(),
        says_when=rows["says_when"].to_numpy().astype(bool),
        asks=rows["asks"].to_numpy().astype(bool),
        answers=rows["answers"].to_numpy().astype(bool),
        names=[tuple(filter(None, map(name_in, tags))) for tags in rows["tags"].to_pylist()],
        linked=[tuple(each) for each in rows["linked"].to_pylist()],
        link_weights=[tuple(each) for each in rows["link_weights"].to_pylist()],
        vectors=matrix(rows["vector"]) if ids else np.zeros((0, 1), np.float32),
        content=np.array([scores[0].get(each, 0.0) for each in ids], np.float64),
        around=np.array([scores[1].get(each, 0.0) for each in ids], np.float64),
    )


def _scores(rows: pa.Table) -> dict[str, Any]:
    return dict(zip(rows["id"].to_pylist(), rows["_score"].to_pylist(), strict=True))
