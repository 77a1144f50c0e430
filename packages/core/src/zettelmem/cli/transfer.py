"""What files hold into a memory: in commits of many notes, again and again without harm."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, cast

from zettelmem.decisions import Remembered
from zettelmem.errors import InvalidInput
from zettelmem.exchange import (
    BadLine,
    Incoming,
    Reading,
    Recognised,
    confined,
    mark_of,
    read_head,
    recognise,
)
from zettelmem.judge import Judge
from zettelmem.limits import BATCH, MAX_DECISION_LINKS, MAX_LINKS
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.render import one_line
from zettelmem.sync import Memory

from .tally import SAMPLES, Preview, Tally

SPOOLED = 1 << 24
"""Bytes of stdin that are held in memory; more goes to a temporary file."""


def preview(found: Recognised, how: Reading, progress: Callable[[int], None]) -> Preview:
    """Read a file through and tell what would come."""
    seen = Preview(found.format)
    threads: set[str] = set()
    days: list[str] = []
    for each in found.read(how):
        progress(each.read)
        if isinstance(each, BadLine):
            seen.bad.append(each)
            continue
        seen.notes += 1
        if each.draft.thread:
            threads.add(each.draft.thread)
        if each.draft.occurred_at is not None:
            day = f"{each.draft.occurred_at:%Y-%m-%d}"
            days = [min([day, *days]), max([day, *days])]
        if len(seen.samples) < SAMPLES:
            who = each.draft.source.who or "nobody"
            seen.samples.append(f"{who}: {one_line(each.draft.content, 100)}")
    seen.threads = len(threads)
    if days:
        seen.first, seen.last = days[0], days[-1]
    return seen


def carry(
    memory: Memory,
    found: Recognised,
    how: Reading,
    space: Namespace,
    tally: Tally,
    *,
    judge: Judge | None = None,
    progress: Callable[[int], None] = lambda read: None,
    whole: bool = False,
) -> None:
    """Take what a file holds into a memory, counting in `tally`; `progress` is told the bytes read so far.

    What others wrote is remembered in `space`. A whole note goes back to where it was, at `space` or
    below it, as it was. With `whole` nothing is remembered: whole notes come back or are here already.
    """
    spaces: dict[str, Namespace] = {}
    for each in found.read(how) if found.whole else ():
        if isinstance(each, Incoming) and each.note is not None:
            spaces[each.note.id] = each.note.namespace
    wished: list[Incoming] = []
    for batch in _batches(found.read(how), space, tally):
        new = batch if batch[0].note is None else _restored(memory, batch, spaces, tally)
        if whole:
            tally.known += len(new)
            new = []
        _remember(memory, new, batch[0].namespace or space, tally, judge, progress)
        wished += [each for each in batch if each.links]
        progress(batch[-1].read)
    _link(memory, wished, space, tally)


def _batches(lines: Iterable[Incoming | BadLine], space: Namespace, tally: Tally) -> Iterator[list[Incoming]]:
    """Parts that are taken in together: of one namespace, whole notes or others."""
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
            tally.bad.append(BadLine(each.line, problem, each.read, each.file))
            continue
        if batch and (len(batch) == BATCH or batch[0].namespace != each.namespace):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


def _restored(
    memory: Memory, batch: list[Incoming], spaces: Mapping[str, Namespace], tally: Tally
) -> list[Incoming]:
    """Write the whole notes that are new here, as they were; what is left is to be remembered."""
    notes = {each.note.id: each.note for each in batch if each.note is not None}
    there = memory.admin.present(notes)
    new = [each for each in batch if each.note is not None and each.note.id not in there]
    _restore(memory, new, spaces, tally)
    left: list[Incoming] = []
    for each in batch:
        here = None if each.note is None else there.get(each.note.id)
        if here is None or each.note is None:
            continue
        if _is_old(each, each.note, here):
            tally.known += 1
        elif here.forgotten_at is None and each.base == mark_of(here):
            _revise(memory, here, each.note, tally)
        else:
            left.append(each)
    return left


def _is_old(each: Incoming, note: Note, here: Note) -> bool:
    """Whether a whole note in a file tells nothing new about the one that is here."""
    if here.forgotten_at is not None:
        return note.forgotten_at is not None
    if each.base:  # a page: nobody edited it since it was written, or as it was edited here too
        return mark_of(note) in (each.base, mark_of(here))
    return here.content == note.content


def _revise(memory: Memory, here: Note, edited: Note, tally: Tally) -> None:
    """Change the note as somebody edited its page; nobody has changed it here since the page was written."""
    # All of it is given, or new keywords would be found and the page would differ from its note for ever.
    memory.revise(
        here.id,
        namespace=here.namespace,
        reason="edited in its file",
        content=edited.content,
        context=edited.context,
        keywords=edited.keywords,
        tags=edited.tags,
    )
    tally.revised += 1


def _restore(memory: Memory, new: list[Incoming], spaces: Mapping[str, Namespace], tally: Tally) -> None:
    notes = [each.note for each in new if each.note is not None]
    if not notes:
        return
    try:
        memory.admin.restore(notes, more=spaces)
    except InvalidInput as error:
        if len(new) == 1:
            tally.bad.append(BadLine(new[0].line, str(error), new[0].read, new[0].file))
            return
        for each in new:
            _restore(memory, [each], spaces, tally)
        return
    tally.stored += len(notes)
    tally.pending += sum(note.pending is not None for note in notes)


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
            tally.bad.append(BadLine(batch[0].line, str(error), batch[0].read, batch[0].file))
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


def _link(memory: Memory, wished: list[Incoming], space: Namespace, tally: Tally) -> None:
    """Make the links that a file asked for, where both notes are there and do not have them."""
    for each in wished:
        keys = [str(each.draft.key), *(wish.key for wish in each.links)]
        notes = memory.keyed(keys, namespace=space)
        note = notes.get(str(each.draft.key))
        if note is None:
            continue
        have = {link.target for link in note.links if link.source == note.id}
        wishes = {notes[wish.key].id: wish for wish in reversed(each.links) if wish.key in notes}
        lacking = [note_id for note_id in wishes if note_id not in have and note_id != note.id]
        lacking = lacking[: MAX_LINKS - len(note.links)]
        for start in range(0, len(lacking), MAX_DECISION_LINKS):
            among = lacking[start : start + MAX_DECISION_LINKS]
            links: list[dict[str, Any]] = []
            for number, note_id in enumerate(among):
                wish = wishes[note_id]
                links.append({"neighbour": number, "relation": wish.relation, "reason": wish.reason})
            try:
                memory.ask(note.id, namespace=space, among=among)
                memory.connect(note.id, {"links": links}, namespace=space)
            except InvalidInput as error:  # such as a page that everything links to
                tally.bad.append(BadLine(each.line, f"its links: {error}", each.read, each.file))
                continue
            tally.linked += len(links)


def bring_back(memory: Memory, file: BinaryIO, tally: Tally, progress: Callable[[int], None]) -> None:
    """Restore a backup with its quotas; notes that are here already are counted as known.

    Raises:
        InvalidInput: it is no backup, or notes of it are missing.
    """
    count, quotas = read_head(file)
    found = recognise(file, "the backup")
    carry(memory, found, Reading(), (), tally, progress=progress, whole=True)
    seen = tally.stored + tally.known + len(tally.bad)
    if seen != count:
        raise InvalidInput(f"the backup tells of {count:,} notes and holds {seen:,}; it was cut off")
    for quota in quotas:
        memory.admin.set_quota(namespace=quota.namespace, notes=quota.notes, size=quota.size)


@contextmanager
def opened(path: str) -> Iterator[BinaryIO | Path]:
    """A file to read that can be sought, stdin for ``-``, or a folder.

    Raises:
        InvalidInput: it cannot be read.
    """
    try:
        if path == "-":
            with tempfile.SpooledTemporaryFile(SPOOLED) as spooled:
                shutil.copyfileobj(sys.stdin.buffer, spooled)
                spooled.seek(0)
                yield cast(BinaryIO, spooled)
            return
        place = confined(path)
        if place.is_dir():
            yield place
            return
        with place.open("rb") as file:
            yield file
    except OSError as error:
        raise InvalidInput(f"cannot read {path}: {error.strerror or error}") from error


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
