"""Documents and nodes into a memory, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode

from llama_index.memory.zettelmem.threads import in_thread
from llama_index.memory.zettelmem.turns import Judge, by_page
from zettelmem import Memory, Note, Remembered, Source, Trust

from .nodes import as_draft, hash_of


def remember_nodes(
    memory: Memory,
    nodes: Iterable[BaseNode],
    *,
    namespace: str | Sequence[str],
    source: Source | str | None = None,
    trust: Trust = Trust.UNTRUSTED,
    judge: Judge | None = None,
) -> list[Remembered]:
    """Remember documents, or the nodes of an ingestion pipeline, linked with what they belong to.

    A node whose id is known is left alone if its hash is the same, and revised if not. A new id whose
    hash its document has already is left alone too: splitters make new ids with each run. What is no
    longer in a document stays until it is forgotten.

    Args:
        memory: the notes.
        nodes: documents or nodes, in reading order. Blank ones are left out.
        namespace: whose memory.
        source: whose words they are; the document's id if None.
        trust: how far they may be believed; anybody may have written a document.
        judge: who decides about links; None is the memory's own judge.

    Returns:
        One for each node that is not blank, in order; `known` tells that nothing was written.

    Raises:
        InvalidInput: a node does not fit into a note, such as metadata over 100,000 characters.
        StoreError: the store failed.
    """
    found = [node for node in nodes if node.get_content(MetadataMode.NONE).strip()]
    known = memory.keyed([node.node_id for node in found], namespace=namespace)
    alike: dict[str | None, dict[str | None, Note]] = {}
    new: dict[int, dict[str, Any]] = {}
    done: dict[int, Remembered] = {}
    for place, node in enumerate(found):
        draft = as_draft(node, source=_source(source, node), trust=trust)
        if draft["thread"] not in alike:
            there = by_page(memory, namespace, draft["thread"])
            alike[draft["thread"]] = {hash_of(note): note for note in there}
        same = known.get(node.node_id)
        if same is None or hash_of(same) != node.hash:
            same = None if same is not None else alike[draft["thread"]].get(node.hash)
        if same is None:
            new[place] = draft
        else:
            done[place] = Remembered(note=same, change=same.history[-1].change, known=True)
    made = memory.remember_many(new.values(), namespace=namespace, judge=judge) if new else []
    done |= zip(new, made, strict=True)
    return [done[place] for place in sorted(done)]


aremember_nodes = in_thread(remember_nodes)
"""`remember_nodes` without blocking the loop."""


def _source(source: Source | str | None, node: BaseNode) -> Source:
    if isinstance(source, Source):
        return source
    return Source(who=(source or node.ref_doc_id or node.node_id)[:200], via="llamaindex")
