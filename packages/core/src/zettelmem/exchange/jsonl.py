"""One JSON object a line: messages to remember, and whole notes that were exported.

A message is ``{"content": ..., "role"?, "name"?, "at"?, "thread"?, "key"?}``. A whole note is what
`note_line` writes. Each good line becomes an `Incoming`, each other one a `BadLine` that says why.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any, BinaryIO

from pydantic import ValidationError

from zettelmem.drafts import Draft, Message
from zettelmem.errors import InvalidInput
from zettelmem.limits import MAX_LINE
from zettelmem.note import Note
from zettelmem.values import build, refusal

from .incoming import BadLine, Incoming, Reading, derived_key, draft_of, read_time

_NOTE_ONLY = frozenset({"recorded_at", "revision", "history"})
"""Fields by which a whole note is told from a message."""
BACKUP = "zettelmem_backup"
"""The field of a backup's first line that tells how many notes follow."""


def fits(value: Any) -> bool:
    """Whether a line is a message, a whole note, or the first one of a backup."""
    return isinstance(value, dict) and ("content" in value or BACKUP in value)


def lines_of(file: BinaryIO) -> Iterator[tuple[int, int, bytes | None]]:
    """The lines of a file that are not blank: number, bytes read so far, and the line; None if too long.

    Raises:
        OSError: the file cannot be read on.
    """
    line = read = 0
    while raw := file.readline(MAX_LINE):
        line += 1
        read += len(raw)
        if len(raw) == MAX_LINE and not raw.endswith(b"\n"):
            while rest := file.readline(MAX_LINE):
                read += len(rest)
                if rest.endswith(b"\n"):
                    break
            yield line, read, None
        elif raw.removeprefix(b"\xef\xbb\xbf").strip():
            yield line, read, raw


def read_turns(file: BinaryIO, how: Reading = Reading()) -> Iterator[Incoming | BadLine]:  # noqa: B008
    """The lines of a JSONL file in order, blank ones left out.

    A line without a key gets one from its thread, speaker, time and words, and from how often the same
    came before in this file. So the same file again, whole, cut off or with lines added, adds nothing twice.

    Args:
        file: bytes, UTF-8.
        how: the zone, thread and door of what names none.

    Raises:
        OSError: the file cannot be read on.
    """
    seen: Counter[str] = Counter()
    for line, read, raw in lines_of(file):
        if raw is None:
            yield BadLine(line, f"is longer than {MAX_LINE:,} bytes; is this a JSONL file?", read)
            continue
        try:
            value = json_object(raw)
            if BACKUP in value:
                continue
            note = build(Note, value) if value.keys() >= _NOTE_ONLY else None
            draft = _draft(value, how) if note is None else draft_of(note)
        except InvalidInput as error:
            yield BadLine(line, str(error), read)
            continue
        if draft.key is None:
            draft = draft.model_copy(update={"key": derived_key(draft, seen)})
        yield Incoming(line, draft, note, read)


def _draft(value: dict[str, Any], how: Reading) -> Draft:
    own = value.pop("thread", None)
    if value.get("at") is not None:
        try:
            value["at"] = read_time(value["at"], how.zone)
        except InvalidInput as error:
            raise InvalidInput(f"at: {error}") from error
    unknown = value.keys() - Message.model_fields.keys()
    if unknown:
        raise InvalidInput(f"{', '.join(sorted(unknown))}: is no field here; leave it out")
    try:
        return build(Message, value).draft(thread=how.thread if own is None else own, via=how.via)
    except ValidationError as error:
        raise refusal(error) from error


def json_object(raw: bytes) -> dict[str, Any]:
    """The JSON object that a line is.

    Raises:
        InvalidInput: it is none; the text says why.
    """
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


def note_line(note: Note) -> str:
    """The whole note, history and links included, as one line of JSON without the line's end."""
    return note.model_dump_json()


def read_note(line: bytes) -> Note:
    """The note that `note_line` wrote.

    Raises:
        InvalidInput: that is no such line.
    """
    value = json_object(line)
    if not value.keys() >= _NOTE_ONLY:
        raise InvalidInput("is no whole note")
    return build(Note, value)
