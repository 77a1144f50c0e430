"""Documents and nodes into a memory, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

from llama_index.core.schema import BaseNode, MetadataMode

from llama_index.memory.zettelmem.turns import notes_of
from zettelmem import Judge, Memory, Note, NotFound, Remembered, Trust

from .nodes import as_draft, document_of, hash_of


def remember_nodes(
    memory: Memory,
    nodes: Iterable[BaseNode],
    *,
    namespace: str | Sequence[str],
    source: str | None = None,
    trust: Trust = Trust.UNTRUSTED,
    judge: Judge | None = None,
) -> list[Remembered]:
    """Remember documents, or the nodes of an ingestion pipeline, linked with what they belong to.

    A node whose id is known is left alone if its hash is the same, and revised if not. A new id whose
    hash its document has already is left alone too: splitters make new ids with each run. What was
    remembered of a document and is not among its nodes any more is forgotten, so give all nodes of a
    document in one call. Documents of which no node is given stay as they are.

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
        InvalidInput: a node does not fit into a note, such as metadata over 1,000,000 characters.
        StoreError: the store failed.
    """
    given = list(nodes)
    found = [node for node in given if node.get_content(MetadataMode.NONE).strip()]
    known = memory.keyed([node.node_id for node in found], namespace=namespace)
    others: dict[tuple[str, str], list[Note]] = {}  # what no given id is known by: alike, or stale
    for document in {document_of(node) for node in given}:
        for note in notes_of(memory, namespace, document):
            if note.key not in known and hash_of(note):
                others.setdefault((document, hash_of(note)), []).append(note)
    plan: list[Remembered | dict[str, Any]] = []
    for node in found:
        alike = others.get((document_of(node), node.hash))
        same = known.get(node.node_id) or (alike.pop(0) if alike else None)
        if same is None or hash_of(same) != node.hash:
            plan.append(as_draft(node, source, trust))
        else:
            plan.append(Remembered(note=same, change=same.history[-1].change, known=True))
    new = [each for each in plan if isinstance(each, dict)]
    made = iter(memory.remember_many(new, namespace=namespace, judge=judge))
    for stale in [note for notes in others.values() for note in notes]:
        with suppress(NotFound):  # somebody else has forgotten it meanwhile
            memory.forget(stale.id, namespace=namespace)
    return [next(made) if isinstance(each, dict) else each for each in plan]
