"""Does the suite measure what the product does? One world through Parquet files and `leeway`, beside it.

Everything else here calls the daemon's functions on rows in memory. This part writes the same rows to files,
builds the reference and evaluates the days by the command line, and compares what every column was told.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.quality import faults
from benchmarks.quality.drawn import Drawn, Fault
from benchmarks.quality.history import History, live
from benchmarks.quality.part import Part, Size, total
from benchmarks.quality.synthetic import Synthetic
from benchmarks.quality.tally import Tally
from benchmarks.rows import Row, process
from detectors import Column, NumericColumn

DAYS = 6
FAULTY = 3  # from this judged day on
FAULTS = {
    "missing": faults.missing("idle", 0.05),
    "unseen": faults.unseen("colour", 0.03),
    "shift": faults.shifted("driver", 0.5),
}
CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.made]
task = "binary"

[models.made.source]
kind = "parquet"
path = "day-*.parquet"
timestamp = "ts"

[models.made.columns]
features = [{features}]
categorical = [{labels}]
score = "score"
prediction = "pred"

[models.made.reference]
source = {{ kind = "parquet", path = "reference.parquet" }}
label = "outcome"
"""


class _FromADayOn(Synthetic):
    """The fault begins on a day and stays."""

    def draw(self, index: int, change: Fault | None = None) -> Drawn:
        faulty = index >= self.reference + FAULTY
        return super().draw(index, FAULTS[_fault(self.seed)] if faulty else change)


def _fault(seed: int) -> str:
    return list(FAULTS)[seed % len(FAULTS)]


def _run(seed: int, size: Size, folder: Path) -> Tally:
    del size
    world = _FromADayOn(seed=seed, rows=400, reference=24, judged=DAYS)
    here = folder / f"files-{seed}"
    here.mkdir(parents=True, exist_ok=True)
    _write(world, here)
    leeway = [sys.executable, "-m", "monitor", "--config", str(here / "leeway.toml")]
    process([*leeway, "reference", "build", "--model", "made"])
    spans = [world.span(world.reference + number) for number in range(DAYS)]
    window = ["--from", spans[0].start.isoformat(), "--to", spans[-1].end.isoformat()]
    process([*leeway, "evaluate", "--model", "made", *window])
    said = process([*leeway, "--json", "history", "verdicts", "--model", "made"]).output
    # The newest day is still open: its source has nothing later.
    stored = {
        (row["window_start"][:10], row["column_name"]): row["severity"]
        for row in json.loads(said)
        if row["segment"] == ""
    }
    return _compare(live(world), stored)


def _compare(history: History, stored: Mapping[tuple[str, str], str]) -> Tally:
    """Every column of the whole that both know; clear verdicts too."""
    tally = Tally()
    for number, told in enumerate(history.told):
        at = history.world.span(history.world.reference + number).start.strftime("%Y-%m-%d")
        for (segment, column), severity in told.severity.items():
            found = stored.get((at, column))
            if segment or found is None:
                continue
            tally.add("same", found == severity.value)
            tally.add("alerts", severity.value != "none")
            if found != severity.value:
                tally.note("different", f"{column} {found} for {severity.value}")
    return tally


def _write(world: Synthetic, folder: Path) -> None:
    days = [_frame(world, index) for index in range(world.reference + world.judged)]
    pl.concat(days[: world.reference]).write_parquet(folder / "reference.parquet")
    for number, frame in enumerate(days[world.reference :]):
        frame.drop("outcome").write_parquet(folder / f"day-{number}.parquet")
    features = ", ".join(f'"{name}"' for name in world.names)
    labels = ", ".join(
        f'"{name}"' for name, column in world.draw(0).columns.items() if not _is_number(column)
    )
    text = CONFIG.format(features=features, labels=labels)
    (folder / "leeway.toml").write_text(text, encoding="utf-8")


def _frame(world: Synthetic, index: int) -> pl.DataFrame:
    drawn = world.draw(index)
    start = int(world.span(index).start.timestamp()) * 1_000_000
    times = pl.Series("ts", drawn.times + start).cast(pl.Datetime("us", "UTC"))
    columns: dict[str, pl.Series] = {"ts": times}
    for name, column in drawn.columns.items():
        if isinstance(column, NumericColumn):
            columns[name] = pl.Series(name, column.values).fill_nan(None)
        else:
            labels = np.array([*column.labels, None], dtype=object)
            columns[name] = pl.Series(name, labels[column.codes].tolist(), dtype=pl.String)
    return pl.DataFrame(columns | {"outcome": pl.Series("outcome", drawn.outcome)})


def _is_number(column: Column) -> bool:
    return isinstance(column, NumericColumn)


def _rows(tallies: Mapping[int, Tally]) -> Iterator[Row]:
    tally = total(tallies)
    yield Row(
        what="verdicts through files and leeway that are the same",
        measured=tally.share("same"),
        unit="",
        at_least=1.0,
        note=f"{tally.tries('same')}, {tally.hits['alerts'][0]} alerts {tally.most('different')}".rstrip(),
    )


PARTS = {
    "files": Part(
        title="The same through Parquet files and the command line", run=_run, rows=_rows, weight=2.0
    )
}
