"""Which of the known formats a file or a folder has, told by what is in it."""

from __future__ import annotations

import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from zettelmem.errors import InvalidInput

from . import amem, chatgpt, claude, jsonl, langgraph, mem0, reference, sqlite, vault
from .backup import GZIP, plain
from .incoming import BadLine, Incoming, Reading
from .items import Item, Items, members, unpacked

Read = Callable[[Iterable[Item], Reading], Iterator[Incoming | BadLine]]
LISTS: tuple[tuple[str, Callable[[Any], bool], Read], ...] = (
    ("ChatGPT conversations", chatgpt.fits, chatgpt.read),
    ("Claude conversations", claude.fits, claude.read),
    ("mem0 memories", mem0.fits, mem0.read),
)
"""The formats that are one JSON list: name, what an item of it looks like, how its items are read."""
DATABASES = (("LangGraph's SqliteStore", langgraph), ("A-MEM's memories in Chroma", amem))
"""The formats that are a SQLite file."""
OURS, GRAPH, VAULT = "zettelmem's JSONL", "the reference memory server's graph", "a folder of Markdown notes"
KNOWN = (
    "JSONL of messages or of whole notes (what `export` and `backup` write), ChatGPT's or Claude's "
    "conversations.json or the zip that it came in, mem0's list of memories, the reference memory server's "
    "memory.json, LangGraph's SqliteStore, A-MEM's Chroma folder, and a folder of Markdown notes (Obsidian, "
    "basic-memory, what `export --format markdown` writes)"
)
"""The formats that are read, in words."""


@dataclass(frozen=True)
class Recognised:
    """A file whose format is known.

    Attributes:
        format: its name, in words.
        size: bytes that will be read, or rows of a database, as `Incoming.read` counts them; None if
            nobody knows.
        whole: whether whole notes may be in it.
        read: gives what is in it, from the beginning each time.
    """

    format: str
    size: int | None
    whole: bool
    read: Callable[[Reading], Iterator[Incoming | BadLine]]


def recognise(source: BinaryIO | Path, name: str) -> Recognised:
    """What a file holds, and how it is read.

    Args:
        source: an open file that can be sought, or a folder.
        name: what the user calls it.

    Raises:
        InvalidInput: it is none of the known formats; the text names those.
        OSError: it cannot be read.
    """
    if isinstance(source, Path):
        if (source / amem.FILE).is_file():
            return _database(source / amem.FILE, name)
        if not vault.fits(source):
            raise InvalidInput(f"{name} holds no Markdown file; what can be imported: {KNOWN}")
        return Recognised(VAULT, vault.size(source), True, lambda how: vault.read(source, how))
    source.seek(0)
    start = source.read(4)
    size = source.seek(0, 2)
    source.seek(0)
    if start == sqlite.MAGIC[:4]:
        if not isinstance(path := getattr(source, "name", None), str):
            raise InvalidInput(f"{name} is a SQLite file, which is read where it lies; name the file")
        return _database(Path(path), name)
    if start == b"PK\x03\x04":
        return _archive(source, name)
    if start[:2] == GZIP:
        return Recognised(OURS, None, True, lambda how: _turns(source, how))
    first = _first(source)
    for title, fits, read in LISTS:
        if first is not None and fits(first):
            return Recognised(title, size, False, lambda how, read=read: read(_items(source), how))  # type: ignore[misc]
    if reference.fits(first):
        return Recognised(GRAPH, size, False, lambda how: reference.read(source, how))
    if name == "-" or jsonl.fits(first) or Path(name).suffix.lower() in (".jsonl", ".ndjson"):
        return Recognised(OURS, size, True, lambda how: _turns(source, how))
    if vault.is_markdown(Path(name)):
        return Recognised(VAULT, size, True, lambda how: vault.read_file(_rewound(source), name, how))
    raise InvalidInput(f"{name} is of no known format; what can be imported: {KNOWN}")


def _database(path: Path, name: str) -> Recognised:
    for title, kind in DATABASES:
        if kind.fits(path):
            return Recognised(title, kind.size(path), False, lambda how, read=kind.read: read(path, how))  # type: ignore[misc]
    raise InvalidInput(f"{name} is a SQLite file of no known program; what can be imported: {KNOWN}")


def _rewound(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _items(file: BinaryIO) -> Iterator[Item]:
    return iter(Items(_rewound(file)))


def _first(file: BinaryIO) -> Any:
    """The first item of a file, or the first value; None where it is no JSON."""
    with closing(cast(Any, _items(file))) as items:
        try:
            found = next(items, None)
        except InvalidInput:
            return None
    return None if found is None else found.value


def _turns(file: BinaryIO, how: Reading) -> Iterator[Incoming | BadLine]:
    with plain(file) as stream:
        yield from jsonl.read_turns(stream, how)


def _archive(file: BinaryIO, name: str) -> Recognised:
    found = members(file, "conversations")
    if not found:
        raise InvalidInput(f"{name} is an archive without conversations.json; what can be imported: {KNOWN}")
    with unpacked(file, found[0]) as stream:
        first = next(iter(Items(stream)), None)
    for title, fits, read in LISTS[:2]:
        if first is None or fits(first.value):
            size = sum(info.file_size for info in found)
            return Recognised(title, size, False, lambda how, read=read: _each(file, found, read, how))  # type: ignore[misc]
    raise InvalidInput(f"{found[0].filename} in {name} is of no known format; what can be imported: {KNOWN}")


def _each(
    file: BinaryIO, infos: Iterable[zipfile.ZipInfo], read: Read, how: Reading
) -> Iterator[Incoming | BadLine]:
    for info in infos:
        with unpacked(file, info) as stream:
            yield from read(iter(Items(stream)), how)
