"""A backup in a file: a line that tells how much follows, then each note as a line of JSON."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, cast

from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE
from zettelmem.receipts import Backup, Quota
from zettelmem.values import build

from .jsonl import BACKUP, json_object, note_line

GZIP = b"\x1f\x8b"
"""The first bytes of a gzip file."""


def write_backup(stream: BinaryIO, backup: Backup, *, packed: bool) -> None:
    """Write a backup, with gzip if it is to be packed."""
    if packed:
        with gzip.GzipFile(fileobj=stream, mode="wb", compresslevel=6) as inner:
            _write(cast(BinaryIO, inner), backup)
    else:
        _write(stream, backup)


def _write(stream: BinaryIO, backup: Backup) -> None:
    quotas = [quota.model_dump(mode="json") for quota in backup.quotas]
    stream.write(json.dumps({BACKUP: len(backup.notes), "quotas": quotas}).encode() + b"\n")
    for note in backup.notes:
        stream.write(note_line(note).encode() + b"\n")


@contextmanager
def plain(file: BinaryIO) -> Iterator[BinaryIO]:
    """A file from its beginning, unpacked where it is packed with gzip.

    Raises:
        InvalidInput: it is damaged or was cut off.
    """
    file.seek(0)
    packed = file.read(2) == GZIP
    file.seek(0)
    if not packed:
        yield file
        return
    try:
        with gzip.GzipFile(fileobj=file) as inner:
            yield cast(BinaryIO, inner)
    except (gzip.BadGzipFile, EOFError) as error:
        raise InvalidInput(f"the file is damaged or was cut off: {error}") from error


def read_head(file: BinaryIO) -> tuple[int, tuple[Quota, ...]]:
    """How many notes follow in a backup, and its quotas.

    Raises:
        InvalidInput: the file is no backup.
    """
    with plain(file) as stream:
        raw = stream.readline(MAX_LINE)
    try:
        head = json_object(raw)
    except InvalidInput as error:
        raise InvalidInput(f"this is no backup; `import` takes other files ({error})") from error
    count, quotas = head.get(BACKUP), head.get("quotas")
    if not isinstance(count, int) or not isinstance(quotas, list):
        raise InvalidInput("this is no backup, which `zettelmem backup` writes; `import` takes other files")
    return count, tuple(build(Quota, quota) for quota in quotas)
