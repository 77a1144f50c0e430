"""How often each caller may ask, in a table of fixed size that all workers of a server share."""

from __future__ import annotations

import hashlib
import ipaddress
import mmap
import secrets
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mcp.server.auth.provider import AccessToken
from starlette.responses import JSONResponse

from .tokens import Once

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

SLOTS = 1 << 16
"""Callers of one kind that are told apart; beyond them some share a place in one of two rows, few in both."""
KINDS = ("address", "subject", "session")
SIZE = len(KINDS) * 2 * SLOTS * 8
"""Bytes of the table: two rows of numbers for each kind of caller."""
KEY = 32
"""Bytes of the secret that decides a caller's places, so that nobody can choose to share another's."""
MINUTE = 60.0
AT_ONCE = 32
"""Requests of one subject that may be under way in a worker, listening ones included."""
SESSIONS = 30
"""Sessions that one subject may open in `IDLE` seconds; each takes memory until it ends."""
IDLE = 600.0
"""Seconds after which a session that nobody used ends."""
OPEN = ("/healthz", "/readyz")
"""Paths that are never limited."""


class Rates:
    """When each caller has used up what it may ask, and by when it has it again.

    A caller has two places in the table, each with a time: the one at which all it asked for so far would be
    spent if it asked evenly. It may ask while that time is less than the period ahead of now (the generic
    cell rate algorithm), so there is no moment at which a count begins anew. Where callers share a place,
    the earlier time of the two holds.

    Args:
        folder: where the workers of one server share a table; alone where None.
    """

    def __init__(self, folder: Path | None = None) -> None:
        if folder is None:
            self._key, self._table = secrets.token_bytes(KEY), mmap.mmap(-1, SIZE)
        else:
            self._key = (folder / "key").read_bytes()
            with (folder / "rates").open("r+b") as file:
                self._table = mmap.mmap(file.fileno(), SIZE)
        self._times = memoryview(self._table).cast("d")

    @staticmethod
    def prepare(folder: Path) -> None:
        """Put an empty table and its secret into the folder that workers will share."""
        (folder / "key").write_bytes(secrets.token_bytes(KEY))
        (folder / "rates").write_bytes(bytes(SIZE))

    def wait(self, kind: str, caller: str, most: int, period: float = MINUTE) -> float:
        """Seconds until this caller may ask again; 0 if it may now. Counts nothing.

        Args:
            kind: one of `KINDS`.
            caller: who asks.
            most: how often it may in `period` seconds.
        """
        now = time.monotonic()
        spent = min(self._times[each] for each in self._places(kind, caller))
        return max(0.0, spent + period / most - period - now)

    def count(self, kind: str, caller: str, most: int, period: float = MINUTE) -> float:
        """The same, and count the request if it may be made."""
        wait = self.wait(kind, caller, most, period)
        if not wait:
            places = self._places(kind, caller)
            spent = max(time.monotonic(), min(self._times[each] for each in places)) + period / most
            for each in places:
                self._times[each] = max(self._times[each], spent)
        return wait

    def _places(self, kind: str, caller: str) -> tuple[int, int]:
        digest = hashlib.blake2b(caller.encode("utf-8", "replace"), key=self._key, digest_size=8).digest()
        row = 2 * KINDS.index(kind)
        first, second = (int.from_bytes(digest[i : i + 4], "big") % SLOTS for i in (0, 4))
        return row * SLOTS + first, (row + 1) * SLOTS + second


class Limits:
    """Answers 429 to those who ask too often or too much at once.

    A caller is an address until a token was verified, and the token's subject from there on: invented tokens
    count for the address that sent them. What is kept is bounded, whatever callers send.

    Args:
        app: what comes behind it.
        rates: who asked how often.
        per_minute: requests of one caller; 0 for no limit.
        verifier: who knows the tokens; None where there are none.
        sessions: whether clients of the handshake era open sessions here.
    """

    def __init__(
        self, app: ASGIApp, rates: Rates, per_minute: int, verifier: Once | None, sessions: bool
    ) -> None:
        self.app = app
        self._rates = rates
        self._most = per_minute
        self._verifier = verifier
        self._sessions = sessions
        self._under_way: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            return await self.app(scope, receive, send)
        subject, wait = await self._caller(scope)
        if wait:
            return await _refused("too many requests", wait)(scope, receive, send)
        if subject is None:
            return await self.app(scope, receive, send)
        if self._under_way[subject] >= AT_ONCE:
            return await _refused("too many requests at once", 1)(scope, receive, send)
        self._under_way[subject] += 1
        try:
            return await self.app(scope, receive, send)
        finally:
            self._under_way[subject] -= 1
            if not self._under_way[subject]:
                del self._under_way[subject]

    async def _caller(self, scope: Scope) -> tuple[str | None, float]:
        """The subject that a token proves, if one does; and the seconds until this caller may ask."""
        address, most = _network(scope), self._most
        if most and (wait := self._rates.wait("address", address, most)):
            return None, wait
        access = await self._access(scope)
        if access is None:
            return None, self._rates.count("address", address, most) if most else 0
        subject = repr(((access.claims or {}).get("iss"), access.subject or access.client_id))
        wait = self._rates.count("subject", subject, most) if most else 0
        if not wait and self._sessions and _opens_session(scope):
            wait = self._rates.count("session", subject, SESSIONS, IDLE)
        return subject, wait

    async def _access(self, scope: Scope) -> AccessToken | None:
        """What a token allows that is verified and has not expired."""
        if self._verifier is None:
            return None
        self._verifier.begin()
        given = dict(scope["headers"]).get(b"authorization", b"").decode("latin-1")
        scheme, _, token = given.partition(" ")
        access = await self._verifier.verify_token(token) if scheme.lower() == "bearer" else None
        expired = access is not None and access.expires_at is not None and access.expires_at < time.time()
        return None if expired else access


def _network(scope: Scope) -> str:
    """The address that a request comes from. Whoever has one address of IPv6 has a network of 2**64."""
    host = str((scope.get("client") or ("?",))[0])
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _opens_session(scope: Scope) -> bool:
    """Whether this may be an `initialize`: of the handshake era, and in no session yet."""
    headers = {name for name, _ in scope["headers"]}
    return scope["method"] == "POST" and not {b"mcp-session-id", b"mcp-method"} & headers


def _refused(what: str, wait: float) -> JSONResponse:
    seconds = f"{wait + 0.5:.0f}" if wait > 0.5 else "1"
    told: dict[str, Any] = {"error": f"{what}; try again in {seconds} s"}
    return JSONResponse(told, 429, {"Retry-After": seconds})
