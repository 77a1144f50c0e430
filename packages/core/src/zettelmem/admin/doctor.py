"""Looking a whole store over, and mending what can be mended without losing a word."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, nullcontext
from datetime import datetime, timedelta

from zettelmem.decisions import Changes
from zettelmem.embedding import Embedding
from zettelmem.errors import StoreError, StoreMismatch
from zettelmem.namespace import Namespace
from zettelmem.note import Evolution, Link, Note
from zettelmem.protocols import Vectors
from zettelmem.receipts import Erasure, Examination, Finding
from zettelmem.render import one_line
from zettelmem.spending import Account
from zettelmem.store import Store, optimize, tail_of

from . import erase as erasure
from .audit import Audit, Standing, read, void

SIZE_RATIO = 4.0
"""Bytes on disk for each byte of live data, from which a store is too large."""
SMALL = 50_000_000
"""Bytes on disk up to which nobody minds."""
AT_ONCE = 200
"""Notes mended in one commit."""


class _Seen:
    """What one pass over all rows tells."""

    def __init__(self) -> None:
        self.spaces: dict[str, Namespace] = {}
        self.live: set[str] = set()
        self.links: dict[str, tuple[Link, ...]] = {}
        self.pending = 0
        self.why_pending = "; see finish_pending"
        self.spent = Account()
        self.forgotten: dict[Namespace, list[tuple[datetime, str]]] = defaultdict(list)
        self.twice: list[str] = []
        self.miscounted: list[str] = []

    def add(self, note: Note) -> None:
        if note.id in self.spaces:
            self.twice.append(note.id)
        self.spaces[note.id] = note.namespace
        if note.pending is not None and note.forgotten_at is None:
            self.pending += 1
            if note.pending.proposes:
                self.why_pending = "; see `zettelmem review` for those that wait for you"
            elif note.pending.tries:
                self.why_pending = f"; the last failure: {one_line(note.pending.reason, 200)}"
        self.spent = sum((entry.cost for entry in note.history if entry.cost is not None), self.spent)
        if note.revision != note.dropped + len(note.history):
            self.miscounted.append(note.id)
        if note.forgotten_at is None:
            self.live.add(note.id)
            self.links[note.id] = note.links
        else:
            self.forgotten[note.namespace].append((note.forgotten_at, note.id))

    def torn(self) -> dict[str, list[Link]]:
        """The links that seem to be torn, by the note that has one too many or lacks one."""
        torn: dict[str, list[Link]] = defaultdict(list)
        for note_id, links in self.links.items():
            for link in links:
                other = link.other(note_id)
                here = note_id in (link.source, link.target)
                if not here or other not in self.live or self.spaces[other] != self.spaces[note_id]:
                    torn[note_id].append(link)
                elif link not in self.links[other]:
                    torn[other].append(link)
        return torn


def mend(notes: Mapping[str, Note], torn: Mapping[str, Sequence[Link]], now: datetime) -> list[Changes]:
    """What makes links whole that are still torn: one whose other end is there is added, any other goes.

    Args:
        notes: the notes as they are, and those at the other ends.
        torn: links that seemed to be torn, by the note that has one too many or lacks one.
        now: the time of the changes.
    """
    fresh = _Seen()
    for note in notes.values():
        fresh.add(note)
    still = fresh.torn()
    wrong = {each: [link for link in still.get(each, ()) if link in links] for each, links in torn.items()}
    return [_mended(notes[each], links, now) for each, links in wrong.items() if links]


def _mended(note: Note, wrong: Sequence[Link], now: datetime) -> Changes:
    gone = tuple(link for link in note.links if link in wrong)
    new = tuple(link for link in wrong if link not in note.links)
    change = f"{note.id}.{note.revision + 1}"
    entry = Evolution(
        change=change,
        verb="link",
        cause=note.id,
        at=now,
        reason="one-sided or dangling links mended",
        linked=new,
        unlinked=gone,
    )
    links = (*(link for link in note.links if link not in gone), *new)
    fields = {"links": links, "history": (*note.history, entry), "revision": note.revision + 1}
    return Changes(id=change, notes=(note.model_copy(update=fields),))


async def examine(
    store: Store,
    embedding: Embedding,
    now: datetime,
    *,
    audit: Audit | None,
    repair: bool,
    purge: timedelta | None,
) -> Examination:
    """Check everything; `repair` mends links, indices, files and log, `purge` erases old forgotten notes."""
    try:
        await tail_of(store)
    except StoreMismatch as error:
        return Examination(findings=(Finding(check="embedder", trouble=True, count=1, told=str(error)),))
    except StoreError as error:
        return Examination(findings=(Finding(check="opens", trouble=True, count=1, told=str(error)),))
    seen = _Seen()
    async for notes in store.every_note():
        for note in notes:
            seen.add(note)
    erased = await _purge(store, embedding, seen, now, purge)
    findings = [
        Finding(check="opens", count=len(seen.spaces), told="notes, forgotten ones included"),
        Finding(check="embedder", told=embedding.embedder.name),
        await _links(store, seen, now, repair=repair),
        Finding(check="ids", trouble=bool(seen.twice), count=len(seen.twice), told="ids that occur twice"),
        Finding(
            check="revisions",
            trouble=bool(seen.miscounted),
            count=len(seen.miscounted),
            told="notes whose revision does not count their writes",
        ),
        Finding(check="pending", count=seen.pending, told=f"notes wait for a judge{seen.why_pending}"),
        Finding(check="model", count=seen.spent.calls, told=f"calls, {seen.spent.tokens:,} tokens"),
        await _indices(store, repair=repair),
        await _files(store, repair=repair),
        await _size(store, repair=repair),
        _forgotten(seen, now, erased),
    ]
    if audit is not None:
        findings.append(await _audit(store, audit, now, repair=repair))
    return Examination(findings=tuple(findings), erased=tuple(erased))


async def _links(store: Store, seen: _Seen, now: datetime, *, repair: bool) -> Finding:
    """Which links are torn, looked at once more: what was seen may be of several moments, if others write."""
    torn = sorted(seen.torn().items())
    mended: list[Changes] = []
    for start in range(0, len(torn), AT_ONCE):
        part = dict(torn[start : start + AT_ONCE])
        ids = {*part, *(link.other(each) for each, links in part.items() for link in links)}

        def step(fresh: dict[str, Note], part: Mapping[str, Sequence[Link]] = part) -> list[Changes]:
            return mend(fresh, part, now)

        mended += await store.commit((), ids, step, _nothing) if repair else step(await store.get(ids))
    entries = [each.note.history[-1] for each in mended]
    dangling, one_sided = (sum(len(x.unlinked) for x in entries), sum(len(x.linked) for x in entries))
    return Finding(
        check="links",
        trouble=bool(mended),
        count=dangling + one_sided,
        told=f"{dangling} dangling, {one_sided} one-sided",
        repaired=repair and bool(mended),
    )


async def _nothing(texts: Iterable[str]) -> dict[str, Vectors]:
    """No vectors: mending links changes no text."""
    return {}


async def _indices(store: Store, *, repair: bool) -> Finding:
    tail = await tail_of(store)
    if repair and tail.long:
        await optimize(store)
    return Finding(
        check="indices",
        trouble=tail.long,
        count=tail.rows,
        told=f"rows not indexed yet, in {tail.fragments} fragments",
        repaired=repair and tail.long,
    )


async def _files(store: Store, *, repair: bool) -> Finding:
    torn = [name for name in await store.files() if name.endswith((".torn", ".tmp"))]
    if repair and torn:
        await optimize(store, orphans=True)
    return Finding(
        check="files",
        trouble=bool(torn),
        count=len(torn),
        told="files that a crash left",
        repaired=repair and bool(torn),
    )


async def _size(store: Store, *, repair: bool) -> Finding:
    live, disk = await store.size()
    ratio = disk / live if live else 1.0
    large = disk > SMALL and ratio > SIZE_RATIO
    if repair and large:
        await optimize(store, orphans=True)
        disk = (await store.size())[1]
    return Finding(
        check="size",
        trouble=large,
        count=disk,
        told=f"bytes on disk, {ratio:.1f} for each byte of live data",
        repaired=repair and large,
    )


async def _purge(
    store: Store, embedding: Embedding, seen: _Seen, now: datetime, after: timedelta | None
) -> list[Erasure]:
    receipts = []
    for namespace, found in seen.forgotten.items() if after is not None else ():
        old = {note_id for at, note_id in found if after is not None and at <= now - after}
        if old:

            def choose(notes: Mapping[str, Note], old: set[str] = old) -> set[str]:
                return {each for each in old if each in notes and notes[each].forgotten_at is not None}

            receipts.append(await erasure.erase(store, embedding, namespace, now, choose=choose, alone=True))
    return receipts


async def _audit(store: Store, audit: Audit, now: datetime, *, repair: bool) -> Finding:
    """Whether the log's chain holds, and tells all that the notes do; with `repair` it is completed.

    A change is told before it is written, so what differs while others write is looked at again while
    nobody does.
    """
    standing, problem = await asyncio.to_thread(_log, audit)
    if problem:
        async with _nobody_writes(store):
            standing, problem = await asyncio.to_thread(_log, audit)
    if problem:
        return _broken(problem)
    untold, lost = [], []
    ids: set[str] = set()
    async for notes in store.every_note():
        ids |= {note.id for note in notes}
        untold += [line for note in notes for line in standing.untold(note)]
        lost += standing.lost({note.id: note for note in notes})
    lost += standing.lost({}, gone=standing.ids - ids)
    if untold or lost:
        async with _nobody_writes(store):
            standing, problem = await asyncio.to_thread(_log, audit)
            if problem:
                return _broken(problem)
            ids = Standing((*untold, *lost)).ids
            now_there = await store.get(ids, forgotten=True)
            untold = [line for note in now_there.values() for line in standing.untold(note)]
            untold.sort(key=lambda line: str(line["at"]))
            lost = standing.lost(now_there, gone=ids - now_there.keys())
            if repair:
                await asyncio.to_thread(audit.append, [*untold, *(void(line, now) for line in lost)])
    return Finding(
        check="audit",
        trouble=bool(untold),
        count=len(untold),
        told=f"changes of notes that the log lacks; {len(lost)} lines of it tell what is not there",
        repaired=repair and bool(untold),
    )


def _log(audit: Audit) -> tuple[Standing, str]:
    """What the log says, and what is wrong with it."""
    if not audit.path.exists():
        return Standing(()), ""
    lines = list(read(audit.path))
    return Standing(line for line, _ in lines if line), lines[-1][1] if lines else ""


def _broken(problem: str) -> Finding:
    return Finding(check="audit", trouble=True, count=1, told=problem)


@asynccontextmanager
async def _nobody_writes(store: Store) -> AsyncIterator[None]:
    """On an object store, and where this process may not write, others cannot be kept out."""
    async with store.turn, nullcontext() if store.read_only else store.lock():
        yield


def _forgotten(seen: _Seen, now: datetime, erased: Sequence[Erasure]) -> Finding:
    gone = {note_id for receipt in erased for note_id in receipt.ids}
    old = [
        note_id
        for found in seen.forgotten.values()
        for at, note_id in found
        if at <= now - timedelta(days=30) and note_id not in gone
    ]
    unsure = [receipt for receipt in erased if not receipt.verified]
    told = f"notes forgotten more than 30 days ago; {len(gone)} erased now"
    return Finding(check="forgotten", trouble=bool(unsure), count=len(old), told=told)
