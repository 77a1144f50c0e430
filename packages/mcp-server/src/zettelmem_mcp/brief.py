"""What a new conversation should know first: who the user is, what is going on, plans, wishes."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from . import answers, core

PLANS = "Plans and open matters"
SECTIONS = {
    "Who the user is": "name, family, partner, children, home, city, work, employer, health, allergies",
    "How they want things done": "prefers, wants, likes, dislikes, always, never, answers, style, tools",
    PLANS: "plan, planned, will, going to, deadline, due, appointment, next, todo, open question",
}
"""The parts of a brief that a recall fills, and what it asks for."""
EACH = 6
"""Notes of one part at most."""
LONG = 300
"""Characters that are told of one note."""
LATEST = 12
"""Newest notes that are looked at for what is going on."""
EMPTY = "Nothing is remembered yet. Remember what later conversations will need."


async def brief(
    memory: core.AsyncMemory, namespace: tuple[str, ...], budget: int
) -> tuple[str, list[core.Note]]:
    """The brief in so many tokens: the whole memory where it fits, its most telling notes otherwise.

    Returns:
        The text for the model, and the notes in it.
    """
    now = memory.clock()
    newest = await memory.notes(namespace=namespace, valid=True, limit=50, newest_first=True)
    if not newest.notes:
        return EMPTY, []
    room = budget * 4
    if newest.cursor is None and sum(_size(note) for note in newest.notes) <= room:
        return _told({"All that is remembered, oldest first": newest.notes[::-1]})
    ahead = await memory.notes(namespace=namespace, valid=True, since=now, limit=EACH, by="occurred_at")
    asked = [memory.recall(query, namespace=namespace, k=2 * EACH) for query in SECTIONS.values()]
    found = dict(zip(SECTIONS, await asyncio.gather(*asked), strict=True))
    parts: dict[str, list[core.Note]] = {}
    seen: set[str] = set()
    for name, hits in found.items():
        first = ahead.notes if name == PLANS else ()
        parts[name] = _chosen([*first, *(hit.note for hit in hits)], seen, room // 4)
    parts["What is going on, newest first"] = _chosen(newest.notes[:LATEST], seen, room // 4)
    return _told(parts)


def _chosen(notes: Sequence[core.Note], seen: set[str], room: int) -> list[core.Note]:
    """The first notes that are not told yet, are believed, and have room; `seen` grows by them."""
    chosen: list[core.Note] = []
    for note in (core.cut(each, LONG) for each in notes):
        if note.id in seen or note.trust is core.Trust.UNTRUSTED or _size(note) > room:
            continue
        seen.add(note.id)
        chosen.append(note)
        room -= _size(note)
        if len(chosen) == EACH:
            break
    return chosen


def _size(note: core.Note) -> int:
    """Characters that a note takes where it is told."""
    return len(note.content) + 60


def _told(parts: Mapping[str, Sequence[core.Note]]) -> tuple[str, list[core.Note]]:
    lines, notes = [], []
    for name, chosen in parts.items():
        if chosen:
            told = [answers.clean(note) for note in chosen]
            notes += told
            lines.append(f"{name}:\n{answers.fenced(told)}")
    return "\n".join(lines) or EMPTY, notes
