"""Bearer tokens: who sent a request, what they may do, and whose memory that is."""

from __future__ import annotations

import hashlib
import pkgutil
from collections.abc import Sequence
from contextvars import ContextVar
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal

import jwt
from mcp.server.auth.provider import AccessToken, TokenVerifier
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from .keeper import place
from .keys import ALGORITHMS, Keys
from .settings import BadSetting, Settings, in_words

READ: Literal["memory:read"] = "memory:read"
"""The scope that a token needs."""
WRITE: Literal["memory:write"] = "memory:write"
"""The scope that calls need which change something; it holds `READ`."""
MAX_TOKEN = 8_192
"""Characters of a bearer token that is looked at."""
LEEWAY = 10
"""Seconds that the clock of an issuer may be ahead of ours."""


class Token(BaseModel):
    """One entry of a token file. The token itself is not in it, only its SHA-256."""

    model_config = ConfigDict(extra="forbid")

    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    subject: Annotated[str, Field(min_length=1, max_length=200)]
    scopes: tuple[Literal["memory:read", "memory:write"], ...] = (READ, WRITE)
    expires: datetime | None = None


TOKENS = TypeAdapter(list[Token])


class TokenFile:
    """Verifies bearer tokens against a file, read each time: what is taken out of it ends at once."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

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
            scopes=list(each.scopes),
            expires_at=int(each.expires.timestamp()) if each.expires else None,
        )


class Jwt:
    """Verifies tokens that an authorization server signed for this server.

    Args:
        keys: the server's public keys.
        issuer: what `iss` has to be, character by character.
        audience: what `aud` has to be or to hold.
    """

    def __init__(self, keys: Keys, issuer: str, audience: str) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audience = audience

    async def verify_token(self, token: str) -> AccessToken | None:
        """The token's rights, or None if it is not signed by the issuer, for us, and for now."""
        try:
            header = jwt.get_unverified_header(token)
            key = await self._keys.find(header.get("kid"), header.get("alg"))
            if key is None:
                return None
            claims = jwt.decode(
                token,
                key,
                algorithms=ALGORITHMS,
                issuer=self._issuer,
                audience=self._audience,
                leeway=LEEWAY,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except (jwt.PyJWTError, RecursionError, UnicodeError):  # nothing that was sent is told to anybody
            return None
        return AccessToken(
            token=token,
            client_id=str(claims.get("client_id") or claims.get("azp") or claims["sub"]),
            subject=claims["sub"],
            scopes=_scopes(claims),
            expires_at=int(claims["exp"]),
            claims=claims,
        )


def _scopes(claims: dict[str, Any]) -> list[str]:
    """The scopes that a token tells: a text with blanks (RFC 9068), or a list as some issuers have it."""
    told = claims.get("scope", claims.get("scp", ""))
    scopes = told.split() if isinstance(told, str) else told
    return [each for each in scopes if isinstance(each, str)] if isinstance(scopes, list) else []


_verified: ContextVar[tuple[str, AccessToken | None] | None] = ContextVar("verified", default=None)
"""The token of the request under way, and what the verifier said about it."""


class Once:
    """A verifier that is asked once a request: by the limits, whose answer the SDK then gets.

    Args:
        verifier: who knows the tokens.
        claims: those that a token must have, for they say whose memory it opens.
    """

    def __init__(self, verifier: TokenVerifier, claims: Sequence[str]) -> None:
        self._verifier = verifier
        self._claims = claims

    def begin(self) -> None:
        """Forget the request before."""
        _verified.set(None)

    def known(self) -> AccessToken | None:
        """What the verifier said about the token of this request."""
        verified = _verified.get()
        return None if verified is None else verified[1]

    async def verify_token(self, token: str) -> AccessToken | None:
        """What the verifier says about the token; whoever may write may read."""
        known = _verified.get()
        if known is None or known[0] != token:
            known = (token, await self._asked(token))
            _verified.set(known)
        return known[1]

    async def _asked(self, token: str) -> AccessToken | None:
        access = await self._verifier.verify_token(token) if 0 < len(token) <= MAX_TOKEN else None
        if access is None:
            return None
        try:
            place(access, self._claims)
        except KeyError:
            return None
        more = [READ] if WRITE in access.scopes and READ not in access.scopes else []
        return access.model_copy(update={"scopes": [*access.scopes, *more]})


def verifier_of(settings: Settings) -> TokenVerifier | None:
    """Who knows the tokens that the settings speak of; None where they ask for none.

    Raises:
        BadSetting: the token file, the keys or the verifier cannot be used.
    """
    if settings.token_file:
        file = TokenFile(settings.token_file)
        file.read()  # what is wrong with it is found out now, not by callers
        return file
    if settings.jwks:
        return Jwt(Keys(settings.jwks), settings.issuer, settings.audience or settings.url)
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
