"""What was read off a text once is kept, so that a note's words are not read again for each new neighbour."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, wraps
from typing import Concatenate, ParamSpec, TypeVar, cast

TEXTS = 16_384
"""Texts of which each reading is kept; those asked for last."""
LONGEST = 2_000
"""Characters of the longest text that is kept; so all that one reading keeps is bounded too."""

More = ParamSpec("More")
Found = TypeVar("Found")


def kept(read: Callable[Concatenate[str, More], Found]) -> Callable[Concatenate[str, More], Found]:
    """A pure function of a text, which remembers what it found in short ones. Its results are immutable."""
    remembering = cast(Callable[Concatenate[str, More], Found], lru_cache(TEXTS)(read))

    @wraps(read)
    def reading(text: str, /, *args: More.args, **kwargs: More.kwargs) -> Found:
        return (remembering if len(text) <= LONGEST else read)(text, *args, **kwargs)

    return reading
