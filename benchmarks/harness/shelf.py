"""Memories of a corpus that several arms share: made once in a run, or found from an earlier one."""

from __future__ import annotations

import logging
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from harness import bare
from harness.corpus import Corpus, draft
from zettelmem import AsyncMemory, Embedder, Stats
from zettelmem.providers.wordllama import WordLlama

Progress = Callable[[int], None]


@dataclass
class Kept:
    """A memory that remembers a corpus, and what it took.

    Attributes:
        seconds: for remembering all of it; 0 where it was remembered in an earlier run.
        upkeep: seconds for one compaction afterwards.
        stats: of each namespace.
        size: bytes of the directory, all files, after the compaction.
        notes: how many.
    """

    folder: Path
    memory: AsyncMemory
    seconds: float
    upkeep: float
    stats: list[Stats]
    size: int
    notes: int


@dataclass
class Shelf:
    """What the arms of one run share: the corpus, the embedders, and memories that are made once.

    Attributes:
        titles: where a document's title goes: tags, content or both.
        progress: told how many notes were remembered.
    """

    corpus: Corpus
    folder: Path
    titles: str = "tags"
    progress: Progress = lambda _: None
    kept: dict[str, Kept] = field(default_factory=dict)
    embedder: Embedder = field(default_factory=WordLlama)

    def __post_init__(self) -> None:
        """Load the embedder, then keep the libraries below it from telling what they load."""
        self.embedder.embed_queries(["ready?"])
        logging.getLogger().setLevel(logging.WARNING)

    async def memory(self, name: str, *, evolve: bool, embedder: Embedder) -> Kept:
        """The memory `name`, made on first use from the whole corpus through the public API."""
        if name not in self.kept:
            self.kept[name] = await self._remember(name, evolve, embedder)
        return self.kept[name]

    async def _remember(self, name: str, evolve: bool, embedder: Embedder) -> Kept:
        folder = self.folder / name
        spaces = self.corpus.spaces
        started = time.perf_counter()
        new = 0
        async with AsyncMemory(str(folder), embedder=embedder, evolve=evolve, judge="offline") as memory:
            for space in spaces:
                drafts = [draft(item, titles=self.titles) for item in self.corpus.of(space)]
                made = await memory.remember_many(drafts, namespace=space, progress=self.progress)
                new += sum(not each.known for each in made)
            seconds = time.perf_counter() - started if new == len(self.corpus.items) else 0.0
        started = time.perf_counter()
        size = await bare.tidy(folder)
        upkeep = time.perf_counter() - started
        # Opened again, so that what is asked stands on what is on disk.
        memory = AsyncMemory(str(folder), embedder=embedder, evolve=evolve, judge="offline")
        stats = [await memory.stats(namespace=space) for space in spaces]
        return Kept(folder, memory, seconds, upkeep, stats, size, sum(each.notes for each in stats))

    async def close(self) -> None:
        """Close what was made."""
        for each in self.kept.values():
            await each.memory.close()


def place_for(folder: Path | None) -> tuple[Path, Callable[[], None]]:
    """The folder that memories are made in, and how to leave it: a temporary one where none is given."""
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        return folder, lambda: None
    made = Path(tempfile.mkdtemp(prefix="zettelmem-bench-"))
    return made, lambda: shutil.rmtree(made, ignore_errors=True)
