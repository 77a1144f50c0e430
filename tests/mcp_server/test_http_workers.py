"""The server as operators start it: several processes on one port, over one store, and how they end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import httpx2
import pytest

from tests.mcp_server.issuer import ISSUER, Issuer
from tests.mcp_server.web import INITIALIZE, JSON, client_of, contents

AUDIENCE = "https://memory.example.com/mcp"


class Running(NamedTuple):
    """A server in processes of its own."""

    url: str
    process: asyncio.subprocess.Process
    issuer: Issuer

    def token(self, who: str) -> str:
        return self.issuer.token(who, AUDIENCE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def started(folder: Path, *flags: str) -> AsyncIterator[Running]:
    """A server that is ready."""
    issuer, port = Issuer(), free_port()
    (folder / "keys.json").write_text(json.dumps(issuer.keys()))
    who = ("--issuer", ISSUER, "--jwks", str(folder / "keys.json"), "--audience", AUDIENCE)
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "zettelmem_mcp", "--db", str(folder / "db"), "--http", f"127.0.0.1:{port}", *who, *flags),
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(120), httpx2.AsyncClient() as http:
            while True:
                assert process.returncode is None
                try:
                    if (await http.get(f"http://127.0.0.1:{port}/readyz")).status_code == 200:
                        break
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.05)
        yield Running(f"http://127.0.0.1:{port}", process, issuer)
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.communicate(), 60)


def children(pid: int) -> list[int]:
    """The worker processes of a server."""
    text = Path(f"/proc/{pid}/task/{pid}/children").read_text()
    return [
        each for each in map(int, text.split()) if b"spawn_main" in Path(f"/proc/{each}/cmdline").read_bytes()
    ]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_workers_serve_one_store_and_one_that_dies_is_replaced(tmp_path: Path, mode: str) -> None:
    async with started(tmp_path, "--workers", "2", "--rate", "0") as running:

        async def remember(who: str) -> None:
            async with client_of(running.url, running.token(who), mode) as client:
                done = await client.call_tool("remember", {"content": f"The pin of {who} is {who}."})
                assert not done.is_error, done.content

        people = [f"user{number}" for number in range(6)]
        await asyncio.gather(*map(remember, people))
        workers = children(running.process.pid)
        assert len(workers) == 2
        os.kill(workers[0], signal.SIGKILL)
        for who in people * 2:
            async with asyncio.timeout(60):
                while True:  # a connection to the one that was killed fails, and is made again
                    try:
                        async with client_of(running.url, running.token(who), mode) as client:
                            assert await contents(client, "pin") == [f"The pin of {who} is {who}."]
                        break
                    except (httpx2.HTTPError, ExceptionGroup):
                        await asyncio.sleep(0.1)
        async with asyncio.timeout(60):
            while len(children(running.process.pid)) < 2:  # noqa: ASYNC110 - another process changes it
                await asyncio.sleep(0.1)


async def test_the_rate_is_that_of_all_workers_together(tmp_path: Path) -> None:
    async with started(tmp_path, "--workers", "2", "--rate", "20") as running:
        headers = JSON | {"authorization": "Bearer invented", "connection": "close"}
        statuses = []
        for _ in range(60):
            async with httpx2.AsyncClient() as http:  # a connection each, so that both workers are asked
                statuses.append((await http.post(f"{running.url}/mcp", json={}, headers=headers)).status_code)
    assert 20 <= statuses.count(401) <= 26
    assert statuses.count(429) == 60 - statuses.count(401)


async def headers_of(http: httpx2.AsyncClient, running: Running, era: str) -> dict[str, str]:
    """What a call of a tool is sent with."""
    headers = JSON | {"authorization": f"Bearer {running.token('ana')}", "mcp-protocol-version": era}
    if era == "2025-11-25":
        opened = await http.post(f"{running.url}/mcp", json=INITIALIZE, headers=headers)
        return headers | {"mcp-session-id": opened.headers["mcp-session-id"]}
    return headers | {"mcp-method": "tools/call", "mcp-name": "remember"}


@pytest.mark.parametrize("era", ["2025-11-25", "2026-07-28"])
async def test_told_to_stop_a_server_answers_the_calls_under_way(tmp_path: Path, era: str) -> None:
    async with (
        started(tmp_path) as running,
        httpx2.AsyncClient(timeout=60) as http,
        client_of(running.url, running.token("ana"), "auto") as listener,
        listener.listen(resources_list_changed=True),
    ):
        headers = await headers_of(http, running, era)

        async def remember(number: int) -> Any:
            facts = [f"Fact {number}.{each} is a number." for each in range(20)]
            meta = {
                "io.modelcontextprotocol/protocolVersion": era,
                "io.modelcontextprotocol/clientCapabilities": {},
            }
            params = {"name": "remember", "arguments": {"content": facts}, "_meta": meta}
            call = {"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}
            return await http.post(f"{running.url}/mcp", json=call, headers=headers)

        calls = [asyncio.create_task(remember(number)) for number in range(2, 14)]
        await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        assert not all(each.done() for each in calls)
        running.process.terminate()
        answers = await asyncio.wait_for(asyncio.gather(*calls, return_exceptions=True), 60)
        for answer in answers:
            assert not isinstance(answer, BaseException), answer
            assert '"isError":false' in answer.text.replace(" ", ""), answer.text
        assert await asyncio.wait_for(running.process.wait(), 20) in (0, -signal.SIGTERM)


async def test_metrics_and_traces_tell_calls_and_no_words(tmp_path: Path) -> None:
    pytest.importorskip("prometheus_client")
    pytest.importorskip("opentelemetry.sdk")
    port, told = free_port(), []

    async def collect(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length:")[2].split()[0])
        told.append(await reader.readexactly(length))
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    collector = await asyncio.start_server(collect, "127.0.0.1", 0)
    where = f"http://127.0.0.1:{collector.sockets[0].getsockname()[1]}"
    flags: Any = ("--workers", "2", "--metrics", f"127.0.0.1:{port}", "--traces")
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": where, "OTEL_EXPORTER_OTLP_COMPRESSION": "none"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        async with started(tmp_path, *flags) as running, httpx2.AsyncClient() as http:
            async with client_of(running.url, running.token("ana")) as client:
                await client.call_tool("remember", {"content": "The pin is 4711."})
                await client.call_tool("recall", {"query": "pin"})
                await client.call_tool("revise", {})
            await http.post(f"{running.url}/mcp", json={}, headers=JSON)
            text = (await http.get(f"http://127.0.0.1:{port}/metrics")).text
    collector.close()
    for line in (
        'zettelmem_http_requests_total{status="401"} 1.0',
        'zettelmem_call_seconds_count{outcome="done",tool="remember"} 1.0',
        'zettelmem_call_seconds_count{outcome="done",tool="recall"} 1.0',
        'zettelmem_call_seconds_count{outcome="refused",tool="revise"} 1.0',
    ):
        assert line in text, text
    spans = b"".join(told)
    assert b"tools/call remember" in spans
    assert b"4711" not in spans
