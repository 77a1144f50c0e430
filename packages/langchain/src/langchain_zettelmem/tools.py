"""The core's agent tools as LangChain's: the model gives words, the application gives the namespace."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from anyio import to_thread
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from zettelmem import AGENT_TOOLS, AgentTool, Caller, Memory, Trust, ZettelmemError, refused

from .scope import Scope, here, namespace_of, thread_of
from .turns import VIA

_UNTOLD: dict[str, Any] = {"note": {"history"}, "neighbours": {"__all__": {"note": {"history"}}}}


def memory_tools(
    memory: Memory,
    *,
    namespace: Scope,
    trust: Trust = Trust.STATED,
    names: Sequence[str] = tuple(AGENT_TOOLS),
) -> list[BaseTool]:
    """The tools that let an agent keep its own memory, sync and async.

    Each answers with text for the model and an artifact for the application: what the verbs of the
    `Memory` returned, as a list of JSON objects. What goes wrong is told to the model in one line,
    never raised.

    Args:
        memory: what remembers.
        namespace: whose memory, as for `ZettelmemMiddleware`. The model neither sees nor chooses it.
        trust: how far at most what the model remembers may be believed, whoever it says said it.
        names: which tools, in this order.

    Raises:
        KeyError: there is no tool of that name.
    """
    return [_wrapped(AGENT_TOOLS[name], memory, namespace, trust) for name in names]


def _wrapped(tool: AgentTool[Any], memory: Memory, namespace: Scope, trust: Trust) -> BaseTool:
    def call(config: RunnableConfig, **arguments: Any) -> tuple[str, list[Any]]:
        context, config = here(config)
        try:
            space = namespace_of(namespace, context, config)
            caller = Caller(space, VIA, thread=thread_of(config), trust=trust)
            answer = memory.run(tool.run, arguments, caller)
        except ZettelmemError as error:
            raise ToolException(refused(error)) from error
        return answer.text, [each.model_dump(mode="json", exclude=_UNTOLD) for each in answer.value]

    async def acall(config: RunnableConfig, **arguments: Any) -> tuple[str, list[Any]]:
        return await to_thread.run_sync(partial(call, config, **arguments))

    return StructuredTool(
        name=tool.name,
        description=tool.description,
        args_schema=tool.arguments,
        func=call,
        coroutine=acall,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=refused,
    )
