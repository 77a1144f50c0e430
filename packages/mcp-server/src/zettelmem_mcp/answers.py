"""What tools answer: compact text for the model, the same as structure for programs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel

from . import core

PREVIEW = 240
"""Characters of a note in a list of neighbours."""


class Card(BaseModel):
    """A note as an assistant sees it."""

    id: str
    content: str
    when: str
    said_by: str
    trust: str
    kind: str
    tags: list[str] = []
    status: str | None = None
    context: str | None = None
    thread: str | None = None
    links: list[str] | None = None
    history: list[str] | None = None


class Around(BaseModel):
    """A neighbour, under the number that `connect` takes."""

    neighbour: int
    content: str
    when: str


class Stored(BaseModel):
    """What became of a note."""

    id: str
    change: str
    known: bool = False
    neighbours: list[Around] = []
    evolved: list[str] = []


class Found(BaseModel):
    """Notes, and where to go on."""

    notes: list[Card]
    missing: list[str] = []
    cursor: str | None = None


class Done(BaseModel):
    """Ids of the changes made; `undo` takes each back."""

    changes: list[str]


def answer(value: BaseModel, *text: str) -> CallToolResult:
    """A tool's result: the parts of `text` for the model, `value` as the structure."""
    told = TextContent(type="text", text="\n".join(part for part in text if part))
    return CallToolResult(content=[told], structured_content=value.model_dump(exclude_none=True))


def card(note: core.Note, **more: Any) -> Card:
    """`note` as structure."""
    return Card(
        id=note.id,
        content=note.content,
        when=f"{note.occurred_at:%Y-%m-%d}",
        said_by=note.source.who or "unknown",
        trust=note.trust.name.lower(),
        kind=note.kind,
        tags=list(note.tags[:8]),
        status=note.status or None,
        thread=note.thread,
        **more,
    )


def found(head: str, notes: Sequence[core.Note], more: str = "", cursor: str | None = None) -> CallToolResult:
    """Notes between a line before and a line after them."""
    return answer(Found(notes=[card(note) for note in notes], cursor=cursor), head, fenced(notes), more)


def whole(graph: core.Graph, size: int, start: int = 0, *, history: bool) -> tuple[Card, str]:
    """The note in the middle of `graph` with its links, and on request what was done to it."""
    note = core.cut(graph.notes[0], size, start)
    context, links = core.one_line(note.context, 300), core.tell_links(note, graph)
    changes = core.tell_history(note) if history else None
    told = [core.tell(note), f"  context: {context}", *(f"  link: {each}" for each in links)]
    told += [f"  change {each}" for each in changes or ()]
    return card(note, context=context or None, links=links, history=changes), "\n".join(told)


def fenced(notes: Iterable[core.Note]) -> str:
    """Notes as fenced text, "" for none."""
    told = "\n".join(map(core.tell, notes))
    return core.fence(told, "notes") if told else ""


def listed(notes: Sequence[core.Note], tokens: int, head: str, least: int = 300) -> str:
    """How many notes there are, those of them that so many tokens have room for, and how many more."""
    fitting = core.fit(notes, tokens, least)
    left = len(notes) - len(fitting)
    more = f"\n{left} more; browse lists them." if left else ""
    return f"{len(fitting)} notes{head}\n{fenced(fitting)}{more}"


def around(neighbours: Sequence[core.Neighbour]) -> tuple[list[Around], str]:
    """Numbered neighbours as structure, and as fenced text with what `connect` may change about them."""
    cards, told = [], []
    for number, note in ((each.number, core.cut(each.note, PREVIEW)) for each in neighbours):
        cards.append(Around(neighbour=number, content=note.content, when=f"{note.occurred_at:%Y-%m-%d}"))
        keywords = core.one_line(", ".join(note.keywords))
        told.append(f"{core.tell(note, f'neighbour {number}:')}\n  keywords: {keywords}")
    return cards, core.fence("\n".join(told), "neighbours") if told else ""
