"""What a run found, as tables on the screen, Markdown, JSON, and a picture."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table as RichTable

from harness import metrics
from harness.corpus import Corpus, Question
from harness.trial import SHOWN, Outcome, members, scored

REFERENCE = "ours"
"""The arm that the others are held against."""
SHOWN_COLUMNS = ("R@5", "R@10", "R@20", "H@5", "MRR", "N@10")


@dataclass
class Table:
    """A heading, a header, and rows of cells."""

    title: str
    header: list[str]
    rows: list[list[str]]

    def rich(self) -> RichTable:
        """As rich draws it."""
        table = RichTable(title=self.title, title_justify="left", title_style="bold")
        for i, name in enumerate(self.header):
            table.add_column(name, justify="right" if i else "left", no_wrap=True)
        for row in self.rows:
            table.add_row(*row, style="bold" if row[0] == REFERENCE else None)
        return table

    def markdown(self) -> str:
        """As a Markdown table under its title."""
        rule = ["---", *("---:" for _ in self.header[1:])]
        lines = [self.header, rule, *self.rows]
        return f"### {self.title}\n\n" + "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def figures_of(outcomes: Sequence[Outcome], corpus: Corpus) -> dict[str, Any]:
    """Every figure: group -> arm -> column, with intervals of R@10 and of its difference to the reference."""
    asked = scored(corpus)
    reference = next((o for o in outcomes if o.arm.name == REFERENCE), None)
    found: dict[str, Any] = {}
    for group in corpus.groups:
        mask = members(asked, group)
        if not mask.any():
            continue
        all_mask = members(corpus.questions, group)
        arms: dict[str, Any] = {}
        for outcome in outcomes:
            row: dict[str, Any] = {
                name: 100 * float(outcome.column(name)[mask].mean()) for name in metrics.COLUMNS
            }
            seconds = [x for x, inside in zip(outcome.seconds, all_mask, strict=True) if inside]
            tokens = [x for x, inside in zip(outcome.tokens, all_mask, strict=True) if inside]
            row |= {
                "n": int(mask.sum()),
                "p50": 1_000 * metrics.percentile(seconds, 50),
                "p95": 1_000 * metrics.percentile(seconds, 95),
                "tokens": float(np.mean(tokens)),
                "R@10 interval": _interval(outcome.column("R@10")[mask]),
            }
            if reference is not None and outcome is not reference:
                for name in ("R@10", "MRR"):
                    apart = outcome.column(name)[mask] - reference.column(name)[mask]
                    row[f"{name} difference"] = 100 * float(apart.mean())
                    row[f"{name} difference interval"] = _interval(apart)
            arms[outcome.arm.name] = row
        found[group] = arms
    return found


def _interval(values: metrics.Figures) -> tuple[float, float]:
    low, high = metrics.interval(values)
    return 100 * low, 100 * high


def tables_of(figures: dict[str, Any], columns: Sequence[str] = SHOWN_COLUMNS) -> list[Table]:
    """One arm: a table with a row a group. More: a table a group with a row an arm."""
    names = list(dict.fromkeys(name for arms in figures.values() for name in arms))
    held = len(names) > 1 and REFERENCE in names
    header = [*columns, "p50 ms", "p95 ms", f"tokens@{SHOWN}"]

    def cells(row: dict[str, Any]) -> list[str]:
        shown = [f"{row[name]:.1f}" for name in columns]
        shown += [f"{row['p50']:.1f}", f"{row['p95']:.1f}", f"{row['tokens']:.0f}"]
        if held:
            low, high = row.get("R@10 difference interval", (0.0, 0.0))
            apart = row.get("R@10 difference")
            shown.append("" if apart is None else f"{apart:+.1f} [{low:+.1f}, {high:+.1f}]")
        return shown

    if len(names) == 1:
        rows = [[group, str(arms[names[0]]["n"]), *cells(arms[names[0]])] for group, arms in figures.items()]
        return [Table(names[0], ["questions", "n", *header], rows)]
    if held:
        header.append(f"R@10 against {REFERENCE} [95 %]")
    return [
        Table(
            f"{group} ({next(iter(arms.values()))['n']} questions)",
            ["arm", *header],
            [[name, *cells(row)] for name, row in arms.items()],
        )
        for group, arms in figures.items()
    ]


def about(outcomes: Sequence[Outcome]) -> Table:
    """What each arm is."""
    return Table("arms", ["arm", "what it does"], [[o.arm.name, o.arm.about] for o in outcomes])


def costs(outcomes: Sequence[Outcome]) -> tuple[Table, dict[str, Any]]:
    """What the memories took, and how fast they answer: to show, and as figures."""
    found: dict[str, Any] = {}
    rows = []
    for outcome in outcomes:
        kept = getattr(outcome.arm, "kept", None)
        if kept is None:
            continue
        each = {
            "notes": kept.notes,
            "seconds": kept.seconds,
            "notes a second": kept.notes / kept.seconds if kept.seconds else None,
            "upkeep seconds": kept.upkeep,
            "links": sum(stats.links for stats in kept.stats),
            "evolutions": sum(stats.evolutions for stats in kept.stats),
            "superseded": sum(stats.superseded for stats in kept.stats),
            "bytes a note": kept.size / max(kept.notes, 1),
            "questions a second": len(outcome.seconds) / max(sum(outcome.seconds), 1e-9),
            "recall p50": 1_000 * metrics.percentile(outcome.seconds, 50),
            "recall p95": 1_000 * metrics.percentile(outcome.seconds, 95),
        }
        found[outcome.arm.name] = each
        speed = "kept" if each["notes a second"] is None else f"{each['notes a second']:.0f}"
        rows.append(
            [
                outcome.arm.name,
                f"{kept.notes:,}",
                speed,
                f"{each['links']:,}",
                f"{each['evolutions']:,}",
                f"{each['superseded']:,}",
                f"{each['bytes a note']:,.0f}",
                f"{each['questions a second']:.0f}",
                f"{each['recall p50']:.1f}",
                f"{each['recall p95']:.1f}",
            ]
        )
    header = ["memory", "notes", "notes/s", "links", "evolutions", "superseded", "bytes/note"]
    header += ["questions/s", "recall p50 ms", "p95 ms"]
    return Table(
        "what it took (bytes: every file of the store, indices too, after upkeep)", header, rows
    ), found


def show(console: Console, tables: Sequence[Table]) -> None:
    """Draw the tables."""
    for table in tables:
        console.print(table.rich())


def write_run(path: Path, outcome: Outcome, questions: Sequence[Question]) -> None:
    """The run file: a line a question, keys best first."""
    with path.open("w", encoding="utf-8") as file:
        for question, keys in zip(questions, outcome.retrieved, strict=True):
            line = {"sample_id": question.space, "question_idx": question.index, "retrieved": keys}
            file.write(json.dumps(line) + "\n")


def write_markdown(path: Path, tables: Sequence[Table], name: str) -> None:
    """The tables as a Markdown page; or, in a page that marks a place for `name`, there.

    The place is between the lines ``<!-- figures: NAME -->`` and ``<!-- end of figures: NAME -->``.
    """
    text = "\n".join(table.markdown() for table in tables)
    opening, closing = f"<!-- figures: {name} -->", f"<!-- end of figures: {name} -->"
    page = path.read_text(encoding="utf-8") if path.exists() else ""
    if opening in page and closing in page:
        before, _, rest = page.partition(opening)
        text = f"{before}{opening}\n\n{text}\n{closing}{rest.partition(closing)[2]}"
    path.write_text(text, encoding="utf-8")


def write_json(path: Path, figures: dict[str, Any]) -> None:
    """All figures."""
    path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")
