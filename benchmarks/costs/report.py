"""The figures as tables, as Markdown and as JSON."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from typing import Any

from harness.report import Table, write_json, write_markdown
from rich.console import Console

from costs.stage import Figure

HEADER = ["", "notes", "unit", "zettelmem", "floor", "ratio", "the floor is"]


def cells(figure: Figure) -> list[str]:
    """One line of a table."""
    floor = "" if figure.floor is None else _short(figure.floor)
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    return [
        figure.what, f"{figure.notes:,}", figure.unit, _short(figure.ours), floor, ratio, figure.beside
    ]  # fmt: skip


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def tables(figures: Sequence[Figure]) -> list[Table]:
    """A table a part."""
    parts = dict.fromkeys(figure.part for figure in figures)
    return [
        Table(part, HEADER, [cells(figure) for figure in figures if figure.part == part]) for part in parts
    ]


def show(console: Console, figures: Sequence[Figure]) -> None:
    """Draw the tables."""
    for table in tables(figures):
        console.print(table.rich())


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    return {
        "processors": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "lancedb": version("lancedb"),
        "zettelmem": version("zettelmem"),
    }


def write(figures: Sequence[Figure], *, markdown: Path | None, json_file: Path | None) -> None:
    """The files that were asked for."""
    here = machine()
    if json_file:
        lines = [asdict(figure) | {"ratio": figure.ratio} for figure in figures]
        write_json(json_file, {"machine": here, "figures": lines})
    if markdown:
        rows = [[name, json.dumps(value).strip('"')] for name, value in here.items()]
        write_markdown(markdown, [Table("taken on", ["", "value"], rows), *tables(figures)], "speed")
