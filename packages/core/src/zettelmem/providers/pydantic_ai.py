"""Language models of any provider through `pydantic-ai`: `pip install "zettelmem[pydantic-ai]"`.

Keys are where the provider's own client looks for them (``OPENAI_API_KEY``, ...); zettelmem never
sees them. A provider's client is a package of its own: ``pip install "pydantic-ai-slim[openai]"``. A server
of your own, or any that speaks OpenAI's chat protocol, is named by its `base_url`.
"""

from __future__ import annotations

import importlib
import logging
import threading
from typing import TYPE_CHECKING, Any, Literal, get_args

from zettelmem.errors import AnswerUnfit, ExtraMissing, InvalidInput, ModelError
from zettelmem.protocols import AnswerT
from zettelmem.spending import report

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

logger = logging.getLogger(__name__)

RETRIES = 1
"""How often a model is told what was wrong with its answer and asked again."""
MAX_TOKENS = 2_048
"""Tokens at which an answer ends, unless the settings say otherwise."""

Output = Literal["auto", "native", "tool", "prompted"]
"""How a model is held to a shape: the server's own grammar, a tool that it calls, or words alone."""
_NO_KEY = "none"
_MODE_REFUSED = (400, 404, 422, 500, 501)
"""HTTP status of servers that do not know a way to hold an answer to a shape."""


class PydanticAI:
    """A `LanguageModel` by name, with validated answers.

    Args:
        model: provider and model, such as ``anthropic:claude-haiku-4-5``, ``openai:...`` or
            ``mistral:...``; with `base_url` the name that the server knows it by; or a pydantic-ai `Model`.
        base_url: a server that speaks OpenAI's chat protocol, such as ``http://localhost:11434/v1``.
        api_key: what that server wants to hear; many want none.
        output: how an answer is held to its shape. ``auto`` is what pydantic-ai knows to be best;
            at a `base_url` it tries what the server can do, and keeps to it.
        retries: how often the model is told what was wrong with its answer and asked again.
        settings: pydantic-ai's model settings, over ours: an answer ends after 2,048 tokens, and a server
            named by `base_url` is asked at temperature 0.

    Raises:
        InvalidInput: `output` is none of these, or `api_key` is given without `base_url`.
    """

    def __init__(
        self,
        model: str | Model,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        output: Output = "auto",
        retries: int = RETRIES,
        settings: ModelSettings | None = None,
    ) -> None:
        if output not in get_args(Output):
            raise InvalidInput(f"output is {output!r}; use {', '.join(map(repr, get_args(Output)))}")
        if api_key is not None and base_url is None:
            raise InvalidInput(
                "api_key goes with base_url; a provider's own key is read from the environment, such as "
                "OPENAI_API_KEY"
            )
        if base_url is not None and not isinstance(model, str):
            raise InvalidInput("base_url goes with the name of a model; yours has a server already")
        self._given = model
        self._base_url = base_url
        self._api_key = api_key
        self._retries = retries
        self._settings: Any = {"max_tokens": MAX_TOKENS}
        if base_url is not None:
            self._settings["temperature"] = 0.0
        self._settings |= settings or {}
        self._mode: Output = output
        self._model: Model | None = None
        self._loading = threading.Lock()

    @property
    def name(self) -> str:
        """Provider and model."""
        given = self._given
        return given if isinstance(given, str) else f"{given.system}:{given.model_name}"

    def load(self) -> Model:
        """The model's client, made once. The first `answer` does it too; call it to hear of mistakes early.

        Raises:
            ExtraMissing: pydantic-ai, or the provider's client, is not installed.
            InvalidInput: there is no such provider, or its key is not set.
        """
        with self._loading:
            if self._model is None:
                self._model = self._made()
            return self._model

    def _made(self) -> Model:
        try:
            models = importlib.import_module("pydantic_ai.models")
            exceptions = importlib.import_module("pydantic_ai.exceptions")
        except ImportError as error:
            raise ExtraMissing(
                'pydantic-ai is not installed; run: pip install "zettelmem[pydantic-ai]"'
            ) from error
        try:
            if self._base_url is not None:
                return self._served(self._base_url)
            model: Model = models.infer_model(self._given)
        except ImportError as error:
            raise ExtraMissing(f"model {self.name!r} needs another package: {error}") from error
        except (exceptions.UserError, ValueError) as error:
            raise InvalidInput(
                f"model {self.name!r} cannot be used: {error} (a name is provider:model, such as "
                "anthropic:claude-haiku-4-5; for a server of your own give base_url too)"
            ) from error
        return model

    def _served(self, base_url: str) -> Model:
        """The model behind a server that speaks OpenAI's chat protocol."""
        openai = importlib.import_module("pydantic_ai.models.openai")
        provider = importlib.import_module("pydantic_ai.providers.openai").OpenAIProvider
        model: Model = openai.OpenAIChatModel(
            self.name, provider=provider(base_url=base_url, api_key=self._api_key or _NO_KEY)
        )
        return model

    def _modes(self, model: Model) -> list[Output]:
        """The ways to hold an answer to its shape, in the order to try."""
        if self._mode != "auto":
            return [self._mode]
        if self._base_url is None:  # pydantic-ai knows what the provider's model can do
            return [model.profile.get("default_structured_output_mode", "tool")]
        return ["native", "tool", "prompted"]

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        """The model's answer as a validated `schema`; it is asked again if it does not fit.

        Raises:
            ExtraMissing, InvalidInput: as `load`.
            AnswerUnfit: no answer fitted.
            ModelError: the provider failed.
        """
        model = self.load()
        from pydantic_ai.exceptions import AgentRunError, ModelHTTPError

        modes = self._modes(model)
        last = modes[-1]
        for mode in modes:
            try:
                answer = await self._asked(model, mode, instructions, prompt, schema)
            except ModelHTTPError as error:  # its body may hold the words that were sent, or a key
                if mode != last and error.status_code in _MODE_REFUSED:
                    logger.info(
                        "%s does not answer by %s output (HTTP %d)", self.name, mode, error.status_code
                    )
                    continue
                raise ModelError(f"{self.name} answered with HTTP status {error.status_code}") from error
            except AgentRunError as error:
                if mode != last:
                    continue
                raise AnswerUnfit(f"{self.name} gave no answer that fits: {error}") from error
            self._mode = mode
            return answer
        raise ModelError(f"{self.name} was not asked")  # no way to come here: there is a last mode

    async def _asked(
        self, model: Model, mode: Output, instructions: str, prompt: str, schema: type[AnswerT]
    ) -> AnswerT:
        """One question, with what was wrong with the answer told once; its cost is reported in any case."""
        from pydantic_ai import Agent, NativeOutput, PromptedOutput, ToolOutput
        from pydantic_ai.usage import RunUsage

        ways: dict[str, Any] = {"native": NativeOutput, "prompted": PromptedOutput, "tool": ToolOutput}
        agent: Agent[object, AnswerT] = Agent(
            model,
            output_type=ways[mode](schema),
            instructions=instructions,
            retries=self._retries,
            model_settings=self._settings,
        )
        usage = RunUsage()
        try:
            return (await agent.run(prompt, usage=usage)).output
        finally:
            report(
                tokens_in=usage.input_tokens,
                tokens_out=usage.output_tokens,
                money=float(usage.cost or 0),
            )
