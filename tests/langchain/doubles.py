"""For the tests of the LangChain adapter: a chat model that says what it is told to, and a memory."""

from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import Field

from zettelmem import Memory
from zettelmem.testing import HashEmbedder

HEAD = "Notes from long-term memory"
END = " notes>>>"


class Scripted(BaseChatModel):
    """Gives `answers` in turn, the last one for ever."""

    answers: list[AIMessage]
    asked: list[list[BaseMessage]] = Field(default_factory=list)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        answer = self.answers[min(len(self.asked), len(self.answers) - 1)]
        self.asked.append(messages)
        return ChatResult(generations=[ChatGeneration(message=answer.model_copy(update={"id": None}))])

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        return self

    @property
    def prompts(self) -> list[str]:
        """The notes that each call was shown, "" for none."""
        texts = ["\n".join(message.text for message in asked) for asked in self.asked]
        return [text[text.find(HEAD) : text.rfind(END) + len(END)] if HEAD in text else "" for text in texts]


def says(*texts: str) -> Scripted:
    return Scripted(answers=[AIMessage(text) for text in texts])


def calls(tool: BaseTool | str, args: dict[str, Any], number: int = 1) -> AIMessage:
    name = tool if isinstance(tool, str) else tool.name
    return AIMessage("", tool_calls=[{"name": name, "args": args, "id": f"call-{number}"}])


@pytest.fixture
def memory() -> Iterator[Memory]:
    """A memory of real LanceDB without weights."""
    with Memory("memory://", embedder=HashEmbedder()) as opened:
        yield opened
