"""What language models cost: how much they may, and how much they did."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from .limits import PER_TOKEN
from .namespace import Namespace
from .values import Value

SPANS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}
"""How far back a budget looks."""
REST, MAX_REST = timedelta(seconds=30), timedelta(minutes=10)
"""How long a model that failed is left alone at first, and at most."""


class Account(Value):
    """What was spent on a language model, failed attempts included.

    Attributes:
        calls: questions, each with the repeats that the provider made of it.
        failed: those of them that brought no answer that could be used.
        tokens_in, tokens_out: as the provider counted them; four characters count as one where it did not.
        money: in the provider's currency, where the price is known.
        seconds: waited for answers.
    """

    calls: int = 0
    failed: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    money: float = 0.0
    seconds: float = 0.0

    @property
    def tokens(self) -> int:
        """In and out together."""
        return self.tokens_in + self.tokens_out

    def __add__(self, other: Account) -> Account:
        sums = {name: value + getattr(other, name) for name, value in self}
        return Account.model_construct(**sums)

    def __sub__(self, other: Account) -> Account:
        return Account.model_construct(**{name: value - getattr(other, name) for name, value in self})


class Budget(Value):
    """What may be spent on a language model. A question that would go beyond it waits.

    Attributes:
        per: in each `call`, in any `hour` or in any `day`.
        calls, tokens, money: at most so much; None for no limit. Tokens are guessed before a call.
        namespace: of whom, with all below; () is everybody together.

    >>> Budget(per="day", tokens=50_000, namespace=("acme",))
    Budget(per='day', calls=None, tokens=50000, money=None, namespace=('acme',))
    """

    per: Literal["call", "hour", "day"]
    calls: Annotated[int, Field(ge=0)] | None = None
    tokens: Annotated[int, Field(ge=0)] | None = None
    money: Annotated[float, Field(ge=0)] | None = None
    namespace: Namespace = ()

    def covers(self, namespace: Namespace) -> bool:
        """Whether what is in `namespace` counts."""
        return namespace[: len(self.namespace)] == self.namespace

    def lacks(self, spent: Account, guess: Account) -> str:
        """What another `guess` would go beyond, in words; "" if there is room."""
        total = guess if self.per == "call" else spent + guess
        for name, limit in (("calls", self.calls), ("tokens", self.tokens), ("money", self.money)):
            if limit is not None and getattr(total, name) > limit:
                whose = "/".join(self.namespace) or "everybody"
                return f"the budget of {limit:,} {name} a {self.per} for {whose} is used up"
        return ""


@dataclass
class Ledger:
    """What this process spent during the last day, and whether there is room for more.

    Attributes:
        budgets: what may be spent.
        total: what was spent since it began.
    """

    budgets: Sequence[Budget] = ()
    total: Account = field(default_factory=Account)
    _entries: deque[tuple[datetime, Namespace, Account]] = field(default_factory=deque)

    def refuses(self, namespace: Namespace, guess: Account, now: datetime) -> str:
        """Which budget a question of this size would go beyond, in words; "" if none."""
        while self._entries and now - self._entries[0][0] >= SPANS["day"]:
            self._entries.popleft()
        for budget in self.budgets:
            if not budget.covers(namespace):
                continue
            spent = Account()
            for at, whose, account in self._entries if budget.per != "call" else ():
                if budget.covers(whose) and now - at < SPANS[budget.per]:
                    spent += account
            lack = budget.lacks(spent, guess)
            if lack:
                return lack
        return ""

    def add(self, namespace: Namespace, account: Account, at: datetime) -> None:
        """Write down what one question cost."""
        self.total += account
        self._entries.append((at, namespace, account))


@dataclass
class Breaker:
    """Lets a model that failed rest, so that a dead server costs one time-out and not one a note."""

    resting_until: datetime | None = None
    rest: timedelta = REST

    def lets_ask(self, now: datetime) -> bool:
        """Whether the model may be asked: after its rest by one question, until that was answered."""
        if self.resting_until is None:
            return True
        if now < self.resting_until:
            return False
        self.resting_until = now + self.rest
        return True

    def failed(self, now: datetime) -> None:
        """It gave no answer: it rests, twice as long each time."""
        self.resting_until = now + self.rest
        self.rest = min(2 * self.rest, MAX_REST)

    def answered(self) -> None:
        """It works."""
        self.resting_until, self.rest = None, REST


def spent_in(history: str) -> Account:
    """What the changes of a history, as it is stored, say that they cost."""
    spent = Account()
    if '"cost":' in history:
        for entry in json.loads(history):
            spent += Account.model_validate(entry.get("cost", {}))
    return spent


def tokens_of(*texts: str) -> int:
    """About how many tokens these texts are."""
    return sum(map(len, texts)) // PER_TOKEN


_reported: ContextVar[list[Account]] = ContextVar("reported")


def report(*, tokens_in: int, tokens_out: int, money: float = 0.0) -> None:
    """Called by a model's adapter during `answer`, once an answer or more: what the provider counted.

    Outside of a memory's question it does nothing.
    """
    reported = _reported.get(None)
    if reported is not None:
        reported.append(Account(tokens_in=tokens_in, tokens_out=tokens_out, money=money))


@contextmanager
def metered() -> Iterator[list[Account]]:
    """What is reported inside, in this task and in the threads that it starts."""
    reported: list[Account] = []
    token = _reported.set(reported)
    try:
        yield reported
    finally:
        _reported.reset(token)
