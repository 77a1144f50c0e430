"""The memory's verbs as tools: the model gives words and ids, the application gives the namespace."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial, wraps
from typing import Annotated, Any

from anyio import to_thread
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import Field, ValidationError

from zettelmem import (
    Decision,
    LinkChoice,
    Memory,
    NeighbourChange,
    Remembered,
    Source,
    Trust,
    ZettelmemError,
)

from .fence import fenced, fenced_neighbours
from .scope import Scope, here, namespace_of, thread_of

Answer = tuple[str, Any]
"""What the model reads, and what the application gets as artifact."""

NoteId = Annotated[str, Field(description="the id in [brackets] of a note, as recall gave it")]
Content = Annotated[str, Field(min_length=1, description="one fact or event, in full sentences")]
Query = Annotated[str, Field(min_length=1, description="a question, or the words to look for")]
Count = Annotated[int, Field(ge=1, le=50, description="how many notes at most")]
Why = Annotated[str, Field(description="why, in a few words")]
Tags = Annotated[list[str] | None, Field(description="broad classes such as 'health' or 'travel'")]
Links = Annotated[list[LinkChoice], Field(description="neighbours to link, by number")]
NeighbourChanges = Annotated[
    list[NeighbourChange], Field(description="neighbours to describe differently, by number")
]


def memory_tools(
    memory: Memory,
    *,
    namespace: Scope,
    trust: Trust = Trust.REPORTED,
    names: Sequence[str] = ("remember", "recall", "connect", "revise", "forget"),
) -> list[BaseTool]:
    """The tools that let an agent keep its own memory, sync and async.

    Each answers with text for the model and an artifact for the application: what the verb of the
    `Memory` returned, as JSON. What goes wrong is told to the model in one line, never raised.

    Args:
        memory: what remembers.
        namespace: whose memory, as for `ZettelmemMiddleware`. The model neither sees nor chooses it.
        trust: how far what the model remembers may be believed.
        names: which tools, in this order.

    Raises:
        KeyError: there is no tool of that name.
    """

    def scope(config: RunnableConfig) -> tuple[str, ...]:
        context, config = here(config)
        return namespace_of(namespace, context, config)

    def remember(content: Content, config: RunnableConfig, tags: Tags = None) -> Answer:
        """Keep something worth knowing in later conversations: one fact or event for each call."""
        done = memory.remember(
            content,
            namespace=scope(config),
            thread=thread_of(config),
            tags=tags,
            source=Source(who="assistant", via="langchain"),
            trust=trust,
        )
        known = "was known already as" if done.known else "is remembered as"
        text = f"It {known} [{done.note.id}]."
        if done.note.pending and done.neighbours:
            text += (
                " Decide how it belongs with its neighbours and call connect with their numbers:\n"
                + fenced_neighbours(done.neighbours)
            )
        return text, _json(done)

    def recall(query: Query, config: RunnableConfig, k: Count = 8) -> Answer:
        """Find notes from earlier conversations that answer a question."""
        hits = memory.recall(query, namespace=scope(config), k=k)
        text = fenced(hits) if hits else "Nothing is remembered about that."
        return text, [hit.model_dump(mode="json", exclude={"note": {"history"}}) for hit in hits]

    def connect(
        note_id: NoteId,
        config: RunnableConfig,
        links: Links = [],  # noqa: B006 - never changed
        changes: NeighbourChanges = [],  # noqa: B006
    ) -> Answer:
        """Link a note with the neighbours that remember showed, by their numbers; none is an answer too."""
        decision = Decision(links=tuple(links), changes=tuple(changes))
        done = memory.connect(note_id, decision, namespace=scope(config))
        return f"[{note_id}] now has {len(done.note.links)} links.", _json(done)

    def revise(note_id: NoteId, content: Content, config: RunnableConfig, reason: Why = "") -> Answer:
        """Correct what a note says. What is no longer so is better remembered anew."""
        done = memory.revise(note_id, namespace=scope(config), content=content, reason=reason)
        return f"[{note_id}] is corrected; its history keeps what it said.", _json(done)

    def forget(note_id: NoteId, config: RunnableConfig) -> Answer:
        """Forget a note that should never be recalled again."""
        done = memory.forget(note_id, namespace=scope(config))
        return f"[{note_id}] is forgotten.", _json(done)

    verbs = {verb.__name__: verb for verb in (remember, recall, connect, revise, forget)}
    return [_tool(verbs[name]) for name in names]


def _tool(verb: Callable[..., Answer]) -> BaseTool:
    @wraps(verb)
    def told(*args: Any, **kwargs: Any) -> Answer:
        try:
            return verb(*args, **kwargs)
        except (ZettelmemError, ValidationError) as error:
            raise ToolException(_told(error)) from error

    @wraps(verb)
    async def atold(*args: Any, **kwargs: Any) -> Answer:
        return await to_thread.run_sync(partial(told, *args, **kwargs))

    return StructuredTool.from_function(
        told,
        atold,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_told,
    )


def _told(error: Exception) -> str:
    """An error as a model can act on it."""
    if not isinstance(error, ValidationError):
        return f"That did not work: {error}"
    problems = [f"{'.'.join(map(str, each['loc'])) or 'arguments'}: {each['msg']}" for each in error.errors()]
    return f"These arguments do not fit: {'; '.join(problems)}. Call again with better ones."


def _json(done: Remembered) -> dict[str, Any]:
    return done.model_dump(
        mode="json", exclude={"note": {"history"}, "neighbours": {"__all__": {"note": {"history"}}}}
    )
