"""One namespace among many: what a large table around it costs."""

from __future__ import annotations

from harness import bare

from costs.recall import BARE, Beside, in_turns
from costs.remember import remembered
from costs.stage import Costs, Figure, Stage, open_memory, spend
from costs.texts import SPACE

OTHERS = 999
"""Namespaces around the one that is measured."""
ALONE = "where it is alone"


async def spaces(stage: Stage, size: int, others: int = OTHERS) -> list[Figure]:
    """A namespace of `size` notes among 1,000 like it, beside the same namespace where it is alone."""
    alone, among = stage.copy(size, "alone"), stage.copy(size, "among")
    await bare.pad(among, SPACE, others)
    costs = []
    for folder in (alone, among):
        beside = await Beside.of(folder, stage)
        async with open_memory(folder, stage.embedder) as memory:
            recalled, queried = await in_turns(stage, memory, beside, None, stage.rounds)
            one = Costs()
            for item in stage.texts.some(stage.rounds // 2, size):
                await spend(one, stage.embedder, remembered(memory, item))
        costs.append((recalled, queried, one))
    (recall, query, one), (recall_among, query_among, one_among) = costs
    rows = f"in a table of {(others + 1) * size:,} rows"
    return [
        Figure("spaces", size, f"recall {rows}", "CPU ms", recall_among.median, recall.median, ALONE),
        Figure("spaces", size, f"remember one {rows}", "CPU ms", one_among.median, one.median, ALONE),
        Figure(
            "spaces", size, f"recall {rows}", "CPU ms",
            recall_among.median, query_among.median, BARE,
        ),
        Figure("spaces", size, "recall where it is alone", "CPU ms", recall.median, query.median, BARE),
    ]  # fmt: skip
