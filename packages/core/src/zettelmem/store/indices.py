"""The indices of the table."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from .schema import FLOATS, LEXICAL

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

PRIMARY = b"lance-schema:unenforced-primary-key:position"
"""Metadata by which LanceDB knows the column of the primary key."""
VECTOR_ROWS = 20_000
"""Rows from which vectors are indexed. Up to here every namespace fits into memory, where search is exact."""
LONGEST_TERM = 200
"""Characters of the longest term that is indexed."""
NEVER = timedelta(days=36_500)
PASSES = 20
"""How often a table is compacted at most before that is enough: others may be writing to a bucket."""


async def make(table: AsyncTable, *, anew: bool = False) -> None:
    """Make the indices that are not there: all of them for a new table, none as a rule for an old one.

    With `anew` every one, each in the place of the one before, so that no reader is without it; vectors
    that are few by now are not indexed any more.
    """
    from lancedb.index import FTS, BTree, IvfSq

    there = {column for each in await table.list_indices() for column in each.columns}
    if PRIMARY not in ((await table.schema()).field("id").metadata or {}):  # it can be set only once
        await table.set_unenforced_primary_key("id")
    wanted: dict[str, Any] = {
        "namespace": BTree(),
        "id": BTree(),
    }
    # The terms are made by `language.terms`, so white space is all that this index needs to know.
    as_they_are = FTS(
        with_position=False,
        base_tokenizer="whitespace",
        lower_case=False,
        stem=False,
        remove_stop_words=False,
        ascii_folding=False,
        max_token_length=LONGEST_TERM,
    )
    wanted |= dict.fromkeys(LEXICAL, as_they_are)
    if await table.count_rows() >= VECTOR_ROWS:
        wanted |= {column: IvfSq(distance_type="cosine") for column in FLOATS}
    elif anew:
        await drop_vectors(table)
    for column, config in wanted.items():
        if anew or column not in there:
            await table.create_index(column, config=config, replace=anew)


async def settle(table: AsyncTable) -> None:
    """Compact the table and bring its indices up to date, until nothing is left to be done.

    What the indices hold after one pass can be compacted in the next with what they held before. Only then
    may older versions go: whatever drops them commits nothing new, which a power cut could still take.
    """
    for _ in range(PASSES):
        before = await table.version()
        await table.optimize(cleanup_older_than=NEVER)
        await make(table)
        if await table.version() == before:
            return


async def drop_vectors(table: AsyncTable) -> None:
    """Drop the indices of vectors; they are found by looking at all of them until there are new ones."""
    for index in await table.list_indices():
        if {*FLOATS} & {*index.columns}:
            await table.drop_index(index.name)
