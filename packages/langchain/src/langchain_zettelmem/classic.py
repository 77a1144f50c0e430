"""For chains that still hold a chat history. LangChain has deprecated it (with `RunnableWithMessageHistory`
and the classic `BaseMemory`); new code takes `ZettelmemMiddleware`."""

from __future__ import annotations

from collections.abc import Sequence

from langchain_core.chat_history import BaseChatMessageHistory
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, message_to_dict, messages_from_dict

from zettelmem import Memory, Note

from .turns import draft_of


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
        return [_message(note) for note in self._notes()]

    def add_messages(self, messages: Sequence[BaseMessage]) -> None:
        """Remember messages; those without text, such as bare tool calls, are left out."""
        drafts = [
            draft_of(message, self._thread).model_copy(update={"data": {"message": message_to_dict(message)}})
            for message in messages
            if message.text.strip()
        ]
        self._memory.remember_many(drafts, namespace=self._namespace)

    def clear(self) -> None:
        """Forget the thread."""
        for note in self._notes():
            self._memory.forget(note.id, namespace=note.namespace)

    def _notes(self) -> Sequence[Note]:
        return self._memory.notes(namespace=self._namespace, thread=self._thread, limit=None).notes


def _message(note: Note) -> BaseMessage:
    kept = (note.data or {}).get("message")
    if isinstance(kept, dict):
        return messages_from_dict([kept])[0]
    return (AIMessage if note.source.who == "assistant" else HumanMessage)(note.content)
