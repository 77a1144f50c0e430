"""What callers give: a draft of a note, a turn of a conversation, the fields that `revise` can change."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime, tzinfo
from typing import Annotated, Any, TypedDict

from pydantic import BeforeValidator, ConfigDict, JsonValue, StringConstraints

from .errors import InvalidInput
from .language.sameness import carries_nothing
from .limits import MAX_CONTENT
from .note import Source, Trust
from .values import Content, Context, Data, KindName, Label, Tags, Time, Value, Words, build, dated


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


ROLES: dict[str, tuple[str, Trust]] = {
    **dict.fromkeys(
        ("assistant", "ai", "model", "bot", "chatbot", "system", "developer"),
        ("assistant", Trust.REPORTED),
    ),
    **dict.fromkeys(("user", "human"), ("user", Trust.STATED)),
    "tool": ("tool", Trust.UNTRUSTED),
    "function": ("function", Trust.UNTRUSTED),
}
"""Who speaks in a role of a chat application, and how far such words are believed. Roles that are not
here are people's names, and believed as the user is."""


def _text_of(content: Any) -> Any:
    """The text of a message: a string, the text parts of a list, or "" for nothing."""
    if content is None:
        return ""
    if isinstance(content, str):
        return content
    if not isinstance(content, list | tuple):
        raise ValueError(f"is {type(content).__name__}; give a string, or parts with a text each")
    texts = []
    for part in content:
        text = part.get("text") if isinstance(part, Mapping) else part
        if isinstance(text, str):
            texts.append(text)
    return "\n".join(texts)


class Message(Value):
    """One turn of a conversation, as chat applications hold them; what else they hold of it is not read.

    Attributes:
        content: what was said; of a list of content parts the texts, "" for None.
        role: `user`, `assistant`, `tool` and the other names of `ROLES`, in any case, or a person's name.
        name: who said it; whose role it is where it is not given.
        at: when it was said.
        key: the application's id of the turn, so that it is never stored twice.

    >>> Message(role="ai", content=[{"type": "text", "text": "Mia."}, {"type": "image_url"}]).draft().trust
    <Trust.REPORTED: 1>
    """

    model_config = ConfigDict(extra="ignore")

    content: Annotated[str, StringConstraints(max_length=MAX_CONTENT), BeforeValidator(_text_of)]
    role: str = "user"
    name: str | None = None
    at: Time | None = None
    key: Label | None = None

    @property
    def says_something(self) -> bool:
        """Whether there is anything to remember: words, and not an assistant's mere acknowledgement."""
        speaker, _ = self._speaker
        return bool(self.content.strip()) and not (speaker == "assistant" and carries_nothing(self.content))

    @property
    def _speaker(self) -> tuple[str, Trust]:
        return ROLES.get(self.role.lower(), (self.role, Trust.STATED))

    def draft(self, *, thread: str | None = None, via: str = "api") -> Draft:
        """The draft that remembers this turn.

        Raises:
            InvalidInput: nothing is said in it.
        """
        speaker, trust = self._speaker
        fields = {
            "content": self.content,
            "key": self.key,
            "thread": thread,
            "occurred_at": self.at,
            "source": Source(who=self.name or speaker, via=via),
            "trust": trust,
        }
        return build(Draft, fields)


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


def conversation(turns: Iterable[Message | Mapping[str, Any]], zone: tzinfo | None = None) -> list[Message]:
    """The turns of a conversation as messages, those included that say nothing.

    Args:
        turns: messages, or mappings as chat APIs hold them. Of a content in parts the texts are taken, such
            as ``[{"type": "text", "text": "Hello"}, {"type": "image_url", ...}]``; keys that a message does
            not have, such as ``tool_calls``, are left out.
        zone: whose days dates are; UTC where None.

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
        if not isinstance(turn, Message | Mapping):
            raise InvalidInput(f'a turn is {type(turn).__name__}; give {{"role": "user", "content": "..."}}')
        given = {"content": None, **dated(turn, zone)} if isinstance(turn, Mapping) else turn
        messages.append(build(Message, given))
    return messages


class Fields(TypedDict, total=False):
    """What `revise` can change; a field that is left out stays as it is."""

    content: str
    context: str
    keywords: Sequence[str]
    tags: Sequence[str]
    kind: str
    data: Mapping[str, JsonValue] | None
    occurred_at: datetime | date
    invalid_at: datetime | date | None
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
