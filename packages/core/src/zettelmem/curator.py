"""The verbs that judge: they change how notes stand to each other, never what was said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from . import connect
from .decisions import Decision, Question, Remembered
from .errors import InvalidInput
from .judge import Judge, Judging
from .namespace import as_namespace
from .note import Note
from .reader import Reader
from .work import Work
from .writer import Writer


class Curator(Reader):
    """The verbs that judge notes. `AsyncMemory` has them, and those that store words."""

    _judging: Judging
    _work: Work
    _writer: Writer

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
        note = await self.get(note_id, namespace=namespace)
        others: list[Note] | None = None
        if among is not None:
            others = [await self.get(each, namespace=note.namespace) for each in dict.fromkeys(among)]
        return await connect.ask(self._writer, self._revise, note, others)

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
        note = await self.get(note_id, namespace=namespace)
        return await connect.decide(self._writer, note, connect.decision_of(decision), self.clock())

    async def finish_pending(
        self,
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        limit: int | None = None,
        before: datetime | None = None,
        due: bool = False,
    ) -> list[Remembered]:
        """Let the judge look at the notes that are pending, oldest first; those it fails on stay so.

        A note that a model failed on five times is left to the rules. What the rules decided meanwhile is
        taken back before a model's word is applied.

        Args:
            namespace: this one and all below it.
            judge: `model` or `offline`; the memory's own where None.
            limit: at most so many notes.
            before: only notes recorded earlier than this (aware).
            due: leave out notes that wait for their next try; for work in the background.

        Returns:
            The notes that are pending no more.
        """
        decider = self._judging.chosen(judge)
        if decider not in ("model", "offline"):
            raise InvalidInput(f"judge={decider!r} finishes nothing; use 'model' or 'offline', or connect")
        return await self._work.finish_all(as_namespace(namespace), decider, limit, before, due=due)
