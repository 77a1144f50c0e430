"""The LangGraph store: items as notes under the application's keys, their values in `data`."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from copy import deepcopy
from datetime import datetime, timedelta
from itertools import islice, takewhile
from typing import Any

from anyio import to_thread
from langgraph.store import base
from pydantic import ValidationError

from zettelmem import ConflictError, Draft, InvalidInput, Memory, Note, NotFound, Source

MARK = "langgraph"
"""The door that items come in through, and the field of a note's `data` that holds what is put."""
RUNGS = (40, 250, 1_000)
"""Notes that a query recalls; more of them where too few of the first are items that fit."""
MAX_QUERY = 10_000
"""Characters of a query that are looked at."""
MAX_TEXT = 100_000
"""Characters of an item's text that searches look at."""

Place = tuple[tuple[str, ...], str]
"""A namespace and a key."""
Found = tuple[Note, float | None]

_ABSENT = object()
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


class ZettelmemStore(base.BaseStore):
    """A LangGraph store on a memory: items are notes, so a search finds them by words, meaning and links.

    Values come back as they were put (as JSON has them). Notes that were not put through a store are
    never seen by it. One batch reads before it writes, and the last put of a key wins; the puts of one
    namespace are written together (64 at a time), those of several one namespace after the other.

    Args:
        memory: what keeps the items, and tells the time. It may hold other notes too, and serve other
            stores.
        fields: paths of the text that searches look at, where a put gives no `index`, as in LangGraph's
            `IndexConfig`; "$" is the whole value.
        links: whether the memory's own judge links and evolves the items (their values never change),
            and hides from queries those that it finds superseded.
        ttl: LangGraph's `TTLConfig`: `default_ttl` and `sweep_interval_minutes` in minutes,
            `refresh_on_read`. Expired items are never given out; they are removed by `sweep_ttl`, and
            by a put once the interval has passed.

    Raises:
        InvalidInput: (all methods; a ValueError) a value is no JSON object or has over 1,000,000
            characters, or a key is empty or over 500 characters. Nothing was written.
        base.InvalidNamespaceError: (all methods; a ValueError) a label is empty, no string, or holds a
            period; or a put's namespace is empty. Nothing was written.
        StoreError: (all methods) the memory cannot be read or written.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Memory,
        *,
        fields: Sequence[str] = ("$",),
        links: bool = False,
        ttl: base.TTLConfig | None = None,
    ) -> None:
        self.memory = memory
        self.ttl_config = ttl
        self._fields = fields
        self._links = links
        self._swept = memory.clock()

    def batch(self, ops: Iterable[base.Op]) -> list[base.Result]:
        """Run the operations: reads on the state before the batch, then the puts.

        Returns:
            One result an operation, in order; None for a put.

        Raises:
            ValueError: an operation is unknown, or a filter uses an unknown operator.
        """
        asked = list(ops)
        for op in asked:
            _check(op)
        now = self.memory.clock()
        puts = {_place(op): op for op in asked if isinstance(op, base.PutOp)}
        drafts = {place: self._draft(op, now) for place, op in puts.items() if op.value is not None}
        stored = self._stored([*puts, *(_place(op) for op in asked if isinstance(op, base.GetOp))])
        results = [self._read(op, stored, now) for op in asked]
        for place in stored.keys() & puts.keys():
            note = stored[place]
            if place not in drafts or _over(note, now):  # an expired one is put as a new item
                self._forget(note, None if place not in drafts else note.revision)
        for space in dict.fromkeys(space for space, _ in drafts):
            wanted = [draft for place, draft in drafts.items() if place[0] == space]
            self.memory.remember_many(wanted, namespace=space, judge=None if self._links else "none")
        interval = (self.ttl_config or {}).get("sweep_interval_minutes")
        if puts and interval is not None and now - self._swept >= timedelta(minutes=interval):
            self.sweep_ttl()
        return results

    async def abatch(self, ops: Iterable[base.Op]) -> list[base.Result]:
        """As `batch`, in a worker thread."""
        return await to_thread.run_sync(self.batch, list(ops))

    def sweep_ttl(self) -> int:
        """Remove the items whose time is over; how many there were."""
        now = self._swept = self.memory.clock()
        over = [note for note in self._every((), valid=False) if _over(note, now)]
        return sum(self._forget(note, note.revision) for note in over)

    async def asweep_ttl(self) -> int:
        """As `sweep_ttl`, in a worker thread."""
        return await to_thread.run_sync(self.sweep_ttl)

    # --- read ----------------------------------------------------------------------------------

    def _stored(self, places: Iterable[Place]) -> dict[Place, Note]:
        """The items of these places, expired ones too."""
        spaces: dict[tuple[str, ...], list[str]] = {}
        for space, key in places:
            spaces.setdefault(space, []).append(key)
        return {
            (space, key): note
            for space, keys in spaces.items()
            for key, note in self.memory.keyed(keys, namespace=space).items()
            if _held(note)
        }

    def _every(self, namespace: Sequence[str], **how: Any) -> Iterator[Note]:
        """The items at and below a namespace, read a page at a time, because their values may be large."""
        page = self.memory.notes(namespace=tuple(namespace), via=MARK, **how)
        yield from filter(_held, page.notes)
        while page.cursor is not None:
            page = self.memory.notes(namespace=tuple(namespace), via=MARK, after=page.cursor, **how)
            yield from filter(_held, page.notes)

    def _read(self, op: base.Op, stored: Mapping[Place, Note], now: datetime) -> base.Result:
        if isinstance(op, base.PutOp):
            return None
        if isinstance(op, base.ListNamespacesOp):
            return self._list(op, now)
        if isinstance(op, base.SearchOp):
            found = self._search(op, now)
            self._refresh((note for note, _ in found if op.refresh_ttl), now)
            return [base.SearchItem(**_fields(note), score=score) for note, score in found]
        note = stored.get(_place(op))
        if note is None or _over(note, now):
            return None
        self._refresh([note] if op.refresh_ttl else (), now)
        return base.Item(**_fields(note))

    def _search(self, op: base.SearchOp, now: datetime) -> list[Found]:
        conditions, end = op.filter or {}, op.offset + op.limit
        _matches({}, conditions)  # an unknown operator is an error even where nothing is found

        def fitting(found: Iterable[Found]) -> Iterator[Found]:
            for note, score in found:
                if not _over(note, now) and _matches(_held(note)["value"], conditions):
                    yield note, score

        if not op.query or not op.query.strip():
            last_first = self._every(op.namespace_prefix, by="occurred_at", newest_first=True)
            return list(islice(fitting((note, None) for note in last_first), op.offset, end))
        for k in (k for k in RUNGS if k >= min(end, RUNGS[-1])):
            hits = self.memory.recall(
                op.query[:MAX_QUERY],
                namespace=tuple(op.namespace_prefix),
                via=MARK,
                k=k,
                superseded=not self._links,
            )
            indexed = [(hit.note, hit.score) for hit in hits if _held(hit.note).get("indexed")]
            found = list(fitting(indexed))
            if len(found) >= end or len(hits) < k:
                break
        return found[op.offset : end]

    def _list(self, op: base.ListNamespacesOp, now: datetime) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        prefixes = [each.path for each in conditions if each.match_type == "prefix"]
        under = tuple(takewhile(lambda label: label != "*", prefixes[0])) if prefixes else ()
        spaces = set(self.memory.namespaces(under=under, via=MARK, valid=True))
        # What is no longer so may still be an item: its time is over only if it was given one.
        spaces |= {note.namespace for note in self._every(under, valid=False) if not _over(note, now)}
        spaces = {space for space in spaces if all(_fits(each, space) for each in conditions)}
        return sorted({space[: op.max_depth] for space in spaces})[op.offset : op.offset + op.limit]

    # --- write ---------------------------------------------------------------------------------

    def _draft(self, op: base.PutOp, now: datetime) -> Draft:
        try:
            value = json.loads(json.dumps(op.value, allow_nan=False))
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidInput(
                f"the value of {op.key!r} is no JSON: {error}; put strings, numbers, lists and dicts"
            ) from error
        if not isinstance(value, dict):
            raise InvalidInput(f"the value of {op.key!r} is no dict; put {{'value': ...}}")
        paths = () if op.index is False else self._fields if op.index is None else op.index
        texts = [text for path in paths for text in _texts(value, path) if text.strip()]
        try:
            return Draft(
                content=("\n".join(texts) or json.dumps(value, ensure_ascii=False))[:MAX_TEXT],
                key=str(op.key),
                data={MARK: {"value": value, "indexed": bool(texts), "ttl": op.ttl}},
                occurred_at=now,
                invalid_at=None if op.ttl is None else now + timedelta(minutes=max(op.ttl, 0)),
                source=Source(via=MARK),
            )
        except ValidationError as error:
            why = "; ".join(f"{each['loc'][0]}: {each['msg']}" for each in error.errors())
            raise InvalidInput(f"the item {str(op.key)[:80]!r} cannot be stored: {why}") from error

    def _forget(self, note: Note, revision: int | None) -> bool:
        """Whether a note was forgotten, at this revision only; others may have been faster."""
        with suppress(NotFound, ConflictError):
            self.memory.forget(note.id, namespace=note.namespace, revision=revision)
            return True
        return False

    def _refresh(self, notes: Iterable[Note], now: datetime) -> None:
        """Start the time of what was read anew, where that makes at least a twentieth of it."""
        for note in notes:
            end = _end(note)
            if end is None:
                continue
            life = timedelta(minutes=_held(note)["ttl"])
            if now + life - end >= life / 20:
                # Others deleted it, or keep refreshing it.
                with suppress(NotFound, ConflictError):
                    self.memory.revise(note.id, namespace=note.namespace, invalid_at=now + life)


def _check(op: base.Op) -> None:
    if not isinstance(op, base.GetOp | base.SearchOp | base.PutOp | base.ListNamespacesOp):
        raise ValueError(f"unknown operation {type(op).__name__}; use GetOp, SearchOp, PutOp, ...")
    base.validate_op_namespace(op)
    if isinstance(op, base.PutOp) and not op.namespace:
        raise base.InvalidNamespaceError("a put needs a namespace, such as ('users', 'ana')")


def _place(op: base.GetOp | base.PutOp) -> Place:
    return tuple(op.namespace), str(op.key)


# --- a note as an item -----------------------------------------------------------------------------


def _held(note: Note) -> dict[str, Any]:
    """What was put, and how; {} for a note that is no item."""
    held = (note.data or {}).get(MARK) if note.key is not None else None
    return held if isinstance(held, dict) else {}


def _fields(note: Note) -> dict[str, Any]:
    """What an item is made of, its value a copy; created when first recorded, updated when last put."""
    return {
        "value": deepcopy(_held(note)["value"]),
        "key": note.key,
        "namespace": note.namespace,
        "created_at": note.recorded_at,
        "updated_at": max(note.recorded_at, note.occurred_at),
    }


def _end(note: Note) -> datetime | None:
    """When its time is over: a put starts it, and a read that refreshes it moves `invalid_at`.

    A judge may have set `invalid_at` back; that says nothing about how long the item is kept.
    """
    ttl = _held(note)["ttl"]
    if ttl is None:
        return None
    first = note.occurred_at + timedelta(minutes=ttl)
    return max(first, note.invalid_at or first)


def _over(note: Note, now: datetime) -> bool:
    end = _end(note)
    return end is not None and end <= now


def _texts(value: dict[str, Any], path: str) -> list[str]:
    """The texts at a path; the whole value as lines of `name: text`, or one text where it has one field."""
    return [_plain(value)] if path == "$" else base.get_text_at_path(value, base.tokenize_path(path))


def _plain(value: Any) -> str:
    if isinstance(value, dict) and len(value) == 1:  # its name, such as "text", is nothing that is told
        return _plain(next(iter(value.values())))
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "\n".join(map(_plain, value))
    return "" if value is None else str(value)


# --- conditions ------------------------------------------------------------------------------------


def _fits(condition: base.MatchCondition, namespace: tuple[str, ...]) -> bool:
    path = tuple(condition.path)
    part = namespace[: len(path)] if condition.match_type == "prefix" else namespace[-len(path) :]
    return len(path) <= len(namespace) and all(
        want in ("*", label) for want, label in zip(path, part, strict=False)
    )


def _matches(value: Any, wanted: Any) -> bool:
    """Whether a value is as a filter wants it. What is absent matches nothing, not even `$ne`."""
    if isinstance(wanted, Mapping):
        if any(str(name).startswith("$") for name in wanted):
            compared = [_compare(value, name, than) for name, than in wanted.items()]
            return all(compared)
        inner = value if isinstance(value, dict) else {}
        found = [_matches(inner.get(name, _ABSENT), each) for name, each in wanted.items()]
        return isinstance(value, dict) and all(found)
    if isinstance(wanted, list | tuple):
        pairs = isinstance(value, list) and len(value) == len(wanted)
        return pairs and all(_matches(a, b) for a, b in zip(value, wanted, strict=True))
    return bool(value is not _ABSENT and value == wanted)


def _compare(value: Any, name: str, than: Any) -> bool:
    if name not in _COMPARE:
        raise ValueError(f"unknown filter operator {name!r}; use {', '.join(_COMPARE)}")
    if value is _ABSENT:
        return False
    if name in ("$eq", "$ne") or (isinstance(value, str) and isinstance(than, str)):
        return _COMPARE[name](value, than)
    try:
        return _COMPARE[name](float(value), float(than))
    except (TypeError, ValueError, OverflowError):  # a list, None, a word: not comparable, so no match
        return False
