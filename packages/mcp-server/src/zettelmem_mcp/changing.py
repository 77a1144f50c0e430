"""The tools `revise`, `forget` and `undo`, which ask the user first."""

from __future__ import annotations

from typing import Annotated, Any

from mcp.server.mcpserver import Elicit, Resolve
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult
from pydantic import Field

from . import answers, core
from .arguments import Content, Id, Ids, Kind, Moment, Reason, Sure, Who, Words
from .asking import Word, ask, heed, quoted, undone
from .calls import Ctx, changed, finish, ready, spoken, tell_changed


async def _may_revise(note_id: Id, content: Content, reason: str, ctx: Ctx) -> Elicit[Sure] | Sure:
    if content is None:
        return Sure(sure=True)
    _, memory, namespace = await ready(ctx)
    note = await memory.get(note_id, namespace=namespace)
    words = f"{quoted([note])} to “{core.one_line(answers.visible(content), 150)}”"
    return ask(ctx, f"Change the memory {words}? {core.one_line(reason)}".strip())


async def _may_forget(ids: Ids, ctx: Ctx) -> Elicit[Sure] | Sure:
    _, memory, namespace = await ready(ctx)
    notes = [await memory.get(each, namespace=namespace) for each in dict.fromkeys(ids)]
    return ask(ctx, f"Forget {len(notes)} memor{'y' if len(notes) == 1 else 'ies'}? {quoted(notes)}")


async def _entry(ctx: Ctx, change: str) -> core.Evolution:
    """The change that an id names: its own, or that of a note, of which the last is meant."""
    _, memory, namespace = await ready(ctx)
    entries = await memory.history(change.partition(".")[0], namespace=namespace)
    own = [each for each in entries if each.cause == change.partition(".")[0]]
    named = [each for each in own if change in (each.change, each.cause) and each.verb != "judge"]
    if not named:
        raise ToolError(f"There is no change {change}; get_notes with history lists the changes of a note.")
    return named[-1]


async def _may_undo(change: Id, ctx: Ctx) -> Elicit[Sure] | Sure:
    _, memory, namespace = await ready(ctx)
    entry = await _entry(ctx, change)
    note = await memory.get(entry.cause, namespace=namespace, forgotten=True)
    return ask(ctx, undone(note, entry))


async def revise(
    note_id: Id,
    may: Annotated[Word, Resolve(_may_revise)],
    ctx: Ctx,
    content: Content = None,
    said_by: Who = None,
    tags: Words = None,
    kind: Kind = None,
    ended: Annotated[Moment, Field(description="from when it is no longer so, or called off")] = None,
    reason: Reason = "",
) -> Annotated[CallToolResult, answers.Done]:
    """Correct a note that was wrong from the start, or mark it as ended. If things changed, remember the
    new fact instead and connect it with supersedes."""
    heed(may)
    _, memory, namespace = await ready(ctx)
    given: dict[str, Any] = {"content": content, "tags": tags, "kind": kind, "invalid_at": ended}
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise ToolError("Nothing to revise: send content, tags, kind or ended.")
    if content is not None:  # new words are believed as far as who said them, and never more than the old
        note, said = await memory.get(note_id, namespace=namespace), spoken(content, said_by)
        fields |= {"trust": min(note.trust, said.trust), "source": said.source}
    done = await finish(ctx, memory.revise(note_id, namespace=namespace, reason=reason, **fields), "writing")
    await tell_changed(ctx, [done])
    return changed([done], f"Revised [{note_id}].")


async def forget(
    ids: Ids, may: Annotated[Word, Resolve(_may_forget)], ctx: Ctx
) -> Annotated[CallToolResult, answers.Done]:
    """Put notes out of sight because the user wants it, or because they are bad. Recall them first for
    their ids. undo brings each back."""
    heed(may)
    _, memory, namespace = await ready(ctx)
    wanted = list(dict.fromkeys(ids))

    async def all_of_them() -> list[core.Remembered]:
        return [await memory.forget(note_id, namespace=namespace) for note_id in wanted]

    made = await finish(ctx, all_of_them(), "writing")
    await tell_changed(ctx, made)
    told = ", ".join(f"[{note_id}]" for note_id in wanted)
    return changed(made, f"Forgotten: {told}. undo takes such an id.")


async def undo(
    change: Annotated[Id, Field(description="id of a note, for its last change, or of a change")],
    may: Annotated[Word, Resolve(_may_undo)],
    ctx: Ctx,
) -> Annotated[CallToolResult, answers.Done]:
    """Take a change back, at every note it touched. Undoing a remember forgets the note."""
    heed(may)
    _, memory, namespace = await ready(ctx)
    entry = await _entry(ctx, change)
    done = await finish(ctx, memory.undo(entry.change, namespace=namespace), "writing")
    await tell_changed(ctx, [done])
    return changed([done], f"Undone: the {entry.verb} of [{entry.cause}].")
