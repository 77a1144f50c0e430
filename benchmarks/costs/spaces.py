"""One namespace among many: what a large table around it costs."""

from __future__ import annotations

from dataclasses import dataclass, field

from harness import bare

from costs.recall import BARE, WARMING, Beside, K
from costs.remember import remembered
from costs.stage import Costs, Figure, Stage, open_memory, spend
from costs.texts import SPACE, cycled
from zettelmem import AsyncMemory

OTHERS = 999
"""Namespaces around the one that is measured."""
ROWS = 1_000_000
"""Larger tables are not made: a namespace that would need one is left out."""
ALONE = "where it is alone"


@dataclass
class Place:
    """A memory that holds the namespace, and what was taken there."""

    memory: AsyncMemory
    beside: Beside
    recall: Costs = field(default_factory=Costs)
    query: Costs = field(default_factory=Costs)
    one: Costs = field(default_factory=Costs)


async def spaces(stage: Stage, size: int) -> list[Figure]:
    """A namespace of `size` notes among 1,000 like it, and the same namespace where it is alone, in turns."""
    if (OTHERS + 1) * size > ROWS:
        return []
    alone, among = stage.copy(size, "alone"), stage.copy(size, "among")
    await bare.pad(among, SPACE, OTHERS)
    async with open_memory(alone, stage.embedder) as small, open_memory(among, stage.embedder) as large:
        here = Place(small, await Beside.of(alone, stage))
        there = Place(large, await Beside.of(among, stage))
        for place in (here, there):
            for question in cycled(stage.texts.questions, WARMING):
                await place.memory.recall(question, namespace=SPACE, k=K)
        for question in cycled(stage.texts.questions, stage.rounds):
            for place in (here, there):
                asked = place.memory.recall(question, namespace=SPACE, k=K)
                await spend(place.recall, stage.embedder, asked)
                await place.beside.ask(place.query, question)
        for item in stage.texts.some(max(3, stage.rounds // 2), size):
            for place in (here, there):
                await spend(place.one, stage.embedder, remembered(place.memory, item))
    rows = f"in a table of {(OTHERS + 1) * size:,} rows"

    def figure(what: str, ours: Costs, floor: Costs, beside: str) -> Figure:
        return Figure("spaces", size, what, "CPU ms", ours.median, floor.median, beside)

    return [
        figure(f"recall {rows}", there.recall, here.recall, ALONE),
        figure(f"remember one {rows}", there.one, here.one, ALONE),
        figure(f"recall {rows}", there.recall, there.query, BARE),
        figure("recall where it is alone", here.recall, here.query, BARE),
    ]
