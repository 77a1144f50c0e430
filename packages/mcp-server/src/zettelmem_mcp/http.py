"""Streamable HTTP: who may call, by which name, how often; and the answer to `/health`."""

from __future__ import annotations

import hashlib
import pkgutil
import time
from collections import Counter
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

from . import core
from .server import build_server
from .settings import LOCAL, BadSetting, Settings, in_words

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

SCOPE = "memory"
"""The scope that a token needs."""


class Token(BaseModel):
    """One entry of a token file. The token itself is not in it, only its SHA-256."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    expires: datetime | None = None


TOKENS = TypeAdapter(list[Token])


class TokenFile:
    """Verifies bearer tokens against a file, read each time: what is taken out of it ends at once."""

    def __init__(self, path: str, audience: str) -> None:
        self._path = Path(path)
        self._audience = audience

    def read(self) -> dict[str, Token]:
        """The tokens by their SHA-256.

        Raises:
            BadSetting: the file cannot be read or is none of tokens.
        """
        try:
            found = TOKENS.validate_json(self._path.read_bytes())
        except OSError as error:
            raise BadSetting(f"token file {self._path}: {error.strerror}") from error
        except ValidationError as error:
            raise BadSetting(
                f"token file {self._path}: {in_words(error)}; it is a list such as "
                '[{"sha256": "<64 hex digits>", "subject": "ana", "expires": "2027-01-01T00:00:00Z"}]'
            ) from error
        return {each.sha256: each for each in found}

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's rights, or None if it is none of ours; the SDK checks when it expires."""
        try:
            each = self.read()[hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()]
        except (BadSetting, KeyError):
            return None  # a file that cannot be read opens no door
        return AccessToken(
            token=token,
            client_id=each.subject,
            subject=each.subject,
            scopes=[SCOPE],
            expires_at=int(each.expires.timestamp()) if each.expires else None,
            resource=self._audience,
        )


class RateLimit:
    """Answers 429 to those who ask too often; a caller is a token, or an address where there is none."""

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self.app = app
        self._most = per_minute
        self._since = 0.0
        self._asked: Counter[bytes | str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] != "/health":
            if (now := time.monotonic()) >= self._since + 60:
                self._since, self._asked = now, Counter()
            caller = dict(scope["headers"]).get(b"authorization") or (scope.get("client") or ("?",))[0]
            self._asked[caller] += 1
            if self._asked[caller] > self._most:
                wait = f"{self._since + 61 - now:.0f}"
                told = {"error": f"too many requests; try again in {wait} s"}
                return await JSONResponse(told, 429, {"Retry-After": wait})(scope, receive, send)
        return await self.app(scope, receive, send)


def _verifier(settings: Settings, audience: str) -> TokenVerifier | None:
    if settings.token_file:
        file = TokenFile(settings.token_file, audience)
        file.read()  # what is wrong with it is found out now, not by callers
        return file
    if not settings.verifier:
        return None
    try:
        found: Any = pkgutil.resolve_name(settings.verifier)
        verifier: TokenVerifier = found() if isinstance(found, type) else found
        verifier.verify_token  # noqa: B018 - as above
        return verifier
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        what = "give module:name of an object with `async verify_token(token)`"
        raise BadSetting(f"verifier {settings.verifier!r} cannot be loaded ({error}); {what}") from error


def build_app(settings: Settings, *, model: core.LanguageModel | None = None) -> Starlette:
    """The server as an ASGI application.

    Raises:
        BadSetting: the settings would leave the memory open to others, or cannot be used.
    """
    host, _ = settings.address
    url = settings.url
    verifier = _verifier(settings, url)
    rules = {"issuer_url": url.removesuffix("/mcp"), "resource_server_url": url, "required_scopes": [SCOPE]}
    auth = AuthSettings.model_validate({**rules, "validate_token_resource": bool(settings.token_file)})
    server = build_server(settings, model=model, verifier=verifier, auth=auth if verifier else None)

    @server.custom_route("/health", methods=["GET"])  # type: ignore[untyped-decorator]
    async def health(_: Request) -> Response:
        state = server.keeper.state
        return JSONResponse({"status": state}, 503 if state == "failed" else 200)

    names = [*settings.hosts, *(["127.0.0.1", "localhost", "[::1]"] if host in LOCAL else [])]
    hosts = [each for name in names for each in (name, f"{name}:*")]
    app = server.streamable_http_app(
        host=host,
        max_request_body_size=settings.max_request,
        max_sessions=1000,
        transport_security=TransportSecuritySettings(
            allowed_hosts=hosts,
            allowed_origins=[f"{scheme}://{each}" for each in hosts for scheme in ("http", "https")],
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
