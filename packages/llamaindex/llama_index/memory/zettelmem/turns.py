"""LlamaIndex's chat messages on their way to become notes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from llama_index.core.base.llms.types import ChatMessage, MessageRole

from zettelmem import MAX_CONTENT, Draft, Memory, Message, Note, as_namespace

VIA = "llamaindex"
"""The door that notes come in through."""

_ASSISTANTS = {MessageRole.ASSISTANT, MessageRole.CHATBOT, MessageRole.MODEL}


def said(message: ChatMessage) -> str:
    """What a person or an assistant said; "" for instructions, tool results and tool calls.

    Of a ReAct agent's reasoning only the answer is its own: the rest repeats what tools returned.
    """
    if message.role != MessageRole.USER and message.role not in _ASSISTANTS:
        return ""
    text = (message.content or "").encode("utf-8", "replace").decode("utf-8")
    if message.role in _ASSISTANTS and text.startswith("Thought:"):
        text = text.rpartition("\nAnswer:")[2].strip()
    return text if text.strip() else ""


def drafts(messages: Iterable[ChatMessage], thread: str | None) -> list[Draft]:
    """One draft for each thing that was said; several for one that is longer than a note."""
    made = []
    for message in messages:
        text = said(message)
        for start in range(0, len(text), MAX_CONTENT):
            turn = Message(content=text[start : start + MAX_CONTENT], role=message.role.value)
            if turn.says_something:
                made.append(turn.draft(thread=thread, via=VIA))
    return made


def copies(messages: Iterable[ChatMessage]) -> list[ChatMessage]:
    """Messages of our own: whatever is written into them, the caller's stay as they are."""
    return [message.model_copy(deep=True) for message in messages]


def notes_of(memory: Memory, namespace: str | Sequence[str], thread: str | None) -> list[Note]:
    """All notes of a thread in exactly this namespace, oldest first."""
    space = as_namespace(namespace)
    page = memory.notes(namespace=space, thread=thread, limit=None)
    return [note for note in page.notes if note.namespace == space]
