"""What a recall costs: at rest, and right after a write of this process, of another, and elsewhere."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from harness import bare

from costs import child
from costs.stage import Costs, Figure, Stage, open_memory, spend
from costs.texts import SPACE, cycled
from zettelmem import AsyncMemory

if TYPE_CHECKING:
    from lancedb.table import AsyncTable

K = 10
WARMING = 3
BARE = "bare hybrid query"
Write = Callable[[str], Awaitable[Any]]


class Beside:
    """LanceDB's hybrid query on the memory's own table: the id and the content of the ten best.

    Its handle sees every write, and the question's vector and terms are given to it ready made.
    """

    def __init__(self, table: AsyncTable, words: str, stage: Stage) -> None:
        self._table, self._words, self._stage = table, words, stage

    @classmethod
    async def of(cls, folder: Path, stage: Stage) -> Beside:
        """The query on the table of the memory in `folder`."""
        table = await bare.memory_table(folder)
        return cls(table, await bare.indexed_words(table), stage)

    async def ask(self, costs: Costs, question: str, space: str = SPACE) -> None:
        """Ask once, and count what it took."""
        vector = self._stage.embedder.embed_queries([question])[0]
        words = bare.as_indexed(self._words, question)
        query = bare.hybrid(self._table, space, words, vector, K, ["id", "content"], self._words)
        await spend(costs, self._stage.embedder, query)


async def in_turns(
    stage: Stage, memory: AsyncMemory, beside: Beside, write: Write | None, rounds: int, space: str = SPACE
) -> tuple[Costs, Costs]:
    """Ask the same questions of the memory and of its bare table, after a write each time if there is one."""
    ours, floor = Costs(), Costs()
    for i, question in enumerate(cycled(stage.texts.questions, WARMING + rounds)):
        if write is not None:
            await write(stage.texts.some(1, 10_000_000 + i)[0].text)
        if i == WARMING:
            ours, floor = Costs(), Costs()
        asked = memory.recall(question, namespace=space, k=K)
        turns = [spend(ours, stage.embedder, asked), beside.ask(floor, question, space)]
        for turn in turns if i % 2 else reversed(turns):
            await turn
    return ours, floor


async def measure(stage: Stage, size: int) -> list[Figure]:
    """Recall in a namespace of `size` notes, just as bulk loading left it."""
    folder = stage.copy(size, "recall")
    beside = await Beside.of(folder, stage)
    figures: list[Figure] = []

    def tell(what: str, ours: Costs, floor: Costs) -> None:
        figures.append(Figure("recall", size, what, "CPU ms", ours.median, floor.median, BARE))
        figures.append(Figure("recall", size, what, "wall ms", ours.median_wall, floor.median_wall, BARE))

    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as other:
        async with open_memory(folder, stage.embedder) as memory:

            async def of_another(text: str) -> None:
                await asyncio.wrap_future(other.submit(child.write, folder, text, SPACE))

            cases: dict[str, Write | None] = {
                "nothing written": None,
                "after a write elsewhere": partial(memory.remember, namespace="elsewhere"),
                "after a write of this process": partial(memory.remember, namespace=SPACE),
                "after a write of another process": of_another,
            }
            for what, write in cases.items():
                rounds = stage.rounds if write is None else max(1, stage.rounds // 3)
                tell(what, *await in_turns(stage, memory, beside, write, rounds))
        other.submit(child.close).result()
    figures.append(await _scan(stage, size, figures[0].ours))
    return figures


async def _scan(stage: Stage, size: int, ours: float) -> Figure:
    """The vectors alone, looked at one by one: what exact search costs without words, links or a store."""
    vectors = stage.embedder.embed_documents([item.text for item in stage.texts.some(size)])
    costs = Costs()

    async def scan(vector: np.ndarray[Any, Any]) -> None:
        best = min(K, size) - 1
        np.argpartition(-(vectors @ vector), best)

    for question in cycled(stage.texts.questions, stage.rounds):
        await spend(costs, stage.embedder, scan(stage.embedder.embed_queries([question])[0]))
    return Figure(
        "recall", size, "nothing written", "CPU ms", ours, costs.median, "numpy scan of the vectors"
    )
