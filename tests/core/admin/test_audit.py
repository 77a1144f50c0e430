"""The audit log: every change is in it, no content is, and whoever tampers with it is found out."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.doubles import open_memory, open_sync
from zettelmem import Source, StoreError
from zettelmem.admin.audit import verify
from zettelmem.cli import app
from zettelmem.store import Store


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def filled(folder: Path) -> Path:
    log = folder / "audit.jsonl"
    with open_sync(str(folder / "memory"), audit=log) as memory:
        note = memory.remember("A quokka.", namespace="ana", source=Source(who="Ana", via="cli")).note
        memory.revise(note.id, namespace="ana", content="Two quokkas.")
        done = memory.forget(note.id, namespace="ana")
        memory.undo(done.change, namespace="ana")
        memory.admin.erase_note(note.id, namespace="ana")
    return log


def test_every_change_is_told_and_no_content(tmp_path: Path) -> None:
    log = filled(tmp_path)
    told = lines(log)
    assert [each["verb"] for each in told] == ["remember", "revise", "forget", "undo", "erase"]
    assert {tuple(each["namespace"]) for each in told} == {("ana",)}  # type: ignore[arg-type]
    assert told[0]["via"] == "cli"
    assert "quokka" not in log.read_text()
    assert verify(log)[0::2] == (5, "")


@pytest.mark.parametrize("place", range(5))
def test_a_changed_or_missing_line_is_found(tmp_path: Path, place: int) -> None:
    log = filled(tmp_path)
    whole = log.read_text().splitlines(keepends=True)
    log.write_text("".join([*whole[:place], whole[place].replace('"ana"', '"bo"'), *whole[place + 1 :]]))
    assert verify(log)[0] == place
    log.write_text("".join(whole[:place] + whole[place + 1 :]))
    assert verify(log)[0] == min(place, 4)
    assert bool(verify(log)[2]) is (place < 4)
    assert CliRunner().invoke(app, ["audit", str(log)]).exit_code == (1 if place < 4 else 0)


async def test_calls_at_once_and_half_a_line_do_not_break_it(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with log.open("a") as stream:
        stream.write('{"half')
    assert verify(log)[2]
    async with open_memory(str(tmp_path / "memory"), audit=log) as memory:
        await asyncio.gather(*(memory.remember(f"Note {i}.", namespace="ana") for i in range(8)))
    assert verify(log)[0::2] == (13, "")


def test_a_log_that_cannot_be_written_is_told_and_nothing_is_changed(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with open_sync(str(tmp_path / "memory"), audit=tmp_path / "file" / "log") as memory:
        with pytest.raises(StoreError, match="audit log"):
            memory.remember("A quokka.", namespace="ana")
        assert memory.notes(namespace="ana").notes == ()


DYING = """
import os, sys
from tests.doubles import open_sync
from zettelmem.store import Store

async def die(self, rows, before):
    if sys.argv[3] == "after":
        await write(self, rows, before)
    os._exit(9)

write = Store._write
with open_sync(sys.argv[1], audit=sys.argv[2]) as memory:
    note = memory.remember("Kept.", namespace="ana").note
    Store._write = die
    memory.revise(note.id, namespace="ana", content="Killed on the way.")
"""


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_kill_between_log_and_store_leaves_no_change_out_and_none_too_many(
    tmp_path: Path, when: str
) -> None:
    memory_at, log = tmp_path / "memory", tmp_path / "audit.jsonl"
    done = subprocess.run(
        [sys.executable, "-c", DYING, str(memory_at), str(log), when],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 9, done.stderr
    assert [each["verb"] for each in lines(log)] == ["remember", "revise"]
    with open_sync(str(memory_at), audit=log) as memory:
        assert memory.admin.examine().healthy
        memory.remember("Another.", namespace="ana")
        told = [each["verb"] for each in lines(log)]
        voided = ["void"] if when == "before" else []
        assert told == ["remember", "revise", *voided, "remember"]
        assert memory.admin.examine().healthy
    assert verify(log)[2] == ""


async def test_a_write_that_fails_is_told_as_void(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "audit.jsonl"

    async def full(*_: object) -> None:
        raise StoreError("No space left on device")

    async with open_memory(audit=log) as memory:
        await memory.remember("One.", namespace="ana")
        with monkeypatch.context() as patch:
            patch.setattr(Store, "_write", full)
            with pytest.raises(StoreError, match="No space"):
                await memory.remember("Two.", namespace="ana")
        told = lines(log)
        assert [each["verb"] for each in told] == ["remember", "remember", "void"]
        assert told[2]["change"] == told[1]["change"]


def test_the_doctor_finds_and_adds_what_was_done_without_the_log(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with open_sync(str(tmp_path / "memory")) as memory:
        note = memory.remember("Behind its back.", namespace="ana").note
        memory.revise(note.id, namespace="ana", tags=["sly"])
        memory.forget(note.id, namespace="ana")
    with open_sync(str(tmp_path / "memory"), audit=log) as memory:
        found = memory.admin.examine()
        assert not found.healthy
        assert found.findings[-1].check == "audit"
        assert found.findings[-1].count == 3
        assert memory.admin.examine(repair=True).healthy
        assert not memory.admin.examine().findings[-1].trouble
    added = lines(log)[-3:]
    assert [(each["verb"], each["found"]) for each in added] == [
        ("remember", True),
        ("revise", True),
        ("forget", True),
    ]
    assert verify(log)[0::2] == (8, "")


def test_a_log_that_was_tampered_with_is_trouble_for_the_doctor(tmp_path: Path) -> None:
    log = filled(tmp_path)
    log.write_text(log.read_text().replace('"revise"', '"forget"'))
    with open_sync(str(tmp_path / "memory"), audit=log) as memory:
        assert not memory.admin.examine(repair=True).healthy


def test_a_log_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        verify(tmp_path / "nowhere")


def test_a_file_that_is_no_log_is_never_written_to(tmp_path: Path) -> None:
    other = tmp_path / "other.txt"
    other.write_bytes(b"x" * 100_000)
    with open_sync(audit=other) as memory, pytest.raises(StoreError, match="too long to be ours"):
        memory.remember("A quokka.", namespace="ana")
    assert other.read_bytes() == b"x" * 100_000


def test_the_lines_of_a_namespace_are_exported(tmp_path: Path) -> None:
    log = filled(tmp_path)
    with open_sync(str(tmp_path / "memory"), audit=log) as memory:
        memory.remember("Bo's.", namespace=("ana", "bo"))
        memory.remember("Not theirs.", namespace="anabel")
    out = tmp_path / "out.jsonl"
    told = CliRunner().invoke(app, ["audit", str(log), "--export", str(out), "-n", "ana"])
    assert told.exit_code == 0
    assert "7 lines hold" in told.output
    assert out.read_text().splitlines() == log.read_text().splitlines()[:6]
    told = CliRunner().invoke(app, ["audit", str(log), "--export", "-", "-n", "/"])
    assert len(told.stdout.splitlines()) == 7


def test_the_command_line_writes_it_too(tmp_path: Path) -> None:
    log = tmp_path / "audit.jsonl"
    common = ["--db", str(tmp_path / "memory"), "--audit", str(log)]
    assert CliRunner().invoke(app, ["remember", "Ana lives in Porto.", *common]).exit_code == 0
    assert [(each["verb"], each["via"]) for each in lines(log)] == [("remember", "cli")]
    assert CliRunner().invoke(app, ["doctor", *common]).exit_code == 0
