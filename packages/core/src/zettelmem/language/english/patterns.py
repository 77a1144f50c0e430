"""Whether two English sentences are one but for a value: "The backup runs at 2 am", "... at 4 am"."""

from __future__ import annotations

import re

from .clauses import TOKEN, kind_of, lower
from .lexicon import ADVERBS, BE, FUNCTION, PREPOSITIONS, VERBS, stem

LONGEST = 14
"""Words of a sentence that is compared."""
SLOT = 3
"""Words of a value."""
SHARED = 2
"""Telling words that the two sentences share at least."""

_MANY = frozenset(
    map(
        stem,
        "like love hate enjoy adore dislike speak know own have has read watch visit buy meet met play eat "
        "drink want need allergic cook see collect hear call remember write add say think feel try look find "
        "get send bring carry wear sell help teach learn support follow talk".split(),
    )
)
"""Verbs and adjectives of which a second value joins the first."""
_PAST = re.compile(
    r"\b(?:was|were|did|had|went|got|came|saw|took|made|gave|said|told|yesterday|ago|today|tonight|tomorrow|last)\b"
    r"|(?<!is )(?<!are )(?<!am )\b[a-z]{3,}ed\b",
    re.I,
)


def one_value_apart(one: str, other: str) -> bool:
    """Whether two sentences of the present differ in one value behind the verb, of one sort in both.

    >>> one_value_apart("The backup runs at 2 am.", "The backup runs at 4 am.")
    True
    """
    if _PAST.search(one) or _PAST.search(other):
        return False
    ours, theirs = TOKEN.findall(one), TOKEN.findall(other)
    if max(len(ours), len(theirs)) > LONGEST or list(map(lower, ours)) == list(map(lower, theirs)):
        return False
    start = _common(ours, theirs)
    end = _common(ours[start:][::-1], theirs[start:][::-1])
    mine, yours = ours[start : len(ours) - end], theirs[start : len(theirs) - end]
    before, after = list(map(lower, ours[:start])), list(map(lower, ours[len(ours) - end :]))
    if not 0 < len(mine) <= SLOT or not 0 < len(yours) <= SLOT or kind_of(mine) != kind_of(yours):
        return False
    counted = kind_of(mine).startswith(("number", "day", "clock"))
    follows = counted or _narrows(after)
    return kind_of(mine) != "" and _says_of_what(before) and follows and _telling(before + after, counted)


def _common(ours: list[str], theirs: list[str]) -> int:
    """How many words two lists begin with alike."""
    count = 0
    for mine, yours in zip(ours, theirs, strict=False):
        if lower(mine) != lower(yours):
            break
        count += 1
    return count


def _says_of_what(before: list[str]) -> bool:
    """Whether the words before a value hold a subject and a verb, or what looks like one."""
    verbs = BE | VERBS.keys() | (PREPOSITIONS - {"of"})
    return bool(verbs & set(before[1:])) or (len(before) > 2 and before[-1].endswith("s"))


def _narrows(after: list[str]) -> bool:
    """Whether the words after a value are none, or only tell when or for what."""
    return (
        not after
        or after[0] in PREPOSITIONS
        or after[0] in ("every", "each", "minutes", "hours", "days", "km")
    )


def _telling(words: list[str], counted: bool) -> bool:
    """Whether enough is shared for the two to be of one thing, and of a thing that has one value."""
    idle = FUNCTION | PREPOSITIONS | ADVERBS | BE | {"i", "we", "so", "very", "too", "quite", "pretty"}
    told = {stem(word) for word in words if word not in idle}
    return len(told) >= SHARED and (counted or not told & _MANY)
