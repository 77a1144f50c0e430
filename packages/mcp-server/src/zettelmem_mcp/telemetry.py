"""What operators see of a server: Prometheus metrics and OpenTelemetry traces, both off by default."""

from __future__ import annotations

import os
import time
from collections.abc import Awaitable, Callable, Container
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.types import CallToolResult

from .settings import BadSetting, Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Bounds of the histogram of how long calls take."""


def serve_metrics(host: str, port: int, folder: Path) -> None:
    """Tell the metrics of all workers on `http://HOST:PORT/metrics`, in a thread.

    Args:
        host, port: where.
        folder: where the workers keep their figures.

    Raises:
        BadSetting: prometheus-client is not installed, or the port is taken.
    """
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)  # read when it is imported, by the workers too
    prometheus = _prometheus()
    registry = prometheus.CollectorRegistry()
    import_module("prometheus_client.multiprocess").MultiProcessCollector(registry)
    try:
        prometheus.start_http_server(port, host, registry)
    except OSError as error:
        raise BadSetting(f"metrics cannot be told on {host}:{port}: {error.strerror}") from error


def _prometheus() -> Any:
    try:
        return import_module("prometheus_client")
    except ImportError as error:
        raise BadSetting('metrics need prometheus-client: pip install "zettelmem-mcp[metrics]"') from error


class Metrics:
    """Counts requests by their status, and calls by tool and outcome with the seconds they take.

    Raises:
        BadSetting: prometheus-client is not installed.
    """

    def __init__(self) -> None:
        made = _prometheus()
        self._requests = made.Counter("zettelmem_http_requests", "HTTP requests answered", ["status"])
        self._calls = made.Histogram(
            "zettelmem_call_seconds", "Calls of tools", ["tool", "outcome"], buckets=SECONDS
        )

    def around(self, app: ASGIApp) -> ASGIApp:
        """The application, its requests counted."""

        async def counted(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return

            async def told(message: Message) -> None:
                if message["type"] == "http.response.start":
                    self._requests.labels(str(message["status"])).inc()
                await send(message)

            await app(scope, receive, told)

        return counted

    def calls(self, tools: Callable[[], Awaitable[Container[str]]]) -> Any:
        """An MCP middleware that counts the calls of these tools; all others together are `other`."""

        async def counted(ctx: Any, call_next: Any) -> Any:
            if ctx.method != "tools/call":
                return await call_next(ctx)
            name = (ctx.params or {}).get("name")
            tool = name if name in await tools() else "other"
            begun, outcome = time.perf_counter(), "error"
            try:
                result = await call_next(ctx)
                match result:
                    case CallToolResult(is_error=True) | {"isError": True}:
                        outcome = "refused"
                    case _:
                        outcome = "done"
                return result
            finally:
                self._calls.labels(tool, outcome).observe(time.perf_counter() - begun)

        return counted


def start_traces() -> Callable[[], None]:
    """Send the spans that the SDK makes of each message to where OTEL_EXPORTER_OTLP_* says.

    A span holds the method, the tool and whether it failed, and no word of a note.

    Returns:
        What sends the last ones.

    Raises:
        BadSetting: OpenTelemetry is not installed.
    """
    trace, sdk, batches, resources, sender = _opentelemetry()
    provider = sdk.TracerProvider(resource=resources.Resource.create({"service.name": "zettelmem-mcp"}))
    provider.add_span_processor(batches.BatchSpanProcessor(sender.OTLPSpanExporter()))
    trace.set_tracer_provider(provider)
    shutdown: Callable[[], None] = provider.shutdown
    return shutdown


def check(settings: Settings) -> None:
    """Make sure that what metrics and traces need is installed.

    Raises:
        BadSetting: it is not.
    """
    if settings.metrics:
        _prometheus()
    if settings.traces:
        _opentelemetry()


def _opentelemetry() -> tuple[Any, ...]:
    names = ("trace", "sdk.trace", "sdk.trace.export", "sdk.resources")
    try:
        modules = [import_module(f"opentelemetry.{name}") for name in names]
        return *modules, import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError as error:
        raise BadSetting('traces need OpenTelemetry: pip install "zettelmem-mcp[traces]"') from error
