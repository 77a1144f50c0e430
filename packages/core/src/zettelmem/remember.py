"""New notes: drafts -> notes -> neighbours -> decisions -> one commit; then what a model says of them."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from .decisions import Changes, Decision, Remembered
from .drafts import Draft
from .errors import ConflictError
from .intake import Intake
from .judge import DESCRIBED, Judge, Judging, Sitting
from .limits import MAX_LINKS
from .linking import evolve, rules
from .namespace import Namespace
from .neighbours import Plan, look_around, numbered
from .note import Note, Pending, Shown, keyed_id, random_id
from .revise import Revise
from .store import IdTaken
from .values import build
from .work import Work, windows
from .writer import Writer, remembered

TRIES = 8
"""How often a write is begun again because somebody stored the same keys meanwhile."""


class Remember:
    """Makes notes of drafts and links them.

    Args:
        writer: what commits.
        revise: what a key that is known already is handed to.
        judging: who decides about links.
        work: what asks a model about notes that are stored.
        intake: what marks likely secrets.
        k: how many neighbours are looked at.
    """

    def __init__(
        self, writer: Writer, revise: Revise, judging: Judging, work: Work, intake: Intake, k: int
    ) -> None:
        self._writer = writer
        self._work = work
        self._revise = revise
        self._judging = judging
        self._intake = intake
        self._k = k

    async def remember(self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge) -> list[Remembered]:
        """Drafts of one batch, no key twice, as notes in one commit; known keys are revised or left."""
        for _ in range(TRIES):
            known = await self._known(drafts, namespace)
            new = [draft for draft in drafts if draft.key not in known]
            try:
                made = iter(await self._remember_new(new, namespace, judge) if new else ())
            except IdTaken:
                continue  # somebody stored the same key meanwhile, or two random ids met
            results: list[Remembered] = []
            for draft in drafts:
                again = draft.key is not None and draft.key in known
                results.append(
                    await self._revise.again(known[draft.key], draft) if again and draft.key else next(made)
                )
            return results
        raise ConflictError(f"others kept storing the same keys through {TRIES} attempts; try again later")

    async def _known(self, drafts: Sequence[Draft], namespace: Namespace) -> dict[str, Note]:
        """The notes that are there already under the keys of these drafts, forgotten ones too."""
        ids = {keyed_id(namespace, draft.key): draft.key for draft in drafts if draft.key}
        rows = await self._writer.store.rows(namespace, ids)
        return {ids[note_id]: row.note for note_id, row in rows.items()}

    async def _remember_new(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge
    ) -> list[Remembered]:
        now = self._writer.clock()
        plans = await self._construct(drafts, namespace, now)
        texts: list[str] = []
        for plan in plans:
            texts += plan.note.content, plan.note.description
        vectors = await self._writer.embedding.documents(texts, {})
        search = await self._writer.store.search(namespace)
        await look_around(search, plans, vectors, self._k)
        lease = self._work.lease(now) if judge == "model" and self._judging.ready(now) else {}
        ids: list[str] = []
        for plan in plans:
            ids += [plan.note.id, *dict(plan.near)]
            ids += [plan.previous] if plan.previous else []
        changes = await self._writer.commit(
            namespace, ids, lambda fresh: self._step(plans, fresh, judge, now, lease), vectors, search
        )
        made = [remembered(each, plan.neighbours) for plan, each in zip(plans, changes, strict=True)]
        return await self._judged(made, changes) if judge == "model" else made

    async def _judged(self, made: Sequence[Remembered], changes: Sequence[Changes]) -> list[Remembered]:
        """What a model that is asked at once makes of notes that are stored already."""
        last = {note.id: note for each in changes for note in each.notes}
        held = [last[each.note.id] for each in made if each.note.pending and each.note.pending.holder]
        done: dict[str, Remembered] = {}
        for window in windows(held):
            sitting = Sitting(window[0].namespace, self._writer.clock())
            done |= {each.note.id: each for each in await self._work.finish(window, "model", sitting)}
        judged: list[Remembered] = []
        for each in made:
            after = done.get(each.note.id)
            if after is not None:
                evolved = tuple(dict.fromkeys((*each.evolved, *after.evolved)))
                each = after.model_copy(update={"change": each.change, "evolved": evolved})
            judged.append(each)
        return judged

    async def _construct(self, drafts: Sequence[Draft], namespace: Namespace, now: datetime) -> list[Plan]:
        """Drafts as notes: what the caller left out comes from the rules."""
        last: dict[str, Note | None] = {}
        threads = dict.fromkeys(draft.thread for draft in drafts if draft.thread)
        if threads:
            search = await self._writer.store.search(namespace)
            for thread in threads:
                last[thread] = await search.last_of_thread(thread)
        plans: list[Plan] = []
        for place, draft in enumerate(drafts):
            previous = last.get(draft.thread) if draft.thread else None
            asked = tuple(name for name in DESCRIBED if getattr(draft, name) is None)
            made: dict[str, Any] = dict(rules.construct(draft.content, draft.source, previous))
            fields: dict[str, Any] = {name: made[name] for name in asked}
            note = self._note(draft, fields, namespace, previous, now, place)
            plans.append(Plan(note, previous.id if previous else None, asked=asked))
            if draft.thread:
                last[draft.thread] = note
        return plans

    def _note(
        self,
        draft: Draft,
        fields: Mapping[str, Any],
        namespace: Namespace,
        previous: Note | None,
        now: datetime,
        place: int,
    ) -> Note:
        note_id = keyed_id(namespace, draft.key) if draft.key else random_id(secrets.token_bytes(6))
        given = {name: value for name, value in draft if value is not None}
        made = {
            "id": note_id,
            "namespace": namespace,
            "position": previous.position + 1 if previous else 0,
            "occurred_at": draft.occurred_at or now,
            "recorded_at": now + timedelta(microseconds=place),
        }
        note = build(Note, {**given, **fields, **made})
        tags = self._intake.flagged(note.tags, note.content, note.context, note.data)
        return note if tags == note.tags else note.model_copy(update={"tags": tags})

    def _step(
        self,
        plans: Sequence[Plan],
        fresh: dict[str, Note],
        judge: Judge,
        now: datetime,
        lease: Mapping[str, Any],
    ) -> list[Changes]:
        """What the plans change, one after the other, each on what those before it made. Pure."""
        state = dict(fresh)
        stored: dict[str, str] = {}
        made: list[Changes] = []
        for plan in plans:
            if plan.note.id in state:
                raise IdTaken(plan.note.id)
            previous = state.get(stored.get(plan.previous or "", plan.previous or ""))
            changes = self._played(plan, previous, state, judge, now, lease)
            stored[plan.note.id] = changes.note.id
            state |= {note.id: note for note in changes.notes}
            made.append(changes)
        return made

    def _played(
        self,
        plan: Plan,
        previous: Note | None,
        state: Mapping[str, Note],
        judge: Judge,
        now: datetime,
        lease: Mapping[str, Any],
    ) -> Changes:
        note = plan.note
        if previous is not None and previous.thread != note.thread:
            previous = None  # the words before were said before, in another thread
        if previous is not None and (previous.forgotten_at is not None or len(previous.links) >= MAX_LINKS):
            previous = None
        near = [(state[note_id], cosine) for note_id, cosine in plan.near if note_id in state]
        same = next((other for other, _ in near if evolve.repeats(note, other)), None)
        if same is not None:
            return evolve.repeat(same, note, now)
        neighbours = numbered((other, cosine) for other, cosine in near if other.forgotten_at is None)
        decision = Decision() if judge in ("ask", "none") else self._judging.by_rules(note, neighbours)
        if judge == "ask":
            plan.neighbours = neighbours
            pending = Pending(reason="waiting for `connect`", fields=plan.asked)
            note = _shown(plan).model_copy(update={"pending": pending})
        if judge in ("model", "later") and self._judging.worth_asking(note, neighbours, decision):
            note = note.model_copy(update={"pending": self._work.owed(plan.asked, lease)})
        return evolve.remember(note, previous, [each.note for each in neighbours], decision, now)


def _shown(plan: Plan) -> Note:
    """The note with its neighbours as its own commit leaves them: the note before it gains a link."""
    shown: list[Shown] = []
    for each in plan.neighbours:
        gains = each.note.id == plan.previous
        shown.append(Shown(id=each.note.id, revision=each.note.revision + gains))
    return plan.note.model_copy(update={"shown": tuple(shown)})
