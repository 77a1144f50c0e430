"""Whether two notes speak of one matter: the same subject, the same attribute, another value. Pure.

What is not certain closes nothing: a later word is then kept beside the older one, and comes before it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import IntEnum

from zettelmem.language.english.clauses import Statement, is_time
from zettelmem.language.english.lexicon import stem
from zettelmem.language.english.patterns import one_value_apart
from zettelmem.language.english.sentences import SENTENCE, is_plain, statements
from zettelmem.language.kept import kept
from zettelmem.language.sameness import carries_nothing, same_words, tells_event
from zettelmem.language.words import MAX_READ, asks, plain
from zettelmem.note import Note

RECENT = 6
"""Notes of a thread back to which "that" and "instead" may point."""
QUOTE = 3
"""Words from which a quotation tells which note is meant."""
A_DAY = timedelta(days=1)
"""From how far apart the same words tell of two events."""
SHORT = 120
"""Characters of two sentences that are compared word by word."""


class Matter(IntEnum):
    """What a later note is to an earlier one."""

    NOTHING = 0
    """They speak of different things, or nobody can tell."""
    SAYS_THE_SAME = 1
    """The same subject, attribute and value."""
    DISPUTES = 2
    """It says something else about the same matter, and is trusted less."""
    NEWER = 3
    """It may be the later word on the same matter; both stay valid."""
    CLOSES = 4
    """It announces that the earlier note is no longer so."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a later note is to an earlier one, and about what, in words."""

    matter: Matter
    about: str = ""


NOTHING = Verdict(Matter.NOTHING)


@dataclass(frozen=True, slots=True)
class Told:
    """What is compared of a note: its statements, the words that it takes back, its plain words.

    Attributes:
        content: its words as they are.
        statements: what its clauses state.
        retracted: plain words that it quotes and calls wrong.
    """

    content: str
    statements: tuple[Statement, ...]
    retracted: tuple[str, ...]

    @property
    def plain(self) -> str:
        """Its words in lower case between blanks."""
        return plain(self.content)

    @property
    def stems(self) -> frozenset[str]:
        """The same words without endings."""
        return frozenset(map(stem, self.plain.split()))


_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|ours)\b", re.I)
_WRONG = re.compile(
    r"\b(?:correction|incorrect|wrong|invalid|mistaken|outdated|recalculated?|retract\w*|withdrawn?"
    r"|no longer)\b",
    re.I,
)
_QUOTED = re.compile(
    r"[\"\u201c](.+?)[\"\u201d]|(?<!\w)['\u2018](.+?)['\u2019](?!\w)|\bwas:\s*(.+?)(?:\.\s|\n|$)"
)


def _quotes(content: str) -> tuple[str, ...]:
    """What the words quote and call wrong."""
    if not _WRONG.search(content):
        return ()
    quotes = ("".join(match.groups("")) for match in _QUOTED.finditer(content))
    return tuple(quote for quote in quotes if len(quote.split()) >= QUOTE)


@kept
def _told(content: str, who: str) -> Told:
    quotes = _quotes(content)
    own_words = content
    for quote in quotes:
        own_words = own_words.replace(quote, "")
    return Told(content, statements(own_words, who), tuple(map(plain, quotes)))


def told(note: Note) -> Told:
    """What is compared of a note."""
    return _told(note.content, (note.source.who or "").lower())


def _later(new: Note, old: Note) -> bool:
    """Whether `new` was said after `old`: what a plan is about may be later than when it was made."""
    by_event = min(new.occurred_at, new.recorded_at) >= min(old.occurred_at, old.recorded_at)
    return by_event and new.recorded_at >= old.recorded_at


def compare(new: Note, old: Note) -> Verdict:
    """What `new` is to `old`, which was there before it."""
    if old.invalid_at is not None or not _later(new, old):
        return NOTHING
    verdict = _verdict(new, old, doubted=old.trust > new.trust)
    if old.trust > new.trust and verdict.matter > Matter.DISPUTES:
        return Verdict(Matter.DISPUTES, verdict.about)
    return verdict


def _verdict(new: Note, old: Note, *, doubted: bool) -> Verdict:
    """The same by their words alone; where `new` is doubted anyway, of what it only guesses too."""
    ours = told(new)
    said_before = plain(old.content) if ours.retracted else ""
    if any(quote in said_before for quote in ours.retracted):
        return Verdict(Matter.CLOSES, "takes it back word for word")
    best = _one_value_apart(new, old)
    asserted = [mine for mine in ours.statements if mine.asserted or doubted]
    if not asserted:
        return best
    theirs = told(old)
    speaker = (new.source.who or "me").lower() if new.source.who == old.source.who else ""
    for mine in asserted:
        for other in theirs.statements:
            if mine.head == "it":
                matter = Matter.NEWER if _points_back(mine, other, theirs, new, old) else Matter.NOTHING
            else:
                matter = _compared(mine, other, ours, speaker)
            if matter is Matter.CLOSES and _states_more(theirs, other, ours, speaker):
                matter = Matter.NEWER
            if matter > best.matter:
                best = Verdict(matter, _about(other, theirs.plain))
    return best


def _one_value_apart(new: Note, old: Note) -> Verdict:
    """Two sentences of one speaker that are one but for a value."""
    short = max(len(new.content), len(old.content)) <= SHORT
    if not short or new.source.who != old.source.who or not (is_plain(new.content) and is_plain(old.content)):
        return NOTHING
    return Verdict(Matter.NEWER, "the same") if one_value_apart(new.content, old.content) else NOTHING


def _about(statement: Statement, said: str) -> str:
    """The subject of a statement in the words of its note."""
    subject = statement.modifiers | {statement.head}
    named = [word for word in said.split() if stem(word) in subject]
    whose = [] if statement.owner in ("", "me", "we") else [statement.owner]
    return " ".join(dict.fromkeys((*whose, *named))) or "the same"


def _same_subject(mine: Statement, other: Statement, speaker: str) -> tuple[bool, bool]:
    """Whether two statements may be of one subject, and whether they surely are.

    "The party" after "my party" may be the same one; "Mia's party" after "the party" is another.
    """
    if mine.head != other.head:
        return False, False
    owners = {mine.owner, other.owner}
    sure = len(owners) == 1 and mine.modifiers == other.modifiers
    unnamed = "" in owners and bool(speaker and mine.head) and "/" not in "".join(owners)
    whose = len(owners) == 1 or (unnamed and mine.owner in ("", "we", speaker))
    named_alike = mine.modifiers == other.modifiers
    return whose and named_alike, sure and bool(speaker or mine.owner or mine.modifiers)


def _compared(mine: Statement, other: Statement, ours: Told, speaker: str) -> Matter:
    if mine.attribute == "gone":
        return _replaced_what_is_gone(mine, other, ours, speaker)
    may_be, sure = _same_subject(mine, other, speaker)
    if not may_be or other.denied:
        return Matter.NOTHING
    if mine.denied:
        closes = Matter.CLOSES if sure else Matter.NEWER
        return closes if _takes_back(mine, other) else Matter.NOTHING
    if mine.attribute != other.attribute or not (mine.single and other.single):
        return Matter.NOTHING
    if mine.value == other.value and mine.qualifiers == other.qualifiers:
        return Matter.SAYS_THE_SAME
    if not _another_value(mine, other):
        return Matter.NOTHING
    lost = any(x.attribute == "gone" and x.value & other.value for x in ours.statements)
    certain = sure and other.asserted and _one_sort(mine, other)
    return Matter.CLOSES if certain and (mine.announced or lost) else Matter.NEWER


def _states_more(theirs: Told, closed: Statement, ours: Told, speaker: str) -> bool:
    """Whether the older note also states what the later one does not speak of, and closing would hide."""
    for other in theirs.statements:
        if other is closed or other.attribute == "gone" or not other.asserted:
            continue
        if all(_compared(mine, other, ours, speaker) is Matter.NOTHING for mine in ours.statements):
            return True
    return False


def _takes_back(mine: Statement, other: Statement) -> bool:
    """Whether a denial is of all that the other statement says."""
    denied = mine.value | mine.qualifiers
    if mine.attribute not in ("*", other.attribute):
        return False
    if not denied:
        return bool(mine.head)
    verb = stem(other.attribute.removeprefix("v:"))
    return bool(denied) and denied <= other.value | other.qualifiers | {other.head, verb}


def _counted(statement: Statement) -> bool:
    """Whether the value is a time or a number, which a name or another word does not replace."""
    return is_time(statement.kind) or statement.kind.startswith("number")


def _one_sort(mine: Statement, other: Statement) -> bool:
    """Whether the two values are of one kind, or two times or two numbers of one attribute."""
    both = (is_time(mine.kind) and is_time(other.kind)) or (
        mine.kind.startswith("number") and other.kind.startswith("number")
    )
    return mine.kind == other.kind or (both and mine.attribute == "is")


def _another_value(mine: Statement, other: Statement) -> bool:
    """Whether the two values are of one sort and exclude each other."""
    if mine.value <= other.value or other.value <= mine.value:
        return False
    loose = mine.attribute in ("is", "job", "prefer", "lead", "use") and len(mine.value) == 1
    alike = _one_sort(mine, other) or (loose and not _counted(mine) and not _counted(other))
    narrowed = mine.qualifiers and other.qualifiers
    apart = bool(narrowed) and mine.qualifiers.isdisjoint(other.qualifiers)
    if mine.attribute in ("use", "prefer", "choose"):
        left = bool(mine.qualifiers & other.value)
        shared = bool(mine.value & other.value) and not apart
        same_purpose = bool(narrowed) and mine.qualifiers == other.qualifiers
        return left or shared or same_purpose
    if mine.attribute in ("is:words", "is:place") and mine.kind == "words":
        return alike and mine.announced and not apart
    return alike and (not apart or mine.attribute == "job")


def _replaced_what_is_gone(mine: Statement, other: Statement, ours: Told, speaker: str) -> Matter:
    """Something that the other note names is gone, and this note says what is there instead."""
    if not speaker or not mine.value <= other.value or other.owner not in (mine.owner, "we"):
        return Matter.NOTHING
    instead = any(x.attribute == other.attribute and x is not mine for x in ours.statements)
    subject = {other.head, *other.modifiers} & ours.stems
    return Matter.NEWER if instead or subject else Matter.NOTHING


def _points_back(mine: Statement, other: Statement, theirs: Told, new: Note, old: Note) -> bool:
    """Whether "that" or "instead" may mean the other statement, of the same thread just before."""
    if new.thread is None or new.thread != old.thread or new.position - old.position > RECENT:
        return False
    if mine.denied:
        return mine.value <= theirs.stems and not other.denied
    if mine.value == other.value:
        return False
    if mine.kind.startswith("number"):
        return other.kind.startswith("number")
    return (mine.kind in ("day", "clock") and mine.kind == other.kind) or bool(mine.value & other.value)


@kept
def tells_nothing(content: str) -> bool:
    """Whether the words only ask, only acknowledge, or only take back what they quote."""
    quotes = _quotes(content)
    sentences = [sentence for sentence in SENTENCE.split(content[:MAX_READ]) if sentence.strip()]
    return all(
        asks(each) or carries_nothing(each) or bool(quotes and _WRONG.search(each)) for each in sentences
    )


def says_again(again: Note, note: Note) -> bool:
    """Whether two notes say the same with equal words.

    Of two speakers only words without a first person do: when both say "I live in Graz", two people do. And
    "We met Ben" on another day is another meeting.
    """
    if same_words(again.content) != same_words(note.content):
        return False
    if abs(again.occurred_at - note.occurred_at) >= A_DAY and tells_event(again.content):
        return False
    impersonal = bool(told(again).statements) and _FIRST_PERSON.search(again.content) is None
    return again.source.who == note.source.who or impersonal
