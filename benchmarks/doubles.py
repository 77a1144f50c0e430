"""What upkeep makes of near-doubles: how many are merged, how many wrongly, and what it does to recall.

    python benchmarks/doubles.py --data locomo-dev.json

remembers LoCoMo with one near-double for every ten turns and as many that differ in a value, runs `merge` and
`fade` by rules, asks every question before and after, and takes every change back.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from harness.corpus import LOCOMO, Corpus, Item, data_file, draft, read_locomo
from harness.doubles import VALUES, WAYS, made

from zettelmem import AsyncMemory

K = 10


class Clock:
    """The time, which stands still until somebody moves it."""

    def __init__(self) -> None:
        self.now = datetime(2024, 6, 1, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


async def recall_at_10(memory: AsyncMemory, corpus: Corpus) -> float:
    """The share of the evidence that is among ten hits, the mean over all questions that have some."""
    shares: list[float] = []
    for question in corpus.questions:
        if question.gold:
            hits = await memory.recall(question.text, namespace=question.space, k=K)
            found = {(hit.note.key or "").rstrip("~") for hit in hits}
            shares.append(len(found & {*question.gold}) / len(question.gold))
    return 100 * sum(shares) / len(shares)


async def all_notes(memory: AsyncMemory, spaces: Iterable[str]) -> dict[str, Any]:
    """Every note but for its history, by id."""
    found: dict[str, Any] = {}
    for space in spaces:
        for note in (await memory.notes(namespace=space, limit=None)).notes:
            found[note.id] = note.model_dump(exclude={"history", "revision"})
    return found


def tell(label: str, value: object) -> None:
    """One line of the result."""
    sys.stdout.write(f"{label:<58} {value}\n")


async def run(corpus: Corpus, share: float, seed: int) -> None:
    """Remember, look after, ask, and take back."""
    chance = Random(seed)
    count = int(share * len(corpus.items))
    doubles = made(corpus.items, WAYS, count, "~", chance)
    others = made(corpus.items, VALUES, count, "#", chance)
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        async with AsyncMemory(folder, clock=clock, durable=False) as memory:
            ids: dict[tuple[str, str], str] = {}
            begun = time.perf_counter()
            for space in corpus.spaces:
                items = [*corpus.of(space), *(x for _, x in (*doubles, *others) if x.space == space)]
                kept = await memory.remember_many([draft(x) for x in items], namespace=space)
                ids |= {(space, x.key): each.note.id for x, each in zip(items, kept, strict=True)}
            remembering = time.perf_counter() - begun
            tell(
                "notes, of them near-doubles, and such that differ in a value",
                f"{len(ids)} {len(doubles)} {len(others)}",
            )
            tell("R@10 before upkeep", f"{await recall_at_10(memory, corpus):.2f}")
            before = await all_notes(memory, corpus.spaces)
            changes = await _upkeep(memory, corpus.spaces, "merge", remembering)
            groups = [frozenset(notes) for _, _, notes in changes]
            _tell_merged(doubles, others, ids, before, groups)
            tell("R@10 after merge", f"{await recall_at_10(memory, corpus):.2f}")
            for days in (1, 200, 400):
                clock.now += timedelta(days=days)
                faded = await _upkeep(memory, corpus.spaces, "fade", remembering)
                changes += faded
                tell(
                    f"R@10 after fade {(clock.now - Clock().now).days} days later",
                    f"{await recall_at_10(memory, corpus):.2f} ({len(faded)} went to rest)",
                )
            for space, change, _ in reversed(changes):
                await memory.undo(change, namespace=space)
            tell(
                "all changes undone, the store is as before", await all_notes(memory, corpus.spaces) == before
            )


async def _upkeep(
    memory: AsyncMemory, spaces: Sequence[str], step: Any, remembering: float
) -> list[tuple[str, str, tuple[str, ...]]]:
    """What one step of upkeep changed: whose, the change, and its notes."""
    begun = time.perf_counter()
    changes: list[tuple[str, str, tuple[str, ...]]] = []
    for space in spaces:
        report = await memory.upkeep(namespace=space, steps=[step])
        changes += [(space, done.change or "", done.notes) for done in report.changes]
    took = time.perf_counter() - begun
    tell(f"{step} took, share of remembering", f"{took:.2f} s, {100 * took / remembering:.1f} %")
    return changes


def _tell_merged(
    doubles: Sequence[tuple[Item, Item]],
    others: Sequence[tuple[Item, Item]],
    ids: dict[tuple[str, str], str],
    before: dict[str, Any],
    groups: Sequence[frozenset[str]],
) -> None:
    def together(pair: tuple[Item, Item]) -> bool:
        one, other = (ids[item.space, item.key] for item in pair)
        sayings = [group for group in groups if one in group and other in group]
        return one == other or any(sayings)

    missed = [pair for pair in doubles if not together(pair)]
    wrong = [pair for pair in others if together(pair)]
    tell(
        "near-doubles merged",
        f"{len(doubles) - len(missed)} of {len(doubles)}, {100 - 100 * len(missed) / len(doubles):.1f} %",
    )
    tell("merged though a value differs", len(wrong))
    for one, other in [*missed[:8], *wrong]:
        tell("  apart:" if (one, other) in missed else "  WRONG:", f"{one.text!r} / {other.text!r}")


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the file, or its folder")
    parser.add_argument("--convs", nargs="*", default=[], help="only these conversations, by sample_id")
    parser.add_argument("--share", type=float, default=0.1, help="near-doubles for each text")
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args(given)
    asyncio.run(run(read_locomo(data_file(options.data, LOCOMO), options.convs), options.share, options.seed))


if __name__ == "__main__":
    main()
