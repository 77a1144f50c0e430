"""The namespaces that are kept in memory: filled, brought up to date, and let go where memory is short."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.queries import Filter

from .filters import where_of
from .metadata import width
from .read import Read
from .schema import CHANGED, Row, namespace_column
from .view import VIEW_COLUMNS, View

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.expr import Expr
    from lancedb.table import AsyncTable

NOTE_BYTES = 1_500
"""About how many bytes of a view a note takes beside its vectors and its text."""
TEXT_COPIES = 4
"""About how many bytes of a view a byte of content takes: the words, their terms twice, their postings."""
SHARED_ROWS = 512
"""Rows that others wrote, up to which one read brings every view up to date."""
FILL_ROWS = 4_096
"""Rows that are read at a time while a view is filled."""


@dataclass
class _People:
    """Who ever said something in a namespace that is too large for a view, up to a version of the table."""

    version: int = 0
    names: dict[str, None] = field(default_factory=dict)


@dataclass(eq=False, repr=False)
class Views(Read):
    """A table whose namespaces are kept in memory as far as they fit.

    Args:
        budget: bytes that the views may take together; the least used view goes first.
    """

    budget: int = field(default=1 << 30, kw_only=True)
    _views: OrderedDict[Namespace, View] = field(init=False, default_factory=OrderedDict)
    _large: dict[Namespace, _People] = field(init=False, default_factory=dict)
    _filling: asyncio.Lock = field(init=False, default_factory=asyncio.Lock)
    _shown_erasures: int = field(init=False, default=0)
    _held: int = field(init=False, default=0)

    # --- views -----------------------------------------------------------------------------------

    async def view(self, namespace: Namespace) -> View | None:
        """The namespace and all below it in memory, as of the newest version; None if it does not fit."""
        version = await self.version()
        if self.erasures != self._shown_erasures:  # what was erased must be found nowhere
            self._views.clear()
            self._large.clear()
            self._held = 0
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
        """Bring a view up to date by the rows that were written since, whoever wrote them.

        Where these are few, one read of them brings all views up to date that are as old.
        """
        from lancedb.expr import col, lit

        before = view.version
        since = col(CHANGED) > lit(before)
        rows = await self.select(since, VIEW_COLUMNS, SHARED_ROWS + 1)
        if rows is not None and len(rows) > SHARED_ROWS:
            rows = await self.select(_inside(view.namespace) & since, VIEW_COLUMNS)
            if rows is not None:
                self._apply(view, rows)
            view.version = version
            return
        namespaces = [] if rows is None else rows["namespace"].to_pylist()
        for each in self._views.values():
            if each.version == before:
                if rows is not None:
                    self._apply_part(each, rows, namespaces)
                each.version = version

    def _apply_part(
        self,
        view: View,
        rows: pa.Table,
        namespaces: Sequence[str],
        columns: Mapping[str, list[Any]] | None = None,
        fresh: Mapping[str, Row] | None = None,
    ) -> None:
        """Apply those of the rows that are in the namespace of a view."""
        prefix = namespace_column(view.namespace)
        places = [place for place, each in enumerate(namespaces) if each.startswith(prefix)]
        if len(places) == len(rows):
            self._apply(view, rows, columns, fresh)
        elif places:
            self._apply(view, rows.take(places), None, fresh)

    def _apply(
        self,
        view: View,
        rows: pa.Table,
        columns: Mapping[str, list[Any]] | None = None,
        fresh: Mapping[str, Row] | None = None,
    ) -> None:
        before = view.size
        view.apply(rows, columns, fresh)
        self._held += view.size - before

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
            self._held += view.size
        return view

    def _make_room(self) -> None:
        while self._views and self._held > self.budget:
            namespace, view = self._views.popitem(last=False)
            self._held -= view.size
            if not self._views:
                self._large[namespace] = _People()

    def take_in(
        self,
        rows: pa.Table,
        columns: Mapping[str, list[Any]],
        fresh: Mapping[str, Row],
        before: int,
        version: int,
    ) -> None:
        """Bring the views up to date with what this object wrote on version `before`, reading nothing."""
        for view in self._views.values():
            if view.version == before:
                self._apply_part(view, rows, columns["namespace"], columns, fresh)
                view.version = version
        self._make_room()

    def keep_up(self, before: int, version: int) -> None:
        """Tell the views that the versions from `before` to this one changed no note."""
        for view in self._views.values():
            if view.version == before:
                view.version = version

    # --- reading ---------------------------------------------------------------------------------

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

    async def people(self, namespace: Namespace) -> list[str]:
        """Everybody who said something in a namespace that is not in memory, and below it."""
        from lancedb.expr import col, lit

        people = self._large.setdefault(namespace, _People())
        version = await self.version()
        if people.version != version:
            since = col(CHANGED) > lit(people.version)
            rows = await self.select(_inside(namespace) & since, ["who"])
            for name in rows["who"].unique().to_pylist() if rows is not None else ():
                if name:
                    people.names[name] = None
            people.version = version
        return list(people.names)


def _inside(namespace: Namespace) -> Expr:
    return where_of(Filter(namespace=namespace), forgotten=True)


def _as_table(batch: pa.RecordBatch) -> pa.Table:
    import pyarrow as pa

    return pa.Table.from_batches([batch])
