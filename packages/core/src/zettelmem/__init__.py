"""Long-term memory for LLM agents: notes that link and evolve like a Zettelkasten.

from zettelmem import Memory

memory = Memory("./memory")
memory.remember("Ana moved from Lisbon to Porto in May.", namespace="ana")
for hit in memory.recall("Where does Ana live?", namespace="ana"):
    print(hit.score, hit.why, hit.note.content)
"""

from typing import TYPE_CHECKING, Any

from .decisions import Decision, LinkChoice, Neighbour, NeighbourChange, Question, Remembered
from .drafts import Draft, Message
from .errors import (
    ConflictError,
    DecisionRefused,
    ExtraMissing,
    InvalidInput,
    LimitExceeded,
    ModelError,
    NotFound,
    QuotaError,
    StoreError,
    StoreMismatch,
    ZettelmemError,
)
from .limits import (
    MAX_BUDGET,
    MAX_CONTENT,
    MAX_CONTEXT,
    MAX_DATA,
    MAX_K,
    MAX_PAGE,
    MAX_QUERY,
    MAX_WORD,
    MAX_WORDS,
)
from .namespace import DEFAULT_NAMESPACE, as_namespace
from .note import Evolution, Link, Note, Pending, Relation, Source, Trust
from .protocols import Embedder, LanguageModel, Reranker
from .queries import Graph, Hit, Page, Stats, Where
from .receipts import Erasure, Examination, Finding, Quota, Reembedded
from .render import cut, fence, fit, one_line, tell, tell_history, tell_links

if TYPE_CHECKING:
    from .memory import AsyncMemory
    from .sync import Memory

__version__ = "0.1.0"

__all__ = [
    "DEFAULT_NAMESPACE",
    "MAX_BUDGET",
    "MAX_CONTENT",
    "MAX_CONTEXT",
    "MAX_DATA",
    "MAX_K",
    "MAX_PAGE",
    "MAX_QUERY",
    "MAX_WORD",
    "MAX_WORDS",
    "AsyncMemory",
    "ConflictError",
    "Decision",
    "DecisionRefused",
    "Draft",
    "Embedder",
    "Erasure",
    "Evolution",
    "Examination",
    "ExtraMissing",
    "Finding",
    "Graph",
    "Hit",
    "InvalidInput",
    "LanguageModel",
    "LimitExceeded",
    "Link",
    "LinkChoice",
    "Memory",
    "Message",
    "ModelError",
    "Neighbour",
    "NeighbourChange",
    "NotFound",
    "Note",
    "Page",
    "Pending",
    "Question",
    "Quota",
    "QuotaError",
    "Reembedded",
    "Relation",
    "Remembered",
    "Reranker",
    "Source",
    "Stats",
    "StoreError",
    "StoreMismatch",
    "Trust",
    "Where",
    "ZettelmemError",
    "as_namespace",
    "cut",
    "fence",
    "fit",
    "one_line",
    "tell",
    "tell_history",
    "tell_links",
]


def __getattr__(name: str) -> Any:
    # The memories bring numpy and all that reads and writes; who needs only values does not wait for it.
    if name == "AsyncMemory":
        from .memory import AsyncMemory

        return AsyncMemory
    if name == "Memory":
        from .sync import Memory

        return Memory
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
