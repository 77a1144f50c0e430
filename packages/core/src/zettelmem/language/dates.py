"""Times that a question names, as spans of real time. Pure: the asker's now is an argument.

    question -> phrase, with the word before it ("since") -> [start, end) in the asker's zone

English is read by the rules below, each a pattern and what it means; other languages are read by dateparser
(`dates_abroad`). What is not understood is not guessed: `span` then says None.

A day is a day of the asker's zone, a week begins on Monday. A month or a day without a year is the last one
that began, a weekday the last one before today.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from . import spans
from .dates_abroad import span_abroad
from .spans import DAY, WEEK, Span

_Reader = Callable[[re.Match[str], datetime], Span | None]
"""What a matched phrase means at a time, in the zone of that time."""

MAX_QUESTION = 1_000
"""Characters of a question that are searched for a time."""

_MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
_WEEKDAYS = "mon tue wed thu fri sat sun".split()
_NUMBERS = "zero one two three four five six seven eight nine ten eleven twelve".split()
_DAYS_OF = {"day": 1, "week": 7, "month": 30, "year": 365}
_NEAR = {"yesterday": -1, "today": 0, "this": 0, "tomorrow": 1}
_HOURS = {"morning": (5, 12), "afternoon": (12, 18), "evening": (18, 24), "night": (18, 30)}
"""When each part of a day is, in hours since its midnight."""

_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_YEAR = r"(?P<year>(?:19|20)\d\d)\b"
_DATE = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?\b"
_NUMBER = rf"(?P<number>\d{{1,9}}|an?|{'|'.join(_NUMBERS[1:])})"
_UNIT = r"(?P<unit>day|week|month|year)"
_FIRST_DAY = r"(?P<first_day>\d{1,2})(?:st|nd|rd|th)?\s*(?:-|\u2013|to|and|until|through)\s*"
_PART = r"(?P<part>morning|afternoon|evening|night)\b"
_WEEKDAY = r"(?P<weekday>(?:mon|tues|wednes|thurs|fri|satur|sun)day)\b"

# Most questions hold no such word and are not read further.
_HINT = re.compile(
    r"\b(?:\d+(?:st|nd|rd|th)?|yesterday|today|tonight|tomorrow|days?|weeks?|weekend|months?|years?|night"
    rf"|morning|afternoon|evening|{_MONTH}|{_WEEKDAY})\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"(?<![\w/.-])\w+")
_LEAD = re.compile(
    r"(between|from|since|after|before|until|till|by|in|during|on|last|this)\s+", re.IGNORECASE
)
_VERB = re.compile(r"(?i:this) (?:may|march)\b")
_AND = re.compile(r"\s*(?:and|to|until|till|through|-|\u2013)\s+", re.IGNORECASE)


def span(query: str, now: datetime) -> Span | None:
    """The time that the query names, as [start, end), or None.

    Args:
        query: the question.
        now: when it is asked (aware); days are those of its zone.

    >>> from datetime import UTC
    >>> start, end = span("What happened since Monday?", datetime(2026, 5, 20, 13, tzinfo=UTC))
    >>> str(start.date()), str(end.date())
    ('2026-05-18', '2026-05-21')
    """
    asked = query[:MAX_QUESTION]
    named = _english(asked, now) if _HINT.search(asked) else None
    named = named or span_abroad(asked, now)
    return named if named and named[0] < named[1] else None


class _Phrase(NamedTuple):
    """A time that stands in a question: where it ends there, and what it means.

    It means nothing where the calendar has no such time, as on 31 February.
    """

    end: int
    span: Span | None


def _english(query: str, now: datetime) -> Span | None:
    """The first time that stands in the query, taken as the word before it says."""
    for word in _WORD.finditer(query):
        whole = _phrase(query, word.start(), now, _RELATIVE + _DATES)
        if whole is not None:
            return whole.span
        lead = _LEAD.match(query, word.start())
        if lead is None or _VERB.match(query, word.start()):
            continue
        named = _phrase(query, lead.end(), _reference(lead[1].lower(), now), _RELATIVE + _DATES + _NAMES)
        if named is not None:
            return _led(lead, named, query, now)
    return None


def _reference(lead: str, now: datetime) -> datetime:
    """The time that a name is read from: "last May" is not the one that is still going on."""
    return now.replace(day=1) - DAY if lead == "last" else now


def _phrase(query: str, place: int, now: datetime, rules: tuple[_Rule, ...]) -> _Phrase | None:
    """The longest time that stands in the query from that place on."""
    longest: _Phrase | None = None
    for pattern, read in rules:
        match = pattern.match(query, place)
        if match is not None and (longest is None or match.end() > longest.end):
            longest = _Phrase(match.end(), read(match, now))
    return longest


def _led(lead: re.Match[str], named: _Phrase, query: str, now: datetime) -> Span | None:
    """What a time means behind a word such as "since"; None where it would be open towards the past."""
    if named.span is None:
        return None
    start, end = named.span
    today_ends = spans.midnight(now) + DAY
    match lead[1].lower():
        case "between" | "from":
            return _from_to(lead, named, query, now)
        case "since":
            return start, max(end, today_ends)
        case "after":
            return end, today_ends
        case "before" | "until" | "till" | "by":
            return None
        case _:
            return named.span


def _from_to(lead: re.Match[str], first: _Phrase, query: str, now: datetime) -> Span | None:
    """From the first time to a second one; "photos from May" have the first alone."""
    joint = _AND.match(query, first.end)
    last = _phrase(query, joint.end(), now, _RELATIVE + _DATES + _NAMES) if joint else None
    if last is None:
        return first.span if lead[1].lower() == "from" else None
    if last.span is None:
        return None
    # "between March and May 2025": the first is the last March before that May.
    named = _phrase(query, lead.end(), last.span[0], _DATES + _NAMES) or first
    return (named.span[0], last.span[1]) if named.span else None


def _part(day: datetime, part: str) -> Span:
    first, last = _HOURS[part]
    return spans.midnight(day) + timedelta(hours=first), spans.midnight(day) + timedelta(hours=last)


def _number(written: str) -> int:
    if written.isdecimal():
        return int(written)
    word = written.lower()
    return 1 if word in ("a", "an") else _NUMBERS.index(word)


def _back(unit: str, count: int, now: datetime) -> Span | None:
    """The day, week, month or year that lies that many of them back; None before the calendar begins."""
    if count * _DAYS_OF[unit] >= now.toordinal() - 2 * _DAYS_OF["year"]:
        return None
    if unit == "day":
        return spans.days(now - count * DAY)
    if unit == "week":
        return spans.week(now - count * WEEK)
    if unit == "month":
        return spans.month(now, now.year, now.month - count)
    return spans.year(now, now.year - count)


def _calendar_day(zone: datetime, year: int, month: int, day: int) -> Span | None:
    """A day of the calendar; None where there is no such day."""
    if not 1 <= month <= 12:
        return None
    start, end = spans.month(zone, year, month)
    there = start + (day - 1) * DAY
    return spans.days(there) if start <= there < end else None


def _month_number(match: re.Match[str]) -> int:
    return _MONTHS.index(match["month"][:3].lower()) + 1


def _read_numeric(match: re.Match[str], now: datetime) -> Span | None:
    return _calendar_day(now, int(match["year"]), int(match["month"]), int(match["day"]))


def _read_day(match: re.Match[str], now: datetime) -> Span | None:
    """A day of a month; without a year the last one that began."""
    month, day = _month_number(match), int(match["day"])
    if match["year"]:
        last = _calendar_day(now, int(match["year"]), month, day)
    else:
        # Eight years, because 29 February can be that far back.
        years = range(now.year, max(now.year - 9, 1), -1)
        days = (_calendar_day(now, year, month, day) for year in years)
        last = next((each for each in days if each and each[0] <= now), None)
    first = match.groupdict().get("first_day")
    if last is None or first is None:
        return last
    return (last[0] - (day - int(first)) * DAY, last[1]) if 0 < int(first) < day else None


def _read_month(match: re.Match[str], now: datetime) -> Span | None:
    """A month; without a year the last one that began."""
    month = _month_number(match)
    if "year" in match.groupdict():
        return spans.month(now, int(match["year"]), month)
    return spans.month(now, now.year if month <= now.month else now.year - 1, month)


def _read_year(match: re.Match[str], now: datetime) -> Span | None:
    return spans.year(now, int(match["year"]))


def _read_weekday(match: re.Match[str], now: datetime) -> Span | None:
    """The last such day before today; of this week with "this", of the next week with "next"."""
    weekday = _WEEKDAYS.index(match["weekday"][:3].lower())
    monday = now - now.weekday() * DAY
    which = (match.groupdict().get("which") or "last").lower()
    if which in ("this", "next"):
        return spans.days(monday + (weekday + 7 * (which == "next")) * DAY)
    return spans.days(now - ((now.weekday() - weekday - 1) % 7 + 1) * DAY)


def _read_near(match: re.Match[str], now: datetime) -> Span | None:
    return spans.days(now + _NEAR[match["near"].lower()] * DAY)


def _read_day_before(match: re.Match[str], now: datetime) -> Span | None:
    return spans.days(now - 2 * DAY)


def _read_part(match: re.Match[str], now: datetime) -> Span | None:
    return _part(now + _NEAR[match["near"].lower()] * DAY, match["part"].lower())


def _read_night(match: re.Match[str], now: datetime) -> Span | None:
    return _part(now - DAY if match["which"] else now, "night")


def _read_weekend(match: re.Match[str], now: datetime) -> Span | None:
    """Saturday and Sunday; "the weekend" is the last one that began."""
    saturday = now + (5 - now.weekday()) * DAY
    weeks = {"last": -1, "this": 0, "next": 1, "the": 0 if now.weekday() >= 5 else -1}
    return spans.days(saturday + weeks[match["which"].lower()] * WEEK, 2)


def _read_past(match: re.Match[str], now: datetime) -> Span | None:
    """The time up to today, as in "the last three weeks"."""
    count = _number(match["number"] or "one")
    first = _back("day", count * _DAYS_OF[match["unit"].lower()], now)
    return (first[0], spans.midnight(now) + DAY) if first else None


def _read_unit(match: re.Match[str], now: datetime) -> Span | None:
    steps = {"last": 1, "this": 0, "next": -1}
    return _back(match["unit"].lower(), steps[match["which"].lower()], now)


def _read_ago(match: re.Match[str], now: datetime) -> Span | None:
    return _back(match["unit"].lower(), _number(match["number"]), now)


_Rule = tuple[re.Pattern[str], _Reader]


def _rule(pattern: str, read: _Reader) -> _Rule:
    return re.compile(pattern, re.IGNORECASE), read


_RELATIVE = (
    _rule(r"(?:the\s+)?day\s+before\s+yesterday\b", _read_day_before),
    _rule(r"(?P<near>yesterday|today|tomorrow)\b", _read_near),
    _rule(rf"(?P<near>yesterday|this|tomorrow)\s+{_PART}", _read_part),
    _rule(r"(?:(?P<which>last)\s+night|tonight)\b", _read_night),
    _rule(r"(?:(?:on|over|during|at)\s+)?(?P<which>last|this|next|the)\s+weekend\b", _read_weekend),
    _rule(rf"(?:in|over|during|within|for)\s+the\s+(?:last|past)\s+(?:{_NUMBER}\s+)?{_UNIT}s?\b", _read_past),
    _rule(rf"(?P<which>last|this|next)\s+{_UNIT}\b", _read_unit),
    _rule(rf"{_NUMBER}\s+{_UNIT}s?\s+ago\b", _read_ago),
    _rule(rf"(?P<which>last|this|next|on)\s+{_WEEKDAY}", _read_weekday),
)
_DATES = (
    _rule(r"(?P<year>(?:19|20)\d\d)-(?P<month>\d\d)-(?P<day>\d\d)\b", _read_numeric),
    _rule(r"(?P<year>(?:19|20)\d\d)/(?P<month>\d\d?)/(?P<day>\d\d?)\b", _read_numeric),
    _rule(r"(?P<day>\d\d?)\.(?P<month>\d\d?)\.(?P<year>(?:19|20)\d\d)\b(?!\.\d)", _read_numeric),
    _rule(rf"(?:the\s+)?(?:{_FIRST_DAY})?{_DATE}(?:\s+of)?\s+{_MONTH}(?:,?\s+{_YEAR})?", _read_day),
    _rule(rf"{_MONTH}\s+(?:the\s+)?(?:{_FIRST_DAY})?{_DATE}(?!:)(?:,?\s+{_YEAR})?", _read_day),
    _rule(rf"{_MONTH}(?:\s+of)?,?\s+{_YEAR}", _read_month),
)
_NAMES = (
    _rule(_MONTH, _read_month),
    _rule(_YEAR, _read_year),
    _rule(_WEEKDAY, _read_weekday),
)
"""Names that are a time only behind a word such as "in", because "may" and "march" are verbs as well."""
