"""What a judge still owes stored notes: taken in hand, asked about, applied or put off. Never twice.

A note that waits says so itself (`Note.pending`), so nothing is lost with a process. Whoever begins writes
down until when it has the note in hand, and applies the answer only if that still stands.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, get_args

from .decisions import Changes, Decision, Finished, Remembered
from .errors import InvalidInput
from .judge import Case, Judge, Judging, Sitting, Unanswered
from .linking import evolve, review
from .linking.decisions import fitting
from .linking.review import Review
from .namespace import Namespace
from .neighbours import Plan, as_they_are, look_around, numbered
from .note import Described, Note, Pending, Relation
from .queries import Filter
from .spending import Account
from .writer import Writer, remembered

WINDOW = 24
"""Notes that one question is about at most."""
MAX_TRIES = 5
"""Times that a model is tried; then the rules' word stands."""
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 720))
"""How long a note waits after its first try in vain, its second, and so on."""


@dataclass
class Outcome:
    """What came of the questions about one note: a decision, or why there is none.

    Attributes:
        fields: what the model said of the note itself.
        decision: None where the model gave none.
        problem: why, in words.
        tried: whether the model was asked.
        by_model: whether it is the model's word.
    """

    case: Case
    held: Pending
    fields: dict[str, Any]
    decision: Decision | None = None
    problem: str = ""
    tried: bool = False
    by_model: bool = False


class Work:
    """Finishes pending notes.

    Args:
        writer: what commits.
        judging: who decides.
        k: how many neighbours are looked at.
        reviewed: what of the model's word waits for a review.

    Raises:
        InvalidInput: `reviewed` is nothing of the kind.
    """

    def __init__(self, writer: Writer, judging: Judging, k: int, reviewed: Review = "none") -> None:
        if reviewed not in get_args(Review):
            raise InvalidInput(f"review is {reviewed!r}; use {', '.join(map(repr, get_args(Review)))}")
        self.reviewed = reviewed
        self._writer = writer
        self._judging = judging
        self._k = k

    @property
    def spent(self) -> Account:
        """What this process spent on the model so far."""
        return self._judging.ledger.total

    def owed(self, fields: Sequence[Described], lease: Mapping[str, Any]) -> Pending:
        """What a new note says that a model will be asked about. Pure."""
        asked = tuple(fields) if "describe" in self._judging.tasks else ()
        return Pending(reason="waiting for the model", fields=asked, **lease)

    def lease(self, now: datetime) -> dict[str, Any]:
        """The fields of `Pending` by which this process has a note in hand from now on."""
        return {"until": now + self._judging.lease, "holder": secrets.token_hex(8)}

    async def finish_all(
        self,
        namespace: Namespace,
        judge: Judge,
        limit: int | None,
        before: datetime | None,
        *,
        due: bool,
        dry_run: bool = False,
    ) -> Finished:
        """Let the judge look at pending notes, oldest first; those that are pending no more.

        Args:
            due: leave out notes that wait after a try in vain. What others have in hand is always left out.
            dry_run: ask nobody and write nothing; the notes that would be looked at, and the estimate.
        """
        now = self._writer.clock()
        order = await self._writer.store.order(Filter(namespace=namespace, pending=True))
        ids = [note_id for at, _, note_id in order if before is None or at < before]
        state = await self._writer.store.notes(namespace, ids)
        waiting = [state[note_id] for note_id in ids if note_id in state]
        await self._let_expire([note for note in waiting if not dry_run and _is_over(note.pending, now)])
        ready = [note for note in waiting if _is_free(note.pending, now, due=due)]
        finished = Finished()
        for window in windows(ready[:limit]):
            held = window if dry_run else await self._take(window)
            sitting = Sitting(window[0].namespace, self._writer.clock(), dry_run=dry_run)
            if dry_run:
                await self._asked(await self._looked_at(held), judge, sitting)
                finished += [Remembered(note=note, change=note.history[-1].change) for note in held]
            elif held:
                done = await self.finish(held, judge, sitting)
                finished += [each for each in done if _is_judged(each.note)]
            finished.spent += sitting.cost
        return finished

    async def _let_expire(self, over: Sequence[Note]) -> None:
        """Leave notes whose proposals nobody reviewed in time to the rules."""
        for note in over:

            def step(fresh: dict[str, Note], note_id: str = note.id) -> list[Changes]:
                now_is, now = fresh.get(note_id), self._writer.clock()
                if now_is is None or not _is_over(now_is.pending, now):
                    return []
                return [evolve.owe(now_is, None, now, reason="nobody reviewed it in time")]

            await self._writer.commit(note.namespace, [note.id], step)

    async def _take(self, notes: Sequence[Note]) -> list[Note]:
        """Those of the notes that are still free, now in this process's hand."""
        now = self._writer.clock()
        lease = self.lease(now)

        def step(fresh: dict[str, Note]) -> list[Changes]:
            taken: list[Changes] = []
            for note in notes:
                now_is = fresh.get(note.id)
                if now_is is None or now_is.forgotten_at is not None or now_is.pending is None:
                    continue
                if _is_free(now_is.pending, now, due=False):
                    pending = now_is.pending.model_copy(update=lease)
                    taken.append(evolve.owe(now_is, pending, now))
            return taken

        changes = await self._writer.commit(notes[0].namespace, [note.id for note in notes], step)
        return [each.note for each in changes]

    async def finish(self, notes: Sequence[Note], judge: Judge, sitting: Sitting) -> list[Remembered]:
        """Ask about notes of one namespace that this process has in hand, and write what came of it.

        Returns:
            One for each note that was not written by others meanwhile, pending still where the judge failed.
        """
        outcomes = await self._looked_at(notes)
        await self._asked(outcomes, judge, sitting)
        ids: list[str] = []
        for each in outcomes:
            ids += [each.case.note.id, *each.case.note.linked_ids()]
            ids += [neighbour.note.id for neighbour in each.case.neighbours]
        changes = await self._writer.commit(
            sitting.namespace, ids, lambda fresh: self._step(outcomes, fresh, sitting)
        )
        shown = {each.case.note.id: each.case.neighbours for each in outcomes}
        last = {each.note.id: each for each in changes if each.note.id in shown}
        evolved: dict[str, set[str]] = {}
        for change in changes:
            touched = {note.id for note in change.touched if note.history[-1].after}
            evolved.setdefault(change.note.id, set()).update(touched)
        costs = [sitting.cost, *[Account()] * len(last)]
        results: list[Remembered] = []
        for (note_id, change), cost in zip(last.items(), costs, strict=False):
            told = {"evolved": tuple(sorted(evolved[note_id])), "spent": cost}
            results.append(remembered(change, shown[note_id]).model_copy(update=told))
        return results

    # --- asking --------------------------------------------------------------------------------------

    async def _looked_at(self, notes: Sequence[Note]) -> list[Outcome]:
        """The notes with the older ones around them, as these stand without the rules' word."""
        namespace, store = notes[0].namespace, self._writer.store
        search = await store.search(namespace)
        rows = await search.rows(note.id for note in notes)
        notes = [note for note in notes if note.id in rows]
        plans = [Plan(note, None) for note in notes]
        vectors = {row.note.content: row.content_vector for row in rows.values()}
        if plans:
            await look_around(search, plans, vectors, self._k + len(plans))
        ids: set[str] = set()
        for plan in plans:
            ids.update(note_id for note_id, _ in plan.near)
            ids.update(plan.note.linked_ids())
        state = await store.notes(namespace, ids)
        outcomes: list[Outcome] = []
        for plan in plans:
            note = plan.note
            around = self._before(note, state)
            near = [(around[x], cosine) for x, cosine in plan.near if x in around and x != note.id]
            older = [(x, cosine) for x, cosine in near if x.recorded_at < note.recorded_at]
            previous = next((x.target for x in note.links if _leads_back(x.relation, x.source, note)), "")
            case = Case(note, state.get(previous), numbered(older[: 2 * self._k]))
            outcomes.append(Outcome(case, note.pending or Pending(reason=""), {}))
        return outcomes

    def _before(self, note: Note, state: Mapping[str, Note]) -> Mapping[str, Note]:
        """The notes as they stand without what the rules decided when `note` came."""
        back = evolve.take_back(note, _linked(note, state), self._writer.clock())
        return state if back is None else {**state, **{each.id: each for each in back.touched}}

    async def _asked(self, outcomes: Sequence[Outcome], judge: Judge, sitting: Sitting) -> None:
        """Fill in what the judge says; of a model that fails, what it said until then."""
        if judge == "offline":
            for each in outcomes:
                each.decision = self._judging.by_rules(each.case.note, each.case.neighbours)
            return
        cases = [each.case for each in outcomes]
        for each in outcomes:
            each.by_model = True
        try:
            for each, fields in zip(outcomes, await self._judging.describe(cases, sitting), strict=True):
                each.fields = fields
                each.case.note = each.case.note.model_copy(update=fields)
            for each, decision in zip(outcomes, await self._judging.decide(cases, sitting), strict=True):
                each.decision = decision
        except Unanswered as error:
            for each in outcomes:
                each.problem, each.tried = str(error), error.asked

    # --- writing -------------------------------------------------------------------------------------

    def _step(
        self, outcomes: Sequence[Outcome], fresh: Mapping[str, Note], sitting: Sitting
    ) -> list[Changes]:
        """What the outcomes change, one after the other, each on what those before it made. Pure."""
        state = dict(fresh)
        made: list[Changes] = []
        cost: Account | None = sitting.cost if sitting.cost.calls else None
        for each in outcomes:
            subject = state.get(each.case.note.id)
            if subject is None or subject.forgotten_at is not None or subject.pending != each.held:
                continue  # forgotten, or in other hands: what was thought is about another note
            if subject.content != each.case.note.content:
                continue
            for changes in self._written(each, subject, state, sitting.now, cost):
                state |= {note.id: note for note in changes.notes}
                made.append(changes)
            cost = None
        return made

    def _written(
        self, outcome: Outcome, note: Note, state: Mapping[str, Note], now: datetime, cost: Account | None
    ) -> Iterator[Changes]:
        """The changes that an outcome makes: the answer applied, or the note put off, or given up."""
        tries = outcome.held.tries + outcome.tried
        decision, reason, fields = outcome.decision, "", outcome.fields
        reviews_all = self.reviewed == "all" and outcome.by_model
        if decision is None and reviews_all:
            fields = {}  # what was half said is asked anew, for nothing of it may be shown unreviewed
        if decision is None and tries < MAX_TRIES:
            owed = () if fields else outcome.held.fields
            until = now + WAITS[min(tries, len(WAITS) - 1)]
            pending = Pending(reason=outcome.problem, fields=owed, tries=tries, until=until)
            yield evolve.owe(note, pending, now, cost=cost, **fields)
            return
        waiting: Pending | None = None
        if decision is None:
            reason = f"given up after {tries} tries: {outcome.problem}"[:500]
            decision = self._judging.by_rules(outcome.case.note, outcome.case.neighbours)
        elif outcome.by_model:
            waiting, decision = self._withheld(outcome, note, decision, now)
            if reviews_all:
                yield evolve.owe(note, waiting, now, cost=cost)
                return
        if not _stands(note, outcome.case, decision):
            back = evolve.take_back(note, _linked(note, state), now)
            if back is not None:
                yield back
                state = {**state, **{each.id: each for each in back.notes}}
                note = back.note
            around, kept = as_they_are(outcome.case.neighbours, decision, state)
            kept = fitting(note, around, kept)
        else:
            around, kept = [], Decision()
        yield evolve.apply(note, around, kept, now, cost=cost, reason=reason, pending=waiting, **fields)

    def _withheld(
        self, outcome: Outcome, note: Note, decision: Decision, now: datetime
    ) -> tuple[Pending | None, Decision]:
        """What of the model's word waits for a review, and the decision without that."""
        around = outcome.case.neighbours
        by_rules = self._judging.by_rules(outcome.case.note, around)
        waiting = review.withheld(self.reviewed, note, around, decision, by_rules, outcome.fields)
        if waiting is None:
            return None, decision
        kept = review.without(waiting, note, around, decision)
        return waiting.model_copy(update={"until": now + review.EXPIRES_AFTER}), kept


def windows(notes: Sequence[Note]) -> Iterator[list[Note]]:
    """Runs of notes of one namespace; one that was tried in vain is alone, so that it holds up none."""
    window: list[Note] = []
    for note in notes:
        alone = note.pending is not None and note.pending.tries > 0
        if window and (alone or len(window) == WINDOW or window[0].namespace != note.namespace):
            yield window
            window = []
        window.append(note)
        if alone:
            yield window
            window = []
    if window:
        yield window


def _is_free(pending: Pending | None, now: datetime, *, due: bool) -> bool:
    """Whether nobody has the note in hand; with `due` also whether it has waited long enough."""
    if pending is not None and pending.proposes:
        return False  # it waits for a person
    if pending is None or pending.until is None or pending.until <= now:
        return pending is not None
    return not pending.holder and not due


def _is_judged(note: Note) -> bool:
    """Whether no judge has still to look at a note; a person may."""
    return note.pending is None or note.pending.proposes


def _is_over(pending: Pending | None, now: datetime) -> bool:
    """Whether proposals were not reviewed in time."""
    return pending is not None and pending.proposes and pending.ended(now)


def _leads_back(relation: Relation, source: str, note: Note) -> bool:
    return relation is Relation.FOLLOWS and source == note.id


def _linked(note: Note, state: Mapping[str, Note]) -> dict[str, Note]:
    return {x: state[x] for x in note.linked_ids() if x in state}


def _stands(note: Note, case: Case, decision: Decision) -> bool:
    """Whether a decision is what the rules decided when the note came: then nothing is taken back."""
    arrival = note.history[0]
    own = {(x.target, x.relation) for x in arrival.linked if x.source == note.id and x in note.links}
    own = {pair for pair in own if pair[1] is not Relation.FOLLOWS}
    return own == {(case.neighbours[x.neighbour].note.id, x.relation) for x in decision.links}
