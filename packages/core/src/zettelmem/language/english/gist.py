"""What a sentence says without the words that change nothing, so that two ways to say it are one. Pure.

Two texts with one gist say the same. Whatever tells a value stays: each number, name, date and negation, each
tense, each word that is not listed here. A text of another language keeps all its words.
"""

from __future__ import annotations

import hashlib
import re
from functools import cache, lru_cache

from zettelmem.language.kept import kept

from .lexicon import NUMERALS

LONGEST = 4_000
"""Characters of a text up to which its gist is taken; a longer one has none."""
KEPT = 4_096
"""Texts whose gists stay in memory."""
MOVED = 6
"""Words of a phrase that may stand elsewhere in one of two sentences."""

_LIGHT = frozenset(
    "a an the really very so just actually basically literally quite totally absolutely definitely honestly "
    "truly simply seriously certainly surely obviously indeed oh ah hey hi hello well yeah yep okay ok um uh "
    "hmm wow haha lol btw fyi please anyway also too that still now currently extremely incredibly "
    "completely entirely especially pretty".split()
)
_ASIDES = """
by the way|just so you know|just to let you know|so you know|for the record|to be honest|to be fair
as i said|as i said before|as i have said|as i mentioned|as i mentioned before|as i told you
as i have already said|as mentioned|as said|like i said|like i said before|as you know|as you may know
you know|i mean|in case you forgot|in case you did not know|in fact|of course|i wanted to say
i wanted to mention|i wanted to tell you|i wanted to let you know|let me tell you|let me add|i should say
i should mention|i must say|i told you|i already told you|did i mention|did i tell you|kind of|sort of
as well|very much|once again|once more|one more time|needless to say|at the moment|right now|these days
i repeat
"""
_OPENERS = """
again|reminder|quick reminder|friendly reminder|note|quick note|update|quick update|heads up|remember|note
keep in mind|guess what|fun fact|earlier i said|to say it again
"""
_ALIKE = """
mother mom mum mommy|father dad daddy|child kid|children kids|picture photo pic|pictures photos pics
film movie|films movies|television tv|bicycle bike|refrigerator fridge|apartment flat|apartments flats
people folks guys|friends pals buddies|telephone phone|cellphone mobile|shop store|gift present
gifts presents|holiday vacation|dinner supper|doctor physician|work job|house home|large big|larger bigger
small little|start begin|starts begins|started began|buy purchase|buys purchases|bought purchased
like enjoy|likes enjoys|liked enjoyed|talk speak chat|talks speaks chats|talked spoke chatted|help assist
helped assisted|fix repair mend|fixed repaired mended|finish complete|finished completed
choose pick select|chose picked selected|got received|need require|needs requires|use utilize
answer reply respond|answered replied responded|glad happy|scared afraid frightened|sick ill|angry mad
smart clever intelligent|beautiful gorgeous|delicious tasty yummy|difficult hard tough|fast quick rapid
whole entire|perhaps maybe|often frequently|sometimes occasionally|usually normally typically
great awesome amazing fantastic wonderful incredible super|good nice lovely|many lots|though although
about approximately roughly around approx|nearly almost|color colour|favorite favourite|neighbor neighbour
neighbors neighbours|center centre|theater theatre|traveling travelling|organize organise
organized organised|realize realise|realized realised|gray grey|% percent|euros euro|dollars dollar
pounds pound|monday mon|tuesday tue|wednesday wed|thursday thu|friday fri|january jan|february feb
march mar|april apr|june jun|july jul|august aug|september sep sept|october oct|november nov|december dec
"""
"""Words that one may say for another, a group in a part of a line; the first stands for all."""
_SPELT_OUT = {
    "gonna": "going to", "wanna": "want to", "gotta": "have to", "cannot": "can not", "can't": "can not",
    "won't": "will not", "shan't": "shall not",
}  # fmt: skip
_MONTHS = "january february march april may june july august september october november december".split()
_MONEY = {"$": "dollars", "\u20ac": "euros", "\u00a3": "pounds"}
_SHORT_IS = frozenset("it he she that there what who where here how".split())
_ENDINGS = (("n't", "not"), ("'m", "am"), ("'re", "are"), ("'ve", "have"), ("'ll", "will"), ("'s", ""))
_ISO = re.compile(r"\b(\d{4})-(\d\d)-(\d\d)\b")
_CLOCK = re.compile(r"\b(\d{1,2})(?:[:.](\d\d))?\s*([ap])\.?m\b\.?", re.IGNORECASE)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_ORDINAL = re.compile(r"\b(\d+)(?:st|nd|rd|th)\b", re.IGNORECASE)
_PRICE = re.compile(r"([$\u20ac\u00a3])\s?(\d+(?:\.\d+)?)")
# Addresses and paths stand as they are, and so does what mixes letters and figures: a code, a password.
_TOKEN = re.compile(
    r"[^\s,;!?()\"]*[@_/\\=][^\s,;!?()\"]*|(?<![\w.])-?\d+(?:[.:/-]\d+)*(?!\w)|\w*\d\w*"
    r"|[^\W\d_]+(?:'[^\W\d_]+)*|[%&+#<>~\u2248\u00b1$\u20ac\u00a3\u00a5]"
)
_AMOUNT = re.compile(r"(\d+)([a-z]{1,3})")
# Scripts whose signs or word borders this module does not know.
_FOREIGN = re.compile(r"[\u0530-\u1dff\u2c00-\ud7ff\uf900-\ufaff\ufb1d-\ufdff\ufe70-\ufefc]")
_MOVABLE = frozenset(
    "in on at during since until before after last next this every yesterday today tomorrow tonight ago with "
    "for from by near around about when while because".split()
)
_NEGATIONS = frozenset("not no never none nobody nothing neither nor without hardly barely rarely".split())


def gist(text: str) -> tuple[str, ...]:
    """The words that say something, in order, each as one of the ways to write it.

    >>> gist("By the way, Ana really can't come at 7 pm on May 3rd!")
    ('ana', 'can', 'not', 'come', 'at', '19:00', 'on', '3', 'may')
    >>> gist("Ana cannot come at 19:00 on 3 May.")
    ('ana', 'can', 'not', 'come', 'at', '19:00', 'on', '3', 'may')
    """
    return _gist(text) if len(text) <= LONGEST else ()


@lru_cache(KEPT)
def _gist(text: str) -> tuple[str, ...]:
    if _FOREIGN.search(text):
        return tuple(text.casefold().split())
    plain = text.replace("\u2019", "'")
    if any(map(str.isdigit, plain)):
        plain = _ISO.sub(lambda found: f"{int(found[3])} {_month(found[2])} {found[1]}", plain)
        plain = _CLOCK.sub(_clock, _THOUSANDS.sub("", _ORDINAL.sub(r"\1", plain)))
        plain = _PRICE.sub(lambda found: f"{found[2]} {_MONEY[found[1]]}", plain)
    tokens: list[str] = []
    for token in _TOKEN.findall(plain):
        tokens += _written(token)
    telling = [token for token in _without_asides(tokens) if token not in _LIGHT]
    return _day_first(telling[1:] if telling[:1] == ["i"] else telling)  # "Met Ben" is "I met Ben"


def _month(number: str) -> str:
    return _MONTHS[int(number) - 1] if 1 <= int(number) <= 12 else number


def _clock(found: re.Match[str]) -> str:
    hour = int(found[1]) % 12 + (12 if found[3].lower() == "p" else 0)
    return f"{hour:02}:{found[2] or '00'} "


def _written(token: str) -> list[str]:
    """A token as one of the ways to write it; a contraction as its words."""
    if not token.replace("'", "").isalpha():
        amount = _AMOUNT.fullmatch(token)
        return [amount[1], amount[2]] if amount else [token.rstrip(".:")]
    token = token.lower()
    known = _forms().get(token)
    if known is not None:
        return known.split()
    for ending, word in _ENDINGS if "'" in token else ():
        if token.endswith(ending) and len(token) > len(ending):
            head = token.removesuffix(ending)
            return [*_written(head), *("is" if head in _SHORT_IS else word).split()]
    return [token]


@cache
def _forms() -> dict[str, str]:
    """Each word that is written otherwise here, and how."""
    forms = {word: number for word, number in NUMERALS.items() if word != "no"} | _SPELT_OUT
    for group in re.split(r"[|\n]", _ALIKE.strip()):
        first, *others = group.split()
        forms |= dict.fromkeys(others, first)
    return forms


@cache
def _asides() -> dict[str, list[tuple[str, ...]]]:
    """What only leads over, by its first word, the longest first; what does so at the start alone, by ""."""
    found: dict[str, list[tuple[str, ...]]] = {"": []}
    for phrase in re.split(r"[|\n]", _ASIDES.strip()):
        words = tuple(phrase.split())
        found.setdefault(words[0], []).append(words)
    found[""] = [tuple(phrase.split()) for phrase in re.split(r"[|\n]", _OPENERS.strip())]
    for phrases in found.values():
        phrases.sort(key=len, reverse=True)
    return found


def _without_asides(tokens: list[str]) -> list[str]:
    asides = _asides()
    kept: list[str] = []
    place = 0
    while place < len(tokens):
        phrases = asides.get(tokens[place], [])
        if not kept:
            phrases = [*phrases, *asides[""]]
        length = next((len(each) for each in phrases if tuple(tokens[place : place + len(each)]) == each), 0)
        if not length and (kept or tokens[place] not in _LIGHT):
            kept.append(tokens[place])
        place += length or 1
    return kept


def _day_first(tokens: list[str]) -> tuple[str, ...]:
    """The tokens with the day before its month."""
    for place in range(len(tokens) - 1):
        if tokens[place] in _MONTHS and tokens[place + 1].isdigit() and len(tokens[place + 1]) < 3:
            before = tokens[place - 1] if place else ""
            if not before.isdigit():
                tokens[place], tokens[place + 1] = tokens[place + 1], tokens[place]
    return tuple(tokens)


@kept
def key_of(text: str) -> int:
    """A number that texts with the same words in their gists have in common, in any order; 0 for none."""
    words = gist(text)
    if len(words) < 2:
        return 0
    digest = hashlib.blake2b(" ".join(sorted(words)).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


def say_the_same(one: str, other: str) -> bool:
    """Whether two texts say the same: their gists are equal, or one phrase stands elsewhere.

    >>> say_the_same("In May Ana moved to Porto.", "Ana moved to Porto in May!")
    True
    >>> say_the_same("Ana called Ben.", "Ben called Ana.")
    False
    """
    ours, theirs = gist(one), gist(other)
    if len(ours) < 2 or one.rstrip().endswith("?") != other.rstrip().endswith("?"):
        return False
    return ours == theirs or (sorted(ours) == sorted(theirs) and _one_phrase_moved(ours, theirs))


def _one_phrase_moved(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether one phrase of a time, place or company moved to the start or to the end."""
    return _moves(ours, theirs) or _moves(theirs, ours)


def _moves(ours: tuple[str, ...], theirs: tuple[str, ...]) -> bool:
    """Whether the first words of `ours` are such a phrase and stand last in `theirs`."""
    for length in range(1, min(MOVED, len(ours) - 2) + 1):
        phrase, rest = ours[:length], ours[length:]
        if phrase[0] in _MOVABLE and not _NEGATIONS & {*phrase} and theirs == rest + phrase:
            return True
    return False
