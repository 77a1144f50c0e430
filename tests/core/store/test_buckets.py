"""Erasing where others cannot be kept out: on object stores, here in directories without their lock."""

import asyncio
import random
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.doubles import check_store, contents, files_with, open_memory
from zettelmem import AsyncMemory, NotFound, Remembered, StoreError
from zettelmem.store import Store, buckets, erase, indices, optimize, tail_of
from zettelmem.store.schema import Row

WORDS = "garden river train piano market storm window letter bread island doctor ticket".split()

pytestmark = pytest.mark.usefixtures("unlocked")


async def fill(memory: AsyncMemory, chance: random.Random, count: int) -> dict[str, str]:
    made = {}
    for i in range(count):
        marker = f"marker{chance.getrandbits(48):012x}x{i}"
        text = f"{' '.join(chance.choices(WORDS, k=6))} {marker}"
        done = await memory.remember(text, namespace="ana", thread=chance.choice([None, "t"]))
        made[marker] = done.note.id
    return made


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_of_an_erased_note_is_left_in_any_file(tmp_path: Path, seed: int) -> None:
    chance = random.Random(seed)
    async with open_memory(str(tmp_path)) as memory:
        made = await fill(memory, chance, 14)
        before = await check_store(memory)
        marker, note_id = chance.choice(sorted(made.items()))
        assert files_with(tmp_path, marker)
        receipt = await memory.admin.erase_note(note_id, namespace="ana")
        assert receipt.verified, receipt.how
        assert (receipt.ids, receipt.versions_removed > 0) == ((note_id,), True)
        assert files_with(tmp_path, marker) == []
        after = await check_store(memory)
        assert {x: note.content for x, note in after.items()} == {
            x: note.content for x, note in before.items() if x != note_id
        }
        assert (await memory.recall(WORDS[0], namespace="ana"))[0].note.id in after
        receipt = await memory.admin.erase(namespace="ana")
        assert (receipt.verified, receipt.ids) == (True, tuple(sorted(after)))
        assert all(files_with(tmp_path, each) == [] for each in made)


async def test_indices_of_vectors_go_with_the_last_that_made_them_worth_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indices, "VECTOR_ROWS", 12)
    async with open_memory(str(tmp_path)) as memory:
        await fill(memory, random.Random(12), 14)
        await optimize(memory._store)
        assert (await tail_of(memory._store)).segments
        kept = (await memory.remember("Cats purr.", namespace="bo")).note
        receipt = await memory.admin.erase(namespace="ana")
        assert receipt.verified, receipt.how
        assert not (await tail_of(memory._store)).segments
        assert [hit.note.id for hit in await memory.recall("cats", namespace="bo")] == [kept.id]


async def test_others_write_meanwhile_and_lose_nothing(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as one, open_memory(str(tmp_path)) as two:
        made = await fill(one, random.Random(7), 6)
        marker, note_id = next(iter(made.items()))
        receipt, new = await asyncio.gather(
            one.admin.erase_note(note_id, namespace="ana"),
            two.remember_conversation(
                [{"content": f"Said meanwhile {i}."} for i in range(5)], namespace="ana"
            ),
        )
        assert receipt.verified, receipt.how
        assert files_with(tmp_path, marker) == []
        notes = await check_store(one)
        assert notes.keys() == {*made.values(), *(each.note.id for each in new)} - {note_id}


async def test_a_writer_that_read_it_before_does_not_bring_it_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A merge inserts what is not there: without a second look the erased note would be back."""
    async with open_memory(str(tmp_path)) as one, open_memory(str(tmp_path)) as two:
        made = await fill(one, random.Random(8), 3)
        note_id = next(iter(made.values()))
        reached, erased = asyncio.Event(), asyncio.Event()
        merge = Store._merge

        async def late(self: Store, rows: Mapping[str, Row], base: Mapping[str, Row]) -> int:
            if self is two._store and note_id in base and not reached.is_set():
                reached.set()
                await erased.wait()
            return await merge(self, rows, base)

        monkeypatch.setattr(Store, "_merge", late)
        revising = asyncio.create_task(two.revise(note_id, namespace="ana", tags=["late"]))
        await reached.wait()
        receipt = await one.admin.erase_note(note_id, namespace="ana")
        assert receipt.verified, receipt.how
        erased.set()
        await asyncio.gather(revising, return_exceptions=True)
        with pytest.raises(NotFound):
            await one.history(note_id, namespace="ana")
        assert (await check_store(one)).keys() == {*made.values()} - {note_id}


async def test_what_came_back_while_it_was_erased_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as memory:
        made = await fill(memory, random.Random(9), 4)
        marker, note_id = next(iter(made.items()))
        row = (await memory._store.stored_rows([note_id]))[note_id]
        rewrite, rounds = erase._rewrite, 0

        async def disturbed(table: Any) -> None:
            nonlocal rounds
            rounds += 1
            if rounds == 1:
                await memory._store._merge({note_id: row}, {})
            await rewrite(table)

        monkeypatch.setattr(erase, "_rewrite", disturbed)
        receipt = await memory.admin.erase_note(note_id, namespace="ana")
        assert receipt.verified, receipt.how
        assert rounds == 2
        assert marker not in " ".join(contents(list((await check_store(memory)).values())))
        assert files_with(tmp_path, marker) == []


async def test_a_key_that_is_remembered_again_meanwhile_is_a_new_note_and_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as one, open_memory(str(tmp_path)) as two:
        await fill(one, random.Random(11), 3)
        old = (await one.remember("My number is quokkaquokka.", namespace="ana", key="number")).note
        rewrite = erase._rewrite
        again: list[Remembered] = []

        async def disturbed(table: Any) -> None:
            if not again:
                again.append(await two.remember("No number any more.", namespace="ana", key="number"))
            await rewrite(table)

        monkeypatch.setattr(erase, "_rewrite", disturbed)
        await one.admin.erase_note(old.id, namespace="ana")
        notes = await check_store(one)
        assert notes[old.id].content == again[0].note.content
        assert files_with(tmp_path, "quokkaquokka") == []


async def test_a_commit_at_the_same_moment_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory(str(tmp_path)) as memory:
        made = await fill(memory, random.Random(10), 3)
        _, note_id = next(iter(made.items()))
        clean, failed = erase._clean, False

        async def unlucky(*args: Any, **kwargs: Any) -> int:
            nonlocal failed
            if not failed:
                failed = True
                raise RuntimeError("lance error: Commit conflict for version 9")
            return await clean(*args, **kwargs)

        monkeypatch.setattr(erase, "_clean", unlucky)
        receipt = await memory.admin.erase_note(note_id, namespace="ana")
        assert receipt.verified, receipt.how


def test_objects_are_listed_and_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"x" * 10_000_000)
    uri = f"file://{tmp_path}"
    assert buckets.names(uri, None) == {"a/b"}
    assert sum(map(len, buckets.pieces(uri, {}, "a/b"))) == 10_000_000
    assert list(buckets.pieces(uri, None, "gone")) == []


def test_without_what_it_needs_erasing_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore.store", None)
    with pytest.raises(StoreError, match=r'pip install "zettelmem\[buckets\]"'):
        buckets.names("s3://bucket/memory", None)
    monkeypatch.undo()
    with pytest.raises(StoreError, match="looking into s3://bucket/memory failed"):
        buckets.names("s3://bucket/memory", {"no_such_option": "1"})
