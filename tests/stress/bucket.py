"""Several processes on one bucket of an S3 server, without a lock between them; then one note is erased."""

import importlib.util
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError

from tests.stress.process import SPACE, Process, missing
from zettelmem import Memory
from zettelmem.testing import HashEmbedder, hold

WRITERS = 2


@contextmanager
def s3(name: str) -> Iterator[dict[str, str]]:
    """An S3 server of moto's in a process of its own, with a bucket; what is needed to reach it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    serving = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                made = urllib.request.Request(f"{url}/{name}", method="PUT")
                urllib.request.urlopen(made, timeout=10).close()
                break
            except URLError:
                if time.monotonic() > deadline or serving.poll() is not None:
                    raise
                time.sleep(0.2)
        yield {
            "aws_endpoint": url,
            "allow_http": "true",
            "aws_access_key_id": "any",
            "aws_secret_access_key": "any",
            "aws_region": "us-east-1",
        }
    finally:
        serving.kill()
        serving.wait()


def bucket(writers: int, notes: int, seconds: float) -> dict[str, Any]:
    """Let `writers` remember so many notes each, and revise one shared note after each."""
    started = time.monotonic()
    with s3("memories") as options:
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
            receipt = memory.admin.erase_note(remembered[0]["id"], namespace=SPACE)
            hold(memory)
    return {
        "acknowledged": len(acknowledged),
        "notes": len(remembered),
        "revisions of one note": len(revisions),
        "its revision": revision,
        "erasure verified": receipt.verified,
        "objects searched": receipt.files_scanned,
        "lost": lost,
        "seconds": round(time.monotonic() - started, 1),
    }


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Two processes on an S3 bucket of a local moto server, `count` notes and revisions of one note each."""
    if importlib.util.find_spec("moto") is None:
        return {"ok": False, "problems": ["install an S3 server first: pip install --group bucket"]}
    found = bucket(WRITERS, count, max(1.0, end - time.monotonic()))
    lost = found.pop("lost")
    revised = WRITERS * count
    whole = found["revisions of one note"] == revised and found["its revision"] == revised + 1
    ok = whole and found["erasure verified"] and not lost
    return found | {"lost": len(lost), "ok": ok, "problems": lost[:5]}
