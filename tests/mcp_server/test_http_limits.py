"""Limits that cannot be walked around: by address before a token is verified, by subject after."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.mcp_server.issuer import ISSUER, Issuer
from tests.mcp_server.web import INITIALIZE, JSON, bearer, serving
from zettelmem_mcp import limits
from zettelmem_mcp.limits import KINDS, SIZE, SLOTS, Limits, Rates, _network

AUDIENCE = "https://memory.example.com/mcp"


@pytest.fixture(scope="module")
def issuer() -> Iterator[Issuer]:
    with Issuer() as running:
        yield running


@pytest.fixture
def passing(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds that `time.monotonic` of the limits tells, in a list of one."""
    now = [1_000.0]

    class Time:
        monotonic = staticmethod(lambda: now[0])
        time = staticmethod(time.time)

    monkeypatch.setattr(limits, "time", Time)
    return now


def test_a_caller_may_ask_a_minutes_worth_at_once_and_then_as_time_passes(passing: list[float]) -> None:
    rates = Rates()
    assert [rates.count("subject", "ana", 6) for _ in range(6)] == [0] * 6
    assert rates.count("subject", "ana", 6) == pytest.approx(10)
    assert rates.count("subject", "ben", 6) == rates.count("address", "ana", 6) == 0
    passing[0] += 9.9
    assert rates.wait("subject", "ana", 6) == pytest.approx(0.1)
    passing[0] += 0.2
    assert rates.count("subject", "ana", 6) == 0
    assert rates.count("subject", "ana", 6) > 0
    passing[0] += 3_600
    assert [rates.count("subject", "ana", 6) > 0 for _ in range(7)] == [False] * 6 + [True]


def test_over_any_time_a_caller_gets_its_rate_and_one_minutes_worth(passing: list[float]) -> None:
    rates, chance = Rates(), random.Random(3)
    times = []
    while passing[0] < 2_000:
        if not rates.count("subject", "ana", 30):
            times.append(passing[0])
        passing[0] += chance.expovariate(5)
    for begin in times:
        assert sum(begin <= each < begin + 60 for each in times) <= 60
    assert len(times) == pytest.approx(30 + 1_000 / 2, abs=5)


def test_workers_share_one_table_of_fixed_size(tmp_path: Path) -> None:
    Rates.prepare(tmp_path)
    one, two = Rates(tmp_path), Rates(tmp_path)
    allowed = [rates.count("subject", "ana", 10) == 0 for rates in (one, two) * 20]
    assert sum(allowed) == 10
    assert (tmp_path / "rates").stat().st_size == SIZE == len(KINDS) * 2 * SLOTS * 8


def test_a_flood_of_addresses_takes_no_room_and_hardly_anybodys_turn(passing: list[float]) -> None:
    rates = Rates()
    for number in range(20_000):
        for _ in range(3):
            rates.count("address", f"10.0.{number >> 8}.{number & 255}", 2)
    assert len(rates.__dict__["_times"]) * 8 == SIZE
    refused = sum(rates.wait("address", f"192.0.2.{number}", 2) > 0 for number in range(256))
    assert refused < 256 * 0.2
    assert all(rates.count("subject", f"user {number}", 2) == 0 for number in range(1_000))


@pytest.mark.parametrize(
    ("host", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", "testclient"),
    ],
)
def test_whoever_has_a_network_of_addresses_is_one_caller(host: str, network: str) -> None:
    assert _network({"client": (host, 1)}) == network


async def test_invented_tokens_and_addresses_are_limited(
    issuer: Issuer,
    passing: list[float],  # stands still, so nobody may ask anew
) -> None:
    chance, statuses = random.Random(1), []
    good = issuer.token("ana", AUDIENCE)
    given: dict[str, Any] = {"issuer": ISSUER, "jwks": issuer.url, "audience": AUDIENCE, "rate": 100}
    async with serving(**given) as url, httpx2.AsyncClient(timeout=60) as http:
        fetched = issuer.served
        for number in range(300):
            invented = chance.choice(
                [f"x.{number}.y", good[:-20] + f"{number:020}", Issuer.__name__ + str(number)]
            )
            headers = JSON | {
                "authorization": f"Bearer {invented}",
                "x-forwarded-for": f"10.0.0.{number % 256}",
            }
            statuses.append((await http.post(f"{url}/mcp", json=INITIALIZE, headers=headers)).status_code)
        assert issuer.served <= fetched + 1
    assert statuses == [401] * 100 + [429] * 200


async def test_one_subject_may_not_open_too_many_sessions(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SESSIONS", 3)
    given: dict[str, Any] = {"issuer": ISSUER, "jwks": issuer.url, "audience": AUDIENCE}
    async with serving(**given) as url, httpx2.AsyncClient(timeout=60) as http:

        async def open_one(who: str) -> httpx2.Response:
            headers = JSON | bearer(issuer.token(who, AUDIENCE))
            return await http.post(f"{url}/mcp", json=INITIALIZE, headers=headers)

        opened = [await open_one("ana") for _ in range(5)]
        assert [each.status_code for each in opened] == [200] * 3 + [429] * 2
        assert int(opened[-1].headers["retry-after"]) > 60
        assert (await open_one("ben")).status_code == 200


async def test_requests_under_way_are_counted_by_subject_and_given_back() -> None:
    go, inside = asyncio.Event(), 0

    async def app(*_: Any) -> None:
        nonlocal inside
        inside += 1
        await go.wait()

    class Verifier:
        def begin(self) -> None:
            pass

        async def verify_token(self, token: str) -> Any:
            class Access:
                claims, subject, client_id, expires_at = None, token, token, None

            return Access()

    limit = Limits(app, Rates(), per_minute=0, verifier=Verifier(), sessions=False)  # type: ignore[arg-type]
    sent: list[int] = []

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start":
            sent.append(message["status"])

    def request(who: str) -> asyncio.Task[None]:
        headers = [(b"authorization", f"Bearer {who}".encode())]
        scope = {"type": "http", "method": "POST", "path": "/mcp", "headers": headers, "client": ("::1", 1)}
        return asyncio.ensure_future(limit(scope, None, send))  # type: ignore[arg-type]

    waiting = [request("ana") for _ in range(limits.AT_ONCE + 5)] + [request("ben")]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert (inside, sent) == (limits.AT_ONCE + 1, [429] * 5)
    waiting[0].cancel()
    await asyncio.wait([waiting[0]])
    waiting.append(request("ana"))
    await asyncio.sleep(0)
    assert inside == limits.AT_ONCE + 2
    go.set()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert limit.__dict__["_under_way"] == {}
