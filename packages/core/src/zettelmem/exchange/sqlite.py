"""SQLite files of other programs, opened so that nothing in them is run or written, and row by row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE

MAGIC = b"SQLite format 3\x00"
"""What every such file begins with."""


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode=ro", uri=True)) as connection:
            connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, MAX_LINE)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA trusted_schema = OFF")  # views and triggers of strangers call nothing
            yield connection
    except (sqlite3.Error, OverflowError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} cannot be read as a SQLite file: {error}") from error


def rows(path: Path, query: str) -> Iterator[tuple[Any, ...]]:
    """What a query gives of a file.

    Raises:
        InvalidInput: it is damaged, a value is too long, or it has no such tables.
    """
    with _opened(path) as connection:
        yield from connection.execute(query)


def count(path: Path, table: str) -> int:
    """How many rows a table has."""
    ((number,),) = rows(path, f'SELECT count(*) FROM "{table}"')
    return int(number)


def has(path: Path, table: str, *columns: str) -> bool:
    """Whether a file has a table with these columns."""
    found = rows(path, f"SELECT name FROM pragma_table_info('{table}')")
    return {name for (name,) in found} >= set(columns)
