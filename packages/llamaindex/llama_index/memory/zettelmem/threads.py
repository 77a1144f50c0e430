"""Blocking calls awaited, and coroutines waited for, with a running loop or without."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def in_thread(call: Callable[P, T]) -> Callable[P, Coroutine[Any, Any, T]]:
    """`call` with the same signature and docstring, run in a worker thread and awaited."""

    @functools.wraps(call)
    async def awaited(*args: P.args, **kwargs: P.kwargs) -> T:
        return await asyncio.to_thread(call, *args, **kwargs)

    return awaited


def wait_for(work: Coroutine[Any, Any, T]) -> T:
    """The result of `work`, done in a loop that lives as long as it does, in a thread of its own.

    LlamaIndex's `asyncio_run` leaves a loop open wherever none is running.
    """
    with ThreadPoolExecutor(max_workers=1) as thread:
        return thread.submit(copy_context().run, asyncio.run, work).result()
