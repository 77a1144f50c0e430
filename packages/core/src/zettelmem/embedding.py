"""Texts to unit vectors, off the event loop, and never twice in one go."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from .errors import ModelError, ZettelmemError
from .protocols import Embedder, Vectors
from .providers.wordllama import word_vectors

MAX_WORDS = 16_384
"""Words whose vectors are kept; 16 MiB."""


class Vocabulary:
    """Words, each with its unit vector and its length, in arrays that grow."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._units: Vectors = np.zeros((0, 0), np.float32)
        self._lengths: Vectors = np.zeros(0, np.float32)

    def __len__(self) -> int:
        return len(self._places)

    def lacks(self, words: Iterable[str]) -> list[str]:
        """Those of the words that are not in it, each once."""
        return [word for word in dict.fromkeys(words) if word not in self._places]

    def add(self, words: Sequence[str], vectors: Vectors) -> None:
        """Take in words with their vectors; a word that came in meanwhile keeps the place it has."""
        needed = len(self) + len(words)
        if needed > len(self._units):
            grown = np.zeros((2 * needed, vectors.shape[1]), np.float32)
            grown[: len(self)] = self._units[: len(self)] if len(self) else 0.0
            self._units = grown
            self._lengths = (
                np.resize(self._lengths, 2 * needed) if len(self) else np.zeros(2 * needed, np.float32)
            )
        places = [self._places.setdefault(word, len(self._places)) for word in words]
        self._lengths[places] = np.linalg.norm(vectors, axis=1)
        self._units[places] = _unit(vectors)

    def of(self, words: Sequence[str]) -> tuple[Vectors, Vectors]:
        """Unit vectors of words that are in it, shape (len(words), dimensions), and their lengths."""
        places = [self._places[word] for word in words]
        return self._units[places], self._lengths[places]


class Embedding:
    """An embedder for code that awaits. Nothing is loaded before the first text."""

    def __init__(self, embedder: Embedder) -> None:
        self.embedder = embedder
        self._vocabulary = Vocabulary()

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

    async def words(self, words: Sequence[str]) -> tuple[Vectors, Vectors]:
        """The unit vector of each word, float32, shape (len(words), 256), and how much each word says.

        They are WordLlama's, whatever embeds the texts: so a score means the same with every embedder.
        """
        known = self._vocabulary
        lacking = known.lacks(words)
        if len(known) + len(lacking) > MAX_WORDS:
            known = self._vocabulary = Vocabulary()
            lacking = known.lacks(words)
        if lacking:
            known.add(lacking, await asyncio.to_thread(word_vectors, lacking))
        return known.of(words)

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
        return _unit(vectors)


def _unit(vectors: Vectors) -> Vectors:
    """The vectors at length 1; one without a direction stays zero."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
    return unit
