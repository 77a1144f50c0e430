"""The ways to find that are compared: each is prepared on a corpus, then asked question by question."""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness import bare
from harness.corpus import Item, Question
from harness.shelf import Shelf
from zettelmem import MAX_QUERY, Embedder, Hit, Note, Relation, Sifted, ZettelmemError
from zettelmem.providers import named_embedder


class Unavailable(Exception):
    """An arm needs something that is not installed; the message says what."""


class Arm(ABC):
    """One way to find.

    Attributes:
        name: on the command line and in tables.
        about: what it does, in one line.
    """

    name: str
    about: str

    @abstractmethod
    async def prepare(self, shelf: Shelf) -> None:
        """Read or remember the corpus.

        Raises:
            Unavailable: something is not installed.
        """

    @abstractmethod
    async def find(self, question: Question, k: int) -> list[str]:
        """The keys of the `k` best texts, best first. What it takes is what is timed."""


class Bm25(Arm):
    """Okapi BM25 over "Speaker: text", as the first paragraph of every textbook has it."""

    name, about = "bm25", "BM25 (k1 1.5, b 0.75), lower-cased words, no stemming"
    K1, B = 1.5, 0.75

    async def prepare(self, shelf: Shelf) -> None:
        self._keys: dict[str, list[str]] = {}
        self._weights: dict[str, dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]]] = {}
        for space in shelf.corpus.spaces:
            items = shelf.corpus.of(space)
            self._keys[space] = [item.key for item in items]
            self._weights[space] = self._index([self._words(item.whole) for item in items])

    def _words(self, text: str) -> list[str]:
        return re.findall(r"\w+", text.lower())

    def _index(self, texts: Sequence[list[str]]) -> dict[str, tuple[NDArray[np.intp], NDArray[np.float64]]]:
        mean = sum(map(len, texts)) / len(texts)
        places: dict[str, list[tuple[int, float]]] = {}
        for place, text in enumerate(texts):
            norm = self.K1 * (1 - self.B + self.B * len(text) / mean)
            for word, times in Counter(text).items():
                places.setdefault(word, []).append((place, times * (self.K1 + 1) / (times + norm)))
        index = {}
        for word, found in places.items():
            rarity = math.log(1 + (len(texts) - len(found) + 0.5) / (len(found) + 0.5))
            where, weights = zip(*found, strict=True)
            index[word] = (np.array(where, np.intp), rarity * np.array(weights))
        return index

    async def find(self, question: Question, k: int) -> list[str]:
        keys, index = self._keys[question.space], self._weights[question.space]
        scores = np.zeros(len(keys))
        for word in self._words(question.text):
            if word in index:
                where, weights = index[word]
                scores[where] += weights
        best = np.argsort(-scores, kind="stable")[:k]
        return [keys[i] for i in best if scores[i] > 0]


class Dense(Arm):
    """Top-k cosine over raw texts: what "naive RAG" does."""

    def __init__(self, name: str, about: str, text: Callable[[Item], str]) -> None:
        self.name, self.about, self._text = name, about, text

    async def prepare(self, shelf: Shelf) -> None:
        self._embedder = shelf.embedder
        self._keys: dict[str, list[str]] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}
        for space in shelf.corpus.spaces:
            items = shelf.corpus.of(space)
            self._keys[space] = [item.key for item in items]
            self._vectors[space] = self._embedder.embed_documents([self._text(item) for item in items])

    async def find(self, question: Question, k: int) -> list[str]:
        vector = self._embedder.embed_queries([question.text])[0]
        best = np.argsort(-(self._vectors[question.space] @ vector), kind="stable")[:k]
        return [self._keys[question.space][i] for i in best]


class Rrf(Arm):
    """LanceDB's own hybrid query with its defaults, on a table of raw texts."""

    def __init__(self, name: str, about: str, *, nameless: bool = False) -> None:
        self.name, self.about, self._nameless = name, about, nameless

    async def prepare(self, shelf: Shelf) -> None:
        self._embedder = shelf.embedder
        items = shelf.corpus.items
        texts = [item.whole for item in items]
        keys, spaces = [item.key for item in items], [item.space for item in items]
        vectors = self._embedder.embed_documents(texts)
        self._table = await bare.raw_table(shelf.folder / "raw", keys, spaces, texts, vectors)
        speakers = {(item.space, item.speaker) for item in items if item.speaker}
        self._names: dict[str, re.Pattern[str]] = {}
        for space in {at for at, _ in speakers}:
            names = "|".join(re.escape(who) for at, who in speakers if at == space)
            self._names[space] = re.compile(rf"\b(?:{names})\b")

    async def find(self, question: Question, k: int) -> list[str]:
        meant = question.text
        if self._nameless and question.space in self._names:
            meant = self._names[question.space].sub("", meant)
        vector = self._embedder.embed_queries([meant])[0]
        rows = await bare.hybrid(self._table, question.space, question.text, vector, k, ["key"])
        found: list[str] = rows["key"].to_pylist()
        return found


class Amem(Arm):
    """A-MEM's published shape on our notes: their text enriched, and links forced into the result.

    `follows` links are left out: A-MEM has none. Notes, keywords, tags and links are the offline
    judge's, not a language model's.
    """

    name = "amem"
    about = "A-MEM's shape: top-k cosine over content, context, keywords, tags, each hit's links after it"

    async def prepare(self, shelf: Shelf) -> None:
        kept = await shelf.memory("ours", evolve=True, embedder=shelf.embedder)
        self._embedder = shelf.embedder
        self._keys: dict[str, list[str]] = {}
        self._linked: dict[str, list[list[int]]] = {}
        self._vectors: dict[str, NDArray[np.float32]] = {}
        for space in shelf.corpus.spaces:
            notes: list[Note] = []
            cursor: str | None = None
            while not notes or cursor:
                page = await kept.memory.notes(namespace=space, limit=1_000, after=cursor)
                notes += page.notes
                cursor = page.cursor
            place = {note.id: i for i, note in enumerate(notes)}
            self._keys[space] = [note.key or note.id for note in notes]
            self._linked[space] = [
                [place[x.other(note.id)] for x in note.links if x.relation is not Relation.FOLLOWS]
                for note in notes
            ]
            texts = [
                "\n".join((note.content, note.context, ", ".join((*note.keywords, *note.tags))))
                for note in notes
            ]
            self._vectors[space] = self._embedder.embed_documents(texts)

    async def find(self, question: Question, k: int) -> list[str]:
        space = question.space
        vector = self._embedder.embed_queries([question.text])[0]
        best = np.argsort(-(self._vectors[space] @ vector), kind="stable")[:k]
        order = dict.fromkeys(j for i in best for j in (int(i), *self._linked[space][i]))
        return [self._keys[space][i] for i in order][:k]


class Ours(Arm):
    """zettelmem, through its public API."""

    def __init__(
        self,
        name: str,
        about: str,
        *,
        memory: str = "ours",
        evolve: bool = True,
        links: bool = True,
        embedder: Callable[[], Embedder] | None = None,
    ) -> None:
        self.name, self.about = name, about
        self._memory, self._evolve, self._links, self._make = memory, evolve, links, embedder

    async def prepare(self, shelf: Shelf) -> None:
        self.embedder = self._make() if self._make else shelf.embedder
        self.kept = await shelf.memory(self._memory, evolve=self._evolve, embedder=self.embedder)
        self.memory = self.kept.memory
        await self.memory.recall("ready?", namespace=shelf.corpus.spaces[0])  # opened and loaded

    async def hits(self, question: Question, k: int, space: str | None = None, **more: Any) -> list[Hit]:
        """What is recalled; in another namespace than the question's own if `space` says so.

        Without links a note that another one supersedes is not left out: that, too, is a link's work.
        """
        return await self.memory.recall(
            question.text,
            namespace=space or question.space,
            k=k,
            expand=self._links,
            superseded=not self._links,
            **more,
        )

    async def find(self, question: Question, k: int) -> list[str]:
        return [hit.note.key or "" for hit in await self.hits(question, k)]


class Deep(Ours):
    """Recall in rounds, led by a judge that knows the evidence: what the rounds can reach, not what a model
    will. It keeps the evidence it is shown, and asks with the words of what is missing."""

    name = "ours-deep"
    about = "recall in rounds, led by a judge that knows the evidence"

    def __init__(self, rounds: int) -> None:
        super().__init__(self.name, f"{self.about}, at most {rounds}")
        self._rounds = rounds

    async def prepare(self, shelf: Shelf) -> None:
        await super().prepare(shelf)
        self._texts = {(item.space, item.key): item.text for item in shelf.corpus.items}

    async def hits(self, question: Question, k: int, space: str | None = None, **more: Any) -> list[Hit]:
        """What is recalled when the judge knows the question's evidence."""
        missing = dict.fromkeys(question.gold)

        def sift(_: str, found: Sequence[Hit]) -> Sifted:
            keep = [place for place, hit in enumerate(found) if hit.note.key in missing]
            for place in keep:
                missing.pop(found[place].note.key or "")
            ask = " ".join(self._texts[question.space, key] for key in missing)
            return Sifted(enough=not missing, keep=tuple(keep), ask=ask[:MAX_QUERY])

        rounds = {"effort": "deep", "rounds": self._rounds, "sift": sift}
        return await super().hits(question, k, space, **rounds, **more)


def installed(name: str) -> Embedder:
    """The embedder of this name, if its extra is installed."""
    embedder = named_embedder(name)
    try:
        embedder.embed_queries(["ready?"])
    except ZettelmemError as error:  # the other arms go on
        raise Unavailable(str(error)) from error
    return embedder


def _with(arm: str, name: str) -> Ours:
    about = f"the full system with the embedder {name}"
    return Ours(arm, about, memory=arm, embedder=lambda: installed(name))


def all_arms() -> dict[str, Arm]:
    """Every arm by its name, in the order of the tables."""
    arms: Iterable[Arm] = (
        Bm25(),
        Dense("naive-rag", "top-k cosine over 'Speaker: text', the default embedder", lambda x: x.whole),
        Dense("dense", "top-k cosine over the text alone, the default embedder", lambda x: x.text),
        Rrf("rrf", "LanceDB hybrid on 'Speaker: text', its default reranker (reciprocal ranks, k = 60)"),
        Rrf("rrf-nameless", "the same, speakers' names left out of the embedded question", nameless=True),
        Amem(),
        Ours(
            "ours-no-links",
            "the notes of the full system, recalled without links: no walk, nothing superseded",
            links=False,
        ),
        Ours("ours-links", "recall with links, nothing evolves", memory="links", evolve=False),
        Ours("ours", "the full system: links, walk and evolution"),
        _with("ours-minilm", "minilm"),
        _with("ours-multilingual", "multilingual"),
        _with("ours-torch", "sentence-transformers:all-MiniLM-L6-v2"),
    )
    return {arm.name: arm for arm in arms}
