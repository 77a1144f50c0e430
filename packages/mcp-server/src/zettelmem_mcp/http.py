"""Streamable HTTP: who may call, by which name, how often; and the answer to `/health`."""

from __future__ import annotations

import hashlib
import pkgutil
import time
from collections import Counter
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import uvicorn
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import core
from .server import build_server
from .settings import LOCAL, BadSetting, Settings, in_words

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.types import ASGIApp, Receive, Scope, Send

SCOPE = "memory"
"""The scope that a token needs."""
MAX_TOKEN = 8_192
"""Characters of a bearer token that is looked at."""
MAX_CALLERS = 10_000
"""Callers that are counted one by one in a minute."""
METADATA = "/.well-known/oauth-protected-resource"
"""Where RFC 9728 puts what a client may know about the server; the path of the resource follows."""


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


_verified: ContextVar[tuple[str, AccessToken | None] | None] = ContextVar("verified", default=None)
"""The token of the request under way, and what the verifier said about it."""


class Once:
    """A verifier that is asked once a request: by the rate limit, whose answer the SDK then gets."""

    def __init__(self, verifier: TokenVerifier) -> None:
        self._verifier = verifier

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the verifier says about the token."""
        known = _verified.get()
        if known is None or known[0] != token:
            known = (token, await self._verifier.verify_token(token))
            _verified.set(known)
        return known[1]


class RateLimit:
    """Answers 429 to those who ask too often.

    A caller is an address until a token was verified, and the token's subject from there on: invented tokens
    count for the address that sent them. What is kept is bounded, whatever callers send.
    """

    def __init__(self, app: ASGIApp, per_minute: int, verifier: Once | None) -> None:
        self.app = app
        self._most = per_minute
        self._verifier = verifier
        self._since = 0.0
        self._asked: Counter[tuple[str, str]] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http" and scope["path"] != "/health":
            if (now := time.monotonic()) >= self._since + 60:
                self._since, self._asked = now, Counter()
            _verified.set(None)
            if not await self._may(scope):
                wait = f"{self._since + 61 - now:.0f}"
                told = {"error": f"too many requests; try again in {wait} s"}
                return await JSONResponse(told, 429, {"Retry-After": wait})(scope, receive, send)
        return await self.app(scope, receive, send)

    async def _may(self, scope: Scope) -> bool:
        address = ("address", str((scope.get("client") or ("?",))[0]))
        if self._asked[address] >= self._most:
            return False
        subject = await self._subject(scope)
        return self._counted(address if subject is None else ("subject", subject))

    async def _subject(self, scope: Scope) -> str | None:
        """Who asks, where a token proves it."""
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, token = given.partition(" ")
        if self._verifier is None or scheme.lower() != "bearer" or not 0 < len(token) <= MAX_TOKEN:
            return None
        access = await self._verifier.verify_token(token)
        expired = access is not None and access.expires_at is not None and access.expires_at < time.time()
        return None if access is None or expired else access.subject or access.client_id

    def _counted(self, caller: tuple[str, str]) -> bool:
        """Count a request of `caller`, all of those that have no room together as one."""
        if caller not in self._asked and len(self._asked) >= MAX_CALLERS:
            caller = ("others", "")
        self._asked[caller] += 1
        return self._asked[caller] <= self._most


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
    found = _verifier(settings, url)
    verifier = None if found is None else Once(found)
    # The SDK wants an issuer even where there is none; `_metadata` names only one that was given.
    rules = {
        "issuer_url": settings.issuer or url.removesuffix("/mcp"),
        "resource_server_url": url,
        "required_scopes": [SCOPE],
    }
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
    if verifier is not None and not settings.issuer:
        app.router.routes.insert(0, _metadata(url))
    if settings.rate:
        app.add_middleware(RateLimit, per_minute=settings.rate, verifier=verifier)
    return app


def _metadata(url: str) -> Route:
    """The metadata of a server whose tokens come from no authorization server: it names none."""

    async def metadata(_: Request) -> Response:
        told = {"resource": url, "scopes_supported": [SCOPE], "bearer_methods_supported": ["header"]}
        return JSONResponse(told, headers={"Cache-Control": "public, max-age=3600"})

    return Route(f"{METADATA}{urlsplit(url).path}", metadata, methods=["GET"])


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
