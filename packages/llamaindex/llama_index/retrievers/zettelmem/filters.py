"""LlamaIndex's metadata filters: what the store can do narrows its search, all is looked at here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from zettelmem import InvalidInput

from .nodes import KIND, OCCURRED_AT, TAGS, THREAD, TRUST


def pushed(filters: MetadataFilters) -> dict[str, Any]:
    """The arguments of `recall` by which the store itself applies filters, as far as it can."""
    if filters.condition not in (None, FilterCondition.AND):
        return {}
    plain = [each for each in filters.filters if isinstance(each, MetadataFilter)]
    found = [(_PUSHED.get((each.key, each.operator)), each.value) for each in plain]
    return {does[0]: does[1](value) for does, value in found if does}


def passes(metadata: Mapping[str, Any], filters: MetadataFilters) -> bool:
    """Whether the metadata of a node does, by LlamaIndex's own reading of each filter."""
    found = [
        passes(metadata, each) if isinstance(each, MetadataFilters) else _holds(metadata, each)
        for each in filters.filters
    ]
    if filters.condition is FilterCondition.OR:
        return any(found) or not found
    return not any(found) if filters.condition is FilterCondition.NOT else all(found)


def _holds(metadata: Mapping[str, Any], each: MetadataFilter) -> bool:
    if each.key == OCCURRED_AT and isinstance(each.value, str):  # spelled as the metadata spell theirs
        each = each.model_copy(update={"value": _moment(each.value).isoformat()})
    try:
        return build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[each]))("")
    except TypeError:  # this node's value is of another type than the filter's
        return False


def _moment(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        told = f"{OCCURRED_AT} is compared with {value!r}; send a date like 2026-05-03 or 2026-05-03T14:30Z"
        raise InvalidInput(told) from error
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)


_PUSHED: dict[tuple[str, str], tuple[str, Any]] = {
    (KIND, "=="): ("kinds", lambda kind: [kind]),
    (KIND, "in"): ("kinds", list),
    (TAGS, "contains"): ("tags", lambda tag: [tag]),
    (TAGS, "any"): ("tags", list),
    (THREAD, "=="): ("thread", str),
    (OCCURRED_AT, ">="): ("since", _moment),
    (OCCURRED_AT, "<"): ("until", _moment),
    (TRUST, ">="): ("min_trust", int),
}
"""What the store can do itself: the filter, and the argument of `recall` that says the same."""
