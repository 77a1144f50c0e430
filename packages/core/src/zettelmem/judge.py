"""Who describes notes and decides about links: a model, or the rules where it fails or there is none."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any, Literal, get_args

from pydantic import ValidationError

from .decisions import Decision, Neighbour
from .drafts import Draft
from .errors import InvalidInput
from .linking import decisions, prompts, rules
from .local import told_in
from .note import Described, Note, Pending
from .protocols import AnswerT, LanguageModel
from .values import refusal

logger = logging.getLogger(__name__)

Judge = Literal["offline", "model", "ask", "none"]
"""Who decides: the rules, the configured language model, the caller through `connect`, or nobody."""

DESCRIBED: tuple[Described, ...] = ("context", "keywords", "tags", "kind")


class Judging:
    """The judge ladder.

    Args:
        model: the language model, if there is one.
        default: who decides where a call does not say.
        evolve: whether decisions may describe neighbours differently.
        timeout: seconds that one call of the model may take.
        zone: in which times are told to the model; that of the clock, or UTC, where None.

    Raises:
        InvalidInput: `default` is no judge, or the model and there is none.
    """

    def __init__(
        self,
        model: LanguageModel | None,
        default: Judge | None,
        *,
        evolve: bool,
        timeout: float,
        zone: tzinfo | None = None,
    ) -> None:
        self._zone = zone
        self._model = model
        self._evolve = evolve
        self._timeout = timeout
        self._default: Judge = default or ("offline" if model is None else "model")
        self.chosen(self._default)

    def chosen(self, judge: Judge | None) -> Judge:
        """The judge that a call asked for, or the default.

        Raises:
            InvalidInput: it is no judge, or the model and there is none.
        """
        judge = judge or self._default
        if judge not in get_args(Judge):
            raise InvalidInput(f"judge is {judge!r}; use 'offline', 'model', 'ask' or 'none'")
        if judge == "model" and self._model is None:
            raise InvalidInput("judge='model' needs a model; give model=... to the memory")
        return judge

    @property
    def has_model(self) -> bool:
        """Whether there is a language model to ask."""
        return self._model is not None

    async def ask(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT | None:
        """The model's answer to any question; None where there is no model, or it failed."""
        return None if self._model is None else (await self._ask(instructions, prompt, schema))[0]

    async def describe(
        self, draft: Draft, previous: Note | None, judge: Judge, now: datetime
    ) -> tuple[dict[str, Any], Pending | None]:
        """The fields that the caller left out, and what is still owed if the model failed.

        Raises:
            InvalidInput: the judge is the model and there is none.
        """
        asked = tuple(name for name in DESCRIBED if getattr(draft, name) is None)
        fields: dict[str, Any] = dict(rules.construct(draft.content, draft.source, previous))
        fields = {name: fields[name] for name in asked}
        if judge == "ask":
            return fields, Pending(reason="waiting for `connect`", fields=asked)
        if judge == "model" and asked:
            schema = prompts.construction_schema(frozenset(asked))
            now, draft, before = told_in(self._zone, (now, draft, [previous] if previous else []))
            prompt = prompts.construct(draft, before, now)
            answer, problem = await self._ask(prompts.CONSTRUCT, prompt, schema)
            if answer is None:
                return fields, Pending(reason=problem, fields=asked)
            fields |= {name: value for name, value in answer if value}
        return fields, None

    async def _ask(self, instructions: str, prompt: str, schema: type[AnswerT]) -> tuple[AnswerT | None, str]:
        """The model's answer, or None and what went wrong, in words."""
        if self._model is None:
            raise InvalidInput("no model is configured; give model=... to the memory")
        try:
            async with asyncio.timeout(self._timeout):
                answer = await self._model.answer(instructions, prompt, schema)
            # A model may hand back an instance that was never checked: what is in it is checked here.
            return schema.model_validate(answer.model_dump(warnings=False)), ""
        except Exception as error:  # noqa: BLE001 - a vendor may raise anything; no words are lost for it
            reason = f"{type(error).__name__}: {_told(error)}"[:400]
            logger.warning("the model failed: %s", reason)
            return None, f"the model failed: {reason}"

    async def decide(self, note: Note, neighbours: Sequence[Neighbour], judge: Judge) -> tuple[Decision, str]:
        """The judge's decision and "", or the rules' and what was wrong with the model's."""
        problem = ""
        if judge == "model" and neighbours:
            prompt = prompts.judge(*told_in(self._zone, (note, list(neighbours))))
            decision, problem = await self._ask(prompts.JUDGE, prompt, Decision)
            if decision is not None:
                try:
                    decisions.check(note, [each.note for each in neighbours], decision)
                except InvalidInput as error:
                    problem = f"the model's decision was refused: {error}"[:500]
                else:
                    return self._limited(decision), ""
        return Decision() if judge == "none" else self.by_rules(note, neighbours), problem

    def by_rules(self, note: Note, neighbours: Sequence[Neighbour]) -> Decision:
        """What the rules decide. Pure."""
        return self._limited(rules.judge(note, neighbours))

    def _limited(self, decision: Decision) -> Decision:
        return decision if self._evolve else decision.model_copy(update={"changes": ()})


def _told(error: Exception) -> str:
    """What an error says of itself, as text that can be stored, whatever it says."""
    try:
        if isinstance(error, ValidationError):  # pydantic quotes what it was given, which may be private
            return str(refusal(error))
        return str(error).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - even this may be a vendor's code
        return "it cannot say why"
