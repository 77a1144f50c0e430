"""What callers give: a draft of a note, a turn of a conversation, the fields that `revise` can change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict

from pydantic import JsonValue

from .errors import InvalidInput
from .note import Source, Trust
from .values import Content, Context, Data, KindName, Label, Tags, Time, Value, Words, build


class Draft(Value):
    """A note before it is one: what the caller knows. Everything but `content` may be left out."""

    content: Content
    key: Label | None = None
    thread: Label | None = None
    kind: KindName | None = None
    context: Context | None = None
    keywords: Words | None = None
    tags: Tags | None = None
    data: Data | None = None
    occurred_at: Time | None = None
    invalid_at: Time | None = None
    source: Source = Source()
    trust: Trust = Trust.STATED


_TRUST = {
    **dict.fromkeys(("tool", "function"), Trust.UNTRUSTED),
    **dict.fromkeys(("assistant", "ai", "model", "bot", "system", "developer"), Trust.REPORTED),
}
"""How far the words of a role may be believed; those of any other are the person's own."""


class Message(Value):
    """One turn of a conversation, as chat applications hold them.

    Attributes:
        content: what was said.
        role: decides the trust: `tool` and `function` are untrusted, `assistant` and its other names (`ai`,
            `model`, `bot`), `system` and `developer` are reported, any other is stated.
        name: who said it; the role where it is not given.
        at: when it was said.
        key: the application's id of the turn, so that it is never stored twice.
    """

    content: Content
    role: str = "user"
    name: str | None = None
    at: Time | None = None
    key: Label | None = None

    def draft(self, *, thread: str | None = None, via: str = "api") -> Draft:
        """The draft that remembers this turn."""
        return Draft(
            content=self.content,
            key=self.key,
            thread=thread,
            occurred_at=self.at,
            source=Source(who=self.name or self.role, via=via),
            trust=_TRUST.get(self.role, Trust.STATED),
        )


def revisable(fields: Fields) -> dict[str, Any]:
    """The fields of a revision.

    Raises:
        InvalidInput: one of them cannot be revised.
    """
    unknown = fields.keys() - Fields.__annotations__.keys()
    if unknown:
        raise InvalidInput(
            f"{', '.join(sorted(unknown))} cannot be revised; give {', '.join(Fields.__annotations__)}"
        )
    return dict(fields)


def conversation(turns: Iterable[Message | Mapping[str, Any]]) -> list[Message]:
    """The turns that say something, as messages.

    Args:
        turns: messages, or mappings as chat APIs hold them. Of a content in parts the texts are taken, such
            as ``[{"type": "text", "text": "Hello"}, {"type": "image_url", ...}]``; keys that a message does
            not have, such as ``tool_calls``, are left out.

    Raises:
        InvalidInput: a turn is neither, or a value does not fit.
    """
    if isinstance(turns, str | Mapping) or not isinstance(turns, Iterable):
        raise InvalidInput(
            f"the conversation is {type(turns).__name__}; give a list of turns, such as "
            '[{"role": "user", "content": "..."}]'
        )
    messages: list[Message] = []
    for turn in turns:
        if isinstance(turn, Message):
            messages.append(turn)
        elif isinstance(turn, Mapping):
            text = _text(turn.get("content"))
            if text.strip():
                own = {name: turn[name] for name in Message.model_fields if name in turn}
                messages.append(build(Message, {**own, "content": text}))
        else:
            raise InvalidInput(f'a turn is {type(turn).__name__}; give {{"role": "user", "content": "..."}}')
    return messages


def _text(content: Any) -> str:
    """The words of a content: a string, None, or a list of parts."""
    if content is None or isinstance(content, str):
        return content or ""
    if not isinstance(content, list | tuple):
        raise InvalidInput(f"the content of a turn is {type(content).__name__}; give a string, or parts")
    texts = (part.get("text") if isinstance(part, Mapping) else part for part in content)
    return "\n".join(text for text in texts if isinstance(text, str) and text)


class Fields(TypedDict, total=False):
    """What `revise` can change; a field that is left out stays as it is."""

    content: str
    context: str
    keywords: Sequence[str]
    tags: Sequence[str]
    kind: str
    data: Mapping[str, JsonValue] | None
    occurred_at: datetime
    invalid_at: datetime | None
    source: Source
    trust: Trust


def batches(drafts: Sequence[Draft], size: int) -> Iterator[list[Draft]]:
    """Runs of at most `size` drafts, no key twice in one."""
    batch: list[Draft] = []
    keys: set[str] = set()
    for draft in drafts:
        if len(batch) == size or (draft.key and draft.key in keys):
            yield batch
            batch, keys = [], set()
        batch.append(draft)
        if draft.key:
            keys.add(draft.key)
    if batch:
        yield batch
