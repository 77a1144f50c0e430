"""ChatGPT's export: `conversations.json`, a list of conversations, each a tree of messages.

Of each conversation the branch that was shown last is read, from its root on. What the user and the
assistant said to each other is taken; tools, hidden messages and reasoning are not.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from zettelmem.drafts import Draft, Message
from zettelmem.errors import InvalidInput
from zettelmem.values import build

from .incoming import BadLine, Incoming, Reading, read_seconds
from .items import Item

TEXTS = ("text", "multimodal_text")
"""Types of content that hold what was said."""


def fits(value: Any) -> bool:
    """Whether an item is a conversation of such an export."""
    return isinstance(value, dict) and isinstance(value.get("mapping"), dict)


def read(items: Iterable[Item], how: Reading) -> Iterator[Incoming | BadLine]:
    """The messages of each conversation, in order; a conversation's line is that of its messages."""
    for item in items:
        if not fits(item.value):
            yield BadLine(item.line, "is no conversation of a ChatGPT export", item.read)
            continue
        thread = f"chatgpt:{_id(item.value)}"
        for node in _branch(item.value):
            try:
                draft = _draft(node, thread, how, item.value.get("title"))
            except InvalidInput as error:
                yield BadLine(item.line, f"message {str(node.get('id'))[:40]}: {error}", item.read)
                continue
            if draft is not None:
                yield Incoming(item.line, draft, None, item.read)


def _id(conversation: dict[str, Any]) -> str:
    found = conversation.get("conversation_id") or conversation.get("id") or conversation.get("create_time")
    return str(found)[:400]


def _branch(conversation: dict[str, Any]) -> list[dict[str, Any]]:
    """The nodes from the root to the message that was shown last."""
    mapping: dict[str, Any] = conversation["mapping"]
    at = conversation.get("current_node")
    if at not in mapping:
        at = next(reversed(mapping), None)
    branch: list[dict[str, Any]] = []
    seen: set[str] = set()
    while isinstance(at, str) and at not in seen and isinstance(mapping.get(at), dict):
        seen.add(at)
        branch.append(mapping[at])
        at = mapping[at].get("parent")
    return branch[::-1]


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _draft(node: dict[str, Any], thread: str, how: Reading, title: Any) -> Draft | None:
    """What a node says, or None where it says nothing to anybody."""
    message = node.get("message")
    if not isinstance(message, dict):
        return None
    content, metadata = _object(message.get("content")), _object(message.get("metadata"))
    role = _object(message.get("author")).get("role")
    if role not in ("user", "assistant") or content.get("content_type") not in TEXTS:
        return None
    if message.get("recipient", "all") != "all" or metadata.get("is_visually_hidden_from_conversation"):
        return None
    fields = {
        "content": content.get("parts"),
        "role": role,
        "at": read_seconds(message.get("create_time")),
        "key": f"chatgpt:{message.get('id') or node.get('id')}",
    }
    turn = build(Message, fields)
    if not turn.says_something:
        return None
    draft = turn.draft(thread=thread, via=how.via)
    return draft.model_copy(update={"data": {"conversation": title}}) if isinstance(title, str) else draft
