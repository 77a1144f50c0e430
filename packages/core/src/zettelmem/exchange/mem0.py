"""mem0's memories: the list that `get_all` gives, alone or under "results"."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_WORDS
from zettelmem.note import Source, Trust
from zettelmem.values import build

from .incoming import BadLine, Incoming, Reading, read_time
from .items import Item

KEPT = ("user_id", "agent_id", "app_id", "actor_id", "metadata")
"""Fields that are kept as the note's `data`."""


def fits(value: Any) -> bool:
    """Whether an item is a memory, or an object with a list of them."""
    if not isinstance(value, dict):
        return False
    listed = value.get("results")
    if isinstance(listed, list):
        return not listed or fits(listed[0])
    return isinstance(value.get("memory"), str) and "id" in value


def read(items: Iterable[Item], how: Reading) -> Iterator[Incoming | BadLine]:
    """A note a memory. mem0's model wrote them, so they are trusted as reported."""
    for item in items:
        listed = item.value.get("results") if isinstance(item.value, dict) else None
        for number, memory in enumerate(listed if isinstance(listed, list) else [item.value], 1):
            try:
                draft = _draft(memory, how)
            except InvalidInput as error:
                where = f"result {number}: " if isinstance(listed, list) else ""
                yield BadLine(item.line, f"{where}{error}", item.read)
                continue
            yield Incoming(item.line, draft, None, item.read)


def _draft(memory: Any, how: Reading) -> Draft:
    if not fits(memory):
        raise InvalidInput('is no memory; one is {"id": ..., "memory": ...}')
    at = memory.get("updated_at") or memory.get("created_at")
    data = {name: memory[name] for name in KEPT if memory.get(name)}
    categories = memory.get("categories")
    fields = {
        "content": memory["memory"],
        "key": f"mem0:{memory['id']}",
        "thread": memory.get("run_id") or how.thread,
        "tags": categories[:MAX_WORDS] if isinstance(categories, list) and categories else None,
        "data": data or None,
        "occurred_at": None if at is None else read_time(at, how.zone),
        "source": Source(who="assistant", via=how.via),
        "trust": Trust.REPORTED,
    }
    return build(Draft, fields)
