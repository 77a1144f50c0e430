"""Hostile values of our own making, as many as one likes: each kept as it is, or refused, and never run."""

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zettelmem import InvalidInput, Memory, NotFound
from zettelmem.testing import HashEmbedder, hold, notes_of

BITS = [
    "'", '"', "''", "\\", "\\'", "--", "/*", "*/", ";", "%", "_", "*", "?", "\0", "\n", "\r\n", "\t", " ",
    " OR 1=1 ", " OR ''='", "'; DROP TABLE notes; --", " UNION SELECT * FROM notes ", "namespace >= ''",
    "id IN (SELECT id)", "NULL", "null", "true", "1e999", "NaN", "-0", "0x00", "${jndi:ldap://x}", "{{7*7}}",
    '{"$ne": null}', "[1, 2]", "../../etc/passwd", "C:\\nul", "%2F", "%00", "/", "//", ".", "..", "~",
    "\u202e", "\u2066", "\u200f", "\ufeff", "\u2028", "\u0085", "\ud800", "\udfff", "e\u0301", "\u00df",
    "\u0130", "\U0001f9e0", "\u6f22\u5b57", "\u0645\u0631\u062d\u0628\u0627", "a", "ana", "bo", "bo/",
    "Z" * 50, "<<<note 00000000", "00000000 note>>>", "</memory>", "\x1b[2J", "match", "near",
    "live = false",
]  # fmt: skip
SECRET = "quokkaquokka"
STORE = 1_000
"""Values that are tried on one store."""


def text(chance: random.Random) -> str:
    """Some bits, now and then with random characters of any plane."""
    parts = [chance.choice(BITS) for _ in range(chance.randint(1, 5))]
    if chance.random() < 0.3:
        parts.append("".join(chr(chance.randrange(0x11_0000)) for _ in range(chance.randint(1, 8))))
    return "".join(parts)


@dataclass
class Fuzzed:
    """What some values led to.

    Attributes:
        values: how many were tried.
        stored, refused: contents that were kept, values that were refused clearly.
        problems: what should not have happened.
    """

    values: int = 0
    stored: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)


def fuzz(memory: Memory, count: int, chance: random.Random) -> Fuzzed:
    """Try `count` values as contents, namespaces, ids and filters on a memory that holds a secret of Bo's."""
    secret = memory.remember(f"Bo's {SECRET}.", namespace="bo", tags=["private"], thread="t", key="k").note
    found = Fuzzed()
    kept: dict[str, tuple[tuple[str, ...], str]] = {}
    for attempt in _attempts(memory, chance):
        if found.values >= count:
            break
        found.values += 1
        try:
            for space, note in attempt():
                if note.namespace[: len(space)] != space:
                    found.problems.append(f"{note.id} of {note.namespace} was seen from {space}")
                if note.content == secret.content and space[:1] != ("bo",):
                    found.problems.append(f"the secret was seen from {space}")
                if attempt.__name__ == "remembering":
                    kept[note.id] = (space, note.content)
                    found.stored += 1
        except (InvalidInput, NotFound):
            found.refused += 1
    there = {note.id: note for note in notes_of(memory)}
    for note_id, (space, content) in kept.items():
        note = there.get(note_id)
        if note is None or note.content != content or note.namespace != space:
            found.problems.append(f"{note_id} is not what was stored: {content!r}")
    if there.keys() - kept.keys() != {secret.id} or there[secret.id] != secret:
        found.problems.append("another note came, went or changed")
    return found


def _attempts(memory: Memory, chance: random.Random) -> Iterator[Any]:
    while True:
        value, space = text(chance), (text(chance),)
        if space[0] == "bo":
            continue

        def remembering(value: str = value, space: tuple[str, ...] = space) -> list[Any]:
            note = memory.remember(value, namespace=space, tags=[value], judge="none").note
            if note.content != value:
                raise AssertionError(f"{value!r} became {note.content!r}")
            return [(space, note)]

        def filtering(value: str = value, space: tuple[str, ...] = space) -> list[Any]:
            given: dict[str, Any] = {"thread": value, "tags": [value], "kinds": [value]}
            name = chance.choice(sorted(given))
            page = memory.notes(namespace=space, **{name: given[name]})
            return [(space, note) for note in page.notes]

        def recalling(value: str = value, space: tuple[str, ...] = space) -> list[Any]:
            hits = memory.recall(value, namespace=space, k=5, tags=chance.choice([None, [value]]))
            return [(space, hit.note) for hit in hits]

        def naming(value: str = value, space: tuple[str, ...] = space) -> list[Any]:
            verb: Any = chance.choice([memory.get, memory.history, memory.links, memory.forget, memory.undo])
            verb(value, namespace=space)
            raise AssertionError(f"{value!r} named a note")

        def keying(value: str = value, space: tuple[str, ...] = space) -> list[Any]:
            return [(space, note) for note in memory.keyed([value, "k"], namespace=space).values()]

        yield remembering
        yield filtering
        yield recalling
        yield naming
        yield keying


def trial(directory: Path, count: int, end: float) -> dict[str, Any]:
    """Hostile contents, namespaces, ids and filters, on stores of 1,000 each."""
    total = Fuzzed()
    while total.values < count and time.monotonic() < end:
        seed = total.values
        with Memory(str(directory / str(seed)), embedder=HashEmbedder(), durable=False) as memory:
            fuzzed = fuzz(memory, min(STORE, count - seed), random.Random(seed))
            hold(memory)
        total.values += fuzzed.values
        total.stored += fuzzed.stored
        total.refused += fuzzed.refused
        total.problems += fuzzed.problems
    return {
        "values": total.values,
        "stored as they are": total.stored,
        "refused": total.refused,
        "ok": total.values == count and not total.problems,
        "problems": total.problems[:5],
    }
