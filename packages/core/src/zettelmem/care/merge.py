"""Which notes say nearly the same, and how they become one. Pure.

After Think-in-Memory (Liu et al., arXiv 2311.08719): insert, forget, merge. What is merged is not
rewritten: one of the notes stays in front with the sources, times and links of all, and the others rest.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from zettelmem.decisions import Changes
from zettelmem.language.english.gist import gist, say_the_same
from zettelmem.language.sameness import tells_event
from zettelmem.limits import MAX_LINKS, MAX_SAYINGS
from zettelmem.linking.sheet import Sheet
from zettelmem.note import LATER_WORDS, Link, Note, Relation, Saying

A_DAY = timedelta(days=1)
"""From how far apart words that tell what happened may tell of two events."""
RETOLD = 6
"""Words of a gist from which the same event is told again, and has not happened again, on another day."""
_OF_THE_DAY = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|ago|last|next|now"
    r"|this (?:morning|afternoon|evening|week\w*|month|year)"
    r"|monday|tuesday|wednesday|thursday|friday|saturday|sunday)\b",
    re.IGNORECASE,
)
_FIRST_PERSON = re.compile(r"\b(?:i|me|my|mine|we|us|our|ours)\b", re.IGNORECASE)
_FRAME = (Relation.FOLLOWS, Relation.PART_OF)
"""Relations that tell where a note stands, not what it says: they stay with it."""


def may_merge(note: Note) -> bool:
    """Whether a note may be merged: it holds no data of an application, and nothing is the matter with it."""
    alone = note.data is None and note.pending is None and not note.shown
    holds = note.forgotten_at is None and note.invalid_at is None and note.rested_at is None
    return alone and holds and not note.newer and not note.disputed


def one_thing_said(one: Note, other: Note) -> bool:
    """Whether two notes say the same of the same, so that nothing is lost if one stands for both.

    Each number, name, date and negation has to be the same. What happened at different times is not, nor is
    what two people say of themselves, nor what a word such as "yesterday" puts on two days.
    """
    if one.namespace != other.namespace or (one.kind != other.kind and "insight" in (one.kind, other.kind)):
        return False
    if not say_the_same(one.content, other.content):
        return False
    if one.source.who != other.source.who and _FIRST_PERSON.search(f"{one.content} {other.content}"):
        return False
    if abs(one.occurred_at - other.occurred_at) < A_DAY:
        return True
    if _OF_THE_DAY.search(one.content) or _OF_THE_DAY.search(other.content):
        return False
    return len(gist(one.content)) >= RETOLD or not (tells_event(one.content) or tells_event(other.content))


def groups(notes: Iterable[Note]) -> list[tuple[Note, list[Note]]]:
    """The notes that stay in front, each with those that say the same and are to rest."""
    left = sorted((note for note in notes if may_merge(note)), key=_front)
    found: list[tuple[Note, list[Note]]] = []
    while left:
        front, *left = left
        doubles = [note for note in left if one_thing_said(front, note) and not _later_words(note)]
        doubles = doubles[: MAX_SAYINGS - len(front.sayings) - sum(len(each.sayings) for each in doubles)]
        if doubles:
            found.append((front, doubles))
            left = [note for note in left if note not in doubles]
    return found


def _later_words(note: Note) -> bool:
    """Whether it says the later word on another note's matter, which only the one in front may do."""
    return any(link.relation in LATER_WORDS and link.source == note.id for link in note.links)


def _front(note: Note) -> tuple[object, ...]:
    """The note to stay in front comes first: the later word on a matter, most trusted, said first, short."""
    return not _later_words(note), -note.trust, note.recorded_at, len(note.content), note.id


def merge(front: Note, doubles: Sequence[Note], linked: Mapping[str, Note], now: datetime) -> Changes | None:
    """One note with the sources, times and links of all, the others at rest; None if it has no room for them.

    Args:
        front: the note that stays in front.
        doubles: those that say the same.
        linked: every note that these are linked with, by id.
        now: when.
    """
    own = {front.id, *(note.id for note in doubles)}
    sheet = Sheet(front, [*doubles, *(note for note in linked.values() if note.id not in own)], "merge", now)
    sayings = list(front.sayings)
    for note in doubles:
        sayings += [Saying(note=note.id, source=note.source, at=note.occurred_at), *note.sayings]
        sheet.set(note.id, f"says the same as {front.id}", rested_at=now, front=front.id)
        for link in note.links:
            other = link.other(note.id)
            if link.relation not in _FRAME and other not in own and other in linked:
                sheet.link(_moved(link, note.id, front.id))
    sheet.set(front.id, f"{len(doubles)} more say the same", sayings=tuple(sayings))
    rooms = [len(sheet.before[each].links) + len(links) <= MAX_LINKS for each, links in sheet.linked.items()]
    return sheet.changes() if all(rooms) and len(sayings) <= MAX_SAYINGS else None


def _moved(link: Link, old: str, new: str) -> Link:
    """The link with one of its ends at another note."""
    return link.model_copy(update={"source" if link.source == old else "target": new})
