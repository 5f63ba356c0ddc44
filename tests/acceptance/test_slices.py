"""Slices, versions, a challenger and the service's health, through files and commands."""

import json
import sqlite3
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.acceptance.service import FIRST, REFERENCE_DAYS, build_service, leeway, production

THRESHOLDS = """
[[models.flights.policy.thresholds]]
metric = "latency_p99"
ticket = 200.0
[[models.flights.policy.thresholds]]
metric = "freshness_seconds"
page = 7200.0
"""


def history(config: Path, about: str, *words: str) -> Sequence[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(leeway(config, "history", about, *words, "--format", "json"))
    return found


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Quiet days 0 and 1; on day 2 JFK loses a fifth of its delays; day 3 has a canary in half of its rows;
    on day 4 a third of the rows come, slowly, and none late; on day 5 one request in seven fails."""
    canary, thin, failing = production(3), production(4, rows=300), production(5)
    half = pl.Series([("v2" if i % 2 else "v1") for i in range(canary.height)])
    canary = canary.with_columns(
        half.alias("model_version"),
        pl.when(half == "v2").then(pl.col("score") * 0.6).otherwise(pl.col("score")).alias("score"),
    )
    thin = thin.filter(pl.col("ts").dt.hour() < 20).with_columns(pl.col("latency_ms") * 10.0)
    failing = failing.with_columns(
        pl.lit(1.0).alias("brand_new"),
        pl.Series("error", ["timeout" if i % 7 == 0 else "" for i in range(failing.height)]),
    )
    before = {0: production(0), 1: production(1)}
    path = build_service(tmp_path_factory.mktemp("service"), before, policy=THRESHOLDS)
    assert "fine" in leeway(path, "config", "check")
    leeway(path, "reference", "build", "--model", "flights")
    after = {2: production(2, jfk_missing=0.2), 3: canary, 4: thin, 5: failing}
    for number, frame in after.items():
        frame.write_parquet(path.parent / "data" / f"rows-{number:03d}.parquet")
    start = FIRST + timedelta(days=REFERENCE_DAYS)
    until = start + timedelta(days=6)
    leeway(path, "evaluate", "--model", "flights", "--from", f"{start:%Y-%m-%d}", "--to", f"{until:%Y-%m-%d}")
    return path


def verdicts(config: Path, number: int) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Of one production day, by column, segment and version."""
    at = FIRST + timedelta(days=REFERENCE_DAYS + number)
    found = history(
        config, "verdicts", "--since", f"{at:%Y-%m-%d}", "--until", f"{at + timedelta(days=1):%Y-%m-%d}"
    )
    return {(one["column_name"], one["segment"], one["version"]): one for one in found}


def test_a_quiet_day_is_quiet_in_every_slice(config: Path) -> None:
    """And has a verdict for each: columns of the whole, of three airports, and the service."""
    found = verdicts(config, 0)
    assert {one["verdict"] for one in found.values()} <= {"clear", "hold"}
    assert {segment for _, segment, _ in found} == {"", "origin=JFK", "origin=LGA", "origin=EWR"}
    named = {column for column, segment, _ in found if not segment}
    assert {"__volume__", "__shadow__", "__joint__", "__behaviour__", "latency_ms", "error"} <= named
    assert {version for _, _, version in found} == {""}


def test_a_fault_of_one_slice_is_named(config: Path) -> None:
    """The slice breaches, the others do not; the whole says where it is."""
    found = verdicts(config, 2)
    assert found["delay", "origin=JFK", ""]["verdict"] == "breach"
    assert found["delay", "origin=JFK", ""]["change"] == "missing"
    assert found["delay", "origin=LGA", ""]["verdict"] == "clear"
    assert found["delay", "origin=EWR", ""]["verdict"] == "clear"
    assert found["delay", "", ""]["verdict"] == "breach"


def test_versions_are_told_apart(config: Path) -> None:
    """The canary's scores breach, the old version's do not; and it is one event that it appeared."""
    found = verdicts(config, 3)
    assert found["score", "", "v2"]["verdict"] == "breach"
    assert found["score", "", "v1"]["verdict"] == "clear"
    with sqlite3.connect(config.parent / "leeway.db") as connection:
        told = connection.execute(
            "SELECT kind, facts FROM daemon_event WHERE kind LIKE '%appeared'"
        ).fetchall()
    assert sorted((kind, *json.loads(facts).values()) for kind, facts in told) == [
        ("schema.column_appeared", "brand_new"),
        ("version.appeared", "v2"),
    ]


def test_a_challenger_is_compared_on_the_same_rows(config: Path) -> None:
    """Agreement and distance are reported; when half of the own scores change, the two drift apart."""
    reported = history(config, "measurements", "--column", "__shadow__", "--metric", "score_distance")
    assert reported[0]["value"] < 0.03 < reported[3]["value"]
    assert verdicts(config, 3)["__shadow__", "", ""]["verdict"] == "breach"


def test_the_service_has_limits(config: Path) -> None:
    """A third of the rows (one such day is a ticket), slow ones, none after eight: each its own verdict."""
    found = verdicts(config, 4)
    assert found["__volume__", "", ""]["verdict"] == "breach"
    assert found["__volume__", "", ""]["severity"] == "ticket"
    assert found["latency_ms", "", ""]["verdict"] == "breach"
    assert found["__freshness__", "", ""]["verdict"] == "breach"
    metrics = history(config, "measurements", "--column", "latency_ms", "--metric", "latency_p99")
    assert metrics[4]["value"] > 200.0 > metrics[0]["value"]


def test_errors_are_a_share_of_rows(config: Path) -> None:
    """One in seven where one in a hundred is usual."""
    found = verdicts(config, 5)
    assert found["error", "", ""]["verdict"] == "breach"
    reported = history(config, "measurements", "--column", "error", "--metric", "error_share")
    assert reported[5]["value"] == pytest.approx(1 / 7, abs=0.01)
    assert "__volume__" in {column for column, _, _ in found}


def test_a_table_shows_slices_and_versions(config: Path) -> None:
    """Where there are any."""
    table = leeway(config, "history", "verdicts", "--segment", "origin=JFK", "--last", "2")
    assert "segment" in table.splitlines()[0]
    assert "origin=JFK" in table
