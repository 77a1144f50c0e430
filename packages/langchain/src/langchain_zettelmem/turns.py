"""Messages on their way to become notes."""

from __future__ import annotations

from langchain_core.messages import BaseMessage

from zettelmem import Draft, Message

_ROLES = {"human": "user", "ai": "assistant"}


def draft_of(message: BaseMessage, thread: str | None, key: str | None = None) -> Draft:
    """What is known of the note that a message becomes."""
    role = _ROLES.get(message.type, message.type)
    turn = Message(content=message.text, role=role, name=message.name, key=key)
    return turn.draft(thread=thread, via="langchain")
