"""Erasing notes for good: out of the table, its files and exports, and a search for what may be left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from zettelmem.embedding import Embedding
from zettelmem.linking.stands import with_derived
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.receipts import Erasure
from zettelmem.store import EXPORTS, Store, erase_rows, namespace_column
from zettelmem.store.erase import Swept

from . import exports
from .redact import scrub, strings
from .residue import SHORTEST, Search, folded, groups

TELLING = 3 * SHORTEST
"""Bytes from which words that another content repeats make it a quotation."""


@dataclass
class _Traces:
    """What was found of erased notes.

    Attributes:
        files, size: how many files of the store were searched, and their bytes.
        count: the words and phrases that were searched for.
        inside: files of the store that hold some of them.
        outside: exports that hold some of them, or cannot be read.
        quoting: notes that stay and tell some of it themselves.
    """

    files: int
    size: int = 0
    count: int = 0
    inside: set[str] = field(default_factory=set)
    outside: set[str] = field(default_factory=set)
    quoting: set[str] = field(default_factory=set)


async def erase(
    store: Store,
    embedding: Embedding,
    namespace: Namespace,
    now: datetime,
    *,
    choose: Callable[[Mapping[str, Note]], set[str]],
    alone: bool,
) -> Erasure:
    """Erase the notes that `choose` names, with all that is derived from them, and make sure of it.

    Args:
        store, embedding: where they are, and what embeds descriptions that change.
        namespace: where they are.
        now: when.
        choose: the ids that go, from the notes of the namespace; pure.
        alone: of this namespace only; else of all below it too.

    Raises:
        NotFound: what `choose` raises.
        StoreError: the disk failed.
    """

    async def embed(texts: Sequence[str]) -> Mapping[str, Vectors]:
        return await embedding.documents(texts, {})

    def all_that_go(notes: Mapping[str, Note]) -> set[str]:
        return with_derived(choose(notes), notes)

    sight = Filter(namespace=namespace, exact=alone)
    # First, because whoever erases again after a crash has to find the notes that are left in them.
    known = await asyncio.to_thread(store.exports)
    cleaned = await _clean(store, sight, known, all_that_go) if known else ()
    swept = await erase_rows(store, sight, all_that_go, scrub, embed, now)
    traces = await _search(store, namespace, swept.gone.values(), known)
    problems = [f"some of its words are in {name}" for name in sorted(traces.inside)]
    problems += [f"{name} is from before" for name in swept.old_files]
    if swept.versions_left:
        problems.append(f"{swept.versions_left} versions from before are left")
    how = "; ".join(problems[:20]) + "." if problems else _proof(swept, traces)
    return Erasure(
        ids=tuple(sorted(swept.gone)),
        namespace=namespace,
        at=now,
        rewritten=tuple(sorted(swept.rewritten)),
        said_elsewhere=tuple(sorted(traces.quoting)),
        versions_removed=swept.versions_removed,
        files_scanned=traces.files,
        bytes_scanned=traces.size,
        searched_for=traces.count,
        exports_rewritten=cleaned,
        exports=tuple(sorted(traces.outside)),
        verified=not problems,
        how=f"{how} {_about_exports(cleaned, traces)}",
    )


def _proof(swept: Swept, traces: _Traces) -> str:
    return (
        f"The table and its indices were written anew and {swept.versions_removed} older versions deleted; "
        f"no file from before is left. {traces.files} files ({traces.size:,} bytes) were searched for "
        f"{traces.count:,} words and phrases that no other note says: none was found."
    )


def _about_exports(cleaned: Sequence[str], traces: _Traces) -> str:
    told = f"It was taken out of {', '.join(cleaned)}. " if cleaned else ""
    if not traces.outside:
        return f"{told}No export that this store knows of holds any of it."
    return (
        f"{told}These exports hold some of its words, or cannot be read, and have to be removed by hand: "
        f"{', '.join(sorted(traces.outside))}."
    )


async def _search(
    store: Store, namespace: Namespace, gone: Collection[Note], known: Iterable[str]
) -> _Traces:
    """Search the store's files and the exports for all that the notes said and no other note says."""
    files = sorted(await store.files() - {EXPORTS})
    traces = _Traces(len(files))
    for sought, contents in groups(gone):
        telling = Search(phrase for phrase in contents if len(phrase) >= TELLING)
        others, quoting = await _said_by_others(store, namespace, Search(sought), telling)
        search = Search(sought - others)
        holding, traces.size = await asyncio.to_thread(_files_with, store, files, search)
        traces.inside |= holding
        traces.outside |= await asyncio.to_thread(exports.holding, known, search)
        traces.quoting |= quoting
        traces.count += len(sought - others)
    return traces


def _files_with(store: Store, names: Iterable[str], search: Search) -> tuple[set[str], int]:
    """The files that hold something searched for, and the bytes of all."""
    holding: set[str] = set()
    total = 0
    for name in names:
        hits, size = search.over(store.pieces(name))
        total += size
        if hits:
            holding.add(name)
    return holding, total


async def _clean(
    store: Store, sight: Filter, known: Iterable[str], choose: Callable[[Mapping[str, Note]], set[str]]
) -> tuple[str, ...]:
    """Take the notes that `choose` names out of the exports that are known; those that changed."""
    here = [note async for notes in store.every_note() for note in notes if sight.covers(note.namespace)]
    gone = choose({note.id: note for note in here})
    return tuple(
        [name for name in known if await asyncio.to_thread(exports.clean, Path(name), gone, sight.covers)]
    )


async def _said_by_others(
    store: Store, namespace: Namespace, search: Search, telling: Search
) -> tuple[set[bytes], set[str]]:
    """What the notes that stay hold, which proves nothing, and those whose content tells some of it."""
    here = namespace_column(namespace)
    held: set[bytes] = set()
    quoting: set[str] = set()
    async for rows in store.everything():
        for row in rows:
            text = "\n".join([*strings(row), f"{row['who']}: {row['content']}"])
            held |= search(f"{text}\n{text.lower()}\n{folded(text)}".encode())
            if row["namespace"].startswith(here) and telling(row["content"].encode()):
                quoting.add(row["id"])
    return held, quoting
