"""The picture: how each cost grows with the number of notes, beside what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from harness.plot import FAINT, INK, OURS, PLAIN

from costs.stage import Figure

PANELS = {
    "recall": ("recall", "nothing written"),
    "recall after a write": ("recall", "after a write of this process"),
    "remember one": ("one", "remember one"),
    "remember many, a note": ("many", "remember_many"),
}
"""Title of a panel: the part and the case that it shows."""


def draw(path: Path, figures: Sequence[Figure]) -> None:
    """Write the picture; `path` says by its ending whether as PNG or SVG."""
    mpl.use("Agg")
    from matplotlib import pyplot as plt

    style = {"font.size": 9, "text.color": INK, "axes.edgecolor": FAINT, "svg.hashsalt": "zettelmem"}
    with mpl.rc_context(style):
        drawing, axes = plt.subplots(1, len(PANELS), figsize=(3.2 * len(PANELS), 3.0), layout="constrained")
        for axis, (title, (part, what)) in zip(axes, PANELS.items(), strict=True):
            chosen = [x for x in figures if (x.part, x.what) == (part, what) and x.unit.startswith("CPU")]
            chosen.sort(key=lambda figure: figure.notes)
            beside = chosen[0].beside if chosen else ""
            main = [x for x in chosen if x.beside.split(" of ")[0] == beside.split(" of ")[0]]
            sizes = [x.notes for x in main]
            axis.plot(sizes, [x.ours for x in main], color=OURS, marker="o", label="zettelmem")
            floor = [x.floor for x in main]
            axis.plot(sizes, floor, color=PLAIN, marker="s", label="bare LanceDB")
            axis.set(xscale="log", yscale="log", title=title, xlabel="notes")
            axis.grid(visible=True, alpha=0.3)
        axes[0].set_ylabel("CPU milliseconds")
        axes[0].legend(frameon=False)
        drawing.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(drawing)
