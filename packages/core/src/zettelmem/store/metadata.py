"""What the table's metadata tell: schema, embedder, quotas, erasures, and a move to another embedder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from zettelmem.errors import StoreMismatch
from zettelmem.receipts import Quota

if TYPE_CHECKING:
    import pyarrow as pa

SCHEMA_VERSION = 3
"""Raised by one whenever the columns change; a store of another version is refused."""
QUOTAS = "zettelmem.quotas"
"""Metadata of the column of namespaces: what each may hold, so that every process reads it with the rows."""
ERASURES = "zettelmem.erasures"
"""Metadata of the column of ids: how often rows were erased, so that every process forgets them too."""
MOVING = "zettelmem.moving"
"""Metadata of the column of vectors: which process moves the table to another embedding model."""


def said(schema: pa.Schema, name: str) -> str | None:
    """What a table says of itself: its `schema` version, its `embedder`, its `dimensions`."""
    value: bytes | None = (schema.metadata or {}).get(f"zettelmem.{name}".encode())
    return None if value is None else value.decode()


def erasures(schema: pa.Schema) -> int:
    """How often rows were erased from a table."""
    return int((schema.field("id").metadata or {}).get(ERASURES.encode(), b"0"))


def one_more_erasure(schema: pa.Schema) -> dict[str, Any]:
    """The metadata that tells every process of one erasure more, as LanceDB takes it."""
    return {"path": "id", "metadata": {ERASURES: str(erasures(schema) + 1)}}


class Claim(NamedTuple):
    """A process moves a table to another embedding model.

    Attributes:
        token: which process; random.
        at: when it said so last, in seconds since 1970.
        closing: whether what others write from here on counts as not written.
    """

    token: str
    at: float
    closing: bool = False

    def metadata(self) -> dict[str, Any]:
        """What says it in the table, as LanceDB takes it."""
        return {"path": "vector", "metadata": {MOVING: json.dumps(self)}}


UNCLAIMED = {"path": "vector", "metadata": {MOVING: ""}}
"""The metadata of a table that nobody moves any more, as LanceDB takes it."""


def claim_in(schema: pa.Schema) -> Claim | None:
    """Who moves a table to another embedding model; None if nobody does."""
    text = (schema.field("vector").metadata or {}).get(MOVING.encode(), b"")
    return Claim(*json.loads(text)) if text else None


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
    quotas = [Quota(namespace=tuple(space), notes=notes, size=size) for space, notes, size in kept]
    return sorted(quotas, key=lambda each: (len(each.namespace), each.namespace))


def with_quota(schema: pa.Schema, quota: Quota) -> dict[str, Any]:
    """The metadata with a quota in place of the one that its namespace has, as LanceDB takes it."""
    kept = {each.namespace: each for each in quotas_in(schema)} | {quota.namespace: quota}
    limits = [[each.namespace, each.notes, each.size] for each in kept.values()]
    limited = [each for each in limits if each[1:] != [None, None]]
    return {"path": "namespace", "metadata": {QUOTAS: json.dumps(limited)}}
