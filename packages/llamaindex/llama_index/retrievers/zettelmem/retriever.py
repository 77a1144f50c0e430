"""A LlamaIndex retriever over the notes of one namespace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from llama_index.core.callbacks import CallbackManager
from llama_index.core.retrievers import BaseRetriever
from llama_index.core.schema import NodeWithScore, QueryBundle
from llama_index.core.vector_stores.types import MetadataFilters

from zettelmem import InvalidInput, Memory, Trust

from .filters import passes, split
from .nodes import as_node

MAX_K = 1_000
"""Hits of one recall; so many are looked at where a filter is not the store's to apply."""
MAX_QUERY = 10_000
"""Characters of a query that are asked with."""


class ZettelmemRetriever(BaseRetriever):
    """Retrieves notes, with their links as node relationships.

    Args:
        memory: the notes.
        namespace: this one and all below it.
        similarity_top_k: at most so many nodes, 1 to 1,000.
        filters: on `note_kind`, `note_tags`, `note_thread`, `note_occurred_at`, `note_trust`,
            `note_source` and the application's own metadata.
        min_trust: leave out what is trusted less.
        superseded: also what is no longer so.
        as_of: what was valid and known then.
        explain: tell in the metadata why each node was found (`note_why`, `note_signals`). The same
            note then looks different to each query, so leave it off under a fusion retriever.
        callback_manager, object_map, objects, verbose: as for every retriever.
    """

    def __init__(
        self,
        memory: Memory,
        *,
        namespace: str | Sequence[str],
        similarity_top_k: int = 10,
        filters: MetadataFilters | None = None,
        min_trust: Trust = Trust.UNTRUSTED,
        superseded: bool = False,
        as_of: datetime | None = None,
        explain: bool = False,
        callback_manager: CallbackManager | None = None,
        **kwargs: Any,
    ) -> None:
        if not 1 <= similarity_top_k <= MAX_K:
            raise InvalidInput(f"similarity_top_k is {similarity_top_k}; give 1 to {MAX_K:,}")
        self._memory = memory
        self._top_k = similarity_top_k
        self._explain = explain
        arguments, self._rest = split(filters)
        arguments["min_trust"] = max(min_trust, arguments.get("min_trust", min_trust))
        self._arguments = {
            **arguments,
            "namespace": namespace,
            "superseded": superseded,
            "as_of": as_of,
            "k": similarity_top_k if self._rest is None else MAX_K,
        }
        super().__init__(callback_manager=callback_manager, **kwargs)

    @classmethod
    def class_name(cls) -> str:
        """The name of the class, as LlamaIndex's components tell it."""
        return "ZettelmemRetriever"

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        query = query_bundle.query_str[:MAX_QUERY]
        if not query.strip():
            return []
        hits = self._memory.recall(query, explain=self._explain, **self._arguments)
        nodes = (as_node(hit, explain=self._explain) for hit in hits)
        kept = [node for node in nodes if self._rest is None or passes(node.node.metadata, self._rest)]
        return kept[: self._top_k]

    async def _aretrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return await asyncio.to_thread(self._retrieve, query_bundle)
