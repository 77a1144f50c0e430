"""A LlamaIndex retriever over the notes of one namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters

from zettelmem import MAX_BUDGET, MAX_K, MAX_QUERY, InvalidInput, Memory

from .filters import passes, pushed
from .nodes import as_node


class ZettelmemRetriever(BaseRetriever):
    """Retrieves notes, with their links as node relationships.

    A filter that is not the store's to apply is applied to the 1,000 best notes, and where too few of
    them pass, to all there are, up to ten million tokens of them.

    Args:
        memory: the notes.
        namespace: this one and all below it.
        similarity_top_k: at most so many nodes, 1 to 1,000.
        filters: on `note_kind`, `note_tags`, `note_thread`, `note_occurred_at`, `note_trust`,
            `note_source` and the application's own metadata.
        recall: further arguments of `Memory.recall`, such as `as_of`, `superseded`, `min_trust` or
            `expand`. With `explain` the metadata tell why each node was found (`note_why`,
            `note_signals`): the same note then looks different to each query, so leave it out under a
            fusion retriever.
        kwargs: `callback_manager`, `object_map`, `objects` and `verbose`, as for every retriever.
    """

    def __init__(
        self,
        memory: Memory,
        *,
        namespace: str | Sequence[str],
        similarity_top_k: int = 10,
        filters: MetadataFilters | None = None,
        recall: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not 1 <= similarity_top_k <= MAX_K:
            raise InvalidInput(f"similarity_top_k is {similarity_top_k}; give 1 to {MAX_K:,}")
        self._memory = memory
        self._top_k = similarity_top_k
        self._filters = filters or MetadataFilters(filters=[])
        narrow = pushed(self._filters, memory.zone)
        self._k = similarity_top_k if len(narrow) == len(self._filters.filters) else MAX_K
        self._arguments = {"namespace": namespace, **narrow, **(recall or {})}
        super().__init__(**kwargs)

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, as LlamaIndex's components tell it."""
        return "ZettelmemRetriever"

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str[:MAX_QUERY]
        if not query.strip():
            return []
        for k, budget in ((self._k, None), (MAX_K, MAX_BUDGET)):
            hits = self._memory.recall(query, k=k, budget_tokens=budget, **self._arguments)
            nodes = [as_node(hit, explain=self._arguments.get("explain", False)) for hit in hits]
            kept = [node for node in nodes if passes(node.metadata, self._filters, self._memory.zone)]
            if len(kept) >= self._top_k or len(hits) < k:
                break
        # a recall that returns all there is does so in the order that it happened
        return sorted(kept, key=NodeWithScore.get_score, reverse=True)[: self._top_k]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
