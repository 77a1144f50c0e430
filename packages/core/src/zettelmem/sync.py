"""The same verbs for code that does not await: one event loop in a thread of its own, one line a verb."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from os import PathLike
from threading import Lock
from types import TracebackType
from typing import Any, Concatenate, Literal, ParamSpec, Self, TypeVar, Unpack, overload

from anyio.from_thread import BlockingPortal, start_blocking_portal
from pydantic import BaseModel, JsonValue

from .errors import StoreError
from .judge import Judge
from .memory import AsyncMemory, utc_now
from .note import (
    Decision,
    Draft,
    Erasure,
    Evolution,
    Examination,
    Fields,
    Graph,
    Hit,
    Link,
    Message,
    Namespace,
    Neighbour,
    Note,
    Page,
    Quota,
    Reembedded,
    Remembered,
    Source,
    Stats,
    Trust,
)
from .protocols import Embedder, LanguageModel, Reranker
from .remember import Secrets

T = TypeVar("T")
P = ParamSpec("P")


class Memory:
    """`AsyncMemory` for everybody else: same arguments, same results, same errors, no `await`.

    Works in scripts, in threads, in notebooks and inside a running event loop (which it blocks: use
    `AsyncMemory` there if you can). Every method is documented at `AsyncMemory`.
    """

    def __init__(
        self,
        uri: str = "memory://",
        *,
        embedder: Embedder | None = None,
        reranker: Reranker | None = None,
        model: LanguageModel | None = None,
        judge: Judge | None = None,
        kinds: Mapping[str, type[BaseModel]] | None = None,
        neighbours: int = 8,
        evolve: bool = True,
        model_timeout: float = 60.0,
        durable: bool = True,
        secrets: Secrets = "flag",
        audit: str | PathLike[str] | None = None,
        storage_options: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self._async = AsyncMemory(
            uri,
            embedder=embedder,
            reranker=reranker,
            model=model,
            judge=judge,
            kinds=kinds,
            neighbours=neighbours,
            evolve=evolve,
            model_timeout=model_timeout,
            durable=durable,
            secrets=secrets,
            audit=audit,
            storage_options=storage_options,
            clock=clock,
        )
        self.clock = clock
        self._starting = Lock()
        self._end: weakref.finalize[..., Memory] | None = None
        self._portal: BlockingPortal | None = None
        self._closed = False

    def _run(self, verb: Callable[..., Coroutine[Any, Any, T]], /, *args: Any, **kwargs: Any) -> T:
        with self._starting:
            if self._closed:
                raise StoreError("this memory is closed; open a new one")
            if self._portal is None:
                running = start_blocking_portal()
                self._portal = running.__enter__()
                # An event loop that nobody stopped would keep the interpreter from ending.
                self._end = weakref.finalize(self, running.__exit__, None, None, None)
        result: T = self._portal.call(partial(verb, *args, **kwargs))
        return result

    def run(
        self,
        work: Callable[Concatenate[AsyncMemory, P], Coroutine[Any, Any, T]],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """The result of `work`, which is awaited with the `AsyncMemory` behind this one, on its own loop."""
        return self._run(work, self._async, *args, **kwargs)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Finish what runs in the background, let go of the store, and end the thread."""
        if self._portal is not None and not self._closed:
            self._run(self._async.close)
        with self._starting:
            self._closed = True
            if self._end is not None:
                self._end()
            self._portal = None

    @overload
    def remember(
        self,
        content: str,
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        kind: str | None = None,
        occurred_at: datetime | None = None,
        source: Source | str | None = None,
        trust: Trust = Trust.STATED,
        data: Mapping[str, JsonValue] | BaseModel | None = None,
        keywords: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        key: str | None = None,
        judge: Judge | None = None,
    ) -> Remembered: ...

    @overload
    def remember(
        self,
        content: Sequence[Message | Mapping[str, Any]],
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        judge: Judge | None = None,
    ) -> list[Remembered]: ...

    def remember(
        self,
        content: str | Sequence[Message | Mapping[str, Any]],
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        kind: str | None = None,
        occurred_at: datetime | None = None,
        source: Source | str | None = None,
        trust: Trust = Trust.STATED,
        data: Mapping[str, JsonValue] | BaseModel | None = None,
        keywords: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        key: str | None = None,
        judge: Judge | None = None,
    ) -> Remembered | list[Remembered]:
        """As `AsyncMemory.remember`."""
        verb: Callable[..., Coroutine[Any, Any, Remembered | list[Remembered]]] = self._async.remember
        if not isinstance(content, str):
            return self._run(verb, content, namespace=namespace, thread=thread, judge=judge)
        return self._run(
            verb,
            content,
            namespace=namespace,
            thread=thread,
            kind=kind,
            occurred_at=occurred_at,
            source=source,
            trust=trust,
            data=data,
            keywords=keywords,
            tags=tags,
            context=context,
            key=key,
            judge=judge,
        )

    def remember_many(
        self,
        drafts: Iterable[Draft | Mapping[str, Any] | str],
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Remembered]:
        """As `AsyncMemory.remember_many`."""
        return self._run(
            self._async.remember_many, drafts, namespace=namespace, judge=judge, progress=progress
        )

    def neighbours(self, note_id: str, *, namespace: str | Sequence[str]) -> list[Neighbour]:
        """As `AsyncMemory.neighbours`."""
        return self._run(self._async.neighbours, note_id, namespace=namespace)

    def question(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[str, str]:
        """As `AsyncMemory.question`."""
        return self._run(self._async.question, note_id, namespace=namespace)

    def connect(
        self,
        note_id: str,
        decision: Decision | Mapping[str, Any] | str,
        *,
        namespace: str | Sequence[str],
    ) -> Remembered:
        """As `AsyncMemory.connect`."""
        return self._run(self._async.connect, note_id, decision, namespace=namespace)

    def revise(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        reason: str = "",
        **fields: Unpack[Fields],
    ) -> Remembered:
        """As `AsyncMemory.revise`."""
        return self._run(self._async.revise, note_id, namespace=namespace, reason=reason, **fields)

    @overload
    def forget(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        revision: int | None = None,
        erase: Literal[False] = False,
    ) -> Remembered: ...

    @overload
    def forget(self, note_id: str, *, namespace: str | Sequence[str], erase: Literal[True]) -> Erasure: ...

    def forget(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        revision: int | None = None,
        erase: bool = False,
    ) -> Remembered | Erasure:
        """As `AsyncMemory.forget`."""
        verb: Callable[..., Coroutine[Any, Any, Remembered | Erasure]] = self._async.forget
        return self._run(verb, note_id, namespace=namespace, revision=revision, erase=erase)

    def erase(self, *, namespace: str | Sequence[str]) -> Erasure:
        """As `AsyncMemory.erase`."""
        return self._run(self._async.erase, namespace=namespace)

    def undo(self, change: str, *, namespace: str | Sequence[str]) -> Remembered:
        """As `AsyncMemory.undo`."""
        return self._run(self._async.undo, change, namespace=namespace)

    def finish_pending(
        self,
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        limit: int | None = None,
        before: datetime | None = None,
    ) -> list[Remembered]:
        """As `AsyncMemory.finish_pending`."""
        return self._run(
            self._async.finish_pending, namespace=namespace, judge=judge, limit=limit, before=before
        )

    def recall(
        self,
        query: str,
        *,
        namespace: str | Sequence[str],
        k: int = 10,
        kinds: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        min_trust: Trust = Trust.UNTRUSTED,
        via: str | None = None,
        superseded: bool = False,
        expand: bool = True,
        budget_tokens: int | None = None,
        min_score: float = 0.0,
        explain: bool = False,
    ) -> list[Hit]:
        """As `AsyncMemory.recall`."""
        return self._run(
            self._async.recall,
            query,
            namespace=namespace,
            k=k,
            kinds=kinds,
            tags=tags,
            thread=thread,
            since=since,
            until=until,
            as_of=as_of,
            min_trust=min_trust,
            via=via,
            superseded=superseded,
            expand=expand,
            budget_tokens=budget_tokens,
            min_score=min_score,
            explain=explain,
        )

    def get(self, note_id: str, *, namespace: str | Sequence[str]) -> Note:
        """As `AsyncMemory.get`."""
        return self._run(self._async.get, note_id, namespace=namespace)

    def keyed(self, keys: Iterable[str], *, namespace: str | Sequence[str]) -> dict[str, Note]:
        """As `AsyncMemory.keyed`."""
        return self._run(self._async.keyed, keys, namespace=namespace)

    def namespaces(
        self, *, under: str | Sequence[str] = (), via: str | None = None, valid: bool | None = None
    ) -> list[Namespace]:
        """As `AsyncMemory.namespaces`."""
        return self._run(self._async.namespaces, under=under, via=via, valid=valid)

    def notes(
        self,
        *,
        namespace: str | Sequence[str],
        kinds: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        valid: bool | None = None,
        pending: bool = False,
        limit: int | None = 100,
        after: str | None = None,
        newest_first: bool = False,
        by: Literal["recorded_at", "occurred_at"] = "recorded_at",
    ) -> Page:
        """As `AsyncMemory.notes`."""
        return self._run(
            self._async.notes,
            namespace=namespace,
            kinds=kinds,
            tags=tags,
            thread=thread,
            since=since,
            until=until,
            via=via,
            valid=valid,
            pending=pending,
            limit=limit,
            after=after,
            newest_first=newest_first,
            by=by,
        )

    def history(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Evolution, ...]:
        """As `AsyncMemory.history`."""
        return self._run(self._async.history, note_id, namespace=namespace)

    def links(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Link, ...]:
        """As `AsyncMemory.links`."""
        return self._run(self._async.links, note_id, namespace=namespace)

    def graph(
        self,
        *,
        namespace: str | Sequence[str],
        start: str | None = None,
        hops: int = 2,
        limit: int = 200,
    ) -> Graph:
        """As `AsyncMemory.graph`."""
        return self._run(self._async.graph, namespace=namespace, start=start, hops=hops, limit=limit)

    def stats(self, *, namespace: str | Sequence[str]) -> Stats:
        """As `AsyncMemory.stats`."""
        return self._run(self._async.stats, namespace=namespace)

    def quota(self, *, namespace: str | Sequence[str]) -> Quota:
        """As `AsyncMemory.quota`."""
        return self._run(self._async.quota, namespace=namespace)

    def set_quota(
        self, *, namespace: str | Sequence[str], notes: int | None = None, size: int | None = None
    ) -> Quota:
        """As `AsyncMemory.set_quota`."""
        return self._run(self._async.set_quota, namespace=namespace, notes=notes, size=size)

    def examine(self, *, repair: bool = False, purge_after: timedelta | None = None) -> Examination:
        """As `AsyncMemory.examine`."""
        return self._run(self._async.examine, repair=repair, purge_after=purge_after)

    def exported(self, file: str | PathLike[str]) -> None:
        """As `AsyncMemory.exported`."""
        self._run(self._async.exported, file)

    def reembed(self, *, progress: Callable[[int, int], None] | None = None) -> Reembedded:
        """As `AsyncMemory.reembed`."""
        return self._run(self._async.reembed, progress=progress)
