"""Files that notes are written to: where they lie, and that they appear whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from zettelmem.errors import InvalidInput


def confined(file: str) -> Path:
    """The file that is meant, which lies where it is named: not a link that leads out of its folder.

    Raises:
        InvalidInput: it is such a link.
    """
    named = Path(os.path.abspath(file))  # noqa: PTH100 - `resolve` would follow the link
    folder, real = named.parent.resolve(), named.resolve()
    if not real.is_relative_to(folder):
        raise InvalidInput(f"{file} is a link that leads out of its folder, to {real}; name that file itself")
    return real


@contextmanager
def replacing(target: Path) -> Iterator[BinaryIO]:
    """A file beside `target` to write to, which takes its place once it is written and safe on the disk.

    Raises:
        OSError: it cannot be written; `target` is as it was.
    """
    beside = Path(f"{target}.part")
    try:
        beside.unlink(missing_ok=True)
        with beside.open("xb") as stream:  # never through a link that somebody put there
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(target)
    finally:
        with suppress(OSError):
            beside.unlink()
