"""Deterministic stand-ins for what a memory is given, and the laws that every stored note obeys."""

import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from pydantic import BaseModel, TypeAdapter

from zettelmem import AsyncMemory, Decision, Memory, Note, Source, Trust
from zettelmem.protocols import AnswerT, Vectors

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
A, B, C, D = "aaaaaaaa", "bbbbbbbb", "cccccccc", "dddddddd"


class Clock:
    """Time that passes only when somebody looks: a second a look, from 2026-01-01."""

    def __init__(self, now: datetime = START) -> None:
        self.now = now

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now

    def day(self, number: int) -> datetime:
        """Set the clock to day `number`, and return it."""
        self.now = START + number * DAY
        return self.now


class Words:
    """An embedder in which texts are alike as far as they have words in common; it counts its calls."""

    name = "tests/words"
    dimensions = 48

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        self.calls.append(list(texts))
        return self._vectors(texts)

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        return self._vectors(texts)

    def _vectors(self, texts: Sequence[str]) -> Vectors:
        vectors = np.zeros((len(texts), self.dimensions), np.float32)
        for i, text in enumerate(texts):
            for word in re.findall(r"\w+", text.lower())[:200]:
                seed = zlib.crc32(word.encode())
                vectors[i] += np.random.default_rng(seed).normal(size=self.dimensions)
        norms = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit: Vectors = np.divide(vectors, norms, out=np.zeros_like(vectors), where=norms > 0)
        return unit


Reply = BaseModel | Mapping[str, Any] | BaseException | Callable[[str], Any]


class Scripted:
    """A language model that says what it was told to, in turn by the kind of question; then it is silent.

    Args:
        construct: replies to what a note is about.
        judge: replies to what it links to and changes.
    """

    def __init__(self, *, construct: Sequence[Reply] = (), judge: Sequence[Reply] = ()) -> None:
        self._replies = {"Construction": list(construct), "Decision": list(judge)}
        self.asked: list[tuple[str, str]] = []

    async def answer(self, instructions: str, prompt: str, schema: type[AnswerT]) -> AnswerT:
        self.asked.append((instructions, prompt))
        replies = self._replies[schema.__name__]
        reply: Any = replies.pop(0) if replies else Decision() if schema is Decision else {}
        if isinstance(reply, BaseException):
            raise reply
        if callable(reply):
            reply = await reply(prompt)
        answer: AnswerT = reply
        return answer


def note(note_id: str = A, content: str = "Ana lives in Lisbon.", **fields: Any) -> Note:
    """A note at hand, for the pure functions."""
    at = {"occurred_at": START, "recorded_at": START}
    given = {"id": note_id, "namespace": ("ana",), "content": content} | at | fields
    return Note.model_validate(given)


def open_memory(uri: str = "memory://", **arguments: Any) -> AsyncMemory:
    """A memory with the stand-ins above; it syncs nothing, because no test pulls the plug."""
    defaults: dict[str, Any] = {"embedder": Words(), "clock": Clock(), "durable": False}
    return AsyncMemory(uri, **(defaults | arguments))


def open_sync(uri: str = "memory://", **arguments: Any) -> Memory:
    """The same for code that does not await."""
    defaults: dict[str, Any] = {"embedder": Words(), "clock": Clock(), "durable": False}
    return Memory(uri, **(defaults | arguments))


async def everything(memory: AsyncMemory) -> dict[str, Note]:
    """Every note of the store by id, of all namespaces, forgotten ones too."""
    store = memory._store
    table = await store._table()
    if table is None:
        return {}
    ids = (await table.query().select(["id"]).to_arrow())["id"].to_pylist()
    assert len(ids) == len(set(ids)), "a note is stored twice"
    return await store.get(ids, forgotten=True)


_ANY: TypeAdapter[Any] = TypeAdapter(Any)


def plain(value: object) -> Any:
    """A value as JSON would have it."""
    return _ANY.dump_python(value, mode="json")


def check_links_mirrored(notes: Mapping[str, Note]) -> None:
    """Every link stands at both of its ends, once, within one namespace, and at no forgotten note."""
    for each in notes.values():
        assert len(set(each.links)) == len(each.links), f"{each.id} has a link twice"
        for link in each.links:
            assert each.id in (link.source, link.target), f"{link} is at neither end: {each.id}"
            other = notes.get(link.other(each.id))
            assert other is not None, f"{link} leads nowhere"
            assert other.id != each.id, f"{link} leads back"
            assert link in other.links, f"{link} is one-sided"
            assert other.namespace == each.namespace, f"{link} leaves its namespace"
            assert each.forgotten_at is None, f"{link} is at the forgotten {each.id}"


def check_history_replays(each: Note) -> None:
    """Taking the history back entry by entry fits at each step, and ends at the bare new note."""
    assert each.revision == len(each.history), f"{each.id}: one revision a write"
    state = {name: plain(getattr(each, name)) for name in type(each).model_fields}
    links = set(each.links)
    for entry in reversed(each.history):
        for name, after in entry.after.items():
            assert state[name] == after, f"{entry.change} says {name}={after!r}, not {state[name]!r}"
            state[name] = entry.before[name]
        assert links >= set(entry.linked), f"{entry.change} added a link that is not there"
        links -= set(entry.linked)
        assert not links & set(entry.unlinked), f"{entry.change} removed a link that is there"
        links |= set(entry.unlinked)
    assert not links, f"{each.id} had links before it was there"
    assert state["forgotten_at"] is None
    assert each.history[0].verb == "remember"


def check_evolution_is_modest(notes: Mapping[str, Note]) -> None:
    """Only `revise` and `undo` change content, and nothing else raises trust; causes know what they did."""
    for each in notes.values():
        for entry in each.history:
            if entry.verb not in ("revise", "undo"):
                owned = {"content", "trust", "data", "source", "occurred_at", "namespace", "kind"}
                allowed = {"kind"} if entry.verb == "connect" else set()
                assert not (owned - allowed) & entry.after.keys(), f"{entry.change} changed too much"
            cause = notes[entry.cause]
            assert entry.change.partition(".")[0] == cause.id
            (told,) = [x for x in cause.history if x.change == entry.change]
            assert each.id == cause.id or each.id in told.touched


def check_all(notes: Mapping[str, Note]) -> None:
    """Every law above."""
    check_links_mirrored(notes)
    check_evolution_is_modest(notes)
    for each in notes.values():
        check_history_replays(each)


async def check_store(memory: AsyncMemory) -> dict[str, Note]:
    """Every law on everything stored, which is returned."""
    notes = await everything(memory)
    check_all(notes)
    return notes


def draft(content: str, **fields: Any) -> dict[str, Any]:
    """A draft as a mapping."""
    return {"content": content} | fields


def by(who: str, trust: Trust = Trust.STATED) -> dict[str, Any]:
    """The fields of a note that `who` said."""
    return {"source": Source(who=who), "trust": trust}
