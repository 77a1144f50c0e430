"""What remembering costs: one note, many at once, a whole corpus, and the upkeep that follows."""

from __future__ import annotations

import asyncio
import shutil
import statistics
from pathlib import Path
from typing import Any

from harness import bare
from harness.corpus import Item

from costs import child
from costs.stage import Costs, Figure, Stage, apart, open_memory, spend
from costs.texts import SPACE
from zettelmem import AsyncMemory
from zettelmem.testing import Asked, ScriptedModel

AT_ONCE = 32
UPKEEP = 300
"""Notes that are remembered one by one so that upkeep falls due."""
WARMING = 2


async def remembered(memory: AsyncMemory, item: Item) -> None:
    """Remember one text as an application would."""
    await memory.remember(item.text, namespace=SPACE, key=item.key, tags=[item.title or "talk"])


async def one(stage: Stage, size: int) -> list[Figure]:
    """One `remember`, beside a bare merge and sync of the rows that it wrote, into a copy of the table."""
    folder, plain = stage.copy(size, "one"), stage.copy(size, "plain")
    written, copy = await bare.memory_table(folder), await bare.memory_table(plain)
    ours, floor = Costs(), Costs()
    rows = 0
    async with open_memory(folder, stage.embedder) as memory:
        for i, item in enumerate(stage.texts.some(WARMING + stage.rounds, size)):
            if i == WARMING:
                ours, floor, rows = Costs(), Costs(), 0
            known = await bare.revisions(written)
            await spend(ours, stage.embedder, remembered(memory, item))
            now = await bare.revisions(written)
            changed = await bare.rows_of(written, [each for each in now if now[each] != known.get(each)])
            await spend(floor, stage.embedder, bare.merge(copy, plain, changed))
            rows += len(changed)
    beside = f"bare merge and sync of the same {rows / stage.rounds:.1f} rows"
    return [
        Figure("one", size, "remember one", "CPU ms", ours.median, floor.median, beside),
        Figure("one", size, "remember one", "wall ms", ours.median_wall, floor.median_wall, beside),
    ]


async def crowd(stage: Stage, size: int) -> list[Figure]:
    """32 calls of `remember` at once: what each costs."""
    ours = Costs()
    rounds = max(1, stage.rounds // 10)
    async with open_memory(stage.copy(size, "crowd"), stage.embedder) as memory:
        for i in range(1 + rounds):
            items = stage.texts.some(AT_ONCE, size + AT_ONCE * i)
            calls = (remembered(memory, item) for item in items)
            await spend(ours, stage.embedder, asyncio.gather(*calls), AT_ONCE)
    what = f"remember, {AT_ONCE} at once"
    return [
        Figure("crowd", size, what, "CPU ms a note", statistics.median(ours.processor[1:])),
        Figure("crowd", size, what, "wall ms a note", statistics.median(ours.wall[1:])),
    ]


def _answered(asked: Asked) -> dict[str, Any]:
    """What a model may answer at once: a description, or links to three neighbours and a change of two."""
    if "links" not in asked.schema.model_fields:
        return {
            "context": "What an encyclopedia tells of it.",
            "keywords": ["encyclopedia", "paragraph", "of interest"],
            "tags": ["knowledge"],
            "kind": "semantic",
        }
    shown = asked.prompt.count("\nNeighbour ")
    told = f"Seen again beside question {len(asked.prompt)}."
    links = [{"neighbour": number, "reason": "of one kind"} for number in range(min(3, shown))]
    changes = [{"neighbour": number, "context": told, "reason": "new"} for number in range(min(2, shown))]
    return {"links": links, "changes": changes}


async def evolve(stage: Stage, size: int) -> list[Figure]:
    """One `remember` that a model describes, links and evolves with: its answers are there at once."""
    ours, evolved = Costs(), 0
    model = ScriptedModel(_answered)
    folder = stage.copy(size, "evolve")
    async with AsyncMemory(str(folder), embedder=stage.embedder, model=model, judge="model") as memory:
        for i, item in enumerate(stage.texts.some(WARMING + stage.rounds, size)):
            if i == WARMING:
                ours, evolved = Costs(), 0
            made = await spend(ours, stage.embedder, memory.remember(item.text, namespace=SPACE))
            evolved += len(made.evolved)
    what = f"remember one, an instant model evolves {evolved / stage.rounds:.1f} notes"
    return [
        Figure("evolve", size, what, "CPU ms", ours.median),
        Figure("evolve", size, what, "wall ms", ours.median_wall),
    ]


async def many(stage: Stage, size: int) -> list[Figure]:
    """`remember_many` into a new store, in calls of 5,000, beside a bare load of the same rows."""
    took = stage.filling(size)
    whole = took["processor"]
    table = await bare.memory_table(stage.store(size))
    rows = await table.query().to_arrow()
    plain = stage.folder / f"{size}-loaded"
    shutil.rmtree(plain, ignore_errors=True)
    floor = Costs()
    await spend(floor, stage.embedder, bare.load(plain, rows, await bare.indices_of(table)), size)
    loaded = "bare load of the same rows, with indices"
    made, plain_size = bare.size_of(stage.store(size)), bare.size_of(plain)
    return [
        Figure(
            "many", size, "remember_many", "CPU ms a note", whole - took["embedder"], floor.median, loaded
        ),
        Figure("many", size, "remember_many, embedder counted", "CPU ms a note", whole),
        Figure("many", size, "remember_many", "wall ms a note", took["wall"], floor.median_wall, loaded),
        Figure("many", size, f"peak of a process, {child.CALL:,} a call", "MB", took["peak"]),
        Figure(
            "many",
            size,
            "on disk, not compacted",
            "kB a note",
            made / size / 1e3,
            plain_size / size / 1e3,
            loaded,
        ),
    ]


async def talk(stage: Stage, size: int) -> list[Figure]:
    """`remember_many` of LoCoMo's turns, a namespace a conversation, at most `size` of them."""
    turns = stage.texts.turns[:size]
    if not turns:
        return []
    folder = stage.folder / "talk"
    shutil.rmtree(folder, ignore_errors=True)
    took = apart(child.fill, folder, turns, each_space=True)
    what = "remember_many, turns of LoCoMo"
    return [
        Figure("talk", len(turns), what, "CPU ms a note", took["processor"] - took["embedder"]),
        Figure("talk", len(turns), f"{what}, embedder counted", "CPU ms a note", took["processor"]),
    ]


async def upkeep(stage: Stage, size: int) -> list[Figure]:
    """300 notes one by one: what upkeep adds to the median call, spread over all of them."""
    calls, whole = Costs(), Costs()
    folder = stage.copy(size, "upkeep")

    async def remember_all() -> None:
        async with open_memory(folder, stage.embedder) as memory:
            for item in stage.texts.some(UPKEEP, size):
                await spend(calls, stage.embedder, remembered(memory, item))

    await spend(whole, stage.embedder, remember_all(), UPKEEP)
    return [
        Figure(
            "upkeep", size, f"all that {UPKEEP} single remembers cost", "CPU ms a note",
            whole.median, calls.median, "the median call",
        ),
        Figure("upkeep", size, f"disk after {UPKEEP} single remembers", "kB a note",
               bare.size_of(folder) / (size + UPKEEP) / 1e3),
    ]  # fmt: skip


def fill(folder: Path, items: list[Item]) -> dict[str, float]:
    """Remember texts in a new store, in a process of its own."""
    return apart(child.fill, folder, items)
