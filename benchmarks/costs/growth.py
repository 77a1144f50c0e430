"""The picture: how each cost grows with the number of notes, beside what it is held against."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib as mpl
from harness.plot import FAINT, INK, OURS, PLAIN
from matplotlib import pyplot as plt
from matplotlib.ticker import NullFormatter

from costs.stage import Figure


class Panel(NamedTuple):
    """One panel: its title, the part and case that it shows, and what the peers call it."""

    title: str
    part: str
    what: str
    of_peers: str


PANELS = (
    Panel("recall", "recall", "nothing written", "query"),
    Panel("recall after a write", "recall", "after a write of this process", ""),
    Panel("remember one", "one", "remember one", "one"),
    Panel("remember many, a note", "many", "remember_many", "bulk"),
)
DASHES = ("--", "-.", ":")


def draw(path: Path, figures: Sequence[Figure]) -> None:
    """Write the picture; `path` says by its ending whether as PNG or SVG."""
    mpl.use("Agg")
    style = {"font.size": 9, "text.color": INK, "axes.edgecolor": FAINT, "svg.hashsalt": "zettelmem"}
    with mpl.rc_context(style):
        drawing, axes = plt.subplots(1, len(PANELS), figsize=(3.2 * len(PANELS), 3.2), layout="constrained")
        for axis, panel in zip(axes, PANELS, strict=True):
            _fill(axis, panel, figures)
        axes[0].set_ylabel("CPU milliseconds")
        handles, labels = axes[0].get_legend_handles_labels()
        drawing.legend(handles, labels, frameon=False, ncols=len(labels), loc="outside lower center")
        drawing.savefig(path, dpi=150, metadata={"Date": None} if path.suffix == ".svg" else None)
        plt.close(drawing)


def _fill(axis: Any, panel: Panel, figures: Sequence[Figure]) -> None:
    processor = sorted((x for x in figures if x.unit.startswith("CPU")), key=lambda x: x.notes)
    own = [x for x in processor if (x.part, x.what) == (panel.part, panel.what)]
    bare = [x for x in own if x.beside.startswith("bare")]
    if not bare:  # not measured in this run
        axis.set_axis_off()
        return
    sizes = [x.notes for x in bare]
    axis.plot(sizes, [x.ours for x in bare], color=OURS, marker="o", label="zettelmem")
    axis.plot(sizes, [x.floor for x in bare], color=PLAIN, marker="s", label="bare LanceDB")
    theirs = [x for x in processor if (x.part, x.what) == ("peers", panel.of_peers)]
    for name, dashes in zip(dict.fromkeys(x.beside for x in theirs), DASHES, strict=False):
        line = [x for x in theirs if x.beside == name]
        floors = [x.floor for x in line]
        axis.plot([x.notes for x in line], floors, dashes, color=FAINT, marker=".", label=name)
    axis.set(xscale="log", yscale="log", title=panel.title, xlabel="notes")
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.grid(visible=True, alpha=0.3)
