"""One namespace in tables of ten thousand to a million rows: what the rows of others cost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from harness import bare

from costs.recall import WARMING, K
from costs.stage import Costs, Figure, Stage, apart, open_memory, spend
from costs.start import IMPORT, OURS, recalling, seconds
from costs.texts import SPACE, cycled

TABLES = (10_000, 100_000, 1_000_000)
"""Rows of the tables. The first is what the others are held against."""
STARTS = 3
"""Fresh processes of a kind."""
RECALLS = 50


async def rows(stage: Stage, size: int) -> list[Figure]:
    """A namespace of `size` notes in tables of ten thousand, a hundred thousand and a million rows."""
    question = stage.texts.questions[0]
    vector = stage.folder / "question.npy"
    np.save(vector, stage.embedder.embed_queries([question]))
    lancedb = seconds(STARTS, IMPORT.format(module="lancedb"))
    embedder = {"name": stage.embedder.name, "dimensions": stage.embedder.dimensions}
    program = OURS.format(space=SPACE, k=K, **embedder)
    figures: list[Figure] = []
    first: dict[str, float] = {}
    for count in TABLES:
        folder = stage.copy(size, "rows")
        await bare.pad(folder, SPACE, count // size - 1)
        async with open_memory(folder, stage.embedder) as memory:  # makes the indices that are due
            costs = Costs()
            for text in cycled(stage.texts.questions, WARMING):
                await memory.recall(text, namespace=SPACE, k=K)
            for text in cycled(stage.texts.questions, stage.rounds):
                await spend(costs, stage.embedder, memory.recall(text, namespace=SPACE, k=K))
        started = seconds(STARTS, program, str(folder), str(vector), question)
        held = apart(recalling, folder, cycled(stage.texts.questions, RECALLS))
        found = {
            "recall, CPU ms": costs.median,
            "open and first recall beyond import lancedb, CPU s": started - lancedb,
            f"resident after {RECALLS} recalls, MB": held["resident"],
            "disk, bytes a note": bare.size_of(folder) / count,
            "of these indices, bytes a note": _indices(folder) / count,
        }
        first = first or found
        for told, value in found.items():
            what, unit = told.rsplit(", ", 1)
            case = f"{what}, {count:,} rows"
            figures.append(Figure("rows", size, case, unit, value, first[told], f"{TABLES[0]:,} rows"))
    return figures


def _indices(folder: Path) -> int:
    return sum(bare.size_of(each) for each in folder.glob("*.lance/_indices"))
