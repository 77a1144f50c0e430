"""Messages on their way to become notes: which are told by whom, and which of them are new. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, TypedDict

from langchain_core.messages import AnyMessage, BaseMessage, ChatMessage

from zettelmem import MAX_CONTENT, Draft, Message, Note

VIA = "langchain"
"""The door that notes come in through."""


class Turn(TypedDict):
    """A message that waits to be remembered, as JSON, so that a checkpoint can hold it.

    Attributes:
        id: of the message.
        words: a digest of its words: the same id with another digest was edited.
        earlier: it stands before the last turn of the thread. Then the client may have sent the history
            once more, and the note may be there under another id.
        draft: the note that it becomes.
    """

    id: str
    words: str
    earlier: bool
    draft: dict[str, Any]


def message_of(message: BaseMessage) -> Message:
    """The message as the core knows turns; roles and trust are the core's. Of a huge one, the beginning."""
    role = message.role if isinstance(message, ChatMessage) else message.type
    text = message.text.encode("utf-8", "replace").decode("utf-8")
    return Message(content=text[:MAX_CONTENT], role=role, name=message.name)


def key_of(thread: str | None, message_id: str | None) -> str:
    """The note's key: a message is one note, however often the thread is shown."""
    return f"{thread or ''}/{message_id}"


def question_in(messages: Iterable[BaseMessage]) -> tuple[str, list[str]]:
    """What the human said last, "" if no human spoke, and what he and the model said before that."""
    said: list[str] = []
    asked = 0
    for message in messages:
        if message.type in ("human", "ai") and not made_by_a_model(message) and message.text.strip():
            said.append(message.text.strip())
            asked = len(said) if message.type == "human" else asked
    return said[asked - 1] if asked else "", said[: max(0, asked - 1)]


def made_by_a_model(message: BaseMessage) -> bool:
    """Whether a middleware made it, such as a summary that stands where the human's words stood."""
    return "lc_source" in message.additional_kwargs


def new_turns(
    messages: Sequence[AnyMessage],
    thread: str | None,
    seen: Mapping[str, str],
    kinds: Collection[str],
) -> list[Turn]:
    """The messages that are to be remembered and are not yet.

    Args:
        messages: the thread as it stands, oldest first.
        thread: the conversation; None where nothing keeps it, and then all before the last turn is old.
        seen: the digest of the words of each message that is remembered or waits, by its id.
        kinds: the message types that become notes.
    """
    start = _last_turn(messages)
    turns = []
    for place, message in enumerate(messages):
        if message.type not in kinds or made_by_a_model(message) or (thread is None and place < start):
            continue
        told, message_id = message_of(message), message.id or ""
        words = hashlib.sha256(told.content.encode("utf-8", "replace")).hexdigest()[:16]
        if not told.says_something or seen.get(message_id) == words:
            continue
        draft = told.model_copy(update={"key": key_of(thread, message_id)}).draft(thread=thread, via=VIA)
        earlier = place < start and message_id not in seen
        turns.append(Turn(id=message_id, words=words, earlier=earlier, draft=draft.model_dump(mode="json")))
    return turns


def unknown(turns: Iterable[Turn], known: Mapping[str, Note], notes: Iterable[Note]) -> list[Draft]:
    """The drafts of the turns, without earlier ones that the thread holds already.

    Args:
        turns: what waits.
        known: the notes of the turns that were remembered under their key, by key. Those of earlier turns
            are revised if they were edited, and stay as they are if somebody revised the note itself.
        notes: what the thread holds, perhaps under other ids.
    """
    held = Counter((note.source.who, note.content) for note in notes)
    drafts = []
    for turn in turns:
        draft = Draft.model_validate(turn["draft"])
        note = known.get(draft.key or "")
        words = (draft.source.who, note.content if note else draft.content)
        held[words] -= 1
        new = held[words] < 0 if note is None else _says_more(draft, note)
        if new or not turn["earlier"]:
            drafts.append(draft)
    return drafts


def _says_more(draft: Draft, note: Note) -> bool:
    """Whether the words of a message are none that its note says, or said before somebody revised it."""
    said = [note.content, *(change.before.get("content") for change in note.history)]
    return note.forgotten_at is None and draft.content not in said


def _last_turn(messages: Sequence[BaseMessage]) -> int:
    """Where the last turn begins: the human's last messages in a row, and what came after them."""
    start = len(messages)
    for place, message in enumerate(messages):
        if message.type == "human" and (place == 0 or messages[place - 1].type != "human"):
            start = place
    return start
