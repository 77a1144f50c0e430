"""Folders of Markdown: what `export --format markdown` wrote, Obsidian's vaults, basic-memory's projects.

A file of ours is a whole note again, without its history. Any other file is a note of what stands in it;
of a basic-memory file each observation is a note of its own. ``[[Wikilinks]]`` are links between them.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE, MAX_WORDS
from zettelmem.note import Note, Relation, Source
from zettelmem.values import build

from .incoming import BadLine, Incoming, Reading, Wish, draft_of
from .markdown import Page, parsed, time_of
from .page import linked, note_of, of_ours

SUFFIXES = (".md", ".markdown")
MAX_FILES = 100_000
"""Files of a folder."""


def is_markdown(path: Path) -> bool:
    """Whether a file's name says that it is Markdown."""
    return path.suffix.lower() in SUFFIXES


def _files(folder: Path) -> Iterator[Path]:
    """The Markdown files below a folder, sorted; none that is hidden or that a link leads out of it to.

    Raises:
        InvalidInput: there are too many.
    """
    root, count = folder.resolve(), 0
    for directory, folders, names in os.walk(folder):
        folders[:] = sorted(each for each in folders if not each.startswith("."))
        for name in sorted(names):
            path = Path(directory, name)
            if name.startswith(".") or not is_markdown(path) or not path.resolve().is_relative_to(root):
                continue
            count += 1
            if count > MAX_FILES:
                raise InvalidInput(f"{folder} holds over {MAX_FILES:,} Markdown files; import its folders")
            yield path


def fits(folder: Path) -> bool:
    """Whether there is a Markdown file in a folder."""
    return any(True for _ in _files(folder))


def size(folder: Path) -> int:
    """Bytes of its Markdown files."""
    return sum(path.stat().st_size for path in _files(folder))


@dataclass
class _Vault:
    """What was read of a folder.

    Attributes:
        keys: the key of the note for each name that a wikilink may use, in lower case.
        foreign: the pages of other programs, with the bytes read up to each.
        ours: our notes, with the bytes read up to each; ids by the names of their files.
    """

    keys: dict[str, str] = field(default_factory=dict)
    foreign: list[tuple[Page, int]] = field(default_factory=list)
    ours: list[tuple[Page, Note, int]] = field(default_factory=list)
    ids: dict[str, str] = field(default_factory=dict)


def read(folder: Path, how: Reading) -> Iterator[Incoming | BadLine]:
    """Whole notes first, oldest first, then the notes of other pages in the order of their paths."""
    found = _Vault()
    total = 0
    for path in _files(folder):
        with path.open("rb") as file:
            raw = file.read(MAX_LINE + 1)
        total += len(raw)
        name = path.relative_to(folder).as_posix()
        problem = _take(found, raw, name, total)
        if problem is not None:
            yield problem
    yield from _told(found, how)


def read_file(file: BinaryIO, name: str, how: Reading) -> Iterator[Incoming | BadLine]:
    """The notes of one file."""
    found = _Vault()
    raw = file.read(MAX_LINE + 1)
    problem = _take(found, raw, PurePosixPath(Path(name).name).as_posix(), len(raw))
    if problem is not None:
        yield problem
    yield from _told(found, how)


def _take(found: _Vault, raw: bytes, name: str, total: int) -> BadLine | None:
    try:
        page = parsed(raw, name)
        if of_ours(page):
            note = note_of(page)
            found.ours.append((page, note, total))
            found.ids[page.stem] = note.id
            return None
    except InvalidInput as error:
        return BadLine(1, str(error), total, name)
    found.foreign.append((page, total))
    key = _key(page)
    for each in (page.stem, name.rpartition(".")[0], page.title, *page.aliases):
        found.keys.setdefault(each.lower(), key)
    return None


def _told(found: _Vault, how: Reading) -> Iterator[Incoming | BadLine]:
    whole = linked([(page, note) for page, note, _ in found.ours], found.ids)
    order = sorted(zip(whole, found.ours, strict=True), key=lambda each: _when(each[0]))
    for note, (page, _, total) in order:
        base = str(page.meta.get("mark") or "")
        yield Incoming(1, draft_of(note), note, total, page.name, base=base)
    for page, total in found.foreign:
        try:
            yield from _drafts(page, found.keys, total, how)
        except InvalidInput as error:
            yield BadLine(1, str(error), total, page.name)


def _when(note: Note) -> tuple[Any, ...]:
    return note.namespace, note.recorded_at, note.position, note.id


def _key(page: Page) -> str:
    return f"vault:{page.name}"[:500]


def _drafts(page: Page, keys: dict[str, str], total: int, how: Reading) -> Iterator[Incoming]:
    """The note of a page, then those of its observations."""
    at = time_of(page, how.zone)
    common = {
        "occurred_at": at,
        "source": Source(who=page.author, via=how.via),
        "thread": how.thread,
    }
    own = _key(page)
    wishes: dict[Wish, None] = {}
    for link in page.links:
        key = keys.get(link.target.lower()) or keys.get(link.target.rpartition("/")[2].lower())
        if key is not None and key != own:
            wishes[Wish(key, link.relation, link.reason)] = None
    content = page.content
    if content.strip():
        fields = {**common, "content": content, "key": own, "tags": page.tags[:MAX_WORDS] or None}
        yield Incoming(1, build(Draft, fields), None, total, page.name, tuple(wishes))
    for each in page.observations:
        digest = hashlib.sha256(each.text.encode()).hexdigest()[:16]
        fields = {
            **common,
            "content": each.text,
            "key": f"{own[:400]}#{digest}",
            "context": page.title,
            "tags": (each.category, *each.tags)[:MAX_WORDS],
        }
        part_of = (Wish(own, Relation.PART_OF, "an observation of this page"),) if content.strip() else ()
        yield Incoming(each.line, build(Draft, fields), None, total, page.name, part_of)
