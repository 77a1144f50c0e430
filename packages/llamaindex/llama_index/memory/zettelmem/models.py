"""LlamaIndex's language and embedding models, as the core wants them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import cached_property

import numpy as np
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.llm import LLM
from llama_index.core.prompts import ChatPromptTemplate
from numpy.typing import NDArray

from zettelmem import AnswerT, Embedder, LanguageModel


def as_language_model(llm: LLM) -> LanguageModel:
    """The LlamaIndex language model as the judge of a memory: `Memory(model=as_language_model(llm))`."""
    return _LanguageModel(llm)


def as_embedder(embed_model: BaseEmbedding, *, name: str | None = None) -> Embedder:
    """The LlamaIndex embedding model for a memory: `Memory(embedder=as_embedder(model))`.

    Args:
        embed_model: the model.
        name: what the store knows it by; give one where class and `model_name` do not tell your
            models apart.
    """
    return _Embedder(embed_model, name or f"llama-index/{embed_model.class_name()}/{embed_model.model_name}")


class _LanguageModel:
    def __init__(self, llm: LLM) -> None:
        self._llm = llm

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        said = {"system": "{instructions}", "user": "{question}"}  # never templates themselves
        asked = ChatPromptTemplate([ChatMessage(role=role, content=text) for role, text in said.items()])
        ask = self._llm.structured_predict  # in a thread: its async client may belong to another loop
        return await asyncio.to_thread(ask, schema, asked, instructions=instructions, question=prompt)


class _Embedder:
    def __init__(self, model: BaseEmbedding, name: str) -> None:
        self._model = model
        self.name = name

    @cached_property
    def dimensions(self) -> int:
        """Found by embedding one word, the first time it is asked for."""
        return len(self._model.get_text_embedding("dimensions"))

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._model.get_text_embedding_batch(list(texts)), dtype=np.float32)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray([self._model.get_query_embedding(text) for text in texts], dtype=np.float32)
