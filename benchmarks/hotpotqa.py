"""Recall of supporting paragraphs on HotpotQA: the paragraphs of all questions are one memory, two are gold.

    python benchmarks/hotpotqa.py --data hotpotqa.jsonl

remembers and asks with the full system. `--arms all` compares it with everything else. The links are
those that the memory finds. The pool is small and made of the questions' own distractors, so the figures
cannot be held against those of other pools.
"""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Sequence

from bench import bench, parsed, parser_for
from corpus import HOTPOTQA, data_file, read_hotpotqa

COLUMNS = ("R@2", "R@5", "R@10", "R@20", "H@5", "A@10", "A@20", "MRR", "N@10")


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    """What the command line says."""
    parser = parser_for(__doc__, HOTPOTQA)
    parser.add_argument(
        "--titles",
        choices=("tags", "content", "both"),
        default="tags",
        help="where a title goes: a tag of the note, the head of its content, or both (default: tags)",
    )
    return parsed(parser, given)


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    options = arguments(given)
    corpus = read_hotpotqa(data_file(options.data, HOTPOTQA))
    title = "HotpotQA, pooled: supporting paragraphs found without a language model"
    asyncio.run(bench(options, corpus, name="hotpotqa", title=title, titles=options.titles, columns=COLUMNS))


if __name__ == "__main__":
    main()
