"""LangChain's own suites for retrievers and tools, unmodified."""

from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_core.tools import BaseTool
from langchain_tests.integration_tests import RetrieversIntegrationTests, ToolsIntegrationTests
from langchain_tests.unit_tests import ToolsUnitTests

from langchain_zettelmem import ZettelmemRetriever, memory_tools
from zettelmem import Memory
from zettelmem.testing import HashEmbedder


@pytest.fixture
def kept() -> Iterator[Memory]:
    with Memory("memory://", embedder=HashEmbedder()) as memory:
        for i in range(5):
            memory.remember(f"Ana drank tea number {i}.", namespace="ana", key=f"tea{i}")
        yield memory


class TestRetriever(RetrieversIntegrationTests):
    @pytest.fixture(autouse=True)
    def _memory(self, kept: Memory) -> None:
        self.kept = kept

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return ZettelmemRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.kept, "namespace": "ana"}

    @property
    def retriever_query_example(self) -> str:
        return "tea"


class Tool:
    """One of our tools, for both of LangChain's suites."""

    name: str

    @pytest.fixture(autouse=True)
    def _memory(self, kept: Memory) -> None:
        (self.made,) = memory_tools(kept, namespace="ana", names=[self.name])
        note = kept.remember("Rex is Ana's dog.", namespace="ana", key="rex", judge="ask").note
        self.examples: dict[str, dict[str, Any]] = {
            "remember": {"content": "Ana likes her tea green.", "tags": ["drinks"]},
            "recall": {"query": "What does Ana drink?", "k": 2},
            "connect": {"note_id": note.id, "links": [], "changes": []},
            "revise": {"note_id": note.id, "content": "Rex is Ana's cat.", "reason": "it mews"},
            "forget": {"note_id": note.id},
        }

    @property
    def tool_constructor(self) -> BaseTool:
        return self.made

    @property
    def tool_invoke_params_example(self) -> dict[str, Any]:
        return self.examples[self.name]


class TestRememberUnit(Tool, ToolsUnitTests):
    name = "remember"


class TestRecallUnit(Tool, ToolsUnitTests):
    name = "recall"


class TestConnectUnit(Tool, ToolsUnitTests):
    name = "connect"


class TestReviseUnit(Tool, ToolsUnitTests):
    name = "revise"


class TestForgetUnit(Tool, ToolsUnitTests):
    name = "forget"


class TestRemember(Tool, ToolsIntegrationTests):
    name = "remember"


class TestRecall(Tool, ToolsIntegrationTests):
    name = "recall"


class TestConnect(Tool, ToolsIntegrationTests):
    name = "connect"


class TestRevise(Tool, ToolsIntegrationTests):
    name = "revise"


class TestForget(Tool, ToolsIntegrationTests):
    name = "forget"
