"""Texts to unit vectors, off the event loop, and never twice in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .errors import ModelError, ZettelmemError
from .protocols import Embedder, Vectors


class Embedding:
    """An embedder for code that awaits. Nothing is loaded before the first text."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder

    async def documents(self, texts: Iterable[str], have: Mapping[str, Vectors]) -> dict[str, Vectors]:
        """`have`, and the unit vectors of the texts that it lacks: one call of the embedder, or none.

        Raises:
            ModelError: the embedder failed.
        """
        wanted = [text for text in dict.fromkeys(texts) if text not in have]
        vectors = dict(have)
        told = [text for text in wanted if text]
        if told:
            vectors |= zip(told, await self._call(self.embedder.embed_documents, told), strict=True)
        if len(told) < len(wanted):  # a note without a description: no direction at all
            dimensions = await asyncio.to_thread(lambda: self.embedder.dimensions)
            vectors[""] = np.zeros(dimensions, np.float32)
        return vectors

    async def query(self, text: str) -> Vectors:
        """The unit vector of a question, float32, shape (dimensions,).

        Raises:
            ModelError: the embedder failed.
        """
        vector: Vectors = (await self._call(self.embedder.embed_queries, [text]))[0]
        return vector

    async def _call(self, embed: Callable[[Sequence[str]], Vectors], texts: Sequence[str]) -> Vectors:
        try:
            made, dimensions = await asyncio.to_thread(lambda: (embed(texts), self.embedder.dimensions))
            vectors = np.asarray(made, dtype=np.float32)
        except ZettelmemError:
            raise
        except Exception as error:  # a vendor's code may raise anything
            raise ModelError(f"embedder {self.embedder.name} failed: {error!r}"[:500]) from error
        if vectors.shape != (len(texts), dimensions) or not np.isfinite(vectors).all():
            raise ModelError(
                f"embedder {self.embedder.name} gave {vectors.shape} for {len(texts)} texts of {dimensions} "
                "dimensions, or numbers that are none; nothing was written"
            )
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
        return unit
