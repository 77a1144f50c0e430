"""An append-only log of who changed what, when, through which door; never of what was said.

One JSON object a line. Each holds the hash of the line before, so a line that was changed, left out or
put in between breaks the chain; `verify` tells where. Whoever can write the file can write a new chain
to its end: keep the last hash elsewhere to notice that.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from filelock import FileLock

from zettelmem.errors import StoreError
from zettelmem.note import Namespace

START = "0" * 64
"""What stands for the line before in the first one."""
TAIL = 65_536
"""Bytes read from the end of the file to find its last line."""


def _hash(entry: dict[str, Any]) -> str:
    plain = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


class Audit:
    """The log in one file, which any number of processes may append to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()

    def append(
        self,
        verb: str,
        namespace: Namespace,
        at: datetime,
        *,
        change: str = "",
        notes: Iterable[str] = (),
        via: str = "",
    ) -> None:
        """Add a line and sync it.

        Raises:
            StoreError: the file cannot be written.
        """
        entry: dict[str, Any] = {
            "at": at.isoformat(),
            "verb": verb,
            "namespace": list(namespace),
            "change": change,
            "notes": list(notes),
            "via": via,
        }
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"), self.path.open("a+b") as stream:
                entry["before"] = self._last(stream)
                entry["hash"] = _hash(entry)
                stream.write(json.dumps(entry, sort_keys=True).encode() + b"\n")
                stream.flush()
                os.fsync(stream.fileno())
        except (OSError, ValueError) as error:
            raise StoreError(f"the change was made, but the audit log {self.path} failed: {error}") from error

    def _last(self, stream: Any) -> str:
        """The hash of the last whole line; half a line that a crash left is cut off."""
        end = stream.seek(0, os.SEEK_END)
        start = max(0, end - TAIL)
        stream.seek(start)
        data: bytes = stream.read()
        whole = data.rfind(b"\n") + 1
        if whole < len(data):
            if whole == 0 and start > 0:
                raise ValueError("its last line is too long to be ours")
            stream.truncate(start + whole)
        lines = data[:whole].splitlines()
        return str(json.loads(lines[-1])["hash"]) if lines else START


def verify(path: Path) -> tuple[int, str, str]:
    """How many lines of a log hold, the hash of the last of them, and what is wrong with the next, or ""."""
    before, count = START, 0
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise StoreError(f"the audit log {path} cannot be read: {error.strerror}") from error
    for line in lines[:-1]:
        try:
            entry = json.loads(line)
            sound = entry["before"] == before and entry["hash"] == _hash(entry)
        except (ValueError, KeyError, TypeError):
            sound = False
        if not sound:
            return (
                count,
                before,
                f"line {count + 1} was changed, or lines before it were taken out or put in",
            )
        before, count = entry["hash"], count + 1
    if lines[-1]:
        return count, before, f"line {count + 1} is not whole: a crash, or somebody cut it"
    return count, before, ""
