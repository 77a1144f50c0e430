"""The LangGraph store: items as notes under the application's keys, their bookkeeping in `data`."""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from threading import Condition
from typing import Any

from anyio import to_thread
from langgraph.store.base import (
    BaseStore,
    GetOp,
    InvalidNamespaceError,
    Item,
    ListNamespacesOp,
    MatchCondition,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    tokenize_path,
    validate_op_namespace,
)
from pydantic import ValidationError

from zettelmem import ConflictError, Draft, InvalidInput, Memory, Note, NotFound, Source

MARK = "langgraph"
"""The field of a note's `data` that holds an item's value and bookkeeping."""
MOST = 1_000
"""Notes that one call of the memory gives at most."""
MAX_QUERY = 10_000
"""Characters of a query that are looked at."""
_ABSENT = object()
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "$eq": operator.eq,
    "$ne": operator.ne,
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


@dataclass(frozen=True)
class _Entry:
    """A note of the memory, read as an item of the store."""

    note: Note
    key: str
    value: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    indexed: bool
    ttl: float | None

    @property
    def expires_at(self) -> datetime | None:
        """When its time is over: a put starts it, and a read that refreshes it is kept in `invalid_at`."""
        if self.ttl is None:
            return None
        first = self.updated_at + timedelta(minutes=self.ttl)
        return max(first, self.note.invalid_at or first)

    def got(self) -> Item:
        """The item as `get` gives it: a copy of its own for every caller."""
        return Item(
            value=deepcopy(self.value),
            key=self.key,
            namespace=self.note.namespace,
            created_at=self.created_at,
            updated_at=self.updated_at,
        )

    def searched(self, score: float | None) -> SearchItem:
        """The item as `search` gives it."""
        return SearchItem(self.note.namespace, self.key, self.value, self.created_at, self.updated_at, score)


class ZettelmemStore(BaseStore):
    """A LangGraph store on a memory: items are notes, so a search finds them by words, meaning and links.

    Values come back as they were put (as JSON has them). Notes that were not put through a store are
    never seen by it. One batch reads before it writes, and the last put of a key wins; the puts of one
    namespace are written together, those of several one namespace after the other.

    Args:
        memory: what keeps the items. It may hold other notes too, and serve other stores.
        fields: paths of the text that searches look at, where a put gives no `index`, as in LangGraph's
            `IndexConfig`; the whole value where None.
        links: whether the memory's own judge links and evolves the items (their values never change),
            and hides from queries those that it finds superseded.
        ttl: LangGraph's `TTLConfig`: `default_ttl` and `sweep_interval_minutes` in minutes,
            `refresh_on_read`. Expired items are never given out; they are removed by `sweep_ttl`, and
            by a put once the interval has passed.
        clock: what time it is (aware); for tests.

    Raises:
        InvalidInput: (all methods; a ValueError) a value is no JSON object or larger than a note's data
            may be, or a key is empty. Nothing was put into its namespace.
        InvalidNamespaceError: (all methods; a ValueError) a label is empty, no string, or holds a
            period; or a put's namespace is empty or below "langgraph". Nothing was written.
        StoreError: (all methods) the memory cannot be read or written.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Memory,
        *,
        fields: Sequence[str] | None = None,
        links: bool = False,
        ttl: TTLConfig | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.memory = memory
        self.ttl_config = ttl
        self._fields = tuple(fields) if fields is not None else ("$",)
        self._links = links
        self._clock = clock
        self._free = Condition()
        self._busy: set[tuple[tuple[str, ...], str]] = set()
        self._swept = clock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Run the operations: reads on the state before the batch, then the puts.

        Returns:
            One result an operation, in order; None for a put.

        Raises:
            ValueError: an operation is unknown, or a filter uses an unknown operator.
        """
        asked = list(ops)
        for op in asked:
            _check(op)
        now = self._clock()
        puts = {(tuple(op.namespace), str(op.key)): op for op in asked if isinstance(op, PutOp)}
        drafts = {place: self._draft(op, now) for place, op in puts.items() if op.value is not None}
        results: list[Result] = [None] * len(asked)
        gets: dict[tuple[str, ...], list[tuple[int, GetOp]]] = {}
        for i, op in enumerate(asked):
            if isinstance(op, GetOp):
                gets.setdefault(tuple(op.namespace), []).append((i, op))
            elif isinstance(op, SearchOp):
                results[i] = self._search(op, now)
            elif isinstance(op, ListNamespacesOp):
                results[i] = self._list(op, now)
        for namespace, wanted in gets.items():
            found = self._keyed([str(op.key) for _, op in wanted], namespace, now)
            for i, op in wanted:
                entry = found.get(str(op.key))
                results[i] = entry.got() if entry else None
            read = {str(op.key) for _, op in wanted if op.refresh_ttl}
            self._refresh((entry for key, entry in found.items() if key in read), now)
        if puts:
            self._put(puts, drafts, now)
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """As `batch`, in a worker thread."""
        return await to_thread.run_sync(self.batch, list(ops))

    def sweep_ttl(self) -> int:
        """Remove the items whose time is over; how many there were."""
        now = self._swept = self._clock()
        over = [each for each in self._entries((), now, expired=True) if _over(each, now)]
        for entry in over:
            with suppress(NotFound):  # another sweep was faster
                self.memory.forget(entry.note.id, namespace=entry.note.namespace)
        return len(over)

    async def asweep_ttl(self) -> int:
        """As `sweep_ttl`, in a worker thread."""
        return await to_thread.run_sync(self.sweep_ttl)

    # --- read ----------------------------------------------------------------------------------

    def _keyed(self, keys: Iterable[str], namespace: tuple[str, ...], now: datetime) -> dict[str, _Entry]:
        notes = self.memory.keyed([key for key in keys if key], namespace=namespace)
        entries = {key: _entry(note) for key, note in notes.items()}
        return {key: each for key, each in entries.items() if each and not _over(each, now)}

    def _entries(self, namespace: Sequence[str], now: datetime, *, expired: bool = False) -> Iterator[_Entry]:
        """The items at and below a namespace, in the order they were first put."""
        cursor: str | None = None
        while True:
            page = self.memory.notes(namespace=namespace, limit=MOST, after=cursor)
            for note in page.notes:
                entry = _entry(note)
                if entry is not None and (expired or not _over(entry, now)):
                    yield entry
            cursor = page.cursor
            if cursor is None:
                return

    def _search(self, op: SearchOp, now: datetime) -> list[SearchItem]:
        conditions = op.filter or {}
        _matches({}, conditions)  # an unknown operator is an error even where nothing is found
        end = op.offset + op.limit
        if op.query and op.query.strip():
            found = self._recall(op, conditions, end, now)
        else:
            entries = [
                each
                for each in self._entries(tuple(op.namespace_prefix), now)
                if _matches(each.value, conditions)
            ]
            entries.sort(key=lambda each: each.updated_at, reverse=True)
            found = [(each, None) for each in entries]
        found = found[op.offset : end]
        if op.refresh_ttl:
            self._refresh((entry for entry, _ in found), now)
        return [entry.searched(score) for entry, score in found]

    def _recall(
        self, op: SearchOp, conditions: Mapping[str, Any], end: int, now: datetime
    ) -> list[tuple[_Entry, float | None]]:
        """The best items for the query; more notes are asked for while too few of them qualify."""
        k = min(max(2 * end, 20), MOST)
        while True:
            hits = self.memory.recall(
                (op.query or "")[:MAX_QUERY],
                namespace=tuple(op.namespace_prefix),
                k=k,
                superseded=not self._links,
            )
            found: list[tuple[_Entry, float | None]] = []
            for hit in hits:
                entry = _entry(hit.note)
                if (
                    entry is not None
                    and entry.indexed
                    and not _over(entry, now)
                    and _matches(entry.value, conditions)
                ):
                    found.append((entry, hit.score))
            if len(found) >= end or len(hits) < k or k == MOST:
                return found
            k = min(4 * k, MOST)

    def _list(self, op: ListNamespacesOp, now: datetime) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        entries = self._entries(_common_prefix(conditions), now)
        spaces = {
            space
            for space in {entry.note.namespace for entry in entries}
            if all(_fits(each, space) for each in conditions)
        }
        if op.max_depth is not None:
            spaces = {space[: op.max_depth] for space in spaces}
        return sorted(spaces)[op.offset : op.offset + op.limit]

    # --- write ---------------------------------------------------------------------------------

    def _draft(self, op: PutOp, now: datetime) -> Draft:
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
        held: dict[str, Any] = {
            "value": value,
            "created_at": now.isoformat(),
            "updated_at": now.isoformat(),
            "indexed": bool(texts),
            "ttl": op.ttl,
        }
        try:
            return Draft(
                content="\n".join(texts) or json.dumps(value, ensure_ascii=False),
                key=str(op.key),
                data={MARK: held},
                source=Source(via="langgraph"),
            )
        except ValidationError as error:
            why = "; ".join(each["msg"] for each in error.errors())
            raise InvalidInput(f"the item {str(op.key)[:80]!r} cannot be stored: {why}") from error

    def _put(
        self,
        puts: Mapping[tuple[tuple[str, ...], str], PutOp],
        drafts: Mapping[tuple[tuple[str, ...], str], Draft],
        now: datetime,
    ) -> None:
        spaces: dict[tuple[str, ...], list[str]] = {}
        for namespace, key in puts:
            spaces.setdefault(tuple(namespace), []).append(key)
        with self._turn(set(puts)):
            for namespace, keys in spaces.items():
                before = self._keyed(keys, namespace, now)
                wanted = [
                    _since(drafts[namespace, key], before.get(key))
                    for key in keys
                    if (namespace, key) in drafts
                ]
                self._write(wanted, namespace)
                for key in keys:
                    if (namespace, key) not in drafts and key in before:
                        with suppress(NotFound):  # somebody else deleted it meanwhile
                            self.memory.forget(before[key].note.id, namespace=namespace)
        interval = (self.ttl_config or {}).get("sweep_interval_minutes")
        if interval is not None and now - self._swept >= timedelta(minutes=interval):
            self.sweep_ttl()

    @contextmanager
    def _turn(self, places: set[tuple[tuple[str, ...], str]]) -> Iterator[None]:
        """Alone with some items: what stood there is read and replaced by one writer at a time."""
        with self._free:
            self._free.wait_for(lambda: self._busy.isdisjoint(places))
            self._busy |= places
        try:
            yield
        finally:
            with self._free:
                self._busy -= places
                self._free.notify_all()

    def _write(self, drafts: Sequence[Draft], namespace: tuple[str, ...]) -> None:
        if not drafts:
            return
        done = self.memory.remember_many(drafts, namespace=namespace, judge=None if self._links else "none")
        for each in done:
            if each.note.invalid_at is not None:  # of the value before: a new one is valid
                self.memory.revise(each.note.id, namespace=namespace, invalid_at=None)

    def _refresh(self, entries: Iterable[_Entry], now: datetime) -> None:
        """Start the time of what was read anew, where that makes at least a twentieth of it."""
        for entry in entries:
            if entry.ttl is None or entry.expires_at is None:
                continue
            life = timedelta(minutes=entry.ttl)
            if now + life - entry.expires_at >= life / 20:
                # Others deleted it, or keep refreshing it.
                with suppress(NotFound, ConflictError):
                    self.memory.revise(entry.note.id, namespace=entry.note.namespace, invalid_at=now + life)


def _check(op: Op) -> None:
    if not isinstance(op, GetOp | SearchOp | PutOp | ListNamespacesOp):
        raise ValueError(f"unknown operation {type(op).__name__}; use GetOp, SearchOp, PutOp, ...")
    validate_op_namespace(op)
    if isinstance(op, PutOp) and (not op.namespace or op.namespace[0] == "langgraph"):
        raise InvalidNamespaceError(
            f"a put needs a namespace whose root is not 'langgraph', not {op.namespace!r}"
        )


def _entry(note: Note) -> _Entry | None:
    """The item that a note holds, or None for a note that is none."""
    held = (note.data or {}).get(MARK)
    if not isinstance(held, dict) or note.key is None:
        return None
    fields: dict[str, Any] = held
    return _Entry(
        note=note,
        key=note.key,
        value=fields["value"],
        created_at=datetime.fromisoformat(fields["created_at"]),
        updated_at=datetime.fromisoformat(fields["updated_at"]),
        indexed=fields["indexed"],
        ttl=fields["ttl"],
    )


def _over(entry: _Entry, now: datetime) -> bool:
    return entry.expires_at is not None and entry.expires_at <= now


def _since(draft: Draft, before: _Entry | None) -> Draft:
    """The draft, created when what it replaces was."""
    if before is None or draft.data is None:
        return draft
    held: dict[str, Any] = draft.data[MARK]  # type: ignore[assignment]  # made by `_draft`
    created = {"created_at": before.created_at.isoformat()}
    return draft.model_copy(update={"data": {MARK: held | created}})


def _texts(value: dict[str, Any], path: str) -> list[str]:
    """The texts at a path; the whole value as lines of `name: text`."""
    if path == "$":
        return [_plain(value)]
    return get_text_at_path(value, tokenize_path(path))


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return "\n".join(f"{name}: {_plain(each)}" for name, each in value.items())
    if isinstance(value, list):
        return "\n".join(map(_plain, value))
    return "" if value is None else str(value)


def _common_prefix(conditions: Sequence[MatchCondition]) -> tuple[str, ...]:
    """A namespace that holds all that can fit, from the first labels of a prefix condition."""
    for each in conditions:
        if each.match_type == "prefix":
            path = tuple(each.path)
            return path[: path.index("*")] if "*" in path else path
    return ()


def _fits(condition: MatchCondition, namespace: tuple[str, ...]) -> bool:
    path = tuple(condition.path)
    if len(path) > len(namespace):
        return False
    part = namespace[: len(path)]
    if condition.match_type == "suffix":
        part = namespace[len(namespace) - len(path) :]
    return all(want in ("*", label) for want, label in zip(path, part, strict=True))


def _matches(value: Any, wanted: Any) -> bool:
    """Whether a value is as a filter wants it. What is absent matches nothing, not even `$ne`."""
    if isinstance(wanted, Mapping):
        if any(str(name).startswith("$") for name in wanted):
            asked = [_compare(value, name, than) for name, than in wanted.items()]
            return all(asked)
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
    if name in ("$eq", "$ne"):
        return _COMPARE[name](value, than)
    if isinstance(value, str) and isinstance(than, str):
        return _COMPARE[name](value, than)
    try:
        return _COMPARE[name](float(value), float(than))
    except (TypeError, ValueError):  # a list, None, a word: not comparable, so no match
        return False
