"""LangChain's models at the memory's service: any chat model judges, any `Embeddings` embeds."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, partial
from typing import Any

import numpy as np
from anyio import to_thread
from langchain_core.embeddings import Embeddings
from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import HumanMessage, SystemMessage
from langchain_core.output_parsers import PydanticOutputParser
from numpy.typing import NDArray

from zettelmem import AnswerT, Embedder, InvalidInput, LanguageModel


def as_language_model(chat_model: BaseChatModel) -> LanguageModel:
    """A chat model as the judge of a memory: ``Memory(model=as_language_model(chat_model))``.

    It answers through `with_structured_output`; a model that has no such thing is asked for JSON.
    """
    return _ChatModel(chat_model)


def as_embedder(embeddings: Embeddings, *, name: str | None = None) -> Embedder:
    """Embeddings as the embedder of a memory: ``Memory(embedder=as_embedder(embeddings))``.

    Args:
        embeddings: called in a worker thread; may block.
        name: its identity, which the store remembers: the same name means the same vectors. Made of
            the class and its model's name where None.

    Raises:
        InvalidInput: no name is given, and the object does not tell which model it is.
    """
    return _Embeddings(embeddings, name or _name_of(embeddings))


class _ChatModel:
    def __init__(self, chat_model: BaseChatModel) -> None:
        self._model = chat_model

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        # In a thread: an async client of the caller's would belong to the caller's event loop.
        ask = partial(self._ask, instructions, prompt, schema)
        return await to_thread.run_sync(ask, abandon_on_cancel=True)

    def _ask(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        asked = [SystemMessage(instructions), HumanMessage(prompt)]
        try:
            structured = self._model.with_structured_output(schema)
        except NotImplementedError:
            parser = PydanticOutputParser(pydantic_object=schema)
            asked.append(HumanMessage(parser.get_format_instructions()))
            parsed: AnswerT = parser.invoke(self._model.invoke(asked))
            return parsed
        found: Any = structured.invoke(asked)
        if found is None:
            raise OutputParserException("the model answered without calling the schema's tool")
        return schema.model_validate(found)


class _Embeddings:
    def __init__(self, embeddings: Embeddings, name: str) -> None:
        self._embeddings = embeddings
        self.name = name

    @cached_property
    def dimensions(self) -> int:
        return len(self._embeddings.embed_query("dimensions"))

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray(self._embeddings.embed_documents(list(texts)), np.float32)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.asarray([self._embeddings.embed_query(text) for text in texts], np.float32)


def _name_of(embeddings: Embeddings) -> str:
    for field in ("model", "model_name", "model_id", "deployment"):
        model = getattr(embeddings, field, None)
        if isinstance(model, str) and model:
            return f"langchain/{type(embeddings).__name__}/{model}"
    raise InvalidInput(
        f"{type(embeddings).__name__} does not tell which model it is; give name='...' to as_embedder"
    )
