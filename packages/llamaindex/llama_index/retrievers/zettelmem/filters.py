"""LlamaIndex's metadata filters: what the store can do narrows its search, all is looked at here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, tzinfo
from typing import Any

from llama_index.core.vector_stores.types import FilterCondition, MetadataFilter, MetadataFilters
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from zettelmem import InvalidInput

from .nodes import KIND, OCCURRED_AT, TAGS, THREAD, TRUST


def pushed(filters: MetadataFilters, zone: tzinfo | None) -> dict[str, Any]:
    """The arguments of `recall` by which the store itself applies filters, as far as it can.

    Args:
        filters: what LlamaIndex asks for.
        zone: whose days dates are; UTC where None.
    """
    if filters.condition not in (None, FilterCondition.AND):
        return {}
    plain = [each for each in filters.filters if isinstance(each, MetadataFilter)]
    found = [(_PUSHED.get((each.key, each.operator)), each.value) for each in plain]
    told: dict[str, Any] = {}
    for does, value in found:
        if does:
            told[does[0]] = _moment(value, zone) if does[1] is _moment else does[1](value)
    return told


def passes(metadata: Mapping[str, Any], filters: MetadataFilters, zone: tzinfo | None) -> bool:
    """Whether the metadata of a node does, by LlamaIndex's own reading of each filter."""
    found = [
        passes(metadata, each, zone) if isinstance(each, MetadataFilters) else _holds(metadata, each, zone)
        for each in filters.filters
    ]
    if filters.condition is FilterCondition.OR:
        return any(found) or not found
    return not any(found) if filters.condition is FilterCondition.NOT else all(found)


def _holds(metadata: Mapping[str, Any], each: MetadataFilter, zone: tzinfo | None) -> bool:
    if each.key == OCCURRED_AT and isinstance(each.value, str):  # spelled as the metadata spell theirs
        each = each.model_copy(update={"value": _moment(each.value, zone).isoformat()})
    try:
        return build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[each]))("")
    except TypeError:  # this node's value is of another type than the filter's
        return False


def _moment(value: object, zone: tzinfo | None) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        told = f"{OCCURRED_AT} is compared with {value!r}; send a date like 2026-05-03 or 2026-05-03T14:30Z"
        raise InvalidInput(told) from error
    return (found if found.tzinfo else found.replace(tzinfo=zone or UTC)).astimezone(UTC)


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
