"""A LlamaIndex memory that remembers every message at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemory
from llama_index.core.memory import Memory as ShortTerm
from llama_index.core.memory.memory import InsertMethod
from llama_index.core.storage.chat_store.base_db import MessageStatus
from llama_index.core.storage.chat_store.sql import DEFAULT_ASYNC_DATABASE_URI
from pydantic import ConfigDict, Field, PrivateAttr
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from zettelmem import Draft, Memory

from .block import ZettelmemMemoryBlock
from .threads import wait_for
from .turns import Judge, by_page, drafts, said

_STORES = {"chat_store", "async_engine", "async_database_uri"}
"""The arguments by which a short-term memory is given a database; where none is, it gets one of ours."""


class ZettelmemMemory(BaseMemory):
    """Short-term memory of a session, and long-term memory of everything said in all of them.

    A message is remembered as it is put, under the session's id as its thread; what was said in other
    sessions, or has left the short-term memory, is recalled for the user's last message and stands
    before it. Make one with `from_defaults`.

    Not remembered: system messages, tool calls and tool results. `reset` clears the session only.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    primary: ShortTerm = Field(exclude=True, description="The short-term memory of the session.")
    block: ZettelmemMemoryBlock = Field(exclude=True, description="Recalls from the notes.")

    _engine: AsyncEngine | None = PrivateAttr(default=None)

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
        top_k: int = 10,
        priority: int = 1,
        judge: Judge | None = None,
        primary: ShortTerm | None = None,
        **kwargs: Any,
    ) -> ZettelmemMemory:
        """A memory of `namespace` in the notes of `memory`.

        Args:
            memory: the notes.
            namespace: whose memory it is, for good.
            session_id: the conversation: the thread of its notes and the key of its short-term
                memory; a new one if None.
            top_k: notes shown, at most.
            priority: of the notes when tokens are short; 0 never cuts them.
            judge: who decides about links; None is the memory's own judge.
            primary: a short-term memory to use, with its session and blocks; it is left as it is.
            kwargs: for the short-term memory that is made otherwise, such as `token_limit`, or
                `insert_method` for the place of the notes.
        """
        if primary is not None and (kwargs or session_id not in (None, primary.session_id)):
            given = ", ".join([*kwargs, *(["session_id"] if session_id else [])])
            raise ValueError(f"primary is given, so {given} is its business; leave it out")
        engine = None
        if primary is None and not _STORES & kwargs.keys():
            kwargs["async_engine"] = engine = create_async_engine(DEFAULT_ASYNC_DATABASE_URI)
        # into the user's message: a ReActAgent throws the first system message away
        kwargs.setdefault("insert_method", InsertMethod.USER)
        short = primary or ShortTerm.from_defaults(session_id=session_id, **kwargs)
        block = ZettelmemMemoryBlock(
            memory=memory,
            namespace=namespace,  # type: ignore[arg-type]  # pydantic makes it a path
            top_k=top_k,
            priority=priority,
            judge=judge,
            tokenizer_fn=short.tokenizer_fn,
            accept_short_term_memory=False,  # it is all remembered by then
        )
        blocks = [*short.memory_blocks, block]
        made = cls(primary=short.model_copy(update={"memory_blocks": blocks}), block=block)
        made._engine = engine
        return made

    @property
    def session_id(self) -> str:
        """The conversation: the thread of its notes."""
        return self.primary.session_id

    # --- read ----------------------------------------------------------------------------------

    def get(self, input: str | ChatMessage | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002
        """The session's messages, with the recalled notes before the user's last one."""
        return wait_for(self.aget(input, **kwargs))

    async def aget(self, input: str | ChatMessage | None = None, **kwargs: Any) -> list[ChatMessage]:  # noqa: A002
        """The session's messages, with the recalled notes before the user's last one."""
        return await self.primary.aget(input=_words(input), **kwargs)

    def get_all(self, status: MessageStatus | None = None) -> list[ChatMessage]:
        """The session's messages, those included that left the short-term memory."""
        return wait_for(self.aget_all(status))

    async def aget_all(self, status: MessageStatus | None = None) -> list[ChatMessage]:
        """The session's messages, those included that left the short-term memory."""
        return await self.primary.aget_all(status=status)

    # --- write ---------------------------------------------------------------------------------

    def put(self, message: ChatMessage) -> None:
        """Add a message to the session, and remember it."""
        self.put_messages([message])

    async def aput(self, message: ChatMessage) -> None:
        """Add a message to the session, and remember it."""
        await self.aput_messages([message])

    def put_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the session, and remember them in one commit."""
        wait_for(self.aput_messages(messages))

    async def aput_messages(self, messages: list[ChatMessage]) -> None:
        """Add messages to the session, and remember them in one commit."""
        await self.primary.aput_messages(_copies(messages))
        await asyncio.to_thread(self._remember, messages)

    def set(self, messages: list[ChatMessage]) -> None:
        """Replace the session's messages; those that its thread does not know yet are remembered."""
        wait_for(self.aset(messages))

    async def aset(self, messages: list[ChatMessage]) -> None:
        """Replace the session's messages; those that its thread does not know yet are remembered."""
        await self.primary.aset(_copies(messages))
        await asyncio.to_thread(self._remember_unknown, messages)

    def reset(self) -> None:
        """Forget the session's messages; the notes stay."""
        wait_for(self.areset())

    async def areset(self) -> None:
        """Forget the session's messages; the notes stay."""
        self.block.new_turn()
        await self.primary.areset()

    def close(self) -> None:
        """Let go of the in-memory database of the session; the notes stay open."""
        wait_for(self.aclose())

    async def aclose(self) -> None:
        """Let go of the in-memory database of the session; the notes stay open."""
        if self._engine is not None:
            await self._engine.dispose()

    def _remember(self, messages: Sequence[ChatMessage]) -> None:
        if any(message.role == MessageRole.USER for message in messages):
            self.block.new_turn()
        self._store(drafts(messages, self.session_id))

    def _remember_unknown(self, messages: Sequence[ChatMessage]) -> None:
        self.block.new_turn()
        there = by_page(self.block.memory, self.block.namespace, self.session_id)
        known = Counter((note.source.who, note.content) for note in there)
        new = []
        for draft in drafts(messages, self.session_id):
            turn = (draft.source.who, draft.content)
            if known[turn]:
                known[turn] -= 1
            else:
                new.append(draft)
        self._store(new)

    def _store(self, new: Sequence[Draft]) -> None:
        if new:
            self.block.memory.remember_many(new, namespace=self.block.namespace, judge=self.block.judge)


def _words(question: str | ChatMessage | None) -> str | None:
    return said(question) or None if isinstance(question, ChatMessage) else question


def _copies(messages: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Messages of our own: whatever is written into them, the caller's stay as they are."""
    return [message.model_copy(deep=True) for message in messages]
