"""What became of the parts of a file, or would: counted, and told in words and as JSON."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from zettelmem.exchange import BadLine

SHOWN = 20
"""Bad lines that are told one by one."""
SAMPLES = 3
"""Notes that a dry run shows."""


@dataclass
class Tally:
    """What became of the parts of a file.

    Attributes:
        stored, known, revised: parts that made a note; whose note was there; that changed a note.
        pending: notes that a judge has still to look at.
        linked: links that the file asked for and that were made.
        bad: parts that could not be remembered.
    """

    stored: int = 0
    known: int = 0
    revised: int = 0
    pending: int = 0
    linked: int = 0
    bad: list[BadLine] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """The figures, and each bad line with its problem."""
        return {
            "stored": self.stored,
            "known": self.known,
            "revised": self.revised,
            "pending": self.pending,
            "linked": self.linked,
            "bad": bad_as_json(self.bad),
        }

    def as_words(self) -> str:
        """The figures in one sentence."""
        parts = [f"{self.stored} stored"]
        parts += [f"{self.known} known already"] if self.known else []
        parts += [f"{self.revised} revised"] if self.revised else []
        parts += [f"{self.pending} pending"] if self.pending else []
        parts += [f"{self.linked} links made"] if self.linked else []
        parts += [f"{len(self.bad)} bad lines left out"] if self.bad else []
        return ", ".join(parts)


def bad_as_json(bad: Iterable[BadLine]) -> list[dict[str, Any]]:
    """Bad lines with where they are and what is wrong."""
    return [{"file": each.file, "line": each.line, "problem": each.problem} for each in bad]


def problems(bad: list[BadLine]) -> list[str]:
    """A line of text for each of the first bad lines, and how many there are beyond."""
    told = [each.told for each in bad[:SHOWN]]
    more = len(bad) - SHOWN
    return [*told, f"and {more} more bad lines"] if more > 0 else told


@dataclass
class Preview:
    """What would come out of a file.

    Attributes:
        format: the name of its format.
        notes: how many notes.
        threads: how many conversations they belong to.
        first, last: days of the earliest and of the latest, where the file tells times.
        samples: the beginnings of the first few.
        bad: parts that could not be remembered.
    """

    format: str
    notes: int = 0
    threads: int = 0
    first: str | None = None
    last: str | None = None
    samples: list[str] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """All of it."""
        return {**vars(self), "bad": bad_as_json(self.bad)}

    def as_words(self) -> str:
        """All of it, a line each."""
        told = f"{self.format}: {self.notes} notes"
        told += f" in {self.threads} threads" if self.threads else ""
        told += f", {self.first} to {self.last}" if self.first else ""
        told += f", {len(self.bad)} bad lines" if self.bad else ""
        return "\n".join([told, *(f"  {each}" for each in self.samples), "nothing was stored (--dry-run)"])
