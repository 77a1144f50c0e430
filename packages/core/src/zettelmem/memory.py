"""What a memory can do: the verbs. Each checks its arguments and hands on to what reads or writes."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from os import PathLike
from types import TracebackType
from typing import Any, Literal, Self, Unpack, get_args, overload

from pydantic import BaseModel, JsonValue

from .admin import audit as log
from .admin import doctor
from .admin import erase as erasure
from .decisions import Changes, Decision, Neighbour, Remembered
from .drafts import Draft, Fields, Message
from .embedding import Embedding
from .errors import ConflictError, DecisionRefused, InvalidInput, NotFound
from .judge import Judge, Judging
from .limits import BATCH, MAX_HOPS, MAX_NEIGHBOURS, MAX_PAGE, within
from .linking import evolve, prompts, undo
from .namespace import Namespace, as_namespace
from .note import ALPHABET, Evolution, Link, Note, Source, Trust, keyed_id
from .protocols import Embedder, LanguageModel, Reranker, Vectors
from .queries import Filter, Graph, Hit, Page, Stats
from .recall import Recalling
from .receipts import Erasure, Examination, Quota, Reembedded
from .remember import Remembering, Secrets, alive, numbered, others, remembered
from .store import Store, reembed
from .values import build

logger = logging.getLogger(__name__)


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
        reranker: a second look at the 50 best of each recall; none where None.
        model: a language model that judges, if `judge` says so.
        judge: who decides by default: ``offline``, ``model``, ``ask`` or ``none``; ``model`` where one
            is given.
        kinds: the application's own kinds, each with the pydantic model of the note's `data`.
        neighbours: how many notes are looked at while remembering by meaning, and as many again at
            most by the names in them, 1 to 50.
        evolve: let the model and the rules describe neighbours differently, not only link them.
        model_timeout: seconds that one call of the model may take.
        durable: on a local directory, sync the disk before a write is acknowledged.
        secrets: what is done with likely secrets (keys, tokens, passwords, card numbers): ``flag`` tags
            the note `secret`, ``redact`` stores and shows the model the text without them, ``refuse``
            raises InvalidInput, ``allow`` does nothing.
        audit: a file that tells who changed what, when and through which door, a line a change, each
            chained to the one before by its hash; never what was said. A change that cannot be told is not
            made. `zettelmem audit` checks it, and `examine` whether all that the notes tell is in it.
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
        reranker: Reranker | None = None,
        model: LanguageModel | None = None,
        judge: Judge | None = None,
        kinds: Mapping[str, type[BaseModel]] | None = None,
        neighbours: int = 8,
        evolve: bool = True,
        model_timeout: float = 60.0,
        durable: bool = True,
        secrets: Secrets = "flag",
        audit: str | PathLike[str] | None = None,
        storage_options: Mapping[str, str] | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        within("neighbours", neighbours, 1, MAX_NEIGHBOURS)
        if secrets not in get_args(Secrets):
            raise InvalidInput(f"secrets is {secrets!r}; use {', '.join(get_args(Secrets))}")
        chosen = embedder if embedder is not None else _default_embedder()
        self.clock = clock
        self._store = Store(str(uri), chosen.name, storage_options=storage_options, durable=durable)
        self._audit = None if audit is None else log.Audit(audit)
        if self._audit is not None:
            self._store.journal = log.Journal(self._audit, self._store, clock)
        self._judging = Judging(model, judge, evolve=evolve, timeout=model_timeout)
        self._embedding = Embedding(chosen)
        self._writes = Remembering(
            self._store,
            self._embedding,
            self._judging,
            kinds=kinds or {},
            k=neighbours,
            secrets=secrets,
            clock=clock,
        )
        self._recalling = Recalling(self._store, self._embedding, reranker)

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
        await self._writes.close()
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
                content, its data or a given time differs and left alone if not.
            judge: who decides about links and evolution this time.

        Returns:
            What was stored and decided; for a conversation, one for each turn that says something. Turns
            without words (tool calls) and an assistant's mere acknowledgements are left out; a logged
            warning names them by their place, from 0.

        Raises:
            InvalidInput: a value cannot be used; nothing was stored.
            StoreError: the store failed; nothing was stored.

        A model that fails loses nothing: the note is stored as the rules see it and marked pending.
        """
        if not isinstance(content, str):
            turns = [build(Message, turn) for turn in content]
            silent = [str(place) for place, turn in enumerate(turns) if not turn.says_something]
            if silent:
                logger.warning("nothing to remember in the turns %s of %d", ", ".join(silent), len(turns))
            drafts = [turn.draft(thread=thread) for turn in turns if turn.says_something]
            return await self.remember_many(drafts, namespace=namespace, judge=judge)
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
                "source": {"who": source} if isinstance(source, str) else source or Source(),
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
        decider = self._judging.chosen(judge)
        checked = [
            self._writes.checked(build(Draft, {"content": each} if isinstance(each, str) else each))
            for each in drafts
        ]
        found: list[Remembered] = []
        for batch in _batches(checked, 1 if decider == "model" else BATCH):
            found += await self._writes.remember(batch, space, decider)
            if progress is not None:
                progress(len(batch))
        return found

    # --- decide, revise, forget, undo ----------------------------------------------------------

    async def neighbours(
        self, note_id: str, *, namespace: str | Sequence[str], among: Sequence[str] | None = None
    ) -> list[Neighbour]:
        """The note's nearest notes under the numbers that `connect` will understand, nearest first.

        The numbers are kept with the note, in every process: they stay the same until `connect` has used
        them or one of these neighbours was written.

        Args:
            note_id: the note.
            namespace: whose memory.
            among: number these notes of the same namespace instead, in this order.

        Raises:
            NotFound: no such note here, or one of `among` is none.
        """
        note = await self.get(note_id, namespace=namespace)
        if among is not None:
            return await self._numbered(note, among)
        kept = await self._store.get(each.id for each in note.shown)
        if note.shown and all(x.id in kept and kept[x.id].revision == x.revision for x in note.shown):
            vectors = await self._store.content_vectors([note.id, *kept])
            if kept.keys() | {note.id} <= vectors.keys():  # otherwise one was erased meanwhile
                own = vectors[note.id]
                return numbered((kept[x.id], float(own @ vectors[x.id])) for x in note.shown)
        return await self._shown(note, await self._writes.around(note))

    async def _numbered(self, note: Note, among: Sequence[str]) -> list[Neighbour]:
        """These notes under numbers, in their order."""
        others = [await self.get(each, namespace=note.namespace) for each in dict.fromkeys(among)]
        vectors = await self._store.content_vectors([note.id, *(each.id for each in others)])
        own = vectors[note.id]
        around = numbered((each, float(own @ vectors[each.id])) for each in others if each.id != note.id)
        return await self._shown(note, around)

    async def _shown(self, note: Note, around: list[Neighbour]) -> list[Neighbour]:
        """The neighbours, after they were written down at the note for a later decision."""
        await self._writes.commit(
            [note.id],
            lambda fresh: [evolve.show(alive(fresh, note.id), [x.note for x in around], self.clock())],
            {},
        )
        return around

    async def question(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[str, str]:
        """What a model is asked about a note and its neighbours: instructions, and the prompt.

        For a model that only the caller can reach; `connect` takes what it answers.

        Raises:
            NotFound: no such note here.
        """
        around = await self.neighbours(note_id, namespace=namespace)
        note = await self.get(note_id, namespace=namespace)
        return f"{prompts.JUDGE}\n{prompts.IN_JSON}", prompts.judge(note, around)

    async def connect(
        self,
        note_id: str,
        decision: Decision | Mapping[str, Any] | str,
        *,
        namespace: str | Sequence[str],
    ) -> Remembered:
        """Apply the caller's decision about a note and the neighbours that it was shown.

        Args:
            note_id: a note remembered with ``judge="ask"``, or one that `neighbours` was called for.
            decision: links and changes, by the numbers that were shown, or a model's answer that holds
                them as JSON. Empty: none are wanted.
            namespace: whose memory.

        Raises:
            NotFound: no such note here.
            InvalidInput: it is no decision.
            DecisionRefused: it names a number that was not shown, touches too much or more trusted
                notes, or none were shown. Nothing of it was applied.
            ConflictError: a neighbour was forgotten, or one to be changed was written, since it was
                shown. Nothing was applied; call `neighbours` and decide again.
        """
        note = await self.get(note_id, namespace=namespace)
        wanted = prompts.decision_in(decision) if isinstance(decision, str) else build(Decision, decision)
        if not note.shown and (wanted.links or wanted.changes):
            raise DecisionRefused(
                f"no numbered neighbours are waiting for note {note.id}; call neighbours first, then "
                "connect with the numbers it gives"
            )
        now = self.clock()

        def step(fresh: dict[str, Note]) -> list[Changes]:
            subject = alive(fresh, note.id)
            around = _as_shown(subject, fresh, wanted)
            return [evolve.apply(subject, around, wanted, now)]

        ids = [note.id, *(each.id for each in note.shown)]
        (changes,) = await self._writes.commit(ids, step, {})
        return remembered(changes)

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
        changes = await self._writes.revise(note, dict(fields), reason)
        return Remembered(note=changes.note, change=changes.id)

    @overload
    async def forget(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        revision: int | None = None,
        erase: Literal[False] = False,
    ) -> Remembered: ...

    @overload
    async def forget(
        self, note_id: str, *, namespace: str | Sequence[str], erase: Literal[True]
    ) -> Erasure: ...

    async def forget(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        revision: int | None = None,
        erase: bool = False,
    ) -> Remembered | Erasure:
        """Put a note out of sight, with every link to it; or erase it for good.

        A forgotten note can be brought back by `undo` for as long as nobody erases it: its words stay
        in the store. `zettelmem doctor --purge` erases what was forgotten more than 30 days ago.

        Args:
            note_id: the note; with `erase`, one that is forgotten already, too.
            namespace: whose memory.
            revision: only if it is still at this revision.
            erase: remove its bytes, as `erase` does; nothing brings it back.

        Returns:
            What was done; with `erase`, the receipt.

        Raises:
            NotFound: no such note here.
            ConflictError: it was written since the revision given; nothing was done.
            ConflictError: with `erase` on an object store, others kept writing; erase again.
            StoreError: the disk or the bucket failed; or `zettelmem[buckets]`, which erasing in a bucket
                needs, is not installed.
        """
        if erase:
            space = as_namespace(namespace)
            doomed = await self._find(note_id, space, forgotten=True)
            if doomed is None:
                raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
            return await self._erase(doomed.namespace, {note_id})
        note = await self.get(note_id, namespace=namespace)
        now = self.clock()

        def step(state: dict[str, Note]) -> Changes:
            if revision not in (None, state[note.id].revision):
                raise ConflictError(
                    f"note {note.id} was written since revision {revision}; look at it again", (note.id,)
                )
            return evolve.forget(state[note.id], others(state, note.id), now)

        changes = await self._writes.commit_linked(note, step)
        return Remembered(note=changes.note, change=changes.id)

    async def erase(self, *, namespace: str | Sequence[str]) -> Erasure:
        """Remove every note of a namespace and all below it for good, and search the files for the rest.

        The table is written anew without the notes, and all older versions, indices and files are
        deleted, while other writers wait: it takes as long as copying the store. Files outside the store
        (exports, backups, snapshots of the file system) are not reached; the receipt names the exports
        that this store knows of and that still hold some of it. Words that other notes say in
        their own contents stay there; the receipt names those notes. A reader in another process may
        fail once meanwhile.

        Args:
            namespace: whose memory, not empty.

        Returns:
            The receipt; read its `verified`.

        Raises:
            InvalidInput: the namespace is the whole store; delete its directory instead.
            ConflictError: on an object store, others kept writing; erase again.
            StoreError: the disk or the bucket failed, or `zettelmem[buckets]` is not installed.
        """
        space = as_namespace(namespace)
        if not space:
            raise InvalidInput("namespace is the whole store; close it and delete its directory instead")
        return await self._erase(space, None)

    async def _erase(self, namespace: Namespace, ids: set[str] | None) -> Erasure:
        """Erase notes of exactly this namespace, or without ids all at and below it."""

        def choose(notes: Mapping[str, Note]) -> set[str]:
            if ids is not None and ids - notes.keys():
                raise NotFound(f"note {', '.join(sorted(ids - notes.keys()))} was erased meanwhile")
            return set(notes) if ids is None else ids

        return await erasure.erase(
            self._store, self._embedding, namespace, self.clock(), choose=choose, alone=ids is not None
        )

    async def undo(self, change: str, *, namespace: str | Sequence[str]) -> Remembered:
        """Take one change back, at every note that it wrote: fields, links and validity as before.

        Undoing a `remember` forgets the note; undoing a `forget` or an `undo` brings it back.

        Raises:
            NotFound: no such change here.
            ConflictError: a later change stands on it; the error names that one: undo it first. Or it is
                older than what the history of a note keeps.
        """
        space = as_namespace(namespace)
        note_id = change.partition(".")[0]
        note = await self._find(note_id, space, forgotten=True)
        entry = undo.entry_of(note, change) if note else None
        if note and not entry and 0 < _revision(change) <= note.dropped:
            raise undo.too_old(change, note)
        if note is None or entry is None or entry.cause != note.id:
            raise NotFound(f"no change {change!r} here; history lists the changes of a note")
        now = self.clock()
        changes = await self._writes.commit_linked(
            note, lambda state: undo.undo(change, state, now), entry.touched
        )
        return Remembered(note=changes.note, change=changes.id)

    async def finish_pending(
        self,
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        limit: int | None = None,
        before: datetime | None = None,
    ) -> list[Remembered]:
        """Let the judge look at the notes that are pending, oldest first; those it fails on stay so.

        Args:
            namespace: this one and all below it.
            judge: `model` or `offline`; the memory's own where None.
            limit: at most so many notes.
            before: only notes recorded earlier than this (aware).

        Returns:
            The notes that are pending no more.
        """
        decider = self._judging.chosen(judge)
        if decider not in ("model", "offline"):
            raise InvalidInput(f"judge={decider!r} finishes nothing; use 'model' or 'offline', or connect")
        found = await self._store.order(Filter(namespace=as_namespace(namespace), pending=True))
        waiting = [note_id for at, _, note_id in found if before is None or at < before]
        finished = []
        for note_id in waiting[:limit]:
            done = await self._writes.finish(note_id, decider)
            if done is not None:
                finished.append(done)
        return finished

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
        via: str | None = None,
        superseded: bool = False,
        expand: bool = True,
        budget_tokens: int | None = None,
        min_score: float = 0.0,
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
            as_of: what was valid and known then, as the notes stood then; a note whose history does not
                reach so far back, as its oldest kept change found it.
            min_trust: leave out what is trusted less.
            via: only what came in through this door (`source.via`).
            superseded: also what is no longer so.
            expand: let the notes linked to the candidates vote and be found.
            budget_tokens: at most so many tokens of content (a token for every four bytes). If all that
                is in sight fits, all of it is returned, in the order it happened.
            min_score: leave out hits below this score, in [0, 1]; docs/benchmarks.md tells what to expect.
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
                "valid_at": None if superseded else as_of or self.clock(),
                "min_trust": min_trust,
                "via": via,
            },
        )
        return await self._recalling.recall(
            query,
            sight,
            as_of or self.clock(),
            k=k,
            expand=expand,
            budget=budget_tokens,
            min_score=min_score,
            explain=explain,
        )

    # --- look ----------------------------------------------------------------------------------

    async def get(self, note_id: str, *, namespace: str | Sequence[str], forgotten: bool = False) -> Note:
        """One note; with `forgotten`, also one that is out of sight.

        Raises:
            NotFound: no such note in this namespace or below it.
        """
        note = await self._find(note_id, as_namespace(namespace), forgotten=forgotten)
        if note is None:
            raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
        return note

    async def _find(self, note_id: str, namespace: Namespace, *, forgotten: bool = False) -> Note | None:
        if not 8 <= len(note_id) <= 12 or set(note_id) - set(ALPHABET):
            return None
        note = (await self._store.get([note_id], forgotten=forgotten)).get(note_id)
        return note if note and Filter(namespace=namespace).covers(note.namespace) else None

    async def keyed(
        self, keys: Iterable[str], *, namespace: str | Sequence[str], forgotten: bool = False
    ) -> dict[str, Note]:
        """The notes that were remembered under these keys in exactly this namespace, by key.

        Args:
            keys: as they were given to `remember`.
            namespace: whose memory.
            forgotten: also notes that are out of sight; their `forgotten_at` is set.
        """
        space = as_namespace(namespace)
        ids = {keyed_id(space, key): key for key in keys}
        found = await self._store.get(ids, forgotten=forgotten)
        return {ids[note_id]: note for note_id, note in found.items()}

    async def namespaces(
        self, *, under: str | Sequence[str] = (), via: str | None = None, valid: bool | None = None
    ) -> list[Namespace]:
        """Every namespace at or below `under` that holds a note, sorted.

        Args:
            under: a namespace; the whole store where ().
            via, valid: that holds such a note, as for `notes`.
        """
        return await self._store.namespaces(self._sight(as_namespace(under), valid, via=via))

    def _sight(self, namespace: Namespace, valid: bool | None, **fields: Any) -> Filter:
        """A filter for what is so now (`valid`), or for what no longer is, or for both (None)."""
        times = {} if valid is None else {"valid_at" if valid else "over_at": self.clock()}
        return build(Filter, {"namespace": namespace, **fields, **times})

    async def notes(
        self,
        *,
        namespace: str | Sequence[str],
        kinds: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        thread: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        via: str | None = None,
        valid: bool | None = None,
        pending: bool = False,
        limit: int | None = 100,
        after: str | None = None,
        newest_first: bool = False,
        by: Literal["recorded_at", "occurred_at"] = "recorded_at",
    ) -> Page:
        """Notes in the order they were recorded or happened, a page at a time.

        Args:
            namespace, kinds, tags, thread, since, until, via: as for `recall`.
            valid: True for what is so now, False for what no longer is; None for both.
            pending: only those that a judge has still to look at.
            limit: notes a page, 1 to 1,000; None is all that there are, at once and as of one moment.
            after: the cursor of the page before.
            newest_first: the other way round.
            by: the time that they are ordered by.

        Raises:
            InvalidInput: a value does not fit, or the cursor is none of ours.
        """
        if limit is not None:
            within("limit", limit, 1, MAX_PAGE)
        sight = self._sight(
            as_namespace(namespace),
            valid,
            kinds=kinds,
            tags=tags,
            thread=thread,
            since=since,
            until=until,
            via=via,
            pending=pending,
        )
        notes: dict[str, Note] | None = None
        if limit is None:  # all of one version, so no note is missing that another one is linked with
            notes = {note.id: note for note in await self._store.all_notes(sight)}
            found = sorted((getattr(note, by), note.position, note.id) for note in notes.values())
        else:
            found = await self._store.order(sight, by)
        order = [(at.isoformat(), place, note_id) for at, place, note_id in found]
        if newest_first:
            order.reverse()
        if after is not None:
            start = _place(after)
            order = [x for x in order if (x < start if newest_first else x > start)]
        ids = [note_id for *_, note_id in order[:limit]]
        if notes is None:
            notes = await self._store.get(ids)
        more = order[limit - 1] if limit and len(order) > limit else None
        return Page(
            notes=tuple(notes[note_id] for note_id in ids if note_id in notes),
            cursor=None if more is None else "|".join(map(str, more)),
        )

    async def history(self, note_id: str, *, namespace: str | Sequence[str]) -> tuple[Evolution, ...]:
        """What was done to a note, oldest first, forgotten or not.

        The newest 256 changes are kept, and fewer where they are large (256 kB, but always the newest
        one); `dropped` of the first that is given tells how many older ones there were.

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
        within("limit", limit, 1, MAX_PAGE)
        within("hops", hops, 0, MAX_HOPS)
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
        now = self.clock()
        return Stats(
            notes=len(found["kind"]),
            links=sum(map(len, found["links"])) // 2,
            evolutions=sum(history.count('"verb":"evolve"') for history in found["history"]),
            superseded=sum(at <= now for at in found["invalid_at"]),
            pending=sum(found["waiting"]),
            kinds=dict(Counter(found["kind"])),
            threads=len({thread for thread in found["thread"] if thread}),
            first=min(found["occurred_at"], default=None),
            last=max(found["occurred_at"], default=None),
        )

    # --- upkeep --------------------------------------------------------------------------------

    async def quota(self, *, namespace: str | Sequence[str]) -> Quota:
        """What a namespace and all below it may hold together, by its own quota, and what they hold."""
        space = as_namespace(namespace)
        limits = {each.namespace: each for each in await self._store.quotas()}
        return await self._store.measured(limits.get(space, Quota(namespace=space)))

    async def set_quota(
        self, *, namespace: str | Sequence[str], notes: int | None = None, size: int | None = None
    ) -> Quota:
        """Limit what a namespace and all below it may hold together, in place of the limits it has.

        The limits are kept with the store: every process checks them in the commit itself, so that
        writers on one directory never pass them together (on an object store, which has no lock, those
        that write at the same moment may). What is there already stays. Quotas of namespaces above hold
        too. A write beyond them raises QuotaError.

        Args:
            namespace: whose; () is the whole store.
            notes: at most so many notes, forgotten ones included until they are erased; None: any.
            size: at most so many bytes of contents, contexts and data; None: any.

        Raises:
            InvalidInput: a limit is negative.
        """
        limits = {"namespace": as_namespace(namespace), "notes": notes, "size": size}
        quota = build(Quota, limits)
        dimensions = await asyncio.to_thread(lambda: self._embedding.embedder.dimensions)
        await self._store.set_quota(quota, dimensions)
        return await self._store.measured(quota)

    async def examine(self, *, repair: bool = False, purge_after: timedelta | None = None) -> Examination:
        """Look the whole store over: links, ids, revisions, pending notes, indices, files, size, audit log.

        Args:
            repair: mend what can be mended without losing words: one-sided and dangling links, indices
                that lag behind, files that a crash left, a store that outgrew its data, changes that are
                not in the audit log.
            purge_after: erase for good what was forgotten longer ago than this.

        Raises:
            StoreError: the disk failed meanwhile. One that cannot be opened is a finding.
        """
        return await doctor.examine(
            self._store, self._embedding, self.clock(), audit=self._audit, repair=repair, purge=purge_after
        )

    async def exported(self, file: str | PathLike[str]) -> None:
        """Tell the store that notes are about to be exported to a file.

        Erasing looks for what it erased in the files that are known so, and its receipt names those that
        still hold it. `zettelmem export` tells of itself.
        """
        await self._store.exported(file)

    async def reembed(self, *, progress: Callable[[int, int], None] | None = None) -> Reembedded:
        """Move the store to the embedder of this memory, whichever it was written with.

        Memories that hold the old embedder, here and in other processes, go on reading and writing until
        the very end; what they write is carried over. Then writers wait for as long as copying the store
        takes, one commit puts the new vectors in place, and from there the old ones raise StoreMismatch.
        Stopped or killed at any moment it loses nothing: call it again, and it goes on where it was.

        Args:
            progress: called after each batch with the notes that are done, and all.

        Raises:
            ModelError: the embedder failed; call again to go on.
            StoreError: the disk failed, another process is at it, or this is an object store.
        """

        async def embed(texts: Sequence[str]) -> dict[str, Vectors]:
            return await self._embedding.documents(texts, {})

        before, made = await reembed(self._store, embed, progress or (lambda done, total: None))
        return Reembedded(before=before, after=self._embedding.embedder.name, vectors=made)


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


def _revision(change: str) -> int:
    """The number in a change id; 0 where there is none."""
    number = change.partition(".")[2].partition("-")[0]
    return int(number) if number.isdecimal() else 0


def _place(cursor: str) -> tuple[str, int, str]:
    try:
        at, position, note_id = cursor.split("|")
        datetime.fromisoformat(at)
        return at, int(position), note_id
    except ValueError as error:
        raise InvalidInput("that is no cursor of ours; give the `cursor` of the page before") from error
