"""Recall of all evidence on 2WikiMultihopQA: the answer lies in two to four paragraphs of one large pool.

    python benchmarks/twowiki.py --data 2wiki.jsonl

remembers the pool and asks the full system with and without its links, plain vector search, and LanceDB's
hybrid query, all in one run. A@10 is the share of questions with all their evidence among ten hits. The
links are those that the memory finds: no language model is asked.
"""

from __future__ import annotations

from harness.command import multihop
from harness.corpus import TWOWIKI

if __name__ == "__main__":
    multihop(
        __doc__,
        file=TWOWIKI,
        name="twowiki",
        title="2Wiki, pooled: supporting paragraphs found without a language model",
        arms=("naive-rag", "rrf", "ours-no-links", "ours"),
    )
