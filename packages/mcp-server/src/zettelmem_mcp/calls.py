"""What the calls of all tools share: the memory, the end of the work, and who hears of it."""

from __future__ import annotations

from collections.abc import Coroutine, Iterable, Sequence
from typing import Any, TypeVar

from mcp.server.mcpserver import Context
from mcp.types import CallToolResult

from . import answers, core
from .keeper import Keeper

T = TypeVar("T")
Ctx = Context[Keeper]
Namespace = tuple[str, ...]


async def finish(ctx: Ctx, work: Coroutine[Any, Any, T], told: str) -> T:
    """Run `work` to its end whatever becomes of the call, telling a client that waits."""
    return await ctx.request_context.lifespan_context.finish(
        work, lambda seconds: ctx.report_progress(seconds, message=told)
    )


async def ready(ctx: Ctx) -> tuple[Keeper, core.AsyncMemory, Namespace]:
    """The keeper, its memory, and whose namespace it is."""
    keeper = ctx.request_context.lifespan_context
    if keeper.state != "ready":
        await ctx.report_progress(0, message="loading the memory")
    return keeper, await finish(ctx, keeper.memory(), "loading the memory"), keeper.namespace()


async def tell_changed(ctx: Ctx, done: Iterable[core.Remembered]) -> None:
    """Tell subscribers what writes touched."""
    notes = [note_id for each in done for note_id in (each.note.id, *each.note.linked_ids())]
    for uri in ("memory://recent", "memory://stats", *(f"memory://note/{x}" for x in dict.fromkeys(notes))):
        await ctx.notify_resource_updated(uri)
    await ctx.notify_resources_changed()


def changed(made: Sequence[core.Remembered], text: str) -> CallToolResult:
    """The answer to calls that changed something."""
    return answers.answer(answers.Done(changes=[each.change for each in made]), text)


def spoken(content: str, who: str | None) -> core.Draft:
    """Words as said by somebody, and believed accordingly."""
    return core.Message(content=content, role=who or "assistant").draft(via="mcp")
