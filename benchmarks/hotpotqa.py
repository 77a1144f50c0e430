"""Recall of supporting paragraphs on HotpotQA: the paragraphs of all questions are one memory, two are gold.

    python benchmarks/hotpotqa.py --data hotpotqa.jsonl

remembers and asks with the full system. `--arms all` compares it with everything else. The links are
those that the memory finds. The pool is small and made of the questions' own distractors, so the figures
cannot be held against those of other pools.
"""

from __future__ import annotations

from harness.command import multihop
from harness.corpus import HOTPOTQA

if __name__ == "__main__":
    multihop(
        __doc__,
        file=HOTPOTQA,
        name="hotpotqa",
        title="HotpotQA, pooled: supporting paragraphs found without a language model",
    )
