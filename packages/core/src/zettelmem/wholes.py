"""A long text as a note that stands for the whole, and a note for each piece in which the matter is one."""

from __future__ import annotations

import hashlib

import numpy as np

from .decisions import Changes, Remembered
from .drafts import Draft, batches
from .errors import InvalidInput
from .judge import Judge
from .limits import BATCH
from .linking import evolve
from .namespace import Namespace
from .note import KINDS, Note, Relation, keyed_id
from .remember import Remember
from .segments import beginning, pieces, sentences
from .writer import Writer, alive

MOST = 200
"""Pieces of one text; each is a link of the note that stands for it."""
BEGINNING = 100
"""Characters of the text's first line that the note of the whole says."""


class Wholes:
    """Remembers texts in pieces.

    Args:
        writer: what commits.
        remember: what makes notes of drafts.
    """

    def __init__(self, writer: Writer, remember: Remember) -> None:
        self._writer = writer
        self._remember = remember

    async def remember(self, draft: Draft, namespace: Namespace, judge: Judge) -> Remembered:
        """The note of the whole; the very note of a text whose matter is one.

        Raises:
            InvalidInput: another text stands under the draft's key.
        """
        texts = await self._pieces(draft.content)
        if len(texts) == 1:
            return (await self._remember.remember([draft], namespace, judge))[0]
        digest = hashlib.sha256(draft.content.encode()).hexdigest()[:16]
        key = draft.key or f"text {digest}"
        known = await self._writer.store.get([keyed_id(namespace, key)], forgotten=True)
        for whole in known.values():
            return await self._again(whole, texts)
        drafts = _drafts(draft, key, texts)
        done: list[Remembered] = []
        for batch in batches(drafts, 1 if judge == "model" else BATCH):
            done += await self._remember.remember(batch, namespace, judge)
        ids = [each.note.id for each in done]

        def step(fresh: dict[str, Note]) -> list[Changes]:
            parts = [fresh[each] for each in ids[1:] if each in fresh and fresh[each].forgotten_at is None]
            return [evolve.compose(alive(fresh, ids[0]), parts, self._writer.clock())]

        (changes,) = await self._writer.commit(namespace, ids, step)
        return done[0].model_copy(update={"note": changes.note})

    async def _pieces(self, text: str) -> list[str]:
        found = sentences(text)
        if len(found) < 2:
            return [text]
        said = [text[each.start : each.end] for each in found]
        vectors = await self._writer.embedding.documents(said, {})
        return pieces(text, found, np.stack([vectors[each] for each in said]), MOST)

    async def _again(self, whole: Note, texts: list[str]) -> Remembered:
        """The whole of a text that is there already; one that was forgotten stays so, as other keys do.

        Raises:
            InvalidInput: another text stands under the key.
        """
        ids = whole.parts
        if whole.forgotten_at is not None:
            gone = [link for entry in whole.history for link in entry.unlinked]
            ids = tuple(link.source for link in gone if link.relation is Relation.PART_OF)
        parts = (await self._writer.store.get(ids, forgotten=True)).values()
        there = [note.content for note in sorted(parts, key=lambda note: note.position)]
        if there != texts:
            raise InvalidInput(f"note {whole.id} stands for another text under this key; give another key")
        return Remembered(note=whole, change=whole.history[0].change, known=True)


def _drafts(draft: Draft, key: str, texts: list[str]) -> list[Draft]:
    """What is remembered of a text: the whole, which says how the text begins, then its pieces. Pure."""
    thread = draft.thread or key
    whole = draft.model_copy(update={"content": beginning(texts[0], BEGINNING), "key": key, "thread": thread})
    kind = draft.kind if draft.kind in KINDS else None
    left = {"thread": thread, "kind": kind, "context": None, "keywords": None, "data": None}
    made = [whole]
    for number, text in enumerate(texts, 1):
        made.append(draft.model_copy(update={"content": text, "key": f"{key}/{number}", **left}))
    return made
