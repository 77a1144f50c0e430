"""What a question asks for, without the words that only make it a question. English."""

from __future__ import annotations

import re

from .words import words

_MEASURE = re.compile(
    r"\b(how)\s+(?:old|tall|big|large|heavy|far|deep|wide|high|expensive)\b",
    re.IGNORECASE,
)


def without_measure(question: str) -> str:
    """The question without the measure that it asks for: an "old car" does not answer "How old is she?".

    A question that has no other telling word keeps it.

    >>> without_measure("How old is my kid?"), without_measure("How tall am I?")
    ('How is my kid?', 'How tall am I?')
    """
    rest = _MEASURE.sub(r"\1", question)
    return rest if rest != question and words(rest) else question
