"""A note as one row of the table, and back."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from pydantic import TypeAdapter

from zettelmem.errors import StoreMismatch
from zettelmem.language.words import asks, says_when
from zettelmem.namespace import Namespace
from zettelmem.note import Evolution, Note, Pending, Shown, Source, Trust
from zettelmem.protocols import Vectors
from zettelmem.receipts import Quota

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 1
"""Raised by one whenever the columns change; a store of another version is refused."""
QUOTAS = "zettelmem.quotas"
"""Metadata of the column of namespaces: what each may hold, so that every process reads it with the rows."""
FLOATS = {"content_vector", "vector"}
NOTE_COLUMNS = [
    "id", "namespace", "key", "thread", "position", "kind", "content", "context", "keywords", "tags",
    "data", "links", "occurred_at", "recorded_at", "invalid_at", "forgotten_at", "who", "via", "trust",
    "pending", "shown", "revision", "history",
]  # fmt: skip
_ROW_COLUMNS = ["content_vector", "vector", "before", "after"]
WHOLE = [*NOTE_COLUMNS, *_ROW_COLUMNS]
_FAR = datetime(9999, 12, 31, tzinfo=UTC)
_HISTORY: TypeAdapter[tuple[Evolution, ...]] = TypeAdapter(tuple[Evolution, ...])
_SHOWN: TypeAdapter[tuple[Shown, ...]] = TypeAdapter(tuple[Shown, ...])


@dataclass(frozen=True)
class Row:
    """A note with what the store keeps for finding it.

    Attributes:
        note: the note.
        content_vector: unit vector of the content, float32, shape (dimensions,).
        vector: unit vector that it is found by: of the content, drawn towards its description.
        before: what was said just before in its thread, oldest first, at most two contents.
        after: what was said just after, or "".
    """

    note: Note
    content_vector: Vectors
    vector: Vectors
    before: tuple[str, ...] = ()
    after: str = ""

    @property
    def surroundings(self) -> str:
        """The text of the second lexical field: the content with all that is known around it."""
        note = self.note
        said = f"{note.source.who}: {note.content}" if note.source.who else note.content
        told = "" if any(each and each in note.context for each in self.before) else note.context
        spoken = f"{note.occurred_at:%A} {note.occurred_at.day} {note.occurred_at:%B %Y}"
        parts = (*self.before, said, self.after, told, ", ".join(note.added_words()), spoken)
        return "\n".join(part for part in parts if part)


def namespace_column(namespace: Namespace) -> str:
    """The namespace as one string in which every subtree is a prefix that ends in '/'."""
    return "".join(segment.replace("%", "%25").replace("/", "%2F") + "/" for segment in namespace)


def namespace_of(column: str) -> Namespace:
    """The inverse of `namespace_column`."""
    return tuple(segment.replace("%2F", "/").replace("%25", "%") for segment in column.split("/")[:-1])


def _tag_column(tags: Iterable[str]) -> str:
    return "\n" + "".join(json.dumps(tag) + "\n" for tag in tags)


def schema_of(dimensions: int, embedder: str) -> pa.Schema:
    """The columns of a table of vectors of so many dimensions from one embedding model."""
    import pyarrow as pa

    time = pa.timestamp("us", "UTC")
    vector = pa.list_(pa.float32(), dimensions)
    link = pa.struct(
        [
            *((name, pa.string()) for name in ("source", "target", "relation", "reason")),
            ("weight", pa.float64()),
        ]
    )
    return pa.schema(
        [
            pa.field("id", pa.string(), nullable=False),
            ("namespace", pa.string()),
            ("key", pa.string()),
            ("thread", pa.string()),
            ("position", pa.int32()),
            ("kind", pa.string()),
            ("content", pa.string()),
            ("context", pa.string()),
            ("keywords", pa.list_(pa.string())),
            ("tags", pa.list_(pa.string())),
            ("tag_text", pa.string()),
            ("data", pa.string()),
            ("links", pa.list_(link)),
            ("linked", pa.list_(pa.string())),
            ("link_weights", pa.list_(pa.float32())),
            ("occurred_at", time),
            ("recorded_at", time),
            ("invalid_at", time),
            ("closed_at", time),
            ("forgotten_at", time),
            ("live", pa.bool_()),
            ("who", pa.string()),
            ("via", pa.string()),
            ("trust", pa.int8()),
            ("pending", pa.string()),
            ("waiting", pa.bool_()),
            ("shown", pa.string()),
            ("revision", pa.int64()),
            ("base_revision", pa.int64()),
            ("history", pa.string()),
            ("size", pa.int32()),
            ("length", pa.int32()),
            ("says_when", pa.bool_()),
            ("asks", pa.bool_()),
            ("answers", pa.bool_()),
            ("before", pa.list_(pa.string())),
            ("after", pa.string()),
            ("surroundings", pa.string()),
            ("content_vector", vector),
            ("vector", vector),
        ],
        metadata={
            "zettelmem.schema": str(SCHEMA_VERSION),
            "zettelmem.embedder": embedder,
            "zettelmem.dimensions": str(dimensions),
        },
    )


def said(schema: pa.Schema, name: str) -> str | None:
    """What a table says of itself: its `schema` version, its `embedder`, its `dimensions`."""
    value: bytes | None = (schema.metadata or {}).get(f"zettelmem.{name}".encode())
    return None if value is None else value.decode()


def check_version(uri: str, schema: pa.Schema) -> None:
    """Raise StoreMismatch if another version of zettelmem wrote the table."""
    version = said(schema, "schema")
    if version != str(SCHEMA_VERSION):
        raise StoreMismatch(
            f"{uri} has schema version {version}, this zettelmem reads {SCHEMA_VERSION}; "
            "use the version that wrote it, or export there and import here"
        )


def width(schema: pa.Schema) -> int:
    """Dimensions of the vectors of a table."""
    width: int = schema.field("vector").type.list_size
    return width


def quotas_in(schema: pa.Schema) -> list[Quota]:
    """The quotas that a table keeps, outermost first, without what is used of them."""
    kept = json.loads((schema.field("namespace").metadata or {}).get(QUOTAS.encode(), b"[]"))
    found = [Quota(namespace=tuple(space), notes=notes, size=size) for space, notes, size in kept]
    return sorted(found, key=lambda each: (len(each.namespace), each.namespace))


def to_row(row: Row, base_revision: int) -> dict[str, Any]:
    """The columns of a row that is written over the given revision; 0 for a new one."""
    note = row.note
    closing = [entry.at for entry in note.history if "invalid_at" in entry.after]
    return {
        "id": note.id,
        "namespace": namespace_column(note.namespace),
        "key": note.key,
        "thread": note.thread,
        "position": note.position,
        "kind": note.kind,
        "content": note.content,
        "context": note.context,
        "keywords": note.keywords,
        "tags": note.tags,
        "tag_text": _tag_column(note.tags),
        "data": None if note.data is None else json.dumps(note.data),
        "links": [link.model_dump(mode="json") for link in note.links],
        "linked": [link.other(note.id) for link in note.links],
        "link_weights": [link.weight for link in note.links],
        "occurred_at": note.occurred_at,
        "recorded_at": note.recorded_at,
        "invalid_at": note.invalid_at or _FAR,
        "closed_at": _FAR if note.invalid_at is None else (closing[-1] if closing else note.recorded_at),
        "forgotten_at": note.forgotten_at,
        "live": note.forgotten_at is None,
        "who": note.source.who,
        "via": note.source.via,
        "trust": int(note.trust),
        "pending": None if note.pending is None else note.pending.model_dump_json(),
        "waiting": note.pending is not None,
        "shown": _SHOWN.dump_json(note.shown).decode(),
        "revision": note.revision,
        "base_revision": base_revision,
        "history": _HISTORY.dump_json(note.history, exclude_defaults=True).decode(),
        "size": len(note.content.encode()),
        "length": len(note.content.split()),
        "says_when": says_when(note.content),
        "asks": asks(note.content),
        "answers": bool(row.before) and asks(row.before[-1]),
        "before": row.before,
        "after": row.after,
        "surroundings": row.surroundings,
        "content_vector": row.content_vector,
        "vector": row.vector,
    }


def to_note(row: Mapping[str, Any]) -> Note:
    """The note whose columns `NOTE_COLUMNS` are given."""
    return Note(
        id=row["id"],
        namespace=namespace_of(row["namespace"]),
        key=row["key"],
        thread=row["thread"],
        position=row["position"],
        kind=row["kind"],
        content=row["content"],
        context=row["context"],
        keywords=row["keywords"],
        tags=row["tags"],
        data=None if row["data"] is None else json.loads(row["data"]),
        links=row["links"],
        occurred_at=row["occurred_at"],
        recorded_at=row["recorded_at"],
        invalid_at=None if row["invalid_at"] == _FAR else row["invalid_at"],
        forgotten_at=row["forgotten_at"],
        source=Source(who=row["who"], via=row["via"]),
        trust=Trust(row["trust"]),
        pending=None if row["pending"] is None else Pending.model_validate_json(row["pending"]),
        shown=_SHOWN.validate_json(row["shown"]),
        revision=row["revision"],
        history=_HISTORY.validate_json(row["history"]),
    )


def as_rows(rows: pa.Table) -> dict[str, Row]:
    """The rows by id; `WHOLE` columns are given."""
    notes = [to_note(row) for row in rows.select(NOTE_COLUMNS).to_pylist()]
    if not notes:
        return {}
    contents, vectors = matrix(rows["content_vector"]), matrix(rows["vector"])
    before, after = rows["before"].to_pylist(), rows["after"].to_pylist()
    return {
        note.id: Row(note, contents[i], vectors[i], tuple(before[i]), after[i])
        for i, note in enumerate(notes)
    }


def matrix(column: pa.ChunkedArray) -> Vectors:
    """A column of vectors as one array, float32, shape (rows, dimensions)."""
    array = column.combine_chunks()
    width = array.type.list_size
    return cast(Vectors, array.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))
