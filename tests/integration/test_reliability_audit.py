"""The audit log: every change is in it, no content is, and whoever tampers with it is found out."""

import asyncio
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from doubles import open_memory, open_sync
from zettelmem import Source, StoreError
from zettelmem.cli import app
from zettelmem.upkeep.audit import verify


def lines(log: Path) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.read_text().splitlines()]


def filled(folder: Path) -> Path:
    log = folder / "audit.jsonl"
    with open_sync(str(folder / "memory"), audit=log) as memory:
        note = memory.remember("A quokka.", namespace="ana", source=Source(who="Ana", via="cli")).note
        memory.revise(note.id, namespace="ana", content="Two quokkas.")
        done = memory.forget(note.id, namespace="ana")
        memory.undo(done.change, namespace="ana")
        memory.forget(note.id, namespace="ana", erase=True)
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


def test_a_log_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with (
        open_sync(audit=tmp_path / "file" / "log") as memory,
        pytest.raises(StoreError, match="audit log"),
    ):
        memory.remember("A quokka.", namespace="ana")
