"""What runs in a process of its own, so that its memory and its start can be measured, or another writes."""

from __future__ import annotations

import asyncio
import resource
import sys
import time
from pathlib import Path

from harness.corpus import Item, draft
from rich.console import Console
from rich.progress import Progress

from costs.stage import Metered, open_memory
from costs.texts import SPACE
from zettelmem import Memory

CALL = 5_000
"""Texts that are remembered in one call."""


def memory_now() -> dict[str, float]:
    """Megabytes of this process that are resident, and that were at most."""
    status = Path("/proc/self/status")
    if status.exists():
        lines = dict(line.split(":", 1) for line in status.read_text(encoding="utf-8").splitlines())
        return {
            "resident": int(lines["VmRSS"].split()[0]) / 1024,
            "peak": int(lines["VmHWM"].split()[0]) / 1024,
        }
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 << (20 if sys.platform == "darwin" else 10)
    )
    return {"resident": most, "peak": most}


def fill(folder: Path, items: list[Item], each_space: bool = False) -> dict[str, float]:
    """Remember texts in a new store: milliseconds a note and megabytes. In their own namespaces if asked."""
    return asyncio.run(_fill(folder, items, each_space))


async def _fill(folder: Path, items: list[Item], each_space: bool) -> dict[str, float]:
    embedder = Metered()
    by_space: dict[str, list[Item]] = {}
    for item in items:
        by_space.setdefault(item.space if each_space else SPACE, []).append(item)
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"remembering {len(items):,} texts", total=len(items))
        async with open_memory(folder, embedder) as memory:
            await memory.stats(namespace=SPACE)  # what is imported late is imported now
            embedder.seconds = 0.0
            wall, processor = time.perf_counter(), time.process_time()
            for space, texts in by_space.items():
                for start in range(0, len(texts), CALL):
                    drafts = [draft(item) for item in texts[start : start + CALL]]
                    await memory.remember_many(
                        drafts, namespace=space, progress=lambda n: progress.advance(task, n)
                    )
        took, waited = time.process_time() - processor, time.perf_counter() - wall
    scale = 1_000 / len(items)
    costs = {"processor": scale * took, "embedder": scale * embedder.seconds, "wall": scale * waited}
    return costs | memory_now()


_kept: dict[Path, Memory] = {}


def write(folder: Path, text: str, space: str) -> None:
    """Remember a text in a store that this process keeps open."""
    if folder not in _kept:
        _kept[folder] = Memory(str(folder), embedder=Metered(), judge="offline")
    _kept[folder].remember(text, namespace=space)


def close() -> None:
    """Close what `write` keeps open."""
    while _kept:
        _kept.popitem()[1].close()
