"""The default embedder: static word vectors inside the `wordllama` wheel. No torch, no download."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from functools import cache
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


_LOADING = threading.Lock()


def _model() -> Model:
    """The model, loaded once in a process: its weights are only read."""
    with _LOADING:
        return _loaded()


@cache
def _loaded() -> Model:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    import wordllama

    # It configures everybody's logging when it is imported; that is not its to decide.
    root.handlers[:] = handlers
    root.setLevel(level)
    # The package's own folder as its cache, so that it finds its weights and asks nobody.
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


class WordLlama:
    """WordLlama's 256-dimensional vectors (MIT licence): an average of word vectors, so order is lost."""

    name = "wordllama/l2_supercat_256"
    dimensions = 256

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), 256); a text without words gives zeros."""
        model = _model()
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


def word_vectors(words: Sequence[str]) -> Vectors:
    """The vector of each word, float32, shape (len(words), 256): the sum of those of its parts.

    Its length tells how much the word says: 6 for "want", 15 for "kid", 25 for "croissants".
    """
    model = _model()
    vectors = np.zeros((len(words), WordLlama.dimensions), np.float32)
    for row, word in enumerate(words):  # one by one: a batch would be padded with parts of no word
        parts = model.tokenizer.encode(word, add_special_tokens=False).ids
        vectors[row] = model.embedding[parts].sum(axis=0)
    return vectors


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
