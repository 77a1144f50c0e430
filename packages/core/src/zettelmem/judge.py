"""Who describes notes and decides about links: a model, or the rules where it fails or there is none."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, ValidationError

from .decisions import Decision, LinkChoice, Neighbour
from .errors import AnswerUnfit, InvalidInput
from .linking import answers, guard, prompts, rules
from .linking.prompts import Prompt
from .namespace import Namespace
from .note import LATER_WORDS, Described, Note
from .protocols import AnswerT, LanguageModel
from .spending import Account, Breaker, Budget, Ledger, metered, tokens_of

logger = logging.getLogger(__name__)

Judge = Literal["offline", "model", "later", "ask", "none"]
"""Who decides: the rules, the configured language model at once or later (the rules until then), the caller
through `connect`, or nobody."""

Task = Literal["describe", "close", "link"]
"""What a model is asked: to describe a note, which older ones it replaces, which it belongs with."""

TASKS: tuple[Task, ...] = ("describe", "close")
"""What it is asked unless a memory is told otherwise. Links cost a call a note; the rules' are free."""

DESCRIBED: tuple[Described, ...] = ("context", "keywords", "tags", "kind")
ANSWER_TOKENS = 60
"""Tokens that an answer about one note is guessed to take."""
NO_NEWS: dict[str, Any] = {"notes": (), "found": (), "links": (), "pairs": (), "replaces": "nothing"}
"""What an estimate takes each answer for: it says nothing."""


class Unanswered(Exception):
    """No answer from the model that can be used.

    Attributes:
        asked: whether it was asked at all: it was not where it rests or the budget is used up.
    """

    def __init__(self, reason: str, *, asked: bool) -> None:
        super().__init__(reason[:400])
        self.asked = asked


@dataclass
class Sitting:
    """One go at some notes of a namespace: when it is, and what it has cost so far.

    Attributes:
        dry_run: ask nobody; `cost` is what it is guessed to come to, without second answers.
    """

    namespace: Namespace
    now: datetime
    cost: Account = field(default_factory=Account)
    dry_run: bool = False


@dataclass
class Case:
    """A note that is judged, and the older notes that it is judged against.

    Attributes:
        before: what was said just before it in its thread.
        neighbours: as they stand without what the rules decided meanwhile.
    """

    note: Note
    before: Note | None
    neighbours: Sequence[Neighbour]


class Judging:
    """The judge ladder.

    Args:
        model: the language model, if there is one.
        default: who decides where a call does not say.
        evolve: whether decisions may describe neighbours differently.
        timeout: seconds that one call of the model may take.
        tasks: what the model is asked.
        budgets: what it may cost.
        clock: what time it is.

    Raises:
        InvalidInput: `default` is no judge, or the model and there is none; or a task is none.
    """

    def __init__(
        self,
        model: LanguageModel | None,
        default: Judge | None,
        *,
        evolve: bool,
        timeout: float,
        tasks: Sequence[Task] = TASKS,
        budgets: Sequence[Budget] = (),
        clock: Callable[[], datetime],
    ) -> None:
        unknown = [each for each in tasks if each not in get_args(Task)]
        if isinstance(tasks, str) or unknown:
            raise InvalidInput(f"tasks is {tasks!r}; give some of {', '.join(get_args(Task))}")
        self._model = model
        self._evolve = evolve
        self._timeout = timeout
        self._clock = clock
        self.tasks = frozenset(tasks)
        self.ledger = Ledger(budgets)
        self._breaker = Breaker()
        self._default: Judge = default or ("offline" if model is None else "model")
        self.chosen(self._default)

    @property
    def lease(self) -> timedelta:
        """How long whoever took a note in hand may take: no other process touches it meanwhile."""
        return timedelta(seconds=4 * self._timeout + 30)

    def chosen(self, judge: Judge | None) -> Judge:
        """The judge that a call asked for, or the default.

        Raises:
            InvalidInput: it is no judge, or the model and there is none.
        """
        judge = judge or self._default
        if judge not in get_args(Judge):
            raise InvalidInput(f"judge is {judge!r}; use {', '.join(map(repr, get_args(Judge)))}")
        if judge == "model" and self._model is None:
            raise InvalidInput("judge='model' needs a model; give model=... to the memory")
        return judge

    def finisher(self, judge: Judge | None) -> Judge:
        """The judge that finishes what waits: the model, where a memory leaves it for later.

        Raises:
            InvalidInput: as `chosen`.
        """
        chosen = self.chosen(judge)
        return self.chosen("model") if chosen == "later" else chosen

    @property
    def has_model(self) -> bool:
        """Whether there is a language model to ask."""
        return self._model is not None

    async def ask(self, prompt: Prompt[AnswerT], namespace: Namespace) -> AnswerT | None:
        """The model's answer to any question; None where there is no model, or it failed."""
        try:
            return await self.put(prompt, Sitting(namespace, self._clock()))
        except Unanswered:
            return None

    def worth_asking(self, note: Note, neighbours: Sequence[Neighbour], decision: Decision) -> bool:
        """Whether a model is asked about a note at all.

        Greetings and bare questions tell nothing, and what has no near neighbour cannot be taken for
        another note. Pure.
        """
        if "close" in self.tasks and any(choice.relation in LATER_WORDS for choice in decision.links):
            return True
        if not self.tasks or not guard.says_enough(note):
            return False
        may_be_near = [each for each in neighbours if each.similarity >= guard.NEAR]
        if "describe" in self.tasks or "link" in self.tasks:
            return bool(may_be_near) or bool(guard.closable(note, neighbours))
        return bool(guard.closable(note, neighbours))

    def ready(self, now: datetime) -> bool:
        """Whether the model may be asked now: it neither rests nor is missing."""
        resting = self._breaker.resting_until
        return self._model is not None and (resting is None or resting <= now)

    # --- questions -----------------------------------------------------------------------------------

    async def put(self, prompt: Prompt[AnswerT], sitting: Sitting, notes: int = 1) -> AnswerT:
        """The model's answer to a question about so many notes. All questions go this way.

        Raises:
            Unanswered: why there is none.
        """
        if self._model is None:
            raise Unanswered("no model is configured; give model=... to the memory", asked=False)
        tokens_in = tokens_of(prompt.instructions, prompt.text)
        guess = Account(calls=1, tokens_in=tokens_in, tokens_out=ANSWER_TOKENS * notes)
        if sitting.dry_run:
            sitting.cost += guess
            return prompt.schema.model_construct(**NO_NEWS)
        lack = self.ledger.refuses(sitting.namespace, guess, sitting.now)
        if lack:
            raise Unanswered(lack, asked=False)
        if not self._breaker.lets_ask(sitting.now):
            raise Unanswered("the model failed a moment ago and rests", asked=False)
        start, tokens_out, failed = time.monotonic(), 0, 1
        with metered() as reported:
            try:
                async with asyncio.timeout(self._timeout):
                    answer = await self._model.answer(*prompt)
                if not isinstance(answer, BaseModel):
                    raise AnswerUnfit(f"it answered with {type(answer).__name__}")
                # A model may hand back an instance that was never checked: what is in it is checked here.
                checked = prompt.schema.model_validate(answer.model_dump(warnings=False))
                tokens_out, failed = tokens_of(checked.model_dump_json()), 0
                self._breaker.answered()
                return checked
            except Exception as error:  # noqa: BLE001 - a vendor may raise anything; no words are lost for it
                # An answer of another shape is still an answer, and the server that gave it is not dead.
                if not isinstance(error, ValueError):
                    self._breaker.failed(sitting.now)
                reason = f"{type(error).__name__}: {_told(error)}"
                logger.warning("the model failed, the note is kept as pending: %s", reason[:400])
                raise Unanswered(f"the model failed: {reason}", asked=True) from None
            finally:
                counted = (
                    sum(reported, Account())
                    if reported
                    else Account(tokens_in=tokens_in, tokens_out=tokens_out)
                )
                seconds = time.monotonic() - start
                cost = counted + Account(calls=1, failed=failed, seconds=seconds)
                sitting.cost += cost
                self.ledger.add(sitting.namespace, cost, sitting.now)

    async def describe(self, cases: Sequence[Case], sitting: Sitting) -> list[dict[str, Any]]:
        """For each note of a window the fields that its `pending` owes, as far as the model gave them.

        Raises:
            Unanswered: the model did not answer.
        """
        owed = [self._owed(each) for each in cases]
        asked = {name for fields in owed for name in fields}
        fields: list[dict[str, Any]] = [{} for _ in cases]
        if not asked or "describe" not in self.tasks:
            return fields
        places = [place for place, some in enumerate(owed) if some]
        wanted = [cases[place] for place in places]
        prompt = prompts.describe([each.note for each in wanted], wanted[0].before, asked)
        answer: Any = await self.put(prompt, sitting, len(wanted))
        for each in answer.notes:
            place = places[each.note]
            fields[place] = answers.described(each, owed[place])
        return fields

    def _owed(self, case: Case) -> tuple[Described, ...]:
        """The fields that a model is asked for: of a note that may be taken for another one."""
        near = any(each.similarity >= guard.NEAR for each in case.neighbours)
        return case.note.pending.fields if near and case.note.pending else ()

    async def decide(self, cases: Sequence[Case], sitting: Sitting) -> list[Decision]:
        """What the model decides about each note of a window; the rules where it is not asked.

        Raises:
            Unanswered: the model did not answer.
        """
        closable = [self._closable(each) for each in cases]
        linkable = [self._linkable(each) for each in cases]
        if len(cases) == 1:
            closes, links = await self._judge_one(cases[0], closable[0], linkable[0], sitting)
            return [self._merged(cases[0], closes, links)]
        found = await self._judge_window(cases, closable, linkable, sitting)
        return [self._merged(case, *each) for case, each in zip(cases, found, strict=True)]

    def _closable(self, case: Case) -> list[Neighbour]:
        return guard.closable(case.note, case.neighbours) if "close" in self.tasks else []

    def _linkable(self, case: Case) -> list[Neighbour]:
        near = [each for each in case.neighbours if each.similarity >= guard.NEAR]
        return near[: guard.MAX_SHOWN] if "link" in self.tasks else []

    async def _judge_one(
        self,
        case: Case,
        closable: Sequence[Neighbour],
        linkable: Sequence[Neighbour],
        sitting: Sitting,
    ) -> tuple[list[int] | None, list[LinkChoice] | None]:
        """The numbers of the neighbours that the note replaces, and its links: a small question each."""
        closes: list[int] | None = [] if "close" in self.tasks else None
        links: list[LinkChoice] | None = [] if "link" in self.tasks else None
        if closable and closes is not None:
            shown = [each.note for each in closable]
            answer: Any = await self.put(prompts.close(case.note, shown), sitting)
            place = prompts.options(shown).get(answer.replaces)
            if place is not None:
                chosen = (case, closable[place])
                closes += [each.number for _, each in await self._agreed([chosen], sitting)]
        if linkable and links is not None:
            prompt = prompts.link(case.note, [each.note for each in linkable])
            told: Any = await self.put(prompt, sitting)
            links = [answers.link_of(linkable[each.note].number, each) for each in told.links]
        return closes, links

    async def _judge_window(
        self,
        cases: Sequence[Case],
        closable: Sequence[Sequence[Neighbour]],
        linkable: Sequence[Sequence[Neighbour]],
        sitting: Sitting,
    ) -> list[tuple[list[int] | None, list[LinkChoice] | None]]:
        """The same for all notes of a window by one question."""
        closing, linking = "close" in self.tasks, "link" in self.tasks
        found: list[tuple[list[int] | None, list[LinkChoice] | None]]
        found = [([] if closing else None, [] if linking else None) for _ in cases]
        shown: dict[str, Note] = {}
        for case, *near in zip(cases, closable, linkable, strict=True):
            around = {each.note.id: each.note for some in near for each in some}
            shown |= around | ({case.note.id: case.note} if around else {})
        notes = sorted(shown.values(), key=lambda note: note.recorded_at)
        places = {note.id: place for place, note in enumerate(notes)}
        asked = {places[case.note.id]: i for i, case in enumerate(cases) if closable[i] or linkable[i]}
        if not asked:
            return found
        prompt = prompts.judge_window(notes, asked.keys(), closing=closing, linking=linking)
        answer: Any = await self.put(prompt, sitting, len(asked))
        chosen: list[tuple[Case, Neighbour]] = []
        for each in answer.found:
            i, older = asked[each.new], notes[each.older].id
            may_be = closable[i] if each.relation == "replaces" else linkable[i]
            neighbour = next((x for x in may_be if x.note.id == older), None)
            if neighbour is None:
                continue  # that note was not to be judged against this one
            links = found[i][1]
            if each.relation == "replaces":
                chosen.append((cases[i], neighbour))
            elif links is not None:
                links.append(answers.link_of(neighbour.number, each))
        for case, neighbour in await self._agreed(chosen, sitting):
            closes = found[cases.index(case)][0]
            if closes is not None:
                closes.append(neighbour.number)
        return found

    async def _agreed(
        self, chosen: Sequence[tuple[Case, Neighbour]], sitting: Sitting
    ) -> list[tuple[Case, Neighbour]]:
        """Those closings that the rules see too, or that the model confirms when it is asked once more."""
        agreed = [(case, each) for case, each in chosen if guard.consents(case.note, each.note)]
        doubtful = [pair for pair in chosen if pair not in agreed]
        if doubtful:
            prompt = prompts.confirm([(case.note, each.note) for case, each in doubtful])
            answer: Any = await self.put(prompt, sitting, len(doubtful))
            yes = {each.pair for each in answer.pairs if each.same == "yes"}
            agreed += [pair for place, pair in enumerate(doubtful) if place in yes]
        return agreed

    def _merged(
        self, case: Case, closes: Sequence[int] | None, links: Sequence[LinkChoice] | None
    ) -> Decision:
        by_rules = self.by_rules(case.note, case.neighbours)
        return answers.decision(case.note, case.neighbours, by_rules, closes, links)

    def by_rules(self, note: Note, neighbours: Sequence[Neighbour]) -> Decision:
        """What the rules decide. Pure."""
        decision = rules.judge(note, neighbours)
        return decision if self._evolve else decision.model_copy(update={"changes": ()})


def _told(error: Exception) -> str:
    """What an error says of itself, as text that can be stored, whatever it says."""
    try:
        if isinstance(error, ValidationError):
            # pydantic quotes what it was given, and what it may be: the words of other notes.
            wrong = [f"{'.'.join(map(str, each['loc']))} ({each['type']})" for each in error.errors()]
            return f"these parts do not fit: {', '.join(wrong)}"
        return str(error).encode("utf-8", "replace").decode()
    except Exception:  # noqa: BLE001 - even this may be a vendor's code
        return "it cannot say why"
