"""What do the commands say of a model whose labels come late?"""

import json
import subprocess
import sys

import pytest

from tests.acceptance.fast import learn, live
from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import Shop


def leeway(shop: Shop, *arguments: str) -> str:
    command = [sys.executable, "-m", "monitor", "--config", str(shop.config), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Nine days; the model fails on the last four, of which two have their labels; one day has none."""
    made = build_labelled_shop(
        tmp_path_factory.mktemp("told") / "shop",
        days=9,
        wrong=range(3, 9),
        share=lambda number: float(number != 1),
    )
    learn(made)
    live(made, 9)
    return made


def test_status_says_how_well_the_model_does(shop: Shop) -> None:
    """The last known performance beside the reference, and what is awaited."""
    said = leeway(shop, "status")
    assert "performance: accuracy " in said
    assert "of 152 labelled rows (reference " in said
    assert "estimated before " in said
    assert "in the window of 2026-04-06" in said
    assert "labels of 2 windows awaited, since 2026-04-07" in said
    (facts,) = json.loads(leeway(shop, "status", "--json"))
    assert facts["performance"]["labelled"] == 152
    assert facts["performance"]["realised"][0] < facts["performance"]["reference"][0]


def test_history_tells_the_streams_apart(shop: Shop) -> None:
    """Windows of the labels are listed beside, or alone."""
    windows = json.loads(leeway(shop, "history", "windows", "--stream", "labels", "--json"))
    assert {row["stream"] for row in windows} == {"labels"}
    assert [row["state"] for row in windows] == ["done", "no_data"] + ["done"] * 5 + ["planned"] * 2
    both = json.loads(leeway(shop, "history", "windows", "--json"))
    assert len(both) == 2 * len(windows)
    assert "stream" in leeway(shop, "history", "windows", "--last", "1").splitlines()[0]


def test_history_has_what_is_realised_beside_what_was_estimated(shop: Shop) -> None:
    """One line a window and metric, and how far the estimate was off."""
    command = ("history", "measurements", "--json", "--column")
    realised = json.loads(leeway(shop, *command, "__performance__"))
    estimated = json.loads(leeway(shop, *command, "__estimated__"))

    def values(rows: list[dict[str, object]], metric: str) -> dict[object, float]:
        return {row["window_start"]: float(str(row["value"])) for row in rows if row["metric"] == metric}

    accuracy, before = values(realised, "accuracy"), values(estimated, "estimated_accuracy")
    off = values(realised, "estimate_error")
    assert len(accuracy) == 6
    for window, error in off.items():
        assert error == pytest.approx(accuracy[window] - before[window])
    assert off.keys() == accuracy.keys()


def test_an_incident_shows_both(shop: Shop) -> None:
    """At 03:00: what labels say, what was estimated, and what to type next."""
    listed = json.loads(leeway(shop, "history", "incidents", "--json"))
    (found,) = [row for row in listed if row["kind"] == "performance"]
    shown = leeway(shop, "incidents", "show", found["incident_id"][:12])
    assert "realised   accuracy " in shown
    assert "estimated before " in shown
    (feed,) = [row for row in listed if row["column_name"] == "__labels__"]
    assert (feed["severity"], feed["kind"]) == ("ticket", "data")
    assert "none of 160 rows has a label 4d after" in feed["title"]
    assert " · the labels" in leeway(shop, "incidents", "show", feed["incident_id"][:12])


def test_a_verdict_on_performance_is_recomputed(shop: Shop) -> None:
    """From its stored facts, like that of any column."""
    verdicts = json.loads(leeway(shop, "history", "verdicts", "--column", "__performance__", "--json"))
    assert [row["verdict"] for row in verdicts] == ["clear", "no_data", "clear"] + ["breach"] * 4
    for row in verdicts:
        said = leeway(shop, "explain", str(row["verdict_id"]))
        assert "NOT equal" not in said


def test_config_check_has_nothing_to_say_against_labels(shop: Shop) -> None:
    """They are used."""
    assert "labels" not in leeway(shop, "config", "check")
