"""Long-term memory as a block of LlamaIndex's own `Memory`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.utils import get_tokenizer
from pydantic import Field, PrivateAttr

from zettelmem import Hit, Memory

from .turns import HEADER, Judge, Namespace, drafts, last_question, said, shown

MAX_QUERY = 10_000
"""Characters of a message that are asked with."""
MAX_K = 1_000
"""Hits of one recall."""


class _Turn(NamedTuple):
    """What was recalled for one question, and how the conversation stood then."""

    session: str | None
    question: str
    answers: int
    answered: bool
    hits: tuple[Hit, ...]


class ZettelmemMemoryBlock(BaseMemoryBlock[str]):
    """Recalls notes for the user's last message; remembers what the short-term memory lets go.

    LlamaIndex hands a block only those messages that overflow the short-term memory. `ZettelmemMemory`
    remembers every message at once.
    """

    name: str = "LongTermMemory"
    description: str | None = "Notes from earlier conversations that bear on the user's last message."
    priority: int = Field(default=1, description="0: never truncated; lower numbers are cut first.")
    memory: Memory = Field(exclude=True, description="The notes.")
    namespace: Namespace = Field(description="Whose memory; links and recall never leave it.")
    top_k: int = Field(default=10, ge=1, le=MAX_K, description="Notes shown, at most.")
    judge: Judge | None = Field(default=None, description="Who decides about links; None: the memory's.")
    tokenizer_fn: Callable[[str], list[Any]] = Field(default_factory=get_tokenizer, exclude=True)

    _turn: _Turn | None = PrivateAttr(default=None)

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, as LlamaIndex's components tell it."""
        return "ZettelmemMemoryBlock"

    def new_turn(self) -> None:
        """Forget what was recalled for the question so far."""
        self._turn = None

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        """The notes for the last user message that are not in the conversation anyway."""
        messages = messages or []
        question, place = last_question(messages)
        if not question:
            return ""
        present = {said(message) for message in messages}
        hits = await self._recalled(messages, question, place, block_kwargs.get("session_id"))
        return shown([hit for hit in hits if hit.note.content not in present][: self.top_k])

    async def _recalled(
        self, messages: Sequence[ChatMessage], question: str, place: int, session: str | None
    ) -> tuple[Hit, ...]:
        """One recall a turn, however often an agent asks for its memory meanwhile."""
        answers = sum(1 for message in messages[:place] if message.role != "user" and said(message))
        answered = any(said(message) for message in messages[place + 1 :])
        turn = self._turn
        if (
            turn is not None
            and (turn.session, turn.question) == (session, question)
            and (answered or (not turn.answered and answers == turn.answers))
        ):
            self._turn = turn._replace(answered=turn.answered or answered)
            return turn.hits
        recall = partial(
            self.memory.recall,
            question[:MAX_QUERY],
            namespace=self.namespace,
            k=min(self.top_k + len(messages), MAX_K),
        )
        hits = tuple(await asyncio.to_thread(recall))
        self._turn = _Turn(session, question, answers, answered, hits)
        return hits

    async def aput(
        self,
        messages: list[ChatMessage],
        from_short_term_memory: bool = False,
        session_id: str | None = None,
    ) -> None:
        """Remember messages, without writing the session's id into the caller's own."""
        copies = [
            message.model_copy(update={"additional_kwargs": dict(message.additional_kwargs)})
            for message in messages
        ]
        await super().aput(copies, from_short_term_memory, session_id)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        """Remember messages in the thread of their session."""
        sessions = [message.additional_kwargs.get("session_id") for message in messages]
        made = [
            draft
            for message, session in zip(messages, sessions, strict=True)
            for draft in drafts([message], session)
        ]
        if made:
            store = partial(self.memory.remember_many, namespace=self.namespace, judge=self.judge)
            await asyncio.to_thread(store, made)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """The best notes that fit once `tokens_to_truncate` tokens are gone; None if none does."""
        if not content:  # LlamaIndex hands [] for a block that had nothing to say
            return None
        lines = content.split("\n")[1:]
        room = len(self.tokenizer_fn(content)) - tokens_to_truncate
        kept: list[str] = []
        for line in lines:
            if len(self.tokenizer_fn("\n".join([HEADER, *kept, line]))) <= room:
                kept.append(line)
        return "\n".join([HEADER, *kept]) if kept else None
