"""How is the picture of an incident drawn? The one file that knows matplotlib.

Run as a program it reads a picture as JSON and writes a PNG: 50 MB and half a second of CPU that a daemon
must not keep (docs/decisions.md). The same picture gives the same bytes under the same version of matplotlib.

Colours are those of Okabe and Ito ("Color universal design", 2008), which people with any colour vision tell
apart; what is out of the ordinary also has another shape.
"""

import io
import json
import sys
import warnings
from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Annotation
from matplotlib.ticker import FuncFormatter, MaxNLocator
from PIL import Image

from alerting.phrases import count
from monitor.picture import Course, Picture, Shares

WIDE, HIGH, DPI = 8.0, 4.4, 110  # inches, and dots an inch: 880 by 484, sharp on a phone and small
_USUAL, _ODD, _BAND, _INK = "#0072B2", "#D55E00", "#D9D9D9", "#222222"
_NOW = "now"  # the line that says how it is
_EDGE, _LEAST = 6.0, 8.0  # dots that stay free; the least size of a font
_SETTINGS: dict[Any, Any] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 12.0,
    "text.parse_math": False,  # a name from data may hold a dollar sign
    "axes.edgecolor": "#888888",
    "text.color": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
}


def png(picture: Picture) -> bytes:
    """The picture as a PNG of some 25 kB: 128 colours of it, which nobody can tell from all."""
    with mpl.rc_context(_SETTINGS), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a glyph that the font lacks is a box, and no reason to say more
        figure = Figure(figsize=(WIDE, HIGH), dpi=DPI)
        figure.set_layout_engine("constrained", rect=(0.008, 0.0, 0.984, 1.0), wspace=0.06)
        canvas = FigureCanvasAgg(figure)
        figure.suptitle(
            f"{picture.heading}\n", x=0.012, ha="left", fontsize=15, fontweight="bold", linespacing=1.3
        )
        figure.text(0.012, 0.912, picture.line, fontsize=11, va="top")
        if picture.shares is not None and picture.course is not None:
            left, right = figure.subplots(1, 2, width_ratios=(1.0, 1.15))
            _draw_shares(left, picture.shares, picture)
            _draw_course(right, picture.course, picture)
        elif picture.shares is not None:
            _draw_shares(figure.subplots(), picture.shares, picture)
        elif picture.course is not None:
            _draw_course(figure.subplots(), picture.course, picture)
        canvas.draw()
        if _shortened(figure):
            canvas.draw()
        drawn = Image.frombuffer("RGBA", canvas.get_width_height(), canvas.buffer_rgba()).convert("RGB")
    content = io.BytesIO()
    # The usual median cut mixes a colour of few pixels with its neighbours: a lone diamond turns brown.
    few = drawn.quantize(128, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    few.save(content, format="png", optimize=True)
    return content.getvalue()


def _draw_shares(axes: Axes, shares: Shares, picture: Picture) -> None:
    """A bar a bin for the window, a tick for the reference, a grey range for the windows before."""
    places = range(len(shares.labels))
    if shares.low:
        widths = [high - low for low, high in zip(shares.low, shares.high, strict=True)]
        label = f"the {shares.windows} windows before"
        axes.barh(places, widths, left=shares.low, height=0.92, color=_BAND, label=label)
    odd = [i for i in places if _is_odd(shares, i)]
    for mine, colour, name in (
        ([i for i in places if i not in odd], _USUAL, picture.window),
        (odd, _ODD, f"{picture.window}, far outside"),
    ):
        if mine:
            axes.barh(mine, [shares.window[i] for i in mine], height=0.5, color=colour, label=name)
    axes.plot(
        shares.reference, places, "|", color="black", markersize=13, markeredgewidth=2, label="reference"
    )
    for i in odd:
        end = max(shares.window[i], shares.reference[i], shares.high[i])
        axes.annotate(
            _percent(shares.window[i]),
            (end, i),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=11,
            fontweight="bold",
            color=_ODD,
        )
    axes.set_yticks(places, shares.labels, fontsize=11)
    axes.tick_params(axis="y", length=0)
    axes.invert_yaxis()
    most = max(*shares.window, *shares.reference, *shares.high)
    axes.set_xlim(0.0, 1.18 * most)
    axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(_percent))
    rest = f", {count(shares.left_out, 'value')} left out" if shares.left_out else ""
    _title(axes, f"share of rows{rest}", f"{picture.window}: {picture.rows:,} rows")
    _finish(axes)
    axes.spines["left"].set_visible(False)


def _is_odd(shares: Shares, i: int) -> bool:
    """Outside the range of the windows before by half its width more: one bin in ten is outside by chance."""
    if not shares.low:
        return False
    beyond = 0.5 * max(shares.high[i] - shares.low[i], 0.002)
    return not shares.low[i] - beyond <= shares.window[i] <= shares.high[i] + beyond


def _draw_course(axes: Axes, course: Course, picture: Picture) -> None:
    """A dot a window over its normal band; a diamond where it breached."""
    at = [start.timestamp() for start in course.starts]
    low, high = _band(course)
    axes.fill_between(at, low, high, color=_BAND, linewidth=0, label="normal")
    axes.plot(at, course.values, color=_USUAL, linewidth=1.2, zorder=2)
    for odd, colour, marker, size in ((False, _USUAL, "o", 5.0), (True, _ODD, "D", 7.5)):
        mine = [i for i in range(len(at)) if course.breached[i] is odd]
        if mine:
            axes.plot(
                [at[i] for i in mine],
                [course.values[i] for i in mine],
                marker,
                color=colour,
                markersize=size,
                markeredgecolor="white",
                markeredgewidth=0.8,
                label="breach" if odd else "a window",
                zorder=3,
                clip_on=False,
            )
    show = _percent if course.percent else _number
    axes.margins(x=0.04, y=0.12)
    if course.percent and min(course.values) >= 0.0:
        axes.set_ylim(bottom=max(0.0, axes.get_ylim()[0]))
    chosen = _spread(range(len(at)), 4)
    axes.set_xticks([at[i] for i in chosen], [_day(course.starts[i], picture, course) for i in chosen])
    axes.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(show))
    axes.grid(axis="y", color="#EEEEEE", linewidth=0.8)
    axes.set_axisbelow(True)
    latest = "" if picture.latest else f"{_day(course.starts[-1], picture, course)}: "
    _title(axes, course.measure, f"{latest}{show(course.values[-1])}{_usual(course, show)}")
    _finish(axes)


def _title(axes: Axes, what: str, now: str) -> None:
    axes.set_title(f"{what}\n", loc="left", fontsize=11.5, linespacing=1.3)
    said = axes.annotate(
        now,
        (0, 1),
        xycoords="axes fraction",
        xytext=(0, 6),
        textcoords="offset points",
        fontsize=11.5,
        fontweight="bold",
        gid=_NOW,
    )
    said.set_in_layout(
        False
    )  # it takes no room from what is drawn; once its place is known it is made to fit


def _shortened(figure: Figure) -> bool:
    """What would be cut off at the edge, or run into its neighbour, is made smaller or left out."""
    changed = False
    for axes in figure.axes:
        now = next((t for t in axes.texts if isinstance(t, Annotation) and t.get_gid() == _NOW), None)
        if now is not None:
            place = now.get_window_extent()
            if place.x1 > figure.bbox.x1 - _EDGE:
                room = (figure.bbox.x1 - _EDGE - place.x0) / place.width
                now.set_fontsize(max(_LEAST, room * now.get_fontsize()))
                if room * now.get_fontsize() < _LEAST:  # then it ends where its axes do, and begins before
                    now.set_horizontalalignment("right")
                    now.xy = (1.0, 1.0)
                changed = True
        ticks, labels = list(axes.get_xticks()), axes.get_xticklabels()
        ends = [label.get_window_extent() for label in labels if label.get_text()]
        if len(ends) > 2 and any(b.x0 - a.x1 < _EDGE for a, b in pairwise(ends)):
            chosen = _spread(range(len(ends)), 2)
            axes.set_xticks([ticks[i] for i in chosen], [labels[i].get_text() for i in chosen])
            changed = True
    return changed


def _finish(axes: Axes) -> None:
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    axes.legend(
        loc="upper center",
        bbox_to_anchor=(0.45, -0.1),
        ncols=2,
        frameon=False,
        fontsize=10.5,
        handlelength=1.2,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def _band(course: Course) -> tuple[list[float], list[float]]:
    """Its ends, where one is open as far as anything is drawn."""
    known = [*course.values, *(end for end in (*course.low, *course.high) if end is not None)]
    least, most = min(known), max(known)
    known_at = [(lo is not None or hi is not None) for lo, hi in zip(course.low, course.high, strict=True)]
    low = [
        (least if end is None else end) if there else float("nan")
        for end, there in zip(course.low, known_at, strict=True)
    ]
    high = [
        (most if end is None else end) if there else float("nan")
        for end, there in zip(course.high, known_at, strict=True)
    ]
    return low, high


def _usual(course: Course, show: Callable[[float], str]) -> str:
    """Where the last window should have been."""
    low, high = course.low[-1], course.high[-1]
    if low is None or high is None:
        return "" if high is None else f", normal up to {show(high)}"
    if low < 0.0:
        return f", normal {show(low)} to {show(high)}"
    return f", normal {show(low).removesuffix(' %')}–{show(high)}"


def _spread(places: Sequence[int], most: int) -> list[int]:
    """At most so many of them, the first and the last always among them."""
    if len(places) <= most:
        return list(places)
    return sorted({round(i * (len(places) - 1) / (most - 1)) for i in range(most)})


def _day(start: datetime, picture: Picture, course: Course) -> str:
    """The day, or the time where all of it is shorter than a few days."""
    local = start.astimezone(ZoneInfo(picture.zone))
    short = (course.starts[-1] - course.starts[0]).total_seconds() < 4 * 86_400
    return f"{local:%a %H:%M}" if short else f"{local.day} {local:%b}"


def _percent(value: float, _: object = None) -> str:
    points = 100.0 * value
    return f"{points:.0f} %" if abs(points) >= 9.95 or points == round(points) else f"{points:.1f} %"


def _number(value: float, _: object = None) -> str:
    if value == 0.0:
        return "0"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}".replace("-", "−")


def main() -> int:
    """Standard input to standard output."""
    picture = Picture.from_json(json.load(sys.stdin))
    sys.stdout.buffer.write(png(picture))
    return 0


if __name__ == "__main__":
    sys.exit(main())
