"""The same verbs for code that does not await: one event loop in a thread of its own, one line a verb."""

from __future__ import annotations

import os
import weakref
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from functools import partial, wraps
from threading import Lock
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

from .admin.desk import AsyncAdmin
from .errors import StoreError
from .memory import AsyncMemory

Given = ParamSpec("Given")
Answer = TypeVar("Answer")

_left_behind: list[AbstractContextManager[BlockingPortal]] = []


def _blocking(
    verb: Callable[Concatenate[Any, Given], Coroutine[Any, Any, Answer]],
) -> Callable[Concatenate[Any, Given], Answer]:
    """The verb with the same arguments, answer and docstring, for code that does not await."""

    @wraps(verb)
    def call(self: Memory | Admin, /, *args: Given.args, **kwargs: Given.kwargs) -> Answer:
        return self._run(partial(verb, self._async, *args, **kwargs))

    return call


def _opened_like(
    init: Callable[Concatenate[AsyncMemory, Given], None],
) -> Callable[[Callable[..., None]], Callable[Concatenate[Memory, Given], None]]:
    """Give a constructor the arguments of `AsyncMemory`."""

    def decorate(own: Callable[..., None]) -> Callable[Concatenate[Memory, Given], None]:
        @wraps(init)
        def call(memory: Memory, /, *args: Given.args, **kwargs: Given.kwargs) -> None:
            own(memory, *args, **kwargs)

        return call

    return decorate


def _stop(loop: AbstractContextManager[BlockingPortal], process: int) -> None:
    """End the thread of the event loop."""
    if os.getpid() == process:
        loop.__exit__(None, None, None)
    else:
        # The thread stayed in the process that was forked. Dropping the loop would wait for it forever.
        _left_behind.append(loop)


class Memory:
    """`AsyncMemory` for everybody else: same arguments, same results, same errors, no `await`.

    Works in scripts, in threads, in notebooks and inside a running event loop (which it blocks: use
    `AsyncMemory` there if you can). A process that was forked opens a memory of its own.

    Attributes:
        admin: the operator's verbs: examine, erase, quotas, backup, restore, re-embedding.
    """

    @_opened_like(AsyncMemory.__init__)
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._async = AsyncMemory(*args, **kwargs)
        self.admin = Admin(self)
        self.clock = self._async.clock
        self.zone = self._async.zone
        self.half_lives = self._async.half_lives
        self._process = os.getpid()
        self._starting = Lock()
        self._end: weakref.finalize[..., Memory] | None = None
        self._portal: BlockingPortal | None = None
        self._closed = False

    def _run(self, verb: Callable[[], Coroutine[Any, Any, Answer]]) -> Answer:
        if os.getpid() != self._process:
            raise StoreError(
                "this memory was opened before the process was forked, and its thread stayed behind; open a "
                "new one here, or start processes with multiprocessing's 'spawn'"
            )
        with self._starting:
            if self._closed:
                raise StoreError("this memory is closed; open a new one")
            if self._portal is None:
                loop = start_blocking_portal()
                self._portal = loop.__enter__()
                # An event loop that nobody stopped would keep the interpreter from ending.
                self._end = weakref.finalize(self, _stop, loop, self._process)
        answer: Answer = self._portal.call(verb)
        return answer

    def run(
        self,
        work: Callable[Concatenate[AsyncMemory, Given], Coroutine[Any, Any, Answer]],
        /,
        *args: Given.args,
        **kwargs: Given.kwargs,
    ) -> Answer:
        """What `work` gives, awaited on this memory's own loop with the `AsyncMemory` behind it."""
        return self._run(partial(work, self._async, *args, **kwargs))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
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

    remember = _blocking(AsyncMemory.remember)
    remember_conversation = _blocking(AsyncMemory.remember_conversation)
    remember_many = _blocking(AsyncMemory.remember_many)
    neighbours = _blocking(AsyncMemory.neighbours)
    ask = _blocking(AsyncMemory.ask)
    connect = _blocking(AsyncMemory.connect)
    revise = _blocking(AsyncMemory.revise)
    forget = _blocking(AsyncMemory.forget)
    undo = _blocking(AsyncMemory.undo)
    finish_pending = _blocking(AsyncMemory.finish_pending)
    used = _blocking(AsyncMemory.used)
    upkeep = _blocking(AsyncMemory.upkeep)
    decide = _blocking(AsyncMemory.decide)
    proposals = _blocking(AsyncMemory.proposals)
    recall = _blocking(AsyncMemory.recall)
    profile = _blocking(AsyncMemory.profile)
    brief = _blocking(AsyncMemory.brief)
    get = _blocking(AsyncMemory.get)
    keyed = _blocking(AsyncMemory.keyed)
    namespaces = _blocking(AsyncMemory.namespaces)
    notes = _blocking(AsyncMemory.notes)
    history = _blocking(AsyncMemory.history)
    links = _blocking(AsyncMemory.links)
    graph = _blocking(AsyncMemory.graph)
    stats = _blocking(AsyncMemory.stats)


class Admin:
    """The operator's verbs of a memory: `memory.admin`, as `AsyncAdmin` has them."""

    def __init__(self, memory: Memory) -> None:
        self._async = memory._async.admin
        self._run = memory._run

    erase = _blocking(AsyncAdmin.erase)
    erase_note = _blocking(AsyncAdmin.erase_note)
    quota = _blocking(AsyncAdmin.quota)
    set_quota = _blocking(AsyncAdmin.set_quota)
    examine = _blocking(AsyncAdmin.examine)
    exported = _blocking(AsyncAdmin.exported)
    reembed = _blocking(AsyncAdmin.reembed)
    backup = _blocking(AsyncAdmin.backup)
    present = _blocking(AsyncAdmin.present)
    restore = _blocking(AsyncAdmin.restore)
