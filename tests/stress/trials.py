"""Trials that the reliability tests run for seconds and `tests/stress/torture.py` for hours."""

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.error import URLError

from zettelmem import Memory, NotFound
from zettelmem.testing import HashEmbedder, hold, notes_of

WRITER = Path(__file__).with_name("writer.py")
SPACE = "shared"


@dataclass
class Process:
    """A writer in a process of its own; what it said is kept in a file, so no pipe fills up."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    said: Path = field(init=False)
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        with tempfile.NamedTemporaryFile(prefix="said", delete=False) as out:
            self.said = Path(out.name)
            self.running = subprocess.Popen(
                [sys.executable, str(WRITER), *self.arguments],
                stdout=out,
                stderr=subprocess.PIPE,
                env={**os.environ, **self.environment},
            )

    def told(self) -> list[dict[str, Any]]:
        """What it has acknowledged so far; a line that it was killed in is none."""
        lines = self.said.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in lines]

    def kill(self) -> list[dict[str, Any]]:
        """End it by SIGKILL, and return all that it had acknowledged."""
        self.running.kill()
        self.running.communicate(timeout=60)
        found = self.told()
        self.said.unlink()
        return found

    def finish(self, seconds: float) -> list[dict[str, Any]]:
        """Wait for its end, and return all that it had acknowledged."""
        _, errors = self.running.communicate(timeout=seconds)
        if self.running.returncode != 0:
            raise AssertionError(errors.decode()[-3_000:])
        found = self.told()
        self.said.unlink()
        return found


@dataclass
class Tally:
    """What some kills led to."""

    kills: int = 0
    acknowledged: int = 0
    lost: list[str] = field(default_factory=list)
    unreadable: int = 0
    torn: int = 0
    by_verb: dict[str, int] = field(default_factory=dict)


def missing(memory: Memory, told: Sequence[dict[str, Any]]) -> list[str]:
    """The acknowledged changes that the store does not show."""
    contents: dict[str, set[str]] = {}
    hidden: dict[str, bool] = {}
    changes: list[tuple[str, str]] = []
    for each in told:
        if "content" in each:
            contents[each["id"]] = {each["content"]}
        if each["did"] in ("forget", "undo"):
            hidden[each["id"]] = each["did"] == "forget"
        if each["did"] == "connect":
            changes.append((each["id"], each["change"]))
    last = told[-1] if told else {}
    lost = []
    by_id = {note.id: note for note in notes_of(memory)}
    for note_id, allowed in contents.items():
        # What was under way when the process died may have landed or not: it is about the last note.
        open_end = note_id == next((x["id"] for x in reversed(told) if "content" in x), None)
        note = by_id.get(note_id)
        if note is None:
            known = [x.verb for x in history(memory, note_id)]
            if not known or not (hidden.get(note_id) or (open_end and "forget" in known)):
                lost.append(f"{note_id} is gone")
        elif hidden.get(note_id) and not (open_end and last.get("did") == "forget"):
            lost.append(f"{note_id} should be forgotten")
        elif note.content not in allowed and not open_end:
            lost.append(f"{note_id} says {note.content!r}")
    for note_id, change in changes:
        if change not in {entry.change for entry in history(memory, note_id)}:
            lost.append(f"change {change}")
    return lost


def history(memory: Memory, note_id: str) -> Sequence[Any]:
    try:
        return memory.history(note_id, namespace=SPACE)
    except NotFound:
        return ()


def kills(directory: Path, count: int, chance: random.Random, *, tending: bool = True) -> Tally:
    """Kill a writer, and with it one that optimizes, at random moments; look at the store after each."""
    tally = Tally()
    by_writer: list[list[dict[str, Any]]] = []
    for i in range(count):
        writer = Process(["write", str(directory), f"w{i}", "-1", str(chance.randrange(1 << 30))])
        tender = Process(["tend", str(directory), "0.01"]) if tending and i % 2 else None
        deadline = time.monotonic() + 60
        while not writer.told() and writer.running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.02)
        time.sleep(chance.uniform(0, 1.2))
        if tender is not None:
            tender.kill()
        by_writer.append(writer.kill())
        tally.kills += 1
        try:
            with Memory(str(directory), embedder=HashEmbedder()) as memory:
                tally.lost += [each for told in by_writer for each in missing(memory, told)]
                hold(memory)
        except AssertionError as error:
            tally.torn += 1
            tally.lost.append(str(error))
        except Exception as error:  # noqa: BLE001 - whatever it is, the store did not open
            tally.unreadable += 1
            tally.lost.append(repr(error))
    tally.acknowledged = sum(map(len, by_writer))
    for each in (each for told in by_writer for each in told):
        tally.by_verb[each["did"]] = tally.by_verb.get(each["did"], 0) + 1
    return tally


def crowd(directory: Path, writers: int, notes: int, seconds: float) -> dict[str, Any]:
    """Writers, one that optimizes and one that reads, all at once; what the reader missed, what is lost."""
    started = time.monotonic()
    processes = [Process(["write", str(directory), f"w{i}", str(notes), str(i)]) for i in range(writers)]
    tender = Process(["tend", str(directory), "1"])  # more often would be all that the lock is held for
    missed, misses = 0, list[str]()
    reads = torn = 0
    try:
        with Memory(str(directory), embedder=HashEmbedder()) as memory:
            while any(each.running.poll() is None for each in processes):
                if time.monotonic() - started > seconds:
                    raise AssertionError(f"the writers took longer than {seconds} seconds")
                before = [x for each in processes for x in each.told()]
                now = {note.id: note.links for note in notes_of(memory)}
                torn += sum(x not in now.get(x.other(at), ()) for at, links in now.items() for x in links)
                hidden = {x["id"] for each in processes for x in each.told() if x["did"] == "forget"}
                due = {x["id"] for x in before if x["did"] == "remember"}
                # One that is about to be forgotten may go before its writer says so.
                lacking = {
                    note_id
                    for note_id in due - hidden - now.keys()
                    if "forget" not in {entry.verb for entry in history(memory, note_id)}
                }
                some = random.Random(reads).sample(sorted(due), min(3, len(due)))
                lacking |= {note_id for note_id in some if not history(memory, note_id)}  # by its id
                reads += 1
                missed += len(lacking)
                if lacking:
                    still = lacking - {note.id for note in notes_of(memory)}
                    at = round(time.monotonic() - started, 1)
                    seen = f"{len(lacking)} of {len(due)}, {len(now)} read"
                    misses.append(f"{at} s: {seen}; {len(still)} lacking a read later")
            told = [each.finish(60) for each in processes]
            lost = [x for each in told for x in missing(memory, each)]
            hold(memory)
            total = len(notes_of(memory))
    finally:
        rounds = len(tender.kill())
        for each in processes:
            if each.running.poll() is None:
                each.kill()
    return {
        "acknowledged": sum(map(len, told)),
        "remembered": sum(x["did"] == "remember" for each in told for x in each),
        "forgotten": sum(x["did"] == "forget" for each in told for x in each),
        "brought back": sum(x["did"] == "undo" for each in told for x in each),
        "connected": sum(x["did"] == "connect" for each in told for x in each),
        "in sight": total,
        "reads": reads,
        "missed by the reader": missed,
        "links seen at one end": torn,
        "misses": misses,
        "lost": lost,
        "rounds of upkeep": rounds,
        "seconds": round(time.monotonic() - started, 1),
    }


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
    """Writers in as many processes on one bucket, without a lock between them; then one note is erased."""
    started = time.monotonic()
    with s3("memories") as options:
        environment = {name.upper(): value for name, value in options.items()}
        environment["AWS_ALLOW_HTTP"] = "true"
        where = "s3://memories/shared"
        with Memory(where, embedder=HashEmbedder(), storage_options=options) as memory:
            shared = memory.remember("What everybody revises.", namespace=SPACE, key="shared").note
            processes = [
                Process(["revise", where, shared.id, f"w{i}", str(notes)], environment)
                for i in range(writers)
            ]
            told = [each.finish(seconds) for each in processes]
            lost = [x for each in told for x in missing(memory, [x for x in each if "content" in x])]
            changes = {entry.change for entry in memory.history(shared.id, namespace=SPACE)}
            revised = [x["change"] for each in told for x in each if x["did"] == "share"]
            lost += [f"change {change}" for change in revised if change not in changes]
            hold(memory)
            revision = memory.get(shared.id, namespace=SPACE).revision
            doomed = next(x["id"] for x in told[0] if "content" in x)
            receipt = memory.admin.erase_note(doomed, namespace=SPACE)
            hold(memory)
    return {
        "acknowledged": sum(map(len, told)),
        "notes": sum("content" in x for each in told for x in each),
        "revisions of one note": len(revised),
        "its revision": revision,
        "erasure verified": receipt.verified,
        "objects searched": receipt.files_scanned,
        "lost": lost,
        "seconds": round(time.monotonic() - started, 1),
    }
