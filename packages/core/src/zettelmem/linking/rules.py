"""Construction and judging by rules: what a memory does when no language model is at hand.

Pure functions over words. They are modest on purpose: a wrong link costs more than a missing one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TypedDict

from zettelmem.decisions import Decision, LinkChoice, Neighbour, NeighbourChange
from zettelmem.language.sameness import tells_event
from zettelmem.language.words import hashtags, names, names_it, plain, topics, words
from zettelmem.limits import MAX_CONTEXT, MAX_WORD
from zettelmem.note import Note, Relation, Source

from . import matters
from .decisions import MAX_DECISION_LINKS
from .matters import Matter

MAX_KEYWORDS = 8
"""Keywords that construction gives a note."""
MAX_LEARNED = 2
"""Keywords that a related neighbour learns from one new note."""
MAX_TAGS = 3
"""Tags that construction gives a note."""
KEPT_KEYWORDS = 16
"""Keywords up to which evolution lets a note grow."""
MAX_RELATED = 3
"""`relates` links that the rules give one new note."""
MAX_NAMED = 6
"""Links through a name that the rules give one new note."""
MAX_BEARERS = 2
"""Neighbours that may share a tag for it to count as a name of each."""
NAMED, ALIKE = 1.0, 0.15
"""Weights of a link through a name, and of one through likeness."""
RELATED = 0.45
"""Cosine from which two notes with a keyword in common are about the same thing."""
NEAR = 0.62
"""Cosine from which they are without one."""

_HOW_TO = re.compile(
    r"\b(?:how to|step \d|steps?:|first,? .*\bthen\b|to \w+ (?:it|this|them),|recipe|always use|never use"
    r"|make sure to|remember to|you (?:must|should|need to)|run `|procedure)\b",
    re.IGNORECASE | re.DOTALL,
)
_FACT = re.compile(
    r"\b(?:is|are|has|have|likes?|loves?|hates?|prefers?|lives?|works?|owns?|speaks?|wants?|allergic|favou?rite"
    r"|named|called|born)\b",
    re.IGNORECASE,
)


class Construction(TypedDict):
    """What construction adds to a note."""

    context: str
    keywords: tuple[str, ...]
    tags: tuple[str, ...]
    kind: str


def keywords(content: str) -> tuple[str, ...]:
    """Names first, then the words that say most: frequent here, long, early."""
    named = [name.lower() for name in names(content)]
    in_names = {part for name in named for part in name.split()}
    ordered = words(content)
    counts = Counter(word for word in ordered if word not in in_names and not word.isdigit())
    place = {word: i for i, word in reversed(list(enumerate(ordered)))}
    best = sorted(counts, key=lambda word: (-counts[word], -min(len(word), 9), place[word]))
    return tuple(dict.fromkeys([*named[: MAX_KEYWORDS // 2], *(word[:MAX_WORD] for word in best)]))[
        :MAX_KEYWORDS
    ]


def kind(content: str) -> str:
    """`procedural` for instructions, `semantic` for what is so, `episodic` for what happened."""
    head = content[:2_000]
    if _HOW_TO.search(head):
        return "procedural"
    if _FACT.search(head) and not tells_event(head) and not head.rstrip().endswith("?"):
        return "semantic"
    return "episodic"


def said_before(previous: Note | None) -> str:
    """The context of a note: what came just before it in its thread."""
    if previous is None:
        return ""
    who = f"{previous.source.who}: " if previous.source.who else ""
    return f"{who}{previous.content}"[:MAX_CONTEXT]


def construct(content: str, source: Source, previous: Note | None) -> Construction:
    """Context, keywords, tags and kind of a note, from its words and the note before it in its thread."""
    who = (source.who or "").lower()
    tags = (*hashtags(content), *topics(content))
    return Construction(
        context=said_before(previous),
        keywords=tuple(word for word in keywords(content) if word != who),
        tags=tuple(dict.fromkeys(tags))[:MAX_TAGS],
        kind=kind(content),
    )


@dataclass(frozen=True)
class _Pair:
    """A note and one neighbour as the rules see them.

    Attributes:
        number: the neighbour's number.
        note, old: the new note and the neighbour.
        shared: telling words that both have, the rarest first.
        similarity: cosine of the two contents.
    """

    number: int
    note: Note
    old: Note
    shared: Sequence[str]
    similarity: float

    @property
    def telling(self) -> str:
        """The three shared words that say most."""
        return ", ".join(self.shared[:3])


def _one_matter(pair: _Pair) -> LinkChoice | None:
    """A later word on the same matter closes the older one where that is certain, and else updates it."""
    verdict = matters.compare(pair.note, pair.old)
    if verdict.matter is Matter.CLOSES:
        reason = f"announces a change of {verdict.about}"
        return LinkChoice(neighbour=pair.number, relation=Relation.SUPERSEDES, reason=reason, weight=ALIKE)
    if verdict.matter is Matter.NEWER:
        reason = f"may be the newer word on {verdict.about}"
        return LinkChoice(neighbour=pair.number, relation=Relation.UPDATES, reason=reason, weight=ALIKE)
    if verdict.matter is Matter.DISPUTES:
        reason = f"trusted less, and says something else about {verdict.about}"
        return LinkChoice(neighbour=pair.number, relation=Relation.CONTRADICTS, reason=reason, weight=ALIKE)
    return None


def _name_between(pair: _Pair, bearers: Counter[str], people: frozenset[str]) -> str | None:
    """The tag of one note that the other one's words name, if few neighbours bear it."""
    for bearer, sayer in ((pair.old, pair.note), (pair.note, pair.old)):
        for tag in bearer.tags:
            telling = bearers[tag] <= MAX_BEARERS and tag not in people
            if telling and names_it(plain(sayer.content), tag):
                return tag
    return None


def _alike(pair: _Pair) -> LinkChoice | None:
    """Notes that are near are related; with a telling word in common they need not be as near."""
    if pair.similarity < (RELATED if pair.shared else NEAR):
        return None
    about = f"both about {pair.telling}" if pair.shared else f"close in meaning ({pair.similarity:.2f})"
    return LinkChoice(neighbour=pair.number, reason=about, weight=ALIKE)


def _learns(pair: _Pair, people: frozenset[str]) -> NeighbourChange | None:
    """A related neighbour learns the most telling words of the new note that it lacks."""
    heard, old = plain(pair.old.content), pair.old
    lacking = (word for word in pair.note.keywords if f" {word} " not in heard and word not in people)
    learned = tuple(islice(lacking, MAX_LEARNED))
    if not learned or old.trust > pair.note.trust or len(old.keywords) + len(learned) > KEPT_KEYWORDS:
        return None
    return NeighbourChange(
        neighbour=pair.number,
        keywords=(*old.keywords, *learned),
        reason=f"related to what was said of {', '.join(learned)}",
    )


def _pairs(note: Note, neighbours: Sequence[Neighbour], people: frozenset[str]) -> Iterator[_Pair]:
    """The note beside each neighbour, the nearest first.

    A word that half of the neighbours have tells nothing of any of them.
    """
    telling = {*words(note.content), *note.keywords}
    in_common: list[set[str]] = []
    for each in neighbours:
        of_old = {*words(each.note.content), *each.note.keywords}
        in_common.append(telling & of_old)
    spread = Counter(chain.from_iterable(in_common))
    limit = max(2, len(neighbours) // 2)
    common = people.union(word for word, count in spread.items() if count > limit)
    nearest_first = sorted(range(len(neighbours)), key=lambda i: -neighbours[i].similarity)
    for i in nearest_first:
        each = neighbours[i]
        shared = sorted(in_common[i] - common, key=lambda word: (spread[word], -len(word), word))
        yield _Pair(each.number, note, each.note, shared, each.similarity)


def judge(note: Note, neighbours: Sequence[Neighbour]) -> Decision:
    """Links and evolutions by rules, each neighbour by the first rule that applies to it.

    1. A note that is the later word on a neighbour's matter supersedes it where that is announced and
       certain, and updates it where it is not; where it is trusted less, it contradicts it. Such a
       neighbour learns nothing: it would be found by words that it does not say.
    2. A note that names another by a tag is linked with it.
    3. Notes that are near, less near with a telling word in common, are related, and the neighbour
       learns the most telling words of the new note that it lacks, so that it is found by them from now on.
    """
    people = frozenset((each.source.who or "").lower() for each in (note, *(x.note for x in neighbours)))
    bearers = Counter(tag for each in neighbours for tag in each.note.tags)
    links: list[LinkChoice] = []
    changes: list[NeighbourChange] = []
    named = related = 0
    for pair in _pairs(note, neighbours, people):
        later = _one_matter(pair) if len(links) < MAX_DECISION_LINKS else None
        if later is not None:
            links.append(later)
            continue
        name = _name_between(pair, bearers, people) if named < MAX_NAMED else None
        if name is not None:
            named += 1
            links.append(LinkChoice(neighbour=pair.number, reason=f"names {name}", weight=NAMED))
            continue
        alike = _alike(pair) if related < MAX_RELATED else None
        if alike is not None:
            related += 1
            links.append(alike)
            learned = _learns(pair, people)
            if learned is not None:
                changes.append(learned)
    return Decision(links=tuple(links), changes=tuple(changes))
