"""A shop's days in fast motion, in this process: one pass of the daemon's own steps a simulated day."""

import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import ReferenceOutcome, build_reference
from tests.acceptance.world import Shop

DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Past:
    """What a database remembers."""

    database: Path

    def rows(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Any query, as records."""
        with closing(sqlite3.connect(self.database)) as connection:
            connection.row_factory = sqlite3.Row
            return [dict(row) for row in connection.execute(query, values)]

    def windows(self, model: str = "shop") -> list[tuple[str, str]]:
        """State and reason of every window, in order."""
        query = "SELECT state, reason FROM v_windows WHERE model = ? ORDER BY window_start"
        return [(row["state"], row["reason"]) for row in self.rows(query, model)]

    def states(self, model: str = "shop") -> list[str]:
        """State of every window, in order."""
        return [state for state, _ in self.windows(model)]

    def verdicts(self, column: str, model: str = "shop") -> list[str]:
        """Every verdict of a column that stands, in order; "" is the data feed, silent while it is well."""
        query = (
            "SELECT verdict FROM v_verdicts JOIN v_windows USING (window_id) WHERE v_verdicts.model = ? "
            "AND column_name = ? AND superseded_by IS NULL ORDER BY v_verdicts.window_start"
        )
        return [row["verdict"] for row in self.rows(query, model, column)]

    def incidents(self, model: str = "shop") -> list[tuple[str, str, str]]:
        """Column, kind and severity of every incident, sorted."""
        query = "SELECT column_name, kind, severity FROM v_incidents WHERE model = ?"
        found = self.rows(query, model)
        return sorted((row["column_name"], row["kind"], row["severity"]) for row in found)

    def titles(self) -> str:
        """Every incident's title, a line each."""
        return "\n".join(row["title"] or "" for row in self.rows("SELECT title FROM v_incidents"))


def learn(shop: Shop, model: str = "shop") -> ReferenceOutcome:
    """Build the reference, as `leeway reference build` does."""
    logs.configure(quiet=True)
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as runtime:
        return build_reference(runtime, runtime.models[model])


def live(
    shop: Shop,
    days: int,
    *,
    first: int = 1,
    each: Callable[[datetime], None] | None = None,
    every: timedelta = DAY,
) -> Past:
    """Noon after noon from `first` to `days` (day 0 is the first of production); `each` runs before it."""
    logs.configure(quiet=True)
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as runtime, own(runtime) as couriers:
        at = shop.start + first * DAY + DAY / 2
        while at < shop.start + (days + 1) * DAY:
            if each is not None:
                each(at)
            clock.advance_to(at)
            one_pass(runtime, couriers)
            at += every
    return Past(shop.folder / "leeway.db")


def rewrite(shop: Shop, number: int, change: Callable[[pl.DataFrame], pl.DataFrame]) -> Path:
    """Put a changed day in the place of day `number`."""
    path = shop.folder / f"data/orders-{number:03d}.parquet"
    change(pl.read_parquet(path)).write_parquet(path)
    return path


def reconfigure(shop: Shop, changes: Mapping[str, str]) -> None:
    """Replace pieces of the config, each of which must be there."""
    text = shop.config.read_text()
    for before, after in changes.items():
        assert before in text, before
        text = text.replace(before, after)
    shop.config.write_text(text)
