"""What the commands about finding share: options, running the arms, showing and writing the figures."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness import report
from harness.abstain import abstention
from harness.arms import Ours, all_arms
from harness.corpus import Corpus, data_file, read_multihop
from harness.plot import draw
from harness.shelf import Shelf, place_for
from harness.signals import collect
from harness.trial import run

DEFAULT = report.REFERENCE
MULTIHOP_COLUMNS = ("R@2", "R@5", "R@10", "R@20", "H@5", "A@10", "A@20", "MRR", "N@10")


def parser_for(
    about: str | None, file: str, arms_asked: Sequence[str] = (DEFAULT,)
) -> argparse.ArgumentParser:
    """A parser with the options that the commands share; `arms_asked` is the default of `--arms`."""
    arms = all_arms()
    parser = argparse.ArgumentParser(
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="arms:\n" + "\n".join(f"  {arm.name:14} {arm.about}" for arm in arms.values()),
    )
    parser.add_argument("--data", type=Path, help=f"{file}, or its folder (default: $ZETTELMEM_DATA)")
    parser.add_argument("--run", type=Path, help="write what the full system found there, a line a question")
    default = " ".join(arms_asked)
    parser.add_argument("--arms", nargs="+", default=arms_asked, help=f"names, or all (default: {default})")
    parser.add_argument("--db", type=Path, help="keep the memories there, and use those that are there")
    parser.add_argument("--plot", type=Path, help="draw recall at 10 there, a PNG (needs matplotlib)")
    parser.add_argument("--signals", type=Path, help="write every signal there, for fit_weights.py")
    parser.add_argument("--json", type=Path, help="write all figures there")
    parser.add_argument(
        "--markdown", type=Path, help="write the tables there; in docs/benchmarks.md, in their place"
    )
    return parser


def parsed(parser: argparse.ArgumentParser, given: Sequence[str] | None) -> argparse.Namespace:
    """What the command line says, with the arms in place of their names."""
    arms = all_arms()
    found = parser.parse_args(given)
    names = [name for each in found.arms for name in each.split(",") if name]
    unknown = [name for name in names if name != "all" and name not in arms]
    if unknown:
        parser.error(f"no arm {', '.join(unknown)}; there are {', '.join(arms)}, and all")
    found.arms = [arm for arm in arms.values() if "all" in names or arm.name in names]
    needed = [option for option in ("run", "signals", "abstain") if getattr(found, option, None)]
    if needed and not any(isinstance(arm, Ours) for arm in found.arms):
        parser.error(f"--{needed[0]} is about a memory of ours; add the arm {DEFAULT} to --arms")
    return found


async def bench(
    options: argparse.Namespace,
    corpus: Corpus,
    *,
    name: str,
    title: str,
    titles: str = "tags",
    columns: Sequence[str] = report.SHOWN_COLUMNS,
) -> None:
    """Run the arms, say what they found, and write what was asked for."""
    console = Console(width=None if sys.stdout.isatty() else 170)
    folder, leave = place_for(options.db)
    shelf = Shelf(corpus, folder, titles)
    try:
        outcomes = await run(options.arms, shelf, console)
        if not outcomes:
            sys.exit("no arm could run")
        figures = report.figures_of(outcomes, corpus)
        tables = report.tables_of(figures, columns)
        everything = {"figures": figures}
        memories = [each for each in outcomes if isinstance(each.arm, Ours)]
        ours = next((each for each in memories if each.arm.name == DEFAULT), next(iter(memories), None))
        if ours is not None and isinstance(ours.arm, Ours):
            if options.run:
                report.write_run(options.run, ours, corpus.questions)
            if options.signals:
                (await collect(ours.arm, corpus, console)).save(options.signals)
            if getattr(options, "abstain", False):
                told = await abstention(ours.arm, corpus, console)
                if told is not None:
                    tables.append(told.table())
                    everything["abstention"] = told.figures()
        spent, everything["costs"] = report.costs(outcomes)
        tables.append(spent)
        report.show(console, tables)
        if options.markdown:
            report.write_markdown(options.markdown, [report.about(outcomes), *tables], name)
        if options.json:
            report.write_json(options.json, everything)
        if options.plot:
            console.print(draw(options.plot, figures, title) or f"drawn: {options.plot}", markup=False)
    finally:
        await shelf.close()
        leave()


def multihop(
    about: str | None, *, file: str, name: str, title: str, arms: Sequence[str] = (DEFAULT,)
) -> None:
    """The command of a benchmark whose questions need several paragraphs of one pool."""
    parser = parser_for(about, file, arms)
    parser.add_argument(
        "--titles",
        choices=("tags", "content", "both"),
        default="tags",
        help="where a title goes: a tag of the note, the head of its content, or both (default: tags)",
    )
    options = parsed(parser, None)
    corpus = read_multihop(data_file(options.data, file), name)
    asyncio.run(
        bench(options, corpus, name=name, title=title, titles=options.titles, columns=MULTIHOP_COLUMNS)
    )
