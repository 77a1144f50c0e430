"""What tools answer: compact text for the model, the same as structure for programs. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, WithJsonSchema

from . import core

NOTHING = "Nothing is remembered about that."
PREVIEW = 160
"""Characters of a neighbour."""
OFFERED = 3
"""Neighbours of a new note that the assistant is asked about at most."""
NEAR = 0.45
"""Cosine, in [-1, 1], from which a note is near enough to be asked about."""
NEARER = 0.6
"""Cosine from which a note may well be about the same matter."""
SHARED = 0.5
"""The same by words: how many of the shorter note's words both hold, in [0, 1], and at least two."""
SURE = 0.5
"""Score, in [0, 1], from which the best hit is told without a doubt."""
FAR = 0.63
"""Share of the best hit's odds below which another one is not worth its tokens: 4.6 points behind it."""
AHEAD = 0.87
"""The same below which the second hit leaves no doubt that the first is meant."""
WHOLE = 400
"""Characters up to which all that a memory holds is told."""
_PAST = re.compile(
    r"\b(?:original(?:ly)?|at first|in the beginning|used to|previous(?:ly)?|former(?:ly)?|in the past|"
    r"before (?:it|that|this|she|he|they|i|we)\b|(?:was|were|did)\b.*\bbefore\b|no longer|history of|"
    r"ursprünglich|früher|vorher|damals|zuvor)",
    re.IGNORECASE,
)
_KEPT = frozenset("\u200c\u200d\ufe0e\ufe0f")
"""Invisible characters that scripts and emoji are written with."""


class Card(BaseModel):
    """A note as an assistant sees it."""

    id: str
    content: str
    when: str
    said_by: str
    trust: str
    tags: list[str] = []
    status: str | None = None
    score: float | None = None
    context: str | None = None
    thread: str | None = None
    links: list[str] | None = None
    history: list[str] | None = None


class Near(BaseModel):
    """A note that a new one may have to do with."""

    id: str
    may_be: str


class Stored(BaseModel):
    """What became of one fact."""

    id: str
    known: bool = False
    near: list[Near] = []


T = TypeVar("T")
Told = Annotated[T, WithJsonSchema({"type": "object"})]
"""A value whose fields the schema of the tool leaves out: they would cost tokens in every conversation."""


class Kept(BaseModel):
    """What became of the facts of one call, in their order."""

    notes: list[Told[Stored]]


class Found(BaseModel):
    """Notes, and where to go on; or the names of threads or tags with how many notes each has."""

    notes: list[Told[Card]]
    missing: list[str] = []
    cursor: str | None = None
    names: Told[dict[str, int]] = {}


class Done(BaseModel):
    """Ids of the changes made; `undo` takes each back."""

    changes: list[str]


def visible(text: str) -> str:
    """`text` without what people do not see but models read: ANSI, control, bidi and tag characters."""
    text = re.sub(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)?", "", text)
    return "".join(c for c in text if c in "\n\t" or c in _KEPT or not _hidden(c))


def _hidden(character: str) -> bool:
    selector = 0xE0100 <= ord(character) <= 0xE01EF
    return selector or unicodedata.category(character) in ("Cc", "Cf", "Cs", "Co")


def label(text: str) -> str:
    """A tag, thread or speaker for the head of a note, where it cannot pass for another part of it."""
    return " ".join(re.sub(r"[\[\](){}<>,;:#\"“”]", " ", core.one_line(visible(text), 60)).split())


def clean(note: core.Note) -> core.Note:
    """`note` as it may be told to a model: nothing hidden, no forged heads."""
    source = note.source.model_copy(update={"who": label(note.source.who or "unknown")})
    return note.model_copy(
        update={
            "content": visible(note.content),
            "tags": tuple(filter(None, map(label, note.tags))),
            "thread": label(note.thread) if note.thread else None,
            "source": source,
        }
    )


def answer(value: BaseModel, text: str) -> CallToolResult:
    """A tool's result: `text` for the model, `value` as the structure."""
    told = TextContent(type="text", text=text)
    return CallToolResult(content=[told], structured_content=value.model_dump(exclude_defaults=True))


def card(note: core.Note, **more: Any) -> Card:
    """`note` as structure."""
    return Card(
        id=note.id,
        content=note.content,
        when=f"{note.occurred_at:%Y-%m-%d}",
        said_by=note.source.who or "unknown",
        trust=note.trust.name.lower(),
        tags=list(note.tags[:8]),
        status=note.status or None,
        thread=note.thread,
        **more,
    )


def told(note: core.Note, *, brief: bool = True) -> str:
    """A note as lines, with the ids of the notes whose place it took."""
    replaced = [f"[{link.target}]" for link in note.links if _replaces(note, link)]
    more = f"\n  in the place of {', '.join(replaced[:3])}" if replaced else ""
    return core.tell(note, brief=brief) + more


def _replaces(note: core.Note, link: core.Link) -> bool:
    return link.relation is core.Relation.SUPERSEDES and link.source == note.id


def fenced(notes: Iterable[core.Note], *, brief: bool = True) -> str:
    """Notes as fenced text, "" for none."""
    lines = "\n".join(told(note, brief=brief) for note in notes)
    return core.fence(lines, "notes") if lines else ""


def listed(notes: Sequence[core.Note], tokens: int, head: str, least: int = 300) -> str:
    """How many notes there are, those of them that so many tokens have room for, and how many more."""
    fitting = core.fit([clean(note) for note in notes], tokens, least)
    left = len(notes) - len(fitting)
    more = f"\n{left} more; browse lists them." if left else ""
    return f"{len(fitting)} notes{head}\n{fenced(fitting)}{more}"


def asks_for_past(query: str) -> bool:
    """Whether a question is about how things were, in English or German; `past` says it in any language."""
    return bool(_PAST.search(query))


def worth_telling(hits: Sequence[core.Hit], limit: int) -> list[core.Hit]:
    """The hits that may answer, best first; none where nothing is known, all where the memory is small.

    Args:
        hits: what a recall for one more than `limit` found: fewer are all there is.
        limit: at most so many.
    """
    best = max((hit.score for hit in hits), default=0.0)
    if best < core.MIN_SCORE:
        return []
    if len(hits) <= limit and sum(len(hit.note.content) for hit in hits) <= WHOLE:
        return list(hits)
    good = [hit for hit in hits if hit.score >= core.MIN_SCORE]
    return [hit for hit in good if _odds(hit.score) >= FAR * _odds(best)][:limit]


def _odds(score: float) -> float:
    return score / max(1.0 - score, 1e-9)


def recalled(hits: Sequence[core.Hit], query: str, budget: int) -> CallToolResult:
    """What `recall` says about the hits: how sure it is, the passages that matched, what had no room."""
    notes = core.fit([clean(hit.note) for hit in hits], budget, query=query, brief=True)
    if not notes:
        return answer(Found(notes=[]), NOTHING)
    score = {hit.note.id: hit.score for hit in hits}
    left = len(hits) - len(notes)
    more = f"\n{left} more had no room: give a larger budget." if left else ""
    cards = [card(note, score=round(score[note.id], 3)) for note in notes]
    return answer(Found(notes=cards), f"{_how_sure(hits)}\n{fenced(notes)}{more}")


def _how_sure(hits: Sequence[core.Hit]) -> str:
    """A word on how far the first hit can be an answer."""
    if hits[0].score < SURE:
        return "Perhaps, weakly matched:"
    if len(hits) == 1 or _odds(hits[1].score) < AHEAD * _odds(hits[0].score):
        return "Likely the first:"
    return f"Likely among these {len(hits)}, best first:"


def whole(graph: core.Graph, size: int, start: int = 0, *, history: bool) -> tuple[Card, str]:
    """The note in the middle of `graph` with its links, and on request what was done to it."""
    note = core.cut(clean(graph.notes[0]), size, start)
    around = graph.model_copy(update={"notes": tuple(clean(each) for each in graph.notes)})
    context, links = core.one_line(visible(note.context), 300), core.tell_links(note, around)
    changes = [visible(each) for each in core.tell_history(note)] if history else None
    lines = [core.tell(note), f"  context: {context}", *(f"  link: {visible(each)}" for each in links)]
    lines += [f"  change {each}" for each in changes or ()]
    return card(note, context=context or None, links=links, history=changes), "\n".join(lines)


def words_of(text: str) -> frozenset[str]:
    """The words by which two notes are compared."""
    return frozenset(re.findall(r"\w+", text.casefold()))


def names_of(text: str) -> frozenset[str]:
    """The words that are written large: names, and the first word of a sentence."""
    return frozenset(re.findall(r"\b[^\W\d_a-zß-ÿ]\w{2,}", text))


def same_words(one: str, other: str) -> bool:
    """Whether two contents say the same but for case, blanks and the mark at their end."""
    plain = (" ".join(each.casefold().split()).rstrip(".!… ") for each in (one, other))
    return next(plain) == next(plain)


def may_be(content: str, other: core.Neighbour) -> str:
    """What a new note may be to a neighbour; "" where it is too far away to be worth a question."""
    if same_words(content, other.note.content):
        return "says the same as"
    theirs = other.note.content
    own_words, their_words = words_of(content), words_of(theirs)
    both = len(own_words & their_words)
    alike = both >= 2 and both >= SHARED * min(len(own_words), len(their_words))
    if alike or other.similarity >= NEARER:
        return "may be the newer word on"
    named = len(names_of(content) & names_of(theirs)) >= 2
    return "may belong with" if named or other.similarity >= NEAR else ""


def offered(content: str, neighbours: Sequence[core.Neighbour]) -> list[tuple[str, core.Neighbour]]:
    """The few neighbours that the assistant is asked about, each with what the new note may be to it."""
    near = [(may_be(content, each), each) for each in neighbours if each.note.invalid_at is None]
    near = [pair for pair in near if pair[0]]
    return sorted(near, key=lambda pair: -pair[1].similarity)[:OFFERED]


def near_lines(note_id: str, near: Sequence[tuple[str, core.Neighbour]]) -> list[str]:
    """What a new note may be to the notes near to it, a line each."""
    lines = []
    for what, each in near:
        note = clean(each.note)
        quoted = core.one_line(note.content, PREVIEW)
        who = f"{note.occurred_at:%Y-%m-%d}, {note.source.who}"
        lines.append(f"[{note_id}] {what} [{note.id}] {who}: > {quoted}")
    return lines


def counted(names: Mapping[str, int], what: str) -> str:
    """Threads or tags with how many notes each has, most first."""
    if not names:
        return f"There are no {what} yet."
    lines = [f"{label(name)}: {count}" for name, count in sorted(names.items(), key=lambda x: (-x[1], x[0]))]
    return core.fence("\n".join(f"> {line}" for line in lines[:100]), what)
