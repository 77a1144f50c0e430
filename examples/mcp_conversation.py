"""A desktop assistant's three conversations over MCP, played by a script. Needs `zettelmem-mcp`.

The first remembers, the second recalls, and the third begins with a brief, after a night of upkeep. The
server is opened in this process; a real client starts `zettelmem-mcp` and speaks the same over stdio.
"""

import asyncio
import tempfile
from typing import Any

from mcp import Client
from mcp.types import TextContent

from zettelmem import DEFAULT_NAMESPACE, AsyncMemory
from zettelmem_mcp.server import build_server
from zettelmem_mcp.settings import Settings


async def say(client: Client, tool: str, **arguments: object) -> dict[str, Any]:
    """Call a tool, print what the assistant reads, and return the same as structure."""
    answer = await client.call_tool(tool, arguments)
    for content in answer.content:
        if isinstance(content, TextContent):
            print(f"{tool}: {content.text}\n")
    return answer.structured_content or {}


async def night(directory: str, helped: list[str]) -> None:
    """Count the notes that helped, and run upkeep, as `zettelmem upkeep` does."""
    async with AsyncMemory(directory) as memory:
        await memory.used(helped, namespace=DEFAULT_NAMESPACE)
        report = await memory.upkeep(namespace=DEFAULT_NAMESPACE)
        print(f"upkeep: {len(report.changes)} changes, {len(report.proposals)} questions\n")


async def main() -> None:
    """Tell some facts, correct one, ask, sleep, and begin anew."""
    with tempfile.TemporaryDirectory() as directory:
        async with Client(build_server(Settings(db=directory))) as client:
            facts = ["Ana lives in Lisbon.", "Ana wants answers with the code first."]
            await say(client, "remember", content=facts, said_by="user")
            stored = await say(client, "remember", content="Ana lives in Porto now.", said_by="user")
            note = stored["notes"][0]
            link = {"note_id": note["id"], "relation": "supersedes", "to": note["near"][0]["id"]}
            await say(client, "connect", links=[link])
        async with Client(build_server(Settings(db=directory))) as client:
            found = await say(client, "recall", query="Where does Ana live?")
            await say(client, "recall", query="What is the wifi password?")
        await night(directory, [each["id"] for each in found["notes"][:1]])
        async with Client(build_server(Settings(db=directory))) as client:
            await say(client, "brief")


if __name__ == "__main__":
    asyncio.run(main())
