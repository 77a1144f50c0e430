"""The reference MCP memory server's graph: entities with observations, and relations between entities.

`memory.json` and `memory.jsonl` hold a line an entity or relation; old files one object with both. The
notes are those that `zettelmem-mcp --compat reference` keeps, so its clients find them too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any, BinaryIO

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE
from zettelmem.note import Source, Trust
from zettelmem.values import build

from .incoming import BadLine, Incoming, Reading
from .items import Item, Items
from .jsonl import json_object, lines_of

VIA = "reference"
"""The door of these notes."""


def fits(value: Any) -> bool:
    """Whether a line is an entity, a relation, or a whole graph."""
    if not isinstance(value, dict):
        return False
    graph = isinstance(value.get("entities"), list) and isinstance(value.get("relations", []), list)
    return graph or value.get("type") in ("entity", "relation")


def read(file: BinaryIO, how: Reading) -> Iterator[Incoming | BadLine]:
    """A note an entity, one for each of its observations, and one a relation.

    Args:
        file: open, can be sought; a line an entity or relation, or one object with both.
    """
    file.seek(0)
    try:
        first = next(iter(Items(file)), None)
    except InvalidInput:
        first = None  # the line that is no JSON is told with the others
    file.seek(0)
    if first is not None and isinstance(first.value, dict) and "entities" in first.value:
        yield from _parts(first)
        return
    for line, read_bytes, raw in lines_of(file):
        try:
            if raw is None:
                raise InvalidInput(f"is longer than {MAX_LINE:,} bytes")
            drafts = _drafts(json_object(raw))
        except InvalidInput as error:
            yield BadLine(line, str(error), read_bytes)
            continue
        for draft in drafts:
            yield Incoming(line, draft, None, read_bytes)


def _parts(graph: Item) -> Iterator[Incoming | BadLine]:
    """The same notes of a graph in one object."""
    parts = [("entity", each) for each in graph.value["entities"]]
    parts += [("relation", each) for each in graph.value.get("relations", [])]
    for number, (kind, part) in enumerate(parts, 1):
        try:
            drafts = _drafts({**part, "type": kind} if isinstance(part, dict) else {})
        except InvalidInput as error:
            yield BadLine(graph.line, f"part {number}, {kind}: {error}", graph.read)
            continue
        for draft in drafts:
            yield Incoming(graph.line, draft, None, graph.read)


def _drafts(part: dict[str, Any]) -> list[Draft]:
    match part:
        case {"type": "entity", "name": str(name), "entityType": str(kind)}:
            observations = part.get("observations") or []
            if not isinstance(observations, list) or not all(isinstance(x, str) for x in observations):
                raise InvalidInput("observations: give a list of strings")
            drafts = [_draft(f"{name} ({kind})", "entity", name, kind)]
            for each in dict.fromkeys(observations):
                drafts.append(_draft(f"{name}: {each}", "observation", name, each))
            return drafts
        case {"type": "relation", "from": str(start), "to": str(end), "relationType": str(kind)}:
            return [_draft(f"{start} {kind} {end}", "relation", start, kind, end)]
        case {"type": str(other)} if other not in ("entity", "relation"):
            return []  # of another version; the server itself passes over it
        case _:
            raise InvalidInput(
                'is neither an entity ("name", "entityType", "observations") nor a relation ("from", "to", '
                '"relationType")'
            )


def _draft(content: str, *parts: str) -> Draft:
    """A note for a part of the graph; `parts` tell which, and are its key."""
    fields = {
        "content": content.strip() or "(nothing)",
        "key": f"reference:{hashlib.sha256(json.dumps(parts).encode()).hexdigest()}",
        "data": {"reference": list(parts)},
        "source": Source(who="assistant", via=VIA),
        "trust": Trust.REPORTED,
    }
    return build(Draft, fields)
