"""A graph of notes in DOT, the language of Graphviz."""

from __future__ import annotations

import json
import re

from zettelmem.note import Note, Relation
from zettelmem.queries import Graph
from zettelmem.render import shorten

COLOURS = {
    Relation.FOLLOWS: "#c8c8c8",
    Relation.RELATES: "#4e79a7",
    Relation.SUPPORTS: "#59a14f",
    Relation.CONTRADICTS: "#e15759",
    Relation.SUPERSEDES: "#f28e2b",
    Relation.PART_OF: "#b07aa1",
    Relation.DERIVED_FROM: "#9c755f",
}
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]")


def _label(note: Note, length: int) -> str:
    return shorten(_UNPRINTABLE.sub(" ", note.content), length)


def as_dot(graph: Graph) -> str:
    """The graph in Graphviz' language."""
    lines = ["digraph memory {", '  node [shape=box, style=rounded, fontname="sans-serif"];']
    for note in graph.notes:
        style = ", color=gray, fontcolor=gray" if note.invalid_at else ""
        lines.append(f"  {_quoted(note.id)} [label={_quoted(_label(note, 60))}{style}];")
    for link in graph.links:
        reason = _UNPRINTABLE.sub(" ", link.reason)
        lines.append(
            f"  {_quoted(link.source)} -> {_quoted(link.target)} [label={_quoted(link.relation.value)}, "
            f"tooltip={_quoted(reason)}, color={_quoted(COLOURS[link.relation])}];"
        )
    return "\n".join([*lines, "}", ""])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
