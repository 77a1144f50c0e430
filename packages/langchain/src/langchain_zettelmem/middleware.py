"""Memory for `create_agent`: recall before a run, notes in its prompts, capture after it."""

from __future__ import annotations

import logging
import re
from collections.abc import Awaitable, Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, NotRequired

from anyio import to_thread
from langchain.agents.middleware import types
from langchain_core.messages import AnyMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.runtime import Runtime

from zettelmem import Draft, Memory, Trust, as_namespace

from .fence import fenced
from .scope import Scope, here, namespace_of, thread_of
from .turns import draft_of

logger = logging.getLogger(__name__)

KEPT = 10_000
"""Deferred messages of which a middleware knows whether they are stored."""


class MemoryState(types.AgentState[Any]):
    """What the middleware keeps in a run, by the middleware's name.

    Attributes:
        zettelmem_notes: the text that goes into each prompt; never saved.
        zettelmem_captured: ids of the messages of this thread that are notes already.
    """

    zettelmem_notes: NotRequired[Annotated[dict[str, str], UntrackedValue, types.PrivateStateAttr]]
    zettelmem_captured: NotRequired[Annotated[dict[str, list[str]], types.PrivateStateAttr]]


class ZettelmemMiddleware(types.AgentMiddleware[MemoryState, Any, Any]):
    """Long-term memory for an agent, without a tool call.

    Before a run the notes that answer the last human message are recalled, once; every model call of the
    run sees them in its system prompt, fenced as data, with ids to cite. They are never saved with the
    thread. After the run what is new in the thread is remembered, each message exactly once; in a run
    without a thread, which nothing keeps, what stands before the last question is taken for old. A
    failure of the memory is logged; the run goes on without it.

    Args:
        memory: what remembers.
        namespace: whose memory: a string, a path, either with ``{name}`` to be filled from the run's
            context or ``config["configurable"]``, or a function of the two.
        k: notes recalled at most, 1 to 1,000 (more where all there are fit the budget); 0 for none.
        budget_tokens: tokens of notes in a prompt at most.
        min_trust: notes trusted less are not shown.
        capture: the message types that become notes; () captures nothing.
        defer: remember in a background thread, so that the run does not wait; `flush` waits for it.
        name: tells several instances in one agent apart; made of the namespace where None.
    """

    state_schema = MemoryState

    def __init__(
        self,
        memory: Memory,
        *,
        namespace: Scope,
        k: int = 10,
        budget_tokens: int = 1_500,
        min_trust: Trust = Trust.UNTRUSTED,
        capture: Sequence[str] = ("human", "ai"),
        defer: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.memory = memory
        self.tools = []
        self._namespace = namespace
        self._how: dict[str, Any] = {"k": k or 1, "budget_tokens": budget_tokens, "min_trust": min_trust}
        self._recalls = k > 0
        self._capture = tuple(capture)
        self._name = name or "_".join((type(self).__name__, *_readable(namespace)))
        self._worker = ThreadPoolExecutor(1, "zettelmem-capture") if defer else None
        self._deferred: dict[str | None, bool] = {}

    @property
    def name(self) -> str:
        """The name of its nodes and of its part of the state."""
        return self._name

    # --- the hooks, in both colours --------------------------------------------------------------

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall for the last human message."""
        return {"zettelmem_notes": self._notes(state, runtime)}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall for the last human message."""
        return {"zettelmem_notes": await to_thread.run_sync(self._notes, state, runtime)}

    def wrap_model_call(
        self,
        request: types.ModelRequest[Any],
        handler: Callable[[types.ModelRequest[Any]], types.ModelResponse[Any]],
    ) -> types.ModelResponse[Any]:
        """Show the recalled notes to this call of the model."""
        return handler(self._shown(request))

    async def awrap_model_call(
        self,
        request: types.ModelRequest[Any],
        handler: Callable[[types.ModelRequest[Any]], Awaitable[types.ModelResponse[Any]]],
    ) -> types.ModelResponse[Any]:
        """Show the recalled notes to this call of the model."""
        return await handler(await to_thread.run_sync(self._shown, request))

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what is new in the thread."""
        captured = dict(state.get("zettelmem_captured") or {})
        before = captured.get(self.name, [])
        try:
            done = self._remember(set(before), state["messages"], runtime)
        except Exception:  # the answer is there, and the next run tries again
            logger.warning("capture failed; it is tried again after the next run", exc_info=True)
            return None
        captured[self.name] = [*before, *done]
        return {"zettelmem_captured": captured} if done else None

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what is new in the thread."""
        return await to_thread.run_sync(self.after_agent, state, runtime)

    def flush(self, timeout: float | None = None) -> None:
        """Wait until what was deferred is remembered, at most `timeout` seconds.

        Raises:
            TimeoutError: it takes longer; it goes on in the background.
        """
        if self._worker is not None:
            self._worker.submit(int).result(timeout)  # one worker, so this comes last

    # --- recall --------------------------------------------------------------------------------

    def _notes(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, str]:
        """The notes for the prompt, next to those of other instances."""
        notes = dict(state.get("zettelmem_notes") or {})
        try:
            notes[self.name] = self._recall(state["messages"], runtime)
        except Exception:  # whatever ails the memory, the agent answers without it
            logger.warning("recall failed; the run goes on without notes", exc_info=True)
            notes[self.name] = ""
        return notes

    def _recall(self, messages: Sequence[AnyMessage], runtime: Runtime[Any]) -> str:
        query = next((m.text for m in reversed(messages) if m.type == "human"), "").strip()
        if not query or not self._recalls:
            return ""
        _, config = here()
        space, thread = namespace_of(self._namespace, runtime.context, config), thread_of(config)
        said = {_key(thread, message) for message in messages}
        found = self.memory.recall(query[:10_000], namespace=space, **self._how)
        hits = [hit for hit in found if hit.note.key is None or hit.note.key not in said]
        return fenced(hits) if hits else ""

    def _shown(self, request: types.ModelRequest[Any]) -> types.ModelRequest[Any]:
        """The request with the notes in its system prompt, after what stands there."""
        state: Any = request.state
        kept = state.get("zettelmem_notes")
        if kept is None:  # the run was resumed, and what was recalled is never saved
            kept = self._notes(state, request.runtime)
        notes = kept.get(self.name)
        if not notes:
            return request
        before = request.system_message or SystemMessage("")
        content: Any = [*before.content, {"type": "text", "text": notes}]
        if isinstance(before.content, str):
            content = f"{before.content}\n\n{notes}" if before.content else notes
        return request.override(system_message=before.model_copy(update={"content": content}))

    # --- capture -------------------------------------------------------------------------------

    def _remember(
        self, seen: Collection[str | None], shown: Sequence[AnyMessage], runtime: Runtime[Any]
    ) -> list[str]:
        """Remember what is new, now or later; the ids of the messages that are remembered for good."""
        _, config = here()
        space, thread = namespace_of(self._namespace, runtime.context, config), thread_of(config)
        messages = [
            message
            for message in (shown if thread else _last_turn(shown))
            if message.type in self._capture and message.id not in seen and message.text.strip()
        ]
        drafts = {message.id or "": draft_of(message, thread, _key(thread, message)) for message in messages}
        if self._worker is None:
            self._store(drafts.values(), space)
            return list(drafts)
        # Two runs may hand in the same message; its key makes it one note.
        done = [each for each, draft in drafts.items() if self._deferred.get(draft.key)]
        new = [draft for draft in drafts.values() if draft.key not in self._deferred]
        self._deferred |= dict.fromkeys((draft.key for draft in new), False)
        self._worker.submit(self._store_later, new, space)
        return done

    def _store(self, drafts: Collection[Draft], namespace: tuple[str, ...]) -> None:
        if drafts:
            self.memory.remember_many(drafts, namespace=namespace)

    def _store_later(self, drafts: Sequence[Draft], namespace: tuple[str, ...]) -> None:
        """Store in the background, and let what failed be tried again after the next run."""
        try:
            self._store(drafts, namespace)
            self._deferred |= dict.fromkeys((draft.key for draft in drafts), True)
        except Exception:  # nobody waits who could be told
            logger.warning("capture failed; it is tried again after the next run", exc_info=True)
            for draft in drafts:
                self._deferred.pop(draft.key, None)
        for old in list(self._deferred)[:-KEPT]:
            self._deferred.pop(old, None)


def _readable(scope: Scope) -> list[str]:
    """A scope as parts of a name that LangGraph takes."""
    path = () if callable(scope) else as_namespace(scope)
    return [re.sub(r"[^\w-]", "", segment) for segment in path]


def _last_turn(messages: Sequence[AnyMessage]) -> Sequence[AnyMessage]:
    """From the human's last messages on."""
    human = [False, *(message.type == "human" for message in messages)]
    starts = [i for i in range(len(messages)) if human[i + 1] and not human[i]]
    return messages[starts[-1] :] if starts else ()


def _key(thread: str | None, message: AnyMessage) -> str:
    """The note's key: a message is one note, however often the thread is shown."""
    return f"{thread or ''}/{message.id}"
