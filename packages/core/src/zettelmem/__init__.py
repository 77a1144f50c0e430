"""Long-term memory for LLM agents: notes that link and evolve like a Zettelkasten.

from zettelmem import Memory

memory = Memory("./memory")
memory.remember("Ana moved from Lisbon to Porto in May.", namespace="ana")
for hit in memory.recall("Where does Ana live?", namespace="ana"):
    print(hit.score, hit.why, hit.note.content)
"""

from .agent_tools import AGENT_TOOLS, AgentTool, Answer, Caller, refused
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
from .memory import AsyncMemory
from .note import (
    Decision,
    Draft,
    Erasure,
    Evolution,
    Examination,
    Finding,
    Graph,
    Hit,
    Link,
    LinkChoice,
    Message,
    Neighbour,
    NeighbourChange,
    Note,
    Page,
    Pending,
    Quota,
    Reembedded,
    Relation,
    Remembered,
    Source,
    Stats,
    Trust,
)
from .protocols import Embedder, LanguageModel, Reranker
from .render import (
    cut,
    fence,
    fit,
    one_line,
    shorten,
    show,
    show_neighbours,
    tell,
    tell_history,
    tell_links,
)
from .selection import for_prompt, to_ask_for
from .sync import Memory

__version__ = "0.1.0"

__all__ = [
    "AGENT_TOOLS",
    "AgentTool",
    "Answer",
    "AsyncMemory",
    "Caller",
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
    "ZettelmemError",
    "cut",
    "fence",
    "fit",
    "for_prompt",
    "one_line",
    "refused",
    "shorten",
    "show",
    "show_neighbours",
    "tell",
    "tell_history",
    "tell_links",
    "to_ask_for",
]
