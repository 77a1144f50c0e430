"""From drafts to one commit: construct, embed, look around, decide, write. And every other write."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel

from .decisions import Changes, Decision, Neighbour, Remembered
from .drafts import Draft, Fields
from .embedding import Embedding
from .errors import ConflictError, InvalidInput, NotFound, StoreError
from .judge import DESCRIBED, Judge, Judging
from .language.secrets import kinds_in, redacted
from .language.words import names, names_it, plain, topics
from .limits import MAX_LINKS, MAX_WORDS
from .linking import evolve, rules
from .namespace import Namespace
from .note import KINDS, Note, Pending, Relation, Shown, keyed_id, random_id
from .protocols import Vectors
from .queries import Filter
from .store import IdTaken, Step, Store, VectorsMissing, tend
from .values import build

logger = logging.getLogger(__name__)

TRIES = 8
"""How often a write is worked out again because the notes it stands on changed meanwhile."""
MAX_NAMES = 8
"""Names in a content by which other notes are looked up."""
SAYING = frozenset({"content", "data", "occurred_at", "invalid_at", "forgotten_at"})
"""The fields by which it is told whether a key was remembered again with something new."""
TEND_EVERY = 32
"""Rows written between two looks at the state of the indices."""


Secrets = Literal["allow", "flag", "redact", "refuse"]
"""What is done with likely secrets: nothing, a tag, taking them out, or not storing the note."""
SECRET = "secret"
"""The tag of notes that hold one."""


@dataclass
class _Plan:
    """One new note on its way into the store."""

    note: Note
    previous: str | None
    ranked: list[tuple[str, float]] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    decision: Decision = Decision()  # noqa: RUF009 - frozen


class Remembering:
    """Everything that writes notes.

    Args:
        store: where they are kept.
        embedding: what makes their vectors.
        judging: who describes them and decides.
        kinds: the application's own kinds.
        k: how many neighbours are looked at.
        secrets: what is done with likely secrets.
        clock: what time it is.
    """

    def __init__(
        self,
        store: Store,
        embedding: Embedding,
        judging: Judging,
        *,
        kinds: Mapping[str, type[BaseModel]],
        k: int,
        secrets: Secrets,
        clock: Callable[[], datetime],
    ) -> None:
        self.store = store
        self.embedding = embedding
        self.judging = judging
        self.kinds = dict(kinds)
        self.k = k
        self.secrets = secrets
        self.clock = clock
        self._written = 0
        self._upkeep: asyncio.Task[None] | None = None

    async def close(self) -> None:
        """Wait for what runs in the background."""
        if self._upkeep is not None:
            await self._upkeep

    def checked(self, draft: Draft) -> Draft:
        """The draft, with its `data` as the model of its kind wants it, and without secrets if so set."""
        if self.secrets in ("redact", "refuse"):
            draft = self._without_secrets(draft)
        if draft.kind is None or draft.kind in KINDS:
            return draft
        if draft.kind not in self.kinds:
            known = ", ".join((*KINDS, *self.kinds))
            raise InvalidInput(
                f"kind {draft.kind!r} is not registered; use one of {known}, or give "
                f"kinds={{{draft.kind!r}: YourModel}} to the memory"
            )
        data = build(self.kinds[draft.kind], draft.data or {}).model_dump(mode="json")
        return draft.model_copy(update={"data": data})

    def _without_secrets(self, draft: Draft) -> Draft:
        texts = {name: getattr(draft, name) for name in ("content", "context", "keywords", "tags", "data")}
        kinds = kinds_in(list(texts.values()))
        if not kinds:
            return draft
        if self.secrets == "refuse":
            raise InvalidInput(
                f"this looks like it holds a {' and a '.join(kinds)}, and this memory refuses secrets; leave "
                "it out, or keep it in a vault and remember where"
            )
        return build(Draft, {**dict(draft), **{name: redacted(value) for name, value in texts.items()}})

    def flagged(self, tags: tuple[str, ...], *texts: Any) -> tuple[str, ...]:
        """The tags, with one that tells of a likely secret in the texts, if that is wanted."""
        if self.secrets != "flag" or SECRET in tags or not kinds_in(list(texts)):
            return tags
        return (*tags[: MAX_WORDS - 1], SECRET)

    async def remember(self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge) -> list[Remembered]:
        """Drafts of one batch, no key twice, as notes in one commit; known keys are revised or left."""
        for _ in range(TRIES):
            ids = {draft.key: keyed_id(namespace, draft.key) for draft in drafts if draft.key}
            there = await self.store.get_to_change(ids.values(), forgotten=True)
            known = {key: there[note_id] for key, note_id in ids.items() if note_id in there}
            try:
                new = await self._remember_new(
                    [draft for draft in drafts if draft.key not in known], namespace, judge
                )
            except IdTaken:
                continue  # somebody stored the same key meanwhile, or two random ids met
            made = iter(new)
            return [
                await self._remember_again(known[draft.key], draft)
                if draft.key is not None and draft.key in known
                else next(made)
                for draft in drafts
            ]
        raise ConflictError(f"others kept storing the same keys through {TRIES} attempts; try again later")

    async def _remember_new(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge
    ) -> list[Remembered]:
        if not drafts:
            return []
        now = self.clock()
        plans = await self._construct(drafts, namespace, judge, now)
        vectors = await self.embedding.documents([text for plan in plans for text in _texts(plan.note)], {})
        state = await self._look_around(plans, vectors, namespace)
        seen = {note.description for note in state.values()}
        for plan in plans:
            await self._decide(plan, judge, state, now)
        changed = {note.description for note in state.values()} - seen
        vectors = await self.embedding.documents(changed, vectors)
        changes = await self.commit(state, lambda fresh: _play(plans, fresh, now), vectors)
        return [remembered(each, plan.neighbours) for plan, each in zip(plans, changes, strict=True)]

    async def _remember_again(self, note: Note, draft: Draft) -> Remembered:
        """The same key once more: nothing to do if it says the same, a revision if not.

        One that was forgotten is a new note, in the place of the old.
        """
        fields = {
            name: value for name in draft.model_fields_set if (value := getattr(draft, name)) is not None
        }
        fields = {name: fields[name] for name in Fields.__annotations__ if name in fields}
        fields |= {"data": draft.data, "forgotten_at": None}
        if "invalid_at" in draft.model_fields_set or note.forgotten_at is not None:
            fields["invalid_at"] = draft.invalid_at
        if note.forgotten_at is not None:
            now = self.clock()
            fields |= {"recorded_at": now, "occurred_at": draft.occurred_at or now}
        if SAYING.isdisjoint(name for name, value in fields.items() if getattr(note, name) != value):
            return Remembered(note=note, change=note.history[-1].change, known=True)
        try:
            changes = await self.revise(note, fields, "remembered again under the same key")
        except InvalidInput:
            fresh = (await self.store.get_to_change([note.id])).get(note.id)
            if fresh is None or any(getattr(fresh, name) != value for name, value in fields.items()):
                raise
            # Somebody else remembered the very same meanwhile.
            return Remembered(note=fresh, change=fresh.history[-1].change, known=True)
        return Remembered(note=changes.note, change=changes.id)

    async def _construct(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge, now: datetime
    ) -> list[_Plan]:
        """Drafts as notes: what the caller left out comes from the model or the rules."""
        last: dict[str, Note | None] = {}
        for thread in dict.fromkeys(draft.thread for draft in drafts if draft.thread):
            end = await self.store.last_of_thread(namespace, thread)
            last[thread] = (await self.store.get_to_change([end[0]])).get(end[0]) if end else None
        plans = []
        for place, draft in enumerate(drafts):
            previous = last.get(draft.thread) if draft.thread else None
            fields, pending = await self.judging.describe(draft, previous, judge, now)
            note_id = keyed_id(namespace, draft.key) if draft.key else random_id(secrets.token_bytes(5))
            note = build(
                Note,
                {
                    **{name: value for name, value in draft if value is not None},
                    **fields,
                    "id": note_id,
                    "namespace": namespace,
                    "position": previous.position + 1 if previous else 0,
                    "occurred_at": draft.occurred_at or now,
                    "recorded_at": now + timedelta(microseconds=place),
                    "pending": pending,
                },
            )
            tags = self.flagged(note.tags, note.content, note.context, note.data)
            if tags != note.tags:
                note = note.model_copy(update={"tags": tags})
            plans.append(_Plan(note, previous.id if previous else None))
            if draft.thread:
                last[draft.thread] = note
        return plans

    async def _look_around(
        self, plans: Sequence[_Plan], vectors: Mapping[str, Vectors], namespace: Namespace
    ) -> dict[str, Note]:
        """Rank each plan's neighbours, in the store and earlier in the batch; return the stored ones."""
        own = np.stack([vectors[plan.note.content] for plan in plans])
        sight = Filter(namespace=namespace, exact=True)
        alike = own @ own.T
        # A broad class would bring its whole class: only what can name one thing is looked up.
        told = [
            " ".join((*names(each.content)[:MAX_NAMES], *(set(each.tags) - set(topics(each.content)))))
            for each in (plan.note for plan in plans)
        ]
        found, worded = await asyncio.gather(
            self.store.nearest(sight, own, self.k), self.store.worded(sight, told, self.k)
        )
        said = [plain(plan.note.content) for plan in plans]
        for i, plan in enumerate(plans):
            before = [(plans[j].note.id, float(alike[i, j])) for j in range(i)]
            near = sorted([*found[i], *before], key=lambda x: -x[1])[: self.k]
            by_name = [(note_id, float(own[i] @ vector)) for note_id, vector in worded[i]]
            by_name += [
                before[j]
                for j in range(i)
                if any(names_it(said[j], tag) for tag in plan.note.tags)
                or any(names_it(said[i], tag) for tag in plans[j].note.tags)
            ]
            plan.ranked = list({**dict(near), **dict(by_name[-self.k :])}.items())
        ids = [note_id for plan in plans for note_id, _ in plan.ranked]
        ids += [plan.note.id for plan in plans]  # which are not there, and the commit need not look again
        return await self.store.get_to_change([*ids, *(plan.previous for plan in plans if plan.previous)])

    async def _decide(self, plan: _Plan, judge: Judge, state: dict[str, Note], now: datetime) -> None:
        """Let the judge decide about a plan, and play the decision on `state`."""
        around = [(state[note_id], cosine) for note_id, cosine in plan.ranked if note_id in state]
        plan.neighbours = numbered(around)
        if judge == "ask":
            plan.note = _shown(plan)
        else:
            plan.decision, problem = await self.judging.decide(plan.note, plan.neighbours, judge)
            if problem and plan.note.pending is None:
                plan.note = plan.note.model_copy(update={"pending": Pending(reason=problem)})
        _play([plan], state, now)

    async def revise(self, note: Note, fields: dict[str, Any], reason: str) -> Changes:
        """Fields of a note changed by its owner; new content gets new keywords and tags from the rules."""
        if "content" in fields or "kind" in fields or "data" in fields:
            draft = build(
                Draft,
                {
                    "content": fields.get("content", note.content),
                    "kind": fields.get("kind", note.kind),
                    "data": fields.get("data", note.data),
                },
            )
            draft = self.checked(draft)
            fields["data"] = draft.data
            if "content" in fields:
                fields["content"] = draft.content
            if draft.content != note.content:
                made = rules.construct(draft.content, note.source, None)
                fields = {"keywords": made["keywords"], "tags": made["tags"]} | fields
        checked = build(Note, {**dict(note), **fields})
        tags = self.flagged(checked.tags, checked.content, checked.context, checked.data)
        if tags != checked.tags:
            fields["tags"] = tags
            checked = checked.model_copy(update={"tags": tags})
        fields = {name: getattr(checked, name) for name in fields}
        vectors = await self.embedding.documents(_texts(checked), {})
        now = self.clock()
        (changes,) = await self.commit(
            [note.id, *note.linked_ids(), *await self._beyond(note)],
            lambda fresh: [evolve.revise(alive(fresh, note.id, gone=True), fields, now, reason)],
            vectors,
        )
        return changes

    async def around(self, note: Note) -> list[Neighbour]:
        """The nearest notes of one that is stored, numbered, nearest first.

        Raises:
            NotFound: it was erased meanwhile.
        """
        own = (await self.store.content_vectors([note.id])).get(note.id)
        if own is None:
            raise NotFound(f"note {note.id} was erased meanwhile")
        sight = Filter(namespace=note.namespace, exact=True)
        (found,) = await self.store.nearest(sight, own[None], self.k + 1)
        state = await self.store.get_to_change(other for other, _ in found if other != note.id)
        near = [(state[other], cosine) for other, cosine in found if other in state]
        return numbered(near[: self.k])

    async def finish(self, note_id: str, judge: Judge) -> Remembered | None:
        """Let the judge look at a pending note; None if it failed again or nothing is pending."""
        note = (await self.store.get_to_change([note_id])).get(note_id)
        if note is None or note.pending is None:
            return None
        now = self.clock()
        before = [x for x in note.links if x.relation is Relation.FOLLOWS and x.source == note.id]
        previous = (await self.store.get_to_change([x.target for x in before[:1]])).values()
        given: dict[str, Any] = {
            name: getattr(note, name) for name in DESCRIBED if name not in note.pending.fields
        }
        draft = build(
            Draft,
            {
                "content": note.content,
                "source": note.source,
                "occurred_at": note.occurred_at,
                **given,
            },
        )
        fields, still = await self.judging.describe(draft, next(iter(previous), None), judge, now)
        if still is not None:
            return None
        note = note.model_copy(update=fields)
        vectors = await self.embedding.documents([note.description], {})
        plan = _Plan(note, None)
        plan.neighbours = await self.around(note)
        state = [each.note.id for each in plan.neighbours]
        plan.decision, problem = await self.judging.decide(note, plan.neighbours, judge)
        if problem:
            return None

        def step(fresh: dict[str, Note]) -> list[Changes]:
            subject = fresh.get(note_id)
            if subject is None or subject.forgotten_at is not None or subject.revision != note.revision:
                return []  # forgotten or written meanwhile: what was thought is about another note
            around, decision = _fresh(plan, fresh)
            return [evolve.apply(subject, around, decision, now, **fields)]

        changes = await self.commit([note_id, *state], step, vectors)
        return remembered(changes[0], plan.neighbours) if changes else None

    async def _beyond(self, note: Note) -> list[str]:
        """The notes that follow those that follow `note`: they may be found by its words."""
        after = [x.source for x in note.links if x.relation is Relation.FOLLOWS and x.target == note.id]
        following = (await self.store.get_to_change(after)).values()
        return [
            x.source
            for each in following
            for x in each.links
            if x.relation is Relation.FOLLOWS and x.target == each.id
        ]

    async def commit(self, ids: Iterable[str], step: Step, vectors: Mapping[str, Vectors]) -> list[Changes]:
        """Write what `step` makes of the fresh states of `ids`, embedding what nobody foresaw.

        Raises:
            ConflictError: the notes kept changing.
        """
        for _ in range(TRIES):
            try:
                changes = await self.store.commit(ids, step, vectors)
            except VectorsMissing as missing:
                vectors = await self.embedding.documents(missing.texts, vectors)
            else:
                self._tend(sum(len(each.notes) for each in changes))
                return changes
        raise ConflictError(f"the notes kept changing through {TRIES} attempts; try again later", tuple(ids))

    async def commit_linked(
        self, note: Note, step: Callable[[dict[str, Note]], Changes], more: Sequence[str] = ()
    ) -> Changes:
        """Commit a step that needs every note the fresh one is linked with; they may grow meanwhile."""
        ids = {note.id, *note.linked_ids(), *more, *await self._beyond(note)}
        for _ in range(TRIES):
            absent: set[str] = set()

            def whole(
                fresh: dict[str, Note], ids: set[str] = ids, absent: set[str] = absent
            ) -> list[Changes]:
                absent |= set(alive(fresh, note.id, gone=True).linked_ids()) - ids
                return [] if absent else [step(fresh)]

            done = await self.commit(ids, whole, {})
            if done:
                return done[0]
            ids |= absent
        raise ConflictError(f"note {note.id} kept being linked; try again later", (note.id,))

    def _tend(self, written: int) -> None:
        """Refresh the indices in the background once enough was written since the last time."""
        self._written += written
        if self._written >= TEND_EVERY and (self._upkeep is None or self._upkeep.done()):
            self._written = 0
            self._upkeep = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            await tend(self.store)
        except StoreError as error:  # nobody waits for it, and the next write tries again
            logger.warning("upkeep failed and will be tried again: %s", error)


def _texts(note: Note) -> tuple[str, str]:
    return note.content, note.description


def numbered(around: Iterable[tuple[Note, float]]) -> list[Neighbour]:
    """Notes with their cosine as numbered neighbours; those that can take no more links are left out."""
    room = [(note, cosine) for note, cosine in around if len(note.links) < MAX_LINKS]
    return [Neighbour(number=i, note=note, similarity=cosine) for i, (note, cosine) in enumerate(room)]


def _shown(plan: _Plan) -> Note:
    """The note with its neighbours as its own commit leaves them: the note before it gains a link."""
    shown = tuple(
        Shown(id=each.note.id, revision=each.note.revision + (each.note.id == plan.previous))
        for each in plan.neighbours
    )
    return plan.note.model_copy(update={"shown": shown})


def _fresh(plan: _Plan, state: Mapping[str, Note]) -> tuple[list[Note], Decision]:
    """The plan's neighbours as they stand now, and its decision about those that are still there.

    A description decided on an outdated view is dropped, its link kept: the other writer wins.
    """
    kept = [
        each.number
        for each in plan.neighbours
        if each.note.id in state and state[each.note.id].forgotten_at is None
    ]
    stale = [
        n for n in kept if state[plan.neighbours[n].note.id].revision != plan.neighbours[n].note.revision
    ]
    decision = evolve.renumber(evolve.without(plan.decision, stale), kept)
    return [state[plan.neighbours[n].note.id] for n in kept], decision


def _play(plans: Sequence[_Plan], state: dict[str, Note], now: datetime) -> list[Changes]:
    """The plans one after the other on `state`, which they change."""
    made = []
    for plan in plans:
        if plan.note.id in state:
            raise IdTaken(plan.note.id)
        around, decision = _fresh(plan, state)
        previous = state.get(plan.previous or "")
        if previous is not None and (previous.forgotten_at is not None or len(previous.links) >= MAX_LINKS):
            previous = None
        changes = evolve.remember(plan.note, previous, around, decision, now)
        state |= {note.id: note for note in changes.notes}
        made.append(changes)
    return made


def alive(fresh: Mapping[str, Note], note_id: str, *, gone: bool = False) -> Note:
    """The fresh state of a note, refused if it was forgotten, unless `gone` allows that."""
    note = fresh.get(note_id)
    if note is None or (note.forgotten_at is not None and not gone):
        raise NotFound(f"note {note_id} was forgotten meanwhile")
    return note


def others(state: Mapping[str, Note], note_id: str) -> list[Note]:
    """All notes but one."""
    return [note for note in state.values() if note.id != note_id]


def remembered(changes: Changes, neighbours: Sequence[Neighbour] = ()) -> Remembered:
    """What a change made of its note, for the caller."""
    evolved = tuple(note.id for note in changes.touched if note.history[-1].after)
    return Remembered(note=changes.note, change=changes.id, neighbours=tuple(neighbours), evolved=evolved)
