"""The directory of a store: made to survive a power cut, mended after one, and the files beside the table."""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from zettelmem.errors import StoreError

TABLE = "notes"
LOCK = ".zettelmem.lock"
EXPORTS = ".zettelmem.exports"
"""The files that notes were exported to, one a line as JSON, so that erasing can tell of them."""
PIECE = 1 << 22
"""Bytes of a file that are read at a time."""
MANIFEST_END = b"LANC"
"""The last bytes of a manifest that is whole."""
BEGINNING = 20
"""Versions that a table may have before its first change is acknowledged: it is made, then its indices."""


def local_path(uri: str) -> Path | None:
    """The directory that is meant, whole: LanceDB takes a path such as `db` for a database in its cloud."""
    if "://" in uri and not uri.startswith("file://"):
        return None
    return Path(uri.removeprefix("file://")).expanduser().absolute()


def sync(path: Path) -> None:
    """Make everything written so far under `path` survive a power cut.

    LanceDB syncs nothing. Syncing only the new files leaves manifests that name lost ones, so on Linux
    the whole file system is synced by syncfs(2); elsewhere every file and directory of the table is.
    """
    syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None) if os.name == "posix" else None
    for each in (path,) if syncfs else (path, *path.rglob("*")):
        fd = os.open(each, os.O_RDONLY)
        try:
            if syncfs is None:
                os.fsync(fd)
            elif syncfs(fd) != 0:
                raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(path))
        finally:
            os.close(fd)


def add_export(path: Path, file: str | os.PathLike[str]) -> None:
    """Add the name of a file that notes are exported to."""
    with (path / EXPORTS).open("a") as stream:
        stream.write(f"{json.dumps(str(Path(file).absolute()))}\n")


def set_torn_aside(path: Path) -> list[Path]:
    """Move newest manifests that a power cut tore out of the way, so that the version before opens.

    And a young table that has no whole manifest at all: nothing in it was ever acknowledged.

    Raises:
        StoreError: an older table has none. That is no power cut, and nothing is moved.
    """
    table = path / f"{TABLE}.lance"
    torn: list[Path] = []
    # Version n is stored as 2**64-1-n, so the newest manifest has the lowest name.
    for manifest in sorted((table / "_versions").glob("*.manifest")):
        if manifest.read_bytes().endswith(MANIFEST_END):
            break
        torn.append(manifest)
    else:
        if torn and 2**64 - 1 - int(torn[0].stem) > BEGINNING:
            raise StoreError(
                f"every list of files in {table / '_versions'} is damaged, as no power cut does; the notes "
                f"may still be in {table / 'data'}. Put a backup in its place, or move it away to begin anew"
            )
    moved = [manifest.rename(manifest.with_suffix(".torn")) for manifest in torn]
    if table.exists() and not any((table / "_versions").glob("*.manifest")):
        moved.append(table.rename(path / f"{TABLE}-{len(list(path.glob('*.torn')))}.torn"))
    return moved


def exports(path: Path) -> list[str]:
    """The files that notes were exported to, as far as this store was told."""
    file = path / EXPORTS
    if not file.exists():
        return []
    return list(dict.fromkeys(json.loads(line) for line in file.read_text().splitlines()))


def files(path: Path) -> set[str]:
    """Every file under the directory, relative to it."""
    return {str(each.relative_to(path)) for each in path.rglob("*") if each.is_file()}


def pieces(path: Path) -> Iterator[bytes]:
    """A file in pieces of at most `PIECE` bytes; nothing where it is gone by now."""
    with suppress(FileNotFoundError), path.open("rb") as stream:
        while piece := stream.read(PIECE):
            yield piece


def size(path: Path) -> int:
    """Bytes of every file under the directory."""
    total = 0
    for each in path.rglob("*"):
        with suppress(FileNotFoundError):  # upkeep of another process was faster
            total += each.stat().st_size if each.is_file() else 0
    return total


def remove_torn(path: Path) -> None:
    """Remove what was set aside."""
    for each in list(path.rglob("*.torn")):
        if each.is_dir():
            shutil.rmtree(each)
        else:
            each.unlink(missing_ok=True)
