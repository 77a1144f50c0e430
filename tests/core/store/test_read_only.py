"""A directory that may be read and not written: everything can be read, writing is refused clearly."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.doubles import open_sync

READER = """
import ctypes, json, os, sys
from zettelmem import Memory, StoreError
from zettelmem.testing import HashEmbedder

if os.geteuid() == 0:  # root may write everywhere, until it gives that up
    header, sets = (ctypes.c_uint32 * 2)(0x20080522, 0), (ctypes.c_uint32 * 6)()
    assert ctypes.CDLL(None).capget(header, sets) == 0
    sets[0], sets[1] = sets[0] & ~0b110, sets[1] & ~0b110  # effective, permitted: DAC_OVERRIDE, DAC_READ
    assert ctypes.CDLL(None).capset(header, sets) == 0
told = {}
with Memory(sys.argv[1], embedder=HashEmbedder()) as memory:
    page = memory.notes(namespace="ana")
    note = page.notes[0]
    told["notes"] = len(page.notes)
    told["get"] = memory.get(note.id, namespace="ana").content
    told["history"] = [entry.verb for entry in memory.history(note.id, namespace="ana")]
    told["recall"] = memory.recall("Where does Ana live?", namespace="ana")[0].note.content
    told["healthy"] = memory.admin.examine().healthy
    for verb in ("remember", "forget"):
        try:
            getattr(memory, verb)(note.id, namespace="ana")
        except StoreError as error:
            told[verb] = str(error)
print(json.dumps(told))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="root gives up its rights by a call of Linux")
@pytest.mark.parametrize("locked", [True, False])
def test_it_is_read_and_not_written(tmp_path: Path, locked: bool) -> None:
    with open_sync(str(tmp_path)) as memory:
        memory.remember("Ana lives in Porto.", namespace="ana")
        if locked:
            memory.admin.examine(repair=True)
    if not locked:
        (tmp_path / ".zettelmem.lock").unlink(missing_ok=True)
    places = [tmp_path, *(each for each in tmp_path.rglob("*"))]
    try:
        for each in places:
            each.chmod(0o555 if each.is_dir() else 0o444)
        before = sorted(tmp_path.rglob("*"))
        done = subprocess.run(
            [sys.executable, "-c", READER, str(tmp_path)], capture_output=True, text=True, timeout=60
        )
        assert done.returncode == 0, done.stderr
        assert sorted(tmp_path.rglob("*")) == before
    finally:
        for each in places:
            each.chmod(0o755)
    told = json.loads(done.stdout)
    assert told["notes"] == 1
    assert told["get"] == told["recall"] == "Ana lives in Porto."
    assert told["history"] == ["remember"]
    assert told["healthy"]
    for verb in ("remember", "forget"):
        assert "cannot be written: Permission denied; give a directory you may write to" in told[verb]
