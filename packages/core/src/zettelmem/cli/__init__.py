"""The command line: `zettelmem`. One verb of `Memory` a command, and files in and out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO, cast

import typer

from zettelmem import __version__, exchange
from zettelmem.drafts import Fields
from zettelmem.errors import InvalidInput, ZettelmemError
from zettelmem.judge import Judge
from zettelmem.note import Trust
from zettelmem.receipts import Erasure

from .settings import BAD_INPUT, FAILURE, Settings, complain, verb

if TYPE_CHECKING:
    from zettelmem.sync import Memory

app = typer.Typer(
    name="zettelmem",
    help="Long-term memory for LLM agents: notes that link, evolve and are found again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

Kinds = Annotated[list[str] | None, typer.Option("--kind", help="Only this kind; may be repeated.")]
Tags = Annotated[list[str] | None, typer.Option("--tag", help="Only with this tag; may be repeated.")]
Thread = Annotated[str | None, typer.Option("--thread", help="Only this conversation.")]
Since = Annotated[str | None, typer.Option("--since", help="What happened then or later (ISO 8601).")]
Until = Annotated[str | None, typer.Option("--until", help="What happened before then (ISO 8601).")]
NoteId = Annotated[str, typer.Argument(help="The note's id.")]


class JudgeName(StrEnum):
    """Who decides about links and evolution."""

    OFFLINE = "offline"
    MODEL = "model"
    NONE = "none"


class TrustName(StrEnum):
    """How far words may be believed."""

    UNTRUSTED = "untrusted"
    REPORTED = "reported"
    STATED = "stated"
    VERIFIED = "verified"


JudgeOption = Annotated[
    JudgeName | None,
    typer.Option("--judge", help="Who decides about links.", show_default="model if --model is given"),
]


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"zettelmem {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Long-term memory for LLM agents: notes that link, evolve and are found again."""


@app.command()
@verb
def remember(
    settings: Settings,
    content: Annotated[str, typer.Argument(help="The words to remember; - reads them from stdin.")],
    thread: Annotated[str | None, typer.Option(help="The conversation that they belong to.")] = None,
    kind: Annotated[
        str | None, typer.Option(help="episodic, semantic, procedural or insight; found if left out.")
    ] = None,
    at: Annotated[str | None, typer.Option(help="When it happened (ISO 8601); now if left out.")] = None,
    who: Annotated[str | None, typer.Option(help="Who said it.")] = None,
    trust: Annotated[TrustName, typer.Option(help="How far it may be believed.")] = TrustName.STATED,
    context: Annotated[str | None, typer.Option(help="What surrounds it; found if left out.")] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="May be repeated; found if left out.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="May be repeated; found if left out.")] = None,
    key: Annotated[str | None, typer.Option(help="Your name for it: the same key is the same note.")] = None,
    judge: JudgeOption = None,
) -> None:
    """Store words as a note; link it, let others evolve."""
    from zettelmem.note import Source

    from . import show

    content = _words(content)
    with settings.memory(new=True, judged=True) as memory:
        done = memory.remember(
            content,
            namespace=settings.space,
            thread=thread,
            kind=kind,
            occurred_at=settings.time(at),
            source=Source(who=who, via="cli"),
            trust=Trust[trust.name],
            context=context,
            keywords=keyword,
            tags=tag,
            key=key,
            judge=None if judge is None else judge.value,
        )
    settings.tell(done, lambda: show.remembered(done))


@app.command()
@verb
def recall(
    settings: Settings,
    query: Annotated[str, typer.Argument(help="A question, or some words.")],
    k: Annotated[int, typer.Option("-k", help="At most so many notes.")] = 10,
    kind: Kinds = None,
    tag: Tags = None,
    thread: Thread = None,
    since: Since = None,
    until: Until = None,
    as_of: Annotated[str | None, typer.Option(help="What was valid and known then (ISO 8601).")] = None,
    superseded: Annotated[bool, typer.Option("--superseded", help="Also what is no longer so.")] = False,
    expand: Annotated[bool, typer.Option(help="Let linked notes vote and be found.")] = True,
    budget: Annotated[int | None, typer.Option(help="At most so many tokens of content.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each signal counted.")] = False,
) -> None:
    """Find the notes that answer a question, and why."""
    from . import show

    with settings.memory() as memory:
        found = memory.recall(
            query,
            namespace=settings.space,
            k=k,
            kinds=kind,
            tags=tag,
            thread=thread,
            since=settings.time(since),
            until=settings.time(until),
            as_of=settings.time(as_of),
            superseded=superseded,
            expand=expand,
            budget_tokens=budget,
            explain=explain,
        )
    hits = [hit.model_dump(mode="json") for hit in found]
    settings.tell({"hits": hits}, lambda: show.hits(found, explain=explain))


@app.command(name="show")
@verb
def show_note(settings: Settings, note_id: NoteId) -> None:
    """Show a whole note, with its links."""
    from . import show

    with settings.memory() as memory:
        around = memory.graph(namespace=settings.space, start=note_id, hops=1, limit=1_000)
    others = {each.id: each for each in around.notes}
    note = others[note_id]
    settings.tell(note, lambda: show.note(note, others))


@app.command()
@verb
def history(settings: Settings, note_id: NoteId) -> None:
    """Show what was done to a note, by what, before and after."""
    from . import show

    with settings.memory() as memory:
        entries = memory.history(note_id, namespace=settings.space)
    plain = [entry.model_dump(mode="json") for entry in entries]
    settings.tell({"note_id": note_id, "history": plain}, lambda: show.history(entries))


@app.command()
@verb
def undo(
    settings: Settings,
    change: Annotated[str, typer.Argument(help="The change's id, as `history` shows it.")],
) -> None:
    """Take one change back at every note that it wrote."""
    from . import show

    with settings.memory() as memory:
        done = memory.undo(change, namespace=settings.space)
    settings.tell(done, lambda: show.remembered(done))


@app.command()
@verb
def revise(
    settings: Settings,
    note_id: NoteId,
    content: Annotated[str | None, typer.Argument(help="The new words; - reads them from stdin.")] = None,
    context: Annotated[str | None, typer.Option(help="What surrounds it.")] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="All of them; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="All of them; may be repeated.")] = None,
    kind: Annotated[str | None, typer.Option(help="episodic, semantic, procedural or insight.")] = None,
    at: Annotated[str | None, typer.Option(help="When it happened (ISO 8601).")] = None,
    over: Annotated[str | None, typer.Option(help="From when it is no longer so (ISO 8601).")] = None,
    trust: Annotated[TrustName | None, typer.Option(help="How far it may be believed.")] = None,
    reason: Annotated[str, typer.Option(help="Why; kept in its history.")] = "",
) -> None:
    """Change what a note says; what is left out stays as it is; `undo` helps."""
    from . import show

    given = {
        "content": None if content is None else _words(content),
        "context": context,
        "keywords": keyword,
        "tags": tag,
        "kind": kind,
        "occurred_at": settings.time(at),
        "invalid_at": settings.time(over),
        "trust": None if trust is None else Trust[trust.name],
    }
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise InvalidInput("nothing to change; give new words, or an option such as --tag")
    with settings.memory() as memory:
        done = memory.revise(note_id, namespace=settings.space, reason=reason, **cast(Fields, fields))
    settings.tell(done, lambda: show.remembered(done))


@app.command()
@verb
def forget(
    settings: Settings,
    note_id: NoteId,
    erase: Annotated[bool, typer.Option("--erase", help="Remove its bytes; nothing helps.")] = False,
) -> None:
    """Put a note and its links out of sight; `undo` helps."""
    from . import show

    with settings.memory() as memory:
        if erase:
            _receipt(settings, memory.forget(note_id, namespace=settings.space, erase=True))
            return
        done = memory.forget(note_id, namespace=settings.space)
    settings.tell(done, lambda: show.remembered(done))


@app.command()
@verb
def notes(
    settings: Settings,
    kind: Kinds = None,
    tag: Tags = None,
    thread: Thread = None,
    since: Since = None,
    until: Until = None,
    pending: Annotated[bool, typer.Option("--pending", help="Only what a judge has still to see.")] = False,
    limit: Annotated[int, typer.Option(help="Notes a page.")] = 20,
    after: Annotated[str | None, typer.Option(help="The cursor of the page before.")] = None,
    oldest: Annotated[bool, typer.Option("--oldest-first", help="The other way round.")] = False,
) -> None:
    """List notes, the last one first, a page at a time."""
    from . import show

    with settings.memory() as memory:
        page = memory.notes(
            namespace=settings.space,
            kinds=kind,
            tags=tag,
            thread=thread,
            since=settings.time(since),
            until=settings.time(until),
            pending=pending,
            limit=limit,
            after=after,
            newest_first=not oldest,
        )
    settings.tell(page, lambda: show.notes(page))


@app.command(name="import")
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


@app.command()
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


@app.command()
@verb
def stats(settings: Settings) -> None:
    """Count notes, links, evolutions and kinds."""
    from . import show

    with settings.memory() as memory:
        figures = memory.stats(namespace=settings.space)
    settings.tell(figures, lambda: show.stats(figures))


@app.command()
@verb
def graph(
    settings: Settings,
    file: Annotated[
        str, typer.Argument(help="A picture to write: .svg, or .dot for Graphviz; - prints DOT.")
    ] = "-",
    start: Annotated[str | None, typer.Option(help="The note to walk from.", show_default="newest")] = None,
    hops: Annotated[int, typer.Option(help="How far to walk.")] = 2,
    limit: Annotated[int, typer.Option(help="At most so many notes.")] = 200,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
) -> None:
    """Draw notes and their links."""
    draw = {".svg": exchange.as_svg, ".dot": exchange.as_dot, ".gv": exchange.as_dot}
    ending = ".dot" if file == "-" else Path(file).suffix.lower()
    if ending not in draw:
        raise InvalidInput(f"{file} ends in neither .svg nor .dot; name the picture you want")
    with settings.memory() as memory:
        found = memory.graph(namespace=settings.space, start=start, hops=hops, limit=limit)
        if file == "-" and settings.as_json:
            settings.tell(found, lambda: None)
            return
        with _exporting(memory, file, force) as stream:
            stream.write(draw[ending](found).encode())
    if file != "-":
        figures = {"notes": len(found.notes), "links": len(found.links), "file": file}
        told = f"{len(found.notes)} notes and {len(found.links)} links drawn in {file}"
        settings.tell(figures, lambda: typer.echo(told))


@app.command()
@verb
def finish(
    settings: Settings,
    limit: Annotated[int | None, typer.Option(help="At most so many notes.")] = None,
    judge: JudgeOption = None,
) -> None:
    """Let the judge look at the notes that are pending."""
    with settings.memory(judged=True) as memory:
        done = memory.finish_pending(
            namespace=settings.space, limit=limit, judge=None if judge is None else judge.value
        )
        left = memory.stats(namespace=settings.space).pending
    settings.tell(
        {"finished": [each.note.id for each in done], "pending": left},
        lambda: typer.echo(f"{len(done)} notes finished, {left} pending"),
    )


@app.command()
@verb
def erase(
    settings: Settings,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a whole namespace for good, and prove it."""
    if not yes and not typer.confirm(f"Erase every note of {settings.namespace} and below it, for good?"):
        raise typer.Exit(FAILURE)
    with settings.memory() as memory:
        _receipt(settings, memory.erase(namespace=settings.space))


def _receipt(settings: Settings, receipt: Erasure) -> None:
    """Show what was erased; a receipt that does not verify is a failure."""
    told = f"{len(receipt.ids)} notes erased, {len(receipt.rewritten)} others rewritten. {receipt.how}"
    settings.tell(receipt, lambda: typer.echo(told))
    if not receipt.verified:
        raise typer.Exit(FAILURE)


@app.command()
@verb
def doctor(
    settings: Settings,
    repair: Annotated[bool, typer.Option("--repair", help="Mend what can be mended.")] = False,
    purge: Annotated[
        bool, typer.Option("--purge", help="Erase for good what was forgotten over 30 days ago.")
    ] = False,
) -> None:
    """Check the whole store; exit code 1 on trouble."""
    from . import show

    with settings.memory() as memory:
        found = memory.examine(repair=repair, purge_after=timedelta(days=30) if purge else None)
    told = {"healthy": found.healthy, **found.model_dump(mode="json")}
    settings.tell(told, lambda: show.examination(found))
    if not found.healthy:
        raise typer.Exit(FAILURE)


@app.command()
@verb
def quota(
    settings: Settings,
    notes: Annotated[int | None, typer.Option(help="At most so many notes.", show_default="any")] = None,
    size: Annotated[
        int | None,
        typer.Option(help="At most so many bytes of words and data.", show_default="any"),
    ] = None,
    clear: Annotated[bool, typer.Option("--clear", help="Take the limits away.")] = False,
) -> None:
    """Show or set what a namespace may hold.

    The limits hold for the namespace and all below it together, in every process. Those given replace
    those that it has.
    """
    from . import show

    if clear and (notes is not None or size is not None):
        raise InvalidInput("--clear takes the limits away; give it alone")
    setting = clear or notes is not None or size is not None
    with settings.memory(new=setting) as memory:
        found = (
            memory.set_quota(namespace=settings.space, notes=notes, size=size)
            if setting
            else memory.quota(namespace=settings.space)
        )
    settings.tell(found, lambda: show.quota(found))


@app.command()
@verb
def reembed(settings: Settings) -> None:
    """Move the memory to the embedding model --embedder.

    The old model keeps answering until the new one takes over, in one step. Stopped or killed, run it
    again: it goes on where it was.
    """
    from .transfer import bar

    with settings.memory() as memory, bar("embedding", None, show=not settings.as_json) as progress:
        done = memory.reembed(progress=progress)
    moved = f"moved from {done.before} to {done.after}, {done.vectors} vectors made"
    told = f"{done.after} is its embedding model already" if done.before == done.after else moved
    settings.tell(done, lambda: typer.echo(told))


@app.command()
@verb
def audit(
    settings: Settings,
    file: Annotated[Path, typer.Argument(help="The log's file.")],
    to: Annotated[
        str | None,
        typer.Option("--export", help="Write the lines about --namespace there; - is stdout."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Overwrite that file.")] = False,
) -> None:
    """Check an audit log's chain; exit code 1 if broken."""
    from zettelmem.admin.audit import export as export_lines
    from zettelmem.admin.audit import verify

    count, last, problem = verify(file)
    if to is not None:
        with _writing(to, force) as stream:
            export_lines(file, settings.space, stream)
    told = f"{count} lines hold, the last with hash {last}" + (f"; {problem}" if problem else "")
    plain = {"lines": count, "hash": last, "problem": problem}
    if to == "-":
        complain(told)
    else:
        settings.tell(plain, lambda: typer.echo(told))
    if problem:
        raise typer.Exit(FAILURE)


def _words(content: str) -> str:
    if content != "-":
        return content
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"stdin is no UTF-8 (byte {error.start + 1})") from error


@contextmanager
def _exporting(memory: Memory, file: str, force: bool) -> Iterator[BinaryIO]:
    """As `_writing`, for notes: the store is told of the file first, so that erasing misses none."""
    with _writing(file, force) as stream:
        if file != "-":
            memory.exported(exchange.confined(file))
        yield stream


@contextmanager
def _writing(file: str, force: bool) -> Iterator[BinaryIO]:
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
