"""The server over HTTP: who gets in, who sees what, what happens to those who misbehave."""

from __future__ import annotations

import asyncio
import hashlib
import json
import random
import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.mcp_server.web import INITIALIZE, JSON, bearer, client_of, contents, serving
from zettelmem_mcp.app import URI
from zettelmem_mcp.http import build_app
from zettelmem_mcp.settings import BadSetting, Settings, read_settings
from zettelmem_mcp.tokens import TokenFile

YEAR = timedelta(days=365)


class Nobody:
    """A verifier that lets nobody in."""

    async def verify_token(self, token: str) -> None:
        return None


NOBODY = Nobody()


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    def entry(name: str, **more: Any) -> dict[str, Any]:
        digest = hashlib.sha256(f"{name}-token".encode()).hexdigest()
        return {"sha256": digest, "subject": name, **more}

    path = tmp_path / "tokens.json"
    entries = [
        entry("ana"),
        entry("ben"),
        entry("late", expires=(datetime.now(UTC) - YEAR).isoformat()),
        entry("early", expires=(datetime.now(UTC) + YEAR).isoformat()),
    ]
    path.write_text(json.dumps(entries))
    return path


# --- who may listen where ------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.168.1.5", "memory.example.com"])
def test_an_address_that_others_reach_needs_tokens_and_names(host: str, token_file: Path) -> None:
    given = {"http": f"{host}:8000", "token_file": str(token_file)}
    with pytest.raises(BadSetting, match="--jwks, --token-file or --verifier"):
        read_settings({"http": f"{host}:8000", "allowed_hosts": "memory.example.com"}, {})
    for names in ("", "*", "memory.example.com,*"):
        with pytest.raises(BadSetting, match="--allowed-hosts"):
            read_settings({**given, "allowed_hosts": names}, {})
    build_app(read_settings({**given, "allowed_hosts": "memory.example.com"}, {}))


@pytest.mark.parametrize("text", ["[]x", "{}", '[{"token": "plain"}]', '[{"sha256": "1", "subject": "ana"}]'])
def test_a_token_file_that_is_none_is_refused_at_the_start(tmp_path: Path, text: str) -> None:
    path = tmp_path / "tokens.json"
    path.write_text(text)
    with pytest.raises(BadSetting, match="token file"):
        build_app(Settings(http="127.0.0.1:8000", token_file=str(path)))


@pytest.mark.parametrize("name", ["nowhere:verifier", "json:nothing", "", "json"])
def test_a_verifier_that_is_none_is_refused_at_the_start(name: str) -> None:
    if name:
        with pytest.raises(BadSetting, match="verifier"):
            build_app(Settings(http="127.0.0.1:8000", verifier=name))
    else:
        build_app(Settings(http="127.0.0.1:8000", verifier=name))


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"host": "evil.example.com"}, 421),
        ({"host": "127.0.0.1.evil.example.com:80"}, 421),
        ({"origin": "https://evil.example.com"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://localhost:6274"}, 200),
    ],
)
async def test_wrong_hosts_and_origins_are_turned_away(headers: dict[str, str], status: int) -> None:
    async with serving() as url, httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | headers)
        assert answer.status_code == status


@pytest.mark.parametrize(
    ("who", "status"),
    [
        (None, 401),
        ("nobody", 401),
        ("late", 401),
        ("ana", 200),
        ("early", 200),
    ],
)
async def test_only_a_right_token_gets_in(who: str | None, status: int, token_file: Path) -> None:
    async with serving(token_file=str(token_file)) as url, httpx2.AsyncClient() as http:
        headers = JSON | (bearer(who) if who else {})
        answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=headers)
        assert answer.status_code == status
        if status == 401:
            assert "resource_metadata" in answer.headers["www-authenticate"]


async def test_a_token_that_is_taken_out_of_the_file_stops_working(token_file: Path) -> None:
    async with serving(token_file=str(token_file)) as url, httpx2.AsyncClient() as http:
        await asyncio.to_thread(token_file.write_text, "[]")
        answer = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer("ana"))
        assert answer.status_code == 401


async def test_health_and_readiness_tell_nothing_but_the_state() -> None:
    async with serving() as url, httpx2.AsyncClient() as http:
        assert (await http.get(f"{url}/healthz")).json() == {"status": "ok"}
        told: list[tuple[int, Any]] = []
        async with asyncio.timeout(60):
            while not told or told[-1][0] != 200:
                answer = await http.get(f"{url}/readyz")
                told.append((answer.status_code, answer.json()))
                await asyncio.sleep(0)
        assert told[-1] == (200, {"status": "ready"})
        assert {str(each) for each in told[:-1]} <= {
            "(503, {'status': 'idle'})",
            "(503, {'status': 'loading'})",
        }


# --- who sees what -------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_each_subject_has_a_memory_of_its_own(mode: str, token_file: Path) -> None:
    async with (
        serving(token_file=str(token_file)) as url,
        client_of(url, "ana", mode) as ana,
        client_of(url, "ben", mode) as ben,
    ):
        stored = await ana.call_tool("remember", {"content": "Ana's pin is 4711.", "said_by": "user"})
        assert isinstance(stored.structured_content, dict)
        note_id = stored.structured_content["notes"][0]["id"]
        assert await contents(ana, "pin") == ["Ana's pin is 4711."]
        assert await contents(ben, "pin") == []
        for tool, arguments in (
            ("get_notes", {"ids": [note_id]}),
            ("connect", {"links": [{"note_id": note_id, "to": note_id}]}),
            ("brief", {}),
            ("revise", {"note_id": note_id, "content": "It is 1."}),
            ("forget", {"ids": [note_id]}),
            ("undo", {"change": note_id}),
            ("browse", {}),
            ("recall", {"query": "pin", "namespace": ["me"], "thread": "../ana"}),
        ):
            result = await ben.call_tool(tool, arguments)
            assert "4711" not in str(result.content)
            assert "4711" not in str(result.structured_content)
        for uri in ("memory://recent", "memory://stats", "memory://tag/pin"):
            assert "4711" not in str((await ben.read_resource(uri)).contents)
        assert [each.uri for each in (await ben.list_resources()).resources] == [
            URI,
            "memory://brief",
            "memory://recent",
            "memory://stats",
        ]
        assert await contents(ana, "pin") == ["Ana's pin is 4711."]


async def test_a_note_of_another_subject_answers_like_one_that_never_was(token_file: Path) -> None:
    async with (
        serving(token_file=str(token_file)) as url,
        client_of(url, "ana") as ana,
        client_of(url, "ben") as ben,
    ):
        stored = await ana.call_tool("remember", {"content": "Ana's pin is 4711."})
        assert isinstance(stored.structured_content, dict)
        theirs = stored.structured_content["notes"][0]["id"]
        nobodys = "zzzzzzzzzzzz"
        for tool, name in (("forget", "ids"), ("get_notes", "ids"), ("connect", "note_id")):
            answers = [
                str((await ben.call_tool(tool, {name: [x] if name == "ids" else x})).content).replace(x, "ID")
                for x in (theirs, nobodys)
            ]
            assert answers[0] == answers[1]


async def test_nobody_hears_of_the_changes_of_others(token_file: Path) -> None:
    async with (
        serving(token_file=str(token_file)) as url,
        client_of(url, "ana") as ana,
        client_of(url, "ben") as ben,
        ben.listen(resources_list_changed=True, resource_subscriptions=["memory://recent"]) as events,
    ):
        await ana.call_tool("remember", {"content": "Ana's pin is 4711."})
        await ben.call_tool("remember", {"content": "Ben has a dog."})
        heard = aiter(events)
        found = [await asyncio.wait_for(anext(heard), 10) for _ in range(2)]
        assert {type(event).__name__ for event in found} == {"ResourceUpdated", "ResourcesListChanged"}
        waiting = asyncio.ensure_future(anext(heard))
        await contents(ben, "dog")  # a whole round trip, in which nothing of Ana's arrives
        assert not waiting.done()
        waiting.cancel()
        await asyncio.wait([waiting], timeout=10)


async def test_the_session_of_another_subject_opens_nothing(token_file: Path) -> None:
    async with serving(token_file=str(token_file)) as url, httpx2.AsyncClient() as http:
        mine = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer("ana"))
        session = {"mcp-session-id": mine.headers["mcp-session-id"], "mcp-protocol-version": "2025-11-25"}
        listed = {"jsonrpc": "2.0", "id": 2, "method": "tools/list"}
        stolen = await http.post(f"{url}/mcp", json=listed, headers=JSON | session | bearer("ben"))
        assert stolen.status_code in (401, 403, 404)
        own = await http.post(f"{url}/mcp", json=listed, headers=JSON | session | bearer("ana"))
        assert own.status_code == 200


# --- those who misbehave -------------------------------------------------------------------------


async def test_too_many_requests_are_asked_to_wait_and_others_are_not(token_file: Path) -> None:
    async with serving(token_file=str(token_file), rate=5) as url, httpx2.AsyncClient() as http:
        answers = [
            await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer("ana")) for _ in range(8)
        ]
        assert [each.status_code for each in answers] == [200] * 5 + [429] * 3
        assert int(answers[-1].headers["retry-after"]) >= 1
        other = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer("ben"))
        assert other.status_code == 200
        assert (await http.get(f"{url}/healthz")).status_code == 200


async def test_invented_tokens_count_for_the_address_that_sends_them(token_file: Path) -> None:
    async with serving(token_file=str(token_file), rate=5) as url, httpx2.AsyncClient() as http:
        statuses = []
        for number in range(8):
            headers = JSON | {"authorization": f"Bearer invented-{number}"}
            statuses.append((await http.post(f"{url}/mcp", json=INITIALIZE, headers=headers)).status_code)
        assert statuses == [401] * 5 + [429] * 3


async def test_the_verifier_is_asked_once_a_request(
    token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    verify = TokenFile.verify_token

    async def counted(self: TokenFile, token: str) -> Any:
        asked.append(token)
        return await verify(self, token)

    monkeypatch.setattr(TokenFile, "verify_token", counted)
    async with serving(token_file=str(token_file)) as url, httpx2.AsyncClient() as http:
        await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON | bearer("ana"))
        assert asked == ["ana-token"]


@pytest.mark.parametrize("issuer", ["", "https://login.example.com"])
async def test_the_metadata_names_only_an_authorization_server_that_exists(
    issuer: str, token_file: Path
) -> None:
    who = {"verifier": f"{__name__}:NOBODY", "issuer": issuer} if issuer else {}
    async with (
        serving(**(who or {"token_file": str(token_file)})) as url,
        httpx2.AsyncClient() as http,
    ):
        refused = await http.post(f"{url}/mcp", json=INITIALIZE, headers=JSON)
        where = refused.headers["www-authenticate"].partition('resource_metadata="')[2].partition('"')[0]
        told = (await http.get(where)).json()
        assert told["resource"] == f"{url}/mcp"
        assert [each.rstrip("/") for each in told.get("authorization_servers", [])] == (
            [issuer] if issuer else []
        )


async def test_a_request_that_is_too_large_is_refused() -> None:
    async with serving(max_request=10_000) as url, httpx2.AsyncClient() as http:
        answer = await http.post(f"{url}/mcp", content=b"[" * 20_000, headers=JSON)
        assert answer.status_code == 413


def mischief(seed: int) -> list[tuple[dict[str, str], bytes]]:
    """Requests that no honest client sends: headers, body."""
    chance = random.Random(seed)
    deep = b"[" * 5_000 + b"]" * 5_000

    def call(tool: Any, arguments: Any) -> bytes:
        params = {"name": tool, "arguments": arguments}
        return json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode()

    good = bearer("ana")
    made: list[tuple[dict[str, str], bytes]] = []
    for _ in range(1_000):
        headers, body = dict(good), json.dumps(INITIALIZE).encode()
        match chance.randrange(12):
            case 0:
                body = chance.choice([b"", b"{", b"null", b"5", b"\xff\xfe", b'"x"', deep, b"{}" * 50])
            case 1:
                body = body[: chance.randrange(len(body))]
            case 2:
                body = call(
                    "recall",
                    chance.choice([{"query": 5}, {"query": None}, [], "x", 5, {"query": "x", "limit": {}}]),
                )
            case 3:
                body = call("remember", {"content": "x" * chance.choice([0, 1_100_000])})
            case 4:
                body = call(chance.choice(["drop", "", None, 5, "../recall", "x" * 9_000]), {})
            case 5:
                headers["host"] = chance.choice(["evil.example.com", "", "127.0.0.1@evil", "a" * 5_000])
            case 6:
                headers["origin"] = chance.choice(["https://evil.example.com", "null", "file://"])
            case 7:
                headers.pop("authorization")
            case 8:
                headers |= bearer(chance.choice(["late", "nobody", "ana2"]))
            case 9:
                headers["mcp-session-id"] = chance.choice(["x", "0" * 32, "x" * 5_000])
                body = call("browse", {})
            case 10:
                headers["mcp-protocol-version"] = chance.choice(["1999-01-01", "2026-07-28", "", "x" * 500])
                body = call("recall", {"query": "pin"})
            case _:
                headers["content-type"] = chance.choice(["text/plain", "application/xml", ""])
        made.append((headers, body))
    return made


async def test_a_thousand_malformed_requests_leave_the_server_alive_and_silent(token_file: Path) -> None:
    async with (
        serving(token_file=str(token_file), rate=0) as url,
        client_of(url, "ben") as ben,
        httpx2.AsyncClient(timeout=30) as http,
    ):
        await ben.call_tool("remember", {"content": "Ben's pin is 4711."})

        async def misbehave(headers: dict[str, str], body: bytes) -> None:
            async with turns:
                answer = await http.post(f"{url}/mcp", content=body, headers=JSON | headers)
            assert answer.status_code != 500, (headers, body[:200], answer.text)
            for leak in ("Traceback", 'File "', ".py:", "4711", "site-packages"):
                assert leak not in answer.text, (headers, body[:200], answer.text)
            if "authorization" not in headers:
                assert answer.status_code in (401, 421, 403)

        turns, grown = asyncio.Semaphore(20), []
        for _ in range(2):
            await asyncio.gather(*(misbehave(*each) for each in mischief(7)))
            grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
            assert await contents(ben, "pin") == ["Ben's pin is 4711."]
        assert grown[1] - grown[0] < 50_000  # KiB: the second thousand needs no more room than the first
