"""What a question asks for, without the words that only make it a question. English."""

from __future__ import annotations

import re

from .words import words

_MEASURE = re.compile(
    r"\b(how)\s+(?:old|tall|big|large|heavy|far|deep|wide|high|expensive)\b",
    re.IGNORECASE,
)


def gist(question: str) -> str:
    """The question without the measure that it asks for: an "old car" does not answer "How old is she?".

    A question that has no other telling word keeps it.

    >>> gist("How old is my kid?"), gist("Where is the old car?"), gist("How tall am I?")
    ('How is my kid?', 'Where is the old car?', 'How tall am I?')
    """
    rest = _MEASURE.sub(r"\1", question)
    return rest if words(rest) else question
