"""Somebody who was watched by version 0.1.0 goes on with this one: nothing is lost, nothing cries wolf."""

import json
import os
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.fast import Past, live
from tests.acceptance.upgraded import BROKEN, DAYS, JUDGED, START, restore
from tests.acceptance.world import Shop


def leeway(config: Path, *words: str, code: int = 0) -> str:
    """A command's output; it must end with `code`."""
    command = [sys.executable, "-m", "monitor", "--config", str(config), *words]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, cwd=config.parent, env=environment, check=False
    )
    assert done.returncode == code, done.stderr + done.stdout
    return done.stdout


def dated(number: int) -> str:
    return f"{START + timedelta(days=number):%Y-%m-%d}"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The database as 0.1.0 left it, upgraded; nothing judged since."""
    config = restore(tmp_path_factory.mktemp("old"))
    leeway(config, "db", "upgrade")
    return config


@pytest.fixture(scope="module")
def gone_on(old: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same after this version evaluated the days since."""
    folder = tmp_path_factory.mktemp("new") / "shop"
    shutil.copytree(old.parent, folder)
    config = folder / "leeway.toml"
    leeway(config, "evaluate", "--model", "shop", "--from", dated(JUDGED), "--to", dated(DAYS))
    return config


def explained(config: Path, verdict_id: int) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(leeway(config, "explain", str(verdict_id), "--json"))
    return found


def test_every_word_is_still_there(old: Path) -> None:
    """Windows, verdicts and the open incident of 0.1.0 are told as ever, and the database is sound."""
    past = Past(old.with_name("leeway.db"))
    assert past.states("shop") == ["done"] * JUDGED
    assert past.incidents("shop") == [("x", "data", "page")]
    assert past.verdicts("x", "shop") == ["clear"] * BROKEN + ["breach"] * (JUDGED - BROKEN)
    leeway(old, "db", "check")
    assert "x: missing" in leeway(old, "incidents", "list")
    for about in ("windows", "measurements", "verdicts", "incidents"):
        leeway(old, "history", about)
    leeway(old, "reference", "show", "--model", "shop")


def test_old_verdicts_are_recomputed(old: Path) -> None:
    """`explain` answers for a verdict of 0.1.0, and says where today's rules differ."""
    query = "SELECT id FROM verdict WHERE column_name IN ('x', 'score') ORDER BY id"
    ids = [row["id"] for row in Past(old.with_name("leeway.db")).rows(query)]
    found = [explained(old, verdict_id) for verdict_id in ids[-4:]]
    assert all(each["older"] for each in found)
    assert {each["recomputed"] for each in found} == {each["verdict"] for each in found}
    for each in found:
        equal = "recomputed from the stored numbers: equal to the last bit" in each["lines"]
        told = any("an earlier version" in line for line in each["lines"])
        assert equal is each["agrees"]
        assert told is not each["agrees"]


def test_the_old_reference_says_what_it_cannot_judge(gone_on: Path) -> None:
    """What it was not taught is reported, not alerted, and status says how to get it."""
    past = Past(gone_on.with_name("leeway.db"))
    assert past.states("shop") == ["done"] * DAYS
    assert past.incidents("shop") == [("x", "data", "page")]
    assert past.verdicts("x", "shop") == ["clear"] * BROKEN + ["breach"] * (DAYS - BROKEN)
    judged = {row["verdict"] for row in past.rows("SELECT verdict FROM v_verdicts WHERE column_name <> 'x'")}
    assert judged <= {"clear", "hold"}
    seen = past.rows("SELECT DISTINCT column_name FROM column_result WHERE column_name = '__volume__'")
    assert len(seen) == 1
    assert not past.rows("SELECT 1 FROM verdict WHERE column_name = '__volume__'")
    assert "leeway reference build --model shop" in leeway(gone_on, "status")


def test_the_daemon_goes_on(tmp_path: Path) -> None:
    """It upgrades what it finds, takes up the judge's state and judges on; nobody is paged anew."""
    config = restore(tmp_path)
    past = live(Shop(config=config, start=START), DAYS, first=JUDGED)
    assert past.states("shop") == ["done"] * DAYS
    assert past.incidents("shop") == [("x", "data", "page")]
    assert past.verdicts("x", "shop") == ["clear"] * BROKEN + ["breach"] * (DAYS - BROKEN)


def test_judged_again_as_it_was(gone_on: Path) -> None:
    """A backtest of both versions' windows finds the incident; a file is checked on the old reference."""
    told = leeway(gone_on, "backtest", "--model", "shop", "--since", dated(0), "--json")
    assert [each["column_name"] for each in json.loads(told)["incidents"]] == ["x"]
    data = gone_on.parent / "data" / "rows-00.csv"
    leeway(gone_on, "check", "--model", "shop", "--data", str(data), "--fail-on", "ticket")


def test_building_brings_the_new_checks(gone_on: Path, tmp_path: Path) -> None:
    """After a build the notice is gone, and volume and behaviour are judged in the next window."""
    folder = tmp_path / "shop"
    shutil.copytree(gone_on.parent, folder)
    config = folder / "leeway.toml"
    shutil.copy(folder / "data" / "rows-00.csv", folder / "data" / "rows-99.csv")
    text = (folder / "data" / "rows-99.csv").read_text().replace(dated(0), dated(DAYS))
    (folder / "data" / "rows-99.csv").write_text(text)
    leeway(config, "reference", "build", "--model", "shop", "--promote")
    leeway(config, "evaluate", "--model", "shop", "--from", dated(DAYS), "--to", dated(DAYS + 1))
    assert "earlier version" not in leeway(config, "status")
    new = Past(config.with_name("leeway.db")).rows(
        "SELECT DISTINCT column_name FROM v_verdicts WHERE window_start >= ?", dated(DAYS)
    )
    assert {"__volume__", "__behaviour__"} <= {row["column_name"] for row in new}
