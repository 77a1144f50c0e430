"""What a memory asks of models. Anything with these methods will do; no registration, no base class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

Vectors = NDArray[np.float32]
"""Vectors, float32, shape (n, dimensions)."""

AnswerT = TypeVar("AnswerT", bound=BaseModel)


class Embedder(Protocol):
    """Texts to vectors, which the memory scales to unit length.

    Called in a worker thread, so it may block; loads on first use.
    """

    @property
    def name(self) -> str:
        """Identity of model and settings: two embedders with one name give the same vectors."""

    @property
    def dimensions(self) -> int:
        """Length of a vector."""

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found: float32, shape (len(texts), dimensions)."""

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to find by: float32, shape (len(texts), dimensions)."""


class LanguageModel(Protocol):
    """A model that answers in a given shape."""

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        """The model's answer to `prompt` under `instructions`, as a validated `schema`.

        May raise anything: the caller stores the note without the answer and marks it pending.
        """


class Reranker(Protocol):
    """A second, slower look at the best candidates. Called in a worker thread."""

    @property
    def name(self) -> str:
        """Identity of the model."""

    def score(self, query: str, texts: Sequence[str]) -> Sequence[float]:
        """How well each text answers the query: any real numbers, higher is better."""
