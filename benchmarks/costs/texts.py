"""Real texts for timing, as many as are wanted."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness.corpus import HOTPOTQA, LOCOMO, ROOT, TWOWIKI, Item, read_locomo, read_multihop

SPACE = "big"
"""The namespace that texts are remembered in."""
STRIDE = 101
"""How far apart the two texts lie that are made into one where the data is used up."""


@dataclass(frozen=True)
class Texts:
    """Paragraphs of HotpotQA and 2Wiki, turns of LoCoMo, and questions about the paragraphs.

    Attributes:
        turns: the turns alone, each in its conversation's namespace.
        pool: paragraphs, then turns.
    """

    pool: list[Item]
    turns: list[Item]
    questions: list[str]

    def some(self, count: int, start: int = 0) -> list[Item]:
        """`count` texts from number `start` on, always the same ones.

        Where the pool is used up, the first sentence of a text goes with the rest of another.
        """
        return [self._numbered(number) for number in range(start, start + count)]

    def _numbered(self, number: int) -> Item:
        again, place = divmod(number, len(self.pool))
        item = self.pool[place]
        text = item.text
        if again:
            other = self.pool[(place + STRIDE * again) % len(self.pool)].text
            text = f"{text.partition('. ')[0]}. {other.partition('. ')[2] or other}"
        thread = item.thread and f"{item.space} {item.thread} {again}"
        return replace(item, key=f"n{number}", space=SPACE, text=text, thread=thread)


def read_texts(folder: Path | None) -> Texts:
    """What of the three data sets is in the folder, else in $ZETTELMEM_DATA, else beside the checkout."""
    named = os.environ.get("ZETTELMEM_DATA")
    folder = folder or (Path(named) if named else ROOT.parent / "shared" / "data")
    paragraphs: list[Item] = []
    questions: list[str] = []
    for name in (HOTPOTQA, TWOWIKI):
        if (folder / name).is_file():
            corpus = read_multihop(folder / name, name)
            paragraphs += corpus.items
            questions += [question.text for question in corpus.questions]
    turns = read_locomo(folder / LOCOMO).items if (folder / LOCOMO).is_file() else []
    if not paragraphs:
        sys.exit(
            f"no benchmark data: neither {HOTPOTQA} nor {TWOWIKI} is in {folder}; "
            "give --data FOLDER, or name the folder in ZETTELMEM_DATA"
        )
    return Texts([*paragraphs, *turns], turns, questions)


def cycled(values: Sequence[str], count: int) -> list[str]:
    """`count` values, from the beginning again where there are fewer."""
    return [values[i % len(values)] for i in range(count)]
