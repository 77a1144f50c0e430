"""LanceDB with nothing around it: what the memory is held against. Imported late, so that it starts quiet."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

os.environ.setdefault("LANCEDB_LOG", "error")  # read once, when lancedb is imported

MEMORY = "notes"
"""The table in which a memory keeps its notes."""


async def _connect(folder: Path) -> Any:
    import lancedb

    return await lancedb.connect_async(str(folder))


async def memory_table(folder: Path) -> AsyncTable:
    """The table of the memory in `folder`, without the memory."""
    table: AsyncTable = await (await _connect(folder)).open_table(MEMORY)
    return table


async def tidy(folder: Path) -> int:
    """Compact the memory in `folder`, drop its old versions, and give the bytes of all that is left."""
    await (await memory_table(folder)).optimize(cleanup_older_than=timedelta(milliseconds=1))
    return await asyncio.to_thread(_size, folder)


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


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
    table: AsyncTable, space: str, text: str, vector: NDArray[np.float32], k: int, columns: list[str] | None
) -> pa.Table:
    """The hybrid query: words of `content` and `vector` in one namespace, merged by the default reranker."""
    from lancedb.expr import col, lit

    query: Any = table.query().where(col("namespace") == lit(f"{space}/"))
    query = query.nearest_to(vector).column("vector").distance_type("cosine")
    query = query.nearest_to_text(text, columns="content").limit(k)
    return await (query.select(columns) if columns else query).to_arrow()
