"""The memory as a retriever: a query in, notes as documents out."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

from anyio import to_thread
from langchain_core import callbacks
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import ConfigDict, Field

from zettelmem import Hit, Memory

_TOLD = {"namespace", "key", "thread", "kind", "context", "keywords", "tags", "occurred_at", "source"}
_TOLD |= {"trust", "data"}


class ZettelmemRetriever(BaseRetriever):
    """Recalls notes as documents.

    A document's id is the note's, its text the content; its metadata are `score` (in [0, 1], higher is
    better), `why`, `namespace`, `key`, `thread`, `kind`, `context`, `keywords`, `tags`, `occurred_at`
    (ISO 8601, UTC), `source`, `trust` and `data`.

    Args:
        memory: what remembers.
        namespace: whose memory; this one and all below it.
        k: documents at most, 1 to 1,000.
        filters: further arguments of `Memory.recall`, such as `kinds`, `tags`, `thread`, `since`,
            `until`, `as_of`, `min_trust` or `budget_tokens`.

    Each of `namespace`, `k` and the filters may be given to a call instead: ``invoke(query, k=1)``.

    Raises:
        InvalidInput: (a ValueError) the query is blank, there is no such filter, or a value does not fit.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    memory: Memory
    namespace: str | Sequence[str]
    k: int = Field(default=4, ge=1, le=1_000)
    filters: dict[str, Any] = Field(default_factory=dict)

    def _get_relevant_documents(
        self, query: str, *, run_manager: callbacks.CallbackManagerForRetrieverRun, **given: Any
    ) -> list[Document]:
        wanted = {"namespace": self.namespace, "k": self.k, **self.filters, **given}
        return [_document(hit) for hit in self.memory.recall(query, **wanted)]

    async def _aget_relevant_documents(
        self, query: str, *, run_manager: callbacks.AsyncCallbackManagerForRetrieverRun, **given: Any
    ) -> list[Document]:
        sync = run_manager.get_sync()
        call = partial(self._get_relevant_documents, query, run_manager=sync, **given)
        return await to_thread.run_sync(call)


def _document(hit: Hit) -> Document:
    told = hit.note.model_dump(mode="json", include=_TOLD)
    metadata = {"score": hit.score, "why": hit.why, **told}
    return Document(id=hit.note.id, page_content=hit.note.content, metadata=metadata)
