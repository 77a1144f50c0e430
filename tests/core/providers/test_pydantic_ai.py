"""Any language model through pydantic-ai; the models here are pydantic-ai's own test models."""

import sys
from typing import TYPE_CHECKING

import pytest
from pydantic import BaseModel

from tests.canned_server import CannedServer
from zettelmem import ExtraMissing, InvalidInput, Memory, ModelError
from zettelmem.providers.pydantic_ai import PydanticAI
from zettelmem.testing import HashEmbedder, hold

pytest.importorskip("pydantic_ai")

from pydantic_ai.exceptions import ModelHTTPError
from pydantic_ai.messages import ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel
from pydantic_ai.models.test import TestModel as CannedModel
from pydantic_ai.usage import RequestUsage

if TYPE_CHECKING:
    from zettelmem import LanguageModel


class Answer(BaseModel):
    word: str


async def test_the_answer_comes_in_the_shape_that_was_asked_for() -> None:
    model: LanguageModel = PydanticAI(CannedModel(custom_output_args={"word": "porto"}))
    assert await model.answer("Answer in one word.", "Where?", Answer) == Answer(word="porto")


async def test_instructions_and_prompt_reach_the_model() -> None:
    seen: list[tuple[str | None, str]] = []

    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        seen.append((info.instructions, str(messages[0].parts[0].content)))  # type: ignore[union-attr]
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {"word": "x"})])

    await PydanticAI(FunctionModel(reply)).answer("Answer in one word.", "Where?", Answer)
    assert seen == [("Answer in one word.", "Where?")]


async def test_an_answer_that_does_not_fit_is_asked_for_again() -> None:
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        args = {"word": "porto"} if "Field required" in str(messages[-1]) else {"wrong": ""}
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, args)])

    assert (await PydanticAI(FunctionModel(reply)).answer("", "Where?", Answer)).word == "porto"


async def test_a_model_that_never_fits_is_given_up() -> None:
    calls = 0

    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        nonlocal calls
        calls += 1
        return ModelResponse(parts=[TextPart("I would rather not")])

    with pytest.raises(ModelError, match="no answer that fits"):
        await PydanticAI(FunctionModel(reply), retries=1).answer("", "Where?", Answer)
    assert calls == 2


async def test_a_provider_that_fails_is_told_by_its_status_and_not_by_its_words() -> None:
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        raise ModelHTTPError(401, "m", body={"message": "bad key sk-secret"})

    with pytest.raises(ModelError, match="HTTP status 401") as caught:
        await PydanticAI(FunctionModel(reply)).answer("", "Where?", Answer)
    assert "secret" not in str(caught.value)


def test_an_unknown_provider_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(InvalidInput, match=r"'nope:model' cannot be used.*a name is provider:model"):
        PydanticAI("nope:model").load()


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openai")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(InvalidInput, match="OPENAI_API_KEY"):
        PydanticAI("openai:any").load()


def test_a_missing_client_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "groq", None)
    for name in [each for each in sys.modules if each.startswith("pydantic_ai.") and "groq" in each]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(ExtraMissing, match=r"groq:any.*pydantic-ai-slim\[groq\]"):
        PydanticAI("groq:any").load()


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pydantic_ai.models", None)
    with pytest.raises(ExtraMissing, match=r'pip install "zettelmem\[pydantic-ai\]"'):
        PydanticAI("openai:any").load()


def test_its_name_tells_provider_and_model() -> None:
    assert PydanticAI("anthropic:claude").name == "anthropic:claude"
    assert PydanticAI(CannedModel(model_name="canned")).name == "test:canned"


def test_a_memory_is_judged_by_it() -> None:
    def reply(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        tool = info.output_tools[0]
        if "replaces" in tool.parameters_json_schema["properties"]:
            args: dict[str, object] = {"replaces": "Ana's flat in Porto is on the first floor."}
        else:
            described = {"context": "A flat.", "keywords": ["flat"], "tags": ["home"], "kind": "semantic"}
            args = {"notes": [{"note": 0, **described}]}
        usage = RequestUsage(input_tokens=100, output_tokens=20)
        return ModelResponse(parts=[ToolCallPart(tool.name, args)], usage=usage)

    with Memory(embedder=HashEmbedder(), model=PydanticAI(FunctionModel(reply))) as memory:
        first = memory.remember("Ana's flat in Porto is on the first floor.", namespace="ana")
        second = memory.remember("Ana's flat in Porto is on the fourth floor.", namespace="ana")
        assert second.note.pending is None
        assert second.note.context == "A flat."
        assert memory.get(first.note.id, namespace="ana").superseded
        spent = memory.stats(namespace="ana").spent
        assert (spent.calls, spent.failed, spent.tokens_in, spent.tokens_out) == (2, 0, 200, 40)
        hold(memory)


@pytest.mark.parametrize("can", ["native", "tool", "prompted"])
async def test_a_server_of_ones_own_is_asked_in_the_way_that_it_can(can: str) -> None:
    pytest.importorskip("openai")
    with CannedServer(can) as server:
        model = PydanticAI("qwen", base_url=server.url)
        assert await model.answer("Answer in one word.", "Where?", Answer) == Answer(word="word")
        tried = len(server.asked)
        assert await model.answer("Answer in one word.", "Where?", Answer) == Answer(word="word")
        assert len(server.asked) == tried + 1, "what works is kept to"
    body = server.asked[-1]
    assert (body["model"], body["temperature"]) == ("qwen", 0.0)
    assert body.get("max_tokens", body.get("max_completion_tokens")) == 2_048


async def test_a_server_that_is_not_there_is_told_by_its_name() -> None:
    pytest.importorskip("openai")
    model = PydanticAI("qwen", base_url="http://127.0.0.1:9/v1", settings={"max_retries": 0})
    with pytest.raises(ModelError, match="qwen"):
        await model.answer("", "Where?", Answer)


def test_a_key_goes_with_the_address_of_a_server() -> None:
    with pytest.raises(InvalidInput, match="base_url"):
        PydanticAI("openai:any", api_key="k")
    with pytest.raises(InvalidInput, match="'native', 'tool', 'prompted'"):
        PydanticAI("openai:any", output="grammar")  # type: ignore[arg-type]
