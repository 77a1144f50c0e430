"""What a judge may close, whoever it is, and which notes are worth a question. Pure.

A closing that is wrong hides what is true; one that is missing leaves two notes side by side, the later
one first. So every closing passes `may_close`, whatever a judge says of it.
"""

from __future__ import annotations

from collections.abc import Sequence

from zettelmem.decisions import Neighbour
from zettelmem.language.english.clauses import Statement
from zettelmem.language.english.lexicon import FAMILY, stem
from zettelmem.language.terms import terms
from zettelmem.language.words import words
from zettelmem.note import Note

from .matters import Matter, compare, tells_nothing, told

NEAR = 0.55
"""Cosine from which two notes may be taken for each other, so that one is described and linked by a model."""
ONE_MATTER = 0.45
"""Cosine from which an older note with a telling word in common may be on the same matter."""
MAX_SHOWN = 5
"""Older notes that one question shows."""
MIN_WORDS = 3
"""Telling words that a note needs for a model to be asked about it."""

_OTHERS = frozenset(map(stem, FAMILY)) | {"boss", "colleagu", "friend", "neighbour", "neighbor", "flatmat"}


def says_enough(note: Note) -> bool:
    """Whether a note asserts enough for a model to be asked about it: greetings and bare questions do not.

    >>> says_enough(note_of("Good morning!")), says_enough(note_of("My flat in Porto has no lift."))
    (False, True)
    """
    return not tells_nothing(note.content) and len(set(words(note.content))) >= MIN_WORDS


def consents(note: Note, old: Note) -> bool:
    """Whether the rules see the later word on one matter too, and so agree with who closes the older one."""
    return compare(note, old).matter >= Matter.NEWER


def may_close(note: Note, old: Note, similarity: float) -> bool:
    """Whether `note` may say that `old` is no longer so.

    It was said later, is not trusted less, asserts something, and is of the same subject as far as
    anybody can tell; and it is near, unless the rules see one matter.
    """
    if old.invalid_at is not None or old.forgotten_at is not None or old.trust > note.trust:
        return False
    if note.recorded_at < old.recorded_at or tells_nothing(note.content):
        return False
    if consents(note, old):
        return True
    if similarity < ONE_MATTER or not _asserts(note) or not _one_subject(note, old):
        return False
    return similarity >= NEAR or not _stems(note).isdisjoint(_stems(old))


def closable(note: Note, neighbours: Sequence[Neighbour]) -> list[Neighbour]:
    """The neighbours that `note` may close, those first on whose matter the rules see the later word."""
    allowed = [each for each in neighbours if may_close(note, each.note, each.similarity)]
    allowed.sort(key=lambda each: (not consents(note, each.note), -each.similarity))
    return allowed[:MAX_SHOWN]


def _asserts(note: Note) -> bool:
    """Whether a note says that something is so. What no rule can read may say so."""
    statements = told(note).statements
    return not statements or any(each.asserted for each in statements)


def _one_subject(note: Note, old: Note) -> bool:
    """Whether two notes may be of one subject. Somebody's aunt is somebody else."""
    ours, theirs = told(note), told(old)
    if _others(ours.plain) != _others(theirs.plain):
        return False
    if not ours.statements or not theirs.statements:
        return note.source.who == old.source.who
    pairs = [(mine, other) for mine in ours.statements for other in theirs.statements]
    return any(_may_be_one(mine, other) for mine, other in pairs)


def _stems(note: Note) -> frozenset[str]:
    """The telling words of a note without endings."""
    return frozenset(terms(" ".join(words(note.content))))


def _others(plain: str) -> frozenset[str]:
    """The people whom the words name by what they are to the speaker."""
    return frozenset(map(stem, plain.split())) & _OTHERS


def _may_be_one(mine: Statement, other: Statement) -> bool:
    """Whether two statements are of one person, or of one thing that bears the same name."""
    if mine.owner and mine.owner == other.owner:
        return True
    if mine.owner and other.owner:
        return False
    named_apart = mine.modifiers and other.modifiers and mine.modifiers.isdisjoint(other.modifiers)
    return bool(mine.head) and mine.head == other.head and not named_apart
