"""The MCP server under load, and killed again and again.

    python benchmarks/mcp_load.py load [--clients 100] [--seconds 60]
    python benchmarks/mcp_load.py kill [--rounds 50]
    python benchmarks/mcp_load.py two [--rounds 10]

`load`: clients over HTTP, each with a token and a memory of its own, remember, recall, browse and read in
turn; prints the calls, the errors and the latencies. `kill`: the server is killed in the middle of
pipelined writes; afterwards every acknowledged note has to be there. `two`: two processes write 20 notes
each into a store that does not exist yet.
"""

import argparse
import asyncio
import hashlib
import json
import random
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client

from zettelmem import AsyncMemory

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "load", "version": "1"}}


async def start(*flags: str, pipes: bool) -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE if pipes else asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "zettelmem_mcp", *flags),
        stdin=pipe,
        stdout=pipe,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**24,
    )


# --- load ----------------------------------------------------------------------------------------


async def play(
    url: str, number: int, until: float, took: dict[str, list[float]], wrong: Counter[str]
) -> None:
    chance = random.Random(number)
    headers = {"authorization": f"Bearer token-{number}"}
    ids: list[str] = []
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        turn = 0
        while time.perf_counter() < until:
            turn += 1
            tool, arguments = chance.choices(
                [
                    (
                        "remember",
                        {"content": f"Fact {turn} of client {number}: {chance.random()} is a number."},
                    ),
                    ("recall", {"query": f"which number has fact {chance.randrange(turn)}"}),
                    ("browse", {"limit": 10}),
                    ("get_notes", {"ids": chance.sample(ids, min(3, len(ids))) or ["zzzzzzzz"]}),
                ],
                weights=[3, 4, 1, 1],
            )[0]
            begun = time.perf_counter()
            try:
                result = await client.call_tool(tool, arguments)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is counted
                wrong[f"{tool}: {type(error).__name__} {error}"[:120]] += 1
                continue
            took.setdefault(tool, []).append(time.perf_counter() - begun)
            if result.is_error:
                wrong[f"{tool}: {result.content}"[:120]] += 1
            elif tool == "remember" and isinstance(result.structured_content, dict):
                ids.append(result.structured_content["notes"][0]["id"])


def peak_of(pid: int) -> str:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(line for line in lines if "VmHWM" in line)


async def load(clients: int, seconds: float) -> None:
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        tokens = Path(folder) / "tokens.json"
        digests = [hashlib.sha256(f"token-{n}".encode()).hexdigest() for n in range(clients)]
        entries = [{"sha256": digest, "subject": f"client{n}"} for n, digest in enumerate(digests)]
        tokens.write_text(json.dumps(entries))
        flags = ("--db", str(Path(folder) / "db"), "--http", address, "--token-file", str(tokens))
        process = await start(*flags, pipes=False)
        async with httpx2.AsyncClient() as http:
            for _ in range(600):
                try:
                    if (await http.get(f"http://{address}/health")).json()["status"] == "ready":
                        break
                except httpx2.HTTPError:
                    pass
                await asyncio.sleep(0.1)
        took: dict[str, list[float]] = {}
        wrong: Counter[str] = Counter()
        until = time.perf_counter() + seconds
        url = f"http://{address}/mcp"
        await asyncio.gather(*(play(url, n, until, took, wrong) for n in range(clients)))
        peak = peak_of(process.pid)
        process.terminate()
        await process.wait()
    print(f"{clients} clients, {seconds:.0f} s: {sum(map(len, took.values()))} calls, {wrong.total()} errors")
    for tool, values in took.items():
        cuts = statistics.quantiles(values, n=100)
        figures = f"p50 {cuts[49]:.2f} s  p95 {cuts[94]:.2f} s  max {max(values):.2f} s"
        print(f"{tool:10} {len(values):6} calls  {figures}")
    print(" ".join(peak.split()))
    for text, count in wrong.most_common(5):
        print(count, text)


# --- kill and two --------------------------------------------------------------------------------


def call(number: int, content: str) -> bytes:
    params = {"name": "remember", "arguments": {"content": content}}
    return (
        json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params}).encode()
        + b"\n"
    )


async def shaken(db: Path) -> asyncio.subprocess.Process:
    process = await start("--db", str(db), pipes=True)
    assert process.stdin is not None
    hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
    process.stdin.write(json.dumps(hello).encode() + b"\n")
    process.stdin.write(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
    return process


async def read(process: asyncio.subprocess.Process, found: dict[int, Any]) -> None:
    assert process.stdout is not None
    while line := await process.stdout.readline():
        if line.endswith(b"\n"):
            message = json.loads(line)
            if "id" in message:
                found[message["id"]] = message


def acknowledged(found: dict[int, Any]) -> set[int]:
    return {n for n, x in found.items() if n and "result" in x and not x["result"].get("isError")}


async def kept(db: Path) -> set[str]:
    async with AsyncMemory(str(db)) as memory:
        found, cursor = set(), None
        while True:
            page = await memory.notes(namespace="me", limit=1000, after=cursor)
            found |= {note.content for note in page.notes}
            cursor = page.cursor
            if cursor is None:
                return found


async def kill(rounds: int) -> None:
    lost, told = 0, 0
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "db"
        for round_ in range(rounds):
            process = await shaken(db)
            assert process.stdin is not None
            answers: dict[int, Any] = {}
            reading = asyncio.create_task(read(process, answers))
            process.stdin.write(b"".join(call(n, f"Round {round_}, fact {n}.") for n in range(1, 21)))
            await process.stdin.drain()
            wanted = random.randrange(1, 20)
            for _ in range(6000):
                if len(acknowledged(answers)) >= wanted:
                    break
                await asyncio.sleep(0.01)
            process.kill()
            await process.wait()
            await reading
            there = await kept(db)
            told += len(acknowledged(answers))
            lost += sum(f"Round {round_}, fact {n}." not in there for n in acknowledged(answers))
            print(f"{round_ + 1} kills, {told} acknowledged notes, {lost} lost, the store opened", flush=True)


async def two(rounds: int) -> None:
    counts = []
    for _ in range(rounds):
        with tempfile.TemporaryDirectory() as folder:
            db = Path(folder) / "db"
            processes = [await shaken(db), await shaken(db)]
            for name, process in enumerate(processes):
                assert process.stdin is not None
                process.stdin.write(b"".join(call(n, f"Process {name}, fact {n}.") for n in range(1, 21)))
            for process in processes:
                answers: dict[int, Any] = {}
                reading = asyncio.create_task(read(process, answers))
                for _ in range(6000):
                    if len(answers) == 21:
                        break
                    await asyncio.sleep(0.01)
                assert process.stdin is not None
                process.stdin.close()
                await process.wait()
                await reading
            counts.append(len(await kept(db)))
    print(f"{rounds} times two processes with 20 writes each into a new store: {counts} of 40 kept")


def main() -> None:
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(dest="command", required=True)
    loading = commands.add_parser("load")
    loading.add_argument("--clients", type=int, default=100)
    loading.add_argument("--seconds", type=float, default=60)
    commands.add_parser("kill").add_argument("--rounds", type=int, default=50)
    commands.add_parser("two").add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    if given.command == "load":
        asyncio.run(load(given.clients, given.seconds))
    else:
        asyncio.run({"kill": kill, "two": two}[given.command](given.rounds))


if __name__ == "__main__":
    main()
