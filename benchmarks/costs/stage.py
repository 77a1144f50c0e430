"""What the measurements share: stores of each size, an embedder whose time is told apart, and figures."""

from __future__ import annotations

import json
import shutil
import statistics
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from harness.corpus import Item

from costs.texts import Texts
from zettelmem import AsyncMemory
from zettelmem.protocols import Vectors
from zettelmem.providers.wordllama import WordLlama

P, T = ParamSpec("P"), TypeVar("T")


@dataclass(frozen=True)
class Figure:
    """One measurement.

    Attributes:
        part: what was measured, as `--parts` names it.
        notes: notes of the namespace.
        what: the case.
        unit: of both values; less is better.
        ours: zettelmem's value.
        floor: the value that it is held against; None where there is none.
        beside: what that is.
    """

    part: str
    notes: int
    what: str
    unit: str
    ours: float
    floor: float | None = None
    beside: str = ""

    @property
    def ratio(self) -> float | None:
        """Ours over the floor."""
        return self.ours / self.floor if self.floor else None


@dataclass
class Costs:
    """Processor and wall time of like calls, in milliseconds; their medians are what is told."""

    processor: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        """Median processor time."""
        return statistics.median(self.processor)

    @property
    def median_wall(self) -> float:
        """Median wall time."""
        return statistics.median(self.wall)


class Metered:
    """The default embedder, which counts the processor seconds that it takes."""

    def __init__(self) -> None:
        self._inner = WordLlama()
        self._lock = threading.Lock()
        self.name, self.dimensions = self._inner.name, self._inner.dimensions
        self._inner.embed_queries(["ready?"])
        self.seconds = 0.0

    def embed_documents(self, texts: Sequence[str]) -> Vectors:
        """Vectors of texts to be found."""
        started = time.thread_time()
        vectors = self._inner.embed_documents(texts)
        with self._lock:
            self.seconds += time.thread_time() - started
        return vectors

    def embed_queries(self, texts: Sequence[str]) -> Vectors:
        """As `embed_documents`: the model knows no difference."""
        return self.embed_documents(texts)


async def spend(costs: Costs, embedder: Metered, work: Awaitable[T], share: int = 1) -> T:
    """Await `work` and count what it took, without the embedder; `share` calls are counted as one each."""
    embedding = embedder.seconds
    wall, processor = time.perf_counter(), time.process_time()
    done = await work
    took = time.process_time() - processor - (embedder.seconds - embedding)
    costs.processor.append(1_000 * took / share)
    costs.wall.append(1_000 * (time.perf_counter() - wall) / share)
    return done


def apart(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function of a module in a process of its own, which ends with it."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work, *args, **kwargs).result()


def open_memory(folder: Path, embedder: Metered) -> AsyncMemory:
    """A memory whose rules judge."""
    return AsyncMemory(str(folder), embedder=embedder, judge="offline")


@dataclass
class Stage:
    """Where the measurements of one run take place.

    Attributes:
        folder: stores are made here, and used again by the next run if they are still there.
        rounds: how often each call is timed.
        fill: remembers texts in a new store, in a process of its own, and gives what that took.
    """

    folder: Path
    texts: Texts
    rounds: int
    fill: Callable[[Path, list[Item]], dict[str, float]]
    embedder: Metered = field(default_factory=Metered)

    def store(self, size: int) -> Path:
        """The store of so many notes in the namespace `big`, made on first use."""
        self.filling(size)
        return self.folder / f"{size}"

    def filling(self, size: int) -> dict[str, Any]:
        """What it took to make that store."""
        store, record = self.folder / f"{size}", self.folder / f"{size}.json"
        if not record.exists():
            shutil.rmtree(store, ignore_errors=True)
            took = self.fill(store, self.texts.some(size))
            record.write_text(json.dumps(took), encoding="utf-8")
        found: dict[str, Any] = json.loads(record.read_text(encoding="utf-8"))
        return found

    def copy(self, size: int, purpose: str) -> Path:
        """A copy of the store to write into, without what an earlier run left there."""
        copy = self.folder / f"{size}-{purpose}"
        shutil.rmtree(copy, ignore_errors=True)
        shutil.copytree(self.store(size), copy)
        return copy

    def clear(self, size: int) -> None:
        """Remove what was written beside that store; the store itself stays."""
        for path in self.folder.glob(f"{size}-*"):
            shutil.rmtree(path)
