"""Erasing notes for good: out of other notes, out of the files, and a search for what may be left."""

from __future__ import annotations

import asyncio
import json
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import JsonValue

from zettelmem.embedding import Embedding
from zettelmem.errors import ConflictError
from zettelmem.note import Erasure, Evolution, Filter, Link, Namespace, Note, build
from zettelmem.store import EXPORTS, Store, VectorsMissing, namespace_column

TRIES = 8
"""How often the erasure is worked out again because other texts need vectors meanwhile."""
SHINGLE = 5
"""Words in a row that make a quotation."""
SHORTEST = 8
"""Bytes of the shortest word or phrase that files are searched for; shorter ones occur by chance."""
AT_ONCE = 200_000
"""Words and phrases that are searched for in one pass over rows and files."""
CHUNK = 1 << 22
"""Bytes of a file that are searched at a time."""

_OWN = ("namespace", "key", "thread", "content", "keywords", "tags", "data", "who", "via", "kind")
_TEXTS = {"content", "context", "keywords", "tags", "data"}
_WORD = re.compile(r"\w+")


# --- out of other notes: pure --------------------------------------------------------------------


def _tokens(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _strings(value: Any) -> Iterable[str]:
    """Every text in a JSON-like value, names of fields included."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for name, each in value.items():
            yield str(name)
            yield from _strings(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _strings(each)


def _said_by(note: Note) -> list[str]:
    """Every text of a note, now and in its history, but for reasons."""
    own = [note.content, note.context, note.key or "", *note.keywords, *note.tags, *_strings(note.data)]
    for entry in note.history:
        for fields in (entry.before, entry.after):
            own += [text for name in _TEXTS & fields.keys() for text in _strings(fields[name])]
    return own


def _reasons(note: Note) -> list[str]:
    """Every reason that was given for its changes and links."""
    links = [*note.links, *(link for entry in note.history for link in (*entry.linked, *entry.unlinked))]
    return [*(link.reason for link in links), *(entry.reason for entry in note.history)]


class _Quotes:
    """Tells whether a text repeats the words of erased notes that no other note says."""

    def __init__(self, gone: Iterable[Note], others: Iterable[Note]) -> None:
        kept_words: set[str] = set()
        kept_runs: set[tuple[str, ...]] = set()
        erased = [_tokens(text) for note in gone for text in _contents(note)]
        self.lengths = {min(SHINGLE, len(tokens)) for tokens in erased if tokens}
        for note in others:
            for text in _contents(note):
                tokens = _tokens(text)
                kept_words.update(tokens)
                kept_runs |= self._runs(tokens)
        self.words = {word for tokens in erased for word in tokens if len(word) > 3} - kept_words
        own_runs = {run for tokens in erased for run in _shingles(tokens, min(SHINGLE, len(tokens)))}
        self.runs = own_runs - kept_runs

    def _runs(self, tokens: list[str]) -> set[tuple[str, ...]]:
        return {run for length in self.lengths for run in _shingles(tokens, length)}

    def __call__(self, text: str, *, near: bool) -> bool:
        """Whether it quotes them; of notes that were near, one telling word is enough."""
        tokens = _tokens(text)
        return (near and not self.words.isdisjoint(tokens)) or not self.runs.isdisjoint(self._runs(tokens))


def _shingles(tokens: list[str], length: int) -> set[tuple[str, ...]]:
    return {tuple(tokens[i : i + length]) for i in range(len(tokens) - length + 1)} if length else set()


def _contents(note: Note) -> list[str]:
    """The content, and what it was before it was revised."""
    revised = [value for entry in note.history if isinstance(value := entry.before.get("content"), str)]
    return [note.content, *revised]


def scrub(gone: Mapping[str, Note], others: Mapping[str, Note]) -> dict[str, Note]:
    """The other notes as they would be if those that go had never come, as far as they differ.

    What a note that goes had changed is taken back, its links with their reasons are gone at the other
    end, and descriptions that quote it are emptied. Contents are left alone, whatever they quote. An
    entry of the history that it caused stays as an empty one, so that revisions still count writes.
    """
    quotes = _Quotes(gone.values(), others.values())
    threads = {note.thread for note in gone.values()} - {None}
    scrubbed: dict[str, Note] = {}
    for note_id, note in others.items():
        near = note.thread in threads or _touched_by(note, gone)
        new = _scrubbed(note, gone, quotes, near=near)
        if new != note:
            scrubbed[note_id] = new
    return scrubbed


def _touched_by(note: Note, gone: Mapping[str, Note]) -> bool:
    links = [*note.links, *(link for entry in note.history for link in (*entry.linked, *entry.unlinked))]
    return any(link.other(note.id) in gone for link in links) or any(
        entry.cause in gone or not gone.keys().isdisjoint(entry.touched) for entry in note.history
    )


def _scrubbed(note: Note, gone: Mapping[str, Note], quotes: _Quotes, *, near: bool) -> Note:
    def unquoted(links: Iterable[Link]) -> tuple[Link, ...]:
        # The same at both ends, because it hangs on the reason alone.
        return tuple(
            link.model_copy(update={"reason": ""}) if quotes(link.reason, near=True) else link
            for link in links
            if link.other(note.id) not in gone
        )

    def clean(name: str, value: JsonValue) -> JsonValue:
        if name == "context" and isinstance(value, str):
            return "" if quotes(value, near=near) else value
        if name in ("keywords", "tags") and isinstance(value, list):
            return [word for word in value if not (isinstance(word, str) and quotes(word, near=near))]
        if name == "shown" and isinstance(value, list):
            return [each for each in value if isinstance(each, dict) and each.get("id") not in gone]
        if name == "pending" and isinstance(value, dict):
            reason = str(value.get("reason", ""))
            return {**value, "reason": "" if quotes(reason, near=near) else reason}
        return value

    plain = note.model_dump(mode="json", exclude={"links", "history"})
    state: dict[str, JsonValue] = {
        name: clean(name, plain[name]) for name in ("context", "keywords", "tags", "shown", "pending")
    }
    touched = {name for entry in note.history for name in entry.after}
    for name in touched:
        first = next(entry for entry in note.history if name in entry.after)
        state[name] = clean(name, first.before.get(name))
    history: list[Evolution] = []
    for number, entry in enumerate(note.history, note.dropped + 1):
        if entry.cause in gone:
            history.append(
                Evolution(
                    change=f"{note.id}.{number}",
                    verb="erase",
                    cause=note.id,
                    at=entry.at,
                    dropped=entry.dropped,
                )
            )
            continue
        told: dict[str, dict[str, JsonValue]] = {"before": {}, "after": {}}
        for name, value in entry.after.items():
            new = clean(name, value)
            if new != state[name]:
                told["before"][name], told["after"][name] = state[name], new
                state[name] = new
        update: dict[str, Any] = {
            **told,
            "reason": "" if quotes(entry.reason, near=near) else entry.reason,
            "linked": unquoted(entry.linked),
            "unlinked": unquoted(entry.unlinked),
            "touched": tuple(x for x in entry.touched if x not in gone),
        }
        history.append(entry.model_copy(update=update))
    return build(Note, {**dict(note), **state, "links": unquoted(note.links), "history": tuple(history)})


# --- out of the files, and the search ------------------------------------------------------------


def _folded(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _spellings(text: str) -> set[bytes]:
    """A text as files may hold it: as given, in lower case, without accents, escaped in JSON."""
    forms = {text, text.lower(), _folded(text)}
    forms |= {json.dumps(form)[1:-1] for form in forms} | {json.dumps(text, ensure_ascii=False)[1:-1]}
    return {form.encode() for form in forms}


def _needles(text: str) -> Iterator[bytes]:
    places = [match.span() for match in _WORD.finditer(text)]
    words = (text[a:b] for a, b in places)
    stems = (text[a : b - 3] for a, b in places if b - a > 10)
    phrases = (text[a[0] : b[1]] for a, b in zip(places, places[2:], strict=False))
    for piece in (text[:100], *words, *stems, *phrases):
        yield from (each for each in _spellings(piece) if len(each) >= SHORTEST)


def needles(texts: Iterable[str]) -> set[bytes]:
    """The words of some texts, each run of three, and the beginnings of words that an index may keep."""
    return {each for text in texts for each in _needles(text)}


@dataclass
class _Wanted:
    """Words and phrases that are searched for in one pass.

    Attributes:
        said: of what erased notes say.
        content: those of them that are of a content.
        reasons: of reasons alone.
    """

    said: set[bytes] = field(default_factory=set)
    content: set[bytes] = field(default_factory=set)
    reasons: set[bytes] = field(default_factory=set)


def _wanted(gone: Iterable[Note]) -> Iterator[_Wanted]:
    """All that is to be searched for, in parts that fit into memory; one at least."""
    group = _Wanted()
    for note in gone:
        for text in _said_by(note):
            for needle in _needles(text):
                group.said.add(needle)
                if text == note.content:
                    group.content.add(needle)
                if len(group.said) + len(group.reasons) >= AT_ONCE:
                    yield group
                    group = _Wanted()
        for needle in needles(_reasons(note)) - group.said:
            group.reasons.add(needle)
    yield group


class Search:
    """Which of many byte strings occur in some data: one pass, however many there are."""

    def __init__(self, wanted: Iterable[bytes]) -> None:
        self.by_head: dict[int, list[bytes]] = {}
        for each in wanted:
            head = int.from_bytes(each[:SHORTEST], "little")
            self.by_head.setdefault(head, []).append(each)
        self.heads = np.array(sorted(self.by_head), np.uint64)
        self.longest = max((len(x) for group in self.by_head.values() for x in group), default=0)

    def __call__(self, data: bytes) -> set[bytes]:
        """Those that occur."""
        found: set[bytes] = set()
        if not len(self.heads):
            return found
        for shift in range(min(SHORTEST, max(0, len(data) - SHORTEST + 1))):
            words = np.frombuffer(data, "<u8", (len(data) - shift) // SHORTEST, shift)
            place = np.searchsorted(self.heads, words).clip(max=len(self.heads) - 1)
            for i in np.flatnonzero(self.heads[place] == words):
                at = shift + int(i) * SHORTEST
                found |= {x for x in self.by_head[int(words[i])] if data.startswith(x, at)}
        return found

    def file(self, path: Path) -> tuple[set[bytes], int]:
        """Those that occur in a file, and its size in bytes."""
        found: set[bytes] = set()
        tail, size = b"", 0
        with path.open("rb") as stream:
            while chunk := stream.read(CHUNK):
                size += len(chunk)
                found |= self(tail + chunk)
                tail = (tail + chunk)[-self.longest :]
        return found, size


def _search_files(root: Path, names: Iterable[str], search: Search) -> tuple[dict[str, set[bytes]], int]:
    found: dict[str, set[bytes]] = {}
    total = 0
    for name in names:
        hits, size = search.file(root / name)
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
    gone: dict[str, Note] = {}
    scrubbed: dict[str, Note] = {}

    def step(notes: dict[str, Note]) -> tuple[set[str], dict[str, Note]]:
        nonlocal gone, scrubbed
        ids = choose(notes)
        gone = {note_id: notes[note_id] for note_id in ids}
        scrubbed = scrub(gone, {note_id: note for note_id, note in notes.items() if note_id not in ids})
        return ids, scrubbed

    sight = Filter(namespace=namespace, exact=alone)
    vectors: Mapping[str, Any] = {}
    for _ in range(TRIES):
        try:
            swept = await store.erase(sight, step, vectors)
        except VectorsMissing as missing:
            vectors = await embedding.documents(missing.texts, vectors)
        else:
            break
    else:
        raise ConflictError(f"the notes kept changing through {TRIES} attempts; try again later", tuple(gone))

    files = sorted(store.files() - {EXPORTS})
    root, exports = store.path or Path(), await asyncio.to_thread(store.exports)
    elsewhere: set[str] = set()
    unreached: set[str] = set()
    problems: dict[str, None] = {}
    count = size = 0
    for group in _wanted(gone.values()):
        wanted, telling, left = await _live_search(store, namespace, group, gone.keys())
        search = Search(wanted)
        found, size = await asyncio.to_thread(_search_files, root, files, search)
        unreached |= await asyncio.to_thread(_unreached, exports, search)
        left += [f"some of its words are in {name}" for name in found]
        elsewhere |= telling
        count += len(wanted)
        problems |= dict.fromkeys(left)
    problems |= dict.fromkeys(f"{name} is from before" for name in swept.old_files)
    if swept.versions_left > 1:
        problems[f"{swept.versions_left} versions are left"] = None
    outside = (
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
        rewritten=tuple(sorted(scrubbed)),
        said_elsewhere=tuple(sorted(elsewhere)),
        versions_removed=swept.versions_removed,
        files_scanned=len(files),
        bytes_scanned=size,
        searched_for=count,
        exports=tuple(sorted(unreached)),
        verified=not problems,
        how=("; ".join(list(problems)[:20]) + "." if problems else how) + outside,
    )


def _unreached(exports: Iterable[str], search: Search) -> set[str]:
    """The exports that hold something searched for, or that are there and cannot be read."""
    found = set()
    for name in exports:
        try:
            if search.file(Path(name))[0]:
                found.add(name)
        except FileNotFoundError:
            continue  # nothing can be left in it
        except OSError:
            found.add(name)
    return found


async def _live_search(
    store: Store, namespace: Namespace, wanted: _Wanted, gone: Collection[str]
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
            text = "\n".join([*_strings(own), f"{row['who']}: {row['content']}"])
            theirs |= search(f"{text}\n{text.lower()}\n{_folded(text)}".encode())
            if inside and telling(row["content"].encode()):
                elsewhere.add(row["id"])
            rest = {name: value for name, value in row.items() if name not in own}
            hits = search("\n".join(_strings(rest)).encode())
            theirs |= hits & wanted.reasons  # rules give many links one reason
            derived += [(row["id"], hit) for hit in hits]
    left = {note_id for note_id, hit in derived if hit not in theirs}
    problems += [f"note {note_id} still repeats some of it" for note_id in sorted(left)]
    return sought - theirs, elsewhere, problems
