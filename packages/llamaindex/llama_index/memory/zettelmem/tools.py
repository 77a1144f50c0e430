"""The core's agent tools as LlamaIndex's, for one namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from llama_index.core.tools import FunctionTool, ToolMetadata
from llama_index.core.tools.tool_spec.base import SPEC_FUNCTION_TYPE, BaseToolSpec

from zettelmem import AGENT_TOOLS, AgentTool, Caller, Judge, Memory, Trust

from .turns import VIA


class ZettelmemToolSpec(BaseToolSpec):
    """Remember, recall, connect, revise and forget, for one namespace; LlamaIndex awaits them in a thread.

    Args:
        memory: the notes.
        namespace: whose memory; no tool sees beyond it.
        thread: the conversation that remembered notes belong to.
        judge: who decides about links: `ask` lets the agent do so with `connect`, at no cost of
            another model.
        trust: how far at most what the agent remembers may be believed, whoever it says said it.
    """

    spec_functions: list[SPEC_FUNCTION_TYPE] = [*AGENT_TOOLS]  # noqa: RUF012 - the base's own field

    def __init__(
        self,
        memory: Memory,
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        judge: Judge | None = "ask",
        trust: Trust = Trust.STATED,
    ) -> None:
        self._memory = memory
        self._caller = Caller(namespace, VIA, thread=thread, judge=judge, trust=trust)

    def to_tool_list(
        self,
        spec_functions: list[SPEC_FUNCTION_TYPE] | None = None,
        func_to_metadata_mapping: dict[str, ToolMetadata] | None = None,
    ) -> list[FunctionTool]:
        """The tools by name, in this order; all five where none are named.

        Raises:
            KeyError: there is no tool of that name.
        """
        own = func_to_metadata_mapping or {}
        tools = [AGENT_TOOLS[str(name)] for name in spec_functions or self.spec_functions]
        return [self._wrapped(tool, own.get(tool.name)) for tool in tools]

    def _wrapped(self, tool: AgentTool[Any], metadata: ToolMetadata | None) -> FunctionTool:
        def call(**arguments: Any) -> str:
            return self._memory.run(tool.run, arguments, self._caller).text

        async def acall(**arguments: Any) -> str:
            return await asyncio.to_thread(partial(call, **arguments))

        told = metadata or ToolMetadata(tool.description, tool.name, tool.arguments)
        return FunctionTool(fn=call, async_fn=acall, metadata=told)
