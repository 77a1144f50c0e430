"""One commit: its step is worked out once, and once more only where what it stands on changed."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.doubles import check_store, open_memory
from zettelmem import AsyncMemory, Note, Trust, remember
from zettelmem.decisions import Changes
from zettelmem.linking import evolve
from zettelmem.protocols import Vectors
from zettelmem.store import Store
from zettelmem.store.schema import Row
from zettelmem.testing import HashEmbedder

NOW = datetime(2026, 5, 1, tzinfo=UTC)


class Revising:
    """A step that revises one note, and counts how often it is worked out."""

    def __init__(self, note: Note, content: str) -> None:
        self.note, self.content = note, content
        self.seen: list[int] = []
        self.embedded: list[str] = []

    def __call__(self, fresh: dict[str, Note]) -> Sequence[Changes]:
        note = fresh[self.note.id]
        self.seen.append(note.revision)
        return [evolve.revise(note, {"content": self.content}, NOW)]

    async def embed(self, texts: Iterable[str]) -> Mapping[str, Vectors]:
        wanted = sorted(texts)
        self.embedded += wanted
        return dict(zip(wanted, HashEmbedder().embed_documents(wanted), strict=True))

    async def commit(self, memory: AsyncMemory) -> list[Changes]:
        return await memory._store.commit(self.note.namespace, [self.note.id], self, self.embed)


async def test_a_step_is_worked_out_once_where_nothing_changed_meanwhile() -> None:
    async with open_memory(judge="none") as memory:
        note = (await memory.remember("Cats purr.", namespace="a")).note
        step = Revising(note, "Cats bite.")
        (changes,) = await step.commit(memory)
        assert step.seen == [1]
        assert "Cats bite." in step.embedded
        assert changes.note.content == (await memory.get(note.id, namespace="a")).content == "Cats bite."


async def test_a_step_is_worked_out_again_where_another_process_wrote_meanwhile(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path), judge="none") as one, open_memory(str(tmp_path)) as two:
        note = (await one.remember("Cats purr.", namespace="a")).note

        class Late(Revising):
            async def embed(self, texts: Iterable[str]) -> Mapping[str, Vectors]:
                if not self.embedded:
                    await two.revise(note.id, namespace="a", trust=Trust.VERIFIED)
                return await super().embed(texts)

        step = Late(note, "Cats bite.")
        (changes,) = await step.commit(one)
        assert step.seen == [1, 2]
        kept = (await check_store(two))[note.id]
        assert (kept.content, kept.trust, kept.revision) == ("Cats bite.", 3, 3)
        assert changes.note == kept


async def test_of_two_steps_in_one_write_the_second_stands_on_the_first() -> None:
    async with open_memory(judge="none") as memory:
        note = (await memory.remember("Cats purr.", namespace="a")).note
        steps = [Revising(note, "Cats bite."), Revising(note, "Cats sleep.")]
        writes = memory._store.commits
        await asyncio.gather(*(step.commit(memory) for step in steps))
        kept = (await check_store(memory))[note.id]
        assert kept.revision == 3
        assert memory._store.commits - writes <= 2
        assert sorted(revision for step in steps for revision in step.seen)[:2] == [1, 1]
        assert max(revision for step in steps for revision in step.seen) == 2


async def test_a_caller_that_goes_away_tears_no_write(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_memory(judge="none") as memory:
        note = (await memory.remember("Cats purr.", namespace="a")).note
        merge, writing, gone = Store._merge, asyncio.Event(), asyncio.Event()

        async def slow(self: Store, rows: Mapping[str, Row], base: Mapping[str, Row]) -> int:
            writing.set()
            await gone.wait()
            return await merge(self, rows, base)

        monkeypatch.setattr(Store, "_merge", slow)
        going = asyncio.create_task(Revising(note, "Cats bite.").commit(memory))
        await writing.wait()
        going.cancel()
        await asyncio.gather(going, return_exceptions=True)
        assert going.cancelled()
        gone.set()
        await Revising(note, "Cats sleep.").commit(memory)
        kept = (await check_store(memory))[note.id]
        assert (kept.content, kept.revision) == ("Cats sleep.", 3)
        assert kept.history[1].after["content"] == "Cats bite."
        assert (await memory.recall("cats", namespace="a"))[0].note == kept


async def test_a_new_note_whose_id_is_taken_in_another_namespace_gets_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ids = iter(["aaaaaaaaaa", "aaaaaaaaaa", "bbbbbbbbbb"])
    monkeypatch.setattr(remember, "random_id", lambda _: next(ids))
    async with open_memory(judge="none") as memory:
        await memory.remember("Cats purr.", namespace="a")
        made = await memory.remember("Dogs bark.", namespace="b")
        assert made.note.id == "bbbbbbbbbb"
        notes = await check_store(memory)
        assert sorted(note.content for note in notes.values()) == ["Cats purr.", "Dogs bark."]


async def test_what_another_wrote_can_be_changed_at_once_though_the_namespace_is_in_memory(
    tmp_path: Path,
) -> None:
    async with open_memory(str(tmp_path)) as mine, open_memory(str(tmp_path)) as theirs:
        await mine.remember("Cats purr.", namespace="a")
        await mine.recall("cats", namespace="a")
        other = (await theirs.remember("Dogs bark.", namespace="a")).note.id
        done = await mine.revise(other, namespace="a", content="Dogs sleep.")
        assert done.note.content == "Dogs sleep."
