"""What the tests of the core have in common: a clock, memories without weights, a look at a whole store."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from zettelmem import AsyncMemory, Memory, Note, Remembered
from zettelmem.decisions import Changes
from zettelmem.protocols import Vectors
from zettelmem.store.schema import to_note
from zettelmem.testing import Asked, HashEmbedder, ScriptedModel, hold

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


def note(note_id: str = A, content: str = "Ana lives in Lisbon.", **fields: Any) -> Note:
    """A note at hand, for the pure functions."""
    at = {"occurred_at": START, "recorded_at": START}
    given = {"id": note_id, "namespace": ("ana",), "content": content} | at | fields
    return Note.model_validate(given)


def judging(*, closes: bool = False, described: Any = None, links: Sequence[Any] = ()) -> ScriptedModel:
    """A model that describes every note alike, and lets it replace the first note shown, or none."""

    def answer(asked: Asked) -> Any:
        numbers = [int(number) for number in re.findall(r"^note (\d+):", asked.prompt, re.MULTILINE)]
        first = asked.schema.model_json_schema()["properties"].get("replaces", {}).get("enum", [""])[0]
        return {
            "Descriptions": {"notes": [{"note": number, **(described or {})} for number in numbers]},
            "Replaces": {"replaces": first if closes else "nothing"},
            "Pairs": {"pairs": [{"pair": 0, "same": "yes"}]},
            "Links": {"links": [*links]},
            "Judged": {"found": []},
        }[asked.schema.__name__]

    return ScriptedModel(answer)


async def decided(
    memory: AsyncMemory, content: str, decision: Any, *, namespace: str = "a", **fields: Any
) -> Remembered:
    """A note that the caller decided about, as an assistant does."""
    asked = await memory.remember(content, namespace=namespace, judge="ask", **fields)
    return await memory.connect(asked.note.id, decision, namespace=namespace)


def open_memory(uri: str = "memory://", **arguments: Any) -> AsyncMemory:
    """A memory without weights; it syncs nothing, because no test pulls the plug."""
    defaults: dict[str, Any] = {"embedder": HashEmbedder(), "clock": Clock(), "durable": False}
    return AsyncMemory(uri, **(defaults | arguments))


def open_sync(uri: str = "memory://", **arguments: Any) -> Memory:
    """The same for code that does not await."""
    defaults: dict[str, Any] = {"embedder": HashEmbedder(), "clock": Clock(), "durable": False}
    return Memory(uri, **(defaults | arguments))


async def everything(memory: AsyncMemory) -> dict[str, Note]:
    """Every note of the store by id, of all namespaces, forgotten ones too."""
    notes = [to_note(row) async for rows in memory._store.everything() for row in rows]
    found = {note.id: note for note in notes}
    assert len(found) == len(notes), "a note is stored twice"
    return found


async def write_as_is(memory: AsyncMemory, note: Note) -> None:
    """Write a note's new state past all that would refuse it; its words are as before."""

    async def no_new_words(texts: Iterable[str]) -> Mapping[str, Vectors]:
        raise AssertionError(f"these are new words: {[*texts]}")

    changes = Changes(id=note.history[-1].change, notes=(note,))
    await memory._store.commit(note.namespace, [note.id], lambda _: [changes], no_new_words)


def check_causes(notes: Mapping[str, Note]) -> None:
    """Forgotten notes have no links, only `revise` and `undo` change trust, causes know what they did."""
    for each in notes.values():
        assert each.forgotten_at is None or not each.links, f"the forgotten {each.id} has links"
        for entry in each.history:
            assert "trust" not in entry.after or entry.verb in ("revise", "repeat", "undo", "fall")
            told = [x for x in notes[entry.cause].history if x.change == entry.change]
            assert len(told) == 1, f"{entry.cause} does not know of {entry.change}"
            assert entry.change.partition(".")[0] == entry.cause
            assert each.id == entry.cause or each.id in told[0].touched


async def check_store(memory: AsyncMemory) -> dict[str, Note]:
    """What must hold of everything stored, which is returned."""
    notes = await everything(memory)
    hold(notes.values())
    check_causes(notes)
    return notes


def said(*contents: str, **fields: Any) -> list[dict[str, Any]]:
    """Drafts of one thread."""
    return [{"content": content, "thread": "t"} | fields for content in contents]


def contents(found: Sequence[Any]) -> list[str]:
    """The contents of notes or of hits, in order."""
    return [(each if isinstance(each, Note) else each.note).content for each in found]


def files_with(root: Path, marker: str) -> list[str]:
    """Every file that holds the marker, in any case."""
    pattern = re.compile(re.escape(marker.encode()) + rb"(?![0-9])", re.IGNORECASE)
    return [str(path) for path in root.rglob("*") if path.is_file() and pattern.search(path.read_bytes())]
