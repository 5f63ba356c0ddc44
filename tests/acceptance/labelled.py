"""A shop whose customers tell days later whether the model was right."""

from collections.abc import Callable, Collection
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import polars as pl

from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
SOURCE = """
[models.shop.labels]
source = { kind = "parquet", path = "data/labels*.parquet" }
key = "order"
column = "label"
available_at = "known"
max_delay = "4d"
"""
ROWS = """
[models.shop.labels]
column = "label"
available_at = "known"
max_delay = "4d"
"""


def orders(number: int, *, wrong: bool = False, broken: bool = False) -> pl.DataFrame:
    """Production day `number` with order numbers and outcomes; wrong: the opposite of what would be true."""
    frame = day(FIRST, REFERENCE_DAYS + number, broken=broken)
    label = 1.0 - pl.col("label") if wrong else pl.col("label")
    return frame.with_columns(label.alias("label"), (pl.int_range(pl.len()) + number * 10_000).alias("order"))


def build_labelled_shop(
    folder: Path,
    *,
    days: int = 10,
    wrong: Collection[int] = (),
    broken: Collection[int] = (),
    delay: timedelta = timedelta(days=2),
    share: Callable[[int], float] = lambda _: 1.0,
    place: Literal["source", "rows"] = "source",
    channels: str = "",
    extra: str = "",
    url: str = "sqlite:///leeway.db",
) -> Shop:
    """Labels of `share(day)` of a day's orders, each known `delay` after its order; none but those."""
    shop = build_shop(
        folder,
        first=FIRST,
        days=0,
        channels=channels,
        extra=(SOURCE if place == "source" else ROWS) + extra,
        url=url,
    )
    for number in range(days):
        frame = orders(number, wrong=number in wrong, broken=number in broken)
        known = np.random.default_rng([11, number]).random(frame.height) < share(number)
        labels = frame.select("order", "label", (pl.col("ts") + delay).alias("known")).with_columns(
            pl.when(pl.Series(known)).then(pl.col(name)).alias(name) for name in ("label", "known")
        )
        data = shop.folder / "data"
        if place == "source":
            frame.drop("label").write_parquet(data / f"orders-{number:03d}.parquet")
            labels.drop_nulls().write_parquet(data / f"labels-{number:03d}.parquet")
        else:
            rows = frame.drop("label").with_columns(labels["label"], labels["known"])
            rows.write_parquet(data / f"orders-{number:03d}.parquet")
    return shop
