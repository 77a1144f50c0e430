"""Graphs of notes in DOT."""

from datetime import UTC, datetime

from zettelmem import Graph, Link, Note, Relation
from zettelmem.exchange import as_dot

NOW = datetime(2024, 5, 4, tzinfo=UTC)
NASTY = 'says "<script>alert(1)</script>" \\N & \x1b[31m\x00 ' + "x" * 200


def note(note_id: str, content: str, *, closed: bool = False) -> Note:
    return Note(
        id=note_id,
        namespace=("a",),
        content=content,
        occurred_at=NOW,
        recorded_at=NOW,
        invalid_at=NOW if closed else None,
    )


LINK = Link(source="aaaaaaa1", target="aaaaaaa2", relation=Relation.SUPERSEDES, reason='because "so" <b>')
GRAPH = Graph(notes=(note("aaaaaaa1", NASTY), note("aaaaaaa2", "old", closed=True)), links=(LINK,))
EMPTY = Graph(notes=(), links=())


def test_no_notes_make_a_graph_too() -> None:
    assert as_dot(EMPTY).startswith("digraph")


def test_dot_quotes_what_notes_say() -> None:
    lines = as_dot(GRAPH).splitlines()
    assert lines[2].startswith('  "aaaaaaa1" [label="says \\"<script>alert(1)</script>\\" \\\\N & ')
    assert "\x1b" not in lines[2]
    assert "color=gray" in lines[3]
    assert '"aaaaaaa1" -> "aaaaaaa2" [label="supersedes", tooltip="because \\"so\\" <b>"' in lines[4]
