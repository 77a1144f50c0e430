"""LlamaIndex's own MCP client lists and calls the tools of our MCP server."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool

from tests.llamaindex.doubles import Scripted

mcp = pytest.importorskip("llama_index.tools.mcp")
pytest.importorskip("zettelmem_mcp")

pytestmark = pytest.mark.filterwarnings("ignore:.* attribute:pydantic.warnings.PydanticDeprecationWarning")


@pytest.fixture
async def tools(tmp_path: Path) -> AsyncIterator[dict[str, FunctionTool]]:
    """The server's tools; each call starts a process of its own over the same directory."""
    client = mcp.BasicMCPClient(
        sys.executable, args=["-m", "zettelmem_mcp", "--db", str(tmp_path / "notes")], timeout=60
    )
    async with asyncio.timeout(120):
        listed = await mcp.McpToolSpec(client=client).to_tool_list_async()
        yield {tool.metadata.name: tool for tool in listed}
        await client.http_client.aclose()


def calling(name: str, **kwargs: object) -> ChatMessage:
    block = ToolCallBlock(tool_call_id="1", tool_name=name, tool_kwargs=kwargs)
    return ChatMessage(role="assistant", blocks=[block])


async def test_the_tools_are_listed_with_their_arguments(tools: dict[str, FunctionTool]) -> None:
    assert {"remember", "recall", "connect", "revise", "forget", "undo"} <= tools.keys()
    assert all(tool.metadata.description for tool in tools.values())
    assert tools["recall"].metadata.get_parameters_dict()["properties"]


async def test_the_links_of_connect_reach_the_model_with_their_types(tools: dict[str, FunctionTool]) -> None:
    schema = tools["connect"].metadata.get_parameters_dict()
    link = schema["properties"]["links"]["items"]
    link = schema["$defs"][link["$ref"].rpartition("/")[2]] if "$ref" in link else link
    assert "supersedes" in str(link["properties"]["relation"])
    assert link["properties"]["to"]["type"] == "string"


async def test_an_agent_uses_the_server(tools: dict[str, FunctionTool]) -> None:
    llm = Scripted(
        calling("remember", content="Ana lives in Porto.", said_by="user"),
        calling("recall", query="Where does Ana live?"),
        "In Porto.",
    )
    agent = FunctionAgent(llm=llm, tools=list(tools.values()), streaming=False)
    assert str(await agent.run("Remember that I live in Porto. Where do I live?")) == "In Porto."
    assert re.search(r"Ana lives in Porto\.", llm.prompts[2].split("Where do I live?", 1)[1])
