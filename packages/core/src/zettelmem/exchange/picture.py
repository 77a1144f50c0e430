"""A graph of notes as a picture: SVG that any browser shows, or DOT for Graphviz."""

from __future__ import annotations

import json
import math
import re
from html import escape

import igraph

from zettelmem.note import Note, Relation
from zettelmem.queries import Graph

WIDTH = 1200
"""Width and height of a picture, in pixels."""
MARGIN = 90
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
    text = _UNPRINTABLE.sub(" ", note.content)
    return text if len(text) <= length else text[: length - 1] + "\u2026"


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


def _places(graph: Graph) -> dict[str, tuple[float, float]]:
    """Where each note is drawn, in pixels. The same graph is always drawn alike."""
    number = {note.id: i for i, note in enumerate(graph.notes)}
    count = len(number)
    if not count:
        return {}
    edges = [(number[link.source], number[link.target]) for link in graph.links]
    circle = [(math.cos(2 * math.pi * i / count), math.sin(2 * math.pi * i / count)) for i in range(count)]
    layout = igraph.Graph(n=count, edges=edges).layout_kamada_kawai(seed=circle)
    layout.fit_into((MARGIN, MARGIN, WIDTH - MARGIN, WIDTH - MARGIN), keep_aspect_ratio=False)
    return {note_id: (layout[i][0], layout[i][1]) for note_id, i in number.items()}


def as_svg(graph: Graph) -> str:
    """The graph as one self-contained SVG file; content and reasons show under the pointer."""
    at = _places(graph)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {WIDTH}" '
        'font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{WIDTH}" fill="white"/>',
    ]
    for link in graph.links:
        (x1, y1), (x2, y2) = at[link.source], at[link.target]
        told = f"{link.source} {link.relation.value} {link.target}: {link.reason}"
        parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke-width="2" '
            f'stroke="{COLOURS[link.relation]}"><title>{_text(told)}</title></line>'
        )
    for note in graph.notes:
        x, y = at[note.id]
        fill = "#dddddd" if note.invalid_at else "#ffe08a"
        told = (
            f"{note.id} ({note.occurred_at:%Y-%m-%d}, {note.source.who or 'unknown'}): {_label(note, 1_000)}"
        )
        parts.append(
            f'<g><title>{_text(told)}</title><circle cx="{x:.1f}" cy="{y:.1f}" r="7" fill="{fill}" '
            f'stroke="#555555"/><text x="{x:.1f}" y="{y + 20:.1f}" text-anchor="middle">'
            f"{_text(_label(note, 28))}</text></g>"
        )
    for i, (relation, colour) in enumerate(COLOURS.items()):
        parts.append(f'<text x="12" y="{20 + 15 * i}" fill="{colour}">\u2014 {relation.value}</text>')
    return "\n".join([*parts, "</svg>", ""])


def _text(text: str) -> str:
    return escape(_UNPRINTABLE.sub(" ", text))
