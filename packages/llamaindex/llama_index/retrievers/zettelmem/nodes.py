"""Notes as LlamaIndex nodes, and nodes as drafts of notes. Pure."""

from __future__ import annotations

from datetime import UTC
from typing import Any

from llama_index.core import schema
from llama_index.core.schema import NodeRelationship
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from llama_index.memory.zettelmem.turns import VIA
from zettelmem import Hit, Note, Relation, Source, Trust

KIND, TAGS, THREAD = "note_kind", "note_tags", "note_thread"
SOURCE, TRUST, OCCURRED_AT = "note_source", "note_trust", "note_occurred_at"
"""The metadata keys that tell of the note itself; all others are the application's."""

_NODE, _HASH = "_node_content", "_node_hash"
_PLACES = {
    (Relation.FOLLOWS, "to"): NodeRelationship.PREVIOUS,
    (Relation.FOLLOWS, "from"): NodeRelationship.NEXT,
    (Relation.PART_OF, "to"): NodeRelationship.PARENT,
}
"""The links that have a place of their own among the relationships, one each."""


def as_draft(node: schema.BaseNode, source: str | None, trust: Trust) -> dict[str, Any]:
    """The fields of the draft that remembers a node: its text is the content, its id the key."""
    return {
        "content": node.get_content(schema.MetadataMode.NONE),
        "key": node.node_id,
        "thread": document_of(node),
        "data": node_to_metadata_dict(node, remove_text=True) | {_HASH: node.hash},
        "source": Source(who=(source or document_of(node))[:200], via=VIA),
        "trust": trust,
    }


def document_of(node: schema.BaseNode) -> str:
    """The id of the document that the node is of: its own, if it is one."""
    return node.ref_doc_id or node.node_id


def hash_of(note: Note) -> Any:
    """The hash of the node that the note was made from, None for other notes."""
    return (note.data or {}).get(_HASH)


def as_node(hit: Hit, *, explain: bool = False) -> schema.NodeWithScore:
    """The hit as a node. Its metadata stays the same from query to query, unless `explain` is set."""
    note = hit.note
    data: dict[str, Any] = dict(note.data or {})
    own: dict[str, Any] = {
        KIND: note.kind,
        TAGS: list(note.tags),
        THREAD: note.thread,
        SOURCE: note.source.who,
        TRUST: int(note.trust),
        OCCURRED_AT: note.occurred_at.astimezone(UTC).isoformat(),
    }
    if explain:
        own |= {"note_why": hit.why, "note_signals": hit.signals}
    if _NODE in data:
        node = metadata_dict_to_node(data, text=note.content)
        noise = list(own)
    else:
        node = schema.TextNode(text=note.content, metadata=data, excluded_embed_metadata_keys=list(data))
        noise = [key for key in (*data, *own) if key not in (SOURCE, OCCURRED_AT)]
    node.id_ = note.id
    node.metadata = {**node.metadata, **own}
    node.excluded_llm_metadata_keys += noise
    node.excluded_embed_metadata_keys += list(own)
    document = node.source_node
    node.relationships = related(note)
    if document is not None:
        node.relationships[NodeRelationship.SOURCE] = document
    return schema.NodeWithScore(node=node, score=hit.score)


def related(note: Note) -> dict[NodeRelationship, schema.RelatedNodeType]:
    """The note's links as node relationships, relation and reason in the metadata of each.

    What it follows is PREVIOUS, what follows it NEXT, what it is part of PARENT, the first of each.
    Everything else it is linked with is among CHILD, which alone holds many.
    """
    found: dict[NodeRelationship, schema.RelatedNodeType] = {}
    others: list[schema.RelatedNodeInfo] = []
    for link in note.links:
        direction = "to" if link.source == note.id else "from"
        told = {"relation": link.relation.value, "direction": direction, "reason": link.reason}
        info = schema.RelatedNodeInfo(node_id=link.other(note.id), metadata=told)
        place = _PLACES.get((link.relation, direction))
        if place is None or place in found:
            others.append(info)
        else:
            found[place] = info
    return {**found, NodeRelationship.CHILD: others} if others else found
