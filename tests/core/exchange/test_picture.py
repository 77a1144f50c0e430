"""Pictures of the graph."""

from datetime import UTC, datetime
from xml.etree import ElementTree

from zettelmem import Graph, Link, Note, Relation
from zettelmem.exchange import as_dot, as_svg

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
SVG = "{http://www.w3.org/2000/svg}"


def test_an_svg_shows_every_note_and_link_and_runs_nothing() -> None:
    root = ElementTree.fromstring(as_svg(GRAPH))  # it is well-formed XML
    assert len(root.findall(f".//{SVG}circle")) == 2
    assert len(root.findall(f".//{SVG}line")) == 1
    assert not root.findall(f".//{SVG}script")
    titles = [each.text or "" for each in root.iter(f"{SVG}title")]
    assert any("supersedes" in title and 'because "so" <b>' in title for title in titles)
    assert any("<script>alert(1)</script>" in title for title in titles)


def test_notes_stand_apart_and_inside_the_picture() -> None:
    root = ElementTree.fromstring(as_svg(GRAPH))
    places = [(float(c.get("cx", "")), float(c.get("cy", ""))) for c in root.iter(f"{SVG}circle")]
    assert places[0] != places[1]
    assert all(0 < value < 1200 for place in places for value in place)


def test_the_same_graph_is_drawn_alike() -> None:
    assert as_svg(GRAPH) == as_svg(GRAPH)


def test_no_notes_make_a_picture_too() -> None:
    assert "<circle" not in as_svg(EMPTY)
    assert as_dot(EMPTY).startswith("digraph")


def test_dot_quotes_what_notes_say() -> None:
    lines = as_dot(GRAPH).splitlines()
    assert lines[2].startswith('  "aaaaaaa1" [label="says \\"<script>alert(1)</script>\\" \\\\N & ')
    assert "\x1b" not in lines[2]
    assert "color=gray" in lines[3]
    assert '"aaaaaaa1" -> "aaaaaaa2" [label="supersedes", tooltip="because \\"so\\" <b>"' in lines[4]
