"""A server over HTTP in this process, and clients of it."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import uvicorn
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from zettelmem_mcp.http import build_app
from zettelmem_mcp.serving import rules
from zettelmem_mcp.settings import Settings

INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}
JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def bearer(name: str) -> dict[str, str]:
    """The header of a token of the token file, or of a whole token."""
    return {"authorization": f"Bearer {name if '.' in name else f'{name}-token'}"}


class Announced(uvicorn.Server):
    """A server that says when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.up.set()


@asynccontextmanager
async def serving(**settings: Any) -> AsyncIterator[str]:
    """A server on a free port of this machine."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        given = Settings(**({"db": "memory://", "http": f"127.0.0.1:{port}"} | settings))
        told = rules(given) | {"timeout_graceful_shutdown": 1}
        server = Announced(uvicorn.Config(build_app(given), **told))
        task = asyncio.create_task(server.serve(sockets=[bound]))
        try:
            async with asyncio.timeout(60), httpx2.AsyncClient() as probe:
                await server.up.wait()
                assert (await probe.get(f"http://127.0.0.1:{port}/healthz")).status_code == 200
            yield f"http://127.0.0.1:{port}"
        finally:
            server.should_exit = True
            await asyncio.wait_for(task, 30)


@asynccontextmanager
async def client_of(url: str, who: str | None = None, mode: Any = "auto") -> AsyncIterator[Client]:
    headers = bearer(who) if who else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=30) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


async def contents(client: Client, query: str) -> list[str]:
    result = await client.call_tool("recall", {"query": query})
    assert not result.is_error, result.content
    assert isinstance(result.structured_content, dict)
    return [note["content"] for note in result.structured_content["notes"]]
