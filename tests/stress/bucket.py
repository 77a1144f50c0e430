"""Several processes on one bucket of an S3 server, without a lock between them; then one note is erased."""

import importlib.util
import time
from pathlib import Path
from typing import Any

from tests.stress.process import SPACE, Process, missing
from tests.stress.s3 import faults_made, s3
from zettelmem import Memory
from zettelmem.testing import HashEmbedder, hold

WRITERS = 2
FAULTS = 0.05
"""Share of the requests that meet a fault."""


def bucket(writers: int, notes: int, seconds: float, faults: float = FAULTS) -> dict[str, Any]:
    """Let `writers` remember so many notes each, and revise one shared note after each."""
    started = time.monotonic()
    with s3("memories", faults) as options:
        environment = {name.upper(): value for name, value in options.items()}
        environment["AWS_ALLOW_HTTP"] = "true"
        where = "s3://memories/shared"
        with Memory(where, embedder=HashEmbedder(), storage_options=options) as memory:
            shared = memory.remember("What everybody revises.", namespace=SPACE, key="shared").note
            processes = [
                Process(["revise", where, shared.id, f"w{number}", str(notes)], environment)
                for number in range(writers)
            ]
            by_writer = [each.finish(seconds) for each in processes]
            acknowledged = [each for lines in by_writer for each in lines]
            remembered = [each for each in acknowledged if each["did"] == "remember"]
            revisions = [each["change"] for each in acknowledged if each["did"] == "share"]
            changes = {entry.change for entry in memory.history(shared.id, namespace=SPACE)}
            lost = missing(memory, remembered)
            lost += [f"change {change}" for change in revisions if change not in changes]
            hold(memory)
            revision = memory.get(shared.id, namespace=SPACE).revision
            made = faults_made(options)
            receipt = memory.admin.erase_note(remembered[0]["id"], namespace=SPACE)
            hold(memory)
    return {
        "acknowledged": len(acknowledged),
        "notes": len(remembered),
        "revisions of one note": len(revisions),
        "its revision": revision,
        "erasure verified": receipt.verified,
        "objects searched": receipt.files_scanned,
        "faults": made,
        "lost": lost,
        "seconds": round(time.monotonic() - started, 1),
    }


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Two processes on an S3 bucket of a local moto server, `count` notes and revisions of one note each."""
    if importlib.util.find_spec("moto") is None:
        return {"ok": False, "problems": ["install an S3 server first: scripts/setup.sh dev"]}
    found = bucket(WRITERS, count, max(1.0, end - time.monotonic()))
    lost = found.pop("lost")
    revised = WRITERS * count
    whole = found["revisions of one note"] == revised and found["its revision"] == revised + 1
    ok = whole and found["erasure verified"] and not lost
    return found | {"lost": len(lost), "ok": ok, "problems": lost[:5]}
