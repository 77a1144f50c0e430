"""One round of upkeep: pending notes finished, questions asked, doubles merged, what is weak at rest."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from zettelmem.decisions import Changes
from zettelmem.intake import Intake
from zettelmem.judge import Judge, Judging, Sitting
from zettelmem.limits import BATCH
from zettelmem.namespace import Namespace
from zettelmem.note import Note
from zettelmem.queries import Filter
from zettelmem.work import Work
from zettelmem.writer import Writer

from . import merge
from .purse import Purse
from .questions import Questions
from .report import Done, Step, UpkeepReport
from .rest import rest
from .round import Round
from .strength import WEAK, Standing, strength, strength_of
from .use import Uses

TOGETHER = 32
"""Merges of one commit."""
CALLS_A_NOTE = 2
"""Calls that a model needs at most for a note that is pending."""
_COLUMNS = [
    "id", "kind", "trust", "met_at", "times_said", "uses", "helped", "last_used_at", "recorded_at", "gist",
    "resting", "typed", "waiting", "newer", "disputed", "founds",
]  # fmt: skip


class Upkeep:
    """Takes care of notes while nobody waits.

    Attributes:
        uses: counts what answers use.
        questions: asks whoever judges, and does what the answers say.

    Args:
        writer: what commits.
        work: what finishes pending notes.
        intake: what the words of insights have to pass.
        judging: who asks the language model.
        half_lives: by kind; see `strength`.
    """

    def __init__(
        self,
        writer: Writer,
        work: Work,
        intake: Intake,
        judging: Judging,
        half_lives: Mapping[str, timedelta],
    ) -> None:
        self._writer = writer
        self._work = work
        self._judging = judging
        self._half_lives = half_lives
        self._one_at_a_time = asyncio.Lock()
        self.uses = Uses(writer)
        self.questions = Questions(writer, intake)

    # --- a round ---------------------------------------------------------------------------------

    async def run(
        self,
        space: Namespace,
        steps: Sequence[Step],
        judge: Judge,
        *,
        calls: int,
        tokens: int,
        dry_run: bool,
        progress: Callable[[int, int], None] | None,
    ) -> UpkeepReport:
        """One round over a namespace and all below it, step by step."""
        asked = self._judging if judge == "model" and not dry_run else None
        purse = Purse(asked, Sitting(space, self._writer.clock()), calls, tokens)
        this = Round(purse, judge, review=self._work.reviewed, dry_run=dry_run)
        work = {
            "settle": self.questions.settle,
            "merge": self._merge,
            "distil": self.questions.distil,
            "fade": self._fade,
        }
        async with self._one_at_a_time:
            if not dry_run:
                await self.uses.flush()
            if "settle" in steps:
                await self._finish(this, space)
            spaces = await self._writer.store.namespaces(Filter(namespace=space))
            total, finished = len(spaces) * len(steps), 0
            for namespace in spaces:
                rows, known = await self._columns(namespace), len(this.done)
                for step in steps:
                    if len(this.done) > known:  # a step reads what those before it wrote
                        rows, known = await self._columns(namespace), len(this.done)
                    await work[step](this, namespace, rows)
                    finished += 1
                    if progress is not None:
                        progress(finished, total)
        return this.report()

    async def _columns(self, namespace: Namespace) -> list[dict[str, Any]]:
        """What is looked at of each note of exactly this namespace that holds, oldest first."""
        sight = Filter(namespace=namespace, exact=True, valid_at=self._writer.clock())
        columns = await self._writer.store.columns(sight, _COLUMNS)
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        return sorted(rows, key=lambda row: (row["recorded_at"], row["id"]))

    # --- settle -------------------------------------------------------------------------------------

    async def _finish(self, this: Round, space: Namespace) -> None:
        """Let the judge look at pending notes, as far as its budget goes."""
        sight = Filter(namespace=space, pending=True)
        waiting = len(await self._writer.store.order(sight))
        if waiting and not this.dry_run and this.judge in ("model", "offline"):
            by_model = this.judge == "model"
            limit = this.purse.left // CALLS_A_NOTE if by_model else None
            before = self._work.spent
            done = await self._work.finish_all(space, this.judge, limit, None, due=True)
            this.purse.paid(self._work.spent - before)
            for each in done:
                notes = (each.note.id,)
                told = "a judge looked at it"
                this.done.append(Done(step="settle", notes=notes, told=told, change=each.change))
            waiting -= len(done)
        this.pending = waiting

    # --- merge -----------------------------------------------------------------------------------

    async def _merge(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Let notes that say the same become one."""
        alike: dict[int, list[str]] = {}
        for row in rows:
            if row["gist"] and not (row["resting"] or row["typed"] or row["waiting"]):
                alike.setdefault(row["gist"], []).append(row["id"])
        several = [ids for ids in alike.values() if len(ids) > 1]
        found: list[tuple[Note, list[Note]]] = []
        for ids in several:
            found += merge.groups((await self._writer.store.notes(namespace, ids)).values())
        for start in range(0, len(found), TOGETHER):
            part = found[start : start + TOGETHER]
            if this.dry_run:
                for front, doubles in part:
                    this.would("merge", _told_of_merge(len(doubles)), (front, *doubles))
                continue
            for changes in await self._merged(namespace, part):
                this.wrote("merge", _told_of_merge(_newly_at_rest(changes)), changes)

    async def _merged(
        self, namespace: Namespace, found: Sequence[tuple[Note, Sequence[Note]]]
    ) -> list[Changes]:
        """Merge these notes in one commit, each group as it stands by then."""
        ids: dict[str, None] = {}
        for front, doubles in found:
            for note in (front, *doubles):
                ids |= dict.fromkeys((note.id, *note.linked_ids()))
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            state = dict(fresh)
            made: list[Changes] = []
            for front, doubles in found:
                members = [state[note.id] for note in (front, *doubles) if note.id in state]
                for first, others in merge.groups(members):
                    linked = {
                        each: state[each] for note in members for each in note.linked_ids() if each in state
                    }
                    changes = merge.merge(first, others, linked, now)
                    if changes is not None:
                        made.append(changes)
                        state |= {note.id: note for note in changes.notes}
            return made

        return await self._writer.commit(namespace, ids, step)

    # --- fade ------------------------------------------------------------------------------------

    async def _fade(self, this: Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Let weak notes rest."""
        now = self._writer.clock()
        weak = [row["id"] for row in rows if self._is_weak(row, now)]
        for start in range(0, len(weak), BATCH):
            ids = weak[start : start + BATCH]
            if this.dry_run:
                for note in (await self._writer.store.notes(namespace, ids)).values():
                    this.would("fade", _told_of_rest(strength(note, now, self._half_lives)), [note])
                continue

            def step(fresh: dict[str, Note]) -> list[Changes]:
                made: list[Changes] = []
                for note in fresh.values():
                    left = strength(note, now, self._half_lives)
                    if note.forgotten_at is None and note.rested_at is None and left < WEAK:
                        made.append(rest(note, now, _told_of_rest(left)))
                return made

            for changes in await self._writer.commit(namespace, ids, step):
                this.wrote("fade", changes.note.history[-1].reason, changes)

    def _is_weak(self, row: Mapping[str, Any], now: Any) -> bool:
        """Whether a note is weak, and may rest: it holds no data, and no judge has still to look at it."""
        if row["resting"] or row["typed"] or row["waiting"]:
            return False
        met = max(row["met_at"], row["last_used_at"] or row["met_at"])
        standing = Standing(row["kind"], row["trust"], met, row["times_said"] - 1, row["uses"], row["helped"])
        return strength_of(standing, now, self._half_lives) < WEAK


def _told_of_merge(count: int) -> str:
    return f"{count} more {'says' if count == 1 else 'say'} the same"


def _told_of_rest(left: float) -> str:
    return f"its strength is {left:.2f}"


def _newly_at_rest(changes: Changes) -> int:
    return sum("rested_at" in note.history[-1].after for note in changes.touched)
