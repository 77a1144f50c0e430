"""From drafts to one commit: drafts -> notes -> neighbours -> decisions -> commit. And every other write."""

from __future__ import annotations

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
from .errors import ConflictError, InvalidInput, NotFound
from .judge import DESCRIBED, Judge, Judging
from .language.secrets import kinds_in, redacted
from .language.words import name_in, names, plain, topics
from .limits import MAX_LINKS, MAX_WORDS
from .linking import evolve, rules
from .namespace import Namespace
from .note import KINDS, Note, Pending, Relation, Shown, keyed_id, random_id
from .protocols import Vectors
from .queries import Filter
from .ranking.names import Names
from .store import IdTaken, Step, Store, Upkeep
from .values import build

TRIES = 8
"""How often a write is begun again because somebody stored the same keys meanwhile."""
MAX_NAMES = 8
"""Names in a content by which other notes are looked up."""
SAYING = frozenset({"content", "data", "occurred_at", "invalid_at", "forgotten_at"})
"""The fields by which it is told whether a key was remembered again with something new."""


Secrets = Literal["allow", "flag", "redact", "refuse"]
"""What is done with likely secrets: nothing, a tag, taking them out, or not storing the note."""
SECRET = "secret"
"""The tag of notes that hold one."""


@dataclass
class _Plan:
    """One new note on its way into the store.

    Attributes:
        note: as it is constructed.
        previous: the id of the note before it in its thread.
        near: the neighbours that it is compared with, and the cosine of each.
        decision: what a model decided about `neighbours`; None where the rules decide on fresh notes.
        neighbours: those that were numbered for a model or for the caller.
    """

    note: Note
    previous: str | None
    near: list[tuple[str, float]] = field(default_factory=list)
    decision: Decision | None = None
    neighbours: list[Neighbour] = field(default_factory=list)


class Remember:
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
        self._upkeep = Upkeep(store)

    async def close(self) -> None:
        """Wait for what runs in the background."""
        await self._upkeep.close()

    # --- drafts ----------------------------------------------------------------------------------

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

    # --- remember --------------------------------------------------------------------------------

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
                    await self._remember_again(known[draft.key], draft) if again and draft.key else next(made)
                )
            return results
        raise ConflictError(f"others kept storing the same keys through {TRIES} attempts; try again later")

    async def _known(self, drafts: Sequence[Draft], namespace: Namespace) -> dict[str, Note]:
        """The notes that are there already under the keys of these drafts, forgotten ones too."""
        ids = {keyed_id(namespace, draft.key): draft.key for draft in drafts if draft.key}
        rows = await self.store.rows(namespace, ids)
        return {ids[note_id]: row.note for note_id, row in rows.items()}

    async def _remember_new(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge
    ) -> list[Remembered]:
        now = self.clock()
        plans = await self._construct(drafts, namespace, judge, now)
        texts = [text for plan in plans for text in (plan.note.content, plan.note.description)]
        vectors = await self.embedding.documents(texts, {})
        await self._look_around(plans, vectors, namespace)
        if judge in ("ask", "model"):
            await self._ask(plans[0] if judge == "model" else None, plans, namespace, judge)
        ids = [note_id for plan in plans for note_id, _ in plan.near]
        ids += [plan.note.id for plan in plans]
        ids += [plan.previous for plan in plans if plan.previous]
        changes = await self.commit(
            namespace, ids, lambda fresh: self._step(plans, fresh, judge, now), vectors
        )
        return [remembered(each, plan.neighbours) for plan, each in zip(plans, changes, strict=True)]

    async def _construct(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge, now: datetime
    ) -> list[_Plan]:
        """Drafts as notes: what the caller left out comes from the model or the rules."""
        last: dict[str, Note | None] = {}
        search = await self.store.search(namespace)
        for thread in dict.fromkeys(draft.thread for draft in drafts if draft.thread):
            last[thread] = await search.last_of_thread(thread)
        plans: list[_Plan] = []
        for place, draft in enumerate(drafts):
            previous = last.get(draft.thread) if draft.thread else None
            fields, pending = await self.judging.describe(draft, previous, judge, now)
            note = self._note(draft, fields, pending, namespace, previous, now, place)
            plans.append(_Plan(note, previous.id if previous else None))
            if draft.thread:
                last[draft.thread] = note
        return plans

    def _note(
        self,
        draft: Draft,
        fields: Mapping[str, Any],
        pending: Pending | None,
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
            "pending": pending,
        }
        note = build(Note, {**given, **fields, **made})
        tags = self.flagged(note.tags, note.content, note.context, note.data)
        return note if tags == note.tags else note.model_copy(update={"tags": tags})

    # --- neighbours ------------------------------------------------------------------------------

    async def _look_around(
        self, plans: Sequence[_Plan], vectors: Mapping[str, Vectors], namespace: Namespace
    ) -> None:
        """Find each plan's neighbours, in the store and earlier in the batch: by meaning, and by names."""
        own = np.stack([vectors[plan.note.content] for plan in plans])
        sight = Filter(namespace=namespace, exact=True)
        search = await self.store.search(namespace)
        by_meaning = await search.nearest(sight, own, self.k)
        texts = [_names_told(plan.note) for plan in plans]
        by_name = await search.worded(sight, texts, own, self.k)
        alike = own @ own.T
        earlier = _Earlier()
        for place, plan in enumerate(plans):
            in_batch = [(plans[other].note.id, float(alike[place, other])) for other in range(place)]
            near = sorted([*by_meaning[place], *in_batch], key=lambda pair: -pair[1])[: self.k]
            named = [*by_name[place], *(in_batch[other] for other in earlier.named_with(plan.note))]
            plan.near = list((dict(near) | dict(named[-self.k :])).items())
            earlier.add(plan.note)

    async def _ask(
        self, asked: _Plan | None, plans: Sequence[_Plan], namespace: Namespace, judge: Judge
    ) -> None:
        """Number the neighbours of each plan for whoever decides, and let a model decide about its one."""
        ids = (note_id for plan in plans for note_id, _ in plan.near)
        state = await self.store.notes(namespace, ids)
        for plan in plans:
            around = [(state[note_id], cosine) for note_id, cosine in plan.near if note_id in state]
            plan.neighbours = numbered(around)
            state[plan.note.id] = plan.note
        if asked is not None:
            asked.decision, problem = await self.judging.decide(asked.note, asked.neighbours, judge)
            if problem and asked.note.pending is None:
                asked.note = asked.note.model_copy(update={"pending": Pending(reason=problem)})

    # --- decisions -------------------------------------------------------------------------------

    def _step(
        self, plans: Sequence[_Plan], fresh: dict[str, Note], judge: Judge, now: datetime
    ) -> list[Changes]:
        """What the plans change, one after the other, each on what those before it made. Pure."""
        state = dict(fresh)
        stored: dict[str, str] = {}
        made: list[Changes] = []
        for plan in plans:
            if plan.note.id in state:
                raise IdTaken(plan.note.id)
            previous = state.get(stored.get(plan.previous or "", plan.previous or ""))
            changes = self._played(plan, previous, state, judge, now)
            stored[plan.note.id] = changes.note.id
            state |= {note.id: note for note in changes.notes}
            made.append(changes)
        return made

    def _played(
        self, plan: _Plan, previous: Note | None, state: Mapping[str, Note], judge: Judge, now: datetime
    ) -> Changes:
        note = plan.note
        if previous is not None and previous.thread != note.thread:
            previous = None  # the words before were said before, in another thread
        if previous is not None and (previous.forgotten_at is not None or len(previous.links) >= MAX_LINKS):
            previous = None
        if plan.decision is not None:
            around, decision = _as_they_are(plan, plan.decision, state)
            return evolve.remember(note, previous, around, decision, now)
        near = [(state[note_id], cosine) for note_id, cosine in plan.near if note_id in state]
        same = next((other for other, _ in near if evolve.repeats(note, other)), None)
        if same is not None:
            return evolve.repeat(same, note, now)
        neighbours = numbered((other, cosine) for other, cosine in near if other.forgotten_at is None)
        if judge == "ask":
            plan.neighbours = neighbours
            note = _shown(plan)
        decision = self.judging.by_rules(note, neighbours) if judge == "offline" else Decision()
        return evolve.remember(note, previous, [each.note for each in neighbours], decision, now)

    # --- again -----------------------------------------------------------------------------------

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
            fresh = (await self.store.notes(note.namespace, [note.id])).get(note.id)
            if fresh is None or any(getattr(fresh, name) != value for name, value in fields.items()):
                raise
            # Somebody else remembered the very same meanwhile.
            return Remembered(note=fresh, change=fresh.history[-1].change, known=True)
        return Remembered(note=changes.note, change=changes.id)

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
        now = self.clock()
        (changes,) = await self.commit(
            note.namespace,
            [note.id, *note.linked_ids(), *await self._beyond(note)],
            lambda fresh: [evolve.revise(alive(fresh, note.id, gone=True), fields, now, reason)],
        )
        return changes

    async def around(self, note: Note) -> list[Neighbour]:
        """The nearest notes of one that is stored, numbered, nearest first.

        Raises:
            NotFound: it was erased meanwhile.
        """
        search = await self.store.search(note.namespace)
        row = (await search.rows([note.id])).get(note.id)
        if row is None:
            raise NotFound(f"note {note.id} was erased meanwhile")
        sight = Filter(namespace=note.namespace, exact=True)
        (found,) = await search.nearest(sight, row.content_vector[None], self.k + 1)
        state = await self.store.notes(note.namespace, (other for other, _ in found if other != note.id))
        near = [(state[other], cosine) for other, cosine in found if other in state]
        return numbered(near[: self.k])

    async def finish(self, note_id: str, namespace: Namespace, judge: Judge) -> Remembered | None:
        """Let the judge look at a pending note; None if it failed again or nothing is pending."""
        note = (await self.store.notes(namespace, [note_id])).get(note_id)
        if note is None or note.pending is None:
            return None
        now = self.clock()
        before = [x.target for x in note.links if x.relation is Relation.FOLLOWS and x.source == note.id]
        previous = (await self.store.notes(note.namespace, before[:1])).values()
        given: dict[str, Any] = {}
        for name in DESCRIBED:
            if name not in note.pending.fields:
                given[name] = getattr(note, name)
        said = {"content": note.content, "source": note.source, "occurred_at": note.occurred_at}
        draft = build(Draft, said | given)
        fields, still = await self.judging.describe(draft, next(iter(previous), None), judge, now)
        if still is not None:
            return None
        note = note.model_copy(update=fields)
        plan = _Plan(note, None)
        plan.neighbours = await self.around(note)
        decision, problem = await self.judging.decide(note, plan.neighbours, judge)
        if problem:
            return None

        def step(fresh: dict[str, Note]) -> list[Changes]:
            subject = fresh.get(note_id)
            if subject is None or subject.forgotten_at is not None or subject.revision != note.revision:
                return []  # forgotten or written meanwhile: what was thought is about another note
            around, kept = _as_they_are(plan, decision, fresh)
            return [evolve.apply(subject, around, kept, now, **fields)]

        ids = [note_id, *(each.note.id for each in plan.neighbours)]
        changes = await self.commit(note.namespace, ids, step)
        return remembered(changes[0], plan.neighbours) if changes else None

    async def _beyond(self, note: Note) -> list[str]:
        """The notes that follow those that follow `note`: they may be found by its words."""
        after = [x.source for x in note.links if x.relation is Relation.FOLLOWS and x.target == note.id]
        following = (await self.store.notes(note.namespace, after)).values()
        beyond: list[str] = []
        for each in following:
            beyond += [x.source for x in each.links if x.relation is Relation.FOLLOWS and x.target == each.id]
        return beyond

    # --- commit ----------------------------------------------------------------------------------

    async def commit(
        self,
        namespace: Namespace,
        ids: Iterable[str],
        step: Step,
        vectors: Mapping[str, Vectors] | None = None,
    ) -> list[Changes]:
        """Write what `step` makes of the fresh states of `ids`, and let upkeep look at what is due.

        Raises:
            ConflictError: the notes kept changing.
        """
        changes = await self.store.commit(namespace, ids, step, self._embed, vectors)
        self._upkeep.after(sum(len(each.notes) for each in changes))
        return changes

    async def _embed(self, texts: Iterable[str]) -> dict[str, Vectors]:
        return await self.embedding.documents(texts, {})

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

            done = await self.commit(note.namespace, ids, whole)
            if done:
                return done[0]
            ids |= absent
        raise ConflictError(f"note {note.id} kept being linked; try again later", (note.id,))


class _Earlier:
    """The earlier notes of a batch, by the names that they bear and by those that they say."""

    def __init__(self) -> None:
        self._names = Names()
        self._places: dict[str, int] = {}
        self._texts: list[str] = []
        self._sayers: dict[str, set[int]] = {}

    def add(self, note: Note) -> None:
        """Add the next note of the batch."""
        place = self._places[note.id] = len(self._texts)
        text = plain(note.content)
        self._texts.append(text)
        self._names.add(note.id, note.tags)
        for word in set(text.split()):
            self._sayers.setdefault(word, set()).add(place)

    def named_with(self, note: Note) -> list[int]:
        """The places of notes that say a name that `note` bears, or bear one that it says; in order."""
        places: set[int] = set()
        for name in filter(None, map(name_in, note.tags)):
            sayers = self._sayers.get(name.split()[0], set())
            places.update(place for place in sayers if name in self._texts[place])
        for bearers in self._names.said(note.content).values():
            places.update(self._places[note_id] for note_id in bearers)
        return sorted(places)


def _names_told(note: Note) -> str:
    """The names that a note says, and its tags that can name one thing: a class would bring all of it."""
    tags = {*note.tags} - {*topics(note.content)}
    return " ".join((*names(note.content)[:MAX_NAMES], *sorted(tags)))


def numbered(around: Iterable[tuple[Note, float]]) -> list[Neighbour]:
    """Notes with their cosine as numbered neighbours; those that can take no more links are left out."""
    room = [(note, cosine) for note, cosine in around if len(note.links) < MAX_LINKS]
    return [
        Neighbour.model_construct(number=number, note=note, similarity=cosine)
        for number, (note, cosine) in enumerate(room)
    ]


def _shown(plan: _Plan) -> Note:
    """The note with its neighbours as its own commit leaves them: the note before it gains a link."""
    shown = tuple(
        Shown(id=each.note.id, revision=each.note.revision + (each.note.id == plan.previous))
        for each in plan.neighbours
    )
    return plan.note.model_copy(update={"shown": shown})


def _as_they_are(plan: _Plan, decision: Decision, state: Mapping[str, Note]) -> tuple[list[Note], Decision]:
    """The plan's neighbours as they stand now, and a decision about those that are still there.

    A description decided on an outdated view is dropped, its link kept: the other writer wins.
    """
    kept: list[int] = []
    stale: list[int] = []
    for each in plan.neighbours:
        now = state.get(each.note.id)
        if now is None or now.forgotten_at is not None:
            continue
        kept.append(each.number)
        if now.revision != each.note.revision:
            stale.append(each.number)
    fitting = evolve.renumber(evolve.without(decision, stale), kept)
    return [state[plan.neighbours[number].note.id] for number in kept], fitting


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
    return Remembered(
        note=changes.note,
        change=changes.id,
        neighbours=tuple(neighbours),
        evolved=evolved,
        known=changes.note.history[-1].verb == "repeat",
    )
