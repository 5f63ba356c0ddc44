"""A canary that was trained on other data is held against a reference of its own rows."""

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.service import FIRST, REFERENCE_DAYS, build_service, day, leeway, production

DAY = FIRST + timedelta(days=REFERENCE_DAYS)


def canary(frame: pl.DataFrame, factor: float, *, every: int) -> pl.DataFrame:
    """Every so many rows are answered by v2, whose scores are smaller by this factor."""
    new = pl.Series([index % every == 0 for index in range(frame.height)])
    return frame.with_columns(
        pl.when(new).then(pl.lit("v2")).otherwise(pl.lit("v1")).alias("model_version"),
        pl.when(new).then(pl.col("score") * factor).otherwise(pl.col("score")).alias("score"),
    )


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """v2 answers a third of the rows with scores × 0.6, as its own reference has them; on day 1 × 0.3."""
    path = build_service(tmp_path_factory.mktemp("canary"), {0: canary(production(0), 0.6, every=3)})
    leeway(path, "reference", "build", "--model", "flights")
    of_v2 = pl.concat([canary(day(number), 0.6, every=1) for number in range(REFERENCE_DAYS)])
    of_v2.write_parquet(path.parent / "data" / "reference.parquet")
    leeway(path, "reference", "build", "--model", "flights", "--no-promote")
    canary(production(1), 0.3, every=3).write_parquet(path.parent / "data" / "rows-001.parquet")
    until = DAY + timedelta(days=2)
    leeway(path, "evaluate", "--model", "flights", "--from", f"{DAY:%Y-%m-%d}", "--to", f"{until:%Y-%m-%d}")
    return path


def verdicts(config: Path, number: int) -> Mapping[tuple[str, str], dict[str, Any]]:
    """Of one day, by column and version."""
    at = DAY + timedelta(days=number)
    span = ("--since", f"{at:%Y-%m-%d}", "--until", f"{at + timedelta(days=1):%Y-%m-%d}")
    found = json.loads(leeway(config, "history", "verdicts", *span, "--format", "json"))
    return {(one["column_name"], one["version"]): one for one in found if not one["segment"]}


def test_a_version_is_judged_on_its_own_reference(config: Path) -> None:
    """Its scores are what they were when its reference was built; and the old version's are as ever."""
    found = verdicts(config, 0)
    assert found["score", "v2"]["verdict"] in ("clear", "hold")
    assert found["score", "v1"]["verdict"] in ("clear", "hold")


def test_a_version_that_strays_from_its_own_reference_is_told(config: Path) -> None:
    """And the old one, in the same window, is not."""
    found = verdicts(config, 1)
    assert found["score", "v2"]["verdict"] == "breach"
    assert found["score", "v1"]["verdict"] in ("clear", "hold")


def test_a_canary_alerts_as_itself_alone(config: Path) -> None:
    """The mean of both versions' scores has moved, and is not what the old version says."""
    for number in (0, 1):
        whole = {column: one for (column, version), one in verdicts(config, number).items() if not version}
        for column in ("score", "__predicted_class__", "__behaviour__", "__shadow__"):
            assert whole[column]["verdict"] in ("clear", "hold")


def test_a_verdict_says_on_which_reference(config: Path) -> None:
    """v2's on the second, built of v2's rows, by a z of its own; `explain` computes it again."""
    words = ("--model", "flights", "--column", "score", "--window", f"{DAY + timedelta(days=1):%Y-%m-%d}")
    told = leeway(config, "explain", *words, "--model-version", "v2")
    assert "equal to the last bit" in told
    assert "v2" in told


def test_a_backtest_takes_the_same_references(config: Path) -> None:
    """Every verdict comes out as it was."""
    told = json.loads(
        leeway(config, "--json", "backtest", "--model", "flights", "--since", f"{DAY:%Y-%m-%d}")
    )
    assert told["verdicts"] == told["verdicts_alike"] > 0


def test_check_takes_the_same_references(config: Path) -> None:
    """A file with both versions: the canary is fine on its own reference."""
    data = config.parent / "data" / "rows-000.parquet"
    told = json.loads(leeway(config, "--json", "check", "--model", "flights", "--data", str(data)))
    alerts = [
        (each["column_name"], each["version"])
        for window in told["windows"]
        for each in window["verdicts"]
        if each["severity"] != "none"
    ]
    assert told["severity"] == "none", alerts
