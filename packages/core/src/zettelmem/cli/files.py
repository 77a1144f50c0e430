"""Memories in and out of files, a command each."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from zettelmem import exchange
from zettelmem.errors import InvalidInput, ZettelmemError
from zettelmem.judge import Judge
from zettelmem.namespace import Namespace
from zettelmem.note import Note

from .options import JudgeOption
from .settings import BAD_INPUT, Settings, complain, verb

if TYPE_CHECKING:
    from zettelmem.sync import Memory


class Layout(StrEnum):
    """How notes are written to files."""

    JSONL = "jsonl"
    MARKDOWN = "markdown"


@verb
def import_files(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="A file of a known format, or a folder; - reads stdin.")],
    thread: Annotated[str | None, typer.Option(help="The conversation of what names none.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tell what would come; store nothing.")] = False,
    judge: JudgeOption = None,
) -> None:
    """Remember what a file of this or another program holds; run it again at will.

    The format is told by what is in the file: JSONL of messages, {"content": ..., "role"?, "name"?, "at"?,
    "thread"?, "key"?}; what `export` and `backup` wrote, whose notes come back as they were; exports of
    ChatGPT and Claude, zipped or not; mem0's memories; the reference memory server's memory.json; folders
    of Markdown such as Obsidian's and basic-memory's. After a crash, or with a longer file, run it again:
    nothing is stored twice. Bad lines are told by their number and left out.
    """
    from .tally import Tally, problems
    from .transfer import bar, carry, opened, preview

    how = exchange.Reading(zone=settings.zone, thread=thread)
    chosen: Judge | None = None if judge is None else judge.value
    tally = Tally()
    try:
        with opened(file) as source:
            found = exchange.recognise(source, file)
            with bar("reading", found.size, show=not settings.as_json) as progress:
                if dry_run:
                    seen = preview(found, how, progress)
                else:
                    with settings.memory(new=True, judged=True) as memory:
                        carry(memory, found, how, settings.space, tally, judge=chosen, progress=progress)
    except (ZettelmemError, KeyboardInterrupt):
        if tally != Tally():
            complain(f"{tally.as_words()} before it stopped; run it again to go on")
        raise
    told = seen if dry_run else tally
    for problem in problems(told.bad):
        complain(problem)
    settings.tell(told.as_json(), lambda: typer.echo(told.as_words()))
    if told.bad:
        raise typer.Exit(BAD_INPUT)


@verb
def export(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="Where to: a file, - for stdout, or a folder.")] = "-",
    layout: Annotated[
        Layout, typer.Option("--format", help="jsonl: all of each note; markdown: a vault for Obsidian.")
    ] = Layout.JSONL,
    force: Annotated[bool, typer.Option("--force", help="Overwrite what is there.")] = False,
) -> None:
    """Write whole notes as of one moment: as JSONL with their history, or as a vault of Markdown files."""
    if layout is Layout.MARKDOWN and file == "-":
        raise InvalidInput("a vault is a folder; name it")
    with settings.memory() as memory:
        if layout is Layout.MARKDOWN:
            folder = _empty_folder(file, force)
            notes = memory.notes(namespace=settings.space, limit=None).notes
            memory.admin.exported(folder)
            write_vault(folder, notes, settings.space)
        else:
            with _exporting(memory, file, force) as stream:
                notes = memory.notes(namespace=settings.space, limit=None).notes
                for note in notes:
                    stream.write(exchange.note_line(note).encode() + b"\n")
    if file != "-":
        figures = {"exported": len(notes), "file": file}
        settings.tell(figures, lambda: typer.echo(f"{len(notes)} notes written to {file}"))


def _empty_folder(name: str, force: bool) -> Path:
    folder = exchange.confined(name)
    if folder.exists() and not folder.is_dir():
        raise InvalidInput(f"{name} is a file; a vault is a folder")
    if not force and folder.exists() and any(folder.iterdir()):
        raise InvalidInput(f"{name} is not empty; choose another folder, or overwrite its files with --force")
    return folder


def write_vault(folder: Path, notes: Sequence[Note], space: Namespace) -> None:
    """Write a Markdown file a note, those of namespaces below `space` in folders of their own.

    Raises:
        InvalidInput: the folder cannot be written.
    """
    names = {note.id: exchange.file_name(note) for note in notes}
    try:
        for note in notes:
            below = [exchange.folder_name(segment) for segment in note.namespace[len(space) :]]
            place = folder.joinpath(*below)
            place.mkdir(parents=True, exist_ok=True)
            path = exchange.confined(str(place)) / f"{names[note.id]}.md"
            path.unlink(missing_ok=True)  # never through a link that somebody put there
            path.write_bytes(exchange.page_of(note, names).encode())
    except OSError as error:
        raise InvalidInput(f"cannot write {folder}: {error.strerror or error}") from error


@verb
def backup(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="Where to; packed where its name ends in .gz.")],
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Write the whole store to a file, as of one moment, while others write on.

    Every namespace, with histories, forgotten notes and quotas. Vectors are left out: `restore` makes them
    anew, also with another embedder.
    """
    with settings.memory() as memory, _exporting(memory, file, force) as stream:
        whole = memory.admin.backup()
        exchange.write_backup(stream, whole, packed=file.endswith(".gz"))
    if file != "-":
        figures = {"notes": len(whole.notes), "file": file}
        settings.tell(figures, lambda: typer.echo(f"{len(whole.notes)} notes backed up to {file}"))


@verb
def restore(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="What `backup` wrote; - reads stdin.")],
) -> None:
    """Write the notes of a backup as they were; those that are here already stay as they are here."""
    from .tally import Tally, problems
    from .transfer import bar, bring_back, opened

    tally = Tally()
    try:
        with opened(file) as source:
            if isinstance(source, Path):
                raise InvalidInput(f"{file} is a folder; give the file that `backup` wrote")
            with (
                settings.memory(new=True) as memory,
                bar("restoring", None, show=not settings.as_json) as progress,
            ):
                bring_back(memory, source, tally, progress)
    except (ZettelmemError, KeyboardInterrupt):
        if tally != Tally():
            complain(f"{tally.as_words()} before it stopped; run it again to go on")
        raise
    for problem in problems(tally.bad):
        complain(problem)
    settings.tell(tally.as_json(), lambda: typer.echo(tally.as_words()))
    if tally.bad:
        raise typer.Exit(BAD_INPUT)


@verb
def graph(
    settings: Settings,
    file: Annotated[str, typer.Argument(help="A .dot, .gv or .graphml file; - is stdout.")] = "-",
    start: Annotated[str | None, typer.Option(help="The note to walk from.", show_default="newest")] = None,
    hops: Annotated[int, typer.Option(help="How far to walk.")] = 2,
    limit: Annotated[int, typer.Option(help="At most so many notes.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Draw notes and their links as a graph for Graphviz, Gephi, yEd and others."""
    suffix = ".dot" if file == "-" else Path(file).suffix.lower()
    if suffix not in (".dot", ".gv", ".graphml"):
        raise InvalidInput(f"{file} ends in neither .dot nor .gv (Graphviz) nor .graphml (Gephi, yEd)")
    with settings.memory() as memory:
        found = memory.graph(namespace=settings.space, start=start, hops=hops, limit=limit)
        if file == "-" and settings.as_json:
            settings.tell(found, lambda: None)
            return
        with _exporting(memory, file, force) as stream:
            draw = exchange.as_graphml if suffix == ".graphml" else exchange.as_dot
            stream.write(draw(found).encode())
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
