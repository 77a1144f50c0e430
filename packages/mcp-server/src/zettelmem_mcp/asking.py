"""Questions to the user before something is changed, in words that say what will be changed."""

from __future__ import annotations

from collections.abc import Iterable

from mcp.server.mcpserver import AcceptedElicitation, CancelledElicitation, Context, Elicit, ElicitationResult
from mcp.server.mcpserver.exceptions import ToolError

from . import answers, core
from .arguments import Sure
from .keeper import Keeper

Ctx = Context[Keeper]
Word = ElicitationResult[Sure]
"""What the user answered."""


def ask(ctx: Ctx, question: str) -> Elicit[Sure] | Sure:
    """The user's word for it where the client can ask for it; otherwise the client's own consent holds."""
    can = ctx.client_capabilities and ctx.client_capabilities.elicitation
    if not ctx.request_context.lifespan_context.settings.confirm or not can or (can.url and not can.form):
        return Sure(sure=True)
    return Elicit(question, Sure)


def heed(word: Word) -> None:
    """Go on only where the user agreed.

    Raises:
        ToolError: the user said no, or closed the question.
    """
    if isinstance(word, AcceptedElicitation) and word.data.sure:
        return
    if isinstance(word, CancelledElicitation):
        raise ToolError("The user closed the question without an answer; nothing was changed.")
    raise ToolError("The user said no; nothing was changed. Do not ask again unprompted.")


def quoted(notes: Iterable[core.Note]) -> str:
    """What notes say, for the user to know them by."""
    return " ".join(f"“{core.one_line(answers.visible(note.content), 150)}”" for note in notes)


def undone(note: core.Note, change: core.Evolution) -> str:
    """What taking a change back means, in words."""
    says = quoted([note])
    match change.verb:
        case "remember":
            return f"Forget {says}, which was remembered on {change.at:%d %B}?"
        case "forget":
            return f"Bring back {says}, which was forgotten?"
        case "revise" if "content" in change.before:
            old = core.one_line(answers.visible(str(change.before["content"])), 150)
            return f"Let the memory {says} say “{old}” again?"
        case "connect" | "link":
            others = len(change.touched)
            return (
                f"Take back how {says} was linked with {others} other memor{'y' if others == 1 else 'ies'}?"
            )
        case _:
            fields = ", ".join(change.before) or "links"
            return f"Take back the last {change.verb} of {says} ({fields})?"
