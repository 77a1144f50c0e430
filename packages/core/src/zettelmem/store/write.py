"""Writing the table: one atomic write a commit, shared by all calls that arrive together."""

from __future__ import annotations

import asyncio
import json
import random
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Protocol

from zettelmem.decisions import Changes
from zettelmem.errors import ConflictError, ZettelmemError
from zettelmem.linking import evolve
from zettelmem.namespace import Namespace
from zettelmem.note import Note, Relation, random_id
from zettelmem.protocols import Vectors
from zettelmem.quotas import admitted
from zettelmem.ranking import blend
from zettelmem.receipts import Quota

from .disk import TABLE
from .read import Reading
from .schema import QUOTAS, Row, quotas_in, to_row
from .table import as_store_error

if TYPE_CHECKING:
    import pyarrow as pa
    from lancedb.table import AsyncTable

FOLD = 8
"""Small fragments that are made one, by the write that finds so many of its own, or by upkeep."""
SMALL = (FOLD * 4, FOLD * FOLD * 4)
"""Rows below which a fragment is small: in the first place, and if few of those are there."""
FRAGMENT = 32
"""Bits by which the address of a row is its fragment's number and its place there."""
GUARD = "target.revision = source.base_revision"
"""The condition of every update: the row is as it was read."""
ATTEMPTS = 20
"""How often rows that somebody else keeps writing are made again before a ConflictError."""
WINDOW = 1_000
"""Characters of each neighbouring content of its thread that a note can be found by."""
Step = Callable[[dict[str, Note]], Sequence[Changes]]
"""A pure function from the fresh states of the notes that were asked for to what must be written."""


class Journal(Protocol):
    """What is told of every change. If it raises before a write, nothing is written."""

    async def begin(self, changes: Sequence[Changes]) -> None:
        """These are about to be written."""

    async def fail(self, changes: Sequence[Changes]) -> None:
        """Writing them failed; some may stand nevertheless."""

    async def erase(self, namespace: Namespace, ids: Iterable[str]) -> None:
        """These notes are about to be erased."""


class VectorsMissing(ZettelmemError):
    """The fresh states need texts embedded that the caller did not foresee; embed them and try again."""

    def __init__(self, texts: tuple[str, ...]) -> None:
        super().__init__(f"{len(texts)} texts have no vector")
        self.texts = texts


class IdTaken(ZettelmemError):
    """A note of the same id is there already."""

    def __init__(self, note_id: str) -> None:
        super().__init__(f"note id {note_id} is taken")
        self.note_id = note_id


@dataclass
class _Job:
    ids: tuple[str, ...]
    step: Step
    vectors: Mapping[str, Vectors]
    done: asyncio.Future[list[Changes]]


@dataclass(eq=False, repr=False)
class Store(Reading):
    """Notes on disk, in memory or in a bucket.

    Attributes:
        journal: told what is about to be written, if anything is.
        commits: writes made by this object, each shared by all calls that arrived together.
    """

    journal: Journal | None = field(init=False, default=None)
    commits: int = field(init=False, default=0)
    _jobs: list[_Job] = field(init=False, default_factory=list)
    _loose: list[pa.Table] = field(init=False, default_factory=list)
    _wrote_at: int = field(init=False, default=0)

    async def commit(self, ids: Iterable[str], step: Step, vectors: Mapping[str, Vectors]) -> list[Changes]:
        """Work `step` out on the fresh states of `ids` and write what it returns: all of it or nothing.

        Args:
            ids: the notes that the step is about; missing ones are left out of what it is given.
            step: pure; may be called more than once.
            vectors: unit vector of each text (content or description) that is new or may have changed.

        Raises:
            VectorsMissing: the step made a text without a vector; nothing was written.
            IdTaken: a new note has the id of another; nothing was written.
            ConflictError: on an object store, others kept writing the same notes.
            StoreError: the disk or the bucket failed; nothing was written.
        """
        job = _Job(tuple(dict.fromkeys(ids)), step, vectors, asyncio.get_running_loop().create_future())
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
            before = await self.read_rows(each for job in jobs for each in job.ids)
            after = dict(before)
            made: list[tuple[_Job, list[Changes]]] = []
            room = _Room(self)
            for job in jobs:
                try:
                    state = {each: after[each].note for each in job.ids if each in after}
                    changes = list(job.step(state))
                    if not self.lockable:
                        changes = evolve.marked(changes, random_id(secrets.token_bytes(5)))
                    new = _with_vectors(changes, after, job.vectors)
                    await room.take(after, new)
                    after |= new
                except Exception as error:  # noqa: BLE001 - it goes to the caller whose step it was
                    job.done.set_exception(error)
                else:
                    made.append((job, changes))
            if made:
                see_around(after)
            rows = {note_id: row for note_id, row in after.items() if row is not before.get(note_id)}
            if rows:
                told = [each for _, changes in made for each in changes]
                if self.journal is not None:
                    await self.journal.begin(told)
                try:
                    await self._write(rows, before)
                except Exception:
                    if self.journal is not None:
                        await self.journal.fail(told)
                    raise
        for job, changes in made:
            job.done.set_result(changes)

    async def _write(self, rows: Mapping[str, Row], before: Mapping[str, Row]) -> None:
        """Write the rows on their base revisions; those that others changed meanwhile are made again."""
        base = {note_id: before[note_id] for note_id in rows if note_id in before}
        ours, pending = dict(rows), dict(rows)
        for attempt in range(ATTEMPTS):
            written = await self._merge(pending, base)
            if written == len(pending):
                break
            fresh = await self.read_rows(pending)
            stale: dict[str, Row] = {}
            for note_id, row in pending.items():
                now = fresh.get(note_id)
                if now is None:
                    continue  # erased meanwhile: nothing to change any more
                if row.note.history[-1].change in {entry.change for entry in now.note.history}:
                    continue  # ours is there, perhaps with another's on top of it
                if note_id not in base:
                    raise IdTaken(note_id)
                rebased = evolve.rebase(before[note_id].note, ours[note_id].note, now.note)
                base[note_id] = now
                stale[note_id] = replace(row, note=rebased)
            pending = stale
            if not pending:
                break
            await asyncio.sleep(random.uniform(0, 0.01 * 2 ** min(attempt, 6)))
        else:
            ids = tuple(pending)
            raise ConflictError(
                f"others kept writing {', '.join(ids)} through {ATTEMPTS} attempts; try again later",
                ids,
            )
        self.commits += 1
        await self.sync()

    async def _merge(self, rows: Mapping[str, Row], base: Mapping[str, Row]) -> int:
        import pyarrow as pa

        first = next(iter(rows.values()))
        table = await self.table() or await self.create(len(first.vector))
        schema = await table.schema()
        values = [
            to_row(row, base[note_id].note.revision if note_id in base else 0)
            for note_id, row in rows.items()
        ]
        new = pa.Table.from_pylist(values, schema=schema)
        with as_store_error(f"writing {self.uri}"):
            before = await table.version()
            again = self._to_write_again(new) if before == self._wrote_at else []
            if before != self._wrote_at:
                self._loose = []
            new = pa.concat_tables([new, *again])
            # Without its index the id is looked up by a scan, which is what makes inserts exact when
            # several processes write: the index does not see what was inserted since it was built.
            result = await (
                table.merge_insert("id")
                .when_matched_update_all(where=GUARD)
                .when_not_matched_insert_all()
                .use_index(False)
                .execute(new)
            )
        if result.version == before + 1:  # nobody else wrote in between
            self._wrote_at = result.version
            if self.lockable and len(new) < SMALL[-1]:  # without a lock others may write them meanwhile
                self._loose.append(on_itself(new))
            if self._kept_at == before:
                self._kept_at = result.version
                for note_id in rows:
                    self._kept.pop(note_id, None)
        if result.num_inserted_rows > len(rows.keys() - base.keys()):
            await self._take_back(table, result.version, base.keys() & rows.keys())
        return int(result.num_inserted_rows + result.num_updated_rows) - sum(map(len, again))

    async def _take_back(self, table: AsyncTable, version: int, ids: Iterable[str]) -> None:
        """Delete what a write made anew because somebody erased it after it was read: without a lock only."""
        from lancedb.expr import col, lit

        with as_store_error(f"writing {self.uri}"):
            before = await (await self.connect()).open_table(TABLE)
            await before.checkout(version - 1)
            these = col("id").isin([lit(each) for each in ids])
            there = (await before.query().where(these).select(["id"]).to_arrow())["id"].to_pylist()
            await table.delete(col("id").isin([lit(each) for each in {*ids} - {*there}]))

    def _to_write_again(self, new: pa.Table) -> list[pa.Table]:
        """Rows of this object's last, small writes, to go into one fragment with the new ones.

        Every read opens every fragment, so what is written note by note would soon slow it down.
        """
        import pyarrow as pa

        small = small_ones([len(each) for each in self._loose])
        if not any(small):
            return []
        again: list[pa.Table] = []
        kept: list[pa.Table] = []
        seen = set(new["id"].to_pylist())
        for table, go in zip(reversed(self._loose), reversed(small), strict=True):
            ids = table["id"].to_pylist()
            table = table.filter(pa.array([each not in seen for each in ids], pa.bool_()))
            seen.update(ids)
            (again if go else kept).append(table)
        self._loose = kept[::-1]
        return again

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
                kept = {each.namespace: each for each in quotas_in(await table.schema())}
                kept[quota.namespace] = quota
                limited = [
                    [each.namespace, each.notes, each.size]
                    for each in kept.values()
                    if each.notes is not None or each.size is not None
                ]
                told = {"path": "namespace", "metadata": {QUOTAS: json.dumps(limited)}}
                await table.update_field_metadata(told)
            await self.sync()

    async def delete(self, ids: Iterable[str]) -> None:
        """Remove rows for good. Old versions keep their bytes until upkeep cleans them."""
        from lancedb.expr import col, lit

        table = await self.table()
        if table is None:
            return
        async with self.turn, self.lock():
            with as_store_error(f"writing {self.uri}"):
                await table.delete(col("id").isin([lit(each) for each in ids]))
            await self.sync()


class _Room:
    """What quotas leave to the jobs of one commit, each taking its part before the next."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._limits: list[Quota] | None = None
        self._room: dict[Namespace, Quota] = {}

    async def take(self, before: Mapping[str, Row], after: Mapping[str, Row]) -> None:
        """Take the part of one job.

        Raises:
            QuotaError: there is not that much.
        """
        if self._limits is None and after:
            self._limits = await self._store.quotas()
        notes = {note_id: row.note for note_id, row in after.items()}
        concerned = [x for x in self._limits or () if any(x.covers(y.namespace) for y in notes.values())]
        for each in concerned:
            if each.namespace not in self._room:
                self._room[each.namespace] = await self._store.measured(each)
        then = {note_id: row.note for note_id, row in before.items()}
        left = admitted([self._room[each.namespace] for each in concerned], then, notes)
        self._room |= {each.namespace: each for each in left}


def small_ones(sizes: Sequence[int]) -> list[bool]:
    """Which fragments of these numbers of rows are worth to be made one, the smallest first."""
    for small in SMALL:
        if sum(size < small for size in sizes) >= FOLD:
            return [size < small for size in sizes]
    return [False] * len(sizes)


async def write_again(table: AsyncTable, ids: Sequence[str]) -> None:
    """Write rows once more as they are, into one new fragment, unless somebody changed them meanwhile."""
    from lancedb.expr import col, lit

    rows = await table.query().where(col("id").isin([lit(each) for each in ids])).to_arrow()
    await (
        table.merge_insert("id")
        .when_matched_update_all(where=GUARD)
        .use_index(False)
        .execute(on_itself(rows))
    )


def on_itself(rows: pa.Table) -> pa.Table:
    """Rows to be written once more as they are, unless somebody else changed them."""
    place = rows.schema.get_field_index("base_revision")
    return rows.set_column(place, rows.schema.field(place), rows["revision"])


def _with_vectors(
    changes: Sequence[Changes], before: Mapping[str, Row], vectors: Mapping[str, Vectors]
) -> dict[str, Row]:
    after: dict[str, Row] = {}
    missing: list[str] = []
    final = {note.id: note for change in changes for note in change.notes}
    for note in final.values():
        old = before.get(note.id)
        if old and (old.note.content, old.note.description) == (note.content, note.description):
            after[note.id] = replace(old, note=note)
            continue
        same_content = old is not None and old.note.content == note.content
        wanted = [note.description] if same_content else [note.content, note.description]
        lacking = [text for text in wanted if text not in vectors]
        missing += lacking
        if lacking:
            continue
        content = old.content_vector if old and same_content else vectors[note.content]
        vector = blend(content, vectors[note.description])
        after[note.id] = (
            replace(old, note=note, content_vector=content, vector=vector)
            if old
            else Row(note, content, vector)
        )
    if missing:
        raise VectorsMissing(tuple(dict.fromkeys(missing)))
    return after


def see_around(rows: dict[str, Row]) -> None:
    """Let notes that follow each other be found by each other's words, and no longer where they don't."""
    for note_id in sorted(rows, key=lambda each: rows[each].note.position):
        row = rows[note_id]
        follows = [link for link in row.note.links if link.relation is Relation.FOLLOWS]
        earlier = [link.target for link in follows if link.source == note_id][-1:]
        later = [link.source for link in follows if link.target == note_id][-1:]
        before, after = (row.before if earlier else ()), (row.after if later else "")
        if earlier and earlier[0] in rows:
            previous = rows[earlier[0]]
            before = (*previous.before[-1:], previous.note.content[-WINDOW:])
        if later and later[0] in rows:
            after = rows[later[0]].note.content[:WINDOW]
        if (before, after) != (row.before, row.after):
            rows[note_id] = replace(row, before=before, after=after)
