"""Upkeep of notes: what was used is counted, doubles become one, questions are asked, what is weak rests."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from zettelmem.decisions import Changes
from zettelmem.drafts import Draft
from zettelmem.errors import ConflictError, DecisionRefused, InvalidInput, NotFound, StoreError
from zettelmem.intake import Intake
from zettelmem.judge import Judge
from zettelmem.limits import BATCH
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation, random_id
from zettelmem.protocols import LanguageModel
from zettelmem.queries import Filter
from zettelmem.revise import Revise
from zettelmem.store.uses import Use, together
from zettelmem.values import build
from zettelmem.writer import Writer, alive

from . import distil, merge, prompts, settle
from .purse import Purse
from .report import Done, Proposal, Step, UpkeepReport
from .rest import rest, wake
from .strength import WEAK, Standing, strength, strength_of

logger = logging.getLogger(__name__)
WAITING = 64
"""Notes whose uses wait for a write at most."""
MOST_PROPOSALS = 20
"""Questions of one kind that one round leaves to whoever judges."""
LOOKED_AT = 200
"""Notes, the newest first, around which one round looks for insights."""
TOGETHER = 32
"""Merges of one commit."""
CALLS_A_NOTE = 2
"""Calls that a model needs at most for a note that is pending."""
TOKENS_A_CALL = 1_000
"""About the tokens of such a call."""
_COLUMNS = [
    "id", "kind", "trust", "met_at", "times_said", "uses", "helped", "last_used_at", "recorded_at", "gist",
    "resting", "typed", "waiting", "newer", "disputed", "founds",
]  # fmt: skip


class _Round:
    """One round of upkeep while it goes on."""

    def __init__(self, purse: Purse, judge: Judge, *, dry_run: bool) -> None:
        self.purse = purse
        self.judge = judge
        self.dry_run = dry_run
        self.done: list[Done] = []
        self.proposals: list[Proposal] = []
        self.problems: list[str] = []
        self.pending = 0

    def wrote(self, step: Step, told: str, changes: Changes) -> None:
        """Something was written."""
        notes = tuple(note.id for note in changes.notes)
        self.done.append(Done(step=step, notes=notes, told=told, change=changes.id))

    def would(self, step: Step, told: str, notes: Iterable[Note]) -> None:
        """Something would be written."""
        self.done.append(Done(step=step, notes=tuple(note.id for note in notes), told=told))

    def report(self) -> UpkeepReport:
        """What came of it."""
        problems = [*self.problems, *([self.purse.problem] if self.purse.problem else [])]
        return UpkeepReport(
            changes=tuple(self.done),
            proposals=tuple(self.proposals),
            pending=self.pending,
            calls=self.purse.spent_calls,
            tokens=self.purse.spent_tokens,
            problems=tuple(problems),
            dry_run=self.dry_run,
        )


class Upkeep:
    """Counts uses, and takes care of notes while nobody waits.

    Args:
        writer: what commits.
        revise: what finishes pending notes.
        intake: what the words of insights have to pass.
        model: a language model that judges; None leaves questions to the caller.
        timeout: seconds that one call of it may take.
        half_lives: by kind; see `strength`.
    """

    def __init__(
        self,
        writer: Writer,
        revise: Revise,
        intake: Intake,
        model: LanguageModel | None,
        timeout: float,
        half_lives: Mapping[str, timedelta],
    ) -> None:
        self._writer = writer
        self._revise = revise
        self._intake = intake
        self._model = model
        self._timeout = timeout
        self._half_lives = half_lives
        self._one_at_a_time = asyncio.Lock()
        self._tells_nothing: set[frozenset[str]] = set()

    # --- uses ------------------------------------------------------------------------------------

    async def used(self, ids: Sequence[str], space: Namespace, *, helped: bool) -> tuple[str, ...]:
        """Count one use of each of these notes, and wake those that rest; the ids that were counted."""
        store = self._writer.store
        rows = await store.rows(space, ids)
        notes = [row.note for row in rows.values() if row.note.forgotten_at is None]
        now = self._writer.clock()
        new = {note.id: Use(note.namespace, 1, int(helped), now) for note in notes}
        store.uses = together(store.uses, new)
        for namespace in dict.fromkeys(note.namespace for note in notes if note.rested_at is not None):
            sleeping = [
                note.id for note in notes if note.rested_at is not None and note.namespace == namespace
            ]

            def step(fresh: dict[str, Note]) -> list[Changes]:
                return [
                    wake(note, now) for note in fresh.values() if note.rested_at and not note.forgotten_at
                ]

            await self._writer.commit(namespace, sleeping, step)
        if len(store.uses) >= WAITING:
            await self.flush()
        return tuple(new)

    async def flush(self) -> None:
        """Write the uses that wait."""
        if self._writer.store.uses:
            await self._writer.commit((), (), lambda _: [])

    async def close(self) -> None:
        """Write the uses that wait, as far as the store can be written."""
        try:
            await self.flush()
        except StoreError as error:  # a count is not worth a failed goodbye
            logger.warning("the uses of %d notes were not written: %s", len(self._writer.store.uses), error)

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
        asked = self._model if judge == "model" and not dry_run else None
        this = _Round(Purse(asked, calls, tokens, self._timeout), judge, dry_run=dry_run)
        work = {"settle": self._settle, "merge": self._merge, "distil": self._distil, "fade": self._fade}
        async with self._one_at_a_time:
            if not dry_run:
                await self.flush()
            if "settle" in steps:
                await self._finish(this, space)
            spaces = await self._writer.store.namespaces(Filter(namespace=space))
            total, finished = len(spaces) * len(steps), 0
            for namespace in spaces:
                for step in steps:
                    # Each step reads what the one before it wrote.
                    await work[step](this, namespace, await self._columns(namespace))
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

    async def _notes(self, namespace: Namespace, ids: Iterable[str]) -> dict[str, Note]:
        return await self._writer.store.notes(namespace, ids)

    # --- settle ----------------------------------------------------------------------------------

    async def _finish(self, this: _Round, space: Namespace) -> None:
        """Let the judge look at pending notes, as far as its budget goes."""
        sight = Filter(namespace=space, pending=True)
        waiting = len(await self._writer.store.order(sight))
        if waiting and not this.dry_run and this.judge in ("model", "offline"):
            by_model = this.judge == "model"
            limit = this.purse.left // CALLS_A_NOTE if by_model else None
            done = await self._revise.finish_all(space, this.judge, limit, None)
            if by_model:
                tried = min(waiting, limit or 0)
                this.purse.paid(CALLS_A_NOTE * tried, CALLS_A_NOTE * TOKENS_A_CALL * tried)
            for each in done:
                notes = (each.note.id,)
                told = "a judge looked at it"
                this.done.append(Done(step="settle", notes=notes, told=told, change=each.change))
            waiting -= len(done)
        this.pending = waiting

    async def _settle(self, this: _Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask which of two notes holds: where one may be the later word, and where they contradict."""
        open_ids = [row["id"] for row in rows if row["newer"] or row["disputed"]]
        older = await self._notes(namespace, open_ids)
        later = [each for note in older.values() for each in note.linked_ids() if each not in older]
        notes = older | await self._notes(namespace, later)
        newer = settle.newest_alone(settle.open_pairs(notes, Relation.UPDATES))
        against = list(settle.open_pairs(notes, Relation.CONTRADICTS))
        for pair in newer[-MOST_PROPOSALS:]:
            await self._ask_which(this, *pair, "newer", settle.NEWER)
        for pair in against[-MOST_PROPOSALS:]:
            await self._ask_which(this, *pair, "contradiction", settle.CONTRADICTION)

    async def _ask_which(
        self, this: _Round, first: Note, second: Note, about: Any, answers: tuple[settle.Answer, ...]
    ) -> None:
        prompt = prompts.which_holds(first, second)
        choice = await this.purse.ask(prompts.WHICH_HOLDS, prompt, prompts.Choice)
        if choice is not None and choice.holds in answers:
            try:
                changes = await self._settled(first, second, choice.holds)
            except (ConflictError, DecisionRefused, NotFound) as error:
                this.problems.append(str(error))
            else:
                this.wrote("settle", _told_of(choice.holds), changes)
            return
        question = f"{prompts.WHICH_HOLDS}\n\n{prompt}"
        ids = (first.id, second.id)
        this.proposals.append(
            Proposal(step="settle", about=about, notes=ids, question=question, answers=answers)
        )

    async def _settled(self, first: Note, second: Note, answer: settle.Answer) -> Changes:
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            return [settle.settle(alive(fresh, first.id), alive(fresh, second.id), answer, now)]

        return (await self._writer.commit(first.namespace, [first.id, second.id], step))[0]

    # --- merge -----------------------------------------------------------------------------------

    async def _merge(self, this: _Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Let notes that say the same become one."""
        alike: dict[int, list[str]] = {}
        for row in rows:
            if row["gist"] and not (row["resting"] or row["typed"] or row["waiting"]):
                alike.setdefault(row["gist"], []).append(row["id"])
        several = [ids for ids in alike.values() if len(ids) > 1]
        found: list[tuple[Note, list[Note]]] = []
        for ids in several:
            found += merge.groups((await self._notes(namespace, ids)).values())
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

    # --- distil ----------------------------------------------------------------------------------

    async def _distil(self, this: _Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Ask what notes that belong together tell together."""
        fit = [row["id"] for row in rows if not (row["resting"] or row["waiting"] or row["founds"])]
        hubs = await self._notes(namespace, reversed(fit[-LOOKED_AT:]))
        around = {each for hub in hubs.values() for each in hub.linked_ids()} - hubs.keys()
        notes = hubs | await self._notes(namespace, sorted(around))
        taken: set[str] = set()
        asked = 0
        for hub in hubs.values():
            group = distil.group_around(hub, notes, taken)
            members = frozenset(note.id for note in group)
            if not group or members in self._tells_nothing:
                continue
            taken |= members
            asked += 1
            await self._ask_what(this, namespace, group)
            if asked == MOST_PROPOSALS:
                return

    async def _ask_what(self, this: _Round, namespace: Namespace, group: Sequence[Note]) -> None:
        prompt = prompts.insight(group)
        answer = await this.purse.ask(prompts.INSIGHT, prompt, prompts.Insight)
        if answer is None:
            ids = tuple(note.id for note in group)
            question = f"{prompts.INSIGHT}\n\n{prompt}"
            this.proposals.append(Proposal(step="distil", about="insight", notes=ids, question=question))
            return
        named = [group[number] for number in dict.fromkeys(answer.notes) if 0 <= number < len(group)]
        if not answer.insight or (answer.notes and len(named) < 2):
            self._tells_nothing.add(frozenset(note.id for note in group))
            return
        changes = await self._insight(namespace, answer.insight, named or list(group))
        this.wrote("distil", f"an insight from {len(named or group)} notes", changes)

    async def _insight(self, namespace: Namespace, content: str, sources: Sequence[Note]) -> Changes:
        """Write what these notes tell together."""
        draft = self._intake.checked(build(Draft, {"content": content}))
        note_id = random_id(secrets.token_bytes(6))
        now = self._writer.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            there = [alive(fresh, note.id) for note in sources]
            return [distil.insight(draft.content, there, namespace, note_id, now)]

        return (await self._writer.commit(namespace, [note_id, *(note.id for note in sources)], step))[0]

    # --- fade ------------------------------------------------------------------------------------

    async def _fade(self, this: _Round, namespace: Namespace, rows: list[dict[str, Any]]) -> None:
        """Let weak notes rest."""
        now = self._writer.clock()
        weak = [row["id"] for row in rows if self._is_weak(row, now)]
        for start in range(0, len(weak), BATCH):
            ids = weak[start : start + BATCH]
            if this.dry_run:
                for note in (await self._notes(namespace, ids)).values():
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

    # --- proposals -------------------------------------------------------------------------------

    async def decide(self, proposal: Proposal, answer: str, space: Namespace) -> Done:
        """Do what the answer to a proposal says.

        Raises:
            NotFound: one of its notes is not there any more.
            InvalidInput: that is no answer to it.
        """
        notes = await self._notes(space, proposal.notes)
        found = [alive(notes, each) for each in proposal.notes]
        if len({note.namespace for note in found}) != 1:
            raise InvalidInput("the notes are of several namespaces; give a proposal as upkeep made it")
        if proposal.about == "insight":
            if not answer.strip():
                self._tells_nothing.add(frozenset(proposal.notes))
                return Done(step="distil", notes=proposal.notes, told="they tell nothing together")
            changes = await self._insight(found[0].namespace, answer, found)
            told = f"an insight from {len(found)} notes"
        else:
            allowed = settle.NEWER if proposal.about == "newer" else settle.CONTRADICTION
            chosen = next((each for each in allowed if each == answer), None)
            if chosen is None or len(found) != 2:
                raise InvalidInput(f"the answer is {answer!r}; give one of {', '.join(allowed)}")
            changes = await self._settled(found[0], found[1], chosen)
            told = _told_of(chosen)
        ids = tuple(note.id for note in changes.notes)
        return Done(step=proposal.step, notes=ids, told=told, change=changes.id)


def _told_of(answer: settle.Answer) -> str:
    return {"first": "the first holds", "second": "the second holds", "both": "both hold"}[answer]


def _told_of_merge(count: int) -> str:
    return f"{count} more {'says' if count == 1 else 'say'} the same"


def _told_of_rest(left: float) -> str:
    return f"its strength is {left:.2f}"


def _newly_at_rest(changes: Changes) -> int:
    return sum("rested_at" in note.history[-1].after for note in changes.touched)
