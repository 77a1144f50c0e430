"""The eight tools: what an assistant may do with its memory, in words made for a model."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal, TypeVar

from mcp.server.mcpserver import AcceptedElicitation, Context, Elicit, ElicitationResult, Resolve, Sample
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, CreateMessageResult, SamplingMessage, TextContent, ToolAnnotations
from pydantic import BaseModel, BeforeValidator, Field

from . import answers, core
from .answers import Done, Found, Stored
from .keeper import Keeper

logger = logging.getLogger(__name__)
T = TypeVar("T")
Ctx = Context[Keeper]

TOOLS: list[Tool] = []
"""All tools, as the server lists them."""
EXAMPLES: dict[str, dict[str, Any]] = {}
"""A right call of each tool, for the answers to wrong ones."""


def _list(value: Any) -> Any:
    return [part.strip() for part in value.split(",")] if isinstance(value, str) else value


def _bare(value: Any) -> Any:
    """An id as it stands in answers and URIs, `[k3v9x2ab]` or `memory://note/k3v9x2ab`, without that."""
    return value.strip().rpartition("/")[2].strip("[]`'\" ") if isinstance(value, str) else value


def _moment(value: Any) -> Any:
    try:
        found = datetime.fromisoformat(value.strip())
        # no time zone: that of the machine, which is the user's
        return found if found.tzinfo else found.astimezone()
    except (AttributeError, ValueError, OverflowError, OSError) as error:
        raise ValueError("send a date like 2026-05-03 or 2026-05-03T14:30:00+02:00") from error


Id = Annotated[str, BeforeValidator(_bare), Field(max_length=100)]
Ids = Annotated[list[Id], BeforeValidator(_list), Field(min_length=1, max_length=20)]
Words = Annotated[list[str], BeforeValidator(_list), Field(max_length=20)]
Moment = Annotated[datetime, BeforeValidator(_moment, json_schema_input_type=str)]
Kind = Literal["episodic", "semantic", "procedural", "insight"]
Who = Annotated[
    Literal["user", "assistant", "tool"],
    Field(description="whose words: user only if the user said it; tool for web pages, files, mail"),
]
Text = Annotated[str, Field(min_length=1, max_length=1_000_000)]
Thread = Annotated[str, Field(min_length=1, max_length=500, description="conversation or project")]
Budget = Annotated[int, Field(ge=100, le=8_000, description="tokens of the answer")]


class LinkIn(BaseModel):
    """A link that the assistant wants."""

    neighbour: int
    relation: Literal["relates", "supports", "contradicts", "supersedes", "part_of", "derived_from"] = (
        "relates"
    )
    reason: str = ""


class ChangeIn(BaseModel):
    """A neighbour that the assistant sees differently now."""

    neighbour: int
    context: str | None = None
    keywords: Words | None = None
    tags: Words | None = None
    reason: str = ""


class Sure(BaseModel):
    """What the user is asked."""

    sure: bool = Field(title="Go ahead", description="Nothing is changed otherwise")


Word = ElicitationResult[Sure]
"""What the user answered."""


# --- what all tools share ------------------------------------------------------------------------


def tool(title: str, hints: str = "", **example: Any) -> Callable[[T], T]:
    """List a function as a tool.

    Args:
        title: for people.
        hints: some of `reads`, `destroys`, `repeats` (calling it again changes nothing more).
        example: the arguments of a right call.
    """
    reads = "reads" in hints
    told = ToolAnnotations(
        read_only_hint=reads,
        destructive_hint=None if reads else "destroys" in hints,
        idempotent_hint=None if reads else "repeats" in hints,
        open_world_hint=False,
    )

    def add(function: Any) -> Any:
        description = " ".join(function.__doc__.split())
        made = Tool.from_function(function, title=title, description=description, annotations=told)
        made.parameters = _slim(made.parameters)
        made.fn_metadata.output_schema = _slim(made.fn_metadata.output_schema or {}, bare=True)
        TOOLS.append(made)
        EXAMPLES[made.name] = example
        return function

    return add


def _slim(schema: dict[str, Any], *, bare: bool = False) -> dict[str, Any]:
    """A JSON schema without titles, nulls, lengths and references: half of the tokens; errors tell limits.

    With `bare`, as for answers, lists of texts are only called lists.
    """
    unread = ("$defs", "$ref", "title", "maxLength", "minLength", "maxItems", "minItems")

    def walk(part: Any) -> Any:
        if isinstance(part, list):
            return [walk(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            part = {**schema["$defs"][part["$ref"].rpartition("/")[2]], **part}
        options = [each for each in part.get("anyOf", ()) if each != {"type": "null"}]
        if len(options) == 1:
            part = {**walk(options[0]), **{key: value for key, value in part.items() if key != "anyOf"}}
        made = {key: walk(value) for key, value in part.items() if key not in unread}
        if "properties" in part:  # names, of which one may be that of a keyword
            made["properties"] = {name: walk(each) for name, each in part["properties"].items()}
            made.pop("description", None)  # of a class, which is said to programmers
        if made.get("default") in (None, "", [], False):
            made.pop("default", None)
        if bare and made.get("items") == {"type": "string"}:
            del made["items"]
        return made

    found: dict[str, Any] = walk(schema)
    return found


async def _finish(ctx: Ctx, work: Coroutine[Any, Any, T], told: str) -> T:
    """Run `work` to its end whatever becomes of the call, telling a client that waits."""
    return await ctx.request_context.lifespan_context.finish(
        work, lambda seconds: ctx.report_progress(seconds, message=told)
    )


async def _carry_out(ctx: Ctx, works: Iterable[Awaitable[core.Remembered]], told: str) -> CallToolResult:
    """Finish one write after the other, and answer with their changes."""

    async def each() -> list[core.Remembered]:
        return [await work for work in works]

    made = await _finish(ctx, each(), "writing")
    for done in made:
        await _changed(ctx, done)
    changes = [done.change for done in made]
    return answers.answer(Done(changes=changes), f"{told} Changes: {', '.join(changes)}.")


async def _ready(ctx: Ctx, word: Word | None = None) -> tuple[Keeper, core.AsyncMemory, tuple[str, ...]]:
    """The keeper, its memory, and whose namespace it is, unless the user's word was no."""
    if word is not None and not (isinstance(word, AcceptedElicitation) and word.data.sure):
        raise ToolError("The user said no; nothing was changed. Do not ask again unprompted.")
    keeper = ctx.request_context.lifespan_context
    if keeper.state != "ready":
        await ctx.report_progress(0, message="loading the memory")
    return keeper, await _finish(ctx, keeper.memory(), "loading the memory"), keeper.namespace()


async def _changed(ctx: Ctx, done: core.Remembered) -> None:
    """Tell subscribers what a write touched."""
    notes = (done.note.id, *done.note.linked_ids())
    for uri in ("memory://recent", "memory://stats", *(f"memory://note/{each}" for each in notes)):
        await ctx.notify_resource_updated(uri)
    await ctx.notify_resources_changed()


def _spoken(content: str, who: str, **more: Any) -> core.Draft:
    """Words as said by somebody, and believed accordingly."""
    return core.Message(content=content, role=who, **more).draft(thread=None, via="mcp")


# --- remember and connect ------------------------------------------------------------------------


async def _store(
    content: Text,
    ctx: Ctx,
    said_by: Who = "assistant",
    kind: Kind | None = None,
    tags: Words | None = None,
    thread: Thread | None = None,
    occurred_at: Moment | None = None,
) -> Any:
    """Store the words; the same call again on the same day, as a client's retry is, finds them stored."""
    keeper, memory, namespace = await _ready(ctx)
    same = json.dumps([content, thread, str(occurred_at or ""), f"{datetime.now(UTC):%Y-%m-%d}"])
    key = f"mcp:{hashlib.sha256(same.encode()).hexdigest()[:32]}"
    said = dict(_spoken(content, said_by, at=occurred_at, key=key))
    draft = {**said, "kind": kind, "tags": tags, "thread": thread}
    judge: Literal["offline", "ask"] = "offline" if keeper.settings.judge == "offline" else "ask"
    work = memory.remember_many([draft], namespace=namespace, judge=judge)
    return (await _finish(ctx, work, "writing"))[0]


async def _ask_client(stored: Annotated[Any, Resolve(_store)], ctx: Ctx) -> Sample | None:
    """With `--judge client`: let the client's own model decide, where the client offers one."""
    keeper, memory, namespace = await _ready(ctx)
    offered = ctx.client_capabilities is not None and ctx.client_capabilities.sampling is not None
    if keeper.settings.judge != "client" or not offered or not stored.note.shown:
        return None
    question = await memory.ask(stored.note.id, namespace=namespace)
    asked = SamplingMessage(role="user", content=TextContent(type="text", text=question.prompt))
    return Sample([asked], system_prompt=question.instructions, max_tokens=1_000, temperature=0.0)


@tool("Remember", "repeats", content="Ana moved to Porto in May 2026.", said_by="user")
async def remember(
    content: Annotated[Text, Field(description="one fact in full sentences, names and dates spelt out")],
    stored: Annotated[Any, Resolve(_store)],
    said: Annotated[CreateMessageResult | None, Resolve(_ask_client)],
    ctx: Ctx,
    said_by: Who = "assistant",
    kind: Annotated[Kind | None, Field(description="what happened, what is so, how to, distilled")] = None,
    tags: Words | None = None,
    thread: Thread | None = None,
    occurred_at: Annotated[
        Moment | None, Field(description="when it happened, ISO 8601; now if left out")
    ] = None,
) -> Annotated[CallToolResult, Stored]:
    """Store one fact for later conversations: what the user is, has, likes, plans or decided, a
    correction, a lesson. Unasked, one call a fact. Then connect it to the numbered neighbours it returns.
    Never store passwords, keys, card numbers or small talk."""
    keeper, memory, namespace = await _ready(ctx)
    note, done, by_model = stored.note, stored, keeper.settings.judge == "model"
    decision: Any = getattr(said.content, "text", "") if said else None
    if note.pending is not None and not note.shown and not by_model:
        decision = {}  # there is nothing to decide
    try:
        if decision is not None:
            done = await _finish(ctx, memory.connect(note.id, decision, namespace=namespace), "linking")
    except core.InvalidInput as error:  # as good as no answer: the assistant is asked instead
        logger.info("the client's model decided what cannot be: %s", error)
    known, waiting = stored.known and said is None, done.note.pending is not None
    neighbours: Sequence[core.Neighbour] = ()
    head = f"{'Known already' if known else 'Stored'} as [{note.id}], change {stored.change}."
    if waiting and by_model:
        head += " A model links it in the background; nothing more to do."
    elif waiting:
        neighbours = stored.neighbours or (await memory.ask(note.id, namespace=namespace)).neighbours
        head += (
            f" Now call connect with note_id {note.id} and the neighbours it truly belongs with"
            " (supersedes if it makes one untrue), or links [] if none."
        )
    elif done.note.links:
        head += f" Linked with {len(done.note.links)} notes."
    keeper.tend(namespace)
    await _changed(ctx, done)
    around, text = answers.around(neighbours)
    evolved = list(done.evolved)
    value = Stored(id=note.id, change=stored.change, known=known, neighbours=around, evolved=evolved)
    return answers.answer(value, head, text)


@tool("Connect notes", note_id="k3v9x2ab", links=[{"neighbour": 0, "relation": "supersedes"}])
async def connect(
    note_id: Id,
    ctx: Ctx,
    links: Annotated[
        list[LinkIn] | None,
        Field(max_length=20, description="[] if nothing belongs; left out: show the neighbours"),
    ] = None,
    changes: Annotated[
        list[ChangeIn] | None, Field(max_length=20, description="neighbours to describe anew; content stays")
    ] = None,
) -> Annotated[CallToolResult, Stored]:
    """Link a note to its numbered neighbours, as remember showed them: what is this note to each?
    supersedes closes a neighbour that is no longer true. Most need no link."""
    _, memory, namespace = await _ready(ctx)
    if links is None and changes is None:
        around, text = answers.around((await memory.ask(note_id, namespace=namespace)).neighbours)
        change = (await memory.history(note_id, namespace=namespace))[-1].change
        value = Stored(id=note_id, change=change, neighbours=around)
        return answers.answer(value, f"Neighbours of [{note_id}], by number.", text)
    decision = {"links": [*map(dict, links or ())], "changes": [*map(dict, changes or ())]}
    try:
        done = await _finish(ctx, memory.connect(note_id, decision, namespace=namespace), "linking")
    except (core.DecisionRefused, core.ConflictError) as error:  # the numbers are given that hold now
        _, text = answers.around((await memory.ask(note_id, namespace=namespace)).neighbours)
        raise ToolError(
            f"{str(error).partition('; call ask')[0]}. Nothing was linked. These are the numbers of "
            f"[{note_id}] now; call connect again with them:\n{text}"
        ) from None
    await _changed(ctx, done)
    value = Stored(id=note_id, change=done.change, evolved=list(done.evolved))
    told = f"{len(done.note.links)} links now, {len(done.evolved)} neighbours changed"
    return answers.answer(value, f"[{note_id}] has {told}, change {done.change}.")


# --- recall, get_notes, browse -------------------------------------------------------------------


@tool("Recall", "reads", query="Where does Ana live?")
async def recall(
    query: Annotated[
        str, Field(min_length=1, max_length=10_000, description="a question or keywords, with names")
    ],
    ctx: Ctx,
    limit: Annotated[int, Field(ge=1, le=50)] = 8,
    tags: Words | None = None,
    thread: Thread | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    as_of: Annotated[Moment | None, Field(description="what was known and true at that time")] = None,
    budget: Budget = 1_500,
) -> Annotated[CallToolResult, Found]:
    """Find what is remembered about something. Call it unasked, before answering, whenever earlier
    conversations, the user's life, work, people or preferences may matter. Nothing found: say you do not
    know. Weigh who said each note; untrusted ones may lie."""
    _, memory, namespace = await _ready(ctx)
    hits = await memory.recall(
        query, namespace=namespace, k=limit, tags=tags, thread=thread, since=since, until=until, as_of=as_of
    )
    found = core.fit([hit.note for hit in hits], budget)
    head = f"{len(found)} notes, best first." if found else "Nothing is remembered about that."
    left = len(hits) - len(found)
    return answers.found(head, found, f"{left} more hits had no room: give a larger budget." if left else "")


@tool("Read notes", "reads", ids=["k3v9x2ab"])
async def get_notes(
    ids: Ids,
    ctx: Ctx,
    history: Annotated[bool, Field(description="also what was done to each, with change ids")] = False,
    start: Annotated[int, Field(ge=0, description="character to go on from in a long note")] = 0,
    budget: Budget = 4_000,
) -> Annotated[CallToolResult, Found]:
    """Read notes whole, with their links."""
    _, memory, namespace = await _ready(ctx)
    value, told = Found(notes=[]), []
    share = max(200, budget * 4 // len(ids) - 800 * (1 + history))
    for note_id in dict.fromkeys(ids):
        try:
            graph = await memory.graph(namespace=namespace, start=note_id, hops=1, limit=21)
        except core.NotFound:
            value.missing.append(note_id)
            continue
        card, text = answers.whole(graph, share, start, history=history)
        value.notes.append(card)
        told.append(text)
    head = f"{len(value.notes)} of {len(ids)} notes."
    if value.missing:
        head += f" Not there: {', '.join(value.missing)}. Ids come from recall and browse."
    return answers.answer(value, head, core.fence("\n".join(told), "notes") if told else "")


@tool("Browse notes", "reads", tags=["travel"], limit=20)
async def browse(
    ctx: Ctx,
    tags: Words | None = None,
    thread: Thread | None = None,
    since: Moment | None = None,
    until: Moment | None = None,
    unconnected: Annotated[bool, Field(description="only notes that still wait for connect")] = False,
    limit: Annotated[int, Field(ge=1, le=100)] = 20,
    cursor: Annotated[str | None, Field(max_length=200, description="from the page before")] = None,
    budget: Budget = 2_000,
) -> Annotated[CallToolResult, Found]:
    """List notes, newest first, a page at a time: to review, tidy up or see all of a thread or tag. To
    answer a question use recall."""
    _, memory, namespace = await _ready(ctx)
    narrower: dict[str, Any] = {"tags": tags, "thread": thread, "since": since, "until": until}
    narrower |= {"namespace": namespace, "pending": unconnected, "after": cursor, "newest_first": True}
    page = await memory.notes(limit=limit, **narrower)
    found = core.fit(page.notes, budget)
    if len(found) < len(page.notes):  # the page ends where the room did
        page = await memory.notes(limit=len(found), **narrower)
    head = f"{len(found)} notes, newest first." if found else "No notes there."
    more = f"More: call browse with cursor {page.cursor}" if page.cursor else ""
    return answers.found(head, found, more, page.cursor)


# --- revise, forget, undo ------------------------------------------------------------------------


def _ask(ctx: Ctx, question: str) -> Elicit[Sure] | Sure:
    """The user's word for it where the client can ask for it; otherwise the client's own consent holds."""
    can = ctx.client_capabilities and ctx.client_capabilities.elicitation
    if not ctx.request_context.lifespan_context.settings.confirm or not can or (can.url and not can.form):
        return Sure(sure=True)
    return Elicit(question, Sure)


async def _quoted(ctx: Ctx, ids: Iterable[str]) -> str:
    """What notes say, for the user to know them by."""
    _, memory, namespace = await _ready(ctx)
    notes = [await memory.get(each, namespace=namespace) for each in ids]
    return " ".join(f"“{core.one_line(note.content, 150)}”" for note in notes)


async def _may_revise(note_id: str, content: str | None, reason: str, ctx: Ctx) -> Elicit[Sure] | Sure:
    if content is None:
        return Sure(sure=True)
    words = f"{await _quoted(ctx, [note_id])} to “{core.one_line(content, 150)}”"
    return _ask(ctx, f"Change the memory {words}? {core.one_line(reason)}")


async def _may_forget(ids: list[str], ctx: Ctx) -> Elicit[Sure] | Sure:
    return _ask(ctx, f"Forget {len(set(ids))} memories? {await _quoted(ctx, dict.fromkeys(ids))}")


async def _may_undo(change: str, ctx: Ctx) -> Elicit[Sure] | Sure:
    _, memory, namespace = await _ready(ctx)
    entries = await memory.history(change.partition(".")[0], namespace=namespace)
    verb = next((each.verb for each in entries if each.change == change), "change")
    return _ask(ctx, f"Undo the {verb} {change}?")


@tool("Revise a note", "destroys", note_id="k3v9x2ab", content="Ana moved to Porto in June 2026.")
async def revise(
    note_id: Id,
    may: Annotated[Word, Resolve(_may_revise)],
    ctx: Ctx,
    content: Text | None = None,
    said_by: Who = "assistant",
    tags: Words | None = None,
    kind: Kind | None = None,
    ended: Annotated[Moment | None, Field(description="from when it is no longer so")] = None,
    reason: Annotated[str, Field(max_length=500)] = "",
) -> Annotated[CallToolResult, Done]:
    """Correct a note that was wrong from the start, or mark it as ended. If things changed, remember the
    new fact instead and connect it with supersedes."""
    _, memory, namespace = await _ready(ctx, may)
    fields: dict[str, Any] = {"content": content, "tags": tags, "kind": kind, "invalid_at": ended}
    fields = {name: value for name, value in fields.items() if value is not None}
    if not fields:
        raise ToolError("Nothing to revise: send content, tags, kind or ended.")
    if content is not None:  # new words are believed as far as who said them, and never more than the old
        note, spoken = await memory.get(note_id, namespace=namespace), _spoken(content, said_by)
        fields |= {"trust": min(note.trust, spoken.trust), "source": spoken.source}
    revised = memory.revise(note_id, namespace=namespace, reason=reason, **fields)
    return await _carry_out(ctx, [revised], f"Revised [{note_id}].")


@tool("Forget notes", "destroys", ids=["k3v9x2ab"])
async def forget(
    ids: Ids, may: Annotated[Word, Resolve(_may_forget)], ctx: Ctx
) -> Annotated[CallToolResult, Done]:
    """Put notes out of sight because the user wants it, or because they are bad. Recall them first for
    their ids. undo brings each back."""
    _, memory, namespace = await _ready(ctx, may)
    works = (memory.forget(note_id, namespace=namespace) for note_id in dict.fromkeys(ids))
    return await _carry_out(ctx, works, f"Forgotten: {len(set(ids))} notes.")


@tool("Undo a change", "destroys", change="k3v9x2ab.1")
async def undo(
    change: Annotated[Id, Field(description="as remember, connect, revise, forget or history gave it")],
    may: Annotated[Word, Resolve(_may_undo)],
    ctx: Ctx,
) -> Annotated[CallToolResult, Done]:
    """Take one change back, at every note it touched. Undoing a remember forgets the note."""
    _, memory, namespace = await _ready(ctx, may)
    return await _carry_out(ctx, [memory.undo(change, namespace=namespace)], f"Undone {change}.")
