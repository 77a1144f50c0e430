"""Whether an English question is about now or about the past."""

from __future__ import annotations

import re

_PAST = re.compile(
    r"\b(?:was|were|did|had|used to|before|previous(?:ly)?|original(?:ly)?|former(?:ly)?|earlier"
    r"|initial(?:ly)?|back then|at first|in the past|ago|history|no longer|any ?more|changed?|switched|moved"
    r"|replaced|until"
    r"|over the (?:years|time)|ever|last (?:week|month|year|spring|summer|autumn|winter|time)|old"
    r"|(?:in|during|since) (?:(?:19|20)\d\d|january|february|march|april|may|june|july|august|september"
    r"|october|november|december))\b",
    re.IGNORECASE,
)
_OLD_AGE = re.compile(r"\bhow old\b|\byears? old\b", re.IGNORECASE)
_REMINDS = re.compile(r"\bagain\s*\?*\s*$", re.IGNORECASE)
"""Who asks "What was the code again?" asks for the code as it is."""


def asks_about_past(query: str) -> bool:
    """Whether the words ask for what was so, or for what happened, rather than for what is so now."""
    if _REMINDS.search(query):
        return False
    return _PAST.search(_OLD_AGE.sub("", query)) is not None
