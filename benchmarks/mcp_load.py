"""The MCP server under load, and killed again and again.

    python benchmarks/mcp_load.py load [--clients 100] [--seconds 60] [--workers 2] [--pause 1]
    python benchmarks/mcp_load.py kill [--rounds 50]
    python benchmarks/mcp_load.py two [--rounds 10]

`load`: users over HTTP, each with a signed token and a memory of its own, recall, remember and browse;
prints the calls, the errors, the rows of others in the answers and the latencies; then sends wrong and
invented tokens. `kill`: the server is killed in the middle of pipelined writes; afterwards every
acknowledged note has to be there. `two`: two processes write 20 notes each into a store that does not
exist yet.
"""

import argparse
import asyncio
import json
import os
import random
import re
import socket
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import jwt
from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm

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

ISSUER, AUDIENCE = "https://login.example.com/", "https://memory.example.com/mcp"
ERA = "2026-07-28"
MARK = re.compile(r"owner(\d+)x")
WORDS = "garden river train piano market storm window letter bread island doctor ticket".split()


class Signer:
    """An authorization server, as far as tokens go."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())

    def keys(self) -> str:
        key = json.loads(ECAlgorithm.to_jwk(self._key.public_key()))
        return json.dumps({"keys": [key | {"kid": "one", "use": "sig"}]})

    def token(self, who: str, **claims: Any) -> str:
        now = int(time.time())
        told = {"iss": ISSUER, "aud": AUDIENCE, "sub": who, "iat": now, "exp": now + 3_600}
        told |= {"scope": "memory:read memory:write"} | claims
        return jwt.encode(told, self._key, algorithm="ES256", headers={"kid": "one"})


class Figures:
    """What came of the calls: seconds by tool, errors, answers and the rows of others in them."""

    def __init__(self) -> None:
        self.took: dict[str, list[float]] = {}
        self.wrong: Counter[str] = Counter()
        self.rows = self.foreign = 0


async def call_tool(
    http: httpx2.AsyncClient, url: str, token: str, tool: str, arguments: dict[str, Any]
) -> httpx2.Response:
    headers = {
        "authorization": f"Bearer {token}",
        "accept": "application/json, text/event-stream",
        "mcp-protocol-version": ERA,
        "mcp-method": "tools/call",
        "mcp-name": tool,
    }
    kind = "io.modelcontextprotocol"
    meta = {f"{kind}/protocolVersion": ERA, f"{kind}/clientCapabilities": {}}
    params = {"name": tool, "arguments": arguments, "_meta": meta}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    return await http.post(url, json=body, headers=headers)


async def timed(
    http: httpx2.AsyncClient, url: str, number: int, token: str, call: tuple[str, Any], figures: Figures
) -> None:
    """Make one call, and look into the answer for rows of others."""
    tool, arguments = call
    begun = time.perf_counter()
    try:
        answer = await call_tool(http, url, token, tool, arguments)
    except httpx2.HTTPError as error:
        figures.wrong[f"{tool}: {type(error).__name__}"] += 1
        return
    figures.took.setdefault(tool, []).append(time.perf_counter() - begun)
    if answer.status_code != 200 or '"isError":true' in answer.text.replace(" ", ""):
        figures.wrong[f"{tool}: {answer.status_code} {answer.text[:80]}"] += 1
    owners = MARK.findall(answer.text)
    figures.rows += len(owners)
    figures.foreign += sum(owner != str(number) for owner in owners)


async def play(url: str, number: int, token: str, until: float, pause: float, figures: Figures) -> None:
    """One user: mostly recalls, sometimes remembers or browses, and thinks in between."""
    chance = random.Random(number)
    async with httpx2.AsyncClient(timeout=60) as http:
        await asyncio.sleep(chance.uniform(0, pause))
        while time.perf_counter() < until:
            fact = f"Fact of owner{number}x: {' '.join(chance.choices(WORDS, k=6))}."
            calls: list[tuple[str, Any]] = [
                ("recall", {"query": " ".join(chance.choices(WORDS, k=3))}),
                ("remember", {"content": fact}),
                ("browse", {"limit": 10}),
            ]
            await timed(http, url, number, token, chance.choices(calls, weights=[8, 1, 1])[0], figures)
            await asyncio.sleep(chance.expovariate(1 / pause) if pause else 0)


async def fill(url: str, number: int, token: str, turns: asyncio.Semaphore) -> None:
    chance = random.Random(-number)
    facts = [f"Fact of owner{number}x: {' '.join(chance.choices(WORDS, k=6))}." for _ in range(10)]
    async with turns, httpx2.AsyncClient(timeout=120) as http:
        (await call_tool(http, url, token, "remember", {"content": facts})).raise_for_status()


async def refused(url: str, signer: Signer, count: int, process: int) -> None:
    """Tokens that open nothing, then as many invented ones, and the memory before and after."""
    now, other = int(time.time()), Signer()
    none = jwt.encode({"iss": ISSUER, "aud": AUDIENCE, "sub": "a", "exp": now + 60}, None, algorithm="none")
    wrong = {
        "expired": signer.token("a", exp=now - 60),
        "foreign": other.token("a"),
        "none-algorithm": none,
        "wrong audience": signer.token("a", aud="https://other.example.com"),
    }
    async with httpx2.AsyncClient(timeout=60) as http:
        for name, token in wrong.items():
            answer = await call_tool(http, url, token, "browse", {})
            print(f"{name} token: {answer.status_code}")
        before, statuses = resident(process), Counter[int]()
        for number in range(count):
            statuses[(await call_tool(http, url, f"invented.{number}.x", "browse", {})).status_code] += 1
    told = ", ".join(f"{status}: {times}" for status, times in sorted(statuses.items()))
    print(f"{count} invented tokens: {told}; resident {before} to {resident(process)} MiB")


def family(pid: int) -> list[int]:
    """A process and those that it started."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [pid, *(int(each) for each in children)]


def resident(pid: int, of: str = "VmRSS") -> list[int]:
    """MiB of memory of a process and of those that it started."""
    found = []
    for each in family(pid):
        lines = Path(f"/proc/{each}/status").read_text().splitlines()
        found += [int(line.split()[1]) >> 10 for line in lines if line.startswith(of)]
    return found


async def load(clients: int, seconds: float, workers: int, pause: float, invented: int) -> None:
    signer = Signer()
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
        probe.close()
        keys = Path(folder) / "keys.json"
        keys.write_text(signer.keys())
        flags = ("--db", str(Path(folder) / "db"), "--http", address, "--workers", str(workers))
        who = ("--issuer", ISSUER, "--audience", AUDIENCE, "--jwks", str(keys))
        process = await start(*flags, *who, pipes=False)
        try:
            await ready(f"http://{address}/readyz")
            url, figures = f"http://{address}/mcp", Figures()
            tokens = [signer.token(f"user {number}") for number in range(clients)]
            turns = asyncio.Semaphore(8)
            await asyncio.gather(*(fill(url, n, token, turns) for n, token in enumerate(tokens)))
            print(
                f"filled; load of the machine {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores", flush=True
            )
            until = time.perf_counter() + seconds
            players = (play(url, n, token, until, pause, figures) for n, token in enumerate(tokens))
            await asyncio.gather(*players)
            report(figures, clients, seconds, workers)
            print(f"peak MiB of the processes: {resident(process.pid, 'VmHWM')}")
            await refused(url, signer, invented, process.pid)
        finally:
            process.terminate()
            await process.wait()
    print(f"load of the machine {os.getloadavg()[0]:.1f}")


async def ready(url: str) -> None:
    async with asyncio.timeout(180), httpx2.AsyncClient() as http:
        while True:
            try:
                if (await http.get(url)).status_code == 200:
                    return
            except httpx2.HTTPError:
                pass
            await asyncio.sleep(0.1)


def report(figures: Figures, clients: int, seconds: float, workers: int) -> None:
    calls = sum(map(len, figures.took.values()))
    print(
        f"{clients} users, {workers} workers, {seconds:.0f} s: {calls} calls, {figures.wrong.total()} errors"
    )
    print(f"{figures.rows} rows in the answers, {figures.foreign} of another user")
    for tool, values in figures.took.items():
        cuts = statistics.quantiles([*values, *values], n=100)  # of a single one too
        told = f"p50 {cuts[49]:.2f} s  p95 {cuts[94]:.2f} s  max {max(values):.2f} s"
        print(f"{tool:10} {len(values):6} calls  {told}")
    for text, count in figures.wrong.most_common(5):
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
    loading.add_argument("--workers", type=int, default=2)
    loading.add_argument("--pause", type=float, default=1.0, help="seconds that a user thinks on average")
    loading.add_argument("--invented", type=int, default=10_000, help="tokens that nobody signed")
    commands.add_parser("kill").add_argument("--rounds", type=int, default=50)
    commands.add_parser("two").add_argument("--rounds", type=int, default=10)
    given = parser.parse_args()
    if given.command == "load":
        asyncio.run(load(given.clients, given.seconds, given.workers, given.pause, given.invented))
    else:
        asyncio.run({"kill": kill, "two": two}[given.command](given.rounds))


if __name__ == "__main__":
    main()
