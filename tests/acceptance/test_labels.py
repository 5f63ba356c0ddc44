"""Labels that come days later, in part, early, twice or never: what is said of the model's performance?"""

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from monitor import build
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.spans import evaluate_spans
from tests.acceptance.fast import DAY, Past, learn, live, reconfigure
from tests.acceptance.labelled import SOURCE, build_labelled_shop

EVALUATED = "SELECT window_id, state, rows, finished_at, folded_at FROM v_windows WHERE stream = 'inputs'"
LABELS = "SELECT * FROM v_windows WHERE stream = 'labels' ORDER BY window_start"
PERFORMANCE = (
    "SELECT window_start, verdict, severity, value, z, title, incident_id FROM v_verdicts "
    "WHERE column_name = ? ORDER BY window_start"
)
METRICS = (
    "SELECT window_start, metric, value, n FROM v_measurements WHERE column_name = '__performance__' "
    "ORDER BY window_start, metric"
)
HISTORY = {
    "windows": "SELECT window_start, stream, state, reason, rows FROM v_windows ORDER BY 1, 2",
    "verdicts": (
        "SELECT window_start, column_name, verdict, severity, rules, value, z, p, change, title, incident_id "
        "FROM v_verdicts ORDER BY 1, 2"
    ),
    "metrics": METRICS,
    "incidents": (
        "SELECT incident_id, kind, severity, status, opened, since, resolved, resolved_reason "
        "FROM v_incidents ORDER BY 1"
    ),
}


def history(past: Past, until: str = "9999") -> Mapping[str, list[dict[str, Any]]]:
    """All that is known of windows that start before `until`."""
    found = {name: past.rows(query) for name, query in HISTORY.items()}
    return {
        name: [row for row in rows if row.get("window_start", "") < until] for name, rows in found.items()
    }


def states(past: Past) -> list[str]:
    return [row["state"] for row in past.rows(LABELS)]


def said(past: Past, column: str = "__performance__") -> list[str]:
    return [row["verdict"] for row in past.rows(PERFORMANCE, column)]


def test_labels_that_are_days_late_are_waited_for(tmp_path: Path) -> None:
    """A window's performance is said when 95 % of its labels are there, of those labels alone."""
    shop = build_labelled_shop(tmp_path / "shop", days=6)
    learn(shop)
    past = live(shop, 6)
    assert states(past) == ["done"] * 4 + ["planned"] * 2
    assert [row["rows"] for row in past.rows(LABELS)[:4]] == [152] * 4  # of 160, the first 95 %
    assert said(past) == ["clear"] * 4
    waiting = past.rows(LABELS)[4]
    assert waiting["reason"] == "85 of 160 rows have a label, 152 are waited for till 2026-04-09 00:00 UTC"
    assert past.incidents() == []
    accuracy = [row for row in past.rows(METRICS) if row["metric"] == "accuracy"]
    assert all(0.5 < row["value"] < 0.9 and row["n"] == 152 for row in accuracy)


def test_labels_that_begin_late_hold_up_nothing(tmp_path: Path) -> None:
    """The first windows cannot be judged at all; those after them are, as if they were the first."""
    shop = build_labelled_shop(
        tmp_path / "shop", days=6, delay=timedelta(days=1), share=lambda day: float(day > 1)
    )
    learn(shop)
    past = live(shop, 6)
    assert states(past) == ["no_data"] * 2 + ["done"] * 3 + ["planned"]
    assert said(past) == ["no_data"] * 2 + ["clear"] * 3


def test_rows_that_begin_late_hold_up_nothing(tmp_path: Path) -> None:
    """The same where the model's first windows have no row, the second until late rows are looked for."""
    shop = build_labelled_shop(tmp_path / "shop", days=6)
    learn(shop)
    data, later = shop.folder / "data", shop.folder / "later"
    data.rename(later)
    data.mkdir()

    def arrive(at: datetime) -> None:
        if at > shop.start + 3 * DAY:
            for path in later.glob("orders-*"):
                path.rename(data / path.name)

    past = live(shop, 6, each=arrive)
    assert past.verdicts("amount") == ["no_data"] + ["clear"] * 5


def test_limits_on_a_second_score_are_those_of_its_inputs(tmp_path: Path) -> None:
    """Labels tell how well it would have done, and give its series no second verdict of the same window."""
    limits = """
[models.shop.policy]
thresholds = [
  { column = "__shadow__", metric = "shadow_brier", ticket = 0.9 },
  { column = "__shadow__", metric = "score_distance", ticket = 0.9 },
]
"""
    shop = build_labelled_shop(tmp_path / "shop", days=4, delay=timedelta(days=1), extra=limits)
    reconfigure(shop, {'score = "score"': 'score = "score"\nshadow = "challenger"'})
    for path in (shop.folder / "data").glob("[or]*.parquet"):
        frame = pl.read_parquet(path)
        frame.with_columns(challenger=pl.col("score") * 0.99).write_parquet(path)
    learn(shop)
    past = live(shop, 4)
    assert states(past) == ["done"] * 3 + ["planned"]
    assert past.verdicts("__shadow__") == ["clear"] * 4
    measured = "SELECT DISTINCT n FROM v_measurements WHERE column_name = '__shadow__' AND metric = ?"
    assert past.rows(measured, "shadow_brier") == [{"n": 152}]


def test_a_model_that_fails_is_found_when_its_labels_come(tmp_path: Path) -> None:
    """Nothing of the inputs moved: one incident of kind performance, a page, since the first wrong day."""
    shop = build_labelled_shop(tmp_path / "shop", days=9, wrong=range(4, 9))
    learn(shop)
    past = live(shop, 8)
    assert past.incidents() == [("__performance__", "performance", "page")]
    (incident,) = past.rows("SELECT since, title FROM v_incidents")
    assert incident["since"].startswith("2026-04-04")
    assert said(past)[:4] == ["clear"] * 4
    assert said(past)[4] == "breach"


@pytest.mark.parametrize("every", [DAY / 4, DAY, 3 * DAY], ids=["often", "daily", "seldom"])
@pytest.mark.parametrize("place", ["source", "rows"])
def test_who_looks_when_changes_nothing(tmp_path: Path, place: Any, every: timedelta) -> None:
    """Looked at four times a day or every third day, after the same time the history is the same."""
    found = []
    for name, step in (("one", DAY / 2), ("other", every)):
        shop = build_labelled_shop(tmp_path / name, days=9, wrong=range(3, 6), place=place)
        learn(shop)
        live(shop, 8, every=step)
        past = live(shop, 9, first=9)
        found.append(history(past, until="2026-04-06"))
    assert found[0] == found[1]
    assert any(row["kind"] == "performance" for row in found[0]["incidents"])


def test_labels_in_the_rows_say_what_labels_by_key_say(tmp_path: Path) -> None:
    """The same labels, whether joined from their own source or read beside the scores."""
    found = []
    for place in ("source", "rows"):
        shop = build_labelled_shop(tmp_path / place, days=6, place=place, wrong=range(2, 4))
        learn(shop)
        found.append(history(live(shop, 6)))
    assert found[0]["metrics"] == found[1]["metrics"] != []
    assert found[0]["incidents"] == found[1]["incidents"]


def test_labels_that_never_come_are_a_ticket_and_no_verdict_on_the_model(tmp_path: Path) -> None:
    """After max_delay the window ends without data; performance neither fires nor is called fine."""
    shop = build_labelled_shop(tmp_path / "shop", days=9, share=lambda number: float(number < 3))
    learn(shop)
    past = live(shop, 9)
    assert states(past) == ["done"] * 3 + ["no_data"] * 2 + ["planned"] * 4
    assert past.rows(LABELS)[3]["reason"] == (
        "none of 160 rows has a label 4d after the window's end: 480 labels were read, none for a key of "
        "these rows (labels have order = 0, rows order = 30000): check that these are written too, and "
        "keys alike"
    )
    assert said(past) == ["clear"] * 3 + ["no_data"] * 2
    assert said(past, "__labels__") == ["no_data"] * 2
    assert past.incidents() == [("__labels__", "data", "ticket")]


def test_a_dead_label_feed_does_not_resolve_a_failing_model(tmp_path: Path) -> None:
    """Nobody knows that it is well again; when labels come back and are good, both incidents end."""
    shop = build_labelled_shop(
        tmp_path / "shop", days=14, wrong=range(1, 4), share=lambda number: float(not 4 <= number < 7)
    )
    learn(shop)
    dead = live(shop, 11)
    assert states(dead)[:9] == ["done"] * 4 + ["no_data"] * 3 + ["done"] * 2
    query = "SELECT column_name, status FROM v_incidents ORDER BY 1"
    assert dead.rows(query)[1] == {"column_name": "__performance__", "status": "recovering"}
    well = live(shop, 14, first=12)
    assert [row["status"] for row in well.rows(query)] == ["resolved", "resolved"]


def test_labels_in_part_may_alert_and_cannot_clear(tmp_path: Path) -> None:
    """Six in ten came: a failing model is a ticket; one that looks well is not known to be."""
    shop = build_labelled_shop(
        tmp_path / "shop", days=9, wrong=range(2, 4), share=lambda number: 1.0 if number == 0 else 0.6
    )
    learn(shop)
    past = live(shop, 9)
    assert said(past) == ["clear", "hold", "breach", "breach", "hold"]
    assert {row["severity"] for row in past.rows(PERFORMANCE, "__performance__")} <= {"none", "ticket"}
    assert past.incidents() == [
        ("__labels__", "data", "ticket"),
        ("__performance__", "performance", "ticket"),
    ]
    assert past.rows(LABELS)[1]["reason"].startswith("labels incomplete: ")


def test_labels_that_are_there_before_the_window_is_due_are_judged_with_it(tmp_path: Path) -> None:
    """Both streams end at the first look, the inputs first."""
    shop = build_labelled_shop(tmp_path / "shop", days=3, delay=timedelta(0), wrong=(2,))
    learn(shop)
    past = live(shop, 3)
    assert states(past) == ["done"] * 3
    assert said(past) == ["clear", "clear", "breach"]


def test_a_corrected_label_counts_if_it_came_in_time(tmp_path: Path) -> None:
    """The last word at the cutoff; what was corrected later stays as it was judged."""
    plain, corrected, late = (
        build_labelled_shop(tmp_path / name, days=1, delay=DAY) for name in ("plain", "corrected", "late")
    )
    for shop, after in ((corrected, timedelta(0)), (late, DAY)):
        path = shop.folder / "data/labels-000.parquet"
        first = pl.read_parquet(path)
        again = first.with_columns((1.0 - pl.col("label")).alias("label"), pl.col("known") + after)
        pl.concat([first, again]).write_parquet(path)
    accuracies = []
    for shop in (plain, corrected, late):
        learn(shop)
        past = live(shop, 5)
        accuracies += [row["value"] for row in past.rows(METRICS) if row["metric"] == "accuracy"]
    assert accuracies[1] == pytest.approx(1.0 - accuracies[0])
    assert accuracies[2] == accuracies[0]


def test_labels_that_do_not_say_since_when_count_when_they_are_seen(tmp_path: Path) -> None:
    """A file that is written when labels are known: judged at the first look that finds enough."""
    shop = build_labelled_shop(tmp_path / "shop", days=4)
    reconfigure(shop, {'available_at = "known"\n': ""})
    files = sorted((shop.folder / "data").glob("labels-*.parquet"))
    for file in files:
        file.rename(file.with_suffix(".later"))

    def arrive(at: datetime) -> None:
        for number, file in enumerate(files):
            if at >= shop.start + (number + 3) * DAY and not file.exists():
                pl.read_parquet(file.with_suffix(".later")).drop("known").write_parquet(file)

    learn(shop)
    past = live(shop, 4, each=arrive)
    assert states(past) == ["done", "done", "planned", "planned"]
    assert [row["rows"] for row in past.rows(LABELS)[:2]] == [160, 160]
    assert said(past) == ["clear", "clear"]


def test_a_label_file_that_cannot_be_used_is_said_at_once(tmp_path: Path) -> None:
    """Another key than the config's: no window waits for four days, and the model's own feed is well."""
    shop = build_labelled_shop(tmp_path / "shop", days=2)
    for file in (shop.folder / "data").glob("labels-*.parquet"):
        pl.read_parquet(file).rename({"order": "order_no"}).write_parquet(file)
    learn(shop)
    past = live(shop, 2)
    assert states(past) == ["failed"] * 2
    assert "order" in past.rows(LABELS)[0]["reason"]
    assert past.incidents() == [("__labels__", "data", "ticket")]


def test_a_day_without_orders_says_nothing_about_labels(tmp_path: Path) -> None:
    """No rows, no labels to wait for: the silent feed is told once, by the inputs."""
    shop = build_labelled_shop(tmp_path / "shop", days=4)
    (shop.folder / "data/orders-001.parquet").unlink()
    learn(shop)
    past = live(shop, 7)
    assert states(past)[:4] == ["done", "skipped", "done", "done"]
    assert past.rows(LABELS)[1]["reason"] == "no rows in this window"
    assert {column for column, _, _ in past.incidents()} == {""}


def test_labels_that_are_configured_later_begin_with_the_windows_at_hand(tmp_path: Path) -> None:
    """The stream is planned for windows that were evaluated without it; nothing is evaluated twice."""
    shop = build_labelled_shop(tmp_path / "shop", days=6, wrong=range(2, 6))
    text = shop.config.read_text()
    shop.config.write_text(text.replace(SOURCE, ""))
    learn(shop)
    before = live(shop, 5)
    assert before.rows(LABELS) == []
    judged = before.rows(EVALUATED)
    shop.config.write_text(text)
    past = live(shop, 8, first=6)
    assert states(past)[:5] == ["done"] * 5
    assert past.rows(EVALUATED)[: len(judged)] == judged
    assert ("__performance__", "performance", "page") in past.incidents()


def test_after_weeks_of_downtime_labels_are_caught_up(tmp_path: Path) -> None:
    """All at once after the fact: what a daemon that never slept says."""
    awake, asleep = (
        build_labelled_shop(tmp_path / name, days=10, wrong=(3, 4)) for name in ("awake", "asleep")
    )
    for shop in (awake, asleep):
        learn(shop)
    live(awake, 13)
    live(asleep, 13, first=13)
    assert history(Past(awake.folder / "leeway.db"), "2026-04-09") == history(
        Past(asleep.folder / "leeway.db"), "2026-04-09"
    )


def test_evaluate_judges_labels_too(tmp_path: Path) -> None:
    """`leeway evaluate` on days gone by gives what the daemon gave, and says which labels are to come."""
    daemon, person = (
        build_labelled_shop(tmp_path / name, days=9, wrong=(3, 4)) for name in ("daemon", "person")
    )
    for shop in (daemon, person):
        learn(shop)
    lived = live(daemon, 9)
    end = person.start + 9 * DAY
    config = load(person.config, members=build.check)
    with open_runtime(config, SteppedClock(end + DAY / 2)) as run:
        found = evaluate_spans(
            run,
            run.models["shop"],
            start=person.start,
            end=end,
            notify=False,
            progress=lambda *_: None,
        )
    assert [len(found.folded), len(found.left), len(found.awaited)] == [9 + 7, 0, 2]
    assert history(lived) == history(Past(person.folder / "leeway.db"))


def test_what_is_realised_stands_beside_what_was_foretold(tmp_path: Path) -> None:
    """The facts of a performance verdict: labels, the worst harm foretold, whether the score alerted."""
    shop = build_labelled_shop(tmp_path / "shop", days=6, broken=(3,), wrong=(3,))
    learn(shop)
    past = live(shop, 6)
    query = (
        "SELECT json_extract(facts, '$.performance') AS told FROM verdict "
        "JOIN ledger ON ledger.id = ledger_id WHERE column_name = '__performance__' ORDER BY start"
    )
    quiet, broken = (json.loads(past.rows(query)[number]["told"]) for number in (0, 3))
    assert quiet["score_alerted"] is False
    assert broken["score_alerted"] is True
    assert broken["metric"] == "accuracy"
    assert broken["realised"][0] < broken["reference"][0]
    assert broken["labelled"] == 152
    assert broken["predicted_harm"]["column"] in ("amount", "country", "items")
