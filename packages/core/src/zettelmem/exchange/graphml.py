"""A graph of notes in GraphML, which Gephi, yEd, Cytoscape and NetworkX read."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, tostring

from zettelmem.queries import Graph

NODE = ("content", "kind", "occurred_at", "over")
EDGE = ("relation", "reason", "weight")
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def as_graphml(graph: Graph) -> str:
    """The graph as an XML document; what XML cannot hold of a text becomes U+FFFD."""
    root = Element("graphml", xmlns="http://graphml.graphdrawing.org/xmlns")
    for kind, names in (("node", NODE), ("edge", EDGE)):
        for name in names:
            typed = {"over": "boolean", "weight": "double"}.get(name, "string")
            SubElement(root, "key", {"id": name, "for": kind, "attr.name": name, "attr.type": typed})
    drawn = SubElement(root, "graph", edgedefault="directed")
    for note in graph.notes:
        over = "true" if note.invalid_at is not None else "false"
        values = (note.content, note.kind, note.occurred_at.isoformat(), over)
        _described(SubElement(drawn, "node", id=note.id), NODE, values)
    for link in graph.links:
        edge = SubElement(drawn, "edge", source=link.source, target=link.target)
        _described(edge, EDGE, (link.relation.value, link.reason, str(link.weight)))
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + tostring(root, encoding="unicode") + "\n"


def _described(element: Element, names: tuple[str, ...], values: tuple[str, ...]) -> None:
    for name, value in zip(names, values, strict=True):
        SubElement(element, "data", key=name).text = _NO_XML.sub("\ufffd", value)
