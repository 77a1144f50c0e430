"""For tests: models that need no weights and always answer alike, and what must hold of any memory.

with Memory(embedder=HashEmbedder(), model=ScriptedModel([{"replaces": "nothing"}])) as memory:
    ...
    hold(memory)
"""

from __future__ import annotations

import asyncio
import hashlib
import inspect
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast

import numpy as np
from pydantic import BaseModel, JsonValue

from .errors import ModelError
from .language.words import words
from .note import Link, Note
from .protocols import AnswerT, Vectors
from .queries import Page

_ANY_WORD = re.compile(r"[^\W_]+")


class HashEmbedder:
    """Texts as bags of hashed words: the more words two texts share, the nearer they are.

    No weights, no load, the same vectors in every process. Stop words and order are ignored; a text of
    stop words alone is told by them, one without words by its characters.

    Args:
        dimensions: length of a vector.
        name: the identity that a store keeps; made from `dimensions` where None.

    Attributes:
        calls: how often it was asked.
        texts: every text that it was asked for, in order.
    """

    def __init__(self, dimensions: int = 256, *, name: str | None = None) -> None:
        self.dimensions = dimensions
        self.name = name or f"zettelmem-testing/hash-{dimensions}"
        self.calls = 0
        self.texts: list[str] = []

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, float32, shape (len(texts), dimensions); blank texts give zeros."""
        self.calls += 1
        self.texts += texts
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for row, text in zip(vectors, texts, strict=True):
            for token in _tokens(text):
                digest = hashlib.blake2b(token.encode(errors="replace"), digest_size=9).digest()
                place = int.from_bytes(digest[:8], "big") % self.dimensions
                row[place] += 1.0 if digest[8] % 2 else -1.0
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 1e-9)
        return unit

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As `embed_documents`."""
        return self.embed_documents(texts)


def _tokens(text: str) -> list[str]:
    return words(text) or _ANY_WORD.findall(text.lower()) or list(text.strip())


@dataclass(frozen=True)
class Asked:
    """One question to a `ScriptedModel`.

    Attributes:
        instructions, prompt: what it was told and asked.
        schema: the shape that the answer should have.
    """

    instructions: str
    prompt: str
    schema: type[BaseModel]


NEVER = object()
"""An answer of a `ScriptedModel` that does not come: it waits until somebody gives up on it."""


class ScriptedModel:
    """A language model that answers from a script and remembers what it was asked.

    Args:
        script: the answers in order, or a function (plain or async) from `Asked` to an answer. An answer
            is a mapping or a value, which must fit the schema as a real model's must; an exception,
            which is raised; `NEVER`; or anything else, which is handed out as it is: rubbish.

    Attributes:
        asked: every question, in order.
    """

    def __init__(self, script: Sequence[Any] | Callable[[Asked], Any]) -> None:
        self._answers: Iterator[Any] | None = None if callable(script) else iter(script)
        self._function = script if callable(script) else None
        self.asked: list[Asked] = []

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        """The next answer of the script.

        Raises:
            ModelError: the script has come to its end.
            ValidationError: a mapping of the script does not fit the schema.
        """
        self.asked.append(Asked(instructions, prompt, schema))
        answer = await self._next()
        if answer is NEVER:
            await asyncio.Event().wait()
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, BaseModel):
            answer = answer.model_dump()
        if isinstance(answer, Mapping):
            return schema.model_validate(answer)
        return cast(AnswerT, answer)

    async def _next(self) -> Any:
        if self._function is not None:
            answer = self._function(self.asked[-1])
            return await answer if inspect.isawaitable(answer) else answer
        for answer in self._answers or ():
            return answer
        raise ModelError(f"the script has no answer number {len(self.asked)}")


class Readable(Protocol):
    """What the invariants need of a memory; `Memory` has it."""

    def notes(self, *, namespace: str | Sequence[str], limit: int | None) -> Page:
        """Notes; without a limit, all of them."""


Box = Readable | Iterable[Note]
"""A `Memory`, or notes of any origin: all of one namespace at least, or links would seem to be torn."""


def notes_of(box: Box) -> list[Note]:
    """Every note of a whole memory, or the notes given."""
    if not hasattr(box, "notes"):
        return list(box)
    return list(cast(Readable, box).notes(namespace=(), limit=None).notes)


def links_mirrored(box: Box) -> None:
    """Each link is kept word for word at both of its ends, once, and both ends are there."""
    by_id = {note.id: note for note in notes_of(box)}
    for note in by_id.values():
        assert len(set(note.links)) == len(note.links), f"{note.id} holds a link twice"
        for link in note.links:
            assert note.id in (link.source, link.target), f"{note.id} holds a link of others: {link}"
            other = by_id.get(link.other(note.id))
            assert other is not None, f"{note.id} is linked with {link.other(note.id)}, which is not there"
            assert link in other.links, f"{other.id} does not know of {link}"


def namespaces_sealed(box: Box) -> None:
    """No link leaves its namespace."""
    spaces = {note.id: note.namespace for note in notes_of(box)}
    for note in notes_of(box):
        for link in note.links:
            there = spaces.get(link.other(note.id))
            assert there == note.namespace, f"{note.id} in {note.namespace} is linked into {there}"


def revisions_counted(box: Box) -> None:
    """A note's revision is the number of its writes, each in its history under its own id, or dropped."""
    for note in notes_of(box):
        assert note.revision == note.dropped + len(note.history), (
            f"{note.id} has revision {note.revision}, {len(note.history)} entries of history and "
            f"{note.dropped} dropped"
        )
        assert not any(entry.dropped for entry in note.history[1:]), f"{note.id} dropped from its middle"
        changes = [entry.change for entry in note.history]
        assert len(set(changes)) == len(changes), f"{note.id} holds a change twice: {changes}"


MAY_CHANGE: Mapping[str, frozenset[str]] = {
    "evolve": frozenset({"context", "keywords", "tags", "invalid_at", "rested_at", "front"}),
    "link": frozenset(),
}
"""The fields that another note's arrival may change, by what it did to the note."""
REWRITING = frozenset({"revise", "undo"})
"""What may change content."""


def content_unchanged_by_evolution(box: Box) -> None:
    """No content was changed but by `revise` or its undoing, and evolution kept to what it may change."""
    for note in notes_of(box):
        for entry in note.history:
            if entry.verb not in REWRITING:
                assert "content" not in entry.after, f"{entry.verb} {entry.change} rewrote {note.id}"
            beyond = entry.after.keys() - MAY_CHANGE.get(entry.verb, entry.after.keys())
            assert not beyond, f"{entry.verb} {entry.change} changed {sorted(beyond)} of {note.id}"


def history_replays(box: Box) -> None:
    """Taking each change back, newest first, finds what it left and ends at a note without links.

    A history that older changes were dropped from ends where it begins.
    """
    for note in notes_of(box):
        state: dict[str, JsonValue] = note.model_dump(mode="json")
        links: list[Link] = list(note.links)
        assert note.history, f"{note.id} has no history"
        if not note.dropped:
            assert note.history[0].verb == "remember", f"{note.id} began with {note.history[0].verb}"
        for entry in reversed(note.history):
            for name, value in entry.after.items():
                assert state[name] == value, (
                    f"{name} of {note.id} is {state[name]!r}, but {entry.change} made it {value!r}"
                )
            state |= entry.before
            for link in entry.linked:
                assert link in links, f"{entry.change} linked {note.id} by {link}, which is not there"
                links.remove(link)
            for link in entry.unlinked:
                assert link not in links, f"{entry.change} unlinked {note.id}, but {link} is there"
                links.append(link)
        assert note.dropped or not links, f"no change of {note.id} tells where {links} come from"


INVARIANTS: tuple[Callable[[Box], None], ...] = (
    links_mirrored,
    namespaces_sealed,
    revisions_counted,
    content_unchanged_by_evolution,
    history_replays,
)
"""All of them."""


def hold(box: Box) -> None:
    """Assert every invariant of a `Memory`, or of all the notes of an `AsyncMemory`.

    Raises:
        AssertionError: the first that does not hold, with the note and the reason.
    """
    notes = notes_of(box)
    for invariant in INVARIANTS:
        invariant(notes)
