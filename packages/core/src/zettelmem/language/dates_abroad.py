"""Times that a question in another language than English names, read with dateparser's own lists.

    question -> its language -> a phrase of dateparser's lists for it -> dateparser -> [start, end)

Read are the words for today, yesterday and their like, last and this week, month and year, so many of them
ago, weekdays, dates, a month with its year or behind "in", and "since" before any of these. dateparser
costs 0.2 s of CPU when it is first imported, so it is imported for questions that may name a time.
"""

# ruff: noqa: RUF001 (letters of other scripts look like Latin ones)

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from importlib import import_module
from itertools import chain
from typing import Any

from . import spans
from .languages import UNSURE, language_of
from .spans import DAY, Span

_CODES = {
    "german": "de",
    "french": "fr",
    "spanish": "es",
    "portuguese": "pt",
    "italian": "it",
    "dutch": "nl",
    "swedish": "sv",
    "danish": "da",
    "norwegian": "nb",
    "finnish": "fi",
    "hungarian": "hu",
    "polish": "pl",
    "czech": "cs",
    "romanian": "ro",
    "turkish": "tr",
    "indonesian": "id",
    "catalan": "ca",
}
"""dateparser's code of each language that `language_of` tells."""

_SCRIPTS = (
    (re.compile(r"[\u3040-\u30ff]"), "ja"),
    (re.compile(r"[\u4e00-\u9fff]"), "zh"),
    (re.compile(r"[\uac00-\ud7a3]"), "ko"),
    (re.compile(r"[\u0400-\u04ff]"), "ru"),
    (re.compile(r"[\u0370-\u03ff]"), "el"),
    (re.compile(r"[\u0590-\u05ff]"), "he"),
    (re.compile(r"[\u0600-\u06ff]"), "ar"),
    (re.compile(r"[\u0900-\u097f]"), "hi"),
    (re.compile(r"[\u0e00-\u0e7f]"), "th"),
)
"""The language of questions in each script, the first that fits."""

_TELLING = {
    "gestern": "de",
    "vorgestern": "de",
    "heute": "de",
    "letzte": "de",
    "letzten": "de",
    "dernier": "fr",
    "dernière": "fr",
    "ayer": "es",
    "anteayer": "es",
    "hoy": "es",
    "pasada": "es",
    "pasado": "es",
    "ieri": "it",
    "oggi": "it",
    "scorsa": "it",
    "ontem": "pt",
    "hoje": "pt",
    "gisteren": "nl",
    "vandaag": "nl",
    "vorige": "nl",
}
"""Languages of words that name a time, for questions whose own language is unsure or names none."""

_MONTHS = "january february march april may june july august september october november december".split()
_WEEKDAYS = "monday tuesday wednesday thursday friday saturday sunday".split()
_RELATIVE = (
    "0 day ago",
    "1 day ago",
    "2 day ago",
    "3 day ago",
    "0 week ago",
    "1 week ago",
    "2 week ago",
    "0 month ago",
    "1 month ago",
    "0 year ago",
    "1 year ago",
)
_AGO = (r"\1 day ago", r"\1 week ago", r"\1 month ago", r"\1 year ago")
_WITHOUT_BLANKS = frozenset({"ja", "zh", "ko", "th"})
_INSIDE = ("in", "im", "en", "em", "a", "w", "v", "i", "в", "au mois de", "au mois d'")
"""What stands before the name of a month or the number of a year, beside what dateparser lists."""
_SINCE = "seit|depuis|desde|sinds|sedan|siden|od|dal?|с"
_BEFORE = "vor|bis|avant|jusqu'à|jusqu'en|antes de|hasta|até|prima di|fino a|voor|tot|до|przed"
_ARTICLE = "dem|der|den|le|la|el|o"
_SINCE_BEHIND = re.compile(r" ?(?:以来|から|以后|之后|부터)")
_BEFORE_BEHIND = re.compile(r" ?(?:以前|まで|之前|까지)")


def span_abroad(query: str, now: datetime) -> Span | None:
    """The time that a query in another language than English names, or None.

    Args:
        query: the question.
        now: when it is asked (aware); days are those of its zone.
    """
    asked = query.lower()
    for code in _codes(asked):
        match = _phrases(code).search(asked)
        if match is not None:
            return _placed(match, asked, code, now)
    return None


def _placed(match: re.Match[str], asked: str, code: str, now: datetime) -> Span | None:
    """What a phrase means with the words around it; None where it would be open towards the past."""
    named = _read(match["named"] or match["phrase"], code, now)
    if named is None or match["before"] or _BEFORE_BEHIND.match(asked, match.end()):
        return None
    if match["since"] or _SINCE_BEHIND.match(asked, match.end()):
        return named[0], max(named[1], spans.midnight(now) + DAY)
    return named


def _codes(asked: str) -> list[str]:
    """dateparser's codes of the languages that a question may be in; none for English."""
    for script, code in _SCRIPTS:
        if not asked.isascii() and script.search(asked):
            return [code]
    words = re.findall(r"[^\W\d_]+", asked)
    language = language_of(words)
    if language == "english":
        return []
    codes = [_CODES[language]] if language != UNSURE else []
    return codes + [_TELLING[word] for word in words if word in _TELLING]


@cache
def _phrases(code: str) -> re.Pattern[str]:
    """One pattern for the phrases of a language that name a time; a name behind "in" is the group `named`."""
    known: dict[str, Any] = import_module(f"dateparser.data.date_translation_data.{code}").info
    month_names = _listed(known, _MONTHS)
    months = _any_of(month_names)
    long_months = _any_of([name for name in month_names if len(name) > 3 or name == "mai"])
    weekdays = _any_of([max(known[day], key=len) for day in _WEEKDAYS])
    relative = _any_of(_listed(known["relative-type"], _RELATIVE))
    number = r"(\d++[.,]?\d*+)"
    ago = "|".join(_listed(known["relative-type-regex"], _AGO)).replace(number, r"(?:\d{1,6}|\w+)")
    inside = "|".join(re.escape(word) for word in {*known.get("in", ()), *_INSIDE})
    of = r"(?:\.|er|º|°)?\s*(?:de |di |d')?"
    year = r"(?:19|20)\d\d"
    of_year = rf"(?: (?:de |del )?{year})?"
    alternatives = [
        rf"{year}-\d\d-\d\d|\d\d?\.\s?\d\d?\.\s?{year}",
        rf"(?:{year}年)?\d\d?月(?:\d\d?[日号])?|{year}年|{year}년(?: ?\d\d?월)?(?: ?\d\d?일)?",
        rf"\d\d?{of}(?:{months})\b\.?{of_year}",
        rf"(?:{months})\.?,? (?:de |del )?{year}",
        relative,
        ago,
        weekdays,
        rf"(?(since)|(?(before)|(?:{inside})\s+))(?P<named>(?:{long_months}){of_year}|{year})",
    ]
    phrase = "|".join(alternative for alternative in alternatives if alternative)
    word_before = rf"(?:(?:(?P<since>{_SINCE})|(?P<before>{_BEFORE}))\s(?:(?:{_ARTICLE})\s)?)?"
    bounds = (r"(?<!\w)", r"(?!\w)") if code not in _WITHOUT_BLANKS else ("", "")
    return re.compile(f"{bounds[0]}{word_before}(?P<phrase>{phrase}){bounds[1]}")


def _listed(known: Mapping[str, Sequence[str]], keys: Sequence[str]) -> list[str]:
    """What dateparser lists under all of these keys."""
    return list(chain.from_iterable(known.get(key, ()) for key in keys))


def _any_of(words: list[str]) -> str:
    """The words as alternatives, longer ones first, those of one or two Latin letters left out."""
    lowered = {word.lower() for word in words if len(word) > 2 or not word.isascii()}
    return "|".join(re.escape(word) for word in sorted(lowered, key=lambda word: (-len(word), word)))


def _read(phrase: str, code: str, now: datetime) -> Span | None:
    """What dateparser takes a phrase for; None where it does not understand it."""
    from dateparser.date import DateDataParser

    settings = {"RELATIVE_BASE": now.replace(tzinfo=None), "PREFER_DATES_FROM": "past"}
    meant = DateDataParser(languages=[code], settings=settings).get_date_data(phrase)
    if meant.date_obj is None:
        return None
    day = now.replace(year=meant.date_obj.year, month=meant.date_obj.month, day=meant.date_obj.day)
    match meant.period:
        case "year":
            return spans.year(now, day.year)
        case "month":
            return spans.month(now, day.year, day.month)
        case "week":
            return spans.week(day)
        case _:
            return spans.days(day)
