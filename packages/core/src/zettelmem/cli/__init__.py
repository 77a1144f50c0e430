"""The command line: `zettelmem`. One verb of `Memory` a command, and files in and out."""

from __future__ import annotations

import sys
from typing import Annotated, cast

import typer

from zettelmem import __version__
from zettelmem.drafts import Fields
from zettelmem.errors import InvalidInput
from zettelmem.note import Trust

from . import care, files, operate
from .options import JudgeOption, Kinds, NoteId, Since, Tags, Thread, TrustName, Until
from .settings import Settings, print_what_fits, verb

app = typer.Typer(
    name="zettelmem",
    help="Long-term memory for LLM agents: notes that link, evolve and are found again.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


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
    print_what_fits(sys.stdout)
    print_what_fits(sys.stderr)


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
            since=settings.day(since),
            until=settings.day(until),
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
            operate.receipt(settings, memory.admin.erase_note(note_id, namespace=settings.space))
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
            since=settings.day(since),
            until=settings.day(until),
            pending=pending,
            limit=limit,
            after=after,
            newest_first=not oldest,
        )
    settings.tell(page, lambda: show.notes(page))


app.command(name="import")(files.import_files)


app.command(name="export")(files.export)


app.command(name="backup")(files.backup)


app.command(name="restore")(files.restore)


@app.command()
@verb
def stats(settings: Settings) -> None:
    """Count notes, links, evolutions and kinds."""
    from . import show

    with settings.memory() as memory:
        figures = memory.stats(namespace=settings.space)
    settings.tell(figures, lambda: show.stats(figures))


app.command(name="graph")(files.graph)


app.command(name="view")(operate.view)


@app.command()
@verb
def finish(
    settings: Settings,
    limit: Annotated[int | None, typer.Option(help="At most so many notes.")] = None,
    judge: JudgeOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell about what it would cost.")] = False,
) -> None:
    """Let the judge look at the notes that are pending."""
    with settings.memory(judged=True) as memory:
        done = memory.finish_pending(
            namespace=settings.space,
            limit=limit,
            judge=None if judge is None else judge.value,
            dry_run=dry_run,
        )
        left = memory.stats(namespace=settings.space).pending
    cost = f"{done.spent.calls} calls of the model, about {done.spent.tokens:,} tokens"
    told = (
        f"{len(done)} notes would be looked at" if dry_run else f"{len(done)} notes finished, {left} pending"
    )
    plain = {"finished": [] if dry_run else [each.note.id for each in done], "pending": left}
    settings.tell(
        plain | {"spent": done.spent.model_dump(mode="json")},
        lambda: typer.echo(f"{told}; {cost}" if done.spent.calls or dry_run else told),
    )


app.command(name="work")(operate.work)


app.command(name="upkeep")(care.upkeep)


app.command(name="review")(care.review)


app.command(name="erase")(operate.erase)


app.command(name="doctor")(operate.doctor)


app.command(name="quota")(operate.quota)


app.command(name="reembed")(operate.reembed)


app.command(name="audit")(operate.audit)


def _words(content: str) -> str:
    if content != "-":
        return content
    try:
        return sys.stdin.buffer.read().decode()
    except UnicodeDecodeError as error:
        raise InvalidInput(f"stdin is no UTF-8 (byte {error.start + 1})") from error
