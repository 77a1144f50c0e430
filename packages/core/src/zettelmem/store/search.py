"""Finding notes: in the resident view of their namespace, or by LanceDB's indices where it is too large."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from zettelmem.language.terms import terms
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.ranking.candidates import Candidates, Query
from zettelmem.ranking.names import Names

from .filters import where_of
from .schema import LEXICAL, Row, matrix
from .view import View
from .views import Views

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

REFINE = 2
"""How many times the notes asked for are looked at closely where a vector index is only nearly right."""
SIGHT = [
    "id", "thread", "who", "occurred_at", "says_when", "asks", "answers", "length", "tags", "linked",
    "link_weights", "newer", "resting", "idle", "vector",
]  # fmt: skip
"""The columns that candidates are made of."""


@dataclass(frozen=True)
class Search:
    """What finds the notes of one namespace and below it, as they are now.

    Args:
        views: the table.
        namespace: whose notes.
        view: the namespace in memory; None where it does not fit, or where nothing was remembered yet.
    """

    views: Views
    namespace: Namespace
    view: View | None

    async def rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """The rows of these notes that exist, by id, forgotten ones too."""
        wanted = list(dict.fromkeys(ids))
        if self.view is not None:
            return self.view.rows(wanted)
        return await self.views.rows(self.namespace, wanted)

    async def last_of_thread(self, thread: str) -> Note | None:
        """The last note of a thread of exactly this namespace."""
        if self.view is not None:
            last = self.view.last_of_thread(self.namespace, thread)
        else:
            sight = Filter(namespace=self.namespace, exact=True, thread=thread)
            columns = await self.views.columns(sight, ["position", "id"])
            last = max(zip(columns["position"], columns["id"], strict=True), default=(0, None))[1]
        return None if last is None else (await self.rows([last]))[last].note

    async def nearest(self, sight: Filter, vectors: Vectors, limit: int) -> list[list[tuple[str, float]]]:
        """For each vector the ids of the nearest notes and their cosine in [-1, 1], nearest first."""
        if self.view is not None:
            return self.view.nearest(sight, vectors, limit)
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

        return await self.views.read(query, [[] for _ in vectors]) if len(vectors) else []

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
        if self.view is not None:
            found = self.view.worded(sight, queries, limit)
            cosines = [self.view.cosines(ids, vector) for ids, vector in zip(found, vectors, strict=True)]
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

        return await self.views.read(query, [[] for _ in texts])

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
        if self.view is not None:
            return self.view.search(sight, query, depth, whole)
        where = where_of(sight)

        async def search(table: AsyncTable) -> list[pa.Table]:
            meaning = table.query().where(where).nearest_to(query.vector).column("vector")
            meaning = meaning.distance_type("cosine").refine_factor(REFINE).limit(depth)
            by_words = [_worded(table, where, query.terms, column, depth, SIGHT) for column in LEXICAL]
            return list(await asyncio.gather(*by_words, meaning.select([*SIGHT, "_distance"]).to_arrow()))

        tables = await self.views.read(search, None)
        if tables is None:
            return None, True
        return replace(_candidates(tables, await self.people()), best_of=whole + 1), False

    async def look(self, ids: Iterable[str], sight: Filter, query: Query) -> Candidates | None:
        """The notes of these ids that are in sight, as candidates."""
        from lancedb.expr import col, lit

        if self.view is not None:
            return self.view.look(ids, sight, query)
        these = col("id").isin([lit(each) for each in ids])
        rows = await self.views.select(where_of(sight) & these, SIGHT)
        return None if rows is None else _candidates([rows], await self.people())

    async def people(self) -> list[str]:
        """Everybody who said something in the namespace and below it."""
        if self.view is not None:
            return self.view.people()
        return await self.views.people(self.namespace)

    async def in_sight(self, sight: Filter) -> tuple[list[str], int]:
        """The ids of all notes in sight, and about how many tokens their contents have together."""
        if self.view is not None:
            return self.view.ids_seen(sight), self.view.tokens(sight)
        columns = await self.views.columns(sight, ["id", "size"])
        return columns["id"], sum(-(-size // 4) for size in columns["size"])


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
    names = Names()
    for note_id, tags in zip(ids, rows["tags"].to_pylist(), strict=True):
        names.add(note_id, tags)
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
        linked=[tuple(each) for each in rows["linked"].to_pylist()],
        link_weights=[tuple(each) for each in rows["link_weights"].to_pylist()],
        newer=[tuple(each) for each in rows["newer"].to_pylist()],
        resting=rows["resting"].to_numpy().astype(bool),
        idle=rows["idle"].to_numpy().astype(bool),
        vectors=matrix(rows["vector"]) if ids else np.zeros((0, 1), np.float32),
        names=names,
        content=np.array([scores[0].get(each, 0.0) for each in ids], np.float64),
        around=np.array([scores[1].get(each, 0.0) for each in ids], np.float64),
    )


def _scores(rows: pa.Table) -> dict[str, Any]:
    return dict(zip(rows["id"].to_pylist(), rows["_score"].to_pylist(), strict=True))
