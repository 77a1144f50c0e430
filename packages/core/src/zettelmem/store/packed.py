"""The rows of a view, packed: what a note is made of, in as few bytes as may be."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from .schema import NOTE_COLUMNS

if TYPE_CHECKING:
    import pyarrow as pa

PACKED = [*NOTE_COLUMNS, "before", "after"]
"""The columns that are kept."""
_Row = bytes | tuple["pa.RecordBatch", int]
"""A pickled row, or the place of one among rows that were read together."""


class Packed:
    """Rows by slot. Those that were written are pickled one by one; those that were read stay together.

    Attributes:
        size: about how many bytes all of them take.
    """

    def __init__(self) -> None:
        self.size = 0
        self._rows: list[_Row] = []

    def put(self, slots: Sequence[int], columns: Mapping[str, list[Any]]) -> None:
        """Put rows into these slots, old ones or the next ones, each on its own."""
        for slot, *cells in zip(slots, *(columns[name] for name in PACKED), strict=True):
            self._set(slot, pickle.dumps(cells, pickle.HIGHEST_PROTOCOL))
            self.size += _size(self._rows[slot])

    def put_together(self, slots: Sequence[int], rows: pa.Table) -> None:
        """The same for many rows of the table, in as few pieces as they were read in."""
        import pyarrow as pa

        batch = pa.RecordBatch.from_arrays([rows[name].combine_chunks() for name in PACKED], PACKED)
        for place, slot in enumerate(slots):
            self._set(slot, (batch, place))
        self.size += batch.nbytes

    def _set(self, slot: int, row: _Row) -> None:
        if slot == len(self._rows):
            self._rows.append(row)
        else:
            self.size -= _size(self._rows[slot])
            self._rows[slot] = row

    def rows(self, slots: Sequence[int]) -> list[dict[str, Any]]:
        """What stands in each of the columns, for each slot."""
        cells: dict[int, Sequence[Any]] = {}
        together: dict[int, tuple[pa.RecordBatch, dict[int, int]]] = {}
        for slot in slots:
            row = self._rows[slot]
            if isinstance(row, bytes):
                cells[slot] = pickle.loads(row)
            else:
                together.setdefault(id(row[0]), (row[0], {}))[1][slot] = row[1]
        for batch, places in together.values():  # to take them one by one costs three times as much
            taken = batch.take([*places.values()])
            columns = [column.to_pylist() for column in taken.columns]
            cells |= zip(places, zip(*columns, strict=True), strict=True)
        return [dict(zip(PACKED, cells[slot], strict=True)) for slot in slots]


def _size(row: _Row) -> int:
    """Bytes of a row: its own, or its share of what was read with it."""
    return len(row) if isinstance(row, bytes) else int(row[0].nbytes) // len(row[0])
