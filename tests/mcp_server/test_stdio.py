"""The server as clients start it: a process that speaks the protocol on its stdout, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import random
import re
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from zettelmem import AsyncMemory

HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


def request(number: int, method: str, params: dict[str, Any]) -> bytes:
    message = {"jsonrpc": "2.0", "id": number, "method": method, "params": params}
    return json.dumps(message).encode() + b"\n"


def call(number: int, tool: str, **arguments: Any) -> bytes:
    return request(number, "tools/call", {"name": tool, "arguments": arguments})


class Process:
    """A server process, driven line by line."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.stray: list[bytes] = []

    async def send(self, *lines: bytes) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(b"".join(lines))
        await self.process.stdin.drain()

    async def answers(self, *numbers: int) -> dict[int, Any]:
        """The answers to the requests with these numbers; what is no protocol is kept in `stray`."""
        assert self.process.stdout is not None
        found: dict[int, Any] = {}
        async with asyncio.timeout(60):
            while not found.keys() >= set(numbers):
                line = await self.process.stdout.readline()
                if not line:
                    raise EOFError(f"the server ended with {await self.process.wait()}")
                message = json.loads(line)
                if message.get("jsonrpc") != "2.0":
                    self.stray.append(line)
                if "id" in message and message["id"] is not None:
                    found[message["id"]] = message
        return found

    async def close(self) -> int:
        assert self.process.stdin is not None
        self.process.stdin.close()
        return await asyncio.wait_for(self.process.wait(), 30)


@asynccontextmanager
async def running(db: Path, *flags: str) -> AsyncIterator[Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "zettelmem_mcp", "--db", str(db), *flags),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        limit=2**24,
    )
    started = Process(process)
    try:
        await started.send(request(0, "initialize", HELLO))
        await started.answers(0)
        await started.send(b'{"jsonrpc": "2.0", "method": "notifications/initialized"}\n')
        yield started
    finally:
        if process.returncode is None:
            process.kill()
        await asyncio.wait_for(process.wait(), 30)


async def stored_in(db: Path) -> set[str]:
    async with AsyncMemory(str(db)) as memory:
        return {note.content for note in (await memory.notes(namespace="me", limit=1000)).notes}


async def test_twenty_pipelined_writes_are_all_kept(tmp_path: Path) -> None:
    async with running(tmp_path / "db") as server:
        await server.send(*(call(n, "remember", content=f"Fact {n}.") for n in range(1, 21)))
        answers = await server.answers(*range(1, 21))
        assert not any(each["result"].get("isError") for each in answers.values())
        assert await server.close() == 0
    assert await stored_in(tmp_path / "db") == {f"Fact {n}." for n in range(1, 21)}


async def test_two_processes_with_twenty_writes_each_keep_forty(tmp_path: Path) -> None:
    async with AsyncMemory(str(tmp_path / "db")) as memory:
        await memory.remember("The store is there.", namespace="me")
    async with running(tmp_path / "db") as one, running(tmp_path / "db") as two:
        for name, server in (("one", one), ("two", two)):
            await server.send(*(call(n, "remember", content=f"Fact {name} {n}.") for n in range(1, 21)))
        for server in (one, two):
            answers = await server.answers(*range(1, 21))
            assert not any(each["result"].get("isError") for each in answers.values())
    assert len(await stored_in(tmp_path / "db")) == 41


async def test_words_that_arrived_are_kept_when_the_client_leaves_without_waiting(tmp_path: Path) -> None:
    async with running(tmp_path / "db") as server:
        await server.send(call(1, "recall", query="is it loaded"))
        await server.answers(1)
        writes = [call(n, "remember", content=f"Fact {n}.") for n in range(2, 22)]
        await server.send(*writes, call(30, "browse"))
        await server.answers(30)  # requests are begun in order, so all of them were begun
        assert await server.close() == 0
    assert len(await stored_in(tmp_path / "db")) == 20


@pytest.mark.parametrize("round_", range(3))
async def test_a_killed_server_loses_nothing_that_it_acknowledged(tmp_path: Path, round_: int) -> None:
    async with running(tmp_path / "db") as server:
        await server.send(*(call(n, "remember", content=f"Fact {n}.") for n in range(1, 31)))
        answers = await server.answers(1 + round_ * 5)
        server.process.send_signal(signal.SIGKILL)
        await server.process.wait()
        assert server.process.stdout is not None
        rest = (await server.process.stdout.read()).split(b"\n")
        whole = [json.loads(line) for line in rest if line.endswith(b"}")]
        answers |= {each["id"]: each for each in whole if "id" in each}
    assert not any(each["result"].get("isError") for each in answers.values()), answers
    kept = await stored_in(tmp_path / "db")
    assert {f"Fact {n}." for n in answers} <= kept


async def test_nothing_but_protocol_comes_out_even_if_nonsense_goes_in(tmp_path: Path) -> None:
    nonsense = [
        b"\n",
        b"{}\n",
        b"[]\n",
        b"nonsense\n",
        b"\xff\xfe\n",
        b'{"jsonrpc": "1.0"}\n',
        b"[" * 9_000 + b"\n",
    ]
    async with running(tmp_path / "db", "--log-level", "DEBUG") as server:
        await server.send(*nonsense)
        await server.send(call(1, "remember", content=5), call(2, "nothing"), request(3, "no/method", {}))
        answers = await server.answers(1, 2, 3)
        await server.send(call(4, "remember", content="Ana has a cat."))
        await server.answers(4)
        await server.send(call(5, "recall", query="cat"))
        answers |= await server.answers(5)
        assert server.stray == []
        assert answers[1]["result"]["isError"]
        assert "error" in answers[3]
        assert "Ana has a cat." in json.dumps(answers[5])
        assert await server.close() == 0


def malformed(seed: int) -> bytes:
    """A line that no server may take for a good one: a good call, broken at a place that `seed` chooses."""
    dice = random.Random(seed)
    good = call(seed, "recall", query="Ana").strip()
    match seed % 8:
        case 0:  # cut off
            line = good[: dice.randrange(1, len(good) - 1)]
        case 1:  # an id that is none
            bad = dice.choice([b"null", b"1.5", b"false", b"[]", b"{}", b"1e400", b"9" * 5_000])
            line = good.replace(b'"id": %d' % seed, b'"id": ' + bad)
        case 2:  # nests deeply
            line = good.replace(b'"Ana"', b"[" * 1_000 + b"]" * 1_000)
        case 3:  # another version
            line = good.replace(b"2.0", dice.choice([b"1.0", b"2", b"", b"\xff"]))
        case 4:  # no object
            line = dice.choice([b"null", b"[]", b"[[]]", b"[1]", b'"x"', b"7", b"true", b"NaN"])
        case 5:  # bytes of chance
            line = bytes(dice.randrange(11, 256) for _ in range(dice.randrange(1, 90)))
        case 6:  # a brace too few, a quote too many
            line = good.replace(dice.choice([b"{", b'"', b":"]), b"", 1)
        case _:  # half a surrogate pair, in what is no request anyway
            line = good.replace(b'"Ana"', rb'"\ud83d"').replace(b'"method"', b'"\\ud83d"')
    return line.replace(b"\n", b"") + b"\n"


async def test_a_thousand_malformed_lines_are_answered_one_by_one_and_nobody_waits(tmp_path: Path) -> None:
    lines = [malformed(seed) for seed in range(1_000)]
    async with running(tmp_path / "db") as server, asyncio.timeout(60):
        sending = asyncio.create_task(server.send(*lines))
        assert server.process.stdout is not None
        for _ in lines:
            answer = json.loads(await server.process.stdout.readline())
            assert answer["jsonrpc"] == "2.0"
            assert answer["error"]["code"] in (-32700, -32600)
        await sending
        await server.send(call(1, "remember", content="Ana has a cat."))
        await server.answers(1)
        await server.send(call(2, "recall", query="cat"))
        assert "Ana has a cat." in json.dumps(await server.answers(2))
        assert await server.close() == 0


async def test_a_request_with_half_a_surrogate_pair_is_answered(tmp_path: Path) -> None:
    async with running(tmp_path / "db") as server:
        await server.send(call(1, "remember", content="@").replace(b"@", rb"Ana has a cat \ud83d."))
        assert not (await server.answers(1))[1]["result"].get("isError")
    assert await stored_in(tmp_path / "db") == {"Ana has a cat \ufffd."}


async def test_the_environment_sets_what_no_flag_does(tmp_path: Path) -> None:
    environment = os.environ | {"ZETTELMEM_DB": str(tmp_path / "db"), "ZETTELMEM_NAMESPACE": "acme/ana"}
    parameters = StdioServerParameters(command=sys.executable, args=["-m", "zettelmem_mcp"], env=environment)
    async with asyncio.timeout(60), Client(parameters) as client:
        assert not (await client.call_tool("remember", {"content": "Ana has a cat."})).is_error
    async with AsyncMemory(str(tmp_path / "db")) as memory:
        assert await memory.namespaces() == [("acme", "ana")]


# --- a story, played by an assistant that knows only what the tools tell it ------------------------


class Assistant:
    """Finds ids and changes in the texts it is answered with, as a model would."""

    def __init__(self, client: Client) -> None:
        self.client = client

    async def say(self, tool: str, **arguments: Any) -> str:
        result = await self.client.call_tool(tool, arguments)
        (content,) = result.content
        assert isinstance(content, TextContent)
        assert not result.is_error, content.text
        return content.text

    async def remember(self, content: str, instead_of: str | None = None) -> str:
        """Store it as the user's words, and connect it to the near note whose words are given."""
        text = await self.say("remember", content=content, said_by="user")
        found = re.search(r"Stored \[(\w+)\]", text)
        assert found is not None, text
        near = re.findall(r"^\[\w+\] may be \D+ \[(\w+)\].*> (.*)$", text, re.MULTILINE)
        older = [note_id for note_id, words in near if instead_of and instead_of in words]
        links = [{"note_id": found.group(1), "to": each, "relation": "supersedes"} for each in older]
        assert bool(links) == (instead_of is not None), text
        if links:
            await self.say("connect", links=links)
        return found.group(1)

    async def recall(self, query: str) -> list[str]:
        return re.findall(r"^> (.*)$", await self.say("recall", query=query), re.MULTILINE)

    async def id_of(self, words: str) -> str:
        text = await self.say("recall", query=words)
        found = re.search(rf"^\[(\w+)\].*\n> {re.escape(words)}$", text, re.MULTILINE)
        assert found is not None, text
        return found.group(1)


@asynccontextmanager
async def conversation(db: Path, mode: Any) -> AsyncIterator[Assistant]:
    parameters = StdioServerParameters(
        command=sys.executable, args=["-m", "zettelmem_mcp", "--db", str(db)], env=dict(os.environ)
    )
    async with asyncio.timeout(120), Client(parameters, mode=mode) as client:
        yield Assistant(client)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_three_conversations_with_a_change_of_mind_a_correction_and_a_forgetting(
    tmp_path: Path, mode: str
) -> None:
    db = tmp_path / "db"
    async with conversation(db, mode) as first:
        assert await first.recall("What do you know about Ana?") == []
        await first.remember("Ana lives in Lisbon.")
        await first.remember("Ana's sister Rita is a vet.")
        await first.remember("Ana's favourite tea is jasmine.")
        assert (await first.recall("Where does Ana live?"))[0] == "Ana lives in Lisbon."

    async with conversation(db, mode) as second:
        # a change of mind: the old note is closed, not lost
        assert (await second.recall("Where does Ana live?"))[0] == "Ana lives in Lisbon."
        await second.remember("Ana lives in Porto since May.", instead_of="Lisbon")
        answers = await second.recall("Where does Ana live?")
        assert answers[0] == "Ana lives in Porto since May."
        assert "Ana lives in Lisbon." not in answers
        # a correction: it was wrong from the start
        rita = await second.id_of("Ana's sister Rita is a vet.")
        await second.say("revise", note_id=rita, content="Ana's sister Rita is a nurse.", said_by="user")
        answers = await second.recall("What does Rita do?")
        assert "Ana's sister Rita is a nurse." in answers
        assert "Ana's sister Rita is a vet." not in answers

    async with conversation(db, mode) as third:
        # "forget that", and then "no, keep it"
        tea = await third.id_of("Ana's favourite tea is jasmine.")
        told = await third.say("forget", ids=[tea])
        assert "Ana's favourite tea is jasmine." not in await third.recall("Which tea does Ana like?")
        assert f"[{tea}]" in told
        await third.say("undo", change=tea)
        assert "Ana's favourite tea is jasmine." in await third.recall("Which tea does Ana like?")
        # what was done is told by the notes themselves
        told = await third.say("get_notes", ids=[rita], history=True)
        assert "Rita is a vet. -> Ana's sister Rita is a nurse." in told
        porto = await third.id_of("Ana lives in Porto since May.")
        assert "supersedes" in await third.say("get_notes", ids=[porto])
