"""Near-doubles of texts, written in ten ways, and near-doubles that differ in a value."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

from harness.corpus import Item

Change = Callable[[str, Random], str]
"""From a text to another way to say it; the same text where it cannot be said that way."""

_OPENINGS = ("By the way, ", "As I said, ", "Just so you know: ", "So, ", "Well, ", "Reminder: ")
_CLOSINGS = (", as I mentioned before.", ", you know.", ", to be honest.", "!!", " :)", " \U0001f600")
_SHORT = {
    "i am": "i'm",
    "do not": "don't",
    "it is": "it's",
    "cannot": "can't",
    "i have": "i've",
    "did not": "didn't",
}
_WORDS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6", "mom": "mother", "dad": "father",
          "kids": "children", "movie": "film", "photo": "picture", "awesome": "amazing", "really": "truly",
          "bought": "purchased", "big": "large", "started": "began"}  # fmt: skip
_ADVERBS = ("really", "actually", "definitely")
_MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October")
_NAMES = ("Melanie", "Caroline", "Gina", "Jon", "John", "Maria", "Joanna", "Nate", "Tim")
_TIME = re.compile(r"^(.{20,}[^,.!?]) ((?:in|on|at|last|next|since|during) (?:\w+ ){0,3}\w+)([.!])$")
TELLS_DAY = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|now"
    r"|this (?:morning|afternoon|evening|week\w*|month|year)|\w+day)\b",
    re.I,
)


def _swapped(pairs: dict[str, str], text: str) -> str:
    """The text with the first of these words that it says in its other form."""
    for one, other in pairs.items():
        for old, new in ((one, other), (other, one)):
            changed = re.sub(rf"\b{old}\b", new, text, count=1, flags=re.I)
            if changed != text:
                return changed
    return text


def _with_adverb(text: str, chance: Random) -> str:
    return re.sub(r"\b(I|we|she|he|they|it)\b ", rf"\1 {chance.choice(_ADVERBS)} ", text, count=1)


def _time_first(text: str, _: Random) -> str:
    found = _TIME.match(text)
    return f"{found[2].capitalize()}, {found[1]}{found[3]}" if found else text


WAYS: tuple[Change, ...] = (
    lambda text, _: text.upper() if len(text) < 200 else text.lower(),
    lambda text, _: re.sub(r"[.!,]", "", text),
    lambda text, chance: chance.choice(_OPENINGS) + text,
    lambda text, chance: text.rstrip(".! ") + chance.choice(_CLOSINGS),
    lambda text, _: _swapped(_SHORT, text),
    lambda text, _: _swapped(_WORDS, text),
    _with_adverb,
    _time_first,
    lambda text, chance: chance.choice(_OPENINGS) + _with_adverb(text, chance),
    lambda text, chance: _swapped(_SHORT, text.rstrip(".! ") + chance.choice(_CLOSINGS)),
)


def _number(text: str, _: Random) -> str:
    return re.sub(r"\b\d+\b", lambda found: str(int(found[0]) + 1), text, count=1)


def _name(text: str, chance: Random) -> str:
    for name in _NAMES:
        if re.search(rf"\b{name}\b", text):
            return text.replace(name, chance.choice([each for each in _NAMES if each != name]))
    return text


def _month(text: str, chance: Random) -> str:
    for month in _MONTHS:
        if re.search(rf"\b{month}\b", text):
            return text.replace(month, chance.choice([each for each in _MONTHS if each != month]))
    return text


def _denied(text: str, _: Random) -> str:
    return re.sub(r"\b(was|is|are|were|can|could|will|would|do|did)\b", r"\1 not", text, count=1)


VALUES: tuple[Change, ...] = (_number, _name, _month, _denied)
"""Ways to change a value: a number, a name, a date, a denial."""


def made(
    items: Sequence[Item], ways: Sequence[Change], count: int, mark: str, chance: Random
) -> list[tuple[Item, Item]]:
    """So many texts, each with one that was made of it; the ways take turns.

    What was made was said in a thread of its own, half of it on the same day and half of it on a later
    one. What tells its day by a word such as "yesterday" is said again
    on the same day only: later it is another day.
    """
    pairs: list[tuple[Item, Item]] = []
    pool = [item for item in items if 40 <= len(item.text) <= 400 and "?" not in item.text]
    chance.shuffle(pool)
    for place, item in enumerate(pool):
        change = next(
            (way for way in (*ways[place % len(ways) :], *ways) if way(item.text, chance) != item.text), None
        )
        if change is None or item.occurred_at is None:
            continue
        later = timedelta(0) if len(pairs) % 2 or TELLS_DAY.search(item.text) else timedelta(days=9)
        again = replace(
            item,
            key=f"{item.key}{mark}",
            text=change(item.text, chance),
            thread=f"{item.thread}{mark}{place}",
            occurred_at=item.occurred_at + later,
        )
        pairs.append((item, again))
        if len(pairs) == count:
            break
    return pairs
