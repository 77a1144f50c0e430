"""Quotas: whether a write fits what its namespaces may hold, looked at inside the commit."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence

from zettelmem.decisions import Changes
from zettelmem.errors import QuotaError
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.receipts import Quota
from zettelmem.store import Store


class Quotas:
    """The commit hook that refuses what is beyond a quota."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._measured: dict[Namespace, Quota] = {}
        self._version = 0

    async def before(
        self, changes: Sequence[Changes], old: Mapping[str, Note], new: Mapping[str, Note]
    ) -> None:
        """Refuse a write that adds to a namespace more than it may hold.

        Raises:
            QuotaError: the first quota that would be passed.
        """
        spaces = {note.namespace for note in new.values()}
        for quota in await self._store.quotas():
            if any(quota.covers(space) for space in spaces):
                check(await self._held(quota), old, new)

    async def _held(self, quota: Quota) -> Quota:
        """The quota with what its namespace holds; measured once for all callers of a commit."""
        version = await self._store.version()
        if version != self._version:
            self._measured, self._version = {}, version
        measured = self._measured.get(quota.namespace)
        if measured is None or (measured.notes, measured.size) != (quota.notes, quota.size):
            measured = self._measured[quota.namespace] = await self._store.measured(quota)
        return measured

    async def failed(self, changes: Sequence[Changes]) -> None:
        """Nothing was taken, so there is nothing to give back."""

    async def erasing(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """Erasing makes room; it always fits."""


def weight(note: Note) -> int:
    """The bytes that a note counts for: UTF-8 of its content, its context, and its data as JSON."""
    data = "" if note.data is None else json.dumps(note.data)
    return len(note.content.encode()) + len(note.context.encode()) + len(data.encode())


def check(quota: Quota, old: Mapping[str, Note], new: Mapping[str, Note]) -> None:
    """Whether a quota holds once `new` is written over `old`.

    A write that adds neither notes nor bytes always fits, so that a full namespace can be emptied.

    Args:
        quota: its limits, and what its namespace holds now.
        old, new: notes by id, before and after the write.

    Raises:
        QuotaError: it would be passed; the text says by how much.
    """
    inside = [note for note in new.values() if quota.covers(note.namespace)]
    notes = sum(note.id not in old for note in inside)
    size = sum(weight(note) - (weight(old[note.id]) if note.id in old else 0) for note in inside)
    if notes > 0 and quota.notes is not None and quota.notes_used + notes > quota.notes:
        raise _refusal(quota, f"{quota.notes:,} notes", f"{quota.notes_used:,}", f"{notes:,} more")
    if size > 0 and quota.size is not None and quota.size_used + size > quota.size:
        raise _refusal(quota, f"{quota.size:,} bytes", f"{quota.size_used:,}", f"{size:,} more")


def _refusal(quota: Quota, limit: str, used: str, wanted: str) -> QuotaError:
    where = "/".join(quota.namespace) or "the whole store"
    return QuotaError(
        f"the quota of {where} is {limit}, {used} are used, and this needs {wanted}; nothing was written: "
        "erase notes (forgotten ones count until they are erased), write less, or raise the quota"
    )
