"""What people would pick instead, on the same texts and vectors, each in an environment of its own."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from harness.corpus import ROOT

from costs.recall import Beside, in_turns
from costs.remember import remembered
from costs.stage import Costs, Figure, Stage, open_memory, spend
from costs.texts import cycled

WORKER = Path(__file__).with_name("peer.py")
HOME = ROOT / ".benchmarks" / "peers"
"""Where the environments are kept for the next run."""
PACKAGES = {
    "chroma": ["chromadb"],
    "sqlite": ["langgraph-checkpoint-sqlite", "pysqlite3-binary"],
    "mem0": ["mem0ai", "langchain"],
}
NAMES = {"chroma": "chroma", "sqlite": "LangGraph's SqliteStore", "mem0": "mem0 (infer=False, qdrant)"}
SINGLES = 30


class Missing(Exception):
    """A peer cannot be installed or does not run here; the message says why."""


def environment(name: str) -> Path:
    """The Python of a peer's own environment, made on first use by venv and pip.

    Raises:
        Missing: pip could not install it.
    """
    home = HOME / name
    python = home / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")
    ready = home / "ready"
    if not ready.exists():
        shutil.rmtree(home, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", str(home)], check=True)
        wanted = ["numpy", *PACKAGES[name]]
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            raise Missing(f"pip could not install {' '.join(wanted)}: {done.stderr.strip()[-300:]}")
        ready.touch()
    return python


def ask(name: str, data: Path, folder: Path) -> dict[str, list[float]]:
    """Processor and wall milliseconds of `bulk` (a text), `one` and `query`.

    Raises:
        Missing: it is not there or does not run.
    """
    shutil.rmtree(folder, ignore_errors=True)
    command = [str(environment(name)), str(WORKER), name, str(data), str(folder)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    if done.returncode:
        raise Missing(f"{' '.join(PACKAGES[name])} is installed and fails: {done.stderr.strip()[-300:]}")
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


async def ours(stage: Stage, size: int) -> dict[str, list[float]]:
    """The same three of zettelmem, the embedder apart: the others are given vectors that are ready."""
    folder = stage.copy(size, "peers")
    filling = stage.filling(size)
    one = Costs()
    beside = await Beside.of(folder, stage)
    async with open_memory(folder, stage.embedder) as memory:
        query, _ = await in_turns(stage, memory, beside, None, stage.rounds)
        for item in stage.texts.some(SINGLES, size):
            await spend(one, stage.embedder, remembered(memory, item))
    return {
        "bulk": [filling["processor"] - filling["embedder"], filling["wall"]],
        "one": [one.median, one.median_wall],
        "query": [query.median, query.median_wall],
    }


async def peers(stage: Stage, size: int) -> list[Figure]:
    """chroma, LangGraph's SqliteStore and mem0 without a model: the same texts and the same vectors."""
    data = stage.folder / f"{size}-given"
    data.mkdir(exist_ok=True)
    texts = {
        "texts": [item.text for item in stage.texts.some(size)],
        "singles": [item.text for item in stage.texts.some(SINGLES, size)],
        "questions": cycled(stage.texts.questions, stage.rounds),
    }
    vectors = {name: stage.embedder.embed_documents(some) for name, some in texts.items()}
    (data / "given.json").write_text(json.dumps(texts), encoding="utf-8")
    np.savez(data / "given.npz", **vectors)
    mine = await ours(stage, size)
    figures = []
    for name in PACKAGES:
        try:
            theirs = ask(name, data, stage.folder / f"{size}-{name}")
        except Missing as missing:
            print(f"{name} is left out: {missing}", file=sys.stderr)
            continue
        for what, unit in (("query", ""), ("one", ""), ("bulk", " a note")):
            for place, kind in enumerate(("CPU", "wall")):
                values = mine[what][place], theirs[what][place]
                figures.append(Figure("peers", size, what, f"{kind} ms{unit}", *values, NAMES[name]))
    return figures
