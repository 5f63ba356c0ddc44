"""How do the tools look side by side? One picture of what they take, from the JSON of a run.

python -m benchmarks.full.plot numbers.json benchmarks/full.svg
"""

import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

_OURS, _THEIRS, _FLOOR = "#1f6f8b", "#9aa5ab", "#d0d6d9"


def draw(facts: Mapping[str, Any], path: Path) -> None:
    """Left: CPU at the most rows that each tool was measured at. Right: CPU by rows."""
    measured = [one for one in facts["contest"] if one["took"] is not None]
    with mpl.rc_context({"svg.hashsalt": "leeway", "svg.fonttype": "none", "font.size": 9}):
        figure = Figure(figsize=(10.0, 4.2), layout="constrained")
        FigureCanvasSVG(figure)
        left, right = figure.subplots(1, 2)
        _bars(left, measured)
        _lines(right, measured)
        figure.suptitle(facts["title"], fontsize=9)
        figure.savefig(path, format="svg", metadata={"Date": None})


def _bars(axes: Axes, measured: Sequence[Mapping[str, Any]]) -> None:
    most = {one["tool"]: one for one in sorted(measured, key=lambda one: one["rows"])}
    rows = max((one["rows"] for one in measured), default=0)
    tools = sorted(most.values(), key=lambda one: -one["took"]["cpu_s"])
    names = [
        one["tool"] if one["rows"] == rows else f"{one['tool']}\n({one['rows']:,} rows)" for one in tools
    ]
    spent = [one["took"]["cpu_s"] for one in tools]
    axes.barh(names, spent, color=[_colour(one["tool"]) for one in tools])
    for place, one in enumerate(tools):
        took = one["took"]
        axes.annotate(
            f"{took['cpu_s']:.3g} s, {took['peak_mib']:,.0f} MiB",
            (took["cpu_s"], place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_xscale("log")
    if spent:
        axes.set_xlim(min(spent) / 3, max(spent) * 12)  # room for what is written behind the bars
    axes.set_xlabel("CPU seconds of the whole process")
    columns = max((one["columns"] for one in measured), default=0)
    axes.set_title(f"A window of {rows:,} rows × {columns} columns", fontsize=9)


def _lines(axes: Axes, measured: Sequence[Mapping[str, Any]]) -> None:
    for tool in dict.fromkeys(one["tool"] for one in measured):
        points = sorted((one["rows"], one["took"]["cpu_s"]) for one in measured if one["tool"] == tool)
        bold = 2.2 if tool == "leeway" else 1.0
        colour = _OURS if tool == "leeway" else None
        axes.plot(
            *zip(*points, strict=True), marker="o", markersize=3, linewidth=bold, label=tool, color=colour
        )
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.set_xlabel("rows of the window")
    axes.set_ylabel("CPU seconds")
    if measured:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _colour(tool: str) -> str:
    return {"leeway": _OURS, "polars": _FLOOR}.get(tool, _THEIRS)


if __name__ == "__main__":
    draw(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), Path(sys.argv[2]))
