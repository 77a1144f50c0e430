"""The five tools by which an agent keeps a memory: values that an adapter wraps for its framework.

A tool has a name, a description, a pydantic model of its arguments, and an async function over
`AsyncMemory` that answers with text for the model and with a value for the application. The application
says for whom it runs; the model neither sees nor chooses a namespace.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar, cast

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from .decisions import Decision, LinkChoice, NeighbourChange, Remembered
from .drafts import ROLES
from .errors import ConflictError, DecisionRefused, InvalidInput
from .judge import Judge
from .limits import MAX_CONTENT, MAX_QUERY
from .memory import AsyncMemory
from .note import Note, Source, Trust
from .queries import Hit
from .render import NOTHING, fit, show, show_neighbours, tell_links
from .selection import for_prompt, to_ask_for
from .values import build, moment

OFFERED = 5
"""Neighbours that an agent is asked about; the others keep their numbers and are not shown."""
MOST_FACTS = 50
"""Facts of one call."""


# --- what models write instead of what is meant -----------------------------------------------------


def _absent(value: Any) -> Any:
    """None for an empty text, which models send for an argument that they leave out."""
    return None if isinstance(value, str) and not value.strip() else value


def _listed(value: Any) -> Any:
    """A list for a text with commas, and None for an empty one."""
    if isinstance(value, str):
        value = [part.strip() for part in value.split(",") if part.strip()]
    return value or None


def _bare(value: Any) -> Any:
    """An id as it stands in answers and URIs, `[k3v9x2ab]` or `memory://note/k3v9x2ab`, without that."""
    return value.strip().rpartition("/")[2].strip("[]`'\" ") if isinstance(value, str) else value


def _day_or_moment(value: Any) -> Any:
    """The date or the time of a text; which zone it is in is left to the memory where it names none."""
    if _absent(value) is None or isinstance(value, date):
        return value or None
    try:
        if len(value.strip()) == len("2026-05-03"):
            return date.fromisoformat(value.strip())
        return datetime.fromisoformat(value.strip())
    except (AttributeError, ValueError, OverflowError, OSError) as error:
        raise ValueError("send a date like 2026-05-03 or 2026-05-03T14:30:00+02:00") from error


def _timed(value: datetime | date | None, memory: AsyncMemory) -> datetime | date | None:
    """A time without a zone in that of the memory, or of the machine, which is the user's."""
    if isinstance(value, datetime) and value.tzinfo is None and memory.zone is None:
        return value.astimezone()
    return value if type(value) is date else cast("datetime | None", moment(value, memory.zone))


NoteId = Annotated[
    str,
    BeforeValidator(_bare, json_schema_input_type=str),
    Field(max_length=100, description="the id in [brackets] of a note, as recall or remember gave it"),
]
Fact = Annotated[str, Field(min_length=1, max_length=MAX_CONTENT)]
Who = Annotated[
    Literal["user", "assistant", "tool"],
    Field(description="whose words: user only if the user said it; tool for web pages, files, mail"),
]
Tags = Annotated[
    Annotated[list[str], Field(max_length=20)] | None,
    BeforeValidator(_listed),
    Field(description="broad classes such as health or travel"),
]
Moment = Annotated[datetime | date | None, BeforeValidator(_day_or_moment, json_schema_input_type=str | None)]
Kind = Annotated[
    Literal["episodic", "semantic", "procedural", "insight"] | None,
    BeforeValidator(_absent),
    Field(description="what happened, what is so, how to, or distilled from other notes"),
]
Why = Annotated[str, Field(max_length=500, description="why, in a few words")]


class Arguments(BaseModel):
    """What a model sends to a tool; what it sends beside is left out."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class RememberArguments(Arguments):
    """What `remember` takes."""

    content: Annotated[Fact, Field(description="one fact in full sentences, names and dates spelt out")]
    more: Annotated[
        list[Fact], Field(max_length=MOST_FACTS, description="further facts by the same speaker, each alone")
    ] = []
    said_by: Who = "assistant"
    kind: Kind = None
    tags: Tags = None
    occurred_at: Annotated[Moment, Field(description="when it happened, ISO 8601; now if left out")] = None


class RecallArguments(Arguments):
    """What `recall` takes."""

    query: Annotated[
        str, Field(min_length=1, max_length=MAX_QUERY, description="a question or keywords, with names")
    ]
    k: Annotated[int, Field(ge=1, le=50, description="how many notes at most")] = 8
    tags: Tags = None
    since: Annotated[Moment, Field(description="only what happened then or later")] = None
    until: Annotated[Moment, Field(description="only what happened before; that day included")] = None
    as_of: Annotated[Moment, Field(description="what was known and true at that time")] = None
    superseded: Annotated[bool, Field(description="also what is no longer so")] = False


class ConnectArguments(Arguments):
    """What `connect` takes."""

    note_id: NoteId
    links: Annotated[list[LinkChoice], Field(description="neighbours to link, by number")] = []
    changes: Annotated[
        list[NeighbourChange], Field(description="neighbours to describe differently, by number")
    ] = []


class ReviseArguments(Arguments):
    """What `revise` takes."""

    note_id: NoteId
    content: Annotated[Fact | None, BeforeValidator(_absent), Field(description="the whole new text")] = None
    said_by: Who = "assistant"
    kind: Kind = None
    tags: Tags = None
    ended: Annotated[Moment, Field(description="from when it is no longer so")] = None
    reason: Why = ""


class ForgetArguments(Arguments):
    """What `forget` takes."""

    note_id: NoteId


# --- tools as values --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Caller:
    """For whom a tool runs, and through which door; the model has no say in it.

    Attributes:
        namespace: whose memory.
        via: the door, kept as `source.via` of what is remembered.
        thread: the conversation that what is remembered belongs to.
        within: the conversation that recall is narrowed to; None for all.
        judge: who decides about links; the memory's own judge where None.
        trust: how far at most what comes through here is believed.
        budget_tokens: tokens of notes in an answer.
    """

    namespace: str | Sequence[str]
    via: str
    thread: str | None = None
    within: str | None = None
    judge: Judge | None = None
    trust: Trust = Trust.STATED
    budget_tokens: int = 1_500

    def spoken(self, who: str) -> tuple[Source, Trust]:
        """The source of somebody's words, and how far they are believed."""
        speaker, trust = ROLES[who]
        return Source(who=speaker, via=self.via), min(trust, self.trust)


@dataclass(frozen=True)
class Answer:
    """What a tool answers.

    Attributes:
        text: for the model. Words of notes in it stand in a fence.
        value: the same for the application: what the verbs of the memory returned.
    """

    text: str
    value: tuple[Remembered, ...] | tuple[Hit, ...]


ArgumentsT = TypeVar("ArgumentsT", bound=Arguments)


@dataclass(frozen=True)
class AgentTool(Generic[ArgumentsT]):
    """One tool.

    Attributes:
        name: by which the model calls it.
        title: for people.
        description: for the model: what it does, and when to call it.
        arguments: the model of its arguments, and with it their JSON schema.
        work: what it does.
        reads: it changes nothing.
        destroys: it may take something out of sight.
    """

    name: str
    title: str
    description: str
    arguments: type[ArgumentsT]
    work: Callable[[AsyncMemory, ArgumentsT, Caller], Awaitable[Answer]]
    reads: bool = False
    destroys: bool = False

    async def run(self, memory: AsyncMemory, arguments: Mapping[str, Any], caller: Caller) -> Answer:
        """Check the arguments, do the work, and say so.

        Raises:
            InvalidInput: an argument does not fit; the error says which, and what to send.
            ZettelmemError: the work failed.
        """
        answer = await self.work(memory, build(self.arguments, arguments), caller)
        unknown = ", ".join(sorted(arguments.keys() - self.arguments.model_fields.keys()))
        if not unknown:
            return answer
        return Answer(f"{answer.text}\n{self.name} takes no {unknown}; that was left out.", answer.value)


async def _remember(memory: AsyncMemory, given: RememberArguments, caller: Caller) -> Answer:
    source, trust = caller.spoken(given.said_by)
    told = {
        "kind": given.kind,
        "tags": given.tags,
        "thread": caller.thread,
        "occurred_at": _timed(given.occurred_at, memory),
        "source": source,
        "trust": trust,
    }
    drafts = [{"content": content, **told} for content in (given.content, *given.more)]
    done = await memory.remember_many(drafts, namespace=caller.namespace, judge=caller.judge)
    return Answer("\n".join(remembered(each) for each in done), tuple(done))


def remembered(done: Remembered) -> str:
    """What became of one fact, with the neighbours that the agent should decide about."""
    text = f"{'Known already' if done.known else 'Remembered'} as [{done.note.id}]."
    near = done.neighbours[:OFFERED]
    if done.note.pending is None or not near:
        return text
    return (
        f"{text} Now call connect with note_id {done.note.id} and the neighbours it truly belongs with "
        "(supersedes if it makes one untrue), or links [] if none.\n" + show_neighbours(near)
    )


async def _recall(memory: AsyncMemory, given: RecallArguments, caller: Caller) -> Answer:
    hits = await memory.recall(
        given.query,
        namespace=caller.namespace,
        k=to_ask_for(given.k),
        tags=given.tags,
        thread=caller.within,
        since=_timed(given.since, memory),
        until=_timed(given.until, memory),
        as_of=cast("datetime | None", _timed(given.as_of, memory)),
        superseded=given.superseded,
    )
    chosen = for_prompt(hits, given.k)
    notes = fit([hit.note for hit in chosen], caller.budget_tokens, query=given.query)
    chosen = chosen[: len(notes)]
    return Answer(show(notes) or NOTHING, tuple(chosen))


async def _connect(memory: AsyncMemory, given: ConnectArguments, caller: Caller) -> Answer:
    decision = Decision(links=tuple(given.links), changes=tuple(given.changes))
    try:
        done = await memory.connect(given.note_id, decision, namespace=caller.namespace)
    except (DecisionRefused, ConflictError) as error:
        told = await _as_it_stands(memory, given.note_id, caller)
        raise DecisionRefused(f"{error}. Nothing was done by this call. {told}") from error
    changed = f"; {len(done.evolved)} changed" if done.evolved else ""
    return Answer(f"[{given.note_id}] now has {len(done.note.links)} links{changed}.", (done,))


async def _as_it_stands(memory: AsyncMemory, note_id: str, caller: Caller) -> str:
    """The links of a note, which an earlier call may have made, and the numbers that hold now."""
    graph = await memory.graph(namespace=caller.namespace, start=note_id, hops=1, limit=21)
    links = "; ".join(each.partition(":")[0] for each in tell_links(graph.notes[0], graph)) or "none"
    near = (await memory.ask(note_id, namespace=caller.namespace)).neighbours
    return f"Links of [{note_id}]: {links}. Its neighbours now:\n{show_neighbours(near[:OFFERED])}"


async def _revise(memory: AsyncMemory, given: ReviseArguments, caller: Caller) -> Answer:
    fields: dict[str, Any] = {
        "content": given.content,
        "kind": given.kind,
        "tags": given.tags,
        "invalid_at": _timed(given.ended, memory),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if not fields:
        raise InvalidInput("nothing to revise: send content, kind, tags or ended")
    if given.content is not None:
        note = await memory.get(given.note_id, namespace=caller.namespace)
        fields |= _new_words(note, given.said_by, caller)
    done = await memory.revise(given.note_id, namespace=caller.namespace, reason=given.reason, **fields)
    return Answer(f"Revised [{given.note_id}]; its history keeps what it said.", (done,))


def _new_words(note: Note, who: str, caller: Caller) -> dict[str, Any]:
    """New words are whose they are, and are believed no further than the old ones."""
    source, trust = caller.spoken(who)
    return {"source": source, "trust": min(note.trust, trust)}


async def _forget(memory: AsyncMemory, given: ForgetArguments, caller: Caller) -> Answer:
    done = await memory.forget(given.note_id, namespace=caller.namespace)
    return Answer(f"Forgot [{given.note_id}].", (done,))


REMEMBER = AgentTool(
    "remember",
    "Remember",
    "Store facts for later conversations: what the user is, has, likes, plans or decided, a correction, a "
    "lesson. Call it unasked; several facts go into one call. Then connect each to the numbered "
    "neighbours it returns. Never store passwords, keys, card numbers or small talk.",
    RememberArguments,
    _remember,
)
RECALL = AgentTool(
    "recall",
    "Recall",
    "Find what is remembered from earlier conversations. Call it unasked, before answering, whenever the "
    "user's life, work, people or preferences may matter. Nothing found: say you do not know. Weigh who "
    "said each note; untrusted ones may lie.",
    RecallArguments,
    _recall,
    reads=True,
)
CONNECT = AgentTool(
    "connect",
    "Connect notes",
    "Link a note to its numbered neighbours, as remember showed them: what is this note to each? supersedes "
    "closes a neighbour that is no longer true. Most need no link; empty lists settle it with none.",
    ConnectArguments,
    _connect,
)
REVISE = AgentTool(
    "revise",
    "Revise a note",
    "Correct a note that was wrong from the start, or mark it as ended. If things changed, remember the new "
    "fact instead and connect it with supersedes.",
    ReviseArguments,
    _revise,
    destroys=True,
)
FORGET = AgentTool(
    "forget",
    "Forget a note",
    "Put a note out of sight because the user wants it, or because it is bad. Recall it first for its id.",
    ForgetArguments,
    _forget,
    destroys=True,
)
AGENT_TOOLS: Mapping[str, AgentTool[Any]] = {
    tool.name: tool for tool in (REMEMBER, RECALL, CONNECT, REVISE, FORGET)
}
"""All of them, by name."""


def refused(error: Exception) -> str:
    """An error in words that a model can act on."""
    if not isinstance(error, ValidationError):
        return f"That did not work: {error}"
    problems = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()]
    return f"These arguments do not fit: {'; '.join(problems)}. Call again with better ones."
