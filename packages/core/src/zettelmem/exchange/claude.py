"""Claude's export: `conversations.json`, a list of conversations with their messages in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from zettelmem.drafts import Draft, Message
from zettelmem.errors import InvalidInput
from zettelmem.values import build

from .incoming import BadLine, Incoming, Reading, read_time
from .items import Item


def fits(value: Any) -> bool:
    """Whether an item is a conversation of such an export."""
    return isinstance(value, dict) and isinstance(value.get("chat_messages"), list)


def read(items: Iterable[Item], how: Reading) -> Iterator[Incoming | BadLine]:
    """The messages of each conversation, in order; a conversation's line is that of its messages."""
    for item in items:
        if not fits(item.value):
            yield BadLine(item.line, "is no conversation of a Claude export", item.read)
            continue
        for number, message in enumerate(item.value["chat_messages"], 1):
            try:
                draft = _draft(message, item.value, how)
            except InvalidInput as error:
                yield BadLine(item.line, f"message {number}: {error}", item.read)
                continue
            if draft is not None:
                yield Incoming(item.line, draft, None, item.read)


def _draft(message: Any, conversation: dict[str, Any], how: Reading) -> Draft | None:
    """What a message says, or None where it says nothing."""
    if not isinstance(message, dict):
        raise InvalidInput("is no object")
    at = message.get("created_at")
    fields = {
        "content": _said(message),
        "role": message.get("sender"),
        "at": None if at is None else read_time(at, how.zone),
        "key": f"claude:{message.get('uuid')}",
    }
    turn = build(Message, fields)
    if not turn.says_something:
        return None
    draft = turn.draft(thread=f"claude:{conversation.get('uuid')}", via=how.via)
    name = conversation.get("name")
    return draft.model_copy(update={"data": {"conversation": name}}) if isinstance(name, str) else draft


def _said(message: dict[str, Any]) -> Any:
    """The parts of type text, without what tools were asked and answered; `text` where there are none."""
    parts = message.get("content")
    if not isinstance(parts, list):
        return message.get("text")
    texts = [part for part in parts if isinstance(part, dict) and part.get("type") == "text"]
    return texts or message.get("text")
