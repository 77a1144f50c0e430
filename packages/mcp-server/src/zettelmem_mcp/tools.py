"""The nine tools: what an assistant may do with its memory, in words made for a model."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mcp.server.mcpserver.tools import Tool
from mcp.types import ToolAnnotations

from . import app
from .arguments import Lean
from .changing import forget, revise, undo
from .reading import brief, browse, get_notes, recall
from .writing import connect, remember

READS = ToolAnnotations(read_only_hint=True, open_world_hint=False)
ADDS = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
"""Calling it again changes nothing more."""
CHANGES = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)

ID = "k3v9x2ab"
_ROWS: tuple[tuple[Callable[..., Any], str, ToolAnnotations, dict[str, Any]], ...] = (
    (brief, "Brief", READS, {}),
    (remember, "Remember", ADDS, {"content": ["Ana moved to Porto in May 2026."], "said_by": "user"}),
    (
        connect,
        "Connect notes",
        ADDS,
        {"links": [{"note_id": ID, "relation": "supersedes", "to": "m4w8z1qd"}]},
    ),
    (recall, "Recall", READS, {"query": "Where does Ana live?"}),
    (get_notes, "Read notes", READS, {"ids": [ID]}),
    (browse, "Browse notes", READS, {"tags": ["travel"], "limit": 20}),
    (revise, "Revise a note", CHANGES, {"note_id": ID, "content": "Ana moved to Porto in June 2026."}),
    (forget, "Forget notes", CHANGES, {"ids": [ID]}),
    (undo, "Undo a change", CHANGES, {"change": ID}),
)


def _listed(function: Callable[..., Any], title: str, hints: ToolAnnotations) -> Tool:
    """A function as a tool: its docstring is the description, its signature the schema."""
    description = " ".join((function.__doc__ or "").split())
    shows = {"ui": {"resourceUri": app.URI}} if function is browse else None
    tool = Tool.from_function(function, title=title, description=description, annotations=hints, meta=shows)
    tool.parameters = tool.fn_metadata.arg_model.model_json_schema(schema_generator=Lean)
    if tool.fn_metadata.output_model is not None:
        shape = tool.fn_metadata.output_model.model_json_schema(schema_generator=Lean)
        tool.fn_metadata.output_schema = shape
    return tool


TOOLS = [_listed(*row[:3]) for row in _ROWS]
"""All tools, as the server lists them."""
EXAMPLES = {row[0].__name__: row[3] for row in _ROWS}
"""A right call of each tool, for the answers to wrong ones."""
ARGUMENTS = {tool.name: list(tool.parameters["properties"]) for tool in TOOLS}
"""What each tool takes."""
REQUIRED = {tool.name: frozenset(tool.parameters.get("required", ())) for tool in TOOLS}
"""What each tool cannot do without."""
