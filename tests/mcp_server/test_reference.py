"""The reference memory server's tools over our store, held against what the real one answers."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from mcp import Client, StdioServerParameters
from mcp.types import TextContent

from zettelmem_mcp.knowledge import read_file
from zettelmem_mcp.server import build_server
from zettelmem_mcp.settings import BadSetting, Settings, read_settings

RECORDED = Path(__file__).with_name("reference_calls.json")
"""Calls of the real server in their order, with what it answered."""


@asynccontextmanager
async def reference(db: str = "memory://", **settings: Any) -> AsyncIterator[Client]:
    server = build_server(Settings(db=db, compat="reference", **settings))
    async with asyncio.timeout(120), Client(server) as client:
        yield client


async def told(client: Client, tool: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """What a call answers, as it was recorded of the real server."""
    result = await client.call_tool(tool, arguments)
    (content,) = result.content
    assert isinstance(content, TextContent)
    return {
        "text": content.text,
        "structure": result.structured_content,
        "is_error": bool(result.is_error),
    }


def recorded() -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = json.loads(RECORDED.read_text(encoding="utf-8"))
    return calls


def test_sixty_calls_were_recorded_of_every_tool() -> None:
    calls = recorded()
    assert len(calls) >= 60
    assert len({call["tool"] for call in calls}) == 9


async def test_the_recorded_calls_are_answered_as_the_reference_server_does() -> None:
    async with reference() as client:
        for number, call in enumerate(recorded()):
            assert await told(client, call["tool"], call["arguments"]) == call["answer"], (number, call)


@pytest.mark.skipif(
    not os.environ.get("ZETTELMEM_REFERENCE_SERVER") or shutil.which("node") is None,
    reason="ZETTELMEM_REFERENCE_SERVER names dist/index.js of @modelcontextprotocol/server-memory",
)
async def test_the_recorded_calls_are_right(tmp_path: Path) -> None:
    environment = os.environ | {"MEMORY_FILE_PATH": str(tmp_path / "memory.jsonl")}
    server = StdioServerParameters(
        command="node", args=[os.environ["ZETTELMEM_REFERENCE_SERVER"]], env=environment
    )
    async with asyncio.timeout(120), Client(server, mode="legacy") as client:
        for call in recorded():
            assert await told(client, call["tool"], call["arguments"]) == call["answer"], call


async def test_the_tools_are_those_of_the_reference_server() -> None:
    async with reference() as client:
        tools = (await client.list_tools()).tools
    assert [tool.name for tool in tools] == [
        "create_entities",
        "create_relations",
        "add_observations",
        "delete_entities",
        "delete_observations",
        "delete_relations",
        "read_graph",
        "search_nodes",
        "open_nodes",
    ]
    assert set(tools[1].input_schema["$defs"]["Relation"]["required"]) == {"from", "to", "relationType"}


ANA = {"name": "Ana", "entityType": "person", "observations": ["lives in Lisbon", "plays the cello"]}


async def test_a_search_without_a_match_asks_our_recall() -> None:
    async with reference() as client:
        await client.call_tool("create_entities", {"entities": [ANA]})
        found = await told(client, "search_nodes", {"query": "Where does Ana live?"})
        assert [each["name"] for each in found["structure"]["entities"]] == ["Ana"]
        nothing = await told(client, "search_nodes", {"query": "quarterly harvest report"})
        assert nothing["structure"] == {"entities": [], "relations": []}


async def test_what_was_deleted_can_be_made_again() -> None:
    async with reference() as client:
        for _ in range(3):
            await client.call_tool("create_entities", {"entities": [ANA]})
            graph = await told(client, "read_graph", {})
            assert graph["structure"]["entities"] == [ANA]
            await client.call_tool("delete_entities", {"entityNames": ["Ana"]})
            graph = await told(client, "read_graph", {})
            assert graph["structure"]["entities"] == []


async def test_nothing_is_lost_when_two_clients_write_at_once(tmp_path: Path) -> None:
    async with reference(str(tmp_path)) as one, reference(str(tmp_path)) as two:
        await one.call_tool("create_entities", {"entities": [ANA]})

        async def add(client: Client, name: str) -> None:
            for number in range(8):
                added = {"entityName": "Ana", "contents": [f"{name} said {number}"]}
                assert not (await client.call_tool("add_observations", {"observations": [added]})).is_error

        await asyncio.gather(add(one, "Ben"), add(two, "Eva"))
        (ana,) = (await told(one, "open_nodes", {"names": ["Ana"]}))["structure"]["entities"]
        said = {f"{name} said {number}" for name in ("Ben", "Eva") for number in range(8)}
        assert set(ana["observations"]) == said | set(ANA["observations"])


LINES = (
    json.dumps({"type": "entity", **ANA})
    + "\n\n"
    + json.dumps({"type": "relation", "from": "Ana", "to": "Rita", "relationType": "is the sister of"})
    + "\n"
    + json.dumps({"type": "of another version"})
)


async def test_the_reference_servers_file_is_taken_over_once(tmp_path: Path) -> None:
    file = tmp_path / "memory.jsonl"
    file.write_text(LINES)
    environment = {"MEMORY_FILE_PATH": str(file), "ZETTELMEM_COMPAT": "reference"}
    settings = read_settings({"db": str(tmp_path / "db")}, environment)
    assert settings.memory_file == str(file)
    for expected in ([ANA], []):
        async with asyncio.timeout(120), Client(build_server(settings)) as client:
            graph = (await told(client, "read_graph", {}))["structure"]
            assert graph["entities"] == expected
            await client.call_tool("delete_entities", {"entityNames": ["Ana"]})
    assert file.read_text() == LINES


def test_a_file_of_one_object_is_read_too(tmp_path: Path) -> None:
    file = tmp_path / "memory.json"
    file.write_text(json.dumps({"entities": [ANA], "relations": []}, indent=2))
    drafts = read_file(file)
    assert [draft.content for draft in drafts] == [
        "Ana (person)",
        *(f"Ana: {x}" for x in ANA["observations"]),
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", "line 1: "),
        (LINES + "\n{]", "line 5: "),
        ('{"type": "entity", "name": 5}', 'line 1: is neither an entity \\("name"'),
    ],
)
def test_a_file_that_is_none_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "memory.jsonl"
    file.write_text(text)
    with pytest.raises(BadSetting, match=problem):
        read_file(file)
