"""Recall of evidence on LoCoMo: every turn is remembered, every question is asked, its evidence is gold.

    python benchmarks/locomo.py --data locomo.json --run out.run.jsonl

remembers and asks with the full system. `--arms all` compares it with everything else.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from harness.arms import Deep
from harness.command import bench, parsed, parser_for
from harness.corpus import LOCOMO, data_file, read_locomo


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = parser_for(__doc__, LOCOMO)
    parser.add_argument("--convs", nargs="+", default=[], help="only these conversations, by sample_id")
    parser.add_argument(
        "--abstain", action="store_true", help="also ask every question to a wrong conversation"
    )
    parser.add_argument(
        "--effort", choices=["plain", "deep"], default="plain",
        help="deep: add an arm that recalls in rounds, led by a judge that knows the evidence",
    )  # fmt: skip
    parser.add_argument("--rounds", type=int, default=3, help="of the deep arm (default: 3)")
    found = parsed(parser, given)
    if found.effort == "deep":
        found.arms.append(Deep(found.rounds))
    found.convs = [name for each in found.convs for name in each.split(",") if name]
    return found


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    options = arguments(given)
    corpus = read_locomo(data_file(options.data, LOCOMO), options.convs)
    asyncio.run(
        bench(options, corpus, name="locomo", title="LoCoMo: evidence found without a language model")
    )


if __name__ == "__main__":
    main()
