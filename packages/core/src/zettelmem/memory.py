"""The verbs that write: each checks its arguments and hands on to what writes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from os import PathLike
from typing import Any, Self, Unpack, get_args

from pydantic import BaseModel, JsonValue

from .admin import audit as log
from .admin.desk import AsyncAdmin
from .admin.quotas import Quotas
from .care.review import Reviews
from .care.strength import half_lives as checked_half_lives
from .care.upkeep import Upkeep
from .curator import Curator
from .decisions import Changes, Remembered
from .drafts import Draft, Fields, Message, batches, conversation, revisable
from .embedding import Embedding
from .errors import ConflictError, InvalidInput
from .intake import Intake, Secrets
from .judge import TASKS, Judge, Judging, Task
from .limits import BATCH, MAX_NEIGHBOURS, RESIDENT, within
from .linking import evolve, undo
from .linking.review import Review
from .local import in_zone, zone_of
from .namespace import as_namespace
from .note import Note, Source, Trust
from .protocols import Embedder, LanguageModel, Reranker
from .recall import Recall
from .remember import Remember
from .revise import Revise
from .spending import Budget
from .store import Store
from .values import build, dated, moment
from .wholes import Wholes
from .work import WINDOW, Work
from .writer import Writer, others

logger = logging.getLogger(__name__)


def utc_now() -> datetime:
    """The time, aware."""
    return datetime.now(UTC)


class AsyncMemory(Curator):
    """Notes that link, evolve and are found again.

    Nothing is opened or loaded until it is needed. One object serves any number of namespaces and
    concurrent calls of one event loop; several objects and processes may share one store.

    Attributes:
        admin: the operator's verbs: examine, erase, quotas, re-embedding.
        half_lives: of each kind of note, as `strength` takes them.

    Args:
        uri: a directory, an object-store URI such as ``s3://bucket/path``, or ``memory://``.
        embedder: texts to vectors; the torch-free default where None.
        reranker: a second look at the 50 best of each recall; none where None.
        model: a language model that judges, if `judge` says so.
        judge: who decides by default: ``offline``, ``model`` (at once), ``later`` (a model, when
            `finish_pending` is called), ``ask`` or ``none``; ``model`` where one is given.
        kinds: the application's own kinds, each with the pydantic model of the note's `data`.
        neighbours: how many notes are looked at while remembering by meaning, and as many again at
            most by the names in them, 1 to 50.
        evolve: let the model and the rules describe neighbours differently, not only link them.
        model_timeout: seconds that one call of the model may take.
        tasks: what the model is asked: to ``describe`` a note, which older ones it replaces (``close``),
            which it belongs with (``link``). The rules do the rest.
        budgets: what the model may cost; a question that would go beyond one waits.
        review: what of the model's word a person looks at first: ``all`` that it would change, ``closings``
            (what it would close or reopen) or ``none``. It waits 14 days; see `proposals`.
        durable: on a local directory, sync the disk before a write is acknowledged.
        secrets: what is done with likely secrets (keys, tokens, passwords, card numbers): ``flag`` tags
            the note `secret`, ``redact`` stores and shows the model the text without them, ``refuse``
            raises InvalidInput, ``allow`` does nothing.
        audit: a file that tells who changed what, when and through which door, a line a change, each
            chained to the one before by its hash; never what was said. A change that cannot be told is not
            made. `zettelmem audit` checks it, and `examine` whether all that the notes tell is in it.
        storage_options: what LanceDB needs to reach the object store.
        resident: bytes that namespaces may take in memory together, where they are searched fastest; the
            one that was not used for longest goes first, and one that does not fit is searched on disk.
        half_lives: by kind, after how long without use half of a note's strength is left; see `strength`.
        timezone: whose days "yesterday", "on 3 May" and dates are, and in which zone the times of notes are
            given, such as ``Europe/Lisbon``. Where None, times are given in UTC, and days are those of the
            clock's zone.
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
        tasks: Sequence[Task] = TASKS,
        budgets: Sequence[Budget] = (),
        review: Review = "none",
        durable: bool = True,
        secrets: Secrets = "flag",
        audit: str | PathLike[str] | None = None,
        storage_options: Mapping[str, str] | None = None,
        resident: int = RESIDENT,
        half_lives: Mapping[str, timedelta] | None = None,
        timezone: str | tzinfo | None = None,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        given: object = uri
        place = str(given) if isinstance(given, str | PathLike) else ""
        if not place.strip() or "\0" in place:
            raise InvalidInput(f'uri is {uri!r}; give a directory, an object store\'s URI, or "memory://"')
        within("neighbours", neighbours, 1, MAX_NEIGHBOURS)
        if secrets not in get_args(Secrets):
            raise InvalidInput(f"secrets is {secrets!r}; use {', '.join(get_args(Secrets))}")
        if embedder is None:
            from .providers.wordllama import WordLlama

            embedder = WordLlama()
        if not hasattr(embedder, "embed_documents"):
            raise InvalidInput(
                f"embedder is {embedder!r}; give an object that embeds, such as "
                'zettelmem.providers.named_embedder("multilingual")'
            )
        self.clock = clock
        self.zone = zone_of(timezone)
        self.half_lives = checked_half_lives(half_lives)
        self._store = Store(
            str(uri),
            embedder.name,
            storage_options=storage_options,
            durable=durable,
            budget=resident,
        )
        self._store.hooks.append(Quotas(self._store))
        self._audit = None if audit is None else log.Audit(audit)
        if self._audit is not None:
            self._store.hooks.append(log.Journal(self._audit, self._store, clock))
        self._judging = Judging(
            model, judge, evolve=evolve, timeout=model_timeout, tasks=tasks, budgets=budgets, clock=clock
        )
        self._embedding = Embedding(embedder)
        self._intake = Intake(kinds or {}, secrets)
        self._writer = Writer(self._store, self._embedding, clock)
        self._revise = Revise(self._writer, self._intake, neighbours)
        self._work = Work(self._writer, self._judging, neighbours, review)
        self._remember = Remember(
            self._writer, self._revise, self._judging, self._work, self._intake, neighbours
        )
        self._upkeep = Upkeep(self._writer, self._work, self._intake, self._judging, self.half_lives)
        self._reviews = Reviews(self._writer)
        self._wholes = Wholes(self._writer, self._remember)
        self._recalling = Recall(self._store, self._embedding, reranker)
        self.admin = AsyncAdmin(self._store, self._embedding, self._audit, clock)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Write the uses that wait, finish what runs in the background, and let go of the store."""
        await self._upkeep.uses.close()
        await self._writer.close()
        await self._store.close()

    @in_zone
    async def remember(
        self,
        content: str,
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        kind: str | None = None,
        occurred_at: datetime | date | None = None,
        source: Source | str | None = None,
        trust: Trust = Trust.STATED,
        data: Mapping[str, JsonValue] | BaseModel | None = None,
        keywords: Sequence[str] | None = None,
        tags: Sequence[str] | None = None,
        context: str | None = None,
        key: str | None = None,
        cut: bool = False,
        judge: Judge | None = None,
    ) -> Remembered:
        """Store words as a note, link it, and let its neighbours evolve.

        Args:
            content: the words, kept exactly.
            namespace: whose memory: a path such as ``"acme/ana"``, or its segments (see `as_namespace`).
            thread: the conversation, session or document it belongs to.
            kind: `episodic`, `semantic`, `procedural`, `insight` or a registered kind; found if None.
            occurred_at: when it happened (aware); of a date its first moment in the memory's zone; now if
                None.
            source: who said it, or a whole `Source`.
            trust: how far it may be believed.
            data: the application's own fields, JSON, checked against the kind's model if it has one.
            keywords, tags, context: given ones are kept and no model is asked for them.
            key: the application's name for it; the same key is the same note, revised if it says news. What
                only says again what was remembered under the key before undoes no later revise or forget:
                `known` is then set, and `note` tells what stands. With `data` it is put in its place.
            cut: make notes of a long text where its matter changes, at most 200, each `part_of` the note that
                is given back, which says how the text begins; to forget that one is to forget all. The same
                text again is the same notes.
            judge: who decides about links and evolution this time.

        Raises:
            InvalidInput: a value cannot be used; nothing was stored.
            StoreError: the store failed; nothing was stored.

        The note is stored as the rules see it before any model is asked. A model that fails, or a caller
        that leaves meanwhile, loses nothing: the note stays pending, and `finish_pending` finishes it.
        """
        if not isinstance(content, str):
            raise InvalidInput(
                f"content is {type(content).__name__}; give the words as a string, several notes to "
                "remember_many, the turns of a conversation to remember_conversation"
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
                "occurred_at": moment(occurred_at, self.zone),
                "source": {"who": source} if isinstance(source, str) else source or Source(),
                "trust": trust,
            },
        )
        if cut:
            draft = self._intake.checked(draft)
            return await self._wholes.remember(draft, as_namespace(namespace), self._judging.chosen(judge))
        return (await self.remember_many([draft], namespace=namespace, judge=judge))[0]

    @in_zone
    async def remember_conversation(
        self,
        turns: Iterable[Message | Mapping[str, Any]],
        *,
        namespace: str | Sequence[str],
        thread: str | None = None,
        judge: Judge | None = None,
    ) -> list[Remembered]:
        """Store the turns of a conversation, oldest first, a note each.

        Args:
            turns: messages, or mappings as chat APIs hold them; see `conversation`.
            namespace, thread, judge: as for `remember`, for all of them.

        Returns:
            One for each turn that says something, in order. Turns without words, such as tool calls, and
            an assistant's mere acknowledgements store nothing; a logged warning names their places, from 0.

        Raises:
            InvalidInput: a value cannot be used; nothing was stored.
            StoreError: the store failed; notes of finished commits stay.
        """
        messages = conversation(turns, self.zone)
        silent = [str(place) for place, turn in enumerate(messages) if not turn.says_something]
        if silent:
            logger.warning("nothing to remember in the turns %s of %d", ", ".join(silent), len(messages))
        drafts = [turn.draft(thread=thread) for turn in messages if turn.says_something]
        return await self.remember_many(drafts, namespace=namespace, judge=judge)

    @in_zone
    async def remember_many(
        self,
        drafts: Iterable[Draft | Mapping[str, Any] | str],
        *,
        namespace: str | Sequence[str],
        judge: Judge | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> list[Remembered]:
        """Store many notes in order, up to 256 in one commit; 24 where a model is asked about them at once.

        Args:
            drafts: what is known of each note; a string is its content.
            namespace, judge: as for `remember`, for all of them.
            progress: called with the number of notes stored since the last call, after each commit.

        Returns:
            One for each draft, in order. Notes of finished commits stay if a later one fails.

        Raises:
            InvalidInput: a value cannot be used; nothing was stored.
        """
        if isinstance(drafts, str | Mapping) or not isinstance(drafts, Iterable):
            raise InvalidInput(f"drafts is {type(drafts).__name__}; give a list, or one text to remember")
        space = as_namespace(namespace)
        decider = self._judging.chosen(judge)
        checked: list[Draft] = []
        for each in drafts:
            given = {"content": each} if isinstance(each, str) else each
            draft = build(Draft, dated(given, self.zone) if isinstance(given, Mapping) else given)
            checked.append(self._intake.checked(draft))
        stored: list[Remembered] = []
        for batch in batches(checked, WINDOW if decider == "model" else BATCH):
            stored += await self._remember.remember(batch, space, decider)
            if progress is not None:
                progress(len(batch))
        return stored

    @in_zone
    async def revise(
        self,
        note_id: str,
        *,
        namespace: str | Sequence[str],
        reason: str = "",
        **fields: Unpack[Fields],
    ) -> Remembered:
        """Change what a note says. New content without new keywords or tags gets them from the rules.

        Args:
            note_id, namespace: which note.
            reason: why; kept in its history.
            fields: what changes: see `Fields`.

        Raises:
            NotFound: no such note here.
            InvalidInput: nothing would change, or a value does not fit.
        """
        note = await self._found(note_id, as_namespace(namespace))
        changes = await self._revise.revise(note, dated(revisable(fields), self.zone), reason)
        return Remembered(note=changes.note, change=changes.id)

    @in_zone
    async def forget(
        self, note_id: str, *, namespace: str | Sequence[str], revision: int | None = None
    ) -> Remembered:
        """Put a note out of sight, with every link to it, and with its parts if it stands for a text.

        A forgotten note can be brought back by `undo` for as long as nobody erases it: its words stay
        in the store. `admin.erase_note` erases it; `zettelmem doctor --purge` erases what was forgotten
        more than 30 days ago.

        Args:
            note_id, namespace: which note.
            revision: only if it is still at this revision.

        Raises:
            NotFound: no such note here.
            ConflictError: it was written since the revision given; nothing was done.
        """
        note = await self._found(note_id, as_namespace(namespace))
        now = self.clock()

        def step(state: dict[str, Note]) -> Changes:
            if revision not in (None, state[note.id].revision):
                raise ConflictError(
                    f"note {note.id} was written since revision {revision}; look at it again", (note.id,)
                )
            return evolve.forget(state[note.id], others(state, note.id), now)

        changes = await self._writer.commit_linked(note, step)
        return Remembered(note=changes.note, change=changes.id)

    @in_zone
    async def undo(self, change: str, *, namespace: str | Sequence[str]) -> Remembered:
        """Take one change back, at every note that it wrote: fields, links and validity as before.

        Undoing a `remember` forgets the note; undoing a `forget` or an `undo` brings it back.

        Raises:
            NotFound: no such change here.
            ConflictError: a later change stands on it; the error names that one: undo it first. Or it is
                older than what the history of a note keeps.
        """
        note, entry = await self._caused(change, as_namespace(namespace))
        if entry.verb == "remember":
            # What a model made of the note afterwards is no step of the caller's: it goes as well.
            for later in reversed(note.history):
                if later.cause == note.id and later.verb == "connect" and later.cost is not None:
                    await self.undo(later.change, namespace=namespace)
            note, entry = await self._caused(change, as_namespace(namespace))
        now = self.clock()
        changes = await self._writer.commit_linked(
            note, lambda state: undo.undo(change, state, now), entry.touched
        )
        return Remembered(note=changes.note, change=changes.id)
