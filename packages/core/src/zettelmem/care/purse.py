"""What one round of upkeep may spend on the model, which is asked as all others ask it."""

from __future__ import annotations

from zettelmem.judge import ANSWER_TOKENS, Judging, Sitting, Unanswered
from zettelmem.linking.prompts import Prompt
from zettelmem.protocols import AnswerT
from zettelmem.spending import Account, tokens_of


class Purse:
    """What one round of upkeep may spend. The memory's budgets and its breaker hold besides.

    Args:
        judging: who asks the model; None asks nobody.
        sitting: whose round it is, and what it has cost.
        calls, tokens: how many calls, and about how many tokens in and out.

    Attributes:
        problem: why the model is asked no more, in words; "" while it is.
    """

    def __init__(self, judging: Judging | None, sitting: Sitting, calls: int, tokens: int) -> None:
        self._judging = judging
        self._sitting = sitting
        self._calls = calls
        self._tokens = tokens
        self._told = Account()
        self.problem = ""

    @property
    def spent(self) -> Account:
        """What is gone of it."""
        return self._sitting.cost

    @property
    def left(self) -> int:
        """Calls that are left."""
        return 0 if self.problem else max(self._calls - self.spent.calls, 0)

    async def ask(self, prompt: Prompt[AnswerT]) -> AnswerT | None:
        """The model's answer; None if it may not be asked any more, or fails: then it is not asked again."""
        guess = tokens_of(prompt.instructions, prompt.text) + ANSWER_TOKENS
        if self._judging is None or not self.left or self.spent.tokens + guess > self._tokens:
            return None
        try:
            return await self._judging.put(prompt, self._sitting)
        except Unanswered as error:
            self.problem = f"{error}; it was asked no more"
            return None

    def paid(self, account: Account) -> None:
        """Somebody else asked the model for this round."""
        self._sitting.cost += account
        self._told += account

    def untold(self) -> Account | None:
        """What was spent since this was asked last, for the history of what came of it; None if nothing."""
        spent, self._told = self.spent - self._told, self.spent
        return spent if spent.calls else None
