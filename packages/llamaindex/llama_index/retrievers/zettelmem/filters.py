"""LlamaIndex's metadata filters: what the store can do is its job, the rest is looked at here. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from llama_index.core.vector_stores.types import (
    FilterCondition,
    FilterOperator,
    MetadataFilter,
    MetadataFilters,
)
from llama_index.core.vector_stores.utils import build_metadata_filter_fn

from zettelmem import InvalidInput, Trust

from .nodes import KIND, OCCURRED_AT, TAGS, THREAD, TRUST


def split(filters: MetadataFilters | None) -> tuple[dict[str, Any], MetadataFilters | None]:
    """The arguments of `recall` that say the same, and the filters that are left."""
    if filters is None:
        return {}, None
    if (filters.condition or FilterCondition.AND) is not FilterCondition.AND:
        return {}, filters
    arguments: dict[str, Any] = {}
    rest: list[MetadataFilter | MetadataFilters] = []
    for each in filters.filters:
        found = _argument(each) if isinstance(each, MetadataFilter) else None
        if found is None or found[0] in arguments:
            rest.append(each)
        else:
            arguments[found[0]] = found[1]
    return arguments, MetadataFilters(filters=rest) if rest else None


def _argument(each: MetadataFilter) -> tuple[str, Any] | None:
    found = _PUSHED.get((each.key, each.operator))
    return found and (found[0], found[1](each.value))


def passes(metadata: Mapping[str, Any], filters: MetadataFilters) -> bool:
    """Whether the metadata of a node does, by LlamaIndex's own reading of each filter."""
    found = [
        passes(metadata, each) if isinstance(each, MetadataFilters) else _holds(metadata, each)
        for each in filters.filters
    ]
    match filters.condition:
        case FilterCondition.OR:
            return any(found) or not found
        case FilterCondition.NOT:
            return not any(found)
        case _:
            return all(found)


def _holds(metadata: Mapping[str, Any], each: MetadataFilter) -> bool:
    if each.key == OCCURRED_AT and isinstance(each.value, str):  # compare moments, not spellings
        each = each.model_copy(update={"value": _spelled(each.value)})
        metadata = {**metadata, OCCURRED_AT: _spelled(metadata[OCCURRED_AT])}
    holds = build_metadata_filter_fn(lambda _: metadata, MetadataFilters(filters=[each]))
    try:
        return holds("")
    except TypeError:  # this node's value is of another type than the filter's
        return False


def _moment(value: object) -> datetime:
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise InvalidInput(
            f"{OCCURRED_AT} is compared with {value!r}; send a date like 2026-05-03 or "
            "2026-05-03T14:30:00+02:00"
        ) from error
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _spelled(value: str) -> str:
    return _moment(value).astimezone(UTC).isoformat(timespec="microseconds")


def _alone(value: object) -> list[object]:
    return [value]


_PUSHED: dict[tuple[str, FilterOperator], tuple[str, Callable[[Any], Any]]] = {
    (KIND, FilterOperator.EQ): ("kinds", _alone),
    (KIND, FilterOperator.IN): ("kinds", list),
    (TAGS, FilterOperator.CONTAINS): ("tags", _alone),
    (TAGS, FilterOperator.ANY): ("tags", list),
    (THREAD, FilterOperator.EQ): ("thread", str),
    (OCCURRED_AT, FilterOperator.GTE): ("since", _moment),
    (OCCURRED_AT, FilterOperator.LT): ("until", _moment),
    (TRUST, FilterOperator.GTE): ("min_trust", Trust),
}
"""What the store can do itself: the filter, and the argument of `recall` that says the same."""
