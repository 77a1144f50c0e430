"""A LlamaIndex memory that remembers every message at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemory
from llama_index.core.memory import Memory as ShortTerm
from llama_index.core.memory.memory import InsertMethod
from llama_index.core.storage.chat_store.base_db import MessageStatus
from llama_index.core.storage.chat_store.sql import DEFAULT_ASYNC_DATABASE_URI
from pydantic import ConfigDict, Field, PrivateAttr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from zettelmem import MIN_SCORE, Judge, Memory, Part

from .block import ZettelmemMemoryBlock
from .turns import copies, drafts, notes_of, said

T = TypeVar("T")


class ZettelmemMemory(BaseMemory):
    """Short-term memory of a session, and long-term memory of everything said in all of them.

    A message is remembered as it is put, under the session's id as its thread; what was said in other
    sessions, or has left the short-term memory, is recalled for the user's last message and stands
    before it. Make one with `from_defaults`.

    Not remembered: system messages, tool calls, tool results, and mere acknowledgements by the assistant.
    `reset` clears the session only.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    primary: ShortTerm = Field(exclude=True, description="The short-term memory of the session.")
    block: ZettelmemMemoryBlock = Field(exclude=True, description="Recalls from the notes.")
    engine: AsyncEngine | None = Field(default=None, exclude=True, description="A database to let go of.")

    _turn: int = PrivateAttr(default=0)
    """How often the user has spoken; within a turn, notes are recalled once."""

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, as LlamaIndex's components tell it."""
        return "ZettelmemMemory"

    @classmethod
    def from_defaults(  # type: ignore[override]  # the base names no arguments
        cls,
        memory: Memory,
        *,
        namespace: str | Sequence[str],
        session_id: str | None = None,
        chat_history: list[ChatMessage] | None = None,
        top_k: int = 6,
        budget_tokens: int = 1_000,
        min_score: float = MIN_SCORE,
        priority: int = 1,
        parts: Sequence[Part] = ("notes",),
        cite: bool = False,
        judge: Judge | None = None,
        every: int | None = None,
        **kwargs: Any,
    ) -> ZettelmemMemory:
        """A memory of `namespace` in the notes of `memory`.

        Args:
            memory: the notes.
            namespace: whose memory it is, for good.
            session_id: the conversation: the thread of its notes and the key of its short-term
                memory; a new one if None.
            chat_history: what was said in it so far, as for `set`.
            top_k: notes shown at most, where not all are.
            budget_tokens: tokens of the notes shown, at most.
            min_score: the score, in [0, 1], that a note needs to be shown, where not all are.
            priority: of the notes when tokens are short; 0 never cuts them.
            parts: of a brief (`Memory.brief`) that are shown: profile, lessons, plans, notes.
            cite: ask for the ids of the notes that an answer stands on.
            judge: who decides about links; None is the memory's own judge.
            every: after how many new notes `memory.upkeep` looks after them; None never does.
            kwargs: for the short-term memory, such as `token_limit`, `memory_blocks` to stand before
                ours, `async_engine` for a database that lasts, or `insert_method` for the place of the
                notes.
        """
        engine = create_async_engine(kwargs.pop("async_database_uri", None) or DEFAULT_ASYNC_DATABASE_URI)
        # into the user's message: a ReActAgent throws the first system message away
        kwargs = {"async_engine": engine, "insert_method": InsertMethod.USER, **kwargs}
        primary = ShortTerm.from_defaults(session_id=session_id, **kwargs)
        block = ZettelmemMemoryBlock(
            memory=memory,
            namespace=namespace,
            top_k=top_k,
            budget_tokens=budget_tokens,
            min_score=min_score,
            priority=priority,
            parts=parts,
            cite=cite,
            judge=judge,
            every=every,
            tokenizer_fn=primary.tokenizer_fn,
            accept_short_term_memory=False,  # it is all remembered by then
        )
        primary.memory_blocks = [*primary.memory_blocks, block]
        made = cls(primary=primary, block=block, engine=engine)
        if chat_history is not None:
            made.set(chat_history)
        return made

    @property
    def session_id(self) -> str:
        """The conversation: the thread of its notes."""
        return self.primary.session_id

    async def aget(self, input: str | ChatMessage | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002
        """The session's messages, with the recalled notes before the user's last one."""
        question = said(input) or None if isinstance(input, ChatMessage) else input
        return await self.primary.aget(input=question, turn=self._turn, **kwargs)

    async def aget_all(self, status: MessageStatus | None = None) -> list[ChatMessage]:
        """The session's messages, those included that left the short-term memory."""
        return await self.primary.aget_all(status=status)

    async def aput(self, message: ChatMessage) -> None:
        """Add a message to the session, and remember it."""
        await self.aput_messages([message])

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the session, and remember them in one commit."""
        if any(message.role == MessageRole.USER for message in messages):
            self._turn += 1
        await self.primary.aput_messages(copies(messages))
        await self.block.remember(drafts(messages, self.session_id))

    async def aset(self, messages: list[ChatMessage]) -> None:
        """Replace the session's messages; those that its thread does not know yet are remembered."""
        self._turn += 1
        await self.primary.aset(copies(messages))
        there = await asyncio.to_thread(notes_of, self.block.memory, self.block.namespace, self.session_id)
        known = Counter((note.source.who, note.content) for note in there)
        new = []
        for draft in drafts(messages, self.session_id):
            turn = (draft.source.who, draft.content)
            known[turn] -= 1
            if known[turn] < 0:
                new.append(draft)
        await self.block.remember(new)

    async def areset(self) -> None:
        """Forget the session's messages; the notes stay."""
        self._turn += 1
        await self.primary.areset()

    async def aclose(self) -> None:
        """Let go of the session's database, unless it was given; the notes stay open."""
        if self.engine is not None:
            await self.engine.dispose()

    # --- the same for code that does not await -----------------------------------------------------

    def get(self, input: str | ChatMessage | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002
        """As `aget`."""
        return _wait_for(self.aget(input, **kwargs))

    def get_all(self, status: MessageStatus | None = None) -> list[ChatMessage]:
        """As `aget_all`."""
        return _wait_for(self.aget_all(status))

    def put(self, message: ChatMessage) -> None:
        """As `aput`."""
        _wait_for(self.aput(message))

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """As `aput_messages`."""
        _wait_for(self.aput_messages(messages))

    def set(self, messages: list[ChatMessage]) -> None:
        """As `aset`."""
        _wait_for(self.aset(messages))

    def reset(self) -> None:
        """As `areset`."""
        _wait_for(self.areset())

    def close(self) -> None:
        """As `aclose`."""
        _wait_for(self.aclose())


def _wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, done in a loop and a thread of its own, inside a running loop or not.

    LlamaIndex's `asyncio_run` leaves a loop open wherever none is running.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(copy_context().run, asyncio.run, work).result()
