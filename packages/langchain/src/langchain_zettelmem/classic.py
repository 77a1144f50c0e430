"""For chains that still hold a chat history. LangChain has deprecated it (with `RunnableWithMessageHistory`
and the classic `BaseMemory`); new code takes `ZettelmemMiddleware`."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

from zettelmem import Draft, Memory, Message

_ROLES = {"human": "user", "ai": "assistant"}


class ZettelmemChatMessageHistory(BaseChatMessageHistory):
    """A thread of the memory as a chat history: what is added becomes notes, and is recalled like them.

    Args:
        memory: what remembers.
        namespace: whose memory.
        thread: the conversation, LangChain's `session_id`.

    Raises:
        StoreError: (all methods) the memory cannot be read or written.
    """

    def __init__(self, memory: Memory, *, namespace: str | Sequence[str], thread: str) -> None:
        self._memory = memory
        self._namespace = namespace
        self._thread = thread

    @property
    def messages(self) -> list[BaseMessage]:  # type: ignore[override]  # a field there, computed here
        """The messages of the thread, oldest first; other notes of it by who said them."""
        found: list[BaseMessage] = []
        cursor: str | None = None
        while True:
            page = self._memory.notes(
                namespace=self._namespace, thread=self._thread, limit=1_000, after=cursor
            )
            for note in page.notes:
                kept = (note.data or {}).get("message")
                if isinstance(kept, dict):
                    found += messages_from_dict([kept])
                else:
                    found.append(
                        (AIMessage if note.source.who == "assistant" else HumanMessage)(note.content)
                    )
            cursor = page.cursor
            if cursor is None:
                return found

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Remember messages; those without text, such as bare tool calls, are left out."""
        drafts: list[Draft] = []
        for message in messages:
            if message.text.strip():
                role = _ROLES.get(message.type, message.type)
                turn = Message(content=message.text, role=role, name=message.name).draft(
                    thread=self._thread, via="langchain"
                )
                drafts.append(turn.model_copy(update={"data": {"message": message_to_dict(message)}}))
        self._memory.remember_many(drafts, namespace=self._namespace)

    def clear(self) -> None:
        """Forget the thread."""
        while notes := self._memory.notes(namespace=self._namespace, thread=self._thread, limit=1_000).notes:
            for note in notes:
                self._memory.forget(note.id, namespace=note.namespace)
