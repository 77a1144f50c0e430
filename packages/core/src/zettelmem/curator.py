"""The verbs that judge: they change how notes stand to each other, never what was said."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from . import connect
from .brief import Briefs
from .care.report import STEPS, Done, Proposal, Step, UpkeepReport, checked_steps
from .care.review import Reviews
from .care.upkeep import Upkeep
from .decisions import Decision, Finished, Question, Remembered
from .errors import InvalidInput
from .judge import Judge, Judging
from .limits import MAX_CALLS, MAX_TOKENS, within
from .local import in_zone
from .namespace import as_namespace
from .note import Note
from .values import build
from .work import Work
from .writer import Writer


class Curator(Briefs):
    """The verbs that judge notes. `AsyncMemory` has them, and those that store words."""

    _judging: Judging
    _work: Work
    _writer: Writer
    _reviews: Reviews
    _upkeep: Upkeep

    @in_zone
    async def ask(
        self, note_id: str, *, namespace: str | Sequence[str], among: Sequence[str] | None = None
    ) -> Question:
        """Number a note's neighbours for `connect`, and put the question about them in words.

        The numbers are written into the note, for every process: they hold until `connect` has used them
        or one of these neighbours was written. For a model that only the caller can reach, the question
        is its instructions and its prompt; `connect` takes what it answers.

        Args:
            note_id: the note.
            namespace: whose memory.
            among: number these notes instead of the nearest ones, in this order.

        Raises:
            NotFound: no such note here.
        """
        note = await self._found(note_id, as_namespace(namespace))
        others: list[Note] | None = None
        if among is not None:
            others = [await self._found(each, note.namespace) for each in dict.fromkeys(among)]
        return await connect.ask(self._writer, self._revise, note, others)

    @in_zone
    async def connect(
        self,
        note_id: str,
        decision: Decision | Mapping[str, Any] | str,
        *,
        namespace: str | Sequence[str],
    ) -> Remembered:
        """Apply the caller's decision about a note and the neighbours that it was shown.

        Args:
            note_id: a note remembered with ``judge="ask"``, or one that `ask` was called for.
            decision: links and changes, by the numbers that were shown, or a model's answer that holds
                them as JSON. Empty: none are wanted.
            namespace: whose memory.

        Raises:
            NotFound: no such note here.
            InvalidInput: it is no decision.
            DecisionRefused: it names a number that was not shown, touches too much or more trusted
                notes, or none were shown. Nothing of it was applied.
            ConflictError: a neighbour was forgotten, or one to be changed was written, since it was
                shown. Nothing was applied; call `ask` and decide again.
        """
        note = await self._found(note_id, as_namespace(namespace))
        return await connect.decide(self._writer, note, connect.decision_of(decision), self.clock())

    @in_zone
    async def finish_pending(
        self,
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        limit: int | None = None,
        before: datetime | None = None,
        due: bool = False,
        dry_run: bool = False,
    ) -> Finished:
        """Let the judge look at the notes that are pending, oldest first; those it fails on stay so.

        A note that a model failed on five times is left to the rules. What the rules decided meanwhile is
        taken back before a model's word is applied.

        Args:
            namespace: this one and all below it.
            judge: `model` or `offline`; the memory's own where None.
            limit: at most so many notes.
            before: only notes recorded earlier than this (aware).
            due: leave out notes that wait for their next try; for work in the background.
            dry_run: ask nobody and write nothing: the notes that would be looked at, and in `spent` about how
                many calls and tokens that would take. A second opinion on a closing comes on top.

        Returns:
            The notes that are pending no more, a list, and what they cost in its `spent`.
        """
        decider = self._judging.finisher(judge)
        if decider not in ("model", "offline"):
            raise InvalidInput(f"judge={decider!r} finishes nothing; use 'model' or 'offline', or connect")
        return await self._work.finish_all(
            as_namespace(namespace), decider, limit, before, due=due, dry_run=dry_run
        )

    async def used(
        self, ids: Sequence[str], *, namespace: str | Sequence[str], helped: bool = True
    ) -> tuple[str, ...]:
        """Count that an answer used these notes. One that rests is awake again.

        The counts gather in memory and are written with the next commit, with the next upkeep, or by
        `close`; a crash before that loses them. They are no change of a note: no revision, no history.

        Args:
            ids: of notes that an answer cites, or was made from.
            namespace: whose memory.
            helped: whether that helped; False counts a use that did not.

        Returns:
            The ids that were counted; what is not there, or not here, is left out.
        """
        if isinstance(ids, str):
            raise InvalidInput("ids is one string; give a list of note ids, such as [hit.note.id]")
        if not isinstance(ids, Iterable):
            raise InvalidInput(f"ids is {ids!r}; give a list of note ids, such as [hit.note.id]")
        ids = list(ids)
        for each in ids:
            if not isinstance(each, str):
                raise InvalidInput(f"ids holds {each!r}; give note ids as strings, such as [hit.note.id]")
        if not isinstance(helped, bool):
            raise InvalidInput(f"helped is {helped!r}; give True, or False for a use that did not help")
        return await self._upkeep.uses.count(ids, as_namespace(namespace), helped=helped)

    async def upkeep(
        self,
        *,
        namespace: str | Sequence[str],
        steps: Sequence[Step] = STEPS,
        judge: Judge | None = None,
        calls: int = 20,
        tokens: int = 50_000,
        dry_run: bool = False,
        progress: Callable[[int, int], None] | None = None,
    ) -> UpkeepReport:
        """One round of upkeep: what is done for a memory while nobody waits. Nothing is deleted or rewritten.

        Args:
            namespace: this one and all below it.
            steps: `settle`: pending notes are finished, and what may be no longer so, or contradicts, is
                asked. `merge`: notes that say nearly the same become one; the others rest. `distil`: notes
                that belong together get an insight that stands on them. `fade`: weak notes rest.
            judge: `model` asks the memory's model; else the questions come back as proposals, for `decide`.
                The memory's own judge where None.
            calls, tokens: what a model may be asked at most, and about how many tokens may go in and out.
            dry_run: tell what would be done, and do nothing.
            progress: called with how many parts are done, and of how many.

        Raises:
            InvalidInput: a value does not fit.
            StoreError: the store failed; what was done before stays, and each change of it can be undone.
        """
        within("calls", calls, 0, MAX_CALLS)
        within("tokens", tokens, 0, MAX_TOKENS)
        return await self._upkeep.run(
            as_namespace(namespace),
            checked_steps(steps),
            self._judging.finisher(judge),
            calls=calls,
            tokens=tokens,
            dry_run=dry_run,
            progress=progress,
        )

    async def decide(
        self, proposal: Proposal | Mapping[str, Any], answer: str, *, namespace: str | Sequence[str]
    ) -> Done:
        """Do what the answer to a proposal of `upkeep`, or of `proposals`, says.

        Args:
            proposal: as it was given, or as JSON.
            answer: one of its `answers`; for an insight, the insight in words, or "" where there is none.
            namespace: whose memory.

        Raises:
            NotFound: one of its notes is not there any more.
            InvalidInput: that is no answer to it.
            DecisionRefused: the note that would be closed is trusted more than the one that closes it.
            ConflictError: it was settled meanwhile.
        """
        asked, space = build(Proposal, proposal), as_namespace(namespace)
        if asked.step == "review":
            return await self._reviews.decide(asked, answer, space)
        return await self._upkeep.questions.decide(asked, answer, space)

    async def proposals(self, *, namespace: str | Sequence[str]) -> list[Proposal]:
        """What a model would change and a person has to look at first, oldest note first; see `review`.

        Each is answered by `decide` with ``accept`` or ``refuse``. A refused one is not proposed again, and
        one that nobody answers in 14 days is left to the rules.

        Args:
            namespace: this one and all below it.
        """
        return await self._reviews.proposals(as_namespace(namespace))
