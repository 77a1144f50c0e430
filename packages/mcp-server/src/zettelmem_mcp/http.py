"""Streamable HTTP: who may call, by which name, how often; and the answer to `/health`."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import importlib
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import uvicorn
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response

from .server import build_server
from .settings import LOCAL, BadSetting, Settings

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

    from zettelmem import LanguageModel

SCOPE = "memory"
"""The scope that a token needs."""
BURST = 60.0
"""Seconds of the rate that may be used at once."""
MOST_CALLERS = 10_000
"""Callers whose rate is remembered."""


class Token(BaseModel):
    """One entry of a token file. The token itself is not in it, only its SHA-256."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    expires: datetime | None = None
    scopes: list[str] = [SCOPE]
    audience: str | None = None


class TokenFile:
    """Verifies bearer tokens against a file, which is read again when it changes."""

    def __init__(self, path: str, audience: str) -> None:
        self._path = Path(path).expanduser()
        self._audience = audience
        self._read_at: tuple[int, int] | None = None
        self._tokens: list[Token] = []
        self._read()

    def _read(self) -> None:
        try:
            stat = self._path.stat()
            if self._read_at != (stat.st_mtime_ns, stat.st_size):
                self._tokens = TypeAdapter(list[Token]).validate_json(self._path.read_bytes())
                self._read_at = (stat.st_mtime_ns, stat.st_size)
        except OSError as error:
            raise BadSetting(f"token file {self._path}: {error.strerror}") from error
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            where = ".".join(map(str, first["loc"])) or "file"
            raise BadSetting(
                f"token file {self._path}: {where}: {first['msg']}; it is a list such as "
                '[{"sha256": "<64 hex digits>", "subject": "ana", "expires": "2027-01-01T00:00:00Z"}]'
            ) from error

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's rights, or None if it is none of ours; the SDK checks expiry and audience."""
        try:
            await asyncio.to_thread(self._read)
        except BadSetting:
            return None  # a file that cannot be read opens no door
        digest = hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
        found = [each for each in self._tokens if hmac.compare_digest(each.sha256, digest)]
        if not found:
            return None
        each = found[0]
        return AccessToken(
            token=token,
            client_id=each.subject,
            subject=each.subject,
            scopes=each.scopes,
            expires_at=int(each.expires.timestamp()) if each.expires else None,
            resource=each.audience or self._audience,
        )


class RateLimit:
    """Refuses callers that ask too often with 429; a caller is a token, or an address without one."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self._rate = per_minute / 60
        self._most = max(1.0, self._rate * BURST)
        self._left: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] != "/health":
            wait = self._take(_caller(scope))
            if wait > 0:
                refusal = JSONResponse(
                    {"error": f"too many requests; try again in {wait:.0f} s"},
                    429,
                    {"Retry-After": f"{wait:.0f}"},
                )
                await refusal(scope, receive, send)
                return
        await self.app(scope, receive, send)

    def _take(self, caller: str) -> float:
        """Seconds to wait; 0 if the request may pass."""
        now = time.monotonic()
        left, at = self._left.pop(caller, (self._most, now))
        left = min(self._most, left + (now - at) * self._rate)
        if len(self._left) >= MOST_CALLERS:
            del self._left[next(iter(self._left))]
        self._left[caller] = (left - 1 if left >= 1 else left, now)
        return 0.0 if left >= 1 else max(1.0, (1 - left) / self._rate)


def _caller(scope: Scope) -> str:
    headers = dict(scope["headers"])
    if b"authorization" in headers:
        return hashlib.sha256(headers[b"authorization"]).hexdigest()
    return str((scope.get("client") or ("?",))[0])


def _verifier(settings: Settings, audience: str) -> TokenVerifier | None:
    if settings.token_file:
        return TokenFile(settings.token_file, audience)
    if not settings.verifier:
        return None
    module, _, name = settings.verifier.partition(":")
    try:
        found: Any = getattr(importlib.import_module(module), name)
    except (ImportError, AttributeError, ValueError) as error:
        raise BadSetting(
            f"verifier {settings.verifier!r} cannot be loaded ({error}); give module:name of an "
            "object with `async verify_token(token)`"
        ) from error
    verifier: TokenVerifier = found() if isinstance(found, type) else found
    return verifier


def build_app(settings: Settings, *, model: LanguageModel | None = None) -> Starlette:
    """The server as an ASGI application.

    Raises:
        BadSetting: the settings would leave the memory open to others, or cannot be used.
    """
    host, port = settings.address
    shown = f"[{host}]" if ":" in host else host
    url = settings.public_url or f"http://{shown}:{port}/mcp"
    verifier = _verifier(settings, url)
    auth = None
    if verifier is not None:
        auth = AuthSettings.model_validate(
            {
                "issuer_url": url.removesuffix("/mcp"),
                "resource_server_url": url,
                "required_scopes": [SCOPE],
                "validate_token_resource": bool(settings.token_file),
            }
        )
    server = build_server(settings, model=model, verifier=verifier, auth=auth)

    @server.custom_route("/health", methods=["GET"])  # type: ignore[untyped-decorator]
    async def health(_: Request) -> Response:
        state = server.keeper.state
        return JSONResponse({"status": state}, 503 if state == "failed" else 200)

    names = settings.hosts or []
    if host in LOCAL:
        names = [*names, "127.0.0.1", "localhost", "[::1]"]
    app = server.streamable_http_app(
        host=host,
        max_request_body_size=settings.max_request,
        max_sessions=1000,
        transport_security=TransportSecuritySettings(
            allowed_hosts=[each for name in names for each in (name, f"{name}:*")],
            allowed_origins=[
                f"{scheme}://{name}{end}"
                for name in names
                for scheme in ("http", "https")
                for end in ("", ":*")
            ],
        ),
    )
    if settings.rate:
        app.add_middleware(RateLimit, per_minute=settings.rate)
    return app


def serve(settings: Settings) -> None:
    """Serve until the process is told to stop. The log goes to stderr, nothing to stdout."""
    host, port = settings.address
    uvicorn.run(
        build_app(settings),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=5,
    )
