"""The doctor: a sound store is called sound, each trouble is found, told and mended."""

import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import lancedb
import pytest
from typer.testing import CliRunner

from tests.doubles import Clock, open_memory, open_sync, write_as_is
from zettelmem import AsyncMemory, Examination, Finding, Link, Note, NotFound, Relation
from zettelmem.cli import app
from zettelmem.testing import HashEmbedder, hold, links_mirrored, notes_of


def finding(found: Examination, check: str) -> Finding:
    return next(each for each in found.findings if each.check == check)


async def tear(memory: AsyncMemory, *, gone: bool) -> None:
    """Write a link at one end only: its other end knows nothing of it, or is not there."""
    first = (await memory.remember("The first of two.", namespace="ana", judge="none")).note
    other = (await memory.remember("Something else.", namespace="ana", judge="none")).note
    target = "zzzzzzzz" if gone else other.id
    link = Link(source=first.id, target=target, relation=Relation.RELATES)
    torn = first.model_copy(update={"links": (link,)})
    entry = torn.history[-1].model_copy(update={"change": f"{first.id}.2", "linked": (link,)})
    torn = torn.model_copy(update={"history": (*first.history, entry), "revision": 2})
    await write_as_is(memory, torn)


async def test_a_sound_store_is_healthy(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many(["One.", "Two.", "Three."], namespace="ana")
        found = await memory.admin.examine()
    assert found.healthy
    assert finding(found, "opens").count == 3


async def test_a_new_store_is_healthy() -> None:
    async with open_memory() as memory:
        assert (await memory.admin.examine(repair=True, purge_after=timedelta(0))).healthy


@pytest.mark.parametrize("gone", [True, False])
async def test_torn_links_are_found_and_mended(gone: bool) -> None:
    async with open_memory() as memory:
        await tear(memory, gone=gone)
        found = await memory.admin.examine()
        assert not found.healthy
        assert finding(found, "links").count == 1
        assert (await memory.admin.examine(repair=True)).healthy
        again = await memory.admin.examine()
        assert not finding(again, "links").trouble
        links_mirrored((await memory.notes(namespace=())).notes)


@pytest.mark.parametrize("one_sided", [True, False])
async def test_what_others_write_while_it_reads_is_not_taken_for_torn(
    monkeypatch: pytest.MonkeyPatch, one_sided: bool
) -> None:
    async with open_memory(judge="none") as memory:
        first = (await memory.remember("One.", namespace="ana", thread="t")).note
        await memory.remember("Two.", namespace="ana", thread="t")
        linked, second = (await memory.notes(namespace="ana")).notes
        assert linked.links == second.links != first.links == ()
        # A table that is cleaned away while it is read is read on as it has become.
        read = [first, second] if one_sided else [linked]
        reading_as(monkeypatch, memory, read)
        assert not finding(await memory.admin.examine(repair=True), "links").trouble
        assert (await memory.notes(namespace="ana")).notes == (linked, second)


def reading_as(monkeypatch: pytest.MonkeyPatch, memory: AsyncMemory, *passes: list[Note] | str) -> None:
    """Let the doctor see these notes at its passes over all of them; a text is remembered before one."""
    every, left = memory._store.every_note, list(passes)

    async def every_note() -> AsyncIterator[list[Note]]:
        seen = left.pop(0)
        if isinstance(seen, list):
            yield seen
            return
        if seen:
            await memory.remember(seen, namespace="ana")
        async for batch in every():
            yield batch

    monkeypatch.setattr(memory._store, "every_note", every_note)


@pytest.mark.parametrize("told_first", [True, False])
async def test_what_others_write_while_it_reads_is_told_once_in_the_log(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, told_first: bool
) -> None:
    log = tmp_path / "audit.jsonl"
    async with open_memory(str(tmp_path / "memory"), judge="none", audit=log) as memory:
        before = [(await memory.remember("One.", namespace="ana")).note]
        if told_first:  # the log says so, the notes that are read do not yet
            await memory.remember("Two.", namespace="ana")
            reading_as(monkeypatch, memory, before, before)
        else:
            reading_as(monkeypatch, memory, "", "Two.")
        found = await memory.admin.examine(repair=True)
    assert not finding(found, "audit").trouble
    assert [json.loads(line)["verb"] for line in log.read_text().splitlines()] == ["remember"] * 2


async def test_another_embedder_is_a_finding(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("One.", namespace="ana")
    async with open_memory(str(tmp_path), embedder=HashEmbedder(64)) as memory:
        found = await memory.admin.examine(repair=True)
    assert [each.check for each in found.findings] == ["embedder"]
    assert not found.healthy


async def test_a_store_that_cannot_be_opened_is_a_finding(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("One.", namespace="ana")
    for manifest in (tmp_path / "notes.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(b"rubbish" + manifest.read_bytes()[-20:])  # not torn, whose end is missing
    async with open_memory(str(tmp_path)) as memory:
        found = await memory.admin.examine(repair=True)
    assert [each.check for each in found.findings] == ["opens"]
    assert not found.healthy


async def test_a_note_whose_history_does_not_tell_all_writes_is_found() -> None:
    async with open_memory() as memory:
        note = (await memory.remember("One.", namespace="ana")).note
        entry = note.history[-1].model_copy(update={"change": f"{note.id}.2"})
        short = note.model_copy(update={"revision": 2, "history": (entry,)})
        await write_as_is(memory, short)
        found = await memory.admin.examine(repair=True)
    assert [each.check for each in found.findings if each.trouble and not each.repaired] == ["revisions"]


async def test_an_id_that_occurs_twice_is_found(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("One.", namespace="ana")
    table = lancedb.connect(tmp_path).open_table("notes")
    table.add(table.to_arrow())
    async with open_memory(str(tmp_path)) as memory:
        found = await memory.admin.examine()
    assert finding(found, "ids").trouble
    assert finding(found, "ids").count == 1


async def test_a_long_tail_and_a_store_that_outgrew_its_notes_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("zettelmem.store.tidy.TAIL_ROWS", 10)
    monkeypatch.setattr("zettelmem.admin.doctor.SMALL", 0)
    monkeypatch.setattr("zettelmem.admin.doctor.SIZE_RATIO", 1.0)
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember_many([f"Thing {i}." for i in range(20)], namespace="ana", judge="none")
        found = await memory.admin.examine()
        assert finding(found, "indices").trouble
        assert finding(found, "size").trouble
        found = await memory.admin.examine(repair=True)
        assert finding(found, "indices").repaired
        assert finding(found, "size").repaired
        assert not finding(await memory.admin.examine(), "indices").trouble


async def test_what_a_crash_left_is_found_and_removed(tmp_path: Path) -> None:
    async with open_memory(str(tmp_path)) as memory:
        await memory.remember("One.", namespace="ana")
    newest = min((tmp_path / "notes.lance" / "_versions").glob("*.manifest"))
    newest.with_name(f"{int(newest.stem) - 1:020d}.manifest").touch()
    async with open_memory(str(tmp_path)) as memory:
        found = await memory.admin.examine()
        assert finding(found, "files").trouble
        assert finding(found, "opens").count == 1
        assert (await memory.admin.examine(repair=True)).healthy
        assert (await memory.admin.examine()).healthy


def test_forgotten_notes_are_purged_after_their_time(tmp_path: Path) -> None:
    clock = Clock()
    with open_sync(str(tmp_path), clock=clock) as memory:
        old = memory.remember("An old quokkaquokka.", namespace="ana").note
        young = memory.remember("A young one.", namespace="ana").note
        memory.remember("Kept.", namespace="ana")
        memory.forget(old.id, namespace="ana")
        clock.day(31)
        done = memory.forget(young.id, namespace="ana")
        assert finding(memory.admin.examine(), "forgotten").count == 1
        found = memory.admin.examine(purge_after=timedelta(days=30))
        assert found.healthy
        assert [receipt.ids for receipt in found.erased] == [(old.id,)]
        with pytest.raises(NotFound):
            memory.history(old.id, namespace="ana")
        memory.undo(done.change, namespace="ana")
        assert {note.content for note in notes_of(memory)} == {"A young one.", "Kept."}
        hold(memory)


def test_the_command_tells_and_exits_by_it(tmp_path: Path) -> None:
    def run(*words: str) -> tuple[int, str]:
        done = CliRunner().invoke(app, [*words, "--db", str(tmp_path)])
        return done.exit_code, done.output

    assert run("remember", "Ana lives in Porto.")[0] == 0
    code, told = run("doctor", "--json")
    assert (code, json.loads(told)["healthy"]) == (0, True)
    newest = min((tmp_path / "notes.lance" / "_versions").glob("*.manifest"))
    newest.with_suffix(".torn").touch()
    code, told = run("doctor")
    assert code == 1
    assert "TROUBLE" in told
    assert run("doctor", "--repair")[0] == 0
    assert run("doctor")[0] == 0
    assert run("erase", "--yes")[0] == 0
    assert "quokka" not in run("notes")[1]
