"""What is so now: matters that change, everyday questions, facts that seem to change, StateBench.

    python benchmarks/everyday.py --data FOLDER

reads updates-dev.json, everyday-dev.json and statebench-dev.jsonl there, and prints one table each. Every
statement is remembered and judged by the rules; no language model is asked.
"""

from __future__ import annotations

import argparse
import json
import random
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from harness import metrics
from harness.corpus import data_file
from rich.console import Console
from rich.table import Table

from zettelmem import MIN_SCORE, Embedder, Hit, Memory, Remembered
from zettelmem.providers import named_embedder

UPDATES, EVERYDAY, STATEBENCH = "updates-dev.json", "everyday-dev.json", "statebench-dev.jsonl"
START = datetime(2026, 1, 5, 9, tzinfo=UTC)
TRACKS = ("supersession", "supersession_detection", "repair_propagation")
"""Tracks of StateBench whose queries ask for what is so."""


class Clock:
    """Time that is set by hand."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


def share(hits: Sequence[bool]) -> str:
    """How many of them are so, as "3 of 4"."""
    return f"{sum(hits)} of {len(hits)}"


def _closing(made: Remembered, olds: Mapping[str, int], place: int) -> dict[str, Any]:
    """The decision of a judge without fault: what was told of this matter before is superseded."""
    shown = [each.number for each in made.neighbours if olds.get(each.note.id) == place]
    return {"links": [{"neighbour": number, "relation": "supersedes"} for number in shown]}


def updates(found: dict[str, Any], *, ideal: bool = False) -> dict[str, str]:
    """Matters told in January among what stays true, and told anew in March; each is asked about.

    Args:
        found: the data.
        ideal: judge by a script that never errs, in place of the rules.
    """
    clock = Clock()
    matters, kept = found["matters"], found["kept"]
    told = [(place, each["who"], each["said"][0]) for place, each in enumerate(matters)]
    told += [(-1, each["who"], each["said"]) for each in kept]
    random.Random(1).shuffle(told)
    first: dict[str, int] = {}
    last: dict[str, int] = {}
    with Memory(clock=clock) as memory:
        for place, who, words in told:
            clock.now += timedelta(minutes=1)
            first[memory.remember(words, namespace="t", source=who).note.id] = place
        clock.now += timedelta(days=60)
        for place, each in enumerate(matters):
            clock.now += timedelta(minutes=1)
            words, judge = each["said"][-1], "ask" if ideal else None
            made = memory.remember(words, namespace="t", source=each["who"], judge=judge)
            last[made.note.id] = place
            if ideal:
                memory.connect(made.note.id, _closing(made, first, place), namespace="t")
        newest_first: list[bool] = []
        on_top: list[bool] = []
        stale = 0
        for place, each in enumerate(matters):
            hits = memory.recall(each["question"], namespace="t", k=5)
            old = [rank for rank, hit in enumerate(hits) if first.get(hit.note.id) == place]
            new = [rank for rank, hit in enumerate(hits) if last.get(hit.note.id) == place]
            newest_first.append(bool(new) and (not old or new[0] < old[0]))
            on_top.append(0 in new)
            stale += sum(hits[rank].note.invalid_at is None for rank in old)
        notes = memory.notes(namespace="t", limit=None).notes
    over = [note.id for note in notes if note.invalid_at is not None]
    wrong = [each for each in over if first.get(each, 0) == -1 or each in last]
    return {
        "now first": share(newest_first),
        "now first of all": share(on_top),
        "stale shown a question": f"{stale / len(matters):.2f}",
        "closed right": str(len(over) - len(wrong)),
        "closed wrong": str(len(wrong)),
    }


def _after(notes: Sequence[str], one: str, two: str, question: str) -> tuple[str, str, list[Hit]]:
    """The ids of two statements, three weeks apart among other notes, and what is found then."""
    clock = Clock()
    with Memory(clock=clock) as memory:
        memory.remember_many(notes, namespace="u")
        clock.now += timedelta(days=1)
        old = memory.remember(one, namespace="u").note.id
        clock.now += timedelta(days=20)
        new = memory.remember(two, namespace="u").note.id
        clock.now += timedelta(days=1)
        return old, new, memory.recall(question, namespace="u", k=10)


def everyday(found: dict[str, Any], embedder: Embedder | None = None) -> dict[str, str]:
    """Paraphrased questions in several languages, facts that only seem to change, facts that change."""
    figures: dict[str, str] = {}
    for each in found["recall"]:
        known: list[float] = []
        firsts: list[bool] = []
        with Memory(embedder=embedder) as memory:
            made = memory.remember_many(each["notes"], namespace="u")
            for question in each["questions"]:
                (hit,) = memory.recall(question["ask"], namespace="u", k=1)
                firsts.append(hit.note.id == made[question["answer"]].note.id)
                known.append(hit.score)
            vain = [memory.recall(text, namespace="u", k=1)[0].score for text in each["unanswerable"]]
        figures[f"first in {each['language']}"] = share(firsts)
        if vain:
            figures["known told from unknown, AUC"] = f"{metrics.auc(np.array(known), np.array(vain)):.3f}"
            figures[f"unknown, silent at {MIN_SCORE}"] = share([score < MIN_SCORE for score in vain])
            figures[f"known, silent at {MIN_SCORE}"] = share([score < MIN_SCORE for score in known])
    notes = found["recall"][0]["notes"]
    still: list[bool] = []
    for each in found["still_true"]:
        old, _, hits = _after(notes, each["fact"], each["then"], each["ask"])
        still.append(any(hit.note.id == old and hit.note.invalid_at is None for hit in hits))
    changed: list[bool] = []
    for each in found["changed"]:
        old, new, hits = _after(notes, each["old"], each["new"], each["ask"])
        ids = [hit.note.id for hit in hits]
        changed.append(new in ids and (old not in ids or ids.index(new) < ids.index(old)))
    return figures | {"still true": share(still), "changed": share(changed)}


def _phrases(listed: Sequence[Any]) -> list[str]:
    words = (each if isinstance(each, str) else each.get("phrase", "") for each in listed)
    return [word.lower() for word in words]


def _right_first(contents: Sequence[str], must: Sequence[str], no: Sequence[str]) -> bool:
    """Whether a hit with words that must be said stands before every one with words that must not."""
    right = [rank for rank, text in enumerate(contents) if any(word in text for word in must)]
    stale = [rank for rank, text in enumerate(contents) if any(word in text for word in no)]
    stale = [rank for rank in stale if rank not in right]
    return bool(right) and (not stale or right[0] < stale[0])


def statebench(lines: Sequence[str]) -> dict[str, str]:
    """Right first, of the queries of each track; and of how many a turn says a right word at all."""
    found: dict[str, list[bool]] = defaultdict(list)
    told: dict[str, list[bool]] = defaultdict(list)
    for line in lines:
        case = json.loads(line)
        if case["track"] not in TRACKS:
            continue
        clock = Clock()
        clock.now = datetime(2025, 1, 1, tzinfo=UTC)
        with Memory(clock=clock) as memory:
            for event in sorted(case["events"], key=lambda each: each["ts"]):
                at = datetime.fromisoformat(event["ts"])
                clock.now = max(at if at.tzinfo else at.replace(tzinfo=UTC), clock.now)
                if event["type"] == "conversation_turn" and event["text"].strip():
                    user = event["speaker"] == "user"
                    who = case["actors"]["user"].get("id", "user") if user else "assistant"
                    memory.remember(event["text"], namespace="s", thread="t", source=who)
                elif event["type"] == "query":
                    must = _phrases(event["ground_truth"]["must_mention"])
                    no = _phrases(event["ground_truth"]["must_not_mention"])
                    hits = memory.recall(event["prompt"], namespace="s", k=5)
                    if not must or not no:
                        continue
                    notes = memory.notes(namespace="s", limit=None).notes
                    told[case["track"]].append(_right_first([x.content.lower() for x in notes], must, ()))
                    contents = [hit.note.content.lower() for hit in hits if hit.note.invalid_at is None]
                    found[case["track"]].append(_right_first(contents, must, no))
    figures = {}
    for track, each in found.items():
        figures[f"{track}, right first"] = f"{share(each)} (said at all: {sum(told[track])})"
    return figures


def print_table(title: str, figures: dict[str, str]) -> None:
    """One table of figures."""
    table = Table("figure", "value", title=title, title_justify="left")
    for name, value in figures.items():
        table.add_row(name, value)
    Console().print(table)


def main(given: Sequence[str] | None = None) -> None:
    """The command."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, help="the folder of the three files (default: $ZETTELMEM_DATA)")
    parser.add_argument("--embedder", default="wordllama", help="of the everyday notes (default: wordllama)")
    options = parser.parse_args(given)
    matters = json.loads(data_file(options.data, UPDATES).read_text("utf-8"))
    print_table("Updates", updates(matters))
    print_table("Updates, a judge without fault", updates(matters, ideal=True))
    notes = json.loads(data_file(options.data, EVERYDAY).read_text("utf-8"))
    print_table("Everyday", everyday(notes, named_embedder(options.embedder)))
    lines = data_file(options.data, STATEBENCH).read_text("utf-8").splitlines()
    print_table("StateBench", statebench(lines))


if __name__ == "__main__":
    main()
