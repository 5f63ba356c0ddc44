"""Which life is disturbed? Forty windows and more, in which everything happens that could be lost or doubled.

Twenty-one days of a labelled shop, hence 21 windows of inputs and 21 of labels, and revisions. The model is
wrong on days 1 and 2 (a performance incident), customers change on days 4 to 6 (drift fires, pages, asks for
retraining), seem back on day 7 and change again on day 8 (a relapse), then all is well (resolved). Nobody
answers the first pages for eighteen hours, so the next channel is told (an escalation); later somebody
acknowledges. Six in ten rows of day 5 and of day 12 come late (revisions, a fold again from a checkpoint).
"""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl

from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import Shop, slack_and_trainer
from tests.prove.past import Past

DAYS = 21
STEPS = 2 * (DAYS + 2) + 1  # half days; the labels of the last day have come, and the late rows were found
LATE = {5: 14, 12: 28}  # day → the half day on which the rest of its rows is there
ACKNOWLEDGED = 15  # the half day
RETRAINING = """
[models.shop.retraining]
mode = "auto"
target = "trainer"
breached = 2
within = 3
min_rows = 50
"""
ESCALATION = """
escalation = [{ after = "18h", channel = "lead" }]

[channels.lead]
kind = "slack"
token_env = "LEEWAY_TEST_SLACK_TOKEN"
channel = "C1LOOPBACK"
base_url = "URL/api/"
deadline_s = 5.0
"""


def build(folder: Path, *, server: str, url: str) -> Shop:
    """On disk, before its first day."""
    shop = build_labelled_shop(
        folder,
        days=DAYS,
        wrong=range(1, 3),
        broken=(4, 5, 6, 8),
        delay=timedelta(days=1),
        channels=slack_and_trainer(server) + ESCALATION.replace("URL", server),
        extra=RETRAINING,
        url=url,
    )
    text = shop.config.read_text()
    assert 'every = "1d"' in text
    shop.config.write_text(text.replace('every = "1d"', 'every = "1d"\nlateness = "60h"'))
    deeds: dict[str, dict[str, object]] = {str(ACKNOWLEDGED): {"ack": "amount"}}
    (folder / "late").mkdir()
    for day, step in LATE.items():
        name = f"orders-{day:03d}.parquet"
        whole = folder / "late" / name
        (folder / "data" / name).rename(whole)
        rows = pl.read_parquet(whole)
        early = pl.int_range(rows.height, eager=True) % 5 < 2
        rows.filter(early).write_parquet(folder / "data" / name)
        deeds.setdefault(str(step), {})["arrive"] = [name]
    (folder / "deeds.json").write_text(json.dumps(deeds))
    return shop


def worth_disturbing(end: Past) -> None:
    """AssertionError unless there was something to lose: else no fault would prove anything."""
    windows = [row[1] for row in end["windows"] if row[5] == "done"]
    assert len(windows) >= 40, f"only {len(windows)} windows"
    assert sum(row[4] > 0 for row in end["windows"]) == len(LATE), "late rows made no revision"
    incidents = {(row[1], row[2], row[3]) for row in end["incidents"]}
    assert {("drift", "page", "resolved"), ("performance", "page", "resolved")} <= incidents
    events = {row[2] for row in end["events"]}
    assert events >= {"opened", "recovering", "relapsed", "acknowledged", "resolved"}, events
    assert end["escalations"], "nothing escalated"
    told = {(row[1], row[2]) for row in end["told"]}
    threads = {(channel, action) for channel in ("oncall", "lead") for action in ("root", "reply", "edit")}
    assert told == {*threads, ("trainer", "request")}
    assert {row[4] for row in end["told"]} <= {"sent", "over"}
