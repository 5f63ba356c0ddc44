"""How does a command speak? Tables on a terminal, plain lines otherwise, JSON where asked."""

import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

SHORT = 24  # letters: a time, an id, a word; longer cells may wrap
SPARKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The global flags."""

    config: Path
    json: bool = False
    quiet: bool = False
    verbose: bool = False


class Terminal:
    """What a command prints with. Results go to stdout, notices to stderr."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def console(self) -> "Console":
        """rich, loaded when something is drawn."""
        from rich.console import Console

        return Console(highlight=False, soft_wrap=not sys.stdout.isatty())

    def notice(self, text: str) -> None:
        """A line about what is going on; left out with --quiet."""
        if not self.settings.quiet:
            typer.echo(text, err=True)

    def result(self, payload: object, draw: Callable[[], None]) -> None:
        """The payload as JSON with --json, else drawn for a person."""
        if self.settings.json:
            typer.echo(json.dumps(payload, indent=2, ensure_ascii=False, default=str))
        else:
            draw()

    @contextmanager
    def progress(self) -> Iterator[Callable[[str, int, int], None]]:
        """Reports (what, done, of how many) as a bar on a terminal, as nothing on a pipe or with --quiet."""
        if self.settings.quiet or self.settings.json or not sys.stderr.isatty():
            yield lambda _what, _done, _of: None
            return
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
            task = bar.add_task("starting", total=None)
            yield lambda what, done, of: bar.update(task, description=what, completed=done, total=of or None)

    def table(
        self,
        columns: Sequence[str],
        rows: Iterable[Sequence[object]],
        *,
        title: str = "",
        spare: Sequence[str] = (),
    ) -> None:
        """Columns and rows; on a pipe: tab-separated lines under a header, nothing cut.

        `spare`: columns that a narrow terminal does without, the first to go first.
        """
        cells = [[_cell(value) for value in row] for row in rows]
        if not sys.stdout.isatty():
            for line in ([*columns], *cells):
                typer.echo("\t".join(line))
            return
        from rich.box import SIMPLE_HEAD
        from rich.table import Table
        from rich.text import Text

        widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
        shown = fitting(columns, widths, self.console.width, spare)
        drawn = Table(box=SIMPLE_HEAD, title=title or None, title_justify="left")
        for index in shown:
            # What is short is read at a glance, or not at all: a time that wraps is none.
            drawn.add_column(columns[index], no_wrap=widths[index] <= SHORT)
        for line in cells:
            drawn.add_row(*(Text(line[index]) for index in shown))
        self.console.print(drawn)

    def pairs(self, facts: Mapping[str, object]) -> None:
        """One name and value a line."""
        width = max((len(name) for name in facts), default=0)
        for name, value in facts.items():
            typer.echo(f"{name.ljust(width)}  {_cell(value)}")


def fitting(columns: Sequence[str], widths: Sequence[int], width: int, spare: Sequence[str]) -> list[int]:
    """Which columns to draw in a terminal so wide; of long ones `SHORT` letters a line must find room."""
    shown = list(range(len(columns)))
    for name in spare:
        if sum(min(widths[index], SHORT) + 2 for index in shown) <= width:
            break
        shown = [index for index in shown if columns[index] != name]
    return shown


def sparkline(values: Sequence[float | None]) -> str:
    """One block a value, scaled from the smallest to the largest; a gap where there is none."""
    known = [v for v in values if v is not None and v == v]  # noqa: PLR0124  NaN is a gap
    if not known:
        return ""
    low, high = min(known), max(known)
    step = (high - low) / (len(SPARKS) - 1) or 1.0
    return "".join(" " if v is None or v != v else SPARKS[round((v - low) / step)] for v in values)  # noqa: PLR0124


def printable(text: str) -> str:
    """One line that cannot steer a terminal: values of data stand in titles, and escape codes in values."""
    return "".join(ch if ch.isprintable() else " " for ch in text)


def _cell(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case float():
            return f"{value:.4g}"
        case _:
            return printable(str(value))
