"""A writer in a process of its own, what it acknowledged, and what of that a store does not show."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zettelmem import Memory, NotFound
from zettelmem.testing import notes_of

WRITER = Path(__file__).with_name("writer.py")
SPACE = "shared"
"""The namespace that writers write into."""
FORGETTING = ("forget", "undo")
"""Verbs that hide a note or bring it back."""

Acknowledgement = dict[str, Any]
"""One line of a writer: `did` is the verb, `id` the note; `content` or `change` as the verb has it."""


@dataclass
class Process:
    """A running `writer.py`; its lines are kept in a file, so no pipe fills up."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    lines: Path = field(init=False)
    running: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        """Start it."""
        with tempfile.NamedTemporaryFile(prefix="writer", delete=False) as out:
            self.lines = Path(out.name)
            self.running = subprocess.Popen(
                [sys.executable, str(WRITER), *self.arguments],
                stdout=out,
                stderr=subprocess.PIPE,
                env={**os.environ, **self.environment},
            )

    def acknowledged(self) -> list[Acknowledgement]:
        """What it has acknowledged so far; a line that it was killed in is none."""
        whole_lines = self.lines.read_bytes().split(b"\n")[:-1]
        return [json.loads(line) for line in whole_lines]

    def kill(self) -> list[Acknowledgement]:
        """End it by SIGKILL, and return all that it had acknowledged."""
        self.running.kill()
        self.running.communicate(timeout=60)
        return self._last_lines()

    def finish(self, seconds: float) -> list[Acknowledgement]:
        """Wait for its end, and return all that it had acknowledged."""
        _, errors = self.running.communicate(timeout=seconds)
        if self.running.returncode != 0:
            raise AssertionError(errors.decode()[-3_000:])
        return self._last_lines()

    def _last_lines(self) -> list[Acknowledgement]:
        acknowledged = self.acknowledged()
        self.lines.unlink()
        return acknowledged


def missing(memory: Memory, acknowledged: Sequence[Acknowledgement]) -> list[str]:
    """The changes of one writer that it acknowledged and the store does not show."""
    notes = {note.id: note for note in notes_of(memory)}
    contents = {each["id"]: each["content"] for each in acknowledged if "content" in each}
    forgotten = {each["id"]: each["did"] == "forget" for each in acknowledged if each["did"] in FORGETTING}
    # What was under way when the process died may have landed or not. It is about the last note.
    last_note = next(reversed([each["id"] for each in acknowledged if "content" in each]), None)
    last_verb = acknowledged[-1]["did"] if acknowledged else ""
    lost = []
    for note_id, content in contents.items():
        note, is_last = notes.get(note_id), note_id == last_note
        if note is None:
            verbs = [entry.verb for entry in history(memory, note_id)]
            may_be_forgotten = forgotten.get(note_id) or (is_last and "forget" in verbs)
            if not verbs or not may_be_forgotten:
                lost.append(f"{note_id} is gone")
        elif forgotten.get(note_id) and not (is_last and last_verb == "forget"):
            lost.append(f"{note_id} should be forgotten")
        elif note.content != content and not is_last:
            lost.append(f"{note_id} says {note.content!r}")
    for each in acknowledged:
        if each["did"] == "connect" and not _has_change(memory, each):
            lost.append(f"change {each['change']}")
    return lost


def _has_change(memory: Memory, connected: Acknowledgement) -> bool:
    return any(entry.change == connected["change"] for entry in history(memory, connected["id"]))


def history(memory: Memory, note_id: str) -> Sequence[Any]:
    """What happened to a note, forgotten or not; nothing for one that is not there."""
    try:
        return memory.history(note_id, namespace=SPACE)
    except NotFound:
        return ()
