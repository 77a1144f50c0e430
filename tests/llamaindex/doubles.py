"""An embedder that counts, and LlamaIndex's mock model answering from a script."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM
from numpy.typing import NDArray

from zettelmem.testing import HashEmbedder

NS = ("acme", "ana")


class Counting(HashEmbedder):
    """A record of every text that was embedded."""

    def __init__(self) -> None:
        super().__init__()
        self.documents: list[str] = []
        self.queries: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.documents += texts
        return HashEmbedder.embed_documents(self, texts)

    def embed_queries(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.queries += texts
        return HashEmbedder.embed_documents(self, texts)


class Scripted(MockFunctionCallingLLM):
    """LlamaIndex's mock model that gives canned replies in order and keeps what it was shown."""

    def __init__(self, *replies: ChatMessage | str) -> None:
        super().__init__(is_chat_model=True)
        left = iter(replies)
        self._seen: list[list[ChatMessage]] = []

        def reply(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
            self._seen.append([message.model_copy(deep=True) for message in messages])
            said = next(left)
            return ChatMessage(role="assistant", content=said) if isinstance(said, str) else said

        self.response_generator = reply

    @property
    def prompts(self) -> list[str]:
        """What each call was shown, as one text."""
        return ["\n".join(str(message.content or "") for message in seen) for seen in self._seen]


def user(text: str) -> ChatMessage:
    return ChatMessage(role="user", content=text)


def assistant(text: str) -> ChatMessage:
    return ChatMessage(role="assistant", content=text)
