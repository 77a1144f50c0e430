"""The user's days: time zones by name, and what a memory gives with its times told in one. Pure.

Times are kept in UTC. They are the same moments in every zone, but not the same days.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime, tzinfo
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar
from zoneinfo import ZoneInfo

from .decisions import Neighbour, Question, Remembered
from .drafts import Draft
from .errors import InvalidInput
from .note import Note
from .queries import Graph, Hit, Page, Stats

ToldT = TypeVar("ToldT")
Given = ParamSpec("Given")


class Zoned(Protocol):
    """What has a time zone of its own: a memory."""

    zone: tzinfo | None


ZonedT = TypeVar("ZonedT", bound=Zoned)
_Verb = Callable[Concatenate[ZonedT, Given], Coroutine[Any, Any, ToldT]]


def zone_of(name: str | tzinfo | None) -> tzinfo | None:
    """The time zone of a name; a zone is its own, and None stays None.

    Raises:
        InvalidInput: there is no such time zone.
    """
    if name is None or isinstance(name, tzinfo):
        return name
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, TypeError, ValueError) as error:
        raise InvalidInput(f"{name!r} is no time zone; give one such as Europe/Lisbon or UTC") from error


def in_zone(verb: _Verb[ZonedT, Given, ToldT]) -> _Verb[ZonedT, Given, ToldT]:
    """The verb, giving times in the zone of the call (`timezone=`), or else of the memory."""

    @wraps(verb)
    async def told(memory: ZonedT, /, *args: Given.args, **kwargs: Given.kwargs) -> ToldT:
        name = kwargs.get("timezone")
        zone = zone_of(name) if isinstance(name, str | tzinfo) else memory.zone
        return told_in(zone, await verb(memory, *args, **kwargs))

    return told


def told_in(zone: tzinfo | None, value: ToldT) -> ToldT:
    """What a verb gives, with the times of its notes in that zone; as it is where the zone is None."""
    return value if zone is None else _told(zone, value)


def _told(zone: tzinfo, value: Any) -> Any:
    match value:
        case datetime():
            return _moved(zone, value)
        case list() | tuple():
            return type(value)(_told(zone, each) for each in value)
        case dict():
            return {key: _told(zone, each) for key, each in value.items()}
        case Note():
            return _note(zone, value)
        case Draft():
            return value.model_copy(update={"occurred_at": _told(zone, value.occurred_at)})
        case Hit() | Neighbour():
            return value.model_copy(update={"note": _note(zone, value.note)})
        case Remembered():
            around = _told(zone, value.neighbours)
            return value.model_copy(update={"note": _note(zone, value.note), "neighbours": around})
        case Question():
            return value.model_copy(update={"neighbours": _told(zone, value.neighbours)})
        case Page() | Graph():
            return value.model_copy(update={"notes": _told(zone, value.notes)})
        case Stats():
            return value.model_copy(
                update={"first": _told(zone, value.first), "last": _told(zone, value.last)}
            )
        case _:
            return value


def _note(zone: tzinfo, note: Note) -> Note:
    times = {name: value for name, value in note if isinstance(value, datetime)}
    history = tuple(entry.model_copy(update={"at": _moved(zone, entry.at)}) for entry in note.history)
    moved = {name: _moved(zone, value) for name, value in times.items()}
    return note.model_copy(update={**moved, "history": history})


def _moved(zone: tzinfo, moment: datetime) -> datetime:
    try:
        return moment.astimezone(zone)
    except OverflowError:  # at the ends of the calendar
        return moment
