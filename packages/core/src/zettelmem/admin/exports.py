"""Files that notes were exported to, which erasing has to reach too."""

from __future__ import annotations

import gzip
import logging
import shutil
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path

from zettelmem.errors import InvalidInput
from zettelmem.namespace import Namespace
from zettelmem.store import pieces

from .redact import scrub
from .residue import Search

logger = logging.getLogger(__name__)
PIECE = 1 << 22
"""Bytes of a packed file that are read at a time."""


def clean(path: Path, gone: Collection[str], inside: Callable[[Namespace], bool]) -> bool:
    """Take notes out of a file of whole notes as they are taken out of the table.

    Only a file that holds nothing but such lines is touched: pictures, files of other programs, links and
    what cannot be read or written are left for `holding` to name.

    Args:
        path: what `zettelmem export` wrote.
        gone: ids of the notes that go.
        inside: whether notes of a namespace may be changed.

    Returns:
        Whether it held some of them and is without them now.
    """
    from zettelmem import exchange  # late: it reads a dozen formats, and few memories are ever erased

    if path.is_symlink() or not path.is_file():
        return False
    try:
        lines = path.read_bytes().splitlines()
        notes = [exchange.read_note(line) for line in lines]
        here = {note.id: note for note in notes if inside(note.namespace)}
        going = {note_id: here[note_id] for note_id in gone if note_id in here}
        scrubbed = scrub(going, {note_id: note for note_id, note in here.items() if note_id not in going})
        if not going and not scrubbed:
            return False
        with exchange.replacing(path) as stream:
            shutil.copymode(path, stream.name)
            for line, note in zip(lines, notes, strict=True):
                if note.id not in going:
                    new = scrubbed.get(note.id)
                    stream.write((line if new is None else exchange.note_line(new).encode()) + b"\n")
    except (OSError, InvalidInput) as error:
        logger.info("%s is left as it is: %s", path, error)
        return False
    return True


def holding(names: Iterable[str], search: Search) -> set[str]:
    """The exports that hold something searched for, or that are there and cannot be read."""
    found = set()
    for name in names:
        path = Path(name)
        try:
            files = [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]
            if any(search.over(_pieces(each))[0] for each in files):
                found.add(name)
        except OSError:
            found.add(name)
    return found


def _pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces, unpacked where it is packed with gzip."""
    if path.suffix != ".gz" or not path.exists():
        yield from pieces(path)
        return
    with gzip.open(path) as stream:
        while piece := stream.read(PIECE):
            yield piece
