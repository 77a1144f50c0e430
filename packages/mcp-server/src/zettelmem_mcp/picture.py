"""The memory as the page shows it: plain JSON values, and in them nothing that people cannot see."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from . import core
from .answers import visible

HITS = 30
"""Notes that a search gives at most."""
LISTED = 50
"""Notes of one page of the newest."""
AROUND = 60
"""Notes around one note at most."""
OVERVIEW = 150
"""Newest notes in the graph of the whole memory."""
OF_THREAD = 500
"""Notes of one thread at most."""
LOOKED = 5_000
"""Newest notes whose threads are put on the time line."""
CELLS = 60
"""Parts of the time line."""
PREVIEW = 280
"""Characters of a note in lists and graphs."""
COMPARED = 250_000
"""Pairs of words up to which two texts are compared word by word."""
UNTOLD = ("pending", "shown")
"""Fields of a change that mean nothing to people."""

Shown = dict[str, Any]


async def answer(
    memory: core.AsyncMemory, namespace: tuple[str, ...], what: str, asked: Mapping[str, str]
) -> Shown:
    """What the page asks for.

    Args:
        memory: an open memory.
        namespace: whose.
        what: `stats`, `search` (q), `recent` (after), `graph` (id), `note` (id), `threads`, `thread` (name).
        asked: the arguments in brackets; what is not needed is left out.

    Raises:
        InvalidInput: there is no such question, or an argument does not fit.
        NotFound: no such note.
    """
    of = Picture(memory, namespace)
    match what:
        case "stats":
            return await of.stats()
        case "search":
            return await of.search(asked.get("q", ""))
        case "recent":
            return await of.recent(asked.get("after") or None)
        case "graph":
            return await of.graph(asked.get("id") or None)
        case "note":
            return await of.note(asked.get("id", ""))
        case "threads":
            return await of.threads()
        case "thread":
            return await of.thread(asked.get("name", ""))
    raise core.InvalidInput(f"there is nothing called {visible(what[:40])!r} to show")


class Picture:
    """One namespace of a memory, as JSON.

    Args:
        memory: an open memory.
        namespace: whose; what lies below it is shown too.
    """

    def __init__(self, memory: core.AsyncMemory, namespace: tuple[str, ...]) -> None:
        self._memory = memory
        self._namespace = namespace

    async def stats(self) -> Shown:
        """Whose memory it is, and how many notes, links, threads and superseded notes it has."""
        found = await self._memory.stats(namespace=self._namespace)
        figures = found.model_dump(include={"notes", "links", "threads", "superseded"})
        return {"namespace": visible("/".join(self._namespace)), **figures}

    async def search(self, query: str) -> Shown:
        """What a recall finds, best first, with the score in [0, 1] and why; superseded notes too."""
        hits = await self._memory.recall(
            query, namespace=self._namespace, k=HITS, superseded=True, min_score=core.MIN_SCORE
        )
        notes = []
        for hit in hits:
            notes.append({**self._told(hit.note), "score": round(hit.score, 3), "why": visible(hit.why)})
        return {"notes": notes}

    async def recent(self, after: str | None) -> Shown:
        """A page of notes, newest first, and the cursor of the next."""
        page = await self._memory.notes(
            namespace=self._namespace, limit=LISTED, after=after, newest_first=True
        )
        return {"notes": [self._told(note) for note in page.notes], "cursor": page.cursor}

    async def graph(self, note_id: str | None) -> Shown:
        """The notes around one and their links, or the newest ones with theirs."""
        limit = AROUND if note_id else OVERVIEW
        found = await self._memory.graph(namespace=self._namespace, start=note_id, hops=2, limit=limit)
        notes = [self._told(note) for note in found.notes]
        return {"notes": notes, "links": [_link(link) for link in found.links], "focus": note_id}

    async def note(self, note_id: str) -> Shown:
        """A whole note, its links with the notes at their other ends, and its history, newest first."""
        found = await self._memory.graph(namespace=self._namespace, start=note_id, hops=1, limit=1_000)
        note, others = found.notes[0], {each.id: each for each in found.notes}
        links = []
        for link in note.links:
            if other := others.get(link.other(note.id)):
                links.append({**_link(link), "other": self._told(other)})
        whole = {**self._told(note), "content": visible(note.content), "context": visible(note.context)}
        history = [_change(entry) for entry in reversed(note.history)]
        return {"note": whole, "links": links, "history": history}

    async def threads(self) -> Shown:
        """The threads, the latest first, each with how many notes it has in every part of the time line."""
        notes: list[core.Note] = []
        after: str | None = None
        while len(notes) < LOOKED:
            page = await self._memory.notes(
                namespace=self._namespace, limit=1_000, after=after, newest_first=True
            )
            notes += page.notes
            after = page.cursor
            if after is None:
                break
        times = [note.occurred_at for note in notes if note.thread]
        if not times:
            return {
                "threads": [],
                "first": None,
                "last": None,
                "looked": len(notes),
                "more": after is not None,
            }
        first, last = min(times), max(times)
        by_name: dict[str, list[core.Note]] = {}
        for note in notes:
            if note.thread:
                by_name.setdefault(note.thread, []).append(note)
        threads = [self._lane(name, of, first, last) for name, of in by_name.items()]
        threads.sort(key=lambda lane: lane["last"], reverse=True)
        span = {"first": first.isoformat(), "last": last.isoformat()}
        return {"threads": threads, **span, "looked": len(notes), "more": after is not None}

    def _lane(self, name: str, notes: list[core.Note], first: datetime, last: datetime) -> Shown:
        """A thread: its notes, and its superseded notes, in each part of the time from `first` to `last`."""
        cells: dict[int, list[int]] = {}
        now = self._memory.clock()
        for note in notes:
            cell = cells.setdefault(cell_of(note.occurred_at, first, last), [0, 0])
            cell[0] += 1
            cell[1] += _over(note, now)
        times = [note.occurred_at for note in notes]
        return {
            "key": name,
            "name": visible(name),
            "count": len(notes),
            "first": min(times).isoformat(),
            "last": max(times).isoformat(),
            "cells": [[place, *cells[place]] for place in sorted(cells)],
        }

    async def thread(self, name: str) -> Shown:
        """The notes of a thread in the order they happened."""
        page = await self._memory.notes(
            namespace=self._namespace, thread=name, limit=OF_THREAD, by="occurred_at"
        )
        notes = [self._told(note) for note in page.notes]
        return {"name": visible(name), "notes": notes, "more": page.cursor is not None}

    def _told(self, note: core.Note) -> Shown:
        return {
            "id": note.id,
            "content": core.shorten(visible(note.content), PREVIEW),
            "when": note.occurred_at.isoformat(),
            "who": visible(note.source.who or "unknown"),
            "trust": note.trust.name.lower(),
            "kind": note.kind,
            "tags": [visible(tag) for tag in note.tags[:12]],
            "thread": {"key": note.thread, "name": visible(note.thread)} if note.thread else None,
            "status": note.status,
            "over": _over(note, self._memory.clock()),
        }


def _over(note: core.Note, now: datetime) -> bool:
    """Whether it is no longer so."""
    return note.invalid_at is not None and note.invalid_at <= now


def cell_of(at: datetime, first: datetime, last: datetime) -> int:
    """The part of the time line that `at` lies in, from 0 to `CELLS` - 1."""
    span = (last - first).total_seconds()
    return min(CELLS - 1, int(CELLS * (at - first).total_seconds() / span)) if span else 0


def _link(link: core.Link) -> Shown:
    told = link.model_dump(mode="json")
    return {**told, "reason": visible(link.reason)}


def _change(entry: core.Evolution) -> Shown:
    fields = {}
    for name, after in entry.after.items():
        if name not in UNTOLD:
            fields[name] = diff(_text(entry.before.get(name)), _text(after))
    return {
        "change": entry.change,
        "verb": entry.verb,
        "cause": entry.cause,
        "at": entry.at.isoformat(),
        "reason": visible(entry.reason),
        "fields": fields,
        "linked": [_link(link) for link in entry.linked],
        "unlinked": [_link(link) for link in entry.unlinked],
        "dropped": entry.dropped,
    }


def _text(value: Any) -> str:
    """A field's value in words."""
    if value is None or isinstance(value, str):
        return visible(value or "")
    if isinstance(value, list):
        return ", ".join(visible(str(each)) for each in value)
    return visible(json.dumps(value, ensure_ascii=False))


def diff(before: str, after: str) -> list[tuple[str, str]]:
    """What became of a text, word by word, as pieces that were kept (=), taken out (-) or put in (+).

    >>> diff("Ana lives in Porto.", "Ana lives in Lisbon.")
    [('=', 'Ana lives in '), ('-', 'Porto'), ('+', 'Lisbon'), ('=', '.')]
    """
    old, new = _words(before), _words(after)
    if len(old) * len(new) > COMPARED:
        return _pieces([("-", before), ("+", after)])
    pieces: list[tuple[str, str]] = []
    for kind, a, b, c, d in difflib.SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if kind == "equal":
            pieces.append(("=", "".join(old[a:b])))
        else:
            pieces += [("-", "".join(old[a:b])), ("+", "".join(new[c:d]))]
    return _pieces(pieces)


def _words(text: str) -> list[str]:
    return re.findall(r"\s+|\w+|[^\w\s]", text)


def _pieces(pieces: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    return [piece for piece in pieces if piece[1]]
