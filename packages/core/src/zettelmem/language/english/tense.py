"""Whether English words are about now, the past, or what lies ahead."""

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
_PLANS = re.compile(
    r"\b(?:plan(?:s|ned|ning)?|going to|gonna|will|intends?|deadline|due|appointment|to-?do|open question"
    r"|scheduled|booked|tomorrow|next (?:week|month|year|time|spring|summer|autumn|winter|\w+day)"
    r"|(?:has|have|needs?) to|(?:is|are|am) (?:moving|leaving|meeting|travelling|flying|getting married))\b",
    re.IGNORECASE,
)
_REMINDS = re.compile(r"\bagain\s*\?*\s*$", re.IGNORECASE)
"""Who asks "What was the code again?" asks for the code as it is."""


def asks_about_past(query: str) -> bool:
    """Whether the words ask for what was so, or for what happened, rather than for what is so now."""
    if _REMINDS.search(query):
        return False
    return _PAST.search(_OLD_AGE.sub("", query)) is not None


def tells_plan(text: str) -> bool:
    """Whether the words tell of something that lies ahead, or is still to be done."""
    return _PLANS.search(text) is not None
