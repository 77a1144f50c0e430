"""The tools `brief`, `recall`, `get_notes` and `browse`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import suppress
from typing import Annotated, Any, Literal

from mcp.types import CallToolResult
from pydantic import Field

from . import answers, core
from .arguments import Budget, Cursor, End, Ids, Moment, Thread, Words
from .brief import brief as told_first
from .calls import Ctx, Namespace, ready

LOOK = 1_000
"""Newest notes whose threads and tags are listed."""


async def brief(ctx: Ctx, budget: Budget = 600) -> Annotated[CallToolResult, answers.Found]:
    """What to know first in a new conversation: who the user is, what is going on, plans, how they want
    things done. Call it once at the start."""
    _, memory, namespace = await ready(ctx)
    text, notes = await told_first(memory, namespace, budget)
    return answers.answer(answers.Found(notes=[answers.card(note) for note in notes]), text)


async def recall(
    query: Annotated[str, Field(min_length=1, max_length=10_000, description="a question, with names")],
    ctx: Ctx,
    limit: Annotated[int, Field(ge=1, le=50)] = 8,
    tags: Words = None,
    thread: Thread = None,
    since: Moment = None,
    until: End = None,
    past: Annotated[bool, Field(description="also what is no longer so, as for how it was before")] = False,
    as_of: Annotated[Moment, Field(description="what was known and true then")] = None,
    budget: Budget = 800,
) -> Annotated[CallToolResult, answers.Found]:
    """Find what is remembered about something. Unasked, before answering, whenever the user's life, work,
    people or preferences may matter. Nothing found: say you do not know. Weigh who said each note."""
    _, memory, namespace = await ready(ctx)
    past = past or answers.asks_for_past(query)
    narrower: dict[str, Any] = {"since": since, "until": until, "as_of": as_of, "superseded": past}

    async def found(**names: Any) -> list[core.Hit]:
        return await memory.recall(query, namespace=namespace, k=limit + 1, **names, **narrower)

    hits = await found(tags=tags, thread=thread)
    if not hits and (tags or thread):
        hits = await found(**await _as_stored(memory, namespace, tags, thread))
    return answers.recalled(answers.worth_telling(hits, limit), query, budget)


async def _as_stored(
    memory: core.AsyncMemory, namespace: Namespace, tags: list[str] | None, thread: str | None
) -> dict[str, Any]:
    """Tags and a thread as they are spelt in the memory, where the case or a mark differs."""
    known_tags, known_threads = await _names(memory, namespace)

    def spelt(name: str, known: Iterable[str]) -> list[str]:
        return [each for each in known if answers.label(each).casefold() == answers.label(name).casefold()]

    found = [each for tag in tags or () for each in spelt(tag, known_tags)]
    threads = spelt(thread, known_threads) if thread else []
    return {"tags": found or tags, "thread": threads[0] if threads else thread}


async def _names(memory: core.AsyncMemory, namespace: Namespace) -> tuple[Counter[str], Counter[str]]:
    """Tags and threads of the newest notes, counted."""
    notes = (await memory.notes(namespace=namespace, limit=LOOK, newest_first=True)).notes
    tags = Counter(tag for note in notes for tag in note.tags)
    return tags, Counter(note.thread for note in notes if note.thread)


async def get_notes(
    ids: Ids,
    ctx: Ctx,
    history: Annotated[bool, Field(description="also what was done to each, with change ids")] = False,
    start: Annotated[int, Field(ge=0, description="character to go on from in a long note")] = 0,
    budget: Budget = 4_000,
) -> Annotated[CallToolResult, answers.Found]:
    """Read notes whole, with their links."""
    _, memory, namespace = await ready(ctx)
    cards, missing, lines = [], [], []
    share = max(300, budget * 4 // len(ids))
    for note_id in dict.fromkeys(ids):
        try:
            graph = await memory.graph(namespace=namespace, start=note_id, hops=1, limit=21)
        except core.NotFound:
            missing.append(note_id)
            continue
        card, text = answers.whole(graph, share, start, history=history)
        cards.append(card)
        lines.append(text)
    with suppress(core.StoreError):  # a memory that may only be read counts no uses
        await memory.used([card.id for card in cards], namespace=namespace)
    text = core.fence("\n".join(lines), "notes") if lines else ""
    if missing:
        text += f"\nNot there: {', '.join(missing)}. Ids come from recall and browse."
    return answers.answer(answers.Found(notes=cards, missing=missing), text.strip())


async def browse(
    ctx: Ctx,
    show: Literal["notes", "threads", "tags"] = "notes",
    tags: Words = None,
    thread: Thread = None,
    since: Moment = None,
    until: End = None,
    unconnected: Annotated[bool, Field(description="only notes that wait for connect")] = False,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: Cursor = None,
    budget: Budget = 2_000,
) -> Annotated[CallToolResult, answers.Found]:
    """List notes, newest first, a page at a time, or the threads or tags there are. To answer a question
    use recall."""
    _, memory, namespace = await ready(ctx)
    if show != "notes":
        known_tags, known_threads = await _names(memory, namespace)
        names = known_tags if show == "tags" else known_threads
        return answers.answer(answers.Found(notes=[], names=dict(names)), answers.counted(names, show))
    names_given = {"tags": tags, "thread": thread}
    if tags or thread:
        names_given = await _as_stored(memory, namespace, tags, thread)
    narrower: dict[str, Any] = {**names_given, "since": since, "until": until, "pending": unconnected}
    narrower |= {"namespace": namespace, "after": cursor, "newest_first": True}
    page = await memory.notes(limit=limit, **narrower)
    notes = core.fit([answers.clean(note) for note in page.notes], budget)
    if len(notes) < len(page.notes):  # the page ends where the room did
        page = await memory.notes(limit=len(notes), **narrower)
    text = answers.fenced(notes, brief=False) or "No notes there."
    more = f"\nMore: call browse with cursor {page.cursor}" if page.cursor else ""
    return answers.answer(
        answers.Found(notes=[answers.card(note) for note in notes], cursor=page.cursor), text + more
    )
