"""What a memory costs beside what it could cost at least: processor time, memory and disk, by size.

    python benchmarks/speed.py --sizes 1000 --parts recall one
    python benchmarks/speed.py --sizes 1000 10000 --parts all --markdown docs/performance.md

Medians of processor time (all threads of the process), the embedder's left out where nothing else is said.
Each value is held against bare LanceDB on the same table in the same run, so that the ratio says something
on a busy machine too. `--db FOLDER` keeps the filled stores for the next run: empty it after a change of
what is stored.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

os.environ["TOKENIZERS_PARALLELISM"] = "false"  # read once; the embedder's time is one thread's

from costs import peers, recall, remember, rows, spaces, start
from costs.report import show, write
from costs.stage import Figure, Stage
from costs.texts import read_texts
from harness.shelf import place_for
from rich.console import Console

PARTS: dict[str, Callable[[Stage, int], Awaitable[list[Figure]]]] = {
    "recall": recall.measure,
    "one": remember.one,
    "evolve": remember.evolve,
    "crowd": remember.crowd,
    "many": remember.many,
    "talk": remember.talk,
    "upkeep": remember.upkeep,
    "start": start.start,
    "resident": start.resident,
    "spaces": spaces.spaces,
    "rows": rows.rows,
    "peers": peers.peers,
}
USUAL = ("recall", "one")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parts = "\n".join(f"  {name:8} {(part.__doc__ or '').splitlines()[0]}" for name, part in PARTS.items())
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=f"parts:\n{parts}"
    )
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000], help="notes (default: 1000)")
    parser.add_argument(
        "--parts", nargs="+", choices=[*PARTS, "all"], default=USUAL, help="(default: recall one)"
    )
    parser.add_argument("--rounds", type=int, default=60, help="calls of a kind that are timed (default: 60)")
    parser.add_argument("--data", type=Path, help="the folder of the data (default: $ZETTELMEM_DATA)")
    parser.add_argument("--db", type=Path, help="keep the filled stores there, and use those that are there")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the tables there, in their place")
    parser.add_argument(
        "--plot", type=Path, help="draw how costs grow there, .svg or .png (needs matplotlib)"
    )
    options = parser.parse_args(given)
    if options.plot and find_spec("matplotlib") is None:
        parser.error("--plot needs matplotlib: pip install matplotlib")
    return options


async def run(options: argparse.Namespace, console: Console) -> list[Figure]:
    """Measure what was asked for, the small sizes first."""
    folder, leave = place_for(options.db)
    names = [name for name in PARTS if name in options.parts or "all" in options.parts]
    figures: list[Figure] = []
    try:
        stage = Stage(folder, read_texts(options.data), options.rounds, remember.fill)
        for size in sorted(options.sizes):
            stage.store(size)
            for name in names:
                with console.status(f"{size:,} notes: {name}"):
                    found = await PARTS[name](stage, size)
                figures += found
                show(console, found)
                stage.clear(size)
    finally:
        leave()
    return figures


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    options = arguments(given)
    console = Console(width=None if sys.stdout.isatty() else 150)
    figures = asyncio.run(run(options, console))
    write(figures, markdown=options.markdown, json_file=options.json)
    if options.plot:
        from costs.growth import draw

        draw(options.plot, figures)


if __name__ == "__main__":
    main()
