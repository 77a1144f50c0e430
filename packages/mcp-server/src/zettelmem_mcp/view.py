"""The picture of a memory in the browser: a page of this machine alone, for whoever has its address.

The address holds a random token. A request without it gets nothing, nor one that calls us by another name
than the one we listen to, as a foreign page does whose name was made to lead to this machine. The page runs
no script but ours, and stored words come to it as JSON, which it only ever shows as text.
"""

from __future__ import annotations

import hmac
import json
import secrets
import socket
import sys
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import uvicorn
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from . import core, picture
from .app import page_file
from .keeper import Keeper
from .settings import BadSetting, Settings

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE = {
    "": ("view.html", "text/html"),
    "view.css": ("view.css", "text/css"),
    "view.js": ("view.js", "text/javascript"),
    "cytoscape.min.js": ("cytoscape.min.js", "text/javascript"),
}
"""The files of the page, by the end of their address."""
LONGEST = 10_000
"""Bytes of a request's body."""
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
        "trusted-types 'none'"
    ),
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
"""Of every answer."""


class Guard:
    """Lets a request in that has the token and calls us by our own name, and hides the token from the rest.

    Args:
        app: what is guarded.
        token: the first part of every path.
        hosts: what the `Host` header may be.
    """

    def __init__(self, app: ASGIApp, token: str, hosts: frozenset[str]) -> None:
        self._app = app
        self._token = token.encode()
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it without a word on why."""
        if scope["type"] == "lifespan":
            return await self._app(scope, receive, send)
        if scope["type"] != "http":
            return None

        async def guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        given = [value for name, value in scope["headers"] if name == b"host"]
        if len(given) != 1 or given[0].decode("latin-1").lower() not in self._hosts:
            return await PlainTextResponse("not here", 421)(scope, receive, guarded)
        _, _, rest = scope["path"].partition("/")
        token, slash, rest = rest.partition("/")
        if not hmac.compare_digest(token.encode("utf-8", "surrogatepass"), self._token) or not slash:
            return await PlainTextResponse("not found", 404)(scope, receive, guarded)
        inner = {**scope, "path": f"/{rest}", "raw_path": b"/" + rest.encode("utf-8", "surrogatepass")}
        return await self._app(inner, receive, guarded)


def build_view(keeper: Keeper, token: str, hosts: frozenset[str], *, allow_undo: bool = False) -> Guard:
    """The page and its JSON as an ASGI application.

    Args:
        keeper: who opens the memory.
        token: what the path of a request has to begin with.
        hosts: what the `Host` header may be, such as `127.0.0.1:4711`.
        allow_undo: let the page take changes back; otherwise nothing writes.
    """

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with keeper:
            yield

    async def shown(request: Request) -> Response:
        memory, what = await keeper.memory(), request.path_params["what"]
        found = await picture.answer(memory, keeper.namespace(), what, request.query_params)
        return JSONResponse({**found, "may_undo": allow_undo} if what == "stats" else found)

    async def undo(request: Request) -> Response:
        if not allow_undo:
            return JSONResponse({"error": "the page is read-only; start it with --allow-undo"}, 403)
        # No form of another page can send this type, and no script of one gets our permission to.
        if request.headers.get("content-type") != "application/json":
            return JSONResponse({"error": "send JSON"}, 415)
        change = await _change(request)
        memory = await keeper.memory()
        done = await memory.undo(change, namespace=keeper.namespace())
        return JSONResponse({"change": done.change, "note": done.note.id})

    routes = [Route(f"/{name}", _file(name), methods=["GET"]) for name in PAGE]
    routes.append(Route("/api/undo", _told(undo), methods=["POST"]))
    routes.append(Route("/api/{what}", _told(shown), methods=["GET"]))
    return Guard(Starlette(routes=routes, lifespan=lifespan), token, hosts)


Endpoint = Callable[[Request], Awaitable[Response]]


def _file(name: str) -> Endpoint:
    file, kind = PAGE[name]

    async def endpoint(_: Request) -> Response:
        return Response(page_file(file), media_type=kind)

    return endpoint


def _told(endpoint: Endpoint) -> Endpoint:
    """The endpoint, with what goes wrong told as JSON."""

    async def told(request: Request) -> Response:
        try:
            return await endpoint(request)
        except core.NotFound as error:
            return JSONResponse({"error": str(error)}, 404)
        except core.ZettelmemError as error:
            return JSONResponse({"error": str(error)}, 400)

    return told


async def _change(request: Request) -> str:
    """The change that a request names.

    Raises:
        InvalidInput: it names none.
    """
    body = b""
    async for piece in request.stream():
        body += piece
        if len(body) > LONGEST:
            raise core.InvalidInput("the request is too long")
    try:
        change = json.loads(body)["change"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise core.InvalidInput('send {"change": ...}') from error
    return str(change)


def serve(settings: Settings, *, port: int = 0, allow_undo: bool = False, browse: bool = False) -> None:
    """Serve the page on this machine until the process is told to stop; its address goes to stdout.

    Args:
        settings: which memory, whose.
        port: where to listen; any free one where 0.
        allow_undo: let the page take changes back.
        browse: open it in the user's browser.

    Raises:
        BadSetting: somebody else listens there.
    """
    with socket.socket() as listening:
        try:
            listening.bind(("127.0.0.1", port))
        except (OSError, OverflowError) as error:
            raise BadSetting(f"port {port} cannot be used ({error}); leave --port out") from error
        _run(listening, settings, allow_undo=allow_undo, browse=browse)


def _run(listening: socket.socket, settings: Settings, *, allow_undo: bool, browse: bool) -> None:
    token, port = secrets.token_urlsafe(32), listening.getsockname()[1]
    hosts = frozenset({f"127.0.0.1:{port}", f"localhost:{port}"})
    app = build_view(Keeper(settings), token, hosts, allow_undo=allow_undo)
    url = f"http://127.0.0.1:{port}/{token}/"
    sys.stdout.write(f"{url}\nOnly for you: whoever has this address reads the memory. Ctrl+C ends it.\n")
    sys.stdout.flush()
    if browse:
        webbrowser.open(url)
    config = uvicorn.Config(
        app, log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=2
    )
    uvicorn.Server(config).run(sockets=[listening])
