"""Recall of evidence on LoCoMo: every turn is remembered, every question is asked, its evidence is gold.

    python benchmarks/locomo.py --data locomo.json --run out.run.jsonl

remembers and asks with the full system. `--arms all` compares it with everything else.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import report
from arms import Ours, Shelf, all_arms, place_for
from corpus import LOCOMO, Corpus, data_file, read_locomo
from rich.console import Console
from trial import latency, run

DEFAULT = "ours"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    arms = all_arms()
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="arms:\n" + "\n".join(f"  {arm.name:14} {arm.about}" for arm in arms.values()),
    )
    parser.add_argument("--data", type=Path, help=f"{LOCOMO}, or its folder (default: $ZETTELMEM_DATA)")
    parser.add_argument("--run", type=Path, help="write what the full system found there, a line a question")
    parser.add_argument("--arms", nargs="+", default=[DEFAULT], help="names, or all (default: ours)")
    parser.add_argument("--convs", nargs="+", default=[], help="only these conversations, by sample_id")
    parser.add_argument("--db", type=Path, help="keep the memories there, and use those that are there")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument("--markdown", type=Path, help="write the tables there")
    found = parser.parse_args(given)
    names = [name for each in found.arms for name in each.split(",") if name]
    unknown = [name for name in names if name != "all" and name not in arms]
    if unknown:
        parser.error(f"no arm {', '.join(unknown)}; there are {', '.join(arms)}, and all")
    found.arms = [arm for arm in arms.values() if "all" in names or arm.name in names]
    found.convs = [name for each in found.convs for name in each.split(",") if name]
    return found


async def bench(options: argparse.Namespace, corpus: Corpus, console: Console) -> None:
    """Run the arms, say what they found, and write what was asked for."""
    folder, leave = place_for(options.db)
    shelf = Shelf(corpus, folder)
    try:
        outcomes = await run(options.arms, shelf, console)
        if not outcomes:
            sys.exit("no arm could run")
        by_name = {outcome.arm.name: outcome for outcome in outcomes}
        ours = by_name.get(DEFAULT)
        if options.run:
            report.write_run(options.run, ours or outcomes[0], corpus.questions)
        beside = None
        if ours is not None and isinstance(ours.arm, Ours):
            beside = await latency(ours.arm, shelf, console)
        figures = report.figures_of(outcomes, corpus)
        tables = report.tables_of(figures)
        spent, costs = report.costs(outcomes, beside)
        report.show(console, [*tables, *spent])
        if options.markdown:
            report.write_markdown(options.markdown, [report.about(outcomes), *tables, *spent])
        if options.json:
            report.write_json(options.json, figures=figures, costs=costs)
    finally:
        await shelf.close()
        leave()


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    options = arguments(given)
    corpus = read_locomo(data_file(options.data, LOCOMO), options.convs)
    asyncio.run(bench(options, corpus, Console(width=None if sys.stdout.isatty() else 160)))


if __name__ == "__main__":
    main()
