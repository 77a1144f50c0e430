"""What is done for a memory while nobody waits, and the questions that it leaves."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from zettelmem.care.report import STEPS, Proposal, checked_steps
from zettelmem.errors import InvalidInput, ZettelmemError
from zettelmem.sync import Memory

from .options import JudgeOption
from .settings import Settings, complain, verb

LATER = ("", "later")
"""What leaves a question for later."""


class StepName(StrEnum):
    """A step of upkeep."""

    SETTLE = "settle"
    MERGE = "merge"
    DISTIL = "distil"
    FADE = "fade"


@verb
def upkeep(
    settings: Settings,
    step: Annotated[
        list[StepName] | None, typer.Option("--step", help="Only this step; may be repeated.")
    ] = None,
    judge: JudgeOption = None,
    calls: Annotated[int, typer.Option(help="Calls of the model, at most.")] = 20,
    tokens: Annotated[int, typer.Option(help="Tokens of the model, about, at most.")] = 50_000,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would be done.")] = False,
    ask: Annotated[bool, typer.Option("--ask", help="Ask you what a model would be asked.")] = False,
) -> None:
    """Settle, merge, distil and let fade; `undo` helps.

    Notes that say the same become one, weak ones rest, open questions are asked. Nothing is deleted.
    """
    from . import show
    from .transfer import bar

    steps = checked_steps([each.value for each in step]) if step else STEPS
    with settings.memory(judged=True) as memory:
        with bar("upkeep", None, show=not settings.as_json) as progress:
            report = memory.upkeep(
                namespace=settings.space,
                steps=steps,
                judge=None if judge is None else judge.value,
                calls=calls,
                tokens=tokens,
                dry_run=dry_run,
                progress=progress,
            )
        settings.tell(report, lambda: show.upkeep(report))
        if ask and not dry_run:
            for proposal in report.proposals:
                _ask(memory, settings, proposal)


def _ask(memory: Memory, settings: Settings, proposal: Proposal) -> None:
    """Ask the person at the terminal, and do what they answer; nothing leaves the question for later."""
    from . import show

    show.question(proposal, [memory.get(each, namespace=settings.space) for each in proposal.notes])
    _answer(memory, settings, proposal)


def _answer(memory: Memory, settings: Settings, proposal: Proposal) -> None:
    """Take an answer at the terminal, and do what it says."""
    from . import show

    answer = typer.prompt("Your answer", default="later", err=True)
    if answer in LATER:
        return
    try:
        done = memory.decide(proposal, answer, namespace=settings.space)
    except ZettelmemError as error:
        complain(str(error))
        return
    if done.change is not None:
        show.decided(done)


@verb
def review(
    settings: Settings,
    accept: Annotated[list[str] | None, typer.Option(help="Accept this proposal; may be repeated.")] = None,
    refuse: Annotated[list[str] | None, typer.Option(help="Refuse this proposal; may be repeated.")] = None,
) -> None:
    """Show what a model would change, and accept or refuse it; `undo` helps.

    Asks you about one after the other, unless --json lists them or --accept and --refuse name them.
    """
    from . import show

    chosen = dict.fromkeys(accept or (), "accept") | dict.fromkeys(refuse or (), "refuse")
    with settings.memory() as memory:
        found = memory.proposals(namespace=settings.space)
        known = {each.id: each for each in found}
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise InvalidInput(f"no proposal {unknown[0]!r} waits; `zettelmem review --json` lists them")
        if chosen:
            done = [memory.decide(known[x], answer, namespace=settings.space) for x, answer in chosen.items()]
            plain = [each.model_dump(mode="json") for each in done]
            settings.tell({"done": plain}, lambda: show.all_decided(done))
            return
        if settings.as_json or not found:
            plain = [each.model_dump(mode="json") for each in found]
            settings.tell({"proposals": plain}, lambda: typer.echo("nothing waits for a review"))
            return
        for each in found:
            show.proposal(each)
            _answer(memory, settings, each)
