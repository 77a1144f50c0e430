"""Times that a question names, as spans of real time. Pure: the asker's now is an argument."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_MONTH = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_PHRASE = re.compile(
    r"\b(?:(?:19|20)\d\d-\d\d-\d\d"
    rf"|\d{{1,2}}(?:st|nd|rd|th)?(?: of)? {_MONTH}\b(?:,? (?:19|20)\d\d)?"
    rf"|{_MONTH} \d{{1,2}}(?:st|nd|rd|th)?\b(?:,? (?:19|20)\d\d)?"
    rf"|{_MONTH},? (?:19|20)\d\d"
    rf"|(?:in|last|this|since) {_MONTH}\b(?:,? (?:19|20)\d\d|(?! (?:be|have|I|we|you|he|she|they)\b))"
    r"|(?:in|during|since) (?:19|20)\d\d"
    r"|yesterday|today|(?:last|this) (?:week|month|year|(?:mon|tues|wednes|thurs|fri|satur|sun)day)"
    r"|(?:\d+|an?|one|two|three|four|five|six) (?:day|week|month|year)s? ago)\b",
    re.IGNORECASE,
)
_LEAD = re.compile(r"^(?:in|during|since|last (?=[a-z]{3,9}$)|this (?=[a-z]{3,9}$))\s*", re.IGNORECASE)


def span(query: str, now: datetime) -> tuple[datetime, datetime] | None:
    """The time that the query names, as [start, end), or None: 'in May' is the last May that began.

    Args:
        query: the question; English.
        now: when it is asked (aware).
    """
    match = _PHRASE.search(query)
    if match is None:
        return None
    from dateparser.date import DateDataParser  # half a second of CPU that most questions do not need

    phrase = match.group()
    named = re.search(_MONTH, phrase, re.IGNORECASE)
    text = _LEAD.sub("", phrase) if named or phrase[-4:].isdigit() else phrase
    settings = {"RELATIVE_BASE": now.astimezone(UTC).replace(tzinfo=None), "PREFER_DATES_FROM": "past"}
    found = DateDataParser(languages=["en"], settings=settings).get_date_data(text)
    if found.date_obj is None:
        return None
    day = found.date_obj.replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=UTC)
    if found.period == "year":
        return day.replace(month=1, day=1), day.replace(year=day.year + 1, month=1, day=1)
    if found.period == "month":
        start = day.replace(day=1)
        return start, (start + timedelta(days=32)).replace(day=1)
    if found.period == "week":
        start = day - timedelta(days=day.weekday())
        return start, start + timedelta(days=7)
    return day, day + timedelta(days=1)
