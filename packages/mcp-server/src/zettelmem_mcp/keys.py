"""The public keys of an authorization server: fetched, kept for a while, fetched again when they change."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
import jwt

from .settings import BadSetting

logger = logging.getLogger(__name__)

ALGORITHMS = [
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA"),
]  # fmt: skip
"""Signatures that are believed: those that need a private key. `none` and `HS256` are not among them."""
FRESH = 300.0
"""Seconds after which keys are fetched again, so that one that was withdrawn ends."""
STALE = 3_600.0
"""Seconds that keys are believed while the authorization server does not answer."""
PAUSE = 30.0
"""Seconds between two fetches at least, whatever keys callers name."""
TIMEOUT = 5.0
"""Seconds that a fetch may take."""
MAX_BYTES = 1 << 18
"""Bytes of a set of keys."""
MAX_KEYS = 100
"""Keys of a set that are kept."""


class Keys:
    """A JSON Web Key Set (RFC 7517) of signing keys.

    A key that is not known makes it be fetched, but no more than once in `PAUSE` seconds; what is known is
    used meanwhile. A fetch that fails changes nothing for `STALE` seconds.

    Args:
        source: its URL, or the path of a file.
        clock: seconds that only grow.

    Raises:
        BadSetting: the file is no set of keys.
    """

    def __init__(self, source: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._source = source
        self._clock = clock
        self._keys: list[dict[str, Any]] = []
        self._made: dict[tuple[str | None, str], jwt.PyJWK] = {}
        self._fetched = self._tried = -math.inf
        self._fetching: asyncio.Task[None] | None = None
        if "://" not in source:
            try:
                self._take(Path(source).read_bytes())
            except (OSError, ValueError) as error:
                raise BadSetting(
                    f"jwks {source}: {error}; give the file or URL of a JSON Web Key Set"
                ) from error

    async def find(self, kid: object, algorithm: object) -> jwt.PyJWK | None:
        """The key of that id for signatures of that kind; None if there is none.

        Args:
            kid: as the token names it; None is the only key of a set of one.
            algorithm: as the token names it; one that is not in `ALGORITHMS` has no key.
        """
        if algorithm not in ALGORITHMS or not isinstance(algorithm, str):
            return None
        if kid is not None and not isinstance(kid, str):
            return None
        found = self._known(kid, algorithm)
        if found is None or self._clock() - self._fetched > FRESH:
            fetching = self._fetch_again()
            if found is None and fetching is not None:
                await asyncio.shield(fetching)
                found = self._known(kid, algorithm)
        return found

    def _known(self, kid: str | None, algorithm: str) -> jwt.PyJWK | None:
        if self._clock() - self._fetched > STALE:
            return None
        fitting = [each for each in self._keys if kid is None or each.get("kid") == kid]
        if len(fitting) != 1 or fitting[0].get("alg", algorithm) != algorithm:
            return None
        if (kid, algorithm) not in self._made:
            try:
                self._made[kid, algorithm] = jwt.PyJWK(fitting[0], algorithm)
            except jwt.PyJWTError:
                return None  # a key of another kind
        return self._made[kid, algorithm]

    def _fetch_again(self) -> asyncio.Task[None] | None:
        """The fetch under way; None if the last one was a moment ago."""
        if self._fetching is None or self._fetching.done():
            if self._clock() - self._tried < PAUSE:
                return None
            self._tried = self._clock()
            self._fetching = asyncio.create_task(self._fetch())
        return self._fetching

    async def _fetch(self) -> None:
        try:
            self._take(await self._read())
        except (OSError, ValueError, httpx2.HTTPError) as error:
            logger.warning("the keys at %s were not fetched: %s", self._source, error)

    async def _read(self) -> bytes:
        if "://" not in self._source:
            return await asyncio.to_thread(Path(self._source).read_bytes)
        read = bytearray()
        async with (
            asyncio.timeout(TIMEOUT),
            httpx2.AsyncClient(timeout=TIMEOUT) as http,
            http.stream("GET", self._source) as answer,
        ):
            answer.raise_for_status()
            async for piece in answer.aiter_bytes():
                read += piece
                if len(read) > MAX_BYTES:
                    raise ValueError(f"more than {MAX_BYTES} bytes")
        return bytes(read)

    def _take(self, text: bytes) -> None:
        """Put a set of keys in the place of the one before."""
        told = json.loads(text)
        keys = told.get("keys") if isinstance(told, dict) else None
        if not isinstance(keys, list):
            raise ValueError("no JSON object with a list `keys`")
        public = [each for each in keys if isinstance(each, dict) and each.get("kty") in ("RSA", "EC", "OKP")]
        signing = [each for each in public if each.get("use", "sig") == "sig"]
        if not signing:
            raise ValueError("no public key for signatures in it")
        self._keys, self._made = signing[:MAX_KEYS], {}
        self._fetched = self._clock()
