"""What a memory asks of models and of what watches its commits. Anything with these methods will do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, TypeAlias, TypeVar

from pydantic import BaseModel

from .decisions import Changes
from .namespace import Namespace
from .note import Note

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Vectors: TypeAlias = "NDArray[np.float32]"
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


class CommitHook(Protocol):
    """What looks at every commit before it is written, and may refuse it.

    The store calls its hooks in order while nobody else writes. Those that refuse come before those that
    tell: what the first hooks let pass may still be refused by the next.
    """

    async def before(
        self, changes: Sequence[Changes], old: Mapping[str, Note], new: Mapping[str, Note]
    ) -> None:
        """Raise to refuse the changes of one caller; the callers that share its commit go on.

        Args:
            changes: what this caller writes.
            old: the notes as they are stored, by id; one that is new is not among them.
            new: the notes as the commit leaves them, those of callers before this one included.
        """

    async def failed(self, changes: Sequence[Changes]) -> None:
        """These were let pass, and writing them failed; some may stand nevertheless."""

    async def erasing(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """These notes are about to be erased; raise to keep them."""
