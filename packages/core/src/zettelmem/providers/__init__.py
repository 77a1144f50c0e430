"""One vendor a module; each is imported only where it is used."""

from __future__ import annotations

from importlib import import_module

from zettelmem.errors import InvalidInput
from zettelmem.protocols import Embedder

EMBEDDERS = {
    "wordllama": "WordLlama",
    "minilm": "MiniLM",
    "multilingual": "Multilingual",
    "sentence-transformers": "SentenceTransformers",
}
"""Embedders that can be named -> class, in the module of the embedder's name."""


def named_embedder(name: str) -> Embedder:
    """The embedder that a setting names. Nothing is loaded before its first text.

    Args:
        name: ``wordllama``, ``minilm``, ``multilingual``, or ``sentence-transformers:NAME_OR_FOLDER``.

    Raises:
        InvalidInput: there is no such embedder.
    """
    kind, _, model = name.partition(":")
    if kind not in EMBEDDERS or (model and kind != "sentence-transformers"):
        raise InvalidInput(
            f"no embedder {name!r}; give wordllama, minilm, multilingual or "
            "sentence-transformers:NAME_OR_FOLDER"
        )
    module = import_module(f"{__name__}.{kind.replace('-', '_')}")
    made: Embedder = getattr(module, EMBEDDERS[kind])(*([model] if model else []))
    return made
