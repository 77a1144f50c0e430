"""LlamaIndex's own models judge and embed for a memory."""

from typing import Any

import numpy as np
import pytest
from llama_index.core import MockEmbedding
from llama_index.core.base.embeddings.base import BaseEmbedding
from llama_index.core.base.llms.types import ChatMessage, CompletionResponse, ToolCallBlock
from llama_index.core.llms.callbacks import llm_completion_callback
from llama_index.core.llms.mock import MockFunctionCallingLLM, MockLLM
from pydantic import BaseModel, PrivateAttr

from llama_index.memory.zettelmem import as_embedder, as_language_model
from tests.llamaindex.doubles import NS, Counting
from zettelmem import Memory
from zettelmem.testing import HashEmbedder


class City(BaseModel):
    """A city."""

    name: str


class Canned(MockLLM):
    """A plain model that gives canned texts in order and keeps its prompts."""

    _replies: list[str] = PrivateAttr()
    _prompts: list[str] = PrivateAttr(default_factory=list)

    def __init__(self, *replies: str) -> None:
        super().__init__()
        self._replies = list(replies)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        self._prompts.append(prompt)
        return CompletionResponse(text=self._replies.pop(0))


BRACES = 'Keep {braces}, {{both}} and {"json": [1]} as they are.'


async def test_a_plain_model_answers_in_the_given_shape() -> None:
    llm = Canned('{"name": "Porto"}')
    answer = await as_language_model(llm).answer("Name a city.", BRACES, City)
    assert answer == City(name="Porto")
    (prompt,) = llm._prompts
    assert "Name a city." in prompt
    assert BRACES in prompt
    assert '"name"' in prompt


async def test_a_function_calling_model_answers_in_the_given_shape() -> None:
    shown: list[str] = []

    def call(messages: list[ChatMessage], **kwargs: Any) -> ChatMessage:
        shown.extend(str(message.content) for message in messages)
        block = ToolCallBlock(tool_call_id="1", tool_name="City", tool_kwargs={"name": "Porto"})
        return ChatMessage(role="assistant", blocks=[block])

    llm = MockFunctionCallingLLM(response_generator=call, is_chat_model=True)
    assert await as_language_model(llm).answer("Name a city.", BRACES, City) == City(name="Porto")
    assert shown == ["Name a city.", BRACES]


async def test_an_answer_in_another_shape_is_an_error() -> None:
    with pytest.raises(ValueError, match="name"):
        await as_language_model(Canned('{"town": "Porto"}')).answer("Name a city.", "Now.", City)


def test_it_judges_for_a_memory() -> None:
    home = '{"note": 0, "context": "Home.", "keywords": ["home"], "tags": ["home"], "kind": "semantic"}'
    llm = Canned(f'{{"notes": [{home}]}}', '{"replaces": "nothing"}')
    with Memory("memory://", embedder=Counting(), model=as_language_model(llm)) as memory:
        first = memory.remember("Ana lives in Porto.", namespace=NS, judge="none").note
        done = memory.remember("Ana moved from Porto to Faro.", namespace=NS)
        assert (done.spent.calls, done.note.tags, done.note.pending) == (2, ("home",), None)
        assert not memory.get(first.id, namespace=NS).superseded  # the rules would have closed it


def test_words_are_kept_where_the_model_fails() -> None:
    with Memory("memory://", embedder=Counting(), model=as_language_model(Canned("?"))) as memory:
        memory.remember("Ana lives in Porto.", namespace=NS, judge="none")
        done = memory.remember("Ana moved from Porto to Faro.", namespace=NS)
        assert done.note.pending is not None
        assert memory.get(done.note.id, namespace=NS).content == "Ana moved from Porto to Faro."


class Batching(BaseEmbedding):
    """Bags of words, longer than 1, and a record of how it was asked."""

    _bags: HashEmbedder = PrivateAttr(default_factory=HashEmbedder)
    _asked: list[tuple[str, int]] = PrivateAttr(default_factory=list)

    def _vectors(self, how: str, texts: list[str]) -> list[list[float]]:
        self._asked.append((how, len(texts)))
        return [[3 * float(x) for x in row] for row in self._bags.embed_documents(texts)]

    def _get_query_embedding(self, query: str) -> list[float]:
        return self._vectors("query", [query])[0]

    async def _aget_query_embedding(self, query: str) -> list[float]:
        return self._get_query_embedding(query)

    def _get_text_embedding(self, text: str) -> list[float]:
        return self._vectors("text", [text])[0]

    def _get_text_embeddings(self, texts: list[str]) -> list[list[float]]:
        return self._vectors("texts", texts)


def test_texts_are_embedded_in_batches_and_queries_as_queries() -> None:
    model = Batching(model_name="bags", embed_batch_size=2)
    embedder = as_embedder(model)
    assert embedder.dimensions == embedder.dimensions == 256
    vectors = embedder.embed_documents(["Porto", "Faro", "Lagos"])
    assert vectors.shape == (3, 256)
    assert vectors.dtype == np.float32
    assert np.allclose(embedder.embed_queries(["Porto"])[0], vectors[0])
    assert model._asked == [("text", 1), ("texts", 2), ("texts", 1), ("query", 1)]


def test_a_store_knows_the_embedder_by_class_and_model() -> None:
    assert as_embedder(Batching(model_name="bags")).name == "llama-index/base_component/bags"
    mock = MockEmbedding(embed_dim=8)
    assert as_embedder(mock).name == "llama-index/MockEmbedding/unknown"
    assert as_embedder(mock, name="mine").name == "mine"


def test_it_embeds_for_a_memory() -> None:
    with Memory("memory://", embedder=as_embedder(Batching(model_name="bags"))) as memory:
        memory.remember("Ana lives in Porto.", namespace=NS)
        memory.remember("Bread is baked on Fridays.", namespace=NS)
        (hit,) = memory.recall("Where in Porto does Ana live?", namespace=NS, k=1)
    assert hit.note.content == "Ana lives in Porto."
