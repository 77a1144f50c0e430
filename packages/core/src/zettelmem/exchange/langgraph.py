"""LangGraph's SqliteStore: a file with a table `store` of JSON values under a namespace and a key."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path
from typing import Any

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.note import Source, Trust
from zettelmem.values import build

from . import sqlite
from .incoming import BadLine, Incoming, Reading, read_time

COLUMNS = ("prefix", "key", "value", "created_at", "updated_at")
SAYING = ("text", "content", "memory", "fact", "value")
"""Fields that hold the words of an item, where there are others beside them."""


def fits(path: Path) -> bool:
    """Whether a SQLite file is such a store."""
    return sqlite.has(path, "store", *COLUMNS)


def size(path: Path) -> int:
    """How many items there are."""
    return sqlite.count(path, "store")


def read(path: Path, how: Reading) -> Iterator[Incoming | BadLine]:
    """A note an item, the oldest first. An agent wrote them, so they are trusted as reported."""
    # The oldest versions have no end of an item.
    end = "expires_at" if sqlite.has(path, "store", "expires_at") else "NULL"
    query = f"SELECT {', '.join(COLUMNS)}, {end} FROM store ORDER BY updated_at, prefix, key"
    for number, row in enumerate(sqlite.rows(path, query), 1):
        try:
            yield Incoming(number, _draft(row, how), None, number)
        except InvalidInput as error:
            yield BadLine(number, f"item {str(row[1])[:80]!r} of {str(row[0])[:80]!r}: {error}", number)


def _draft(row: tuple[Any, ...], how: Reading) -> Draft:
    prefix, key, raw, _, updated, expires = row
    try:
        value = json.loads(raw)
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidInput(f"its value is no JSON: {error}") from error
    zone = how.zone or UTC  # SQLite's CURRENT_TIMESTAMP
    fields = {
        "content": _words(value),
        "key": f"langgraph:{prefix}:{key}"[:500],
        "thread": how.thread,
        "tags": [part for part in str(prefix).split(".") if part][:20] or None,
        "data": {"namespace": str(prefix).split("."), "key": str(key), "value": value},
        "occurred_at": read_time(updated, zone),
        "invalid_at": None if expires is None else read_time(expires, zone),
        "source": Source(who="assistant", via=how.via),
        "trust": Trust.REPORTED,
    }
    return build(Draft, fields)


def _words(value: Any) -> str:
    """What an item says: its field with words, the words inside of it, or all of it as JSON.

    >>> _words({"kind": "Memory", "content": {"content": "Ana has a cat."}})
    'Ana has a cat.'
    """
    if isinstance(value, str):
        return value
    if isinstance(value, dict):
        for name in SAYING:
            if isinstance(value.get(name), str | dict) and value[name]:
                return _words(value[name])
        texts = [each for each in value.values() if isinstance(each, str)]
        if len(texts) == len(value) == 1 and texts[0].strip():
            return texts[0]
    return json.dumps(value, ensure_ascii=False)
