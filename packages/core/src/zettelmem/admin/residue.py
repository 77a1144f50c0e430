"""What erased notes said, as byte strings to search for, and a search for all of them in one pass."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Iterator

import numpy as np

from zettelmem.note import Note

from .redact import reasons, said_by

SHORTEST = 8
"""Bytes of the shortest word or phrase that files are searched for; shorter ones occur by chance."""
AT_ONCE = 200_000
"""Words and phrases that are searched for in one pass over rows and files."""

_WORD = re.compile(r"\w+")


def folded(text: str) -> str:
    """In lower case and without accents, as an index may keep it."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(each for each in decomposed if not unicodedata.combining(each))


def _spellings(text: str) -> set[bytes]:
    """A text as files may hold it: as given, in lower case, without accents, escaped in JSON."""
    forms = {text, text.lower(), folded(text)}
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


def groups(gone: Iterable[Note]) -> Iterator[tuple[set[bytes], set[bytes]]]:
    """The needles of all that erased notes said, and those of their contents, in groups that fit into memory.

    There is one group at least.
    """
    said: set[bytes] = set()
    contents: set[bytes] = set()
    for note in gone:
        contents |= needles([note.content])
        for text in (*said_by(note), *reasons(note)):
            said |= needles([text])
            if len(said) >= AT_ONCE:
                yield said, contents
                said, contents = set(), set()
    yield said, contents


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

    def over(self, pieces: Iterable[bytes]) -> tuple[set[bytes], int]:
        """Those that occur in a file that comes in pieces, and its size in bytes."""
        found: set[bytes] = set()
        tail, size = b"", 0
        for piece in pieces:
            size += len(piece)
            found |= self(tail + piece)
            tail = (tail + piece)[-self.longest :]
        return found, size
