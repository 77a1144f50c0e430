"""The tools `remember` and `connect`."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from mcp.server.mcpserver import Resolve, Sample
from mcp.server.mcpserver.exceptions import ToolError
from mcp.types import CallToolResult, CreateMessageResult, SamplingMessage, TextContent
from pydantic import Field

from . import answers, core
from .arguments import Facts, Kind, LinkIn, Moment, Thread, Who, Words
from .calls import Ctx, Namespace, changed, finish, ready, spoken, tell_changed

logger = logging.getLogger(__name__)


@dataclass
class _Fact:
    """One fact of a call on its way: what was sent, and what there was or came to be."""

    draft: core.Draft
    there: core.Note | None
    done: core.Remembered | None = None

    @property
    def note(self) -> core.Note:
        """The note that says it."""
        note = self.done.note if self.done is not None else self.there
        assert note is not None
        return note

    @property
    def waits(self) -> bool:
        """Whether its neighbours wait for a decision, whether it is new or its call is retried."""
        return self.note.pending is not None and bool(self.note.shown) and self.note.forgotten_at is None


async def _store(
    content: Facts,
    ctx: Ctx,
    said_by: Who = None,
    kind: Kind = None,
    tags: Words = None,
    thread: Thread = None,
    occurred_at: Moment = None,
) -> Any:
    """Store the words that are new; the same words again, as of a client's retry, find what stands."""
    keeper, memory, namespace = await ready(ctx)
    fields = {"kind": kind, "tags": tags, "thread": thread, "occurred_at": occurred_at}
    drafts = {}
    for words in content:
        same = " ".join(words.casefold().split()).rstrip(".!… ")
        key = f"mcp:{hashlib.sha256(json.dumps([same, str(occurred_at or '')]).encode()).hexdigest()[:32]}"
        drafts[key] = spoken(words, said_by).model_copy(update={**fields, "key": key})
    there = await memory.keyed(drafts, namespace=namespace, forgotten=True)
    facts = [_Fact(draft, there.get(key)) for key, draft in drafts.items()]
    new = [fact for fact in facts if fact.there is None]
    judges: dict[str, Literal["offline", "later", "ask"]] = {"offline": "offline", "model": "later"}
    judge = judges.get(keeper.settings.judge, "ask")
    work = memory.remember_many([dict(each.draft) for each in new], namespace=namespace, judge=judge)
    for fact, done in zip(new, await finish(ctx, work, "writing"), strict=True):
        fact.done = done
    return facts


async def _ask_client(stored: Annotated[Any, Resolve(_store)], ctx: Ctx) -> Sample | None:
    """With `--judge client`: let the client's own model decide about one note, where it offers one."""
    keeper, memory, namespace = await ready(ctx)
    offered = ctx.client_capabilities is not None and ctx.client_capabilities.sampling is not None
    waiting = [fact.note for fact in stored if fact.waits]
    if keeper.settings.judge != "client" or not offered or len(waiting) != 1:
        return None
    question = await memory.ask(waiting[0].id, namespace=namespace)
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=question.prompt))
    return Sample([asked], system_prompt=question.instructions, max_tokens=1_000, temperature=0.0)


async def remember(
    content: Annotated[
        Facts, Field(description="facts, each in a full sentence that stands alone: names, dates spelt out")
    ],
    stored: Annotated[Any, Resolve(_store)],
    said: Annotated[CreateMessageResult | None, Resolve(_ask_client)],
    ctx: Ctx,
    said_by: Who = None,
    kind: Kind = None,
    tags: Words = None,
    thread: Thread = None,
    occurred_at: Annotated[
        Moment, Field(description="when it happens or happened, ISO 8601; else now")
    ] = None,
) -> Annotated[CallToolResult, answers.Kept]:
    """Store what later conversations need: what the user is, has, likes, plans or decided, corrections,
    lessons. Unasked, all facts of one speaker in one call. Never store passwords, keys, card numbers or small
    talk."""
    keeper = ctx.request_context.lifespan_context
    values, lines, quotes = [], [], []
    new = [f"[{fact.note.id}]" for fact in stored if fact.there is None]
    if new:
        lines.append(f"Stored {', '.join(new)}.")
    for fact in stored:
        if fact.there is not None:
            stands, quote = await _standing(ctx, fact)
            lines.append(f"{stands}.")
            quotes += [quote] if quote else []
        near = [] if await _settled(ctx, fact, said) else await _near(ctx, fact)
        quotes += answers.near_lines(fact.note.id, near)
        offers = [answers.Near(id=each.note.id, may_be=what) for what, each in near]
        values.append(answers.Stored(id=fact.note.id, known=fact.there is not None, near=offers))
    if quotes:
        lines.append(core.fence("\n".join(quotes), "near"))
    if any(value.near for value in values):
        lines.append("Where one of these is right, call connect; supersedes closes the older note.")
    if said_by is None and not all(value.known for value in values):
        lines.append('Kept as your own words. If the user said it, call again with said_by "user".')
    keeper.tend(keeper.namespace())
    await tell_changed(ctx, [fact.done for fact in stored if fact.done is not None])
    return answers.answer(answers.Kept(notes=values), "\n".join(lines))


async def _settled(ctx: Ctx, fact: _Fact, said: CreateMessageResult | None) -> bool:
    """Whether the assistant need not decide, since nothing is near or somebody else decides."""
    keeper, memory, namespace = await ready(ctx)
    note = fact.note
    if keeper.settings.judge == "model" or note.pending is None or note.forgotten_at is not None:
        return True
    decision: Any = getattr(said.content, "text", "") if said and note.shown else None
    try:
        if decision is not None or not note.shown:
            work = memory.connect(note.id, decision or {}, namespace=namespace)
            fact.done = await finish(ctx, work, "linking")
            return True
    except core.InvalidInput as error:  # as good as no answer: the assistant is asked instead
        logger.info("the client's model decided what cannot be: %s", error)
    return False


async def _near(ctx: Ctx, fact: _Fact) -> list[tuple[str, core.Neighbour]]:
    """The neighbours that the assistant is asked about."""
    _, memory, namespace = await ready(ctx)
    if fact.there is None and fact.done is not None:
        return answers.offered(fact.note.content, fact.done.neighbours)
    around = await memory.neighbours(fact.note.id, namespace=namespace)
    return answers.offered(fact.note.content, around)


async def _standing(ctx: Ctx, fact: _Fact) -> tuple[str, str]:
    """What stands about a fact that was remembered before; nothing that was changed since is undone.

    Returns:
        A sentence, and a line of stored words that belongs to it, "" for none.
    """
    _, memory, namespace = await ready(ctx)
    note = fact.there
    assert note is not None
    again = "If it is so again, call remember with occurred_at"
    if note.forgotten_at is not None:
        told = f"[{note.id}] said this and was forgotten since; not stored. undo [{note.id}] brings it back"
        return told, ""
    if not answers.same_words(note.content, fact.draft.content):
        now = core.one_line(answers.visible(note.content), 200)
        return f"[{note.id}] said this and was revised since; nothing was changed", f"[{note.id}] > {now}"
    if note.status.startswith("no longer"):
        newer = [f"[{link.source}]" for link in note.links if link.relation is core.Relation.SUPERSEDES]
        took = f", {', '.join(newer)} took its place" if newer else ""
        return f"[{note.id}] says this and is {note.status}{took}; nothing was changed. {again}", ""
    if fact.draft.trust > note.trust:
        reason, source, trust = "said by the user too", fact.draft.source, fact.draft.trust
        work = memory.revise(note.id, namespace=namespace, reason=reason, source=source, trust=trust)
        fact.done = await finish(ctx, work, "writing")
        return f"Known as [{note.id}], now as the {fact.draft.source.who}'s own words", ""
    return f"Known already as [{note.id}]; nothing was changed", ""


async def connect(
    links: Annotated[list[LinkIn], Field(max_length=50)], ctx: Ctx
) -> Annotated[CallToolResult, answers.Done]:
    """Say what notes are to older ones, as many as you like at once. supersedes closes a note that is no
    longer true; updates is the later word where both may hold. Most notes need no link."""
    _, memory, namespace = await ready(ctx)
    lines: list[str] = []
    made: list[core.Remembered] = []
    for note_id in dict.fromkeys(link.note_id for link in links):
        own = [link for link in links if link.note_id == note_id]
        try:
            done = await finish(ctx, _connected(memory, namespace, note_id, own), "linking")
        except core.ZettelmemError as error:
            lines.append(f"[{note_id}] was not linked: {_way_out(error)}")
            continue
        told = ", ".join(f"{link.relation} [{link.to}]" for link in own)
        if done is None:
            lines.append(f"[{note_id}] {told}: stands already.")
        else:
            made.append(done)
            lines.append(f"[{note_id}] {told}.")
    await tell_changed(ctx, made)
    if lines and not made and all("was not linked" in line for line in lines):
        raise ToolError("\n".join(lines))
    return changed(made, "\n".join(lines) or "Nothing to link.")


async def _connected(
    memory: core.AsyncMemory, namespace: Namespace, note_id: str, wanted: Sequence[LinkIn]
) -> core.Remembered | None:
    """Make the links of one note that are not there yet; None where all are."""
    note = await memory.get(note_id, namespace=namespace)
    have = {(link.target, link.relation.value) for link in note.links if link.source == note.id}
    new = [link for link in wanted if (link.to, link.relation) not in have or link.context]
    if not new:
        return None
    question = await memory.ask(note_id, namespace=namespace, among=[link.to for link in new])
    number = {each.note.id: each.number for each in question.neighbours}
    lost = [f"[{link.to}]" for link in new if link.to not in number]
    if lost:
        raise core.InvalidInput(f"{', '.join(lost)} is the note itself, or has all the links it can take")
    decision = {
        "links": [
            {"neighbour": number[link.to], "relation": link.relation, "reason": link.reason} for link in new
        ],
        "changes": [
            {"neighbour": number[link.to], "context": link.context, "reason": link.reason}
            for link in new
            if link.context
        ],
    }
    return await memory.connect(note_id, decision, namespace=namespace)


def _way_out(error: core.ZettelmemError) -> str:
    """An error of `connect`, and the next call that helps."""
    told = str(error)
    if "trusted more" in told:
        return (
            "the older note is trusted more than this one. If the user said this too, call remember with the "
            'same words and said_by "user", then connect again; otherwise link it with relates.'
        )
    if isinstance(error, core.NotFound):
        return f"{told.partition(';')[0]}; recall gives ids."
    return f"{told}."
