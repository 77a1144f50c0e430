"""A note as one row of the table, and back: one list of columns from which all else follows."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import numpy as np
from pydantic import TypeAdapter

from zettelmem.language.english.gist import key_of
from zettelmem.language.kept import kept
from zettelmem.language.terms import terms
from zettelmem.language.words import asks, says_when
from zettelmem.linking.matters import tells_nothing
from zettelmem.namespace import Namespace
from zettelmem.note import Evolution, Link, Note, Pending, Saying, Shown, Source, Trust
from zettelmem.protocols import Vectors
from zettelmem.values import tag_key

from .metadata import SCHEMA_VERSION

if TYPE_CHECKING:
    import pyarrow as pa

CHANGED = "_row_last_updated_at_version"
"""LanceDB's own column: the version of the table in which a row was written last."""
_FAR = datetime(9999, 12, 31, tzinfo=UTC)
_HISTORY: TypeAdapter[tuple[Evolution, ...]] = TypeAdapter(tuple[Evolution, ...])
_LINKS: TypeAdapter[tuple[Link, ...]] = TypeAdapter(tuple[Link, ...])
_SAYINGS: TypeAdapter[tuple[Saying, ...]] = TypeAdapter(tuple[Saying, ...])
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
        content_terms, around_terms: the terms of the content, and of all that is known around it too,
            with a blank between two; "" until `with_terms` made them.
        history: the note's history as JSON; "" until it is written for the first time.
    """

    note: Note
    content_vector: Vectors
    vector: Vectors
    before: tuple[str, ...] = ()
    after: str = ""
    content_terms: str = ""
    around_terms: str = ""
    history: str = field(default="", repr=False)

    def with_terms(self, old: Row | None) -> Row:
        """The row with its terms and its history as JSON; what `old` has already is taken from there."""
        note = self.note
        content_terms = around_terms = ""
        if old is not None and old.note.content == note.content:
            content_terms = old.content_terms
            around_terms = old.around_terms if old._surroundings() == self._surroundings() else ""
        content_terms = content_terms or joined(note.content)
        around_terms = around_terms or " ".join(filter(None, (content_terms, *map(joined, self._around()))))
        history = _extended(old, note) if old is not None else _history_json(note.history)
        return replace(self, content_terms=content_terms, around_terms=around_terms, history=history)

    def _surroundings(self) -> tuple[object, ...]:
        """All that `_around` is made of."""
        note = self.note
        return self.before, self.after, note.source, note.context, note.keywords, note.tags, note.occurred_at

    def _around(self) -> tuple[str, ...]:
        """What is known around the content: the second lexical field holds it beside the content."""
        note = self.note
        context = "" if any(each and each in note.context for each in self.before) else note.context
        date = f"{note.occurred_at:%A} {note.occurred_at.day} {note.occurred_at:%B %Y}"
        return (*self.before, note.source.who or "", self.after, context, ", ".join(note.added_words()), date)


@kept
def joined(text: str) -> str:
    """The terms of a text with a blank between two."""
    return " ".join(terms(text))


def _history_json(history: tuple[Evolution, ...]) -> str:
    return _HISTORY.dump_json(history, exclude_defaults=True).decode()


def _extended(old: Row, note: Note) -> str:
    """The history as JSON; where it only grew, what is there already is not made again."""
    kept = old.note.history
    count = len(kept)
    grew = old.history and count and len(note.history) >= count and note.history[count - 1] is kept[-1]
    if not grew or note.history[0] is not kept[0]:
        return _history_json(note.history)
    if len(note.history) == count:
        return old.history
    return f"{old.history[:-1]},{_history_json(note.history[count:])[1:]}"


def namespace_column(namespace: Namespace) -> str:
    """The namespace as one string in which every subtree is a prefix that ends in '/'."""
    return "".join(segment.replace("%", "%25").replace("/", "%2F") + "/" for segment in namespace)


@lru_cache(4_096)
def namespace_of(column: str) -> Namespace:
    """The inverse of `namespace_column`."""
    return tuple(segment.replace("%2F", "/").replace("%25", "%") for segment in column.split("/")[:-1])


def _tag_text(tags: Iterable[str]) -> str:
    return "\n" + "".join(json.dumps(tag_key(tag)) + "\n" for tag in tags)


def _closed_at(note: Note) -> datetime:
    """When it was written down that the note is no longer so; far away where it still is."""
    if note.invalid_at is None:
        return _FAR
    closing = [entry.at for entry in note.history if "invalid_at" in entry.after]
    return closing[-1] if closing else note.recorded_at


def _json_or_none(value: Any) -> str | None:
    return None if value is None else json.dumps(value)


def _pending_json(note: Note) -> str | None:
    return None if note.pending is None else note.pending.model_dump_json()


@dataclass(frozen=True)
class Column:
    """One column of the table.

    Attributes:
        name: its name.
        kind: its type, as `_types` names it.
        value: from a row to what stands in it.
        of_note: whether the note is read from it.
    """

    name: str
    kind: str
    value: Callable[[Row], Any]
    of_note: bool = False


def _of_note(name: str, kind: str, value: Callable[[Note], Any]) -> Column:
    return Column(name, kind, lambda row: value(row.note), of_note=True)


def _derived(name: str, kind: str, value: Callable[[Note], Any]) -> Column:
    return Column(name, kind, lambda row: value(row.note))


COLUMNS = (
    _of_note("id", "id", lambda note: note.id),
    _of_note("namespace", "text", lambda note: namespace_column(note.namespace)),
    _of_note("key", "text", lambda note: note.key),
    _of_note("thread", "text", lambda note: note.thread),
    _of_note("position", "int32", lambda note: note.position),
    _of_note("kind", "text", lambda note: note.kind),
    _of_note("content", "text", lambda note: note.content),
    _of_note("context", "text", lambda note: note.context),
    _of_note("keywords", "texts", lambda note: note.keywords),
    _of_note("tags", "texts", lambda note: note.tags),
    _of_note("data", "text", lambda note: _json_or_none(note.data)),
    _of_note("links", "text", lambda note: _LINKS.dump_json(note.links).decode()),
    _of_note("occurred_at", "time", lambda note: note.occurred_at),
    _of_note("recorded_at", "time", lambda note: note.recorded_at),
    _of_note("invalid_at", "time", lambda note: note.invalid_at or _FAR),
    _of_note("forgotten_at", "time", lambda note: note.forgotten_at),
    _of_note("who", "text", lambda note: note.source.who),
    _of_note("via", "text", lambda note: note.source.via),
    _of_note("trust", "int8", lambda note: int(note.trust)),
    _of_note("pending", "text", _pending_json),
    _of_note("shown", "text", lambda note: _SHOWN.dump_json(note.shown).decode()),
    _of_note("sayings", "text", lambda note: _SAYINGS.dump_json(note.sayings).decode()),
    _of_note("front", "text", lambda note: note.front),
    _of_note("rested_at", "time", lambda note: note.rested_at),
    _of_note("uses", "int32", lambda note: note.uses),
    _of_note("helped", "int32", lambda note: note.helped),
    _of_note("last_used_at", "time", lambda note: note.last_used_at),
    _of_note("revision", "int64", lambda note: note.revision),
    Column("history", "text", lambda row: row.history or _history_json(row.note.history), of_note=True),
    Column("before", "texts", lambda row: row.before),
    Column("after", "text", lambda row: row.after),
    Column("content_terms", "text", lambda row: row.content_terms),
    Column("around_terms", "text", lambda row: row.around_terms),
    Column("content_vector", "vector", lambda row: row.content_vector),
    Column("vector", "vector", lambda row: row.vector),
    _derived("tag_text", "text", lambda note: _tag_text(note.tags)),
    _derived("linked", "texts", lambda note: [link.other(note.id) for link in note.links]),
    _derived("link_weights", "weights", lambda note: [link.weight for link in note.links]),
    _derived("newer", "texts", lambda note: [*note.ahead, *([note.front] if note.front else [])]),
    _derived("closed_at", "time", _closed_at),
    _derived("live", "flag", lambda note: note.forgotten_at is None),
    _derived("resting", "flag", lambda note: note.rested_at is not None),
    _derived("typed", "flag", lambda note: note.data is not None),
    _derived("times_said", "int32", lambda note: note.times_said),
    _derived("met_at", "time", lambda note: note.met_at),
    _derived("gist", "int64", lambda note: key_of(note.content)),
    _derived("disputed", "flag", lambda note: note.disputed),
    _derived("founds", "flag", lambda note: note.founds),
    _derived("waiting", "flag", lambda note: note.pending is not None),
    _derived("size", "int32", lambda note: len(note.content.encode())),
    _derived("length", "int32", lambda note: len(note.content.split())),
    _derived("says_when", "flag", lambda note: says_when(note.content)),
    _derived("asks", "flag", lambda note: asks(note.content)),
    _derived("idle", "flag", lambda note: tells_nothing(note.content)),
    Column("answers", "flag", lambda row: bool(row.before) and asks(row.before[-1])),
)
BASE = "base_revision"
"""The column of the revision that a row is written over; the guard of every update compares it."""
FLOATS = tuple(column.name for column in COLUMNS if column.kind == "vector")
LEXICAL = ("content_terms", "around_terms")
NOTE_COLUMNS = [column.name for column in COLUMNS if column.of_note]
WHOLE = [*NOTE_COLUMNS, "before", "after", *LEXICAL, *FLOATS]
"""The columns that a `Row` is read from."""


def _types(dimensions: int) -> dict[str, pa.DataType]:
    import pyarrow as pa

    return {
        "id": pa.string(),
        "text": pa.string(),
        "texts": pa.list_(pa.string()),
        "weights": pa.list_(pa.float32()),
        "time": pa.timestamp("us", "UTC"),
        "flag": pa.bool_(),
        "int8": pa.int8(),
        "int32": pa.int32(),
        "int64": pa.int64(),
        "vector": pa.list_(pa.float32(), dimensions),
    }


def schema_of(dimensions: int, embedder: str) -> pa.Schema:
    """The columns of a table of vectors of so many dimensions from one embedding model."""
    import pyarrow as pa

    types = _types(dimensions)
    fields = [pa.field(each.name, types[each.kind], nullable=each.kind != "id") for each in COLUMNS]
    return pa.schema(
        [*fields, pa.field(BASE, pa.int64())],
        metadata={
            "zettelmem.schema": str(SCHEMA_VERSION),
            "zettelmem.embedder": embedder,
            "zettelmem.dimensions": str(dimensions),
        },
    )


def columns_of(rows: Collection[Row]) -> dict[str, list[Any]]:
    """Rows as they are written: what stands in each column."""
    return {column.name: [column.value(row) for row in rows] for column in COLUMNS}


def to_table(columns: Mapping[str, list[Any]], bases: Sequence[int], schema: pa.Schema) -> pa.Table:
    """What `columns_of` made, each row over the given revision; 0 for a new one."""
    import pyarrow as pa

    arrays: dict[str, pa.Array] = {BASE: pa.array(bases, pa.int64())}
    for name, values in columns.items():
        kind = schema.field(name).type
        if name in FLOATS:
            flat = np.concatenate([np.zeros(0, np.float32), *values])
            arrays[name] = pa.FixedSizeListArray.from_arrays(flat, kind.list_size)
        else:
            arrays[name] = pa.array(values, kind)
    return pa.Table.from_arrays([arrays[name] for name in schema.names], schema=schema)


def _utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


def to_note(row: Mapping[str, Any]) -> Note:
    """The note whose columns `NOTE_COLUMNS` are given. It was checked when it was written."""
    fields: dict[str, Any] = {
        "id": row["id"],
        "namespace": namespace_of(row["namespace"]),
        "key": row["key"],
        "thread": row["thread"],
        "position": row["position"],
        "kind": row["kind"],
        "content": row["content"],
        "context": row["context"],
        "keywords": tuple(row["keywords"]),
        "tags": tuple(row["tags"]),
        "data": None if row["data"] is None else json.loads(row["data"]),
        "links": _LINKS.validate_json(row["links"]),
        "occurred_at": _utc(row["occurred_at"]),
        "recorded_at": _utc(row["recorded_at"]),
        "invalid_at": None if row["invalid_at"] == _FAR else _utc(row["invalid_at"]),
        "forgotten_at": None if row["forgotten_at"] is None else _utc(row["forgotten_at"]),
        "source": Source(who=row["who"], via=row["via"]),
        "trust": Trust(row["trust"]),
        "pending": None if row["pending"] is None else Pending.model_validate_json(row["pending"]),
        "shown": _SHOWN.validate_json(row["shown"]),
        "sayings": _SAYINGS.validate_json(row["sayings"]),
        "front": row["front"],
        "rested_at": None if row["rested_at"] is None else _utc(row["rested_at"]),
        "uses": row["uses"],
        "helped": row["helped"],
        "last_used_at": None if row["last_used_at"] is None else _utc(row["last_used_at"]),
        "revision": row["revision"],
        "history": _HISTORY.validate_json(row["history"]),
    }
    return Note.model_construct(**fields)


def as_rows(rows: pa.Table) -> dict[str, Row]:
    """The rows by id; the columns `WHOLE` are given."""
    if not len(rows):
        return {}
    contents, vectors = matrix(rows["content_vector"]), matrix(rows["vector"])
    columns = rows.drop_columns(list(FLOATS)).to_pylist()
    made: dict[str, Row] = {}
    for place, values in enumerate(columns):
        made[values["id"]] = to_row(values, contents[place], vectors[place])
    return made


def to_row(values: Mapping[str, Any], content_vector: Vectors, vector: Vectors) -> Row:
    """The row whose columns but for the vectors are given."""
    return Row(
        note=to_note(values),
        content_vector=content_vector,
        vector=vector,
        before=tuple(values["before"]),
        after=values["after"],
        content_terms=values["content_terms"],
        around_terms=values["around_terms"],
        history=values["history"],
    )


def matrix(column: pa.ChunkedArray) -> Vectors:
    """A column of vectors as one array, float32, shape (rows, dimensions)."""
    array = column.combine_chunks()
    width = array.type.list_size
    return cast(Vectors, array.flatten().to_numpy(zero_copy_only=False).reshape(-1, width))
