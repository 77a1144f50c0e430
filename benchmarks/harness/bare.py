"""LanceDB with nothing around it: what the memory is held against. Imported late, so that it starts quiet."""

from __future__ import annotations

import asyncio
import ctypes
import os
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from zettelmem.language.terms import terms

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

os.environ.setdefault("LANCEDB_LOG", "error")  # read once, when lancedb is imported

MEMORY = "notes"
"""The table in which a memory keeps its notes."""
PADDING = 100
"""Namespaces that are added in one commit while a table is made large."""
ID_LETTERS = "0123456789abcdefghjkmnpqrstvwxyz"


async def _connect(folder: Path) -> Any:
    import lancedb

    # Every query looks for a newer version first: one that does not see each write is no floor.
    return await lancedb.connect_async(str(folder), read_consistency_interval=timedelta(0))


async def memory_table(folder: Path) -> AsyncTable:
    """The table of the memory in `folder`, without the memory."""
    table: AsyncTable = await (await _connect(folder)).open_table(MEMORY)
    return table


async def indexed_words(table: AsyncTable) -> str:
    """The column whose words LanceDB has an index of; the content's, where there are several."""
    indexed = [each.columns[0] for each in await table.list_indices() if each.index_type == "FTS"]
    if not indexed:
        raise ValueError("the table has no full-text index")
    return min(indexed, key=lambda name: (not name.startswith("content"), name))


def as_indexed(words: str, text: str) -> str:
    """What to ask the column `words` for: the terms of `text` where it holds terms, which match as words."""
    return " ".join(terms(text)) if words.endswith("_terms") else text


async def tidy(folder: Path) -> int:
    """Compact the memory in `folder`, drop its old versions, and give the bytes of all that is left."""
    await (await memory_table(folder)).optimize(cleanup_older_than=timedelta(milliseconds=1))
    return await asyncio.to_thread(size_of, folder)


def size_of(folder: Path) -> int:
    """Bytes of all files under `folder`."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


async def revisions(table: AsyncTable) -> dict[str, int]:
    """The revision of every row, by id."""
    rows = await table.query().select(["id", "revision"]).to_arrow()
    return dict(zip(rows["id"].to_pylist(), rows["revision"].to_pylist(), strict=True))


async def rows_of(table: AsyncTable, ids: Sequence[str]) -> pa.Table:
    """Whole rows."""
    from lancedb.expr import col, lit

    return await table.query().where(col("id").isin([lit(each) for each in ids])).to_arrow()


async def merge(table: AsyncTable, folder: Path, rows: pa.Table) -> None:
    """Write rows as a memory has to: new ones and newer ones in one commit, on disk when it returns.

    Without the index of ids, as inserts by several processes ask for: an index does not see the newest rows.
    """
    await (
        table.merge_insert("id")
        .when_matched_update_all(where="target.revision < source.revision")
        .when_not_matched_insert_all()
        .use_index(False)
        .execute(rows)
    )
    await asyncio.to_thread(sync, folder)


def sync(folder: Path) -> None:
    """Make what was written under `folder` survive a power cut: its file system, or each file."""
    syncfs = getattr(ctypes.CDLL(None), "syncfs", None)
    for each in (folder,) if syncfs else (folder, *folder.rglob("*")):
        descriptor = os.open(each, os.O_RDONLY)
        try:
            if syncfs:
                syncfs(descriptor)
            else:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)


async def load(folder: Path, rows: pa.Table, indices: Sequence[tuple[str, str]]) -> None:
    """A new table of these rows with indices of these columns and kinds, on disk when it returns."""
    from lancedb.index import FTS, BTree

    table = await (await _connect(folder)).create_table(MEMORY, rows)
    for column, kind in indices:
        if kind in ("FTS", "BTree"):
            config = FTS(with_position=False) if kind == "FTS" else BTree()
            await table.create_index(column, config=config)
    await asyncio.to_thread(sync, folder)


async def indices_of(table: AsyncTable) -> list[tuple[str, str]]:
    """Column and kind of every index."""
    return [(each.columns[0], each.index_type) for each in await table.list_indices()]


async def pad(folder: Path, space: str, spaces: int) -> None:
    """Copy the rows of a namespace into so many others, under new ids, so that the table is large."""
    table = await memory_table(folder)
    from lancedb.expr import col, lit

    rows = await table.query().where(col("namespace") == lit(f"{space}/")).to_arrow()
    place, own = rows.schema.get_field_index("namespace"), rows.schema.get_field_index("id")
    chance = random.Random(spaces)
    for first in range(0, spaces, PADDING):
        copies = []
        for number in range(first, min(spaces, first + PADDING)):
            ids = ["".join(chance.choices(ID_LETTERS, k=8)) for _ in range(len(rows))]
            copy = rows.set_column(place, rows.schema.field(place), pa.array([f"pad{number}/"] * len(rows)))
            copies.append(copy.set_column(own, rows.schema.field(own), pa.array(ids)))
        await table.add(pa.concat_tables(copies))
    await table.optimize(cleanup_older_than=timedelta(milliseconds=1))


async def raw_table(
    folder: Path,
    keys: Sequence[str],
    spaces: Sequence[str],
    texts: Sequence[str],
    vectors: NDArray[np.float32],
) -> AsyncTable:
    """A table of raw texts with the indices that LanceDB's guide has for hybrid search."""
    connection = await _connect(folder)
    from lancedb.index import FTS, BTree

    flat = pa.array(vectors.reshape(-1), pa.float32())
    column = pa.FixedSizeListArray.from_arrays(flat, vectors.shape[1])
    columns = {
        "key": keys,
        "namespace": [f"{space}/" for space in spaces],
        "content": texts,
        "vector": column,
    }
    table: AsyncTable = await connection.create_table("raw", pa.table(columns), mode="overwrite")
    await table.create_index("content", config=FTS())
    await table.create_index("namespace", config=BTree())
    return table


async def hybrid(
    table: AsyncTable,
    space: str,
    text: str,
    vector: NDArray[np.float32],
    k: int,
    columns: list[str],
    words: str = "content",
) -> pa.Table:
    """The hybrid query: words of one column and `vector` in one namespace, merged by the default reranker."""
    from lancedb.expr import col, lit

    query: Any = table.query().where(col("namespace") == lit(f"{space}/"))
    query = query.nearest_to(vector).column("vector").distance_type("cosine")
    query = query.nearest_to_text(text, columns=words).limit(k)
    return await query.select(columns).to_arrow()
