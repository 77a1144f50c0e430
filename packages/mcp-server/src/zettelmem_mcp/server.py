"""The server: instructions, tools, resources and prompts around one keeper."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from mcp import MCPError
from mcp.server import MCPServer
from mcp.server.auth.provider import TokenVerifier
from mcp.server.auth.settings import AuthSettings
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp.server.request_state import RequestStateSecurity
from mcp.types import (
    INVALID_PARAMS,
    CallToolResult,
    GetPromptResult,
    InputRequiredResult,
    TextContent,
    Tool,
)
from pydantic import ValidationError

from . import __version__, answers, app, core, stdio
from .keeper import Keeper, local_now
from .prompts import add_prompts, words
from .resources import Sealed, add_resources
from .settings import Settings, in_words
from .tools import ARGUMENTS, EXAMPLES, REQUIRED, TOOLS

INSTRUCTIONS = words("instructions")


class Kept(MCPServer[Keeper]):
    """An MCP server around a keeper: it answers every line, and loads the memory behind the handshake."""

    keeper: Keeper

    async def run_stdio_async(self) -> None:
        """Serve on stdin and stdout, answering every line."""
        await stdio.serve(self._lowlevel_server)

    async def list_tools(self) -> list[Tool]:
        """The tools. A client that asks for them has shaken hands, so the memory is loaded from now on."""
        asyncio.get_running_loop().call_soon(self.keeper.warm)
        return await super().list_tools()


class Server(Kept):
    """A server whose errors tell the assistant what to do."""

    async def call_tool(
        self, name: str, arguments: dict[str, Any], context: Context[Keeper, Any] | None = None
    ) -> CallToolResult | InputRequiredResult:
        """Call a tool; what goes wrong is said in words that help the caller on."""
        if name not in EXAMPLES:
            raise ToolError(f"There is no tool of that name; the tools are {', '.join(EXAMPLES)}.")
        try:
            result = await super().call_tool(name, _sent(name, arguments), context)
        except ToolError as error:
            cause = error.__cause__
            if isinstance(cause, ValidationError):
                wrong, example = in_words(cause), json.dumps(EXAMPLES[name])
                raise ToolError(f"{name} was not run. {wrong}. Send for instance {example}") from None
            if not isinstance(cause, core.ZettelmemError):
                raise
            where = "; recall and browse give ids of notes, get_notes with history ids of changes"
            told = f"{str(cause).partition(';')[0]}{where}" if isinstance(cause, core.NotFound) else cause
            raise ToolError(f"{name}: {told}.") from None
        return _with_unread(result, name, arguments) if isinstance(result, CallToolResult) else result

    async def get_prompt(
        self, name: str, arguments: dict[str, Any] | None = None, context: Context[Keeper, Any] | None = None
    ) -> GetPromptResult | InputRequiredResult:
        """Render a prompt, refusing what cannot be with words instead of an internal error."""
        prompts = {prompt.name: prompt.arguments or [] for prompt in await self.list_prompts()}
        if name not in prompts:
            raise MCPError(INVALID_PARAMS, f"no such prompt; there are {', '.join(prompts)}")
        given = {key for key, value in (arguments or {}).items() if str(value).strip()}
        if missing := {each.name for each in prompts[name] if each.required} - given:
            raise MCPError(INVALID_PARAMS, f"prompt {name} needs {', '.join(missing)}")
        return await super().get_prompt(name, arguments, context)


def _sent(name: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """The arguments without the nulls and empty texts that models send for what they leave out."""
    needed = REQUIRED[name]
    return {
        key: value
        for key, value in arguments.items()
        if key in needed or not (value is None or (isinstance(value, str) and not value.strip()))
    }


def _with_unread(result: CallToolResult, name: str, arguments: dict[str, Any]) -> CallToolResult:
    """The result, and in front of it what the tool does not take, so that nobody relies on it."""
    taken = ARGUMENTS[name]
    unread = sorted(arguments.keys() - set(taken))
    if not unread:
        return result
    told = ", ".join(answers.label(each) for each in unread)
    line = f"{name} takes no {told}; that was left out. It takes {', '.join(taken)}."
    texts = [each.text for each in result.content if isinstance(each, TextContent)]
    content = TextContent(type="text", text="\n".join([line, *texts]))
    return result.model_copy(update={"content": [content]})


def build_server(
    settings: Settings,
    *,
    model: core.LanguageModel | None = None,
    verifier: TokenVerifier | None = None,
    auth: AuthSettings | None = None,
    sealed_by: bytes | None = None,
    clock: Callable[[], datetime] = local_now,
) -> Kept:
    """A server, not yet running.

    Args:
        settings: what it was told.
        model: who judges with `judge="model"`; made from `settings.model` where None.
        verifier, auth: who may call it over HTTP; both or neither.
        sealed_by: the secret of the questions to users; workers that serve one port share it.
        clock: what time it is (aware); for tests.
    """
    if settings.compat == "reference":
        return _build_reference(settings, verifier, auth, sealed_by)
    keeper = Keeper(settings, model, clock=clock)
    events = Sealed(keeper)
    server = Server(
        "zettelmem",
        title="Long-term memory",
        description="Linked, evolving notes that outlive the conversation",
        instructions=INSTRUCTIONS,
        version=__version__,
        log_level=settings.log_level,
        lifespan=lambda _: keeper,
        tools=TOOLS,
        subscriptions=events,
        extensions=[app.memory_app()],
        token_verifier=verifier,
        auth=auth,
        request_state_security=RequestStateSecurity(keys=[sealed_by]) if sealed_by else None,
    )
    server.keeper = keeper
    add_resources(server, keeper, events)
    add_prompts(server, keeper)
    return server


def _build_reference(
    settings: Settings, verifier: TokenVerifier | None, auth: AuthSettings | None, sealed_by: bytes | None
) -> Kept:
    """A server that stands in for the official reference memory server."""
    from . import knowledge, reference  # who does not ask for it does not load it

    async def take_over(memory: core.AsyncMemory) -> None:
        if settings.memory_file:
            await knowledge.Store(memory, settings.path).take_over(Path(settings.memory_file))

    keeper = Keeper(settings, prepare=take_over)
    server = Kept(
        "memory-server",
        version=__version__,
        log_level=settings.log_level,
        lifespan=lambda _: keeper,
        tools=reference.TOOLS,
        token_verifier=verifier,
        auth=auth,
        request_state_security=RequestStateSecurity(keys=[sealed_by]) if sealed_by else None,
    )
    server.keeper = keeper

    @server.resource("memory://knowledge-graph", title="Knowledge Graph", mime_type="application/json")
    async def knowledge_graph() -> str:
        """The full knowledge graph with all entities and relations"""
        graph = await knowledge.Store(await keeper.memory(), keeper.namespace()).graph()
        return json.dumps(graph.told(), indent=2, ensure_ascii=False)

    return server
