"""A-MEM's memories: the folder that Chroma keeps, of which only `chroma.sqlite3` is read.

Chroma's vectors stay where they are: notes are embedded anew. What Chroma holds of other programs comes too,
a note a document.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, tzinfo
from itertools import groupby
from pathlib import Path
from typing import Any

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_WORDS
from zettelmem.note import Relation, Source, Trust
from zettelmem.values import build

from . import sqlite
from .incoming import BadLine, Incoming, Reading, Wish

FILE = "chroma.sqlite3"
DOCUMENT = "chroma:document"
UNTOLD = ("General", "Uncategorized")
"""What A-MEM writes where it knows no context, or no category."""
QUERY = """
    SELECT embeddings.id, embeddings.embedding_id, collections.name, metadata.key,
        coalesce(metadata.string_value, metadata.int_value, metadata.float_value, metadata.bool_value)
    FROM embeddings
    JOIN segments ON segments.id = embeddings.segment_id
    JOIN collections ON collections.id = segments.collection
    JOIN embedding_metadata AS metadata ON metadata.id = embeddings.id
    ORDER BY embeddings.id
"""


def fits(path: Path) -> bool:
    """Whether a SQLite file is Chroma's."""
    return sqlite.has(path, "embedding_metadata", "id", "key", "string_value") and sqlite.has(
        path, "embeddings", "id", "segment_id", "embedding_id"
    )


def size(path: Path) -> int:
    """How many memories there are."""
    return sqlite.count(path, "embeddings")


def read(path: Path, how: Reading) -> Iterator[Incoming | BadLine]:
    """A note a memory, in the order they came, with the links that A-MEM made. Its model described them."""
    grouped = groupby(sqlite.rows(path, QUERY), key=lambda row: row[:3])
    for number, ((_, name, collection), found) in enumerate(grouped, 1):
        meta = {key: value for *_, key, value in found}
        try:
            draft = _draft(str(collection), str(name), meta, how)
        except InvalidInput as error:
            yield BadLine(number, f"memory {str(name)[:80]!r}: {error}", number)
            continue
        links = []
        for other in dict.fromkeys(_listed(meta.get("links"))):
            links.append(Wish(_key(str(collection), other), Relation.RELATES, "linked by A-MEM"))
        yield Incoming(number, draft, None, number, links=tuple(links))


def _key(collection: str, name: str) -> str:
    return f"amem:{collection}:{name}"[:500]


def _draft(collection: str, name: str, meta: dict[str, Any], how: Reading) -> Draft:
    content = meta.get("content") or meta.get(DOCUMENT)
    category = meta.get("category")
    tags = [*_listed(meta.get("tags")), *([] if not category or category in UNTOLD else [str(category)])]
    fields = {
        "content": content,
        "key": _key(collection, name),
        "thread": how.thread,
        "context": None if meta.get("context") in (*UNTOLD, "") else meta.get("context"),
        "keywords": _listed(meta.get("keywords"))[:MAX_WORDS] or None,
        "tags": tags[:MAX_WORDS] or None,
        "occurred_at": _time(meta.get("timestamp"), how.zone or UTC),
        "source": Source(via=how.via),
        "trust": Trust.STATED if "content" in meta else Trust.REPORTED,
    }
    return build(Draft, fields)


def _listed(value: Any) -> list[str]:
    """A list that was stored as a text of JSON; what is no such list is none."""
    try:
        found = json.loads(value)
    except (TypeError, ValueError, RecursionError):
        return []
    return [each for each in found if isinstance(each, str) and each] if isinstance(found, list) else []


def _time(value: Any, zone: tzinfo) -> datetime | None:
    """A-MEM's own way to write times, 202603011230."""
    if not value:
        return None
    try:
        return datetime.strptime(str(value), "%Y%m%d%H%M").replace(tzinfo=zone)
    except ValueError as error:
        raise InvalidInput(f"timestamp: {str(value)[:40]!r} is no time such as 202603011230") from error
