"""Memory for `create_agent`: recall before a run, notes in its prompts, capture as the run goes on."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Annotated, Any, Literal, NotRequired

from anyio import to_thread
from langchain.agents.middleware import types
from langchain_core.messages import AnyMessage, BaseMessage, SystemMessage
from langgraph.channels import UntrackedValue
from langgraph.runtime import Runtime

from zettelmem import MAX_QUERY, MIN_SCORE, Memory, Note, Part, Trust, cited

from .scope import Scope, here, namespace_of, thread_of
from .turns import Turn, new_turns, question_in, unknown

logger = logging.getLogger(__name__)

KEPT = 10_000
"""Deferred messages of which a middleware knows whether they are stored."""


class MemoryState(types.AgentState[Any]):
    """What the middleware keeps in a run, by the middleware's name.

    Attributes:
        zettelmem_notes: the text that goes into each prompt; never saved.
        zettelmem_waiting: messages of this thread that are to become notes. They are taken as they come,
            so that what another middleware summarises away is remembered all the same.
        zettelmem_captured: a digest of the words of each message that is a note already, by its id.
    """

    zettelmem_notes: NotRequired[Annotated[dict[str, str], UntrackedValue, types.PrivateStateAttr]]
    zettelmem_waiting: NotRequired[Annotated[dict[str, list[Turn]], types.PrivateStateAttr]]
    zettelmem_captured: NotRequired[Annotated[dict[str, dict[str, str]], types.PrivateStateAttr]]


class ZettelmemMiddleware(types.AgentMiddleware[MemoryState, Any, Any]):
    """Long-term memory for an agent, without a tool call.

    Before a run the notes that answer the last human message are recalled, once. Every model call of the
    run sees the best few of them, fenced as data, with who said each and how far that is trusted. A memory
    of a few hundred tokens is shown whole. Notes are never saved with the thread.

    What is new in the thread is taken before each call of the model and remembered after the run, each
    message once. A message whose words were edited revises its note. Summaries that a model wrote are not
    remembered. In a run without a thread, which nothing keeps, what stands before the last question is
    taken for old. A failure of the memory is logged; the run goes on without it.

    Args:
        memory: what remembers.
        namespace: whose memory: a path such as ``"acme/ana"``, or its segments, either with ``{name}`` to be
            filled from the run's context or ``config["configurable"]``, or a function of the two.
        k: notes shown at most, 1 to 1,000, where not all are; 0 for none.
        budget_tokens: tokens of notes in a prompt at most. Of a long note the passage is shown that was
            asked for.
        min_score: the score, in [0, 1], that a note needs to be shown where not all are.
        min_trust: notes trusted less are not shown.
        place: where the notes stand. ``user``: before the human's last message, behind all that stays the
            same from call to call, so that a provider's prompt cache holds. ``system``: at the end of the
            system prompt, for models that heed only that; each run then begins a new cache.
        parts: of a brief (`Memory.brief`) that are shown: with ``("profile", "lessons", "plans", "notes")``
            also who the person is, what was learned and what lies ahead, within the same budget.
        cite: ask the model to cite notes by their ids, where somebody reads them. Notes that an answer
            cites are counted as used, asked for or not.
        capture: the message types that become notes; () captures nothing.
        every: after how many new notes of a namespace `memory.upkeep` looks after it, where the notes are
            stored; None never does.
        defer: remember in a background thread, so that the run does not wait; `flush` waits for it.
        name: tells several instances in one agent apart; made of the namespace where None.
    """

    state_schema = MemoryState

    def __init__(
        self,
        memory: Memory,
        *,
        namespace: Scope,
        k: int = 6,
        budget_tokens: int = 1_000,
        min_score: float = MIN_SCORE,
        min_trust: Trust = Trust.UNTRUSTED,
        place: Literal["user", "system"] = "user",
        parts: Sequence[Part] = ("notes",),
        cite: bool = False,
        capture: Sequence[str] = ("human", "ai"),
        every: int | None = None,
        defer: bool = False,
        name: str | None = None,
    ) -> None:
        super().__init__()
        self.memory = memory
        self.tools = []
        self._namespace = namespace
        self._k = k
        self._budget = budget_tokens
        self._min_score = min_score
        self._min_trust = min_trust
        self._place = place
        self._parts = tuple(parts)
        self._cite = cite
        self._capture = tuple(capture)
        self._name = name or "_".join((type(self).__name__, *_readable(namespace)))
        self._every = every
        self._since: Counter[tuple[str, ...]] = Counter()
        self._worker = ThreadPoolExecutor(1, "zettelmem-capture") if defer else None
        self._deferred: dict[tuple[str, str], bool] = {}

    @property
    def name(self) -> str:
        """The name of its nodes and of its part of the state."""
        return self._name

    # --- the hooks, in both colours --------------------------------------------------------------

    def before_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall for the last human message, and take what is new."""
        return {"zettelmem_notes": self._notes(state, runtime), **(self._taken(state) or {})}

    async def abefore_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Recall for the last human message, and take what is new."""
        return await to_thread.run_sync(self.before_agent, state, runtime)

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

    def after_model(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Take what the model said, before anything can summarise it away."""
        return self._taken(state)

    async def aafter_model(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Take what the model said, before anything can summarise it away."""
        return self._taken(state)

    def after_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what was taken, and count the notes that the answers cite."""
        self._count(state, runtime)
        try:
            waiting = self._waiting(state)
            done = self._remember(waiting, runtime)
        except Exception:  # the answer is there, and the next run tries again
            logger.warning("capture failed; it is tried again after the next run", exc_info=True)
            return None
        captured = dict(state.get("zettelmem_captured") or {})
        captured[self.name] = captured.get(self.name, {}) | {turn["id"]: turn["words"] for turn in done}
        left = dict(state.get("zettelmem_waiting") or {})
        left[self.name] = [turn for turn in waiting if turn not in done]
        return {"zettelmem_waiting": left, "zettelmem_captured": captured} if waiting else None

    async def aafter_agent(self, state: MemoryState, runtime: Runtime[Any]) -> dict[str, Any] | None:
        """Remember what was taken."""
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
        query, said = question_in(messages)
        if not query or self._k < 1:
            return ""
        _, config = here()
        space = namespace_of(self._namespace, runtime.context, config)
        brief = self.memory.brief(
            namespace=space,
            query=query[:MAX_QUERY],
            said=said,
            budget_tokens=self._budget,
            parts=self._parts,
            k=self._k,
            min_score=self._min_score,
            min_trust=self._min_trust,
            present=[message.text for message in messages],
            cite=self._cite,
        )
        return brief.text

    def _shown(self, request: types.ModelRequest[Any]) -> types.ModelRequest[Any]:
        """The request with the notes in their place."""
        state: Any = request.state
        kept = state.get("zettelmem_notes")
        if kept is None:  # the run was resumed, and what was recalled is never saved
            kept = self._notes(state, request.runtime)
        notes = kept.get(self.name)
        if not notes:
            return request
        humans = [place for place, message in enumerate(request.messages) if message.type == "human"]
        if self._place == "system" or not humans:
            before = request.system_message or SystemMessage("")
            return request.override(system_message=_joined(before, notes, after=True))
        messages = list(request.messages)
        messages[humans[-1]] = _joined(messages[humans[-1]], notes, after=False)
        return request.override(messages=messages)

    # --- capture -------------------------------------------------------------------------------

    def _waiting(self, state: MemoryState) -> list[Turn]:
        """The messages that wait to become notes, those included that are new since the last look."""
        waiting = (state.get("zettelmem_waiting") or {}).get(self.name, [])
        seen = dict((state.get("zettelmem_captured") or {}).get(self.name, {}))
        seen |= {turn["id"]: turn["words"] for turn in waiting}
        _, config = here()
        return [*waiting, *new_turns(state["messages"], thread_of(config), seen, self._capture)]

    def _taken(self, state: MemoryState) -> dict[str, Any] | None:
        waiting = dict(state.get("zettelmem_waiting") or {})
        try:
            more = self._waiting(state)
        except Exception:  # a message that cannot be a note must not end the run
            logger.warning("capture failed; it is tried again after the run", exc_info=True)
            return None
        if more == waiting.get(self.name, []):
            return None
        return {"zettelmem_waiting": {**waiting, self.name: more}}

    def _remember(self, turns: list[Turn], runtime: Runtime[Any]) -> list[Turn]:
        """Remember what waits, now or later; the turns that are remembered for good."""
        if not turns:
            return []
        _, config = here()
        space, thread = namespace_of(self._namespace, runtime.context, config), thread_of(config)
        if self._worker is None:
            self._store(turns, space, thread)
            return turns
        # Two runs may hand in the same message; its key makes it one note.
        done = [turn for turn in turns if self._deferred.get(_words(turn))]
        new = [turn for turn in turns if _words(turn) not in self._deferred]
        self._deferred |= dict.fromkeys(map(_words, new), False)
        self._worker.submit(self._store_later, new, space, thread)
        return done

    def _store(self, turns: Sequence[Turn], namespace: tuple[str, ...], thread: str | None) -> None:
        known: dict[str, Note] = {}
        notes: list[Note] = []
        if any(turn["earlier"] for turn in turns):
            keys = [turn["draft"]["key"] for turn in turns]
            known = self.memory.keyed(keys, namespace=namespace, forgotten=True)
            held = self.memory.notes(namespace=namespace, thread=thread, limit=None).notes
            notes = [note for note in held if note.namespace == namespace]
        drafts = unknown(turns, known, notes)
        if drafts:
            self.memory.remember_many(drafts, namespace=namespace)
        self._since[namespace] += len(drafts)
        if self._every is not None and self._since[namespace] >= self._every:
            self._since[namespace] = 0
            self.memory.upkeep(namespace=namespace)

    def _count(self, state: MemoryState, runtime: Runtime[Any]) -> None:
        """Count the notes that the run's answers cite as used."""
        try:
            answers: list[str] = []
            for message in reversed(state["messages"]):
                if message.type == "human":
                    break
                if message.type == "ai":
                    answers.append(message.text)
            ids = cited("\n".join(answers))
            if ids:
                space = namespace_of(self._namespace, runtime.context, here()[1])
                self.memory.used(ids, namespace=space)
        except Exception:  # the answer is there, and a count is not worth a failed run
            logger.warning("the notes that the answer cites were not counted", exc_info=True)

    def _store_later(self, turns: Sequence[Turn], namespace: tuple[str, ...], thread: str | None) -> None:
        """Store in the background, and let what failed be tried again after the next run."""
        try:
            self._store(turns, namespace, thread)
            self._deferred |= dict.fromkeys(map(_words, turns), True)
        except Exception:  # nobody waits who could be told
            logger.warning("capture failed; it is tried again after the next run", exc_info=True)
            for turn in turns:
                self._deferred.pop(_words(turn), None)
        for old in list(self._deferred)[:-KEPT]:
            self._deferred.pop(old, None)


def _words(turn: Turn) -> tuple[str, str]:
    """What tells a deferred message from others, and from itself before it was edited."""
    return turn["draft"]["key"], turn["words"]


def _joined(message: BaseMessage, notes: str, *, after: bool) -> Any:
    """A copy of `message` with the notes after what it says, or before it."""
    own = message.content
    if isinstance(own, str):
        parts = [own, notes] if after else [notes, own]
        return message.model_copy(update={"content": "\n\n".join(part for part in parts if part)})
    block = {"type": "text", "text": notes}
    return message.model_copy(update={"content": [*own, block] if after else [block, *own]})


def _readable(scope: Scope) -> list[str]:
    """A scope as parts of a name that LangGraph takes."""
    path = () if callable(scope) else (scope,) if isinstance(scope, str) else scope
    return [re.sub(r"[^\w-]", "", segment) for segment in path]
