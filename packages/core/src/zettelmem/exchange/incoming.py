"""What every reader of files gives: what can be remembered, what cannot and why, and how it is read."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from zettelmem.drafts import Draft
from zettelmem.errors import InvalidInput
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation
from zettelmem.values import build


@dataclass(frozen=True)
class Wish:
    """A link that a file asks for.

    Attributes:
        key: of the note at the other end; a note that never comes is no error.
        relation: what the note is to that one.
        reason: the file's own word for it.
    """

    key: str
    relation: Relation
    reason: str


@dataclass(frozen=True)
class Incoming:
    """A part of a file that can be remembered.

    Attributes:
        line: the number of the line it begins at, from 1.
        draft: what to remember; always with a key, so that the same part twice is one note.
        note: the whole note, where the part is one.
        read: bytes read so far, this part included; rows of a database.
        file: the file of a folder or an archive that it stands in; "" for the file itself.
        links: the links that the file asks for.
        base: of a whole note, the mark of what it said when it was written there; "" if nobody knows.
    """

    line: int
    draft: Draft
    note: Note | None
    read: int
    file: str = ""
    links: tuple[Wish, ...] = ()
    base: str = ""

    @property
    def namespace(self) -> Namespace | None:
        """Where the part itself says that it belongs; None for anything but a whole note."""
        return None if self.note is None else self.note.namespace


@dataclass(frozen=True)
class BadLine:
    """A part of a file that cannot be remembered, and why."""

    line: int
    problem: str
    read: int
    file: str = ""

    @property
    def told(self) -> str:
        """Where it is and what is wrong, in words."""
        where = f"{self.file}, line {self.line}" if self.file else f"line {self.line}"
        return f"{where}: {self.problem}"


@dataclass(frozen=True)
class Reading:
    """How a file is read.

    Attributes:
        zone: the time zone of times that name none; such times are refused where None.
        thread: the thread of what names none.
        via: the door that the source of each draft names.
    """

    zone: tzinfo | None = None
    thread: str | None = None
    via: str = "import"


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


def read_seconds(seconds: Any) -> datetime | None:
    """A point in time from seconds since 1970 (UTC), or None for None.

    Raises:
        InvalidInput: that is no such number.
    """
    if seconds is None:
        return None
    try:
        return datetime.fromtimestamp(float(seconds), UTC)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise InvalidInput(f"{str(seconds)[:40]!r} is no time in seconds since 1970") from error


def draft_of(note: Note) -> Draft:
    """What a whole note would be remembered from, under a key of its own where it has none."""
    # From when it is no longer so is decided where it is carried to.
    fields = {name: getattr(note, name) for name in Draft.model_fields if name != "invalid_at"}
    return build(Draft, {**fields, "key": note.key or f"exported:{note.id}"})


def derived_key(draft: Draft, seen: Counter[str]) -> str:
    """A key from a draft's thread, speaker, time and words, and from how often `seen` had the same."""
    at = None if draft.occurred_at is None else draft.occurred_at.isoformat()
    told = json.dumps([draft.thread, draft.source.who, at, draft.content])
    digest = hashlib.sha256(told.encode()).hexdigest()[:24]
    seen[digest] += 1
    return f"import:{digest}:{seen[digest]}"
