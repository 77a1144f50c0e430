"""Days, weeks, months and years as spans in the zone of a time. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

Span = tuple[datetime, datetime]
"""A time from its start up to, and without, its end; both aware, in one zone."""
DAY = timedelta(days=1)
WEEK = timedelta(days=7)


def midnight(moment: datetime) -> datetime:
    """The beginning of a day, in the zone of `moment`."""
    return moment.replace(hour=0, minute=0, second=0, microsecond=0)


def days(first: datetime, count: int = 1) -> Span:
    """That many days from the day of `first` on."""
    return midnight(first), midnight(first) + count * DAY


def week(moment: datetime) -> Span:
    """The week of `moment`, from Monday on."""
    return days(moment - moment.weekday() * DAY, 7)


def month(zone: datetime, of_year: int, number: int) -> Span:
    """A month in the zone of a time; the months go on beyond 1 and 12: month 0 is December before."""
    start_year, start_month = divmod(12 * of_year + number - 1, 12)
    end_year, end_month = divmod(12 * of_year + number, 12)
    first = midnight(zone).replace(day=1)
    start = first.replace(year=start_year, month=start_month + 1)
    return start, first.replace(year=end_year, month=end_month + 1)


def year(zone: datetime, number: int) -> Span:
    """A year in the zone of a time."""
    first = midnight(zone).replace(day=1, month=1)
    return first.replace(year=number), first.replace(year=number + 1)
