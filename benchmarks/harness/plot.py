"""The picture of a run: recall at 10 of every arm, a panel a group of questions, with intervals."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

OURS, VARIANT, PLAIN = "#1b6e5a", "#84b5a8", "#b9c0c7"
INK, FAINT = "#22272b", "#6b747c"
METRIC = "R@10"
LABELS = {
    "bm25": "BM25",
    "naive-rag": "naive RAG",
    "dense": "dense, text alone",
    "rrf": "LanceDB hybrid, RRF",
    "rrf-nameless": "the same, names dropped",
    "amem": "A-MEM's shape",
    "ours-no-links": "zettelmem, no links",
    "ours-links": "zettelmem, links only",
    "ours": "zettelmem",
    "ours-minilm": "zettelmem, MiniLM",
    "ours-multilingual": "zettelmem, multilingual",
    "ours-torch": "zettelmem, MiniLM on torch",
}
"""What the arms are called in the picture."""


def draw(path: Path, figures: dict[str, Any], title: str) -> str | None:
    """Write the picture; a message instead where matplotlib is not installed."""
    try:
        mpl = importlib.import_module("matplotlib")
    except ImportError:
        return f"no picture at {path}: pip install matplotlib"
    mpl.use("Agg")
    plt = importlib.import_module("matplotlib.pyplot")

    groups = [group for group in figures if group != "1-4"]  # six panels; the tables have it
    names = list(dict.fromkeys(name for arms in figures.values() for name in arms))
    columns = min(3, len(groups))
    rows = -(-len(groups) // columns)
    style = {"font.family": "DejaVu Sans", "font.size": 10, "text.color": INK, "ytick.labelcolor": INK}
    with mpl.rc_context(style):
        figure, axes = plt.subplots(
            rows,
            columns,
            figsize=(max(8.5, 2.3 + 3.2 * columns), 1.3 + rows * (0.75 + 0.3 * len(names))),
            sharex=True,
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        flat = list(axes.flat)
        for axis, group in zip(flat, groups, strict=False):
            _panel(axis, group, figures[group], names)
        for axis in flat[len(groups) :]:
            axis.set_visible(False)
        figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1)
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        figure.supxlabel(
            f"{METRIC}, per cent of the evidence among the ten best; whiskers: bootstrap 95 % interval",
            fontsize=9,
            color=FAINT,
            x=0.01,
            ha="left",
        )
        figure.savefig(path, dpi=160, facecolor="white")
        plt.close(figure)
    return None


def _panel(axis: Any, group: str, arms: dict[str, Any], names: list[str]) -> None:
    shown = [(place, name, arms[name]) for place, name in enumerate(reversed(names)) if name in arms]
    axis.set_title(f"{group}  ({shown[0][2]['n']} questions)", loc="left", fontsize=10, fontweight="bold")
    for place, name, row in shown:
        value, (low, high) = row[METRIC], row[f"{METRIC} interval"]
        colour = OURS if name == "ours" else VARIANT if name.startswith("ours") else PLAIN
        axis.barh(place, value, height=0.72, color=colour)
        axis.plot([low, high], [place, place], color=INK, linewidth=1.1, solid_capstyle="butt")
        weight = "bold" if name == "ours" else "normal"
        axis.text(high + 2, place, f"{value:.1f}", va="center", fontsize=9, fontweight=weight)
    axis.set_yticks(range(len(names)), [LABELS.get(name, name) for name in reversed(names)])
    axis.set_xlim(0, 112)
    axis.set_xticks(range(0, 101, 20))
    axis.grid(axis="x", color="#e4e8eb", linewidth=0.8)
    axis.set_axisbelow(True)
    axis.tick_params(length=0, labelsize=9)
    for side in ("top", "right", "left", "bottom"):
        axis.spines[side].set_visible(False)
