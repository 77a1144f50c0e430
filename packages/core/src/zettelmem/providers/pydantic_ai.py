"""Language models of any provider through `pydantic-ai`: `pip install "zettelmem[pydantic-ai]"`.

Keys are where the provider's own client looks for them (``OPENAI_API_KEY``, ...); zettelmem never
sees them. A provider's client is a package of its own: ``pip install "pydantic-ai-slim[openai]"``.
"""

from __future__ import annotations

import importlib
import threading
from typing import TYPE_CHECKING

from zettelmem.errors import ExtraMissing, InvalidInput, ModelError
from zettelmem.protocols import AnswerT

if TYPE_CHECKING:
    from pydantic_ai.models import Model
    from pydantic_ai.settings import ModelSettings

RETRIES = 2
"""How often a model is told what was wrong with its answer and asked again."""


class PydanticAI:
    """A `LanguageModel` by name, with validated answers.

    Args:
        model: provider and model, such as ``anthropic:claude-haiku-4-5``, ``openai:...`` or
            ``ollama:...``; or a pydantic-ai `Model`.
        retries: how often the model is told what was wrong with its answer and asked again.
        settings: pydantic-ai's model settings; the provider's own where None.
    """

    def __init__(
        self, model: str | Model, *, retries: int = RETRIES, settings: ModelSettings | None = None
    ) -> None:
        self._given = model
        self._retries = retries
        self._settings = settings
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
            model: Model = models.infer_model(self._given)
        except ImportError as error:
            raise ExtraMissing(f"model {self.name!r} needs another package: {error}") from error
        except (exceptions.UserError, ValueError) as error:
            raise InvalidInput(
                f"model {self.name!r} cannot be used: {error} (a name is provider:model, such as "
                "anthropic:claude-haiku-4-5)"
            ) from error
        return model

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        """The model's answer as a validated `schema`; it is asked again if it does not fit.

        Raises:
            ExtraMissing, InvalidInput: as `load`.
            ModelError: the provider failed, or no answer fitted.
        """
        model = self.load()
        from pydantic_ai import Agent
        from pydantic_ai.exceptions import AgentRunError, ModelHTTPError

        agent: Agent[object, AnswerT] = Agent(
            model,
            output_type=schema,
            instructions=instructions,
            retries=self._retries,
            model_settings=self._settings,
        )
        try:
            return (await agent.run(prompt)).output
        except ModelHTTPError as error:  # its body may hold the words that were sent, or a key
            raise ModelError(f"{self.name} answered with HTTP status {error.status_code}") from error
        except AgentRunError as error:
            raise ModelError(f"{self.name} gave no answer that fits: {error}") from error
