"""Serving HTTP: one process or several behind one port, and an end in which no call is cut off."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import anyio
import uvicorn
from sse_starlette.sse import AppStatus

from . import telemetry
from .http import build_app
from .limits import Rates
from .settings import SHARED, Settings, environment_of, read_settings, shared_folder
from .tokens import verifier_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

FAREWELL = 30
"""Seconds that calls under way may take once the server was told to stop."""
ALIVE = 60
"""Seconds after which a worker that does not answer is replaced; loading takes some on a busy machine."""


class Farewell:
    """Ends the streams that would never end by themselves when the server is told to stop.

    uvicorn then waits for the calls under way, and for them alone.

    Args:
        app: what comes behind it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app
        self._listening: set[anyio.CancelScope] = set()
        self._ending = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; one that only listens ends with the server."""
        if scope["type"] != "http" or not _only_listens(scope):
            return await self.app(scope, receive, send)
        with anyio.CancelScope() as listening:
            self._listening.add(listening)
            try:
                if not self._ending:
                    await self.app(scope, receive, send)
            finally:
                self._listening.discard(listening)

    def end(self) -> None:
        """End what only listens, now and from now on."""
        self._ending = True
        for each in [*self._listening]:
            each.cancel()


def _only_listens(scope: Scope) -> bool:
    method = dict(scope["headers"]).get(b"mcp-method")
    return (scope["method"], method) == ("POST", b"subscriptions/listen") or (
        scope["method"] == "GET" and b"mcp-session-id" in dict(scope["headers"])
    )


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop. The log goes to stderr, nothing to stdout.

    Raises:
        BadSetting: the settings would leave the memory open to others, or cannot be used.
    """
    verifier_of(settings)  # what is wrong is told once, and not by each worker
    telemetry.check(settings)
    host, port = settings.address
    # uvicorn raises the signal that ended it once more; by default that would leave the folder behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="zettelmem-") as folder:
        Rates.prepare(Path(folder))
        os.environ |= environment_of(settings) | {SHARED: folder}
        if settings.metrics:
            telemetry.serve_metrics(*settings.metrics_address, Path(folder))
        uvicorn.run(
            "zettelmem_mcp.serving:worker",
            factory=True,
            workers=settings.workers,
            host=host,
            port=port,
            timeout_worker_healthcheck=ALIVE,
            **rules(settings),
        )


def rules(settings: Settings) -> dict[str, Any]:
    """How uvicorn serves. Left alone it believes the X-Forwarded-For of every caller on this machine."""
    return {
        "log_config": None,
        "access_log": False,
        "server_header": False,
        "proxy_headers": bool(settings.proxies),
        "forwarded_allow_ips": settings.proxies or None,
        "timeout_graceful_shutdown": FAREWELL,
    }


def worker() -> ASGIApp:
    """The application of one worker, whose settings are in its environment."""
    settings, shared = read_settings({}), shared_folder()
    last_spans = telemetry.start_traces() if settings.traces else None
    app = build_app(settings, shared=shared)
    farewell = Farewell(app)
    # Answers are streams too, and sse-starlette would cut them off at once.
    AppStatus.disable_automatic_graceful_drain()  # type: ignore[no-untyped-call]
    app.router.lifespan_context = _with_farewell(app.router.lifespan_context, farewell, last_spans)
    return farewell


def _with_farewell(lifespan: Any, farewell: Farewell, last: Callable[[], None] | None) -> Any:
    @asynccontextmanager
    async def both(app: Any) -> AsyncIterator[Any]:
        loop = asyncio.get_running_loop()
        running: AbstractAsyncContextManager[Any] = lifespan(app)
        async with running as state:
            for number in (signal.SIGTERM, signal.SIGINT):
                _also(number, loop, farewell)
            yield state
        if last is not None:
            await asyncio.to_thread(last)

    return both


def _also(number: signal.Signals, loop: asyncio.AbstractEventLoop, farewell: Farewell) -> None:
    """Let a signal end what only listens, before uvicorn does with it what it does."""
    uvicorns = signal.getsignal(number)

    def heed(given: int, frame: FrameType | None) -> None:
        loop.call_soon_threadsafe(farewell.end)
        if callable(uvicorns):
            uvicorns(given, frame)

    signal.signal(number, heed)
