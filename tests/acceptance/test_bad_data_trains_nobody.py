"""A broken pipeline looks like drift: whatever the policy allows, nobody is asked to train on it (T23).

Real windows through the real fold, with the most permissive policy there is: one ticket in one window of one
row is enough, no cool-down. What breaks is broken on top of a drift that would ask for retraining by itself.
"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from storage import history, retraining
from tests.acceptance.world import Shop, build_shop

DAYS, FIRST = 9, 3  # production days, and the first bad one
EAGER = """
[models.shop.retraining]
mode = "auto"
target = "trainer"
breached = 1
within = 1
min_rows = 1
min_severity = "ticket"
cooldown = "0s"
"""
TRAINER = """
[channels.trainer]
kind = "webhook"
url = "https://trainer.example.com/hook"
secret_file = "secret"
"""


def half_loaded(rows: pl.DataFrame) -> pl.DataFrame:
    """The nightly copy stopped at noon."""
    return rows.filter(pl.col("ts").dt.hour() < 12)


def without_values(rows: pl.DataFrame) -> pl.DataFrame:
    """Seven in ten amounts are gone."""
    gone = pl.int_range(rows.height, eager=True) % 10 < 7
    return rows.with_columns(pl.when(gone).then(None).otherwise(pl.col("amount")).alias("amount"))


def all_null(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit(None, dtype=pl.Float64).alias("items"))


def column_gone(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.drop("items")


def column_retyped(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(pl.lit("n/a").alias("items"))


def unit_changed(rows: pl.DataFrame) -> pl.DataFrame:
    """Cents in place of euros."""
    return rows.with_columns((pl.col("amount") * 100).alias("amount"))


def nothing_wrong(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def lived(folder: Path, damage: Callable[[pl.DataFrame], pl.DataFrame], *, drift: bool = True) -> Shop:
    """Every day of a shop whose customers change on the third day, as its pipeline breaks."""
    logs.configure(quiet=True)
    bad = range(FIRST, DAYS)
    shop = build_shop(
        folder / "shop", days=DAYS, broken=bad if drift else range(0), channels=TRAINER, extra=EAGER
    )
    (shop.folder / "secret").write_text("whsec_MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0")
    for number in bad:
        file = shop.folder / "data" / f"orders-{number:03d}.parquet"
        damage(pl.read_parquet(file)).write_parquet(file)
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as runtime, own(runtime):
        build_reference(runtime, runtime.models["shop"])
        for number in range(1, DAYS + 1):
            clock.advance_to(shop.start + number * timedelta(days=1) + timedelta(hours=1))
            one_pass(runtime, ())
        with runtime.store.read() as conn:
            asked = retraining.of_model(conn, "shop")
            decisions = history.retraining_decisions(conn, "shop")
    shop.folder.joinpath("asked").write_text(str(len(asked)))
    shut = [{gate["name"] for gate in each["gates"] if not gate["passed"]} for each in decisions]
    shop.folder.joinpath("shut").write_text("\n".join(",".join(sorted(each)) for each in shut))
    return shop


@pytest.mark.parametrize(
    ("damage", "gate"),
    [
        (half_loaded, "sound_windows"),
        (without_values, "data_quality"),
        (all_null, "data_quality"),
        (column_gone, "schema"),
        (column_retyped, "schema"),
    ],
)
def test_nobody_trains_on_broken_data(
    tmp_path: Path, damage: Callable[[pl.DataFrame], pl.DataFrame], gate: str
) -> None:
    """Not one request in six broken days, each refusal on record with the gate that knew."""
    shop = lived(tmp_path, damage)
    assert (shop.folder / "asked").read_text() == "0"
    shut = (shop.folder / "shut").read_text().splitlines()
    assert len(shut) >= DAYS - FIRST
    assert all(gate in each for each in shut)


def test_nobody_trains_on_another_unit(tmp_path: Path) -> None:
    """Cents for euros. (On top of a drift no factor fits, and it is told, and counts, as a shift.)"""
    shop = lived(tmp_path, unit_changed, drift=False)
    assert (shop.folder / "asked").read_text() == "0"
    assert all("data_quality" in each for each in (shop.folder / "shut").read_text().splitlines())


def test_the_same_drift_without_a_fault_asks(tmp_path: Path) -> None:
    """Else the test above would prove nothing."""
    shop = lived(tmp_path, nothing_wrong)
    assert int((shop.folder / "asked").read_text()) >= 1
