"""What callers give: a draft of a note, a turn of a conversation, the fields that `revise` can change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TypedDict

from pydantic import JsonValue

from .note import Source, Trust
from .values import Content, Context, Data, KindName, Label, Time, Value, Words


class Draft(Value):
    """A note before it is one: what the caller knows. Everything but `content` may be left out."""

    content: Content
    key: Label | None = None
    thread: Label | None = None
    kind: KindName | None = None
    context: Context | None = None
    keywords: Words | None = None
    tags: Words | None = None
    data: Data | None = None
    occurred_at: Time | None = None
    invalid_at: Time | None = None
    source: Source = Source()
    trust: Trust = Trust.STATED


class Message(Value):
    """One turn of a conversation, as chat applications hold them.

    Attributes:
        content: what was said.
        role: `user`, `assistant`, `tool`, ...; decides the trust (`tool` 0, `assistant` 1, else 2).
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
        trust = {"tool": Trust.UNTRUSTED, "function": Trust.UNTRUSTED, "assistant": Trust.REPORTED}
        return Draft(
            content=self.content,
            key=self.key,
            thread=thread,
            occurred_at=self.at,
            source=Source(who=self.name or self.role, via=via),
            trust=trust.get(self.role, Trust.STATED),
        )


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
