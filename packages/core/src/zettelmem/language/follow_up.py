"""What a question leaves to the turns before it: "And when does she arrive?". Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .sameness import carries_nothing
from .words import names, words

TURNS = 4
"""The last turns that are looked at."""
LONGEST = 300
"""Characters of a query that leaves something to others; a longer one tells all itself."""
NAMES = 3
"""Names, and words, that are taken from them."""

_REFERS = re.compile(
    r"\b(?:she|he|her|hers|his|him|it|its|they|them|their|theirs"
    r"|(?<!is )(?<!are )(?<!was )(?<!were )there(?! (?:is|are|was|were))|that(?=\W*$)"
    r"|sie|er|ihr|ihre|ihrem|ihren|ihrer|sein|seine|seinem|seinen|seiner|ihm|ihn|dort|dorthin"
    r"|elle|lui|ella|\u00e9l|lei)\b",
    re.IGNORECASE,
)
_ELLIPSIS = re.compile(r"\s*(?:and|what about|how about|und|et|y|e)\b", re.IGNORECASE)
_CAPITALISED = re.compile(r"\b[A-Z\u00c0-\u00de][\w'\u2019-]*[a-z\u00df-\u00ff]\b")
_POSSESSIVE = re.compile(r"['\u2019]s?$")


def in_context(query: str, said: Sequence[str]) -> str:
    """The query with the names, or else the telling words, that it leaves to the turns before it.

    One that tells nothing itself, such as "And when?", gets both.

    Args:
        query: a question or some words. One that names somebody itself, or points at nothing, stays as it is.
        said: the turns just before it, oldest first.

    >>> in_context("When does she arrive?", ["Rita called me.", "What did she say?"])
    'When does she arrive? Rita'
    >>> in_context("When does Ana arrive?", ["Rita called me."])
    'When does Ana arrive?'
    """
    points = _REFERS.search(query) or _ELLIPSIS.match(query)
    _, _, rest = query.strip().partition(" ")
    if not points or len(query) > LONGEST or names(query) or _named(rest):
        return query
    turns = [turn for turn in reversed(said[-TURNS:]) if not carries_nothing(turn)]
    naming = next((turn for turn in turns if _named(turn)), None)
    telling = next((turn for turn in turns if words(turn)), "")
    meant = _named(naming)[:NAMES] if naming else words(telling)[:NAMES]
    if naming and _ELLIPSIS.match(query) and not words(query):
        meant += [word for word in words(naming) if word not in " ".join(meant).lower()][:NAMES]
    return " ".join([query, *meant])


def _named(text: str) -> list[str]:
    """The names in `text`, those included that begin a sentence."""
    longer = names(text)
    telling = set(words(text))
    written = [_POSSESSIVE.sub("", match) for match in _CAPITALISED.findall(text)]
    alone = [name for name in written if name.lower() in telling and name not in " ".join(longer)]
    return list(dict.fromkeys([*alone, *longer]))
