"""What an operator does to a whole store: look it over, erase for good, limit, back up, restore, re-embed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from os import PathLike

from zettelmem.embedding import Embedding
from zettelmem.errors import InvalidInput, NotFound
from zettelmem.limits import BATCH
from zettelmem.namespace import Namespace, as_namespace
from zettelmem.note import Note, Relation
from zettelmem.protocols import Vectors
from zettelmem.queries import Filter
from zettelmem.receipts import Backup, Erasure, Examination, Quota, Reembedded
from zettelmem.segments import begins_with
from zettelmem.store import IdTaken, Store, Tidying, reembed
from zettelmem.values import build

from . import doctor, restore
from . import erase as erasure
from .audit import Audit


class AsyncAdmin:
    """The operator's verbs of a memory: `memory.admin`."""

    def __init__(
        self, store: Store, embedding: Embedding, audit: Audit | None, clock: Callable[[], datetime]
    ) -> None:
        self._store = store
        self._embedding = embedding
        self._audit = audit
        self._clock = clock

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

    async def erase_note(self, note_id: str, *, namespace: str | Sequence[str]) -> Erasure:
        """Remove one note for good, forgotten or not, and all that is derived from it, as `erase` does.

        If it stands for a text, its parts go too; if a text begins with its words, the note of that text.

        Raises:
            NotFound: no such note in this namespace or below it.
            ConflictError: on an object store, others kept writing; erase again.
            StoreError: the disk or the bucket failed, or `zettelmem[buckets]` is not installed.
        """
        space = as_namespace(namespace)
        if not isinstance(note_id, str):
            raise InvalidInput(f"the note id is {note_id!r}; give it as a string, such as note.id")
        note = (await self._store.get([note_id], forgotten=True)).get(note_id)
        if note is None or note.namespace[: len(space)] != space:
            raise NotFound(f"no note {note_id!r} here; ids come from recall and from notes")
        return await self._erase(note.namespace, {note_id})

    async def _erase(self, namespace: Namespace, ids: set[str] | None) -> Erasure:
        """Erase notes of exactly this namespace, or without ids all at and below it."""

        def choose(notes: Mapping[str, Note]) -> set[str]:
            if ids is not None and ids - notes.keys():
                raise NotFound(f"note {', '.join(sorted(ids - notes.keys()))} was erased meanwhile")
            return set(notes) if ids is None else _with_their_text(ids, notes)

        return await erasure.erase(
            self._store, self._embedding, namespace, self._clock(), choose=choose, alone=ids is not None
        )

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
        quota = build(Quota, {"namespace": as_namespace(namespace), "notes": notes, "size": size})
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
            self._store, self._embedding, self._clock(), audit=self._audit, repair=repair, purge=purge_after
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

        before, made = await reembed(self._store, self._embed, progress or (lambda done, total: None))
        return Reembedded(before=before, after=self._embedding.embedder.name, vectors=made)

    async def _embed(self, texts: Iterable[str]) -> dict[str, Vectors]:
        return await self._embedding.documents(texts, {})

    async def backup(self) -> Backup:
        """Every note of one version of the store, forgotten ones too, with the quotas; others may write on.

        All of them are held in memory at once. `zettelmem backup` writes them to a file.

        Raises:
            StoreError: the store cannot be read.
        """
        notes = await self._store.all_notes(Filter(namespace=()), forgotten=True)
        notes.sort(key=lambda note: (note.recorded_at, note.position, note.id))
        return Backup(notes=tuple(notes), quotas=tuple(await self._store.quotas()))

    async def present(self, ids: Iterable[str]) -> dict[str, Note]:
        """The notes of these ids that the whole store holds, forgotten ones too, by id."""
        return await self._store.get(ids, forgotten=True)

    async def restore(
        self,
        notes: Iterable[Note],
        *,
        more: Mapping[str, Namespace] | None = None,
        progress: Callable[[int], None] | None = None,
    ) -> int:
        """Write whole notes as they were: ids, revisions, links, histories and times; up to 256 a commit.

        Only their vectors are made anew. Neither kinds nor secrets are checked: the notes passed that when
        they were remembered. A link whose other end is neither restored nor here is taken away, and the
        history of its note tells so.

        Args:
            notes: as `notes(limit=None)` or `backup` gave them, oldest first.
            more: the namespace of each note that other calls restore beside these, by id; their links stay.
            progress: called with the number of notes written since the last call, after each commit.

        Returns:
            How many notes were written.

        Raises:
            InvalidInput: a note is there already, or no store can have written it. Notes of finished
                commits stay.
            ModelError: the embedder failed.
            StoreError: the store failed.
        """
        whole = [restore.sound(note) for note in notes]
        coming = {**(more or {}), **{note.id: note.namespace for note in whole}}
        tidying = Tidying(self._store)
        try:
            for batch in restore.batches(whole, BATCH):
                await self._bring_back(batch, coming)
                tidying.after(len(batch))
                if progress is not None:
                    progress(len(batch))
        finally:
            await tidying.close()
        return len(whole)

    async def _bring_back(self, batch: Sequence[Note], coming: Mapping[str, Namespace]) -> None:
        space, now = batch[0].namespace, self._clock()
        near = await self._store.notes(space, restore.follows(batch))
        ids = {*restore.around(batch), *restore.follows(list(near.values()))}
        try:
            await self._store.commit(
                space, ids, lambda fresh: restore.brought_back(batch, fresh, coming, now), self._embed
            )
        except IdTaken as error:
            raise InvalidInput(
                f"note {error.note_id} is there already, in another namespace; leave it out, or erase it "
                "there"
            ) from error


def _with_their_text(ids: set[str], notes: Mapping[str, Note]) -> set[str]:
    """These notes, the parts of those that stand for a text, and the note of a text that begins with one.

    Pure. A note that was forgotten tells what it was a part of in its history only.
    """
    gone = set(ids)
    for note in (notes[each] for each in ids):
        links = [*note.links, *(link for entry in note.history for link in entry.unlinked)]
        for link in links:
            whole = notes.get(link.target)
            if link.relation is not Relation.PART_OF or whole is None:
                continue
            if whole.id == note.id:
                gone.add(link.source)
            elif begins_with(note.content, whole.content):
                gone.add(whole.id)
    return gone & notes.keys()
