"""Whether a write fits what its namespaces may hold. Pure: figures in, figures or a refusal out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

from .errors import QuotaError
from .note import Note
from .receipts import Quota


def weight(note: Note) -> int:
    """The bytes that a note counts for: UTF-8 of its content, its context, and its data as JSON."""
    data = "" if note.data is None else json.dumps(note.data)
    return len(note.content.encode()) + len(note.context.encode()) + len(data.encode())


def admitted(
    quotas: Sequence[Quota], before: Mapping[str, Note], after: Mapping[str, Note]
) -> tuple[Quota, ...]:
    """The quotas with what they hold once `after` is written over `before`.

    A write that adds neither notes nor bytes always fits, so that a full namespace can be emptied.

    Raises:
        QuotaError: the first that would hold more than it may.
    """
    room = []
    for quota in quotas:
        inside = [note for note in after.values() if quota.covers(note.namespace)]
        notes = sum(note.id not in before for note in inside)
        size = sum(weight(note) - (weight(before[note.id]) if note.id in before else 0) for note in inside)
        now = quota.model_copy(
            update={"notes_used": quota.notes_used + notes, "size_used": quota.size_used + size}
        )
        if notes > 0 and quota.notes is not None and now.notes_used > quota.notes:
            raise _refusal(quota, f"{quota.notes:,} notes", f"{quota.notes_used:,}", f"{notes:,} more")
        if size > 0 and quota.size is not None and now.size_used > quota.size:
            raise _refusal(quota, f"{quota.size:,} bytes", f"{quota.size_used:,}", f"{size:,} more")
        room.append(now)
    return tuple(room)


def _refusal(quota: Quota, limit: str, used: str, wanted: str) -> QuotaError:
    where = "/".join(quota.namespace) or "the whole store"
    return QuotaError(
        f"the quota of {where} is {limit}, {used} are used, and this needs {wanted}; nothing was written: "
        "erase notes (forgotten ones count until they are erased), write less, or raise the quota"
    )
