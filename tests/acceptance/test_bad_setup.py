"""Odd references, models and channels, one a test: what is said, what is judged, and does the rest go on?"""

import shutil
import socket
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from monitor import build
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.opening import open_runtime
from monitor.reference_build import quiet
from monitor.source import SourceError
from monitor.spans import evaluate_spans
from monitor.standing import line, standing
from storage.overview import overview
from tests.acceptance.driver import ENVIRONMENT
from tests.acceptance.fast import DAY, Past, learn, live, reconfigure, rewrite
from tests.acceptance.world import Shop, build_shop
from tests.loopback import Loopback

DAYS = 4
GOOD = ["done"] * DAYS
EVENS = pl.int_range(pl.len()) % 2 == 0


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Four quiet days; no reference yet."""
    return build_shop(tmp_path / "shop", days=DAYS, broken=range(0))


def reference(shop: Shop, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """Change the rows of the reference before it is built."""
    path = shop.folder / "data/reference.parquet"
    change(pl.read_parquet(path)).write_parquet(path)


def status(shop: Shop, model: str = "shop") -> str:
    """What `leeway status` says of a model, at the end of the last day."""
    now = shop.start + DAYS * DAY
    config = load(shop.config, members=build.check)
    with open_runtime(config, SteppedClock(now)) as runtime, runtime.store.read() as conn:
        seen = {each.model: each for each in overview(conn, now)}
    return "\n".join(line(standing(model, config, seen.get(model))))


# What is odd about the reference, what the build says, and what it alerts about later.
REFERENCES: dict[str, tuple[Callable[[pl.DataFrame], pl.DataFrame], str, list[tuple[str, str, str]]]] = {
    "integers": (lambda rows: rows.with_columns(pl.col("items").cast(pl.Int64)), "", []),
    "no score": (lambda rows: rows.drop("score"), "no column score: score and confidence are not judged", []),
    "a score in text": (
        lambda rows: rows.with_columns(pl.col("score").cast(pl.String)),
        "write the score as numbers and build again",
        [],
    ),
    "no label": (lambda rows: rows.drop("label"), "no column label: harm is told from the score's pull", []),
    "a label in text": (
        lambda rows: rows.with_columns(label=pl.lit("yes")),
        "write the label as numbers (0 and 1 for a binary task)",
        [],
    ),
    "an identifier": (
        lambda rows: rows.with_columns(order=pl.int_range(pl.len()).cast(pl.String)),
        "look like an identifier; left out, name it under include to watch it",
        [],
    ),
    "a constant column": (
        lambda rows: rows.with_columns(items=pl.lit(3.0)),
        "items: is 3 in every row of the reference",
        [("items", "drift", "page")],
    ),
    "text where production has numbers": (
        lambda rows: rows.with_columns(items="n" + pl.col("items").cast(pl.String)),
        "",
        [("items", "drift", "page")],
    ),
    "a column of nothing": (
        lambda rows: rows.with_columns(items=pl.lit(None, dtype=pl.Float64)),
        "items: has no value in the whole reference",
        [("items", "drift", "ticket")],
    ),
    "a column of infinities": (
        lambda rows: rows.with_columns(items=pl.lit(np.inf)),
        "items: is infinite in the whole reference",
        [],
    ),
    "half infinities": (
        lambda rows: rows.with_columns(items=pl.when(EVENS).then(np.inf).otherwise(pl.col("items"))),
        "",
        [("items", "drift", "ticket")],
    ),
}


@pytest.mark.parametrize("name", REFERENCES)
def test_an_odd_reference_is_said_and_the_rest_is_judged(shop: Shop, name: str) -> None:
    """The build says what is odd; every window ends done; other columns are judged and are clear."""
    change, words, incidents = REFERENCES[name]
    reference(shop, change)
    outcome = learn(shop)
    assert any(words in notice for notice in outcome.notices) or not words
    past = live(shop, DAYS)
    assert past.states() == GOOD
    found = past.incidents()
    assert {column for column, _, _ in found} <= {"items"}
    assert set(incidents) <= set(found)
    assert past.verdicts("amount") == ["clear"] * DAYS


def test_an_empty_reference_is_refused(shop: Shop) -> None:
    """With what to check, and nothing is kept."""
    reference(shop, lambda rows: rows.head(0))
    with pytest.raises(SourceError, match="the reference has no rows: check its path"):
        learn(shop)
    assert Past(shop.folder / "leeway.db").rows("SELECT 1 FROM reference") == []


def test_a_reference_of_one_row_is_still_learning(shop: Shop) -> None:
    """It knows nothing of what is normal, says so, and wakes nobody by it."""
    reference(shop, lambda rows: rows.head(1))
    outcome = learn(shop)
    assert outcome.learning
    assert "column alerts are tickets" in outcome.says
    past = live(shop, DAYS)
    assert past.states()[-DAYS:] == GOOD
    assert {severity for column, _, severity in past.incidents() if column} <= {"ticket"}


def test_a_reference_without_times_writes_tickets(shop: Shop) -> None:
    """Drift is a ticket until production has taught; days before the source begins alert nobody."""
    reference(shop, lambda rows: rows.drop("ts"))
    for number in range(1, DAYS):
        rewrite(shop, number, lambda day: day.with_columns(pl.col("amount") * 3))
    outcome = learn(shop)
    assert outcome.windows == 0
    assert outcome.learning
    past = live(shop, DAYS)
    assert past.states() == ["skipped"] * (len(past.states()) - DAYS) + GOOD
    assert "amount" in {column for column, _, _ in past.incidents()}
    assert {severity for _, _, severity in past.incidents()} == {"ticket"}
    assert "of 20 windows" in status(shop)


@pytest.mark.parametrize(
    "change",
    [
        lambda day: day.drop("items"),
        lambda day: day.with_columns(items=pl.lit("many")),
        lambda day: day.with_columns(items=pl.when(EVENS).then(None).otherwise(pl.col("items"))),
    ],
    ids=["absent", "retyped", "half missing"],
)
def test_hard_rules_page_while_learning(shop: Shop, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
    """A column that is gone needs no model of noise."""
    reference(shop, lambda rows: rows.drop("ts"))
    rewrite(shop, 2, change)
    learn(shop)
    past = live(shop, DAYS)
    assert ("items", "data", "page") in past.incidents()
    assert past.states()[-DAYS:] == GOOD


def test_no_data_pages_while_learning(shop: Shop) -> None:
    """A feed that stops after it has begun is an incident, however little is known of the model."""
    reference(shop, lambda rows: rows.drop("ts"))
    rewrite(shop, 2, lambda day: day.head(0))
    learn(shop)
    past = live(shop, DAYS)
    assert past.states()[-DAYS:] == ["done", "done", "no_data", "done"]
    assert past.incidents() == [("", "data", "page")]


def test_a_model_without_a_reference_waits_and_says_so(shop: Shop) -> None:
    """Nothing is planned; status names the command."""
    past = live(shop, DAYS)
    assert past.windows() == []
    said = status(shop)
    assert "not watched yet" in said
    assert "next: leeway reference build --model shop" in said
    assert "learning" not in said


SECOND = """
[models.other]
task = "binary"

[models.other.source]
kind = "parquet"
path = "other/orders-*.parquet"
timestamp = "ts"

[models.other.columns]
exclude = ["label"]
score = "score"

[models.other.window]
ready = "clock"

[models.other.reference]
source = { kind = "parquet", path = "data/reference.parquet" }
"""


def two_models(folder: Path) -> Shop:
    """A second model beside the shop, on files of its own."""
    shop = build_shop(folder, days=DAYS, broken=range(0), extra=SECOND)
    shutil.copytree(folder / "data", folder / "other")
    for model in ("shop", "other"):
        learn(shop, model)
    return shop


@pytest.mark.parametrize(
    "damage",
    [
        lambda folder: (folder / "orders-001.parquet").write_bytes(b""),
        shutil.rmtree,
        lambda folder: [path.unlink() for path in folder.iterdir()],
    ],
    ids=["a broken file", "no folder", "no files"],
)
def test_one_broken_model_leaves_the_other_alone(tmp_path: Path, damage: Callable[[Path], object]) -> None:
    """Its windows fail or are empty; the other's are evaluated and judged as ever."""
    shop = two_models(tmp_path / "shop")
    damage(shop.folder / "other")
    past = live(shop, DAYS)
    assert past.states() == GOOD
    assert past.incidents() == []
    assert set(past.states("other")) <= {"failed", "no_data", "planned"}
    assert past.incidents("other") == [("", "data", "page")]


def test_a_model_removed_from_the_config_reminds_nobody(tmp_path: Path) -> None:
    """Its open incidents end as removed, its history stays, and nothing more is planned for it."""
    shop = two_models(tmp_path / "shop")
    rewritten = shop.folder / "other/orders-001.parquet"
    pl.read_parquet(rewritten).drop("items").write_parquet(rewritten)
    live(shop, 2)
    reconfigure(shop, {SECOND: ""})
    past = live(shop, DAYS, first=3)
    assert past.rows("SELECT status, resolved_reason FROM v_incidents") == [
        {"status": "resolved", "resolved_reason": "removed"}
    ]
    assert len(past.states("other")) == 2
    assert past.states() == GOOD
    assert "not in the config: its history stays" in status(shop, "other")


def test_windows_that_evaluate_passes_over_have_a_row(shop: Shop) -> None:
    """`leeway evaluate --from` the third day: the first two can never be folded, and say so."""
    learn(shop)
    now = shop.start + 3 * DAY
    with open_runtime(load(shop.config, members=build.check), SteppedClock(now)) as runtime:
        evaluate_spans(
            runtime,
            runtime.models["shop"],
            start=shop.start + 2 * DAY,
            end=now,
            notify=False,
            progress=quiet,
        )
    past = live(shop, DAYS, first=3)
    assert past.states() == ["skipped", "skipped", "done", "done"]
    assert "leeway evaluate --from" in past.windows()[0][1]


UNREACHABLE = """
[channels.oncall]
kind = "slack"
token_env = "LEEWAY_TEST_SLACK_TOKEN"
channel = "C0LOOPBACK"
base_url = "http://127.0.0.1:{port}/api/"
deadline_s = 5.0

[channels.file]
kind = "log"
path = "alerts.jsonl"

[[routes]]
match = {{ model = "*", severity = "page" }}
channels = ["oncall", "file"]
"""


def free_port() -> int:
    """A port of this machine where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def test_an_unreachable_channel_loses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connection refused: queued, the other channel told at once; told once when the server comes up."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    port = free_port()
    shop = build_shop(tmp_path / "shop", days=DAYS, broken=range(0), channels=UNREACHABLE.format(port=port))
    rewrite(shop, 1, lambda day: day.drop("items"))
    rewrite(shop, 2, lambda day: day.drop("items"))
    learn(shop)
    servers: list[Loopback] = []
    accepted = tmp_path / "accepted.jsonl"

    def come_up(at: datetime) -> None:
        if at > shop.start + 3 * DAY and not servers:
            waiting = Past(shop.folder / "leeway.db").rows(
                "SELECT channel, state, count(*) AS n FROM v_notifications GROUP BY 1, 2"
            )
            assert {"channel": "oncall", "state": "sent"}.items() not in [row.items() for row in waiting]
            assert any(row["channel"] == "oncall" and row["state"] == "queued" for row in waiting)
            assert any(row["channel"] == "file" and row["state"] == "sent" for row in waiting)
            servers.append(Loopback(accepted, port=port).__enter__())

    try:
        past = live(shop, DAYS, each=come_up)
        posts = [sent for sent in servers[0].accepted() if sent["path"] == "/api/chat.postMessage"]
    finally:
        for server in servers:
            server.__exit__(None, None, None)
    assert past.states() == GOOD
    assert "items" in posts[0]["json"]["text"]
    left = past.rows("SELECT state FROM v_notifications WHERE channel = 'oncall'")
    assert {row["state"] for row in left} <= {"sent", "cancelled"}
