"""Zettelmem as long-term memory for LangChain and LangGraph.

`ZettelmemStore` is a LangGraph store, `ZettelmemMiddleware` gives `create_agent` a memory,
`memory_tools` lets the model keep it itself, `ZettelmemRetriever` reads it in a chain, and
`as_language_model` and `as_embedder` let LangChain's models work for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .models import as_embedder, as_language_model
from .retriever import ZettelmemRetriever
from .store import ZettelmemStore
from .tools import memory_tools

if TYPE_CHECKING:
    from .middleware import ZettelmemMiddleware

__version__ = "0.1.0"

__all__ = [
    "ZettelmemMiddleware",
    "ZettelmemRetriever",
    "ZettelmemStore",
    "as_embedder",
    "as_language_model",
    "memory_tools",
]


def __getattr__(name: str) -> Any:
    """The middleware, which alone needs the `agents` extra, on first use."""
    if name != "ZettelmemMiddleware":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        return import_module(".middleware", __name__).ZettelmemMiddleware
    except ModuleNotFoundError as error:
        from zettelmem import ExtraMissing

        raise ExtraMissing(
            "ZettelmemMiddleware needs LangChain's agents; pip install 'langchain-zettelmem[agents]'"
        ) from error
