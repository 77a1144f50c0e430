"""Quotas: kept with the store, checked in the commit, and never passed by writers together."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.doubles import check_store, open_memory, open_sync
from tests.stress.process import Process
from zettelmem import AsyncMemory, InvalidInput, Quota, QuotaError
from zettelmem.admin.quotas import weight
from zettelmem.cli import app
from zettelmem.testing import HashEmbedder


async def test_a_full_namespace_refuses_notes_and_says_what_to_do(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.admin.set_quota(namespace="ana", notes=2)
        await memory.remember_many(["One.", "Two."], namespace="ana", judge="none")
    async with open_memory(str(tmp_path)) as memory:  # it is kept with the store
        with pytest.raises(QuotaError, match="quota of ana is 2 notes, 2 are used, and this needs 1 more"):
            await memory.remember("Three.", namespace="ana")
        await memory.remember("Elsewhere.", namespace="bo")
        (first, _) = (await memory.notes(namespace="ana")).notes
        await memory.revise(first.id, namespace="ana", content="One, revised.")
        await memory.forget(first.id, namespace="ana")
        with pytest.raises(QuotaError, match="forgotten ones count until they are erased"):
            await memory.remember("Three.", namespace="ana")
        await memory.admin.erase_note(first.id, namespace="ana")
        await memory.remember("Three.", namespace="ana")
        await check_store(memory)


async def test_bytes_are_those_of_contents_contexts_and_data(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        note = (
            await memory.remember("Ünicode.", namespace="ana", context="Ä", data={"a": "ö"}, judge="none")
        ).note
        assert await memory.admin.quota(namespace="ana") == Quota(
            namespace=("ana",), notes_used=1, size_used=weight(note)
        )
        quota = await memory.admin.set_quota(namespace="ana", size=weight(note) + 10)
        with pytest.raises(QuotaError, match="bytes"):
            await memory.remember("More than ten bytes.", namespace="ana", judge="none", context="")
        with pytest.raises(QuotaError, match="bytes"):
            await memory.revise(note.id, namespace="ana", content="Unicode that is longer than it was.")
        await memory.remember("Ten bytes.", namespace="ana", judge="none", context="")
        assert (await memory.admin.quota(namespace="ana")).size_used == quota.size
        await memory.revise(note.id, namespace="ana", content="x")


async def test_a_quota_holds_for_all_below_it_and_so_do_those_above() -> None:
    async with open_memory() as memory:
        await memory.admin.set_quota(namespace="acme", notes=3)
        await memory.admin.set_quota(namespace=("acme", "ana"), notes=2)
        await memory.remember_many(["One.", "Two."], namespace=("acme", "ana"), judge="none")
        with pytest.raises(QuotaError, match="acme/ana"):
            await memory.remember("Three.", namespace=("acme", "ana"))
        await memory.remember("One.", namespace=("acme", "bo"))
        with pytest.raises(QuotaError, match="quota of acme is 3"):
            await memory.remember("Two.", namespace=("acme", "bo"))
        await memory.admin.set_quota(namespace="acme")
        await memory.remember("Two.", namespace=("acme", "bo"))
        await memory.admin.set_quota(namespace=(), notes=4)
        with pytest.raises(QuotaError, match="the whole store"):
            await memory.remember("x", namespace="other")
        with pytest.raises(InvalidInput):
            await memory.admin.set_quota(namespace=(), notes=-1)


async def test_calls_that_share_a_commit_fill_it_exactly() -> None:
    async with open_memory(judge="none") as memory:
        await memory.admin.set_quota(namespace="ana", notes=10)
        done = await asyncio.gather(
            *(memory.remember(f"Note {i}.", namespace="ana") for i in range(25)), return_exceptions=True
        )
        assert sum(isinstance(each, QuotaError) for each in done) == 15
        assert (await memory.admin.quota(namespace="ana")).notes_used == 10
        await check_store(memory)


def test_processes_fill_it_exactly(tmp_path: Path) -> None:
    with open_sync(str(tmp_path)) as memory:
        memory.admin.set_quota(namespace="shared", notes=12)
        writers = [Process(["fill", str(tmp_path), f"w{i}", "10"]) for i in range(3)]
        stored = sum(len(writer.finish(120)) for writer in writers)
        assert stored == memory.admin.quota(namespace="shared").notes_used == 12


async def test_it_outlives_erasing_and_moving_to_another_model(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.admin.set_quota(namespace="ana", notes=1, size=100)
        note = (await memory.remember("One.", namespace="ana")).note
        await memory.admin.erase_note(note.id, namespace="ana")
    async with AsyncMemory(str(tmp_path), embedder=HashEmbedder(16), durable=False) as memory:
        await memory.admin.reembed()
        quota = await memory.admin.quota(namespace="ana")
        assert (quota.notes, quota.size, quota.notes_used) == (1, 100, 0)


def test_the_command_sets_shows_and_clears_it(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "--db", str(tmp_path), "-n", "ana"])
        return done.exit_code, done.output

    assert run("quota", "--notes", "1")[0] == 0
    assert run("remember", "One.")[0] == 0
    code, told = run("remember", "Two.")
    assert (code, "quota of ana is 1 notes" in told) == (2, True)
    assert "none" in run("quota")[1]
    assert run("quota", "--clear", "--notes", "3")[0] == 2
    assert run("quota", "--clear")[0] == 0
    assert run("remember", "Two.")[0] == 0
