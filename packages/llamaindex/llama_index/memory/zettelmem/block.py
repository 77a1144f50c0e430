"""Long-term memory as a block of LlamaIndex's own `Memory`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from llama_index.core.base.llms.types import ChatMessage, MessageRole
from llama_index.core.memory import BaseMemoryBlock
from llama_index.core.utils import get_tokenizer
from pydantic import Field, PrivateAttr

from zettelmem import MAX_K, MAX_QUERY, MIN_SCORE, Draft, Judge, Memory, Part, Trust, cited, fence

from .turns import copies, drafts, said


class ZettelmemMemoryBlock(BaseMemoryBlock[str]):
    """Recalls notes for the user's last message; remembers what the short-term memory lets go.

    The best few notes are shown, people's words before the assistant's, fenced as data, with who said
    each and how far that is trusted. A memory of a few hundred tokens is shown whole.

    LlamaIndex hands a block only those messages that overflow the short-term memory. `ZettelmemMemory`
    remembers every message at once.
    """

    name: str = "LongTermMemory"
    description: str | None = "Notes from earlier conversations that bear on the user's last message."
    priority: int = Field(default=1, description="0: never truncated; lower numbers are cut first.")
    memory: Memory = Field(exclude=True, description="The notes.")
    namespace: str | Sequence[str] = Field(description="Whose memory; links and recall never leave it.")
    top_k: int = Field(default=6, ge=1, le=MAX_K, description="Notes shown at most, where not all are.")
    budget_tokens: int = Field(default=1_000, ge=1, description="Tokens of the notes shown, at most.")
    min_score: float = Field(
        default=MIN_SCORE, ge=0, le=1, description="The score a note needs to be shown, where not all are."
    )
    parts: Sequence[Part] = Field(
        default=("notes",),
        description="Of a brief (`Memory.brief`) that are shown: profile, lessons, plans, notes.",
    )
    cite: bool = Field(default=False, description="Ask for ids, where somebody reads them.")
    judge: Judge | None = Field(default=None, description="Who decides about links; None: the memory's.")
    every: int | None = Field(
        default=None, ge=1, description="After how many new notes the memory looks after itself; None: never."
    )
    tokenizer_fn: Callable[[str], list[Any]] = Field(default_factory=get_tokenizer, exclude=True)

    _turn: tuple[Any, str] = PrivateAttr(default=(None, ""))
    """What tells the turn that was last recalled for from others, and what was told."""
    _since: int = PrivateAttr(default=0)
    """Notes that were stored since the last upkeep."""

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, as LlamaIndex's components tell it."""
        return "ZettelmemMemoryBlock"

    async def _aget(self, messages: list[ChatMessage] | None = None, **block_kwargs: Any) -> str:
        """The notes for the last user message that are not in the conversation anyway."""
        messages = messages or []
        asked = [at for at, message in enumerate(messages) if message.role == MessageRole.USER]
        question = said(messages[asked[-1]]) if asked else ""
        if not question:
            return ""
        # an agent asks several times a turn, with the question twice, or with tool calls behind it
        before = [text for text in map(said, messages[: asked[-1]]) if text and text != question]
        answers = sum(bool(said(x)) for x in messages[: asked[-1]] if x.role != MessageRole.USER)
        turn = (block_kwargs.get("session_id"), question, block_kwargs.get("turn", answers))
        known, text = self._turn
        if known != turn:
            brief = await asyncio.to_thread(
                self.memory.brief,
                namespace=self.namespace,
                query=question[:MAX_QUERY],
                said=before,
                budget_tokens=self.budget_tokens,
                parts=self.parts,
                k=self.top_k,
                min_score=self.min_score,
                present=[said(message) for message in messages],
                cite=self.cite,
            )
            text = brief.text
            self._turn = (turn, text)
        # LlamaIndex puts this between tags, which no stored word may close.
        return text.replace("</", "< /")

    async def aput(self, messages: list[ChatMessage], *args: Any, **kwargs: Any) -> None:
        """Remember messages, without writing the session's id into the caller's own."""
        await super().aput(copies(messages), *args, **kwargs)

    async def _aput(self, messages: list[ChatMessage]) -> None:
        """Remember messages in the thread of their session."""
        self._turn = (None, "")  # with fewer messages in sight, answers no longer tell turns apart
        await self.remember(
            [x for each in messages for x in drafts([each], each.additional_kwargs.get("session_id"))]
        )

    async def remember(self, made: Sequence[Draft]) -> None:
        """Store what was said, and count the notes that an answer cites as used."""
        answers = [draft.content for draft in made if draft.trust is Trust.REPORTED]
        ids = cited("\n".join(answers))
        if ids:
            await asyncio.to_thread(self.memory.used, ids, namespace=self.namespace)
        remember = self.memory.remember_many
        await asyncio.to_thread(remember, made, namespace=self.namespace, judge=self.judge)
        self._since += len(made)
        if self.every is not None and self._since >= self.every:
            self._since = 0
            await asyncio.to_thread(self.memory.upkeep, namespace=self.namespace)

    async def atruncate(self, content: str, tokens_to_truncate: int) -> str | None:
        """The best notes that fit once `tokens_to_truncate` tokens are gone; None if none does."""
        if not content:  # LlamaIndex hands [] for a block that had nothing to say
            return None
        room = len(self.tokenizer_fn(content)) - tokens_to_truncate
        head, *lines = content.split("\n")
        parts = _parts(lines)
        kept: list[tuple[str, list[str]]] = [(heading, []) for heading, _ in parts]
        # The last part bears on the question, so it is filled first.
        for (_, notes), (_, chosen) in zip(reversed(parts), reversed(kept), strict=True):
            for note in notes:
                chosen.append(note)
                if len(self.tokenizer_fn(_told(head, kept))) > room:
                    chosen.pop()
        return _told(head, kept) if any(chosen for _, chosen in kept) else None


def _parts(lines: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The parts of a brief as they were told: the line above each, "" for none, and its notes."""
    parts: list[tuple[str, list[str]]] = []
    heading, inside = "", False
    for line in lines:
        if not inside and line.startswith("<<<notes "):
            parts.append((heading, []))
            heading, inside = "", True
        elif not inside:
            heading = line
        elif line.startswith("> "):
            parts[-1][1][-1] += f"\n{line}"
        elif line.startswith("["):
            parts[-1][1].append(line)
        else:
            inside = False
    return parts


def _told(head: str, parts: Sequence[tuple[str, Sequence[str]]]) -> str:
    lines = [head]
    for heading, notes in parts:
        if notes:
            lines += [heading] if heading else []
            lines.append(fence("\n".join(notes), "notes"))
    return "\n".join(lines)
