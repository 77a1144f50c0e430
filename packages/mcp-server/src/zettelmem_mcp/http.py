"""Streamable HTTP: who may call, by which name, what their tokens allow; how the server is."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from mcp import MCPError
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import INVALID_REQUEST
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import core
from .limits import IDLE, Limits, Rates
from .server import Kept, build_server
from .settings import LOCAL, Settings
from .telemetry import Metrics
from .tokens import READ, WRITE, Once, verifier_of

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

METADATA = "/.well-known/oauth-protected-resource"
"""Where RFC 9728 puts what a client may know about the server; the path of the resource follows."""
LOOKED = 2.0
"""Seconds for which an answer of `/readyz` holds: those who ask more often cost nothing."""
MAX_SESSIONS = 1_000
"""Sessions of the handshake era that are open at once."""


Names = Callable[[], Awaitable[frozenset[str]]]
"""Answers with names of tools."""


class Scopes:
    """Answers 403 to calls that change something where the token only allows reading.

    The answer names the scopes that are needed, so that a client can ask for them and try again.

    Args:
        app: what comes behind it.
        verifier: who knows the tokens.
        reads: answers with the names of the tools that change nothing.
        metadata: URL of the metadata of this resource.
        largest: bytes of a body that are looked at; a longer one is refused behind this.
    """

    def __init__(
        self,
        app: ASGIApp,
        verifier: Once,
        reads: Names,
        metadata: str,
        largest: int,
    ) -> None:
        self.app = app
        self._verifier = verifier
        self._reads = reads
        self._metadata = metadata
        self._largest = largest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        access = self._verifier.known() if scope["type"] == "http" and scope["method"] == "POST" else None
        if access is None or WRITE in access.scopes or READ not in access.scopes:
            return await self.app(scope, receive, send)
        messages, body = [], b""
        while True:
            message = await receive()
            messages.append(message)
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > self._largest:
                break
        if await self._changes(body):
            told = f"this needs the scope {WRITE}"
            challenge = (
                f'Bearer error="insufficient_scope", error_description="{told}", '
                f'scope="{READ} {WRITE}", resource_metadata="{self._metadata}"'
            )
            answer = {"error": "insufficient_scope", "error_description": told}
            return await JSONResponse(answer, 403, {"WWW-Authenticate": challenge})(scope, receive, send)

        async def again() -> Message:
            return messages.pop(0) if messages else await receive()

        return await self.app(scope, again, send)

    async def _changes(self, body: bytes) -> bool:
        try:
            message = json.loads(body)
        except (ValueError, RecursionError):
            return False  # no message; whoever reads it says so
        if not isinstance(message, dict) or message.get("method") != "tools/call":
            return False
        params = message.get("params")
        return not isinstance(params, dict) or params.get("name") not in await self._reads()


def build_app(
    settings: Settings, *, model: core.LanguageModel | None = None, shared: Path | None = None
) -> Starlette:
    """The server as an ASGI application.

    Args:
        settings: what it was told.
        model: who judges with `judge="model"`; made from `settings.model` where None.
        shared: the folder that the workers of one server share, as `serving.prepare` made it.

    Raises:
        BadSetting: the settings would leave the memory open to others, or cannot be used.
    """
    found = verifier_of(settings)
    verifier = None if found is None else Once(found, settings.claims)
    server = build_server(
        settings,
        model=model,
        verifier=verifier,
        auth=_auth(settings) if verifier else None,
        sealed_by=None if shared is None else (shared / "key").read_bytes(),
    )
    sessions = settings.workers == 1  # a session lives in one worker, and any may get the next request
    tools, reads = _tools(server)
    if verifier is not None:
        server.middleware.append(_only_what_the_token_allows(reads))
    app = server.streamable_http_app(
        host=settings.address[0],
        max_request_body_size=settings.max_request,
        stateless_http=not sessions,
        max_sessions=MAX_SESSIONS,
        session_idle_timeout=IDLE,
        transport_security=_names(settings),
    )
    app.router.routes[:0] = [
        Route("/healthz", _healthz, methods=["GET"]),
        Route("/readyz", _readyz(server), methods=["GET"]),
    ]
    if verifier is not None:
        where = METADATA + urlsplit(settings.url).path
        app.router.routes.insert(0, Route(where, _metadata(settings), methods=["GET"]))
        url = "{0.scheme}://{0.netloc}".format(urlsplit(settings.url)) + where
        app.add_middleware(Scopes, verifier=verifier, reads=reads, metadata=url, largest=settings.max_request)
    app.add_middleware(
        Limits, rates=Rates(shared), per_minute=settings.rate, verifier=verifier, sessions=sessions
    )
    if settings.metrics:
        metrics = Metrics()
        server.middleware.append(metrics.calls(tools))
        app.add_middleware(metrics.around)
    return app


def _auth(settings: Settings) -> AuthSettings:
    """The SDK's rules. It wants an issuer even where there is none; `_metadata` names only a given one."""
    rules = {
        "issuer_url": settings.issuer or settings.url.removesuffix("/mcp"),
        "resource_server_url": settings.url,
        "required_scopes": [READ],
        "validate_token_resource": False,  # `Jwt` checks the audience, and a token file has none
    }
    return AuthSettings.model_validate(rules)


def _names(settings: Settings) -> TransportSecuritySettings:
    """The names and pages that requests may come by."""
    local = ["127.0.0.1", "localhost", "[::1]"] if settings.address[0] in LOCAL else []
    hosts = [each for name in (*settings.hosts, *local) for each in (name, f"{name}:*")]
    return TransportSecuritySettings(
        allowed_hosts=hosts,
        allowed_origins=[f"{scheme}://{each}" for each in hosts for scheme in ("http", "https")],
    )


def _tools(server: Kept) -> tuple[Names, Names]:
    """The names of all tools, and of those that change nothing, as soon as somebody asks."""
    known: list[frozenset[str]] = []

    async def look() -> None:
        if not known:
            tools = await server.list_tools()
            known.append(frozenset(each.name for each in tools))
            readers = (each.name for each in tools if each.annotations and each.annotations.read_only_hint)
            known.append(frozenset(readers))

    async def every() -> frozenset[str]:
        await look()
        return known[0]

    async def reads() -> frozenset[str]:
        await look()
        return known[1]

    return every, reads


def _only_what_the_token_allows(reads: Names) -> Any:
    """The last word on scopes: `Scopes` reads a body only as far as it is one plain message."""

    async def allowed(ctx: Any, call_next: Any) -> Any:
        access = get_access_token()
        writes = ctx.method == "tools/call" and (ctx.params or {}).get("name") not in await reads()
        if writes and (access is None or WRITE not in access.scopes):
            raise MCPError(INVALID_REQUEST, f"this needs the scope {WRITE}")
        return await call_next(ctx)

    return allowed


async def _healthz(_: Request) -> Response:
    """Whether the process answers."""
    return JSONResponse({"status": "ok"})


def _readyz(server: Kept) -> Callable[[Request], Awaitable[Response]]:
    """Whether calls can be answered: the memory is loaded, and its store can be read."""
    looked, well = -LOOKED, False

    async def readyz(_: Request) -> Response:
        nonlocal looked, well
        state = server.keeper.state
        if state == "ready" and time.monotonic() - looked > LOOKED:
            looked = time.monotonic()
            well = await server.keeper.answers()
        ready = state == "ready" and well
        told = state if state != "ready" or well else "unreadable"
        return JSONResponse({"status": told}, 200 if ready else 503)

    return readyz


def _metadata(settings: Settings) -> Callable[[Request], Awaitable[Response]]:
    """What RFC 9728 tells clients. It names an authorization server only where there is one."""
    told: dict[str, Any] = {
        "resource": settings.url,
        "scopes_supported": [READ, WRITE],
        "bearer_methods_supported": ["header"],
        "resource_name": "zettelmem",
    }
    if settings.issuer:
        told["authorization_servers"] = [settings.issuer]

    async def metadata(_: Request) -> Response:
        public = {"Cache-Control": "public, max-age=3600", "Access-Control-Allow-Origin": "*"}
        return JSONResponse(told, headers=public)

    return metadata
