"""The nine tools: what an assistant may do with its memory, in words made for a model."""

from __future__ import annotations

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import Context, Elicit, Resolve, Sample
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, CreateMessageResult, SamplingMessage, TextContent, ToolAnnotations
from pydantic import Field

from . import answers, core
from .arguments import (
    Budget,
    Content,
    Cursor,
    End,
    Facts,
    Id,
    Ids,
    Kind,
    Lean,
    LinkIn,
    Moment,
    Reason,
    Sure,
    Thread,
    Who,
    Words,
)
from .asking import Word, ask, heed, quoted, undone
from .brief import brief as told_first
from .keeper import Keeper

logger = logging.getLogger(__name__)
T = TypeVar("T")
Ctx = Context[Keeper]
Namespace = tuple[str, ...]
LOOK = 1_000
"""Newest notes whose threads and tags are listed."""


# --- what all tools share ------------------------------------------------------------------------


async def _finish(ctx: Ctx, work: Coroutine[Any, Any, T], told: str) -> T:
    """Run `work` to its end whatever becomes of the call, telling a client that waits."""
    return await ctx.request_context.lifespan_context.finish(
        work, lambda seconds: ctx.report_progress(seconds, message=told)
    )


async def _ready(ctx: Ctx) -> tuple[Keeper, core.AsyncMemory, Namespace]:
    """The keeper, its memory, and whose namespace it is."""
    keeper = ctx.request_context.lifespan_context
    if keeper.state != "ready":
        await ctx.report_progress(0, message="loading the memory")
    return keeper, await _finish(ctx, keeper.memory(), "loading the memory"), keeper.namespace()


async def _changed(ctx: Ctx, done: Iterable[core.Remembered]) -> None:
    """Tell subscribers what writes touched."""
    notes = [note_id for each in done for note_id in (each.note.id, *each.note.linked_ids())]
    for uri in ("memory://recent", "memory://stats", *(f"memory://note/{x}" for x in dict.fromkeys(notes))):
        await ctx.notify_resource_updated(uri)
    await ctx.notify_resources_changed()


def _done(made: Sequence[core.Remembered], text: str) -> CallToolResult:
    """The answer to calls that changed something."""
    return answers.answer(answers.Done(changes=[each.change for each in made]), text)


def _spoken(content: str, who: str | None) -> core.Draft:
    """Words as said by somebody, and believed accordingly."""
    return core.Message(content=content, role=who or "assistant").draft(via="mcp")


# --- remember and connect ------------------------------------------------------------------------


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
    keeper, memory, namespace = await _ready(ctx)
    fields = {"kind": kind, "tags": tags, "thread": thread, "occurred_at": occurred_at}
    drafts = {}
    for words in content:
        same = " ".join(words.casefold().split()).rstrip(".!… ")
        key = f"mcp:{hashlib.sha256(json.dumps([same, str(occurred_at or '')]).encode()).hexdigest()[:32]}"
        drafts[key] = _spoken(words, said_by).model_copy(update={**fields, "key": key})
    there = await memory.keyed(drafts, namespace=namespace, forgotten=True)
    facts = [_Fact(draft, there.get(key)) for key, draft in drafts.items()]
    new = [fact for fact in facts if fact.there is None]
    judge: Literal["offline", "ask"] = "offline" if keeper.settings.judge == "offline" else "ask"
    work = memory.remember_many([dict(each.draft) for each in new], namespace=namespace, judge=judge)
    for fact, done in zip(new, await _finish(ctx, work, "writing"), strict=True):
        fact.done = done
    return facts


async def _ask_client(stored: Annotated[Any, Resolve(_store)], ctx: Ctx) -> Sample | None:
    """With `--judge client`: let the client's own model decide about one note, where it offers one."""
    keeper, memory, namespace = await _ready(ctx)
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
    values, lines = [], []
    for fact in stored:
        near: list[tuple[str, core.Neighbour]] = []
        text = f"Stored [{fact.note.id}]" if fact.there is None else await _standing(ctx, fact)
        if not await _settled(ctx, fact, said):
            near = await _near(ctx, fact)
        offers = [answers.Near(id=each.note.id, may_be=what) for what, each in near]
        values.append(answers.Stored(id=fact.note.id, known=fact.there is not None, near=offers))
        text += f":\n{answers.near_lines(near)}" if near else "."
        lines.append(text)
    if any(value.near for value in values):
        lines.append("Where one of these is right, call connect; supersedes closes the older note.")
    if said_by is None and not all(value.known for value in values):
        lines.append('Kept as your own words. If the user said it, call again with said_by "user".')
    keeper.tend(keeper.namespace())
    await _changed(ctx, [fact.done for fact in stored if fact.done is not None])
    return answers.answer(answers.Kept(notes=values), "\n".join(lines))


async def _settled(ctx: Ctx, fact: _Fact, said: CreateMessageResult | None) -> bool:
    """Whether the assistant need not decide, since nothing is near or somebody else decides."""
    keeper, memory, namespace = await _ready(ctx)
    note = fact.note
    if keeper.settings.judge == "model" or note.pending is None or note.forgotten_at is not None:
        return True
    decision: Any = getattr(said.content, "text", "") if said and note.shown else None
    try:
        if decision is not None or not note.shown:
            work = memory.connect(note.id, decision or {}, namespace=namespace)
            fact.done = await _finish(ctx, work, "linking")
            return True
    except core.InvalidInput as error:  # as good as no answer: the assistant is asked instead
        logger.info("the client's model decided what cannot be: %s", error)
    return False


async def _near(ctx: Ctx, fact: _Fact) -> list[tuple[str, core.Neighbour]]:
    """The neighbours that the assistant is asked about."""
    _, memory, namespace = await _ready(ctx)
    if fact.there is None and fact.done is not None:
        return answers.offered(fact.note.content, fact.done.neighbours)
    around = await memory.neighbours(fact.note.id, namespace=namespace)
    return answers.offered(fact.note.content, around)


async def _standing(ctx: Ctx, fact: _Fact) -> str:
    """What stands about a fact that was remembered before; nothing that was changed since is undone."""
    _, memory, namespace = await _ready(ctx)
    note = fact.there
    assert note is not None
    again = "If it is so again, call remember with occurred_at"
    if note.forgotten_at is not None:
        return f"[{note.id}] said this and was forgotten since; not stored. undo [{note.id}] brings it back"
    if not answers.same_words(note.content, fact.draft.content):
        return f"[{note.id}] said this and was revised since: > {core.one_line(note.content, 200)}"
    if note.status.startswith("no longer"):
        newer = [f"[{link.source}]" for link in note.links if link.relation is core.Relation.SUPERSEDES]
        took = f", {', '.join(newer)} took its place" if newer else ""
        return f"[{note.id}] says this and is {note.status}{took}; nothing was changed. {again}"
    if fact.draft.trust > note.trust:
        reason, source, trust = "said by the user too", fact.draft.source, fact.draft.trust
        work = memory.revise(note.id, namespace=namespace, reason=reason, source=source, trust=trust)
        fact.done = await _finish(ctx, work, "writing")
        return f"Known as [{note.id}], now as the {fact.draft.source.who}'s own words"
    return f"Known already as [{note.id}]; nothing was changed"


async def connect(
    links: Annotated[list[LinkIn], Field(max_length=50)], ctx: Ctx
) -> Annotated[CallToolResult, answers.Done]:
    """Say what notes are to older ones, as many as you like at once. supersedes closes a note that is no
    longer true. Most notes need no link."""
    _, memory, namespace = await _ready(ctx)
    lines: list[str] = []
    made: list[core.Remembered] = []
    for note_id in dict.fromkeys(link.note_id for link in links):
        own = [link for link in links if link.note_id == note_id]
        try:
            done = await _finish(ctx, _connected(memory, namespace, note_id, own), "linking")
        except core.ZettelmemError as error:
            lines.append(f"[{note_id}] was not linked: {_way_out(error)}")
            continue
        told = ", ".join(f"{link.relation} [{link.to}]" for link in own)
        if done is None:
            lines.append(f"[{note_id}] {told}: stands already.")
        else:
            made.append(done)
            lines.append(f"[{note_id}] {told}.")
    await _changed(ctx, made)
    if lines and not made and all("was not linked" in line for line in lines):
        raise ToolError("\n".join(lines))
    return _done(made, "\n".join(lines) or "Nothing to link.")


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
    decision = {
        "links": [
            {"neighbour": number[link.to], "relation": link.relation, "reason": link.reason}
            for link in new
            if link.to in number
        ],
        "changes": [
            {"neighbour": number[link.to], "context": link.context, "reason": link.reason}
            for link in new
            if link.to in number and link.context
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


# --- brief, recall, get_notes, browse ------------------------------------------------------------


async def brief(ctx: Ctx, budget: Budget = 600) -> Annotated[CallToolResult, answers.Found]:
    """What to know first in a new conversation: who the user is, what is going on, plans, how they want
    things done. Call it once at the start."""
    _, memory, namespace = await _ready(ctx)
    text, notes = await told_first(memory, namespace, budget)
    return answers.answer(answers.Found(notes=[answers.card(note) for note in notes]), text)


async def recall(
    query: Annotated[str, Field(min_length=1, max_length=10_000, description="a question, with names")],
    ctx: Ctx,
    limit: Annotated[int, Field(ge=1, le=50)] = 8,
    tags: Words = None,
    thread: Thread = None,
    since: Moment = None,
    until: End = None,
    past: Annotated[bool, Field(description="also what is no longer so, as for how it was before")] = False,
    as_of: Annotated[Moment, Field(description="what was known and true then")] = None,
    budget: Budget = 800,
) -> Annotated[CallToolResult, answers.Found]:
    """Find what is remembered about something. Unasked, before answering, whenever the user's life, work,
    people or preferences may matter. Nothing found: say you do not know. Weigh who said each note."""
    _, memory, namespace = await _ready(ctx)
    past = past or answers.asks_for_past(query)
    narrower: dict[str, Any] = {"since": since, "until": until, "as_of": as_of, "superseded": past}

    async def found(**names: Any) -> list[core.Hit]:
        return await memory.recall(query, namespace=namespace, k=limit, **names, **narrower)

    hits = await found(tags=tags, thread=thread)
    if not hits and (tags or thread):
        hits = await found(**await _as_stored(memory, namespace, tags, thread))
    return answers.recalled(answers.worth_telling(hits, limit), query, budget)


async def _as_stored(
    memory: core.AsyncMemory, namespace: Namespace, tags: list[str] | None, thread: str | None
) -> dict[str, Any]:
    """Tags and a thread as they are spelt in the memory, where the case or a mark differs."""
    known_tags, known_threads = await _names(memory, namespace)

    def spelt(name: str, known: Iterable[str]) -> list[str]:
        return [each for each in known if answers.label(each).casefold() == answers.label(name).casefold()]

    found = [each for tag in tags or () for each in spelt(tag, known_tags)]
    threads = spelt(thread, known_threads) if thread else []
    return {"tags": found or tags, "thread": threads[0] if threads else thread}


async def _names(memory: core.AsyncMemory, namespace: Namespace) -> tuple[Counter[str], Counter[str]]:
    """Tags and threads of the newest notes, counted."""
    notes = (await memory.notes(namespace=namespace, limit=LOOK, newest_first=True)).notes
    tags = Counter(tag for note in notes for tag in note.tags)
    return tags, Counter(note.thread for note in notes if note.thread)


async def get_notes(
    ids: Ids,
    ctx: Ctx,
    history: Annotated[bool, Field(description="also what was done to each, with change ids")] = False,
    start: Annotated[int, Field(ge=0, description="character to go on from in a long note")] = 0,
    budget: Budget = 4_000,
) -> Annotated[CallToolResult, answers.Found]:
    """Read notes whole, with their links."""
    _, memory, namespace = await _ready(ctx)
    cards, missing, lines = [], [], []
    share = max(300, budget * 4 // len(ids))
    for note_id in dict.fromkeys(ids):
        try:
            graph = await memory.graph(namespace=namespace, start=note_id, hops=1, limit=21)
        except core.NotFound:
            missing.append(note_id)
            continue
        card, text = answers.whole(graph, share, start, history=history)
        cards.append(card)
        lines.append(text)
    text = core.fence("\n".join(lines), "notes") if lines else ""
    if missing:
        text += f"\nNot there: {', '.join(missing)}. Ids come from recall and browse."
    return answers.answer(answers.Found(notes=cards, missing=missing), text.strip())


async def browse(
    ctx: Ctx,
    show: Literal["notes", "threads", "tags"] = "notes",
    tags: Words = None,
    thread: Thread = None,
    since: Moment = None,
    until: End = None,
    unconnected: Annotated[bool, Field(description="only notes that wait for connect")] = False,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: Cursor = None,
    budget: Budget = 2_000,
) -> Annotated[CallToolResult, answers.Found]:
    """List notes, newest first, a page at a time, or the threads or tags there are. To answer a question
    use recall."""
    _, memory, namespace = await _ready(ctx)
    if show != "notes":
        known_tags, known_threads = await _names(memory, namespace)
        names = known_tags if show == "tags" else known_threads
        return answers.answer(answers.Found(names=dict(names)), answers.counted(names, show))
    names_given = {"tags": tags, "thread": thread}
    if tags or thread:
        names_given = await _as_stored(memory, namespace, tags, thread)
    narrower: dict[str, Any] = {**names_given, "since": since, "until": until, "pending": unconnected}
    narrower |= {"namespace": namespace, "after": cursor, "newest_first": True}
    page = await memory.notes(limit=limit, **narrower)
    notes = core.fit([answers.clean(note) for note in page.notes], budget)
    if len(notes) < len(page.notes):  # the page ends where the room did
        page = await memory.notes(limit=len(notes), **narrower)
    text = answers.fenced(notes, brief=False) or "No notes there."
    more = f"\nMore: call browse with cursor {page.cursor}" if page.cursor else ""
    return answers.answer(
        answers.Found(notes=[answers.card(note) for note in notes], cursor=page.cursor), text + more
    )


# --- revise, forget, undo ------------------------------------------------------------------------


async def _may_revise(note_id: Id, content: Content, reason: str, ctx: Ctx) -> Elicit[Sure] | Sure:
    if content is None:
        return Sure(sure=True)
    _, memory, namespace = await _ready(ctx)
    note = await memory.get(note_id, namespace=namespace)
    words = f"{quoted([note])} to “{core.one_line(answers.visible(content), 150)}”"
    return ask(ctx, f"Change the memory {words}? {core.one_line(reason)}".strip())


async def _may_forget(ids: Ids, ctx: Ctx) -> Elicit[Sure] | Sure:
    _, memory, namespace = await _ready(ctx)
    notes = [await memory.get(each, namespace=namespace) for each in dict.fromkeys(ids)]
    return ask(ctx, f"Forget {len(notes)} memor{'y' if len(notes) == 1 else 'ies'}? {quoted(notes)}")


async def _entry(ctx: Ctx, change: str) -> core.Evolution:
    """The change that an id names: its own, or that of a note, of which the last is meant."""
    _, memory, namespace = await _ready(ctx)
    entries = await memory.history(change.partition(".")[0], namespace=namespace)
    own = [each for each in entries if each.cause == change.partition(".")[0]]
    named = [each for each in own if change in (each.change, each.cause) and each.verb != "judge"]
    if not named:
        raise ToolError(f"There is no change {change}; get_notes with history lists the changes of a note.")
    return named[-1]


async def _may_undo(change: Id, ctx: Ctx) -> Elicit[Sure] | Sure:
    _, memory, namespace = await _ready(ctx)
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
    _, memory, namespace = await _ready(ctx)
    given: dict[str, Any] = {"content": content, "tags": tags, "kind": kind, "invalid_at": ended}
    fields = {name: value for name, value in given.items() if value is not None}
    if not fields:
        raise ToolError("Nothing to revise: send content, tags, kind or ended.")
    if content is not None:  # new words are believed as far as who said them, and never more than the old
        note, spoken = await memory.get(note_id, namespace=namespace), _spoken(content, said_by)
        fields |= {"trust": min(note.trust, spoken.trust), "source": spoken.source}
    done = await _finish(ctx, memory.revise(note_id, namespace=namespace, reason=reason, **fields), "writing")
    await _changed(ctx, [done])
    return _done([done], f"Revised [{note_id}].")


async def forget(
    ids: Ids, may: Annotated[Word, Resolve(_may_forget)], ctx: Ctx
) -> Annotated[CallToolResult, answers.Done]:
    """Put notes out of sight because the user wants it, or because they are bad. Recall them first for
    their ids. undo brings each back."""
    heed(may)
    _, memory, namespace = await _ready(ctx)
    wanted = list(dict.fromkeys(ids))

    async def all_of_them() -> list[core.Remembered]:
        return [await memory.forget(note_id, namespace=namespace) for note_id in wanted]

    made = await _finish(ctx, all_of_them(), "writing")
    await _changed(ctx, made)
    told = ", ".join(f"[{note_id}]" for note_id in wanted)
    return _done(made, f"Forgotten: {told}. undo takes such an id.")


async def undo(
    change: Annotated[Id, Field(description="id of a note, for its last change, or of a change")],
    may: Annotated[Word, Resolve(_may_undo)],
    ctx: Ctx,
) -> Annotated[CallToolResult, answers.Done]:
    """Take a change back, at every note it touched. Undoing a remember forgets the note."""
    heed(may)
    _, memory, namespace = await _ready(ctx)
    entry = await _entry(ctx, change)
    done = await _finish(ctx, memory.undo(entry.change, namespace=namespace), "writing")
    await _changed(ctx, [done])
    return _done([done], f"Undone: the {entry.verb} of [{entry.cause}].")


# --- the list ------------------------------------------------------------------------------------

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Calling it again changes nothing more."""
CHANGES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)

TOOLS: list[Tool] = []
"""All tools, as the server lists them."""
EXAMPLES: dict[str, dict[str, Any]] = {}
"""A right call of each tool, for the answers to wrong ones."""
ARGUMENTS: dict[str, list[str]] = {}
"""What each tool takes."""

ID = "k3v9x2ab"
_ROWS: tuple[tuple[Callable[..., Any], str, ToolAnnotations, dict[str, Any]], ...] = (
    (brief, "Brief", READS, {}),
    (remember, "Remember", ADDS, {"content": ["Ana moved to Porto in May 2026."], "said_by": "user"}),
    (
        connect,
        "Connect notes",
        ADDS,
        {"links": [{"note_id": ID, "relation": "supersedes", "to": "m4w8z1qd"}]},
    ),
    (recall, "Recall", READS, {"query": "Where does Ana live?"}),
    (get_notes, "Read notes", READS, {"ids": [ID]}),
    (browse, "Browse notes", READS, {"tags": ["travel"], "limit": 20}),
    (revise, "Revise a note", CHANGES, {"note_id": ID, "content": "Ana moved to Porto in June 2026."}),
    (forget, "Forget notes", CHANGES, {"ids": [ID]}),
    (undo, "Undo a change", CHANGES, {"change": ID}),
)
for _function, _title, _annotations, _example in _ROWS:
    _tool = Tool.from_function(
        _function,
        title=_title,
        description=" ".join((_function.__doc__ or "").split()),
        annotations=_annotations,
    )
    _tool.parameters = _tool.fn_metadata.arg_model.model_json_schema(schema_generator=Lean)
    if _tool.fn_metadata.output_model is not None:
        shape = _tool.fn_metadata.output_model.model_json_schema(schema_generator=Lean)
        _tool.fn_metadata.output_schema = shape
    TOOLS.append(_tool)
    EXAMPLES[_tool.name] = _example
    ARGUMENTS[_tool.name] = list(_tool.parameters["properties"])
