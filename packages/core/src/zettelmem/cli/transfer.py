"""Lines of a file into a memory: in commits of many notes, again and again without harm."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, BinaryIO

from zettelmem.decisions import Remembered
from zettelmem.errors import InvalidInput, NotFound
from zettelmem.exchange import BadLine, Incoming, confined
from zettelmem.judge import Judge
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.sync import Memory

BATCH = 64
"""Lines that are handed to the memory at once."""
SHOWN = 20
"""Bad lines that are told one by one."""


@dataclass
class Tally:
    """What became of the lines of a file.

    Attributes:
        stored, known, revised: lines that made a note; whose note was there; that changed a note.
        pending: notes that a judge has still to look at.
        bad: lines that could not be remembered.
    """

    stored: int = 0
    known: int = 0
    revised: int = 0
    pending: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The figures, and each bad line with its problem."""
        bad = [{"line": each.line, "problem": each.problem} for each in self.bad]
        return {
            "stored": self.stored,
            "known": self.known,
            "revised": self.revised,
            "pending": self.pending,
            "bad": bad,
        }

    def as_words(self) -> str:
        """The figures in one sentence."""
        parts = [f"{self.stored} stored"]
        parts += [f"{self.known} known already"] if self.known else []
        parts += [f"{self.revised} revised"] if self.revised else []
        parts += [f"{self.pending} pending"] if self.pending else []
        parts += [f"{len(self.bad)} bad lines left out"] if self.bad else []
        return ", ".join(parts)

    def problems(self) -> list[str]:
        """A line of text for each of the first bad lines, and how many there are beyond."""
        told = [f"line {each.line}: {each.problem}" for each in self.bad[:SHOWN]]
        more = len(self.bad) - SHOWN
        return [*told, f"and {more} more bad lines"] if more > 0 else told


def carry(
    memory: Memory,
    lines: Iterable[Incoming | BadLine],
    space: Namespace,
    tally: Tally,
    *,
    judge: Judge | None = None,
    progress: Callable[[int], None] = lambda read: None,
) -> None:
    """Remember the lines in order, counting in `tally`; `progress` is told the bytes read so far.

    Messages go to `space`. A whole note goes back to where it was, at `space` or below it.
    """
    for batch in _batches(lines, space, tally):
        where = batch[0].namespace or space
        new = [each for each in batch if not _there(memory, each, tally)]
        _remember(memory, new, where, tally, judge, progress)
        progress(batch[-1].read)


def _batches(lines: Iterable[Incoming | BadLine], space: Namespace, tally: Tally) -> Iterator[list[Incoming]]:
    batch: list[Incoming] = []
    for each in lines:
        if isinstance(each, BadLine):
            tally.bad.append(each)
            continue
        where = each.namespace or space
        if where[: len(space)] != space:
            problem = (
                f"belongs to namespace {'/'.join(where)}, which is not at or below {'/'.join(space)}; "
                f"give --namespace {'/'.join(where)}"
            )
            tally.bad.append(BadLine(each.line, problem, each.read))
            continue
        if batch and (len(batch) == BATCH or (batch[0].namespace or space) != where):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _there(memory: Memory, incoming: Incoming, tally: Tally) -> bool:
    """Whether the very note that was exported is still in this memory."""
    if incoming.note is None or incoming.note.key is not None:
        return False  # a key finds its note by itself
    try:
        found = memory.get(incoming.note.id, namespace=incoming.note.namespace)
    except NotFound:
        return False
    if found.content != incoming.note.content:
        return False
    tally.known += 1
    return True


def _remember(
    memory: Memory,
    batch: list[Incoming],
    space: Namespace,
    tally: Tally,
    judge: Judge | None,
    progress: Callable[[int], None],
) -> None:
    if not batch:
        return
    left = iter(batch)

    def stored(count: int) -> None:
        for each in islice(left, count):
            progress(each.read)

    try:
        done = memory.remember_many(
            [each.draft for each in batch], namespace=space, judge=judge, progress=stored
        )
    except InvalidInput as error:
        if len(batch) == 1:
            tally.bad.append(BadLine(batch[0].line, str(error), batch[0].read))
            return
        for each in batch:  # keys keep those that are stored already from being stored twice
            _remember(memory, [each], space, tally, judge, progress)
        return
    for incoming, result in zip(batch, done, strict=True):
        _count(result, tally)
        if incoming.note is not None:
            _close(memory, result.note, incoming.note)


def _count(result: Remembered, tally: Tally) -> None:
    if result.known:
        tally.known += 1
    elif result.note.history[-1].verb == "revise":
        tally.revised += 1
    else:
        tally.stored += 1
    tally.pending += result.note.pending is not None


def _close(memory: Memory, note: Note, exported: Note) -> None:
    """What was no longer so when it was exported is no longer so here, unless that was decided here."""
    decided = any("invalid_at" in entry.after for entry in note.history)
    if exported.invalid_at is not None and note.invalid_at is None and not decided:
        memory.revise(note.id, namespace=note.namespace, invalid_at=exported.invalid_at, reason="as exported")


@contextmanager
def opened(path: str) -> Iterator[tuple[BinaryIO, int | None]]:
    """A file to read, or stdin for ``-``, and its size in bytes if it has one.

    Raises:
        InvalidInput: it cannot be read.
    """
    if path == "-":
        yield sys.stdin.buffer, None
        return
    try:
        with confined(path).open("rb") as file:
            yield file, _size(file)
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error


def _size(file: BinaryIO) -> int | None:
    """Bytes of a file; None for a pipe, which does not know."""
    return os.fstat(file.fileno()).st_size or None


@contextmanager
def bar(doing: str, total: int | None, *, show: bool) -> Generator[Callable[..., None]]:
    """A progress bar on stderr, told how much is done and of how much, where somebody watches."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    with Progress(
        TextColumn(doing),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not show or not console.is_terminal,
    ) as progress:
        task = progress.add_task("", total=total)

        def show_done(done: int, of: int | None = total) -> None:
            progress.update(task, completed=done, total=of)

        yield show_done
