"""Writing the table: one atomic write a commit, shared by all calls that arrive together."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from zettelmem.decisions import Changes
from zettelmem.errors import ConflictError, ZettelmemError
from zettelmem.linking import evolve
from zettelmem.namespace import Namespace
from zettelmem.note import Note, random_id
from zettelmem.protocols import CommitHook, Vectors
from zettelmem.receipts import Quota

from .disk import TABLE
from .metadata import one_more_erasure, with_quota
from .schema import Row, columns_of, to_table
from .search import Search
from .steps import Played, Step, final, lacking, play, rows_of, see_around
from .table import as_store_error
from .uses import Use, carried, counted, counts_of, together
from .views import Views

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

GUARD = "target.revision = source.base_revision"
"""The condition of every update: the row is as it was read."""
TRIES = 8
"""How often a change is worked out again because the notes it stands on changed meanwhile."""
PATIENCE = 3
"""Turns after which texts are embedded while the lock is held, so that a crowd starves nobody."""
ATTEMPTS = 20
"""How often rows that somebody else keeps writing are made again before a ConflictError."""
Embed = Callable[[Iterable[str]], Awaitable[Mapping[str, Vectors]]]
"""From texts to the unit vector of each."""


class IdTaken(ZettelmemError):
    """A note of the same id is there already."""

    def __init__(self, note_id: str) -> None:
        super().__init__(f"note id {note_id} is taken")
        self.note_id = note_id


@dataclass
class _Job:
    """One call that waits for its write.

    Attributes:
        embed: makes the vectors that are missing in the turn itself; None where the caller makes them first.
        done: answers with the changes that were written, or with the texts that need a vector first.
    """

    namespace: Namespace
    ids: tuple[str, ...]
    step: Step
    vectors: Mapping[str, Vectors]
    played: Played
    embed: Embed | None
    done: asyncio.Future[Sequence[Changes] | frozenset[str]]


@dataclass(eq=False, repr=False)
class Store(Views):
    """Notes on disk, in memory or in a bucket.

    Attributes:
        hooks: what looks at every commit before it is written.
        commits: writes made by this object, each shared by all calls that arrived together.
        uses: uses of notes that nobody has written yet; they go with the next commit.
    """

    hooks: list[CommitHook] = field(init=False, default_factory=list)
    commits: int = field(init=False, default=0)
    uses: dict[str, Use] = field(init=False, default_factory=dict)
    _jobs: list[_Job] = field(init=False, default_factory=list)

    async def commit(
        self,
        namespace: Namespace,
        ids: Iterable[str],
        step: Step,
        embed: Embed,
        vectors: Mapping[str, Vectors] | None = None,
        around: Search | None = None,
    ) -> list[Changes]:
        """Work `step` out on the fresh states of `ids` and write what it returns: all of it or nothing.

        The step is worked out before the lock is taken, and once more under it only if one of the notes
        changed meanwhile. Texts are embedded outside the lock.

        Args:
            namespace: where all these notes are.
            ids: the notes that the step is about; missing ones are left out of what it is given.
            step: pure; may be called more than once.
            embed: makes vectors of contents and descriptions that are new.
            vectors: unit vectors that are known already, by text.
            around: a search made just now, whose rows the step is worked out on before the lock is taken.

        Raises:
            IdTaken: a new note has the id of another; nothing was written.
            ConflictError: the notes kept changing.
            StoreError: the disk or the bucket failed; nothing was written.
        """
        known = dict(vectors or {})
        wanted = tuple(dict.fromkeys(ids))
        search = around or await self.search(namespace)
        played = play(step, await search.rows(wanted))
        missing = lacking(played.changes, played.rows, known)
        for attempt in range(TRIES):
            if missing:
                known |= await embed(missing)
            # In a crowd others may change the notes before each turn: at last the turn itself embeds.
            in_turn = embed if attempt >= PATIENCE else None
            future = asyncio.get_running_loop().create_future()
            answer = await self._submitted(_Job(namespace, wanted, step, known, played, in_turn, future))
            if not isinstance(answer, frozenset):
                return list(answer)
            missing = answer
        raise ConflictError(f"the notes kept changing through {TRIES} attempts; try again later", wanted)

    async def search(self, namespace: Namespace) -> Search:
        """What finds the notes of a namespace and below it, as they are now."""
        return Search(self, namespace, await self.view(namespace))

    @property
    def busy(self) -> bool:
        """Whether a call writes or waits to write."""
        return bool(self._jobs) or self.turn.locked()

    async def _submitted(self, job: _Job) -> Sequence[Changes] | frozenset[str]:
        self._jobs.append(job)
        # A caller that goes away must not tear a write that others share: the write goes on in its task.
        await asyncio.shield(asyncio.ensure_future(self._take_turn(job)))
        return job.done.result()

    async def _take_turn(self, mine: _Job) -> None:
        async with self.turn:
            if mine.done.done():
                return
            jobs, self._jobs = self._jobs, []
            try:
                await self._commit_together(jobs)
            except BaseException as error:
                for job in jobs:
                    if not job.done.done():
                        job.done.set_exception(error)
                if not isinstance(error, Exception):
                    raise
            for job in jobs:
                job.done.exception()  # seen, so that a caller that went away leaves no warning

    async def _commit_together(self, jobs: Sequence[_Job]) -> None:
        await self.connect()
        async with self.lock():
            uses, self.uses = self.uses, {}
            try:
                batch = await self._batch(jobs, uses)
                for job in jobs:
                    try:
                        await batch.take(job)
                    except Exception as error:  # noqa: BLE001 - it goes to the caller whose step it was
                        job.done.set_exception(error)
                rows = batch.written(uses)
                if rows:
                    await self._tell_and_write(rows, batch)
            except BaseException:
                self.uses = together(uses, self.uses)  # they go with the next commit
                raise
        for job, changes in batch.made:
            job.done.set_result(changes)

    async def _batch(self, jobs: Sequence[_Job], uses: Mapping[str, Use]) -> _Batch:
        before: dict[str, Row] = {}
        wanted: dict[Namespace, list[str]] = {}
        for job in jobs:
            wanted.setdefault(job.namespace, []).extend(job.ids)
        for note_id, use in uses.items():
            wanted.setdefault(use.namespace, []).append(note_id)
        for namespace, ids in wanted.items():
            before |= await self.rows(namespace, ids)
        return _Batch(self, before)

    async def _tell_and_write(self, rows: dict[str, Row], batch: _Batch) -> None:
        changes = [each for _, made in batch.made for each in made]
        try:
            await self._write(rows, batch.before)
        except Exception:
            for hook in self.hooks:
                await hook.failed(changes)
            raise
        self.commits += 1
        await self.sync()

    async def _write(self, rows: Mapping[str, Row], before: Mapping[str, Row]) -> None:
        """Write the rows on their base revisions; those that others changed meanwhile are made again."""
        base = {note_id: before[note_id] for note_id in rows if note_id in before}
        pending = dict(rows)
        for attempt in range(ATTEMPTS):
            written = await self._merge(pending, base)
            if written == len(pending):
                return
            pending = await self._made_again(pending, rows, before, base)
            if not pending:
                return
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))
        raise ConflictError(
            f"others kept writing {', '.join(pending)} through {ATTEMPTS} attempts; try again later",
            tuple(pending),
        )

    async def _made_again(
        self,
        pending: Mapping[str, Row],
        ours: Mapping[str, Row],
        before: Mapping[str, Row],
        base: dict[str, Row],
    ) -> dict[str, Row]:
        """What is left to be written, each row made again on what somebody else wrote; `base` follows."""
        fresh = await self.stored_rows(pending)
        again: dict[str, Row] = {}
        for note_id, row in pending.items():
            now = fresh.get(note_id)
            if now is None:
                continue  # erased meanwhile: nothing to change any more
            if now.note.namespace != row.note.namespace:
                raise IdTaken(note_id)
            if _is_written(row.note, before.get(note_id), now.note):
                continue  # ours is there, perhaps with another's on top of it
            if note_id not in base:
                raise IdTaken(note_id)
            old, new = before[note_id].note, ours[note_id].note
            rebased = evolve.rebase(old, new, now.note) if new.revision > old.revision else now.note
            rebased = rebased.model_copy(update=carried(old, new, now.note))
            base[note_id] = now
            again[note_id] = replace(row, note=rebased).with_terms(now)
        return again

    async def _merge(self, rows: Mapping[str, Row], base: Mapping[str, Row]) -> int:
        """Write rows in one commit and return how many of them were written."""
        first = next(iter(rows.values()))
        table = await self.table() or await self.create(len(first.vector))
        bases = [base[note_id].note.revision if note_id in base else 0 for note_id in rows]
        columns = columns_of(rows.values())
        new = to_table(columns, bases, self.schema or await table.schema())
        with as_store_error(f"writing {self.uri}"):
            # Under the lock the version that was looked at last is the newest. If it is not, the views read.
            before = self.seen if self.lockable else await self.settled(table)
            # Without its index the id is looked up by a scan, which is what makes inserts exact when
            # several processes write: the index does not see what was inserted since it was built.
            merge = (
                table.merge_insert("id").when_matched_update_all(where=GUARD).when_not_matched_insert_all()
            )
            try:
                result = await merge.use_index(False).execute(new)
            except RuntimeError:
                if not self.lockable:
                    await self.settled(table)  # that it was moved meanwhile says more than what LanceDB says
                raise
            if not self.lockable:
                await self.settled(table)
        written = int(result.num_inserted_rows + result.num_updated_rows)
        if result.version == before + 1 and written == len(rows):  # nobody else wrote in between
            self.take_in(new, columns, rows, before, result.version)
        if result.num_inserted_rows > len(rows.keys() - base.keys()):
            await self._take_back(table, result.version, base.keys() & rows.keys())
        return written

    async def _take_back(self, table: AsyncTable, version: int, ids: Iterable[str]) -> None:
        """Delete what a write made anew because somebody erased it after it was read: without a lock only."""
        from lancedb.expr import col, lit

        with as_store_error(f"writing {self.uri}"):
            before = await (await self.connect()).open_table(TABLE)
            await before.checkout(version - 1)
            these = col("id").isin([lit(each) for each in ids])
            there = (await before.query().where(these).select(["id"]).to_arrow())["id"].to_pylist()
            await table.delete(col("id").isin([lit(each) for each in {*ids} - {*there}]))
            await self.describe(table, one_more_erasure)

    async def set_quota(self, quota: Quota, dimensions: int) -> None:
        """Keep a quota in place of the one that its namespace has; without limits, none.

        Args:
            quota: its namespace and limits.
            dimensions: of a vector, should the table have to be made for it.

        Raises:
            StoreError: the disk or the bucket failed.
        """
        await self.connect()
        async with self.turn, self.lock():
            table = await self.table() or await self.create(dimensions)
            with as_store_error(f"writing {self.uri}"):
                if not self.lockable:
                    await self.settled(table)
                await self.describe(table, lambda schema: with_quota(schema, quota))
                if not self.lockable:
                    await self.settled(table)
            await self.sync()


def _is_written(ours: Note, before: Row | None, now: Note) -> bool:
    """Whether what is stored now holds what we wrote: our last change, or else our counts."""
    if before is not None and ours.revision == before.note.revision:
        return counts_of(ours) == counts_of(now)
    return ours.history[-1].change in {entry.change for entry in now.history}


class _Batch:
    """The jobs of one write: each stands on what those before it made.

    Attributes:
        before: the rows as they are in the table.
        made: the jobs that will be written, and what each changes.
    """

    def __init__(self, store: Store, before: dict[str, Row]) -> None:
        self.before = before
        self.made: list[tuple[_Job, Sequence[Changes]]] = []
        self._after = dict(before)
        self._changed: dict[str, Note] = {}
        self._stored = {note_id: row.note for note_id, row in before.items()}
        self._store = store

    async def take(self, job: _Job) -> None:
        """Take a job in, or answer it with the texts that need a vector first."""
        rows = {note_id: self._after[note_id] for note_id in job.ids if note_id in self._after}
        played = job.played if job.played.fits(rows) else play(job.step, rows)
        missing = lacking(played.changes, rows, job.vectors)
        if missing and job.embed is None:
            job.done.set_result(missing)
            return
        vectors = job.vectors if job.embed is None else {**job.vectors, **await job.embed(missing)}
        changes = played.changes
        if not self._store.lockable:
            changes = evolve.marked(changes, random_id(secrets.token_bytes(6)))
        after = rows_of(changes, rows, vectors)
        changed = {**self._changed, **final(changes)}
        for hook in self._store.hooks if changes else ():
            await hook.before(changes, self._stored, changed)
        self._changed = changed
        self._after |= after
        self.made.append((job, changes))

    def written(self, uses: Mapping[str, Use]) -> dict[str, Row]:
        """The rows that are new, changed or used, with all that is derived from notes around them."""
        for note_id, use in uses.items():
            if note_id in self._after:
                self._after[note_id] = counted(self._after[note_id], use)
        see_around(self._after)
        changed: dict[str, Row] = {}
        for note_id, row in self._after.items():
            old = self.before.get(note_id)
            if row is not old:
                changed[note_id] = row.with_terms(old)
        return changed


async def write_again(table: AsyncTable, ids: Sequence[str]) -> None:
    """Write rows once more as they are, into one new fragment, unless somebody changed them meanwhile."""
    from lancedb.expr import col, lit

    rows = await table.query().where(col("id").isin([lit(each) for each in ids])).to_arrow()
    place = rows.schema.get_field_index("base_revision")
    rows = rows.set_column(place, rows.schema.field(place), rows["revision"])
    merge = table.merge_insert("id").when_matched_update_all(where=GUARD).use_index(False)
    await merge.execute(rows)
