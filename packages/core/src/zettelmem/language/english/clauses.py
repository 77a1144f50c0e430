"""Parts of an English clause: whose and what it is about, and what sort of value it names."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

from .lexicon import (
    ADVERBS,
    CLOCK,
    COLOURS,
    DAYS,
    FAMILY,
    FORMER,
    FRESH,
    FUNCTION,
    NOBODY,
    NOUNS,
    NUMERALS,
    ORDINALS,
    PREPOSITIONS,
    STATUS,
    SYNONYMS,
    TENTATIVE,
    WHEN_HEADS,
    WHERE_HEADS,
    stem,
)


@dataclass(frozen=True, slots=True)
class Statement:
    """What one clause says.

    Attributes:
        owner: whose it is or who does it: "@ana" for Ana's own or herself, "we", a name in lower case;
            "" for a thing that belongs to nobody named.
        head: the thing itself, such as "landlord"; "" for the owner in person, "it" for what was just said.
        modifiers: other words of the subject, such as "team" in "team meeting".
        attribute: what is said of it, such as "live", "job", "is"; "*" for a denial of anything about it.
        kind: what sort of value it has: day, clock, number, colour, name, status, place or words.
        value: the telling words of the value.
        qualifiers: words that narrow it down, such as "production" in "use Postgres in production".
        single: a later statement of the same subject and attribute takes the place of this one.
        announced: the words say that it is different from before.
        denied: the words say that it is so no more.
        asserted: it is said to be so: no plan, hope, condition or hearsay.
    """

    owner: str
    head: str
    modifiers: frozenset[str]
    attribute: str
    kind: str
    value: frozenset[str]
    qualifiers: frozenset[str] = frozenset()
    single: bool = True
    announced: bool = False
    denied: bool = False
    asserted: bool = True


TOKEN = re.compile(
    r"[$\u20ac\u00a3]?\d+(?:,\d{3})+|[$\u20ac\u00a3#]?[^\W_](?:[\w'+#/:%.@-]*[\w+#%])?"
    r"|[$\u20ac\u00a3]\d[\d.,]*"
)
SUBJECT = 8
"""Words of a subject."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Whose and what a clause is about, as in `Statement`; `fresh` where it is called new."""

    owner: str
    head: str
    modifiers: frozenset[str]
    fresh: bool = False


Form = tuple[re.Pattern[str], Callable[[re.Match[str], str], Statement | None]]
"""A form of a clause, and what a clause of this form states when somebody says it."""


def lower(token: str) -> str:
    """The token in lower case, with a plain apostrophe."""
    return token.lower().replace("\u2019", "'")


def telling(tokens: list[str]) -> frozenset[str]:
    """The words of a value that tell it from another one."""
    low = [NUMERALS.get(word, word) for word in map(lower, tokens)]
    idle = FUNCTION | PREPOSITIONS | ADVERBS
    words = [word for word in low if word not in idle]
    # "This week" is another week than "next week".
    words += [word for word, following in pairwise(low) if word == "this" and following in DAYS]
    return frozenset(stem(word) if word.isalpha() else word for word in words)


def _is_day(token: str) -> bool:
    word = lower(token)
    return word in DAYS and (word != "may" or token[0].isupper())


def kind_of(tokens: list[str]) -> str:
    """What sort of value the words are."""
    content = [x for x in tokens if lower(x) not in FUNCTION | PREPOSITIONS | ADVERBS]
    low = [NUMERALS.get(lower(x), lower(x)) for x in content]
    if not low:
        return ""
    if any(_is_day(x) for x in content):
        return "day"
    after_at = [tokens[i + 1] for i, x in enumerate(tokens[:-1]) if lower(x) == "at"]
    if any(CLOCK.match(x) for x in low) or any(x.isdigit() for x in after_at):
        return "clock"
    if all(x in STATUS for x in low):
        return "status"
    if all(x in COLOURS for x in low):
        return "colour"
    if low[0] in ORDINALS and len(low) > 1:
        return f"ordinal:{stem(low[1])}"
    if low[0][0] in "$\u20ac\u00a3":
        return "number:$"
    if low[0].replace(",", "").replace(".", "").rstrip("%").isdigit():
        if len(low) > 1 and low[1].isalpha():
            return f"number:{stem(low[1])}"
        return "number:%" if low[0].endswith("%") else "number:"
    measure = re.fullmatch(r"\d[\d.,]*([a-z]+)", low[0])
    if measure:
        return f"number:{stem(measure[1])}"
    if any(x[0].isupper() or any(map(str.isdigit, x)) for x in content):
        return "name"
    return "words"


def subject_of(text: str, who: str) -> Subject | None:
    """Whose and what the words before a verb are; None where they are a pronoun, or too many."""
    tokens = TOKEN.findall(text)
    while tokens and lower(tokens[-1]) in ADVERBS | {"will", "have", "has", "do", "does"}:
        tokens.pop()
    low = [lower(x) for x in tokens]
    if not low or len(low) > SUBJECT or NOBODY & set(low):
        return None
    if low[-1] in ("i", "we", "let's") and len(low) <= 2:
        return Subject("we" if low[-1] != "i" else who, "", frozenset())
    if low[0] in ("the", "a", "this") and len(low) > 1:
        tokens, low = tokens[1:], low[1:]
    owner = ""
    if low[0] in ("my", "our"):
        owner = who if low[0] == "my" else "we"
        tokens, low = tokens[1:], low[1:]
    while low and low[0].endswith("'s") and len(low) > 1:
        name = low[0][:-2]
        owner = name if not owner else f"{owner}/{stem(name)}"
        tokens, low = tokens[1:], low[1:]
    place = next((i for i, x in enumerate(low) if x in PREPOSITIONS), len(low))
    before = low[:place]
    after = [x for x in low[place:] if x not in PREPOSITIONS | FUNCTION]
    if not before or before[0] in FUNCTION:
        return None
    if len(before) > 1 and before[-2] in FAMILY and tokens[place - 1][0].isupper():
        return Subject("", stem(before[-1]), frozenset())
    fresh = bool(FRESH & set(before[:-1]))
    before = [x for x in before[:-1] if x not in FRESH | TENTATIVE] + before[-1:]
    if FORMER & set(before[:-1]):
        return None
    if before[-2:] == ["email", "address"]:
        before = before[:-1]
    if len(before) > 1 and before[-1] == "status":
        before = before[:-1]
    if " ".join(before) == who:
        return Subject(who, "", frozenset(), fresh)
    modifiers = frozenset(map(stem, (*before[:-1], *after)))
    head = stem(before[-1])
    return Subject(owner, SYNONYMS.get(head, head), modifiers, fresh)


def is_time(kind: str) -> bool:
    """Whether a value of this kind is a time."""
    return kind in ("day", "clock")


def statement_of(
    subject: Subject | None, attribute: str, tokens: list[str], *, single: bool = True, **more: bool
) -> Statement | None:
    """The statement of a subject, an attribute and the words of a value; what narrows it down goes apart."""
    kind = kind_of(tokens)
    if subject is None or not kind:
        return None
    qualifiers: frozenset[str] = frozenset()
    if not is_time(kind):
        cut = next((i for i, x in enumerate(tokens) if i and lower(x) in PREPOSITIONS - {"of"}), len(tokens))
        qualifiers = telling(tokens[cut:])
        tokens = tokens[:cut]
        kind = kind_of(tokens) or kind
    value = telling(tokens)
    aspect = "is:time" if subject.head in WHEN_HEADS and is_time(kind) else ""
    aspect = "is:place" if subject.head in WHERE_HEADS else aspect
    if attribute == "is" and aspect and len(subject.modifiers) == 1:
        attribute = aspect
        subject = Subject(subject.owner, next(iter(subject.modifiers)), frozenset(), subject.fresh)
    if attribute == "is" and subject.head not in NOUNS:
        attribute = "is:time" if is_time(kind) else f"is:{kind}"
    if not value:
        return None
    made = Statement(
        subject.owner, subject.head, subject.modifiers, attribute, kind, value, qualifiers, single
    )
    return replace(made, announced=subject.fresh or more.get("announced", False))
