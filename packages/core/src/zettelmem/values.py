"""What every value is made of: checked kinds of text and time, and one readable error for the rest."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    StringConstraints,
    ValidationError,
)

from .errors import InvalidInput, LimitExceeded
from .limits import MAX_CONTENT, MAX_CONTEXT, MAX_DATA, MAX_DATA_DEPTH, MAX_REASON, MAX_WORD, MAX_WORDS

HALF_SURROGATE = "holds half a surrogate pair, which is no text; decode the bytes with errors='replace'"


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(
            "has no time zone, so nobody can tell when it was; use datetime.now(UTC) or "
            "value.replace(tzinfo=...)"
        )
    try:
        return value.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 in UTC; give a time inside them") from error


def moment(value: Any, zone: tzinfo | None, days: int = 0) -> Any:
    """A date or a time without a zone as a moment in that zone; what is neither stays as it is.

    Args:
        value: of a date, its first moment is meant. A time without a zone stays so where `zone` is None.
        zone: whose days; UTC where None.
        days: so many days later, of a date.

    Raises:
        InvalidInput: it lies outside the calendar.
    """
    if isinstance(value, datetime):
        return value.replace(tzinfo=zone) if value.tzinfo is None and zone is not None else value
    if not isinstance(value, date):
        return value
    try:
        day = value + timedelta(days=days)
        return datetime(day.year, day.month, day.day, tzinfo=zone or UTC).astimezone(UTC)
    except OverflowError as error:
        raise InvalidInput(f"{value} lies outside the years 1 to 9999; give another day") from error


def dated(fields: Mapping[str, Any], zone: tzinfo | None) -> dict[str, Any]:
    """The fields, with dates and times without a zone among them as moments in that zone."""
    return {name: moment(value, zone) for name, value in fields.items()}


def words(value: Any) -> Any:
    """`value`, unless it is one string where several are meant."""
    if isinstance(value, str):
        raise ValueError("is one string; give a list of strings, such as ['porto', 'flat']")
    return value


def _unique(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word for word in (raw.strip() for raw in value) if word))


def tag_key(tag: str) -> str:
    """What two spellings of a tag have in common: no "#" before it, and no case."""
    return tag.lstrip("#").casefold()


def _without_marks(tags: tuple[str, ...]) -> tuple[str, ...]:
    # "#" is how tags are shown, not a part of them.
    return _unique(tuple(tag.lstrip("#") for tag in tags))


Time = Annotated[datetime, AfterValidator(_utc)]
Word = Annotated[str, StringConstraints(max_length=MAX_WORD)]
Words = Annotated[
    tuple[Word, ...],
    BeforeValidator(words),
    AfterValidator(_unique),
    Field(max_length=MAX_WORDS),
]
Tags = Annotated[Words, AfterValidator(_without_marks)]
Content = Annotated[str, StringConstraints(min_length=1, max_length=MAX_CONTENT)]
Context = Annotated[str, StringConstraints(max_length=MAX_CONTEXT)]
Reason = Annotated[str, StringConstraints(max_length=MAX_REASON)]
KindName = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,31}$")]
Weight = Annotated[float, Field(gt=0.0, le=1.0)]
Label = Annotated[str, StringConstraints(min_length=1, max_length=500)]


class Value(BaseModel):
    """Base of every value here: frozen, and refusing fields it does not know."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_default=True, defer_build=True
    )


ValueT = TypeVar("ValueT", bound=BaseModel)


def build(model: type[ValueT], fields: Mapping[str, Any] | ValueT) -> ValueT:
    """Make a value from loose fields, turning pydantic's report into one readable error.

    Raises:
        LimitExceeded: something is too long or too many.
        InvalidInput: anything else is wrong.
    """
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        raise refusal(error) from error


def refusal(error: ValidationError) -> InvalidInput:
    """The readable error for pydantic's: which field, what is wrong, what to send."""
    problems: list[str] = []
    limit = False
    for each in error.errors(include_url=False):
        where = ".".join(str(part) for part in each["loc"]) or "value"
        message = each["msg"].removeprefix("Value error, ")
        limit = limit or each["type"] in {"string_too_long", "too_long"}
        if each["type"] == "extra_forbidden":
            message = "is no field here; leave it out"
        if each["type"] == "string_unicode":
            message = HALF_SURROGATE
        if each["type"] == "string_too_long":
            message = f"is longer than {each['ctx']['max_length']} characters; shorten or split it"
        if each["type"] == "too_long":
            message = f"has more than {each['ctx']['max_length']} items; keep the most telling ones"
        problems.append(f"{where}: {message}")
    return (LimitExceeded if limit else InvalidInput)("; ".join(problems))


def _depth(value: JsonValue, level: int = 1) -> int:
    if level > MAX_DATA_DEPTH or not isinstance(value, dict | list):
        return level
    inner: Iterable[JsonValue] = value.values() if isinstance(value, dict) else value
    return max((_depth(each, level + 1) for each in inner), default=level)


def _sized(value: dict[str, JsonValue]) -> dict[str, JsonValue]:
    if _depth(value) > MAX_DATA_DEPTH:
        raise ValueError(f"nests deeper than {MAX_DATA_DEPTH} levels; flatten it")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        # Kept as an escape it would be stored, and no export and no backup could write it any more.
        raise ValueError(HALF_SURROGATE) from error
    size = len(json.dumps(value))
    if size > MAX_DATA:
        raise ValueError(
            f"is {size:,} characters of JSON, over {MAX_DATA:,}; split it over several notes, or keep "
            "it in a file and remember where"
        )
    return value


Data = Annotated[dict[str, JsonValue], AfterValidator(_sized)]
