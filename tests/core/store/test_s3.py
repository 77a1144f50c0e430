"""A store in a bucket of an S3 server that refuses, delays and loses answers: all that a directory can do."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.doubles import check_store, contents, open_memory
from tests.stress.bucket import bucket
from tests.stress.s3 import faults_made, s3
from zettelmem import QuotaError, StoreMismatch
from zettelmem.cli import app
from zettelmem.store import optimize
from zettelmem.testing import HashEmbedder

pytest.importorskip("moto")
pytest.importorskip("flask")


@pytest.fixture(scope="module")
def options() -> Iterator[dict[str, str]]:
    """Of a server at which every twentieth request meets a fault."""
    with s3("memories", faults=0.05) as reached:
        yield reached


async def test_all_that_a_directory_can_do_is_done_in_a_bucket(options: dict[str, str]) -> None:
    where = "s3://memories/life"
    async with open_memory(where, storage_options=options) as memory:
        first = await memory.remember("Ana lives in Porto.", namespace="ana", thread="t")
        for number in range(6):
            await memory.remember(f"Telescope number {number}.", namespace="ana", thread="t")
        await memory.revise(first.note.id, namespace="ana", context="said in May")
        gone = await memory.remember("The pin is quokkaquokka.", namespace="ana")
        await memory.undo((await memory.forget(gone.note.id, namespace="ana")).change, namespace="ana")
        await optimize(memory._store)
        assert (await memory.recall("Where does Ana live?", namespace="ana"))[0].note.id == first.note.id
        await memory.admin.set_quota(namespace="ana", notes=9)
        await memory.remember("Telescope number 7.", namespace="ana")
        with pytest.raises(QuotaError):
            await memory.remember("Telescope number 8.", namespace="ana")
        receipt = await memory.admin.erase_note(gone.note.id, namespace="ana")
        assert receipt.ids == (gone.note.id,)
        before = await check_store(memory)
        assert (await memory.admin.examine()).healthy
        assert (await memory.admin.backup()).notes
        old = memory
        async with open_memory(where, storage_options=options, embedder=HashEmbedder(48)) as new:
            moved = await new.admin.reembed()
            assert (moved.before, moved.vectors) == (HashEmbedder().name, 8)
            assert await check_store(new) == before
            assert (await new.recall("Where does Ana live?", namespace="ana"))[0].note.id == first.note.id
            with pytest.raises(StoreMismatch):
                await old.recall("Where does Ana live?", namespace="ana")
            with pytest.raises(StoreMismatch):
                await old.remember("Too late.", namespace="ana")
            assert (await new.admin.quota(namespace="ana")).notes == 9
            assert (await new.admin.examine()).healthy
    assert sum(faults_made(options).values()) > 10


def test_two_processes_write_a_bucket_and_nothing_that_was_acknowledged_is_lost() -> None:
    found = bucket(2, 3, 300, faults=0.05)
    assert found["lost"] == []
    assert found["notes"] == 6
    assert found["its revision"] == 7


async def test_an_erasure_in_a_bucket_without_faults_is_verified() -> None:
    with s3("calm") as options:
        async with open_memory("s3://calm/memory", storage_options=options) as memory:
            gone = await memory.remember("The pin is quokkaquokka.", namespace="ana")
            kept = await memory.remember("Ana lives in Porto.", namespace="ana")
            receipt = await memory.admin.erase_note(gone.note.id, namespace="ana")
            assert receipt.verified, receipt.how
            assert receipt.files_scanned > 5
            assert (await check_store(memory)).keys() == {kept.note.id}


async def test_two_that_write_first_into_an_empty_bucket_make_one_table(options: dict[str, str]) -> None:
    where = "s3://memories/race"
    async with (
        open_memory(where, storage_options=options) as one,
        open_memory(where, storage_options=options) as two,
    ):
        made = await asyncio.gather(
            *(each.remember(f"Fact {i}.", namespace="ana") for i, each in enumerate((one, two) * 2))
        )
        notes = await check_store(one)
        assert notes.keys() == {each.note.id for each in made}
        assert {*contents((await two.notes(namespace="ana")).notes)} == {*contents([*notes.values()])}


def test_the_command_line_copies_a_bucket_into_a_directory(
    options: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in options.items():
        monkeypatch.setenv("AWS_ALLOW_HTTP" if name == "allow_http" else name.upper(), value)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.output

    run("remember", "Ana lives in Porto.", "--db", "s3://memories/cli", "--namespace", "ana")
    run("backup", "all.jsonl", "--db", "s3://memories/cli")
    run("export", "ana.jsonl", "--db", "s3://memories/cli", "--namespace", "ana")
    run("restore", "all.jsonl", "--db", "here")
    assert "Porto" in run("recall", "Where does Ana live?", "--db", "here", "--namespace", "ana")
    run("doctor", "--db", "s3://memories/cli")
