"""An append-only log of who changed what, when, through which door; never of what was said.

One JSON object a line. Each holds the hash of the line before, so a line that was changed, left out or
put in between breaks the chain; `verify` tells where. Whoever can write the file can write a new chain
to its end: keep the last hash elsewhere to notice that.

A change is told before it is written, so no crash leaves one out. What was told and then not written is
told again as `void`: at once where the write failed, by the next process that writes where this one was
killed. A change that the log does not know, because it was made without it, is found by the doctor, who
adds it with `"found": true`.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from filelock import FileLock

from zettelmem.decisions import Changes
from zettelmem.errors import StoreError
from zettelmem.namespace import Namespace
from zettelmem.note import Evolution, Note
from zettelmem.store import Store

START = "0" * 64
"""What stands for the line before in the first one."""
TAIL = 65_536
"""Bytes read from the end of the file to find its last line."""

Entry = dict[str, Any]


def _hash(entry: Mapping[str, Any]) -> str:
    plain = {name: value for name, value in entry.items() if name != "hash"}
    return hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()


def entry(
    verb: str,
    namespace: Namespace,
    at: datetime,
    *,
    change: str = "",
    notes: Iterable[str] = (),
    via: str = "",
    **more: bool,
) -> Entry:
    """A line of the log, but for what chains it."""
    return {
        "at": at.isoformat(),
        "verb": verb,
        "namespace": list(namespace),
        "change": change,
        "notes": list(notes),
        "via": via,
        **more,
    }


def told(note: Note, done: Evolution, **more: bool) -> Entry:
    """The line for a change that `note` caused."""
    return entry(
        done.verb,
        note.namespace,
        done.at,
        change=done.change,
        notes=(note.id, *done.touched),
        via=note.source.via,
        **more,
    )


def lines_of(changes: Iterable[Changes]) -> list[Entry]:
    """The lines for some changes; for a restored note, one for each change that it comes with and caused."""
    lines: list[Entry] = []
    for each in changes:
        note = each.note
        entries = note.history if each.restored else note.history[-1:]
        lines += [told(note, done) for done in entries if done.cause == note.id]
    return lines


class Audit:
    """The log in one file, which any number of processes may append to."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()

    def append(self, entries: Sequence[Entry]) -> None:
        """Add lines and sync them.

        Raises:
            StoreError: the file cannot be written.
        """
        if not entries:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(f"{self.path}.lock"), self.path.open("a+b") as stream:
                before = self._last(stream)
                lines = []
                for each in entries:
                    line = {**each, "before": before}
                    line["hash"] = before = _hash(line)
                    lines.append(json.dumps(line, sort_keys=True).encode() + b"\n")
                stream.write(b"".join(lines))
                stream.flush()
                os.fsync(stream.fileno())
        except (OSError, ValueError) as error:
            raise StoreError(f"the audit log {self.path} failed: {error}") from error

    def recent(self) -> list[Entry]:
        """The last lines as far as they are sound, oldest first; those of the last commit are among them.

        Raises:
            StoreError: the file is there and cannot be read.
        """
        try:
            with self.path.open("rb") as stream:
                stream.seek(max(0, stream.seek(0, os.SEEK_END) - TAIL))
                lines = stream.read().split(b"\n")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise StoreError(f"the audit log {self.path} failed: {error}") from error
        return [line for each in lines if (line := _parsed(each)) is not None]

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


class Journal:
    """The commit hook that tells a log what is about to be written, and what was not written after all."""

    def __init__(self, audit: Audit, store: Store, clock: Callable[[], datetime]) -> None:
        self.audit = audit
        self._store = store
        self._clock = clock
        self._settled = False

    async def before(
        self, changes: Sequence[Changes], old: Mapping[str, Note], new: Mapping[str, Note]
    ) -> None:
        """Tell changes before they are written.

        Raises:
            StoreError: the log cannot be written.
        """
        if not self._settled:  # whoever wrote before may have been killed between log and store
            await self._settle(await asyncio.to_thread(self.audit.recent))
            self._settled = True
        await asyncio.to_thread(self.audit.append, lines_of(changes))

    async def failed(self, changes: Sequence[Changes]) -> None:
        """Tell which changes of a write that failed do not stand."""
        await self._settle(lines_of(changes))

    async def erasing(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """Tell notes that are about to be erased."""
        line = entry("erase", namespace, self._clock(), notes=sorted(ids))
        await asyncio.to_thread(self.audit.append, [line])

    async def _settle(self, lines: Sequence[Entry]) -> None:
        standing = Standing(lines)
        notes = await self._store.get(standing.ids, forgotten=True)
        lost = standing.lost(notes, gone=standing.ids - notes.keys())
        await asyncio.to_thread(self.audit.append, [void(each, self._clock()) for each in lost])


class Standing:
    """What some lines of a log say that a store holds.

    Attributes:
        logged: the line of each change that was told, and neither voided nor erased since, by its id.
    """

    def __init__(self, lines: Iterable[Entry]) -> None:
        self.logged: dict[str, Entry] = {}
        for line in lines:
            if line["verb"] == "void":
                self.logged.pop(line["change"], None)
            elif line["verb"] == "erase":
                erased = set(line["notes"])
                for change in [x for x in self.logged if x.partition(".")[0] in erased]:
                    del self.logged[change]
            else:
                self.logged[line["change"]] = line

    @property
    def ids(self) -> set[str]:
        """The notes that the lines are about."""
        return {change.partition(".")[0] for change in self.logged}

    def lost(self, notes: Mapping[str, Note], gone: Iterable[str] = ()) -> list[Entry]:
        """Lines about these notes whose change is not among what was done to them.

        Args:
            notes: some notes, by id.
            gone: ids of notes that are not there at all.
        """
        absent = set(gone)
        lost = []
        for change, line in self.logged.items():
            note_id, _, revision = change.partition(".")
            note = notes.get(note_id)
            if note is None:
                if note_id in absent:
                    lost.append(line)
            elif (number := int(revision.partition("-")[0])) > note.revision or (
                note.dropped + len(note.history) == note.revision
                and number > note.dropped
                and not any(x.change == change for x in note.history)
            ):
                lost.append(line)
        return lost

    def untold(self, note: Note) -> list[Entry]:
        """Lines for what the note did and the log does not know."""
        return [
            told(note, done, found=True)
            for done in note.history
            if done.cause == note.id and done.verb != "erase" and done.change not in self.logged
        ]


def void(line: Entry, now: datetime) -> Entry:
    """The line that takes another one back: the store does not hold its change."""
    return entry("void", tuple(line["namespace"]), now, change=line["change"], via=line["via"])


def read(path: Path) -> Iterator[tuple[Entry | None, str]]:
    """Each line of a log, and after the last sound one, if more follows, None and what is wrong with it.

    Raises:
        StoreError: the file cannot be read.
    """
    before = START
    try:
        with path.open("rb") as stream:
            for count, line in enumerate(stream, 1):
                if not line.endswith(b"\n"):
                    yield None, f"line {count} is not whole: a crash, or somebody cut it"
                    return
                found = _parsed(line)
                if found is None or found.get("before") != before:
                    problem = "was changed, or lines before it were taken out or put in"
                    yield None, f"line {count} {problem}"
                    return
                before = found["hash"]
                yield found, ""
    except OSError as error:
        raise StoreError(f"the audit log {path} cannot be read: {error.strerror}") from error


def _parsed(line: bytes) -> Entry | None:
    """A line that is as it was written, whatever stands before it; None for any other."""
    try:
        found: Entry = json.loads(line)
        return found if found["hash"] == _hash(found) else None
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def verify(path: Path) -> tuple[int, str, str]:
    """How many lines of a log hold, the hash of the last of them, and what is wrong with the next, or ""."""
    count, last = 0, START
    for line, problem in read(path):
        if line is None:
            return count, last, problem
        count, last = count + 1, line["hash"]
    return count, last, ""


def export(path: Path, namespace: Namespace, stream: BinaryIO) -> int:
    """Write the sound lines about a namespace and all below it, as they are, and return how many."""
    count = 0
    for line, _ in read(path):
        if line is not None and tuple(line["namespace"][: len(namespace)]) == namespace:
            stream.write(json.dumps(line, sort_keys=True).encode() + b"\n")
            count += 1
    return count
