"""The default embedder: static word vectors inside the `wordllama` wheel. No torch, no download."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zettelmem.protocols import Vectors

if TYPE_CHECKING:
    from wordllama import WordLlama as Model

LONGEST = 8_000
"""Characters of a text that are embedded; its meaning is an average, and the rest would be padding."""
BATCH_CHARACTERS = 40_000
"""Characters of the texts that are embedded together, each counted as long as the longest of them."""


class WordLlama:
    """WordLlama's 256-dimensional vectors (MIT licence): an average of word vectors, so order is lost."""

    name = "wordllama/l2_supercat_256"
    dimensions = 256

    def __init__(self) -> None:
        self._model: Model | None = None
        self._loading = threading.Lock()

    def _load(self) -> Model:
        with self._loading:
            if self._model is None:
                root = logging.getLogger()
                handlers, level = list(root.handlers), root.level
                import wordllama

                # It configures everybody's logging when it is imported; that is not its to decide.
                root.handlers[:] = handlers
                root.setLevel(level)
                # The package's own folder as its cache, so that it finds its weights and asks nobody.
                folder = Path(wordllama.__file__).parent
                self._model = wordllama.WordLlama.load(cache_dir=folder, disable_download=True)
            return self._model

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), 256); a text without words gives zeros."""
        model = self._load()
        heads = [text[:LONGEST] for text in texts]
        vectors = np.zeros((len(heads), self.dimensions), np.float32)
        for batch in _batches(heads):
            vectors[batch] = model.embed([heads[place] for place in batch])
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
        return unit

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As `embed_documents`: the model knows no difference."""
        return self.embed_documents(texts)

    def embed_words(self, words: Sequence[str]) -> Vectors:
        """The unit vector of each word, float32, shape (len(words), 256): a look-up of its parts."""
        return self.embed_documents(words)


def _batches(texts: Sequence[str]) -> Iterator[list[int]]:
    """The places of texts of like length, blank ones left out; a batch is padded to its longest text."""
    by_length = sorted((len(text), place) for place, text in enumerate(texts) if text.strip())
    batch: list[int] = []
    for length, place in by_length:
        if batch and (len(batch) + 1) * length > BATCH_CHARACTERS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
