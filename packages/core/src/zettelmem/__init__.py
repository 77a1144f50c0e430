"""Long-term memory for LLM agents: notes that link and evolve like a Zettelkasten.

from zettelmem import Memory

memory = Memory("./memory")
memory.remember("Ana moved from Lisbon to Porto in May.", namespace="ana")
for hit in memory.recall("Where does Ana live?", namespace="ana"):
    print(hit.score, hit.why, hit.note.content)
"""

from .agent_tools import AGENT_TOOLS, AgentTool, Answer, Caller, refused
from .brief import Part
from .care.report import Done, Proposal, UpkeepReport
from .care.strength import HALF_LIVES, strength
from .decisions import Decision, Finished, LinkChoice, Neighbour, NeighbourChange, Question, Remembered
from .deep import Effort, Sift, Sifted
from .drafts import Draft, Message
from .errors import (
    AnswerUnfit,
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
from .judge import Judge
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
from .linking.review import Review
from .memory import AsyncMemory
from .namespace import DEFAULT_NAMESPACE, as_namespace
from .note import Evolution, Link, Note, Pending, Relation, Source, Trust
from .protocols import AnswerT, Embedder, LanguageModel, Reranker
from .queries import Brief, Graph, Hit, Known, Page, Profile, Stats, Where
from .receipts import Erasure, Examination, Finding, Quota, Reembedded
from .render import (
    cut,
    fence,
    fit,
    one_line,
    shorten,
    show,
    show_brief,
    show_neighbours,
    tell,
    tell_history,
    tell_links,
)
from .selection import MIN_SCORE, cited, for_prompt, to_ask_for
from .spending import Account, Budget
from .sync import Memory

__version__ = "0.1.0"

__all__ = [
    "AGENT_TOOLS",
    "DEFAULT_NAMESPACE",
    "HALF_LIVES",
    "MAX_BUDGET",
    "MAX_CONTENT",
    "MAX_CONTEXT",
    "MAX_DATA",
    "MAX_K",
    "MAX_PAGE",
    "MAX_QUERY",
    "MAX_WORD",
    "MAX_WORDS",
    "MIN_SCORE",
    "Account",
    "AgentTool",
    "Answer",
    "AnswerT",
    "AnswerUnfit",
    "AsyncMemory",
    "Brief",
    "Budget",
    "Caller",
    "ConflictError",
    "Decision",
    "DecisionRefused",
    "Done",
    "Draft",
    "Effort",
    "Embedder",
    "Erasure",
    "Evolution",
    "Examination",
    "ExtraMissing",
    "Finding",
    "Finished",
    "Graph",
    "Hit",
    "InvalidInput",
    "Judge",
    "Known",
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
    "Part",
    "Pending",
    "Profile",
    "Proposal",
    "Question",
    "Quota",
    "QuotaError",
    "Reembedded",
    "Relation",
    "Remembered",
    "Reranker",
    "Review",
    "Sift",
    "Sifted",
    "Source",
    "Stats",
    "StoreError",
    "StoreMismatch",
    "Trust",
    "UpkeepReport",
    "Where",
    "ZettelmemError",
    "as_namespace",
    "cited",
    "cut",
    "fence",
    "fit",
    "for_prompt",
    "one_line",
    "refused",
    "shorten",
    "show",
    "show_brief",
    "show_neighbours",
    "strength",
    "tell",
    "tell_history",
    "tell_links",
    "to_ask_for",
]
