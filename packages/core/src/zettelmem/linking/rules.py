"""Construction and judging by rules: what a memory does when no language model is at hand.

Pure functions over words. They are modest on purpose: a wrong link costs more than a missing one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from zettelmem.decisions import Decision, LinkChoice, Neighbour, NeighbourChange
from zettelmem.language.words import announces_change, asks, hashtags, names, names_it, plain, topics, words
from zettelmem.limits import MAX_CONTEXT, MAX_WORD
from zettelmem.note import Note, Relation, Source

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
STATEMENT = 40
"""Words up to which a note is taken for one statement, which another one can replace."""
SAME_MATTER = 0.55
"""Cosine from which a note that announces a change is taken to be about an older one."""

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
_EVENT = re.compile(
    r"\b(?:yesterday|today|tonight|tomorrow|last|next|ago|went|did|was|were|had|got|made|met|saw|bought|started"
    r"|finished|visited|\w+ed)\b",
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
    if _FACT.search(head) and not _EVENT.search(head) and not head.rstrip().endswith("?"):
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


def _subject_words(note: Note) -> set[str]:
    return set(words(note.content)) | set(note.keywords)


def judge(note: Note, neighbours: Sequence[Neighbour]) -> Decision:
    """Links and evolutions by rules.

    A note that announces a change, and is near an older one of the same speaker, supersedes it. Notes
    that are near and have a telling word in common are related. A related neighbour learns the most telling
    words of the new note that it lacks, so that it is found by them from now on.
    """
    own = _subject_words(note)
    spread = Counter(word for each in neighbours for word in _subject_words(each.note) if word in own)
    people = {(x.source.who or "").lower() for x in (note, *(each.note for each in neighbours))}
    common = max(2, len(neighbours) // 2)
    said = plain(note.content)
    tagged = Counter(tag for each in neighbours for tag in each.note.tags)
    links: list[LinkChoice] = []
    changes: list[NeighbourChange] = []
    named = 0
    news = announces_change(note.content)
    related = 0
    for each in sorted(neighbours, key=lambda x: -x.similarity):
        old = each.note
        shared = sorted(
            (word for word in own & _subject_words(old) if word not in people and spread[word] <= common),
            key=lambda word: (spread[word], -len(word), word),
        )
        telling = ", ".join(shared[:3])
        if (
            news
            and shared
            and each.similarity >= SAME_MATTER
            and old.source.who == note.source.who
            and old.trust <= note.trust
            and old.occurred_at <= note.occurred_at
            and old.invalid_at is None
            and not asks(old.content)
            and max(len(note.content.split()), len(old.content.split())) <= STATEMENT
        ):
            links.append(
                LinkChoice(
                    neighbour=each.number,
                    relation=Relation.SUPERSEDES,
                    reason=f"announces a change about {telling}",
                )
            )
            news = False
            continue
        heard = plain(old.content)
        name = next(
            (
                tag
                for tag in (*old.tags, *note.tags)
                if tag not in people
                and tagged[tag] <= MAX_BEARERS
                and ((tag in old.tags and names_it(said, tag)) or (tag in note.tags and names_it(heard, tag)))
            ),
            None,
        )
        if name is not None and named < MAX_NAMED:
            named += 1
            links.append(LinkChoice(neighbour=each.number, reason=f"names {name}", weight=NAMED))
            continue
        near = each.similarity >= (RELATED if shared else NEAR)
        if not near or related == MAX_RELATED:
            continue
        related += 1
        reason = f"both about {telling}" if shared else f"close in meaning ({each.similarity:.2f})"
        links.append(LinkChoice(neighbour=each.number, reason=reason, weight=ALIKE))
        learned = [word for word in note.keywords if f" {word} " not in heard and word not in people][
            :MAX_LEARNED
        ]
        if learned and old.trust <= note.trust and len(old.keywords) + len(learned) <= KEPT_KEYWORDS:
            changes.append(
                NeighbourChange(
                    neighbour=each.number,
                    keywords=(*old.keywords, *learned),
                    reason=f"related to what was said of {', '.join(learned)}",
                )
            )
    return Decision(links=tuple(links), changes=tuple(changes))
