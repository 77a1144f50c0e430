"""Notes as LlamaIndex nodes, and nodes as drafts of notes. Pure."""

from __future__ import annotations

from typing import Any

from llama_index.core.schema import (
    BaseNode,
    MetadataMode,
    NodeRelationship,
    NodeWithScore,
    RelatedNodeInfo,
    RelatedNodeType,
    TextNode,
)
from llama_index.core.vector_stores.utils import metadata_dict_to_node, node_to_metadata_dict

from zettelmem import Hit, Link, Note, Relation, Source, Trust

KIND = "note_kind"
TAGS = "note_tags"
THREAD = "note_thread"
SOURCE = "note_source"
TRUST = "note_trust"
OCCURRED_AT = "note_occurred_at"
OWN = (KIND, TAGS, THREAD, SOURCE, TRUST, OCCURRED_AT)
"""The metadata keys that tell of the note itself; all others are the application's."""

NODE = "_node_content"
HASH = "_node_hash"


def as_draft(node: BaseNode, *, source: Source, trust: Trust) -> dict[str, Any]:
    """The fields of the draft that remembers a node: its text is the content, its id the key."""
    return {
        "content": node.get_content(MetadataMode.NONE),
        "key": node.node_id,
        "thread": node.ref_doc_id or node.node_id,
        "data": node_to_metadata_dict(node, remove_text=True) | {HASH: node.hash},
        "source": source,
        "trust": trust,
    }


def hash_of(note: Note) -> str | None:
    """The hash of the node that the note was made from."""
    found = (note.data or {}).get(HASH)
    return found if isinstance(found, str) else None


def as_node(hit: Hit, *, explain: bool = False) -> NodeWithScore:
    """The hit as a node. Its metadata stays the same from query to query, unless `explain` is set."""
    note = hit.note
    node = _bare(note)
    own: dict[str, Any] = {
        KIND: note.kind,
        TAGS: list(note.tags),
        THREAD: note.thread,
        SOURCE: note.source.who,
        TRUST: int(note.trust),
        OCCURRED_AT: note.occurred_at.isoformat(),
    }
    if explain:
        own |= {"note_why": hit.why, "note_signals": hit.signals}
    seen = {SOURCE, OCCURRED_AT} if NODE not in (note.data or {}) else set()
    node.id_ = note.id
    node.metadata = {**node.metadata, **own}
    node.excluded_llm_metadata_keys += [key for key in own if key not in seen]
    node.excluded_embed_metadata_keys += list(own)
    source = node.relationships.get(NodeRelationship.SOURCE)
    node.relationships = related(note)
    if source is not None:
        node.relationships[NodeRelationship.SOURCE] = source
    return NodeWithScore(node=node, score=hit.score)


def _bare(note: Note) -> BaseNode:
    """The node that the note was made from, or a plain one whose data no prompt is shown."""
    data: dict[str, Any] = dict(note.data or {})
    if NODE in data:
        return metadata_dict_to_node(data, text=note.content)
    return TextNode(
        text=note.content,
        metadata=data,
        excluded_llm_metadata_keys=list(data),
        excluded_embed_metadata_keys=list(data),
    )


def related(note: Note) -> dict[NodeRelationship, RelatedNodeType]:
    """The note's links as node relationships, relation and reason in the metadata of each.

    What it follows is PREVIOUS, what follows it NEXT, what it is part of PARENT, the first of each.
    Everything else it is linked with is among CHILD, which alone holds many.
    """
    single: dict[NodeRelationship, RelatedNodeType] = {}
    others: list[RelatedNodeInfo] = []
    for link in note.links:
        place, info = _place(link, note.id), _related(link, note.id)
        if place is None or place in single:
            others.append(info)
        else:
            single[place] = info
    return {**single, NodeRelationship.CHILD: others} if others else single


def _place(link: Link, note_id: str) -> NodeRelationship | None:
    outgoing = link.source == note_id
    if link.relation is Relation.FOLLOWS:
        return NodeRelationship.PREVIOUS if outgoing else NodeRelationship.NEXT
    return NodeRelationship.PARENT if link.relation is Relation.PART_OF and outgoing else None


def _related(link: Link, note_id: str) -> RelatedNodeInfo:
    direction = "to" if link.source == note_id else "from"
    return RelatedNodeInfo(
        node_id=link.other(note_id),
        metadata={"relation": link.relation.value, "direction": direction, "reason": link.reason},
    )
