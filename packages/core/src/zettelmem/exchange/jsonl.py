"""One JSON object a line: messages to remember, and whole notes that were exported.

A message is ``{"content": ..., "role"?, "name"?, "at"?, "thread"?, "key"?}``. A whole note is what
`note_line` writes. Each good line becomes an `Incoming`, each other one a `BadLine` that says why.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Any, BinaryIO

from pydantic import ValidationError

from zettelmem.drafts import Draft, Message
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.values import build, refusal

_NOTE_ONLY = frozenset({"recorded_at", "revision", "history"})
"""Fields by which a whole note is told from a message."""


@dataclass(frozen=True)
class Incoming:
    """A line that can be remembered.

    Attributes:
        line: its number, from 1.
        draft: what to remember; always with a key, so that the same line twice is one note.
        note: the whole note, where the line is one.
        read: bytes read so far, this line included.
    """

    line: int
    draft: Draft
    note: Note | None
    read: int

    @property
    def namespace(self) -> Namespace | None:
        """Where the line itself says that it belongs; None for messages."""
        return None if self.note is None else self.note.namespace


@dataclass(frozen=True)
class BadLine:
    """A line that cannot be remembered, and why."""

    line: int
    problem: str
    read: int


def read_time(text: Any, zone: tzinfo | None = None) -> datetime:
    """A point in time from ISO 8601.

    Args:
        text: such as ``2024-05-04T10:00:00Z`` or ``2024-05-04``.
        zone: the time zone of times that name none.

    Raises:
        InvalidInput: that is no time, or it names no time zone and `zone` is None.
    """
    try:
        at = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise InvalidInput(f"{str(text)[:40]!r} is no time; write it as 2024-05-04T10:00:00Z") from error
    if at.tzinfo is None:
        if zone is None:
            raise InvalidInput(
                f"{text!r} names no time zone; end it with Z or an offset such as +01:00, or give --timezone"
            )
        at = at.replace(tzinfo=zone)
    return at


def read_turns(
    file: BinaryIO,
    *,
    zone: tzinfo | None = None,
    thread: str | None = None,
    via: str = "import",
) -> Iterator[Incoming | BadLine]:
    """The lines of a JSONL file in order, blank ones left out.

    A line without a key gets one from its thread, speaker, time and words, and from how often the same
    came before in this file. So the same file again, whole, cut off or with lines added, adds nothing twice.

    Args:
        file: bytes, UTF-8.
        zone: the time zone of times that name none; such times are refused where None.
        thread: the thread of lines that name none.
        via: the door that the source of each message names.

    Raises:
        OSError: the file cannot be read on.
    """
    seen: Counter[str] = Counter()
    line = read = 0
    while raw := file.readline(MAX_LINE):
        line += 1
        read += len(raw)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            while rest := file.readline(MAX_LINE):
                read += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield BadLine(line, f"is longer than {MAX_LINE:,} bytes; is this a JSONL file?", read)
            continue
        if not raw.removeprefix(b"\xef\xbb\xbf").strip():
            continue
        try:
            draft, note = _parsed(raw, zone, thread, via)
        except InvalidInput as error:
            yield BadLine(line, str(error), read)
            continue
        if draft.key is None:
            draft = draft.model_copy(update={"key": _derived_key(draft, note, seen)})
        yield Incoming(line, draft, note, read)


def _parsed(raw: bytes, zone: tzinfo | None, thread: str | None, via: str) -> tuple[Draft, Note | None]:
    value = _object(raw)
    if value.keys() >= _NOTE_ONLY:
        note = build(Note, value)
        return _draft_of(note), note
    own = value.pop("thread", None)
    if value.get("at") is not None:
        try:
            value["at"] = read_time(value["at"], zone)
        except InvalidInput as error:
            raise InvalidInput(f"at: {error}") from error
    unknown = value.keys() - Message.model_fields.keys()
    if unknown:
        raise InvalidInput(f"{', '.join(sorted(unknown))}: is no field here; leave it out")
    try:
        draft = build(Message, value).draft(thread=thread if own is None else own, via=via)
    except ValidationError as error:
        raise refusal(error) from error
    return draft, None


def _object(raw: bytes) -> dict[str, Any]:
    try:
        value = json.loads(raw.decode("utf-8-sig"), parse_constant=_refuse)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"is no UTF-8 (byte {error.start + 1}); save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"is no JSON: {error.msg} at column {error.colno}") from error
    except ValueError as error:
        raise InvalidInput(f"is no JSON: {error}") from error
    except RecursionError as error:
        raise InvalidInput("nests too deep; flatten it") from error
    if not isinstance(value, dict):
        raise InvalidInput(
            f"is a JSON {type(value).__name__}; write one object a line, such as "
            '{"content": "...", "role": "user"}'
        )
    return value


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number there")


def _draft_of(note: Note) -> Draft:
    # From when it is no longer so is decided where it is carried to.
    fields = {name: getattr(note, name) for name in Draft.model_fields if name != "invalid_at"}
    return Draft(**fields)


def _derived_key(draft: Draft, note: Note | None, seen: Counter[str]) -> str:
    if note is not None:
        return f"exported:{note.id}"
    at = None if draft.occurred_at is None else draft.occurred_at.isoformat()
    told = json.dumps([draft.thread, draft.source.who, at, draft.content])
    digest = hashlib.sha256(told.encode()).hexdigest()[:24]
    seen[digest] += 1
    return f"import:{digest}:{seen[digest]}"


def note_line(note: Note) -> str:
    """The whole note, history and links included, as one line of JSON without the line's end."""
    return note.model_dump_json()


def read_note(line: bytes) -> Note:
    """The note that `note_line` wrote.

    Raises:
        InvalidInput: that is no such line.
    """
    value = _object(line)
    if not value.keys() >= _NOTE_ONLY:
        raise InvalidInput("is no whole note")
    return build(Note, value)
