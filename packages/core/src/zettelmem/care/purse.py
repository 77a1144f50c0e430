"""The model as upkeep asks it: within a budget of calls and tokens, and no more after its first failure."""

from __future__ import annotations

import asyncio
import logging

from zettelmem.limits import PER_TOKEN
from zettelmem.protocols import AnswerT, LanguageModel

logger = logging.getLogger(__name__)
ROOM = 300
"""Tokens of an answer that a call has to leave room for."""


class Purse:
    """What one round of upkeep may spend on a model.

    Args:
        model: the model; None asks nobody.
        calls, tokens: how many calls, and about how many tokens in and out.
        timeout: seconds that one call may take.

    Attributes:
        spent_calls, spent_tokens: what is gone of it.
        problem: how the model failed, in words; "" if it did not.
    """

    def __init__(self, model: LanguageModel | None, calls: int, tokens: int, timeout: float) -> None:
        self._model = model
        self._calls = calls
        self._tokens = tokens
        self._timeout = timeout
        self.spent_calls = 0
        self.spent_tokens = 0
        self.problem = ""

    def affords(self, asked: str) -> bool:
        """Whether there is a model that may still be asked this."""
        room = self._tokens - self.spent_tokens - _tokens(asked) >= ROOM
        return self._model is not None and not self.problem and self.spent_calls < self._calls and room

    async def ask(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT | None:
        """The model's answer; None if it may not be asked any more, or fails: then it is not asked again."""
        if self._model is None or not self.affords(instructions + prompt):
            return None
        self.spent_calls += 1
        self.spent_tokens += _tokens(instructions + prompt)
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._model.answer(instructions, prompt, schema)
            answer = schema.model_validate(answer.model_dump(warnings=False))
        except Exception as error:  # noqa: BLE001 - a vendor may raise anything; the question stays open
            self.problem = f"the model failed ({type(error).__name__}) and was asked no more"
            logger.warning("%s", self.problem)
            return None
        self.spent_tokens += _tokens(answer.model_dump_json())
        return answer

    def paid(self, calls: int, tokens: int) -> None:
        """Somebody else asked the model for this round."""
        self.spent_calls += calls
        self.spent_tokens += tokens

    @property
    def left(self) -> int:
        """Calls that are left."""
        return 0 if self.problem else max(self._calls - self.spent_calls, 0)


def _tokens(text: str) -> int:
    return -(-len(text) // PER_TOKEN)
