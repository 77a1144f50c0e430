"""Erasing notes for good: out of the table, its files and exports, and a search for what may be left."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from zettelmem.embedding import Embedding
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.receipts import Erasure
from zettelmem.store import EXPORTS, Store, erase_rows, namespace_column

from . import exports
from .redact import scrub, strings
from .residue import SHORTEST, Search, Wanted, all_wanted, folded

_OWN = ("namespace", "key", "thread", "content", "keywords", "tags", "data", "who", "via", "kind")


def _search_files(store: Store, names: Iterable[str], search: Search) -> tuple[dict[str, set[bytes]], int]:
    found: dict[str, set[bytes]] = {}
    total = 0
    for name in names:
        hits, size = search.over(store.pieces(name))
        total += size
        if hits:
            found[name] = hits
    return found, total


async def erase(
    store: Store,
    embedding: Embedding,
    namespace: Namespace,
    now: datetime,
    *,
    choose: Callable[[Mapping[str, Note]], set[str]],
    alone: bool,
) -> Erasure:
    """Erase the notes that `choose` names and make sure of it.

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

    sight = Filter(namespace=namespace, exact=alone)
    # First, because whoever erases again after a crash has to find the notes that are left in them.
    known = await asyncio.to_thread(store.exports)
    cleaned = await _clean(store, sight, known, choose) if known else ()
    swept = await erase_rows(store, sight, choose, scrub, embed, now)
    gone = swept.gone
    files = sorted(await store.files() - {EXPORTS})
    elsewhere: set[str] = set()
    unreached: set[str] = set()
    problems: dict[str, None] = {}
    count = size = 0
    for group in all_wanted(gone.values()):
        wanted, telling, left = await _live_search(store, namespace, group, gone.keys())
        search = Search(wanted)
        found, size = await asyncio.to_thread(_search_files, store, files, search)
        unreached |= await asyncio.to_thread(exports.holding, known, search)
        left += [f"some of its words are in {name}" for name in found]
        elsewhere |= telling
        count += len(wanted)
        problems |= dict.fromkeys(left)
    problems |= dict.fromkeys(f"{name} is from before" for name in swept.old_files)
    if swept.versions_left:
        problems[f"{swept.versions_left} versions from before are left"] = None
    outside = f" It was taken out of {', '.join(cleaned)}." if cleaned else ""
    outside += (
        f" These exports hold some of its words, or cannot be read, and have to be removed by hand: "
        f"{', '.join(sorted(unreached))}."
        if unreached
        else " No export that this store knows of holds any of it."
    )
    how = (
        f"The table and its indices were written anew and {swept.versions_removed} older versions deleted; "
        f"no file from before is left. Every column of every row was read again and {len(files)} files "
        f"({size:,} bytes) were searched for {count:,} words and phrases that no other note says: "
        "none was found."
    )
    return Erasure(
        ids=tuple(sorted(gone)),
        namespace=namespace,
        at=now,
        rewritten=tuple(sorted(swept.rewritten)),
        said_elsewhere=tuple(sorted(elsewhere)),
        versions_removed=swept.versions_removed,
        files_scanned=len(files),
        bytes_scanned=size,
        searched_for=count,
        exports_rewritten=cleaned,
        exports=tuple(sorted(unreached)),
        verified=not problems,
        how=("; ".join(list(problems)[:20]) + "." if problems else how) + outside,
    )


async def _clean(
    store: Store, sight: Filter, known: Iterable[str], choose: Callable[[Mapping[str, Note]], set[str]]
) -> tuple[str, ...]:
    """Take the notes that `choose` names out of the exports that are known; those that changed."""
    here = [note async for notes in store.every_note() for note in notes if sight.covers(note.namespace)]
    gone = choose({note.id: note for note in here})
    return tuple(
        [name for name in known if await asyncio.to_thread(exports.clean, Path(name), gone, sight.covers)]
    )


async def _live_search(
    store: Store, namespace: Namespace, wanted: Wanted, gone: Collection[str]
) -> tuple[set[bytes], set[str], list[str]]:
    """What no other note says, which notes say some of it themselves, and where it is left over.

    What a note says in its own fields, and all that notes of other namespaces hold, is theirs: it is no
    proof of anything if a file holds it.
    """
    here = namespace_column(namespace)
    sought = wanted.said | wanted.reasons
    search, telling = Search(sought), Search(x for x in wanted.content if len(x) >= 3 * SHORTEST)
    theirs: set[bytes] = set()
    elsewhere: set[str] = set()
    derived: list[tuple[str, bytes]] = []
    problems: list[str] = []
    async for rows in store.everything():
        for row in rows:
            if row["id"] in gone:
                problems.append(f"{row['id']} is still there")
            inside = row["namespace"].startswith(here)
            own = {name: row[name] for name in _OWN} if inside else row
            text = "\n".join([*strings(own), f"{row['who']}: {row['content']}"])
            theirs |= search(f"{text}\n{text.lower()}\n{folded(text)}".encode())
            if inside and telling(row["content"].encode()):
                elsewhere.add(row["id"])
            rest = {name: value for name, value in row.items() if name not in own}
            hits = search("\n".join(strings(rest)).encode())
            theirs |= hits & wanted.reasons  # rules give many links one reason
            derived += [(row["id"], hit) for hit in hits]
    left = {note_id for note_id, hit in derived if hit not in theirs}
    problems += [f"note {note_id} still repeats some of it" for note_id in sorted(left)]
    return sought - theirs, elsewhere, problems
