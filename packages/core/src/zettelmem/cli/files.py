"""Memories in and out of files, a command each."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from zettelmem import exchange
from zettelmem.errors import InvalidInput, ZettelmemError
from zettelmem.judge import Judge

from .options import JudgeOption
from .settings import BAD_INPUT, Settings, complain, verb

if TYPE_CHECKING:
    from zettelmem.sync import Memory


@verb
def import_lines(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="JSONL: messages, or what `export` wrote; - reads stdin.")],
    thread: Annotated[str | None, typer.Option(help="The conversation of lines that name none.")] = None,
    judge: JudgeOption = None,
) -> None:
    """Remember each line of a file; run it again at will.

    A line is {"content": ..., "role"?, "name"?, "at"?, "thread"?, "key"?}, or what `export` wrote.
    After a crash, or with a longer file, run it again: nothing is stored twice. Bad lines are told
    by their number and left out.
    """
    from .transfer import Tally, bar, carry, opened

    tally = Tally()
    try:
        with (
            opened(file) as (stream, size),
            settings.memory(new=True, judged=True) as memory,
            bar("remembering", size, show=not settings.as_json) as progress,
        ):
            lines = exchange.read_turns(stream, zone=settings.zone, thread=thread)
            chosen: Judge | None = None if judge is None else judge.value
            carry(memory, lines, settings.space, tally, judge=chosen, progress=progress)
    except (ZettelmemError, KeyboardInterrupt):
        if tally != Tally():
            complain(f"{tally.as_words()} before it stopped; run it again to go on")
        raise
    for problem in tally.problems():
        complain(problem)
    settings.tell(tally.as_json(), lambda: typer.echo(tally.as_words()))
    if tally.bad:
        raise typer.Exit(BAD_INPUT)


@verb
def export(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="Where to; - is stdout.")] = "-",
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write whole notes with their history to a JSONL file."""
    with settings.memory() as memory, _exporting(memory, file, force) as stream:
        count, after, more = 0, None, True
        while more:
            page = memory.notes(namespace=settings.space, limit=1_000, after=after)
            stream.write("".join(f"{exchange.note_line(note)}\n" for note in page.notes).encode())
            count += len(page.notes)
            after, more = page.cursor, page.cursor is not None
    if file != "-":
        settings.tell(
            {"exported": count, "file": file}, lambda: typer.echo(f"{count} notes written to {file}")
        )


@verb
def graph(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="What to write, .dot or .gv for Graphviz; - is stdout.")] = "-",
    start: Annotated[str | None, typer.Option(help="The note to walk from.", show_default="newest")] = None,
    hops: Annotated[int, typer.Option(help="How far to walk.")] = 2,
    limit: Annotated[int, typer.Option(help="At most so many notes.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Draw notes and their links as a graph for Graphviz."""
    if file != "-" and Path(file).suffix.lower() not in (".dot", ".gv"):
        raise InvalidInput(f"{file} ends in neither .dot nor .gv; Graphviz makes pictures of such a file")
    with settings.memory() as memory:
        found = memory.graph(namespace=settings.space, start=start, hops=hops, limit=limit)
        if file == "-" and settings.as_json:
            settings.tell(found, lambda: None)
            return
        with _exporting(memory, file, force) as stream:
            stream.write(exchange.as_dot(found).encode())
    if file != "-":
        figures = {"notes": len(found.notes), "links": len(found.links), "file": file}
        told = f"{len(found.notes)} notes and {len(found.links)} links drawn in {file}"
        settings.tell(figures, lambda: typer.echo(told))


@contextmanager
def _exporting(memory: Memory, file: str, force: bool) -> Iterator[BinaryIO]:
    """As `writing`, for notes: the store is told of the file first, so that erasing misses none."""
    with writing(file, force) as stream:
        if file != "-":
            memory.admin.exported(exchange.confined(file))
        yield stream


@contextmanager
def writing(file: str, force: bool) -> Iterator[BinaryIO]:
    """Where to write to: stdout, or a file that appears whole or not at all."""
    if file == "-":
        sys.stdout.flush()
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    target = exchange.confined(file)
    if target.exists() and not force:
        raise InvalidInput(f"{file} is there already; choose another name, or overwrite it with --force")
    try:
        with exchange.replacing(target) as stream:
            yield stream
    except OSError as error:
        raise InvalidInput(f"cannot write {file}: {error.strerror or error}") from error
