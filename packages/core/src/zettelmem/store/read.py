"""Reading the table: notes by id and by filter, some columns, all of it in batches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from zettelmem.errors import StoreError
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.queries import Filter
from zettelmem.receipts import Quota

from .filters import where_of
from .metadata import quotas_in
from .schema import FLOATS, NOTE_COLUMNS, WHOLE, Row, as_rows, namespace_of, to_note
from .table import Table, as_store_error, cleaned_away

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

BATCH_ROWS = 500
"""Rows held in memory at a time while the whole table is read."""


@dataclass(eq=False, repr=False)
class Read(Table):
    """A table that can be read."""

    async def select(self, where: Expr, columns: Sequence[str], most: int | None = None) -> pa.Table | None:
        """Some columns of the rows that fit, or of `most` of them; None where nothing was remembered yet."""

        async def query(table: AsyncTable) -> pa.Table | None:
            rows = table.query().where(where).select(list(columns))
            return await (rows if most is None else rows.limit(most)).to_arrow()

        return await self.read(query, None)

    async def get(self, ids: Iterable[str], *, forgotten: bool = False) -> dict[str, Note]:
        """The notes of these ids that exist, by id, whatever their namespace: the caller checks that."""
        rows = await self._by_id(ids, NOTE_COLUMNS)
        notes = [to_note(row) for row in rows.to_pylist()] if rows is not None else []
        return {note.id: note for note in notes if forgotten or note.forgotten_at is None}

    async def stored_rows(self, ids: Iterable[str]) -> dict[str, Row]:
        """The whole rows of these ids that exist, by id, forgotten ones too."""
        rows = await self._by_id(ids, WHOLE)
        return {} if rows is None else as_rows(rows)

    async def _by_id(self, ids: Iterable[str], columns: Sequence[str]) -> pa.Table | None:
        from lancedb.expr import col, lit

        wanted = [lit(each) for each in dict.fromkeys(ids) if each.isascii()]  # as the ids of notes are
        return await self.select(col("id").isin(wanted), columns) if wanted else None

    async def order(
        self, sight: Filter, by: Literal["recorded_at", "occurred_at"] = "recorded_at"
    ) -> list[tuple[datetime, int, str]]:
        """When each note was recorded or happened, its place in its thread, and its id: in that order."""
        columns = await self.columns(sight, [by, "position", "id"])
        return sorted(zip(columns[by], columns["position"], columns["id"], strict=True))

    async def all_notes(self, sight: Filter, *, forgotten: bool = False) -> list[Note]:
        """All notes in sight as one version of the table has them, in no particular order."""
        rows = await self.select(where_of(sight, forgotten=forgotten), NOTE_COLUMNS)
        return [] if rows is None else [to_note(row) for row in rows.to_pylist()]

    async def columns(self, sight: Filter, names: Sequence[str]) -> dict[str, list[Any]]:
        """Some columns of all notes in sight, in no particular order."""
        rows = await self.select(where_of(sight), names)
        return {name: [] if rows is None else rows[name].to_pylist() for name in names}

    async def namespaces(self, sight: Filter) -> list[Namespace]:
        """The namespaces that hold a note in sight, sorted."""
        columns = (await self.columns(sight, ["namespace"]))["namespace"]
        return sorted(namespace_of(column) for column in set(columns))

    async def everything(self) -> AsyncIterator[list[dict[str, Any]]]:
        """Every row of the table with every column but the vectors, forgotten notes too, in batches."""
        table = await self.table()
        if table is None:
            return
        names = [name for name in (await table.schema()).names if name not in FLOATS]
        async for batch in self.batches(table, names):
            yield batch.to_pylist()

    async def batches(self, table: AsyncTable, names: list[str]) -> AsyncIterator[pa.RecordBatch]:
        """Every row once, also for a slow caller whose version is cleaned away while it reads.

        Then the reading goes on with what is left of the newest version; rows written meanwhile may be
        among it.
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

        await self.version()
        return [] if self.schema is None else quotas_in(self.schema)

    async def measured(self, quota: Quota) -> Quota:
        """The quota with what its namespace holds now, forgotten notes included."""
        import pyarrow.compute as pc
        from lancedb.expr import col, func

        where = where_of(Filter(namespace=quota.namespace), forgotten=True)
        texts = ("content", "context", "data")
        weighed: Any = {name: func("octet_length", col(name)) for name in texts}

        async def query(table: AsyncTable) -> pa.Table:
            return await table.query().where(where).select(weighed).to_arrow()

        rows = await self.read(query, None)
        if rows is None:
            return quota
        size = sum(pc.sum(rows[name]).as_py() or 0 for name in texts)
        return quota.model_copy(update={"notes_used": len(rows), "size_used": size})
