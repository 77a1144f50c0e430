"""Whose memory a run is about: its namespace and thread, from context or config, never from a model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.runnables.config import ensure_config

from zettelmem import InvalidInput, as_namespace

Scope = str | Sequence[str] | Callable[[Any, Mapping[str, Any]], str | Sequence[str]]
"""A namespace; one with ``{name}`` to be filled in for each run; or a function of context and configurable.

A name is looked up in the run's context (an attribute or a key), then in ``config["configurable"]``. What
fills it stays inside its segment, whatever it holds.
"""

_NAME = re.compile(r"\{(\w+)\}")


def namespace_of(scope: Scope, context: Any, config: RunnableConfig | None) -> tuple[str, ...]:
    """The namespace of a run.

    Raises:
        InvalidInput: a ``{name}`` is neither in the context nor in the configurable, or is None or "" there.
    """
    configurable = (config or {}).get("configurable") or {}
    if callable(scope):
        return as_namespace(scope(context, configurable))

    def value(name: re.Match[str]) -> str:
        own = context if isinstance(context, Mapping) else getattr(context, "__dict__", {})
        for filled in (own.get(name[1]), getattr(context, name[1], None), configurable.get(name[1])):
            if filled is not None and filled != "":
                return str(filled)
        raise InvalidInput(
            f"the namespace needs {name[1]!r}; give it in the context or in config['configurable']"
        )

    return tuple(_NAME.sub(value, segment) for segment in as_namespace(scope))


def thread_of(config: RunnableConfig | None) -> str | None:
    """The conversation that a run belongs to, or None where nothing keeps it."""
    thread = ((config or {}).get("configurable") or {}).get("thread_id")
    return None if thread is None else str(thread)


def here(config: RunnableConfig | None = None) -> tuple[Any, RunnableConfig]:
    """The context and config of the run that this code is called in; (None, ...) outside an agent."""
    context = None
    with suppress(ImportError, RuntimeError, KeyError):  # no LangGraph, or called outside a graph
        from langgraph.runtime import get_runtime

        context = getattr(get_runtime(), "context", None)
    return context, ensure_config(config)
