"""The one orchestration: text -> note -> neighbours -> decision -> one commit; query -> hits.

Every method is a few steps in order. What is decided is decided by the pure modules; what is read and
written, by the store.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, Unpack, get_args, overload

import numpy as np
from pydantic import BaseModel, JsonValue

from . import evolution, offline, prompts, ranking
from .errors import (
    ConflictError,
    DecisionRefused,
    InvalidInput,
    LimitExceeded,
    ModelError,
    NotFound,
    StoreError,
)
from .note import (
    ALPHABET,
    KINDS,
    MAX_LINKS,
    Changes,
    Decision,
    Described,
    Draft,
    Evolution,
    Filter,
    Graph,
    Hit,
    Link,
    Message,
    Namespace,
    Neighbour,
    Note,
    Page,
    Pending,
    Relation,
    Remembered,
    Shown,
    Source,
    Stats,
    Trust,
    as_namespace,
    build,
    keyed_id,
    random_id,
)
from .protocols import AnswerT, Embedder, LanguageModel, Vectors
from .store import IdTaken, Step, Store, VectorsMissing

logger = logging.getLogger(__name__)

Judge = Literal["offline", "model", "ask", "none"]
"""Who decides: the rules, the configured language model, the caller through `connect`, or nobody."""

DEPTH = 100
"""Candidates that each of the searches brings to a recall."""
SPARE = 10
"""Notes read beyond the k best, because the notes linked to them may change the order."""
BATCH = 64
"""Notes that `remember_many` writes in one commit."""
TRIES = 8
"""How often a write is worked out again because the notes it stands on changed meanwhile."""
MAX_QUERY = 10_000
"""Characters of a query."""
TEND_EVERY = 128
"""Rows written between two looks at the state of the indices."""
MAX_K = 1_000
"""Hits of one recall, and notes of one page."""


_DESCRIBED: tuple[Described, ...] = ("context", "keywords", "tags", "kind")


class Fields(TypedDict, total=False):
    """What `revise` can change; a field that is left out stays as it is."""

    content: str
    context: str
    keywords: Sequence[str]
    tags: Sequence[str]
    kind: str
    data: Mapping[str, JsonValue] | None
    occurred_at: datetime
    invalid_at: datetime | None
    source: Source
    trust: Trust


@dataclass
class _Plan:
    """One new note on its way into the store."""

    note: Note
    previous: str | None
    ranked: list[tuple[str, float]] = field(default_factory=list)
    neighbours: list[Neighbour] = field(default_factory=list)
    decision: Decision = Decision()  # noqa: RUF009 - frozen


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


def _default_embedder() -> Embedder:
    from .providers.wordllama import WordLlama

    return WordLlama()


class AsyncMemory:
    """Notes that link, evolve and are found again.

    Nothing is opened or loaded until it is needed. One object serves any number of namespaces and
    concurrent calls of one event loop; several objects and processes may share one store.

    Args:
        uri: a directory, an object-store URI such as ``s3://bucket/path``, or ``memory://``.
        embedder: texts to vectors; the torch-free default where None.
        model: a language model that judges, if `judge` says so.
        judge: who decides by default: ``offline``, ``model``, ``ask`` or ``none``; ``model`` where one
            is given.
        kinds: the application's own kinds, each with the pydantic model of the note's `data`.
        neighbours: how many notes are looked at while remembering, 1 to 50.
        evolve: let the model and the rules describe neighbours differently, not only link them.
        model_timeout: seconds that one call of the model may take.
        durable: on a local directory, sync the disk before a write is acknowledged.
        storage_options: what LanceDB needs to reach the object store.
        clock: what time it is (aware); for tests.

    Raises:
        InvalidInput: an argument does not fit.
        StoreError: the directory cannot be used.
    """

    def __init__(
        self,
        uri: str = "memory://",
        *,
        embedder: Embedder | None = None,
        model: LanguageModel | None = None,
        judge: Judge | None = None,
        kinds: Mapping[str, type[BaseModel]] | None = None,
        neighbours: int = 8,
        evolve: bool = True,
        model_timeout: float = 60.0,
        durable: bool = True,
        storage_options: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        if not 1 <= neighbours <= 50:
            raise InvalidInput(f"neighbours is {neighbours}; give 1 to 50")
        self._embedder = embedder if embedder is not None else _default_embedder()
        self._model = model
        self._judge: Judge = judge or ("offline" if model is None else "model")
        self._kinds = dict(kinds or {})
        self._neighbours = neighbours
        self._evolve = evolve
        self._model_timeout = model_timeout
        self._clock = clock
        self._store = Store(str(uri), self._embedder.name, storage_options=storage_options, durable=durable)
        self._written = 0
        self._upkeep: asyncio.Task[None] | None = None
        self._speakers: dict[Namespace, tuple[int, list[str]]] = {}
        self._check_judge(self._judge)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Finish what runs in the background and let go of the store."""
        if self._upkeep is not None:
            await self._upkeep
        await self._store.close()

    # --- remember ------------------------------------------------------------------------------

    @overload
    async def remember(
        self,
        content: str,
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        kind: str | None = None,
        occurred_at: datetime | None = None,
        source: Source | str | None = None,
        trust: Trust = Trust.STATED,
        data: Mapping[str, JsonValue] | BaseModel | None = None,
        keywords: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        key: str | None = None,
        judge: Judge | None = None,
    ) -> Remembered: ...

    @overload
    async def remember(
        self,
        content: Sequence[Message | Mapping[str, Any]],
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        judge: Judge | None = None,
    ) -> list[Remembered]: ...

    async def remember(
        self,
        content: str | Sequence[Message | Mapping[str, Any]],
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        kind: str | None = None,
        occurred_at: datetime | None = None,
        source: Source | str | None = None,
        trust: Trust = Trust.STATED,
        data: Mapping[str, JsonValue] | BaseModel | None = None,
        keywords: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        key: str | None = None,
        judge: Judge | None = None,
    ) -> Remembered | list[Remembered]:
        """Store words as a note, link it, and let its neighbours evolve; a conversation as one note a turn.

        Args:
            content: the words, kept exactly; or the turns of a conversation, oldest first.
            namespace: whose memory; a string is one segment, a sequence a path.
            thread: the conversation, session or document it belongs to.
            kind: `episodic`, `semantic`, `procedural`, `insight` or a registered kind; found if None.
            occurred_at: when it happened (aware); now if None.
            source: who said it, or a whole `Source`.
            trust: how far it may be believed.
            data: the application's own fields, JSON, checked against the kind's model if it has one.
            keywords, tags, context: given ones are kept and no model is asked for them.
            key: the application's name for it: the same key again is the same note, revised if its
                content differs and left alone if not.
            judge: who decides about links and evolution this time.

        Returns:
            What was stored and decided; for a conversation, one for each turn.

        Raises:
            InvalidInput: a value cannot be used; nothing was stored.
            StoreError: the store failed; nothing was stored.

        A model that fails loses nothing: the note is stored as the rules see it and marked pending.
        """
        if not isinstance(content, str):
            turns = [build(Message, turn) for turn in content]
            return await self.remember_many(
                [turn.draft(thread=thread) for turn in turns], namespace=namespace, judge=judge
            )
        draft = build(
            Draft,
            {
                "content": content,
                "key": key,
                "thread": thread,
                "kind": kind,
                "context": context,
                "keywords": keywords,
                "tags": tags,
                "data": data.model_dump(mode="json") if isinstance(data, BaseModel) else data,
                "occurred_at": occurred_at,
                "source": Source(who=source) if isinstance(source, str) else source or Source(),
                "trust": trust,
            },
        )
        return (await self.remember_many([draft], namespace=namespace, judge=judge))[0]

    async def remember_many(
        self,
        drafts: Iterable[Draft | Mapping[str, Any] | str],
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Remembered]:
        """Store many notes in order, up to 64 in one commit (one by one where a model judges).

        Args:
            drafts: what is known of each note; a string is its content.
            namespace, judge: as for `remember`, for all of them.
            progress: called with the number of notes stored since the last call, after each commit.

        Returns:
            One for each draft, in order. Notes of finished commits stay if a later one fails.
        """
        space = as_namespace(namespace)
        decider = judge or self._judge
        self._check_judge(decider)
        checked = [
            self._checked(build(Draft, {"content": each} if isinstance(each, str) else each))
            for each in drafts
        ]
        found: list[Remembered] = []
        for batch in _batches(checked, 1 if decider == "model" else BATCH):
            found += await self._remember(batch, space, decider)
            if progress is not None:
                progress(len(batch))
        return found

    def _check_judge(self, judge: Judge) -> None:
        if judge not in get_args(Judge):
            raise InvalidInput(f"judge is {judge!r}; use 'offline', 'model', 'ask' or 'none'")
        if judge == "model" and self._model is None:
            raise InvalidInput("judge='model' needs a model; give model=... to the memory")

    def _checked(self, draft: Draft) -> Draft:
        """The draft, with its `data` as the model of its kind wants it."""
        if draft.kind is None or draft.kind in KINDS:
            return draft
        if draft.kind not in self._kinds:
            known = ", ".join((*KINDS, *self._kinds))
            raise InvalidInput(
                f"kind {draft.kind!r} is not registered; use one of {known}, or give "
                f"kinds={{{draft.kind!r}: YourModel}} to the memory"
            )
        data = build(self._kinds[draft.kind], draft.data or {}).model_dump(mode="json")
        return draft.model_copy(update={"data": data})

    async def _remember(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge
    ) -> list[Remembered]:
        for _ in range(TRIES):
            ids = {draft.key: keyed_id(namespace, draft.key) for draft in drafts if draft.key}
            there = await self._store.get(ids.values(), forgotten=True)
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
        now = self._clock()
        plans = await self._construct(drafts, namespace, judge, now)
        vectors = await self._embed([text for plan in plans for text in _texts(plan.note)], {})
        state = await self._look_around(plans, vectors, namespace)
        seen = {note.description for note in state.values()}
        for plan in plans:
            await self._decide(plan, judge, state, now)
        changed = {note.description for note in state.values()} - seen
        vectors = await self._embed(changed, vectors)
        changes = await self._commit(state, lambda fresh: _play(plans, fresh, now), vectors)
        return [_remembered(each, plan.neighbours) for plan, each in zip(plans, changes, strict=True)]

    async def _remember_again(self, note: Note, draft: Draft) -> Remembered:
        """The same key once more: nothing to do for the same content, a revision for another."""
        if note.forgotten_at is None and note.content == draft.content and note.data == draft.data:
            return Remembered(note=note, change=note.history[-1].change, known=True)
        fields = {
            name: value for name in draft.model_fields_set if (value := getattr(draft, name)) is not None
        }
        fields = {name: fields[name] for name in Fields.__annotations__ if name in fields}
        fields |= {"data": draft.data, "forgotten_at": None}
        changes = await self._revise(note, fields, "remembered again under the same key")
        return Remembered(note=changes.note, change=changes.id)

    async def _construct(
        self, drafts: Sequence[Draft], namespace: Namespace, judge: Judge, now: datetime
    ) -> list[_Plan]:
        """Drafts as notes: what the caller left out comes from the model or the rules."""
        last: dict[str, Note | None] = {}
        for thread in dict.fromkeys(draft.thread for draft in drafts if draft.thread):
            end = await self._store.last_of_thread(namespace, thread)
            last[thread] = (await self._store.get([end[0]])).get(end[0]) if end else None
        plans = []
        for draft in drafts:
            previous = last.get(draft.thread) if draft.thread else None
            fields, pending = await self._describe(draft, previous, judge, now)
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
                    "recorded_at": now,
                    "pending": pending,
                },
            )
            plans.append(_Plan(note, previous.id if previous else None))
            if draft.thread:
                last[draft.thread] = note
        return plans

    async def _describe(
        self, draft: Draft, previous: Note | None, judge: Judge, now: datetime
    ) -> tuple[dict[str, Any], Pending | None]:
        """The fields that the caller left out, and what is still owed if the model failed."""
        asked = tuple(name for name in _DESCRIBED if getattr(draft, name) is None)
        fields: dict[str, Any] = dict(offline.construct(draft.content, draft.source, previous))
        fields = {name: fields[name] for name in asked}
        if judge == "ask":
            return fields, Pending(reason="waiting for `connect`", fields=asked)
        if judge == "model" and asked:
            schema = prompts.construction_schema(asked)
            prompt = prompts.construct(draft, [previous] if previous else [], now)
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
            async with asyncio.timeout(self._model_timeout):
                answer = await self._model.answer(instructions, prompt, schema)
            return schema.model_validate(answer), ""
        except Exception as error:  # a vendor's client may raise anything, and no words may be lost for it
            reason = f"{type(error).__name__}: {error}"[:400]
            logger.warning("the model failed, the note is kept as pending: %s", reason)
            return None, f"the model failed: {reason}"

    async def _look_around(
        self, plans: Sequence[_Plan], vectors: Mapping[str, Vectors], namespace: Namespace
    ) -> dict[str, Note]:
        """Rank each plan's neighbours, in the store and earlier in the batch; return the stored ones."""
        own = np.stack([vectors[plan.note.content] for plan in plans])
        sight = Filter(namespace=namespace, exact=True)
        found = await self._store.nearest(sight, own, self._neighbours)
        alike = own @ own.T
        for i, plan in enumerate(plans):
            batch = [(plans[j].note.id, float(alike[i, j])) for j in range(i)]
            plan.ranked = sorted([*found[i], *batch], key=lambda x: -x[1])[: self._neighbours]
        ids = [note_id for plan in plans for note_id, _ in plan.ranked]
        return await self._store.get([*ids, *(plan.previous for plan in plans if plan.previous)])

    async def _decide(self, plan: _Plan, judge: Judge, state: dict[str, Note], now: datetime) -> None:
        """Let the judge decide about a plan, and play the decision on `state`."""
        around = [(state[note_id], cosine) for note_id, cosine in plan.ranked if note_id in state]
        plan.neighbours = _numbered(around)
        if judge == "ask":
            plan.note = _shown(plan.note, plan.neighbours)
        else:
            plan.decision, problem = await self._judged(plan.note, plan.neighbours, judge, now)
            if problem and plan.note.pending is None:
                plan.note = plan.note.model_copy(update={"pending": Pending(reason=problem)})
        _play([plan], state, now)

    async def _judged(
        self, note: Note, neighbours: Sequence[Neighbour], judge: Judge, now: datetime
    ) -> tuple[Decision, str]:
        """The judge's decision, or the rules' with what was wrong with the model's."""
        problem = ""
        if judge == "model" and neighbours:
            decision, problem = await self._ask(prompts.JUDGE, prompts.judge(note, neighbours), Decision)
            if decision is not None:
                try:
                    evolution.check(note, [each.note for each in neighbours], decision)
                except InvalidInput as error:
                    problem = f"the model's decision was refused: {error}"[:500]
                else:
                    return self._limited(decision), ""
        decision = Decision() if judge == "none" else offline.judge(note, neighbours)
        return self._limited(decision), problem

    def _limited(self, decision: Decision) -> Decision:
        return decision if self._evolve else decision.model_copy(update={"changes": ()})

    async def _commit(self, ids: Iterable[str], step: Step, vectors: Mapping[str, Vectors]) -> list[Changes]:
        """Write what `step` makes of the fresh states of `ids`, embedding what nobody foresaw."""
        for _ in range(TRIES):
            try:
                changes = await self._store.commit(ids, step, vectors)
            except VectorsMissing as missing:
                vectors = await self._embed(missing.texts, vectors)
            else:
                self._tend(sum(len(each.notes) for each in changes))
                return changes
        raise ConflictError(f"the notes kept changing through {TRIES} attempts; try again later", tuple(ids))

    async def _embed(self, texts: Iterable[str], have: Mapping[str, Vectors]) -> dict[str, Vectors]:
        """`have`, and the vectors of the texts that it lacks: one call of the embedder, or none."""
        wanted = [text for text in dict.fromkeys(texts) if text not in have]
        vectors = dict(have)
        if "" in wanted:  # a note without a description: no direction at all
            wanted.remove("")
            vectors[""] = np.zeros(self._embedder.dimensions, np.float32)
        if wanted:
            made = await asyncio.to_thread(self._embedder.embed_documents, wanted)
            vectors |= zip(wanted, _unit(made, len(wanted), self._embedder), strict=True)
        return vectors

    # --- decide, revise, forget, undo ----------------------------------------------------------

    async def neighbours(self, note_id: str, *, namespace: str | Sequence[str]) -> list[Neighbour]:
        """The note's nearest notes under the numbers that `connect` will understand, nearest first.

        The numbers are kept with the note, in every process, until `connect` has used them.

        Raises:
            NotFound: no such note here.
        """
        note = await self.get(note_id, namespace=namespace)
        vectors = await self._embed([note.content], {})
        sight = Filter(namespace=note.namespace, exact=True)
        found = (await self._store.nearest(sight, vectors[note.content][None], self._neighbours + 1))[0]
        state = await self._store.get(other for other, _ in found if other != note.id)
        around = _numbered((state[other], cosine) for other, cosine in found if other in state)
        around = around[: self._neighbours]
        await self._commit(
            [note.id],
            lambda fresh: [evolution.show(_alive(fresh, note.id), [x.note for x in around], self._clock())],
            vectors,
        )
        return around

    async def connect(
        self,
        note_id: str,
        decision: Decision | Mapping[str, Any],
        *,
        namespace: str | Sequence[str],
    ) -> Remembered:
        """Apply the caller's decision about a note and the neighbours that it was shown.

        Args:
            note_id: a note remembered with ``judge="ask"``, or one that `neighbours` was called for.
            decision: links and changes, by the numbers that were shown. Empty: none are wanted.
            namespace: whose memory.

        Raises:
            NotFound: no such note here.
            DecisionRefused: it names a number that was not shown, touches too much or more trusted
                notes, or none were shown. Nothing of it was applied.
            ConflictError: a neighbour was forgotten, or one to be changed was written, since it was
                shown. Nothing was applied; call `neighbours` and decide again.
        """
        note = await self.get(note_id, namespace=namespace)
        wanted = build(Decision, decision)
        if not note.shown and (wanted.links or wanted.changes):
            raise DecisionRefused(
                f"no numbered neighbours are waiting for note {note.id}; call neighbours first, then "
                "connect with the numbers it gives"
            )
        now = self._clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            subject = _alive(fresh, note.id)
            around = _as_shown(subject, fresh, wanted)
            return [evolution.apply(subject, around, wanted, now)]

        ids = [note.id, *(each.id for each in note.shown)]
        (changes,) = await self._commit(ids, step, {})
        return _remembered(changes)

    async def revise(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        reason: str = "",
        **fields: Unpack[Fields],
    ) -> Remembered:
        """Change what a note says. New content without new keywords or tags gets them from the rules.

        Raises:
            NotFound: no such note here.
            InvalidInput: nothing would change, or a value does not fit.
        """
        note = await self.get(note_id, namespace=namespace)
        unknown = fields.keys() - Fields.__annotations__.keys()
        if unknown:
            raise InvalidInput(
                f"{', '.join(sorted(unknown))} cannot be revised; give {', '.join(Fields.__annotations__)}"
            )
        changes = await self._revise(note, dict(fields), reason)
        return Remembered(note=changes.note, change=changes.id)

    async def _revise(self, note: Note, fields: dict[str, Any], reason: str) -> Changes:
        if "content" in fields or "kind" in fields or "data" in fields:
            draft = build(
                Draft,
                {
                    "content": fields.get("content", note.content),
                    "kind": fields.get("kind", note.kind),
                    "data": fields.get("data", note.data),
                },
            )
            fields["data"] = self._checked(draft).data
            if draft.content != note.content:
                made = offline.construct(draft.content, note.source, None)
                fields = {"keywords": made["keywords"], "tags": made["tags"]} | fields
        checked = build(Note, {**dict(note), **fields})
        fields = {name: getattr(checked, name) for name in fields}
        vectors = await self._embed(_texts(checked), {})
        now = self._clock()
        (changes,) = await self._commit(
            [note.id],
            lambda fresh: [evolution.revise(_alive(fresh, note.id, gone=True), fields, now, reason)],
            vectors,
        )
        return changes

    async def forget(self, note_id: str, *, namespace: str | Sequence[str]) -> Remembered:
        """Put a note out of sight, with every link to it. `undo` brings both back.

        Raises:
            NotFound: no such note here.
        """
        note = await self.get(note_id, namespace=namespace)
        now = self._clock()
        changes = await self._commit_linked(
            note, lambda state: evolution.forget(state[note.id], _others(state, note.id), now)
        )
        return Remembered(note=changes.note, change=changes.id)

    async def undo(self, change: str, *, namespace: str | Sequence[str]) -> Remembered:
        """Take one change back, at every note that it wrote: fields, links and validity as before.

        Undoing a `remember` forgets the note; undoing a `forget` or an `undo` brings it back.

        Raises:
            NotFound: no such change here.
            ConflictError: a later change stands on it; the error names that one. Undo it first.
        """
        space = as_namespace(namespace)
        note_id = change.partition(".")[0]
        note = await self._find(note_id, space, forgotten=True)
        entry = evolution.entry_of(note, change) if note else None
        if note is None or entry is None or entry.cause != note.id:
            raise NotFound(f"no change {change!r} here; history lists the changes of a note")
        now = self._clock()
        changes = await self._commit_linked(
            note, lambda state: evolution.undo(change, state, now), entry.touched
        )
        return Remembered(note=changes.note, change=changes.id)

    async def _commit_linked(
        self, note: Note, step: Callable[[dict[str, Note]], Changes], more: Sequence[str] = ()
    ) -> Changes:
        """Commit a step that needs every note the fresh one is linked with; they may grow meanwhile."""
        ids = {note.id, *note.linked_ids(), *more}
        vectors: dict[str, Vectors] = {}
        for _ in range(TRIES):
            absent: set[str] = set()

            def whole(
                fresh: dict[str, Note], ids: set[str] = ids, absent: set[str] = absent
            ) -> list[Changes]:
                absent |= set(_alive(fresh, note.id, gone=True).linked_ids()) - ids
                return [] if absent else [step(fresh)]

            done = await self._commit(ids, whole, vectors)
            if done:
                return done[0]
            ids |= absent
        raise ConflictError(f"note {note.id} kept being linked; try again later", (note.id,))

    async def finish_pending(
        self,
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        limit: int | None = None,
    ) -> list[Remembered]:
        """Let the judge look at the notes that are pending, oldest first; those it fails on stay so.

        Args:
            namespace: this one and all below it.
            judge: `model` or `offline`; the memory's own where None.
            limit: at most so many notes.

        Returns:
            The notes that are pending no more.
        """
        decider = judge or self._judge
        self._check_judge(decider)
        if decider not in ("model", "offline"):
            raise InvalidInput(f"judge={decider!r} finishes nothing; use 'model' or 'offline', or connect")
        waiting = await self._store.order(Filter(namespace=as_namespace(namespace), pending=True))
        finished = []
        for *_, note_id in waiting[:limit]:
            done = await self._finish(note_id, decider)
            if done is not None:
                finished.append(done)
        return finished

    async def _finish(self, note_id: str, judge: Judge) -> Remembered | None:
        note = (await self._store.get([note_id])).get(note_id)
        if note is None or note.pending is None:
            return None
        now = self._clock()
        before = [x for x in note.links if x.relation is Relation.FOLLOWS and x.source == note.id]
        previous = (await self._store.get([x.target for x in before[:1]])).values()
        given = {name: getattr(note, name) for name in _DESCRIBED if name not in note.pending.fields}
        draft = build(
            Draft,
            {
                "content": note.content,
                "source": note.source,
                "occurred_at": note.occurred_at,
                **given,
            },
        )
        fields, still = await self._describe(draft, next(iter(previous), None), judge, now)
        if still is not None:
            return None
        note = note.model_copy(update=fields)
        vectors = await self._embed(_texts(note), {})
        plan = _Plan(note, None)
        sight = Filter(namespace=note.namespace, exact=True)
        found = await self._store.nearest(sight, vectors[note.content][None], self._neighbours + 1)
        state = await self._store.get(other for other, _ in found[0] if other != note.id)
        plan.neighbours = _numbered((state[x], cosine) for x, cosine in found[0] if x in state)
        plan.decision, problem = await self._judged(note, plan.neighbours, judge, now)
        if problem:
            return None

        def step(fresh: dict[str, Note]) -> list[Changes]:
            around, decision = _fresh(plan, fresh)
            return [evolution.apply(_alive(fresh, note_id), around, decision, now, **fields)]

        (changes,) = await self._commit([note_id, *state], step, vectors)
        return _remembered(changes, plan.neighbours)

    # --- recall --------------------------------------------------------------------------------

    async def recall(
        self,
        query: str,
        *,
        namespace: str | Sequence[str],
        k: int = 10,
        kinds: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        as_of: datetime | None = None,
        min_trust: Trust = Trust.UNTRUSTED,
        superseded: bool = False,
        expand: bool = True,
        budget_tokens: int | None = None,
        explain: bool = False,
    ) -> list[Hit]:
        """The notes that answer `query` best, best first.

        Args:
            query: a question or some words.
            namespace: this one and all below it; nothing else is seen.
            k: at most so many hits, 1 to 1,000.
            kinds, tags: any of these.
            thread: this thread only.
            since, until: what happened in [since, until).
            as_of: what was valid and known then, as the notes stood then.
            min_trust: leave out what is trusted less.
            superseded: also what is no longer so.
            expand: let the notes linked to the candidates vote and be found.
            budget_tokens: at most so many tokens of content (a token for every four bytes). If all that
                is in sight fits, all of it is returned, in the order it happened.
            explain: tell the weight of each signal.

        Raises:
            InvalidInput: a value does not fit.
            StoreError: the store cannot be read.
        """
        sight = build(
            Filter,
            {
                "namespace": as_namespace(namespace),
                "kinds": kinds,
                "tags": tags,
                "thread": thread,
                "since": since,
                "until": until,
                "known_at": as_of,
                "valid_at": None if superseded else as_of or self._clock(),
                "min_trust": min_trust,
            },
        )
        _within("k", k, 1, MAX_K)
        if len(query) > MAX_QUERY:
            raise LimitExceeded(f"query is over {MAX_QUERY} characters; ask with its gist")
        if not query.strip():
            raise InvalidInput("query is blank; ask something, or list notes with `notes`")
        depth, whole = max(DEPTH, 2 * k), False
        if budget_tokens is not None:
            _within("budget_tokens", budget_tokens, 1, 10_000_000)
            sizes = (await self._store.columns(sight, ["size"]))["size"]
            whole = sum(-(-size // 4) for size in sizes) <= budget_tokens
            k = depth = max(len(sizes), 1) if whole else k
        candidates, vector = await self._candidates(sight, query, depth)
        if not len(candidates):
            return []
        ranked = ranking.rank(candidates, query, vector, expand=expand)
        # One read brings the likely hits and the notes linked to the best; those take part from here.
        likely = [candidates.ids[i] for i in ranked.order[: k + SPARE]]
        linked, hydrate = await self._store.look(
            [*likely, *(ranking.reachable(candidates, ranked) if expand else ())], sight
        )
        if expand:
            candidates = candidates.plus(linked)
            ranked = ranking.rank(candidates, query, vector)
        best = [int(i) for i in ranked.order[:k]]
        notes = hydrate([candidates.ids[i] for i in best])
        notes |= await self._store.get(candidates.ids[i] for i in best if candidates.ids[i] not in notes)
        if as_of is not None:
            notes = {note_id: evolution.known_at(note, as_of) for note_id, note in notes.items()}
        places = [i for i in best if candidates.ids[i] in notes]
        hits = ranking.hits(query, candidates, ranked, places, notes, explain=explain)
        if whole:
            return sorted(hits, key=lambda hit: (hit.note.occurred_at, hit.note.position, hit.note.id))
        return hits if budget_tokens is None else ranking.cut(hits, budget_tokens)

    async def _candidates(self, sight: Filter, query: str, depth: int) -> tuple[ranking.Candidates, Vectors]:
        speakers = await self._who_speaks(sight)
        asked = ranking.nameless(query, speakers)
        vector = _unit(await asyncio.to_thread(self._embedder.embed_queries, [asked]), 1, self._embedder)[0]
        return await self._store.search(sight, query, vector, depth), vector

    async def _who_speaks(self, sight: Filter) -> list[str]:
        """The names of all who ever said something in the namespace; read again when the table changed."""
        version = await self._store.version()
        kept = self._speakers.get(sight.namespace)
        if kept is None or kept[0] != version:
            names = (await self._store.columns(Filter(namespace=sight.namespace), ["who"]))["who"]
            kept = (version, sorted({name for name in names if name}))
            self._speakers[sight.namespace] = kept
        return kept[1]

    # --- look ----------------------------------------------------------------------------------

    async def get(self, note_id: str, *, namespace: str | Sequence[str]) -> Note:
        """One note.

        Raises:
            NotFound: no such note in this namespace or below it.
        """
        note = await self._find(note_id, as_namespace(namespace))
        if note is None:
            raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
        return note

    async def _find(self, note_id: str, namespace: Namespace, *, forgotten: bool = False) -> Note | None:
        if not 8 <= len(note_id) <= 12 or set(note_id) - set(ALPHABET):
            return None
        note = (await self._store.get([note_id], forgotten=forgotten)).get(note_id)
        return note if note and Filter(namespace=namespace).covers(note.namespace) else None

    async def keyed(self, keys: Iterable[str], *, namespace: str | Sequence[str]) -> dict[str, Note]:
        """The notes that were remembered under these keys in exactly this namespace, by key."""
        space = as_namespace(namespace)
        ids = {keyed_id(space, key): key for key in keys}
        found = await self._store.get(ids)
        return {ids[note_id]: note for note_id, note in found.items()}

    async def namespaces(self, *, under: str | Sequence[str] = ()) -> list[Namespace]:
        """Every namespace at or below `under` that holds a note, sorted."""
        return await self._store.namespaces(Filter(namespace=as_namespace(under)))

    async def notes(
        self,
        *,
        namespace: str | Sequence[str],
        kinds: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        pending: bool = False,
        limit: int = 100,
        after: str | None = None,
        newest_first: bool = False,
    ) -> Page:
        """Notes in the order they were recorded, a page at a time, superseded ones included.

        Args:
            namespace, kinds, tags, thread, since, until: as for `recall`.
            pending: only those that a judge has still to look at.
            limit: notes a page, 1 to 1,000.
            after: the cursor of the page before.
            newest_first: the other way round.

        Raises:
            InvalidInput: a value does not fit, or the cursor is none of ours.
        """
        _within("limit", limit, 1, MAX_K)
        sight = build(
            Filter,
            {
                "namespace": as_namespace(namespace),
                "kinds": kinds,
                "tags": tags,
                "thread": thread,
                "since": since,
                "until": until,
                "pending": pending,
            },
        )
        order = [(at.isoformat(), place, note_id) for at, place, note_id in await self._store.order(sight)]
        if newest_first:
            order.reverse()
        if after is not None:
            start = _place(after)
            order = [x for x in order if (x < start if newest_first else x > start)]
        found = await self._store.get(note_id for *_, note_id in order[:limit])
        more = order[limit - 1] if len(order) > limit else None
        return Page(
            notes=tuple(found[note_id] for *_, note_id in order[:limit] if note_id in found),
            cursor=None if more is None else "|".join(map(str, more)),
        )

    async def history(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Evolution, ...]:
        """All that was done to a note, oldest first, forgotten or not.

        Raises:
            NotFound: no such note here.
        """
        note = await self._find(note_id, as_namespace(namespace), forgotten=True)
        if note is None:
            raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
        return note.history

    async def links(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Link, ...]:
        """The links from and to a note.

        Raises:
            NotFound: no such note here.
        """
        return (await self.get(note_id, namespace=namespace)).links

    async def graph(
        self,
        *,
        namespace: str | Sequence[str],
        start: str | None = None,
        hops: int = 2,
        limit: int = 200,
    ) -> Graph:
        """Notes and the links between them: around `start`, or the newest of the namespace.

        Args:
            namespace: this one and all below it.
            start: a note to walk from.
            hops: how far, 0 to 10.
            limit: at most so many notes, 1 to 1,000.

        Raises:
            NotFound: no such note here.
        """
        _within("limit", limit, 1, MAX_K)
        _within("hops", hops, 0, 10)
        space = as_namespace(namespace)
        if start is None:
            page = await self.notes(namespace=space, limit=limit, newest_first=True)
            found = {note.id: note for note in page.notes}
        else:
            found = {start: await self.get(start, namespace=space)}
            for _ in range(hops):
                edge = {x for note in found.values() for x in note.linked_ids()} - found.keys()
                found |= await self._store.get(sorted(edge)[: limit - len(found)])
        links = {
            link: None
            for note in found.values()
            for link in note.links
            if link.source in found and link.target in found
        }
        return Graph(notes=tuple(found.values()), links=tuple(links))

    async def stats(self, *, namespace: str | Sequence[str]) -> Stats:
        """Figures about a namespace and all below it."""
        space = as_namespace(namespace)
        names = ["kind", "thread", "links", "history", "waiting", "invalid_at", "occurred_at"]
        found = await self._store.columns(Filter(namespace=space), names)
        valid = await self._store.order(Filter(namespace=space, valid_at=self._clock()))
        return Stats(
            notes=len(found["kind"]),
            links=sum(map(len, found["links"])) // 2,
            evolutions=sum(history.count('"verb":"evolve"') for history in found["history"]),
            superseded=len(found["kind"]) - len(valid),
            pending=sum(found["waiting"]),
            kinds=dict(Counter(found["kind"])),
            threads=len({thread for thread in found["thread"] if thread}),
            first=min(found["occurred_at"], default=None),
            last=max(found["occurred_at"], default=None),
        )

    # --- upkeep --------------------------------------------------------------------------------

    def _tend(self, written: int) -> None:
        """Refresh the indices in the background once enough was written since the last time."""
        self._written += written
        if self._written >= TEND_EVERY and (self._upkeep is None or self._upkeep.done()):
            self._written = 0
            self._upkeep = asyncio.create_task(self._refresh())

    async def _refresh(self) -> None:
        try:
            if (await self._store.tail()).long:
                await self._store.optimize()
        except StoreError as error:  # nobody waits for it, and the next write tries again
            logger.warning("upkeep failed and will be tried again: %s", error)


def _texts(note: Note) -> tuple[str, str]:
    return note.content, note.description


def _batches(drafts: Sequence[Draft], size: int) -> Iterator[list[Draft]]:
    """Runs of at most `size` drafts, no key twice in one."""
    batch: list[Draft] = []
    keys: set[str] = set()
    for draft in drafts:
        if len(batch) == size or (draft.key and draft.key in keys):
            yield batch
            batch, keys = [], set()
        batch.append(draft)
        if draft.key:
            keys.add(draft.key)
    if batch:
        yield batch


def _numbered(around: Iterable[tuple[Note, float]]) -> list[Neighbour]:
    room = [(note, cosine) for note, cosine in around if len(note.links) < MAX_LINKS]
    return [Neighbour(number=i, note=note, similarity=cosine) for i, (note, cosine) in enumerate(room)]


def _shown(note: Note, neighbours: Sequence[Neighbour]) -> Note:
    shown = tuple(Shown(id=each.note.id, revision=each.note.revision) for each in neighbours)
    return note.model_copy(update={"shown": shown})


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
    decision = evolution.renumber(evolution.without(plan.decision, stale), kept)
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
        changes = evolution.remember(plan.note, previous, around, decision, now)
        state |= {note.id: note for note in changes.notes}
        made.append(changes)
    return made


def _alive(fresh: Mapping[str, Note], note_id: str, *, gone: bool = False) -> Note:
    note = fresh.get(note_id)
    if note is None or (note.forgotten_at is not None and not gone):
        raise NotFound(f"note {note_id} was forgotten meanwhile")
    return note


def _others(state: Mapping[str, Note], note_id: str) -> list[Note]:
    return [note for note in state.values() if note.id != note_id]


def _as_shown(note: Note, fresh: Mapping[str, Note], decision: Decision) -> list[Note]:
    """The shown neighbours as they stand, if the decision still fits them."""
    changed = {x.neighbour for x in decision.changes}
    named = changed | {x.neighbour for x in decision.links}
    for number, each in enumerate(note.shown):
        now = fresh.get(each.id)
        gone = now is None or now.forgotten_at is not None
        if number in named and (gone or (number in changed and now and now.revision != each.revision)):
            raise ConflictError(
                f"neighbour {number} {'was forgotten' if gone else 'changed'} since it was shown; call "
                f"neighbours for note {note.id} and decide again",
                (each.id,),
            )
    return [fresh.get(each.id, note) for each in note.shown]


def _remembered(changes: Changes, neighbours: Sequence[Neighbour] = ()) -> Remembered:
    evolved = tuple(note.id for note in changes.touched if note.history[-1].after)
    return Remembered(note=changes.note, change=changes.id, neighbours=tuple(neighbours), evolved=evolved)


def _unit(made: Any, count: int, embedder: Embedder) -> Vectors:
    """The embedder's answer as unit vectors, or a clear error where it is none."""
    vectors = np.asarray(made, dtype=np.float32)
    if vectors.shape != (count, embedder.dimensions) or not np.isfinite(vectors).all():
        raise ModelError(
            f"embedder {embedder.name} gave {vectors.shape} for {count} texts of {embedder.dimensions} "
            "dimensions, or numbers that are none; nothing was written"
        )
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
    return unit


def _within(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise InvalidInput(f"{name} is {value}; give {low:,} to {high:,}")


def _place(cursor: str) -> tuple[str, int, str]:
    try:
        at, position, note_id = cursor.split("|")
        datetime.fromisoformat(at)
        return at, int(position), note_id
    except ValueError as error:
        raise InvalidInput("that is no cursor of ours; give the `cursor` of the page before") from error
