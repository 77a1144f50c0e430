"""What a fresh process costs: the import, opening a store with its first recall, and what stays resident."""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from harness import bare

from costs.child import memory_now
from costs.recall import BARE, K
from costs.stage import Figure, Metered, Stage, apart, open_memory
from costs.texts import SPACE, cycled

ROUNDS = 5
"""Fresh processes of a kind, at most."""
IMPORT = "import time, {module}; print(time.process_time())"
RECALLS = 50

# Each program is told the folder, the question's vector and the question. It prints the processor seconds
# since its own start.
OURS = """
import sys, time
import numpy as np
from zettelmem import Memory

class Ready:
    name, dimensions = {name!r}, {dimensions}
    def embed_documents(self, texts):
        return np.load(sys.argv[2])
    embed_queries = embed_documents

with Memory(sys.argv[1], embedder=Ready()) as memory:
    assert memory.recall(sys.argv[3], namespace={space!r}, k={k})
    print(time.process_time())
"""
FLOOR = """
import asyncio, sys, time
from datetime import timedelta
import lancedb
import numpy as np
from lancedb.expr import col, lit

async def ask():
    connection = await lancedb.connect_async(sys.argv[1], read_consistency_interval=timedelta(0))
    table = await connection.open_table({table!r})
    query = table.query().where(col("namespace") == lit({space!r} + "/"))
    query = query.nearest_to(np.load(sys.argv[2])[0]).column("vector").distance_type("cosine")
    query = query.nearest_to_text(sys.argv[3], columns={words!r}).limit({k}).select(["id", "content"])
    assert (await query.to_arrow()).num_rows

asyncio.run(ask())
print(time.process_time())
"""


def seconds(rounds: int, program: str, *arguments: str) -> float:
    """The median of what a program prints, run in so many fresh processes."""
    command = [sys.executable, "-c", program, *arguments]
    printed = []
    for _ in range(rounds):
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        printed.append(float(done.stdout))
    return statistics.median(printed)


async def start(stage: Stage, size: int) -> list[Figure]:
    """The import, and opening a store with its first recall, each in a fresh process."""
    folder = stage.copy(size, "start")
    words = await bare.indexed_words(await bare.memory_table(folder))
    question = stage.texts.questions[0]
    vector = stage.folder / "question.npy"
    np.save(vector, stage.embedder.embed_queries([question]))
    given: dict[str, Any] = {"space": SPACE, "k": K, "words": words, "table": bare.MEMORY}
    given |= {"name": stage.embedder.name, "dimensions": stage.embedder.dimensions}
    rounds = min(ROUNDS, stage.rounds)
    lancedb = seconds(rounds, IMPORT.format(module="lancedb"))
    ours = seconds(rounds, OURS.format(**given), str(folder), str(vector), question)
    text = bare.as_indexed(words, question)
    floor = seconds(rounds, FLOOR.format(**given), str(folder), str(vector), text)
    imported = seconds(rounds, IMPORT.format(module="zettelmem"))
    return [
        Figure("start", size, "import zettelmem", "CPU s", imported, lancedb, "import lancedb"),
        Figure("start", size, "import, open, first recall", "CPU s", ours, floor, f"import and {BARE}"),
    ]


async def resident(stage: Stage, size: int) -> list[Figure]:
    """What stays resident in a process that has recalled 50 times, beside one that asked the bare query."""
    folder, questions = stage.copy(size, "resident"), cycled(stage.texts.questions, RECALLS)
    ours, floor = apart(recalling, folder, questions), apart(asking, folder, questions)
    return [
        Figure("resident", size, f"{RECALLS} recalls: {name}", "MB", ours[name], floor[name], BARE)
        for name in ("resident", "peak")
    ]


def recalling(folder: Path, questions: list[str]) -> dict[str, float]:
    """Recall, and tell what this process holds."""

    async def ask() -> dict[str, float]:
        async with open_memory(folder, Metered()) as memory:
            for question in questions:
                await memory.recall(question, namespace=SPACE, k=K)
            return memory_now()

    return asyncio.run(ask())


def asking(folder: Path, questions: list[str]) -> dict[str, float]:
    """Ask the bare query, and tell what this process holds; the embedder is loaded as it is there."""

    async def ask() -> dict[str, float]:
        embedder = Metered()
        table = await bare.memory_table(folder)
        words = await bare.indexed_words(table)
        for question in questions:
            vector = embedder.embed_queries([question])[0]
            text = bare.as_indexed(words, question)
            await bare.hybrid(table, SPACE, text, vector, K, ["id", "content"], words)
        return memory_now()

    return asyncio.run(ask())
