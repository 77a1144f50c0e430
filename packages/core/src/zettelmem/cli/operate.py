"""What an operator does to a whole store, a command each."""

from __future__ import annotations

import time
from datetime import timedelta
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer

from zettelmem.errors import ExtraMissing, InvalidInput
from zettelmem.receipts import Erasure

from .files import writing
from .settings import FAILURE, Settings, complain, verb

WORK = 240
"""Notes that are finished before the next look."""


@verb
def erase(
    settings: Settings,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Remove a whole namespace for good, and prove it."""
    if not yes and not typer.confirm(f"Erase every note of {settings.namespace} and below it, for good?"):
        raise typer.Exit(FAILURE)
    with settings.memory() as memory:
        receipt(settings, memory.admin.erase(namespace=settings.space))


def receipt(settings: Settings, erased: Erasure) -> None:
    """Show what was erased; a receipt that does not verify is a failure."""
    told = f"{len(erased.ids)} notes erased, {len(erased.rewritten)} others rewritten. {erased.how}"
    settings.tell(erased, lambda: typer.echo(told))
    if not erased.verified:
        raise typer.Exit(FAILURE)


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
        found = memory.admin.examine(repair=repair, purge_after=timedelta(days=30) if purge else None)
    told = {"healthy": found.healthy, **found.model_dump(mode="json")}
    settings.tell(told, lambda: show.examination(found))
    if not found.healthy:
        raise typer.Exit(FAILURE)


@verb
def view(
    settings: Settings,
    port: Annotated[int, typer.Option(help="Where to listen.", show_default="any free port")] = 0,
    allow_undo: Annotated[bool, typer.Option("--allow-undo", help="Let the page take changes back.")] = False,
    browse: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
) -> None:
    """Show the memory in the browser, on this machine alone."""
    settings.check_place()
    if find_spec("zettelmem_mcp") is None:
        raise ExtraMissing("the page comes with the MCP server's package: pip install zettelmem-mcp")
    flags = ["--db", settings.place, "--namespace", settings.namespace, "--embedder", settings.embedder]
    flags += ["--audit", settings.audit] if settings.audit else []
    flags += ["--allow-undo"] if allow_undo else []
    flags += ["--open"] if browse else []
    # The core has no web server; the one that MCP brings serves the page.
    import_module("zettelmem_mcp.cli").main(["view", "--port", str(port), *flags])


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
            memory.admin.set_quota(namespace=settings.space, notes=notes, size=size)
            if setting
            else memory.admin.quota(namespace=settings.space)
        )
    settings.tell(found, lambda: show.quota(found))


@verb
def reembed(settings: Settings) -> None:
    """Move the memory to the embedding model --embedder.

    The old model keeps answering until the new one takes over, in one step. Stopped or killed, run it
    again: it goes on where it was.
    """
    from .transfer import bar

    with settings.memory() as memory, bar("embedding", None, show=not settings.as_json) as progress:
        done = memory.admin.reembed(progress=progress)
    moved = f"moved from {done.before} to {done.after}, {done.vectors} vectors made"
    told = f"{done.after} is its embedding model already" if done.before == done.after else moved
    settings.tell(done, lambda: typer.echo(told))


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
        with writing(to, force) as stream:
            export_lines(file, settings.space, stream)
    told = f"{count} lines hold, the last with hash {last}" + (f"; {problem}" if problem else "")
    plain = {"lines": count, "hash": last, "problem": problem}
    if to == "-":
        complain(told)
    else:
        settings.tell(plain, lambda: typer.echo(told))
    if problem:
        raise typer.Exit(FAILURE)


@verb
def work(
    settings: Settings,
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 10.0,
    once: Annotated[bool, typer.Option("--once", help="Do what is due now, and end.")] = False,
) -> None:
    """Let the model look at notes that wait for it, until somebody stops this (Ctrl-C)."""
    if settings.model is None:
        raise InvalidInput("nobody to ask; give --model, such as anthropic:claude-haiku-4-5")
    with settings.memory(judged=True) as memory:
        while True:
            done = memory.finish_pending(namespace=settings.space, judge="model", limit=WORK, due=True)
            left = memory.stats(namespace=settings.space).pending
            if done or once:
                told = {"finished": [each.note.id for each in done], "pending": left}
                settings.tell(told, lambda: typer.echo(f"{len(done)} notes finished, {left} pending"))  # noqa: B023
            if once:
                return
            if not done:
                time.sleep(every)
