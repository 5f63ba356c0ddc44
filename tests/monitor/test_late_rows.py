"""Laws of late rows: history becomes what it would have been, what was said stays, nobody is told twice."""

import json
from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlalchemy import select

from alerting import failpoint
from alerting.failpoint import Failpoint, FailpointError
from alerting.incident import ResolveReason
from detectors import Kind, Role
from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.evaluation import evaluate_next
from monitor.fold_input import stored_window
from monitor.learning import _sound_windows
from monitor.opening import open_runtime, own
from monitor.planning import plan
from monitor.promotion import resolve_by_hand
from monitor.rechecking import has_changed, recheck_next
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from monitor.source import Source, SourceError, Window
from storage import fold_order, history, judged, revisions
from storage import ledger as ledger_rows
from storage.due_window import Stream
from storage.history import Filter
from storage.span import Span
from storage.tables import alert_state, ledger, verdict
from tests.acceptance.labelled import build_labelled_shop
from tests.acceptance.world import REFERENCE_DAYS, Shop, build_shop, day

DAY = timedelta(days=1)
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
START = FIRST + REFERENCE_DAYS * DAY  # of production
DAYS = 10
OTHERWISE = ("data_version", "config_digest")  # of a life that saw the same rows elsewhere, or waited longer
CHANNEL = """
[channels.said]
kind = "log"
path = "said.jsonl"

[[routes]]
match = { model = "*", severity = "page" }
channels = ["said"]
"""
Change = Callable[[pl.DataFrame], pl.DataFrame]


class World:
    """The shop with broken days 4 and 5, a daemon's pass each half day, and files that change meanwhile."""

    def __init__(
        self,
        folder: Path,
        first: Mapping[int, Change] | None = None,
        window: str = "",
        url: str = "sqlite:///leeway.db",
    ) -> None:
        """`first`: how the file of a day looks until `live` writes it whole."""
        logs.configure(quiet=True)
        self.shop: Shop = build_shop(folder, days=0, channels=CHANNEL, url=url)
        text = self.shop.config.read_text()
        text = text.replace('every = "1d"', f'every = "1d"\nlateness = "60h"\n{window}')
        self.shop.config.write_text(text)
        self.first = dict(first or {})
        self.clock = SteppedClock(START)
        self.stack = ExitStack()
        self.runtime: Runtime = self.stack.enter_context(
            open_runtime(load(self.shop.config, members=build.check), self.clock)
        )
        build_reference(self.runtime, self.runtime.models["shop"])
        self.couriers = self.stack.enter_context(own(self.runtime))

    def write(self, number: int, change: Change | None = None) -> None:
        frame = day(FIRST, REFERENCE_DAYS + number, broken=number in (4, 5)).drop("label")
        path = self.shop.folder / "data" / f"orders-{number:03d}.parquet"
        (change(frame) if change else frame).write_parquet(path)

    def live(self, until: int, arrivals: Mapping[int, int] | None = None) -> "World":
        """Each day's file at its end; on the days of `arrivals`, that of the day named is written whole."""
        while self.clock.now() < START + until * DAY:
            self.clock.advance_to(self.clock.now() + DAY / 2)
            passed = self.clock.now() - START
            if passed % DAY == timedelta(0):
                number = passed // DAY - 1
                self.write(number, self.first.get(number))
                if arrivals and number in arrivals:
                    self.write(arrivals[number])
            one_pass(self.runtime, self.couriers)
        return self

    def story(self) -> dict[str, Any]:
        """All that is said now, but for the clock on the wall, also that of files, numbers of rows, and the
        digest of a config that has more patience."""
        with self.runtime.store.read() as conn:
            current = [row["window_id"] for row in history.windows(conn) if row["superseded_by"] is None]
            said = [
                {
                    k: v
                    for k, v in row.items()
                    if k not in {"verdict_id", "window_id", "known_from", "revision", *OTHERWISE}
                }
                for row in history.verdicts(conn)
                if row["window_id"] in current
            ]
            incidents = [
                {k: v for k, v in row.items() if k not in {"events", *OTHERWISE}}
                for row in history.incident_list(conn)
                if row["resolved_reason"] != ResolveReason.REVISED
            ]
            states = {
                row.fingerprint: row.state
                for row in conn.execute(select(alert_state).order_by(alert_state.c.fingerprint))
            }
        return {"verdicts": said, "incidents": incidents, "states": states}

    def revisions(self) -> list[tuple[int, int, str]]:
        """(day, revision, state) of every window that has more than one row."""
        with self.runtime.store.read() as conn:
            rows = conn.execute(select(ledger.c.start, ledger.c.revision, ledger.c.state)).all()
        several = {row.start for row in rows if row.revision}
        return sorted(
            ((row.start - START) // DAY, row.revision, str(row.state)) for row in rows if row.start in several
        )

    def incidents(self) -> list[dict[str, Any]]:
        with self.runtime.store.read() as conn:
            return history.incident_list(conn)

    def posts(self) -> list[str]:
        path = self.shop.folder / "said.jsonl"
        return path.read_text().splitlines() if path.exists() else []


def part(share: float) -> Change:
    """So many of the rows, evenly over the day."""
    return lambda frame: frame.filter(pl.int_range(pl.len()) % 100 < 100 * share)


def without(column: str) -> Change:
    return lambda frame: frame.with_columns(pl.lit(None, pl.Float64).alias(column))


@pytest.fixture(scope="module")
def on_time(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What is said where every row came in time."""
    return World(tmp_path_factory.mktemp("on-time") / "shop").live(DAYS).story()


@pytest.mark.parametrize(("before", "now", "changed"), [(100, 102, False), (100, 103, True), (0, 1, True)])
def test_a_change_is_more_than_two_percent(before: int, now: int, changed: bool) -> None:
    """In either direction; of nothing, anything is more."""
    assert has_changed(before, now) is changed
    assert has_changed(now, before) is (changed or before == 0)


def test_a_percent_more_is_no_revision(tmp_path: Path) -> None:
    """Two rows of 160 came late: the window is looked at and left as it is."""
    world = World(tmp_path / "shop", {1: lambda frame: frame.head(frame.height - 2)}).live(6, {2: 1})
    assert world.revisions() == []


def test_history_becomes_what_it_would_have_been(tmp_path: Path, on_time: dict[str, Any]) -> None:
    """Six in ten rows of a quiet day and of a broken one came two days late: in the end the verdicts, alert
    states and incidents are those of a daemon that had them in time, to the bit."""
    world = World(tmp_path / "shop", {2: part(0.4), 4: part(0.4)}).live(DAYS, {3: 2, 6: 4})
    assert world.revisions() == [(2, 0, "done"), (2, 1, "done"), (4, 0, "done"), (4, 1, "done")]
    assert world.story() == on_time


def test_postgresql_comes_to_the_same(tmp_path: Path, on_time: dict[str, Any], postgres_url: str) -> None:
    """The replay there ends where SQLite's history without late rows does."""
    world = World(tmp_path / "shop", {2: part(0.4), 4: part(0.4)}, url=postgres_url).live(DAYS, {3: 2, 6: 4})
    assert world.revisions() == [(2, 0, "done"), (2, 1, "done"), (4, 0, "done"), (4, 1, "done")]
    found = world.story()
    world.stack.close()
    assert found == on_time


def test_rows_that_vanished_are_a_revision_too(tmp_path: Path) -> None:
    """All of them: the window has no data then, and opens and resolves nothing of what was."""
    world = World(tmp_path / "shop").live(3)
    path = world.shop.folder / "data" / "orders-001.parquet"
    pl.read_parquet(path).head(0).write_parquet(path)
    world.live(6)
    assert world.revisions() == [(1, 0, "done"), (1, 1, "no_data")]


def test_what_was_no_problem_is_resolved_as_revised(tmp_path: Path, on_time: dict[str, Any]) -> None:
    """A half-loaded day without amounts paged; with the late rows it would not have. The rest is as ever."""
    world = World(tmp_path / "shop", {1: lambda frame: without("amount")(part(0.5)(frame))}).live(3)
    (opened,) = [each for each in world.incidents() if each["column_name"] == "amount"]
    assert (opened["severity"], opened["status"]) == ("page", "firing")
    told = len(world.posts())
    world.live(DAYS, {3: 1})
    revised = next(each for each in world.incidents() if each["incident_id"] == opened["incident_id"])
    assert (revised["status"], revised["resolved_reason"]) == ("resolved", "revised")
    assert told > 0
    assert world.story() == on_time


def test_an_earlier_revision_stays_queryable(tmp_path: Path) -> None:
    """What did we know on day 3? That amounts were missing on day 1. Later: that they were not."""
    world = World(tmp_path / "shop", {1: lambda frame: without("amount")(part(0.5)(frame))}).live(3)
    then = world.clock.now()
    before = _amount(world, None)
    assert before[1] == ("breach", "page")
    world.live(6, {3: 1})
    assert _amount(world, None)[1][0] == "clear"
    assert _amount(world, then) == before


def _amount(world: World, as_of: datetime | None) -> dict[int, tuple[str, str]]:
    with world.runtime.store.read() as conn:
        rows = history.verdicts(conn, Filter(column="amount", segment="", as_of=as_of))
    return {
        (datetime.fromisoformat(row["window_start"]) - START) // DAY: (row["verdict"], row["severity"])
        for row in rows
    }


def test_a_problem_that_came_with_late_rows_is_told(tmp_path: Path) -> None:
    """The rows in time were well; those that came late have no amounts: it pages, once."""
    world = World(tmp_path / "shop", {1: part(0.3)}).live(3)
    assert [each for each in world.incidents() if each["column_name"] == "amount"] == []
    world.write(1, without("amount"))
    world.live(5)
    (opened,) = [each for each in world.incidents() if each["column_name"] == "amount"]
    assert opened["severity"] == "page"
    posts = [json.loads(post) for post in world.posts()]
    assert [(post["reason"], "amount" in post["heading"]) for post in posts][:1] == [("first", True)]
    assert {post["reason"] for post in posts[1:]} <= {"repeat"}


@dataclass(frozen=True, slots=True)
class Stubborn:
    """A source that cannot give the rows of one span until `until`."""

    inner: Source
    span: Span
    clock: SteppedClock
    until: datetime

    def pull(self, span: Span | None, wanted: Mapping[str, Kind], moments: Collection[str] = ()) -> Window:
        if span == self.span and self.clock.now() < self.until:
            raise SourceError("the partition is being rewritten", transient=True)
        return self.inner.pull(span, wanted, moments)

    def count(self, *_: object) -> None:
        """Its rows are counted here, as `pull` gives them."""

    def __getattr__(self, name: str) -> object:
        return getattr(self.inner, name)


def stubborn(folder: Path, until: int) -> World:
    """Day 1 cannot be read until day `until`, and its window has the patience to wait for it."""
    world = World(folder, window='give_up = "8d"')
    watched = world.runtime.models["shop"]
    span = Span(start=START + DAY, end=START + 2 * DAY)
    source = Stubborn(watched.source, span, world.clock, START + until * DAY)
    models = {"shop": replace(watched, source=source)}
    world.runtime = replace(world.runtime, models=models)
    return world


def test_a_window_that_does_not_end_holds_up_nobody(tmp_path: Path, on_time: dict[str, Any]) -> None:
    """What follows is judged without it, an interval after it was due, and again when it has come."""
    world = stubborn(tmp_path / "shop", until=7)
    world.live(6)
    with world.runtime.store.read() as conn:
        windows = {row["window_start"][:10]: row for row in history.windows(conn)}
    assert (windows["2026-04-01"]["state"], windows["2026-04-01"]["provisional"]) == ("planned", 1)
    assert [windows[f"2026-04-0{n}"]["folded_at"] is not None for n in (2, 3, 4)] == [True] * 3
    assert {each["column_name"] for each in world.incidents()} >= {"amount", "country"}
    world.live(DAYS)
    assert world.story() == on_time


def test_a_window_waits_for_one_before_it_at_first(tmp_path: Path) -> None:
    """Until an interval has passed, order is kept and nothing is provisional."""
    world = stubborn(tmp_path / "shop", until=7)
    world.live(3)
    with world.runtime.store.read() as conn:
        windows = {row["window_start"][:10]: row for row in history.windows(conn)}
    assert [windows[f"2026-04-0{n}"]["folded_at"] for n in (1, 2)] == [None, None]


def test_a_verdict_that_is_as_it_was_is_left_alone(tmp_path: Path) -> None:
    """Columns with few rows or none of another kind: only what changed is written anew."""
    world = World(tmp_path / "shop", {1: part(0.5)}).live(6, {3: 1})
    with world.runtime.store.read() as conn:
        rows = conn.execute(select(verdict.c.known_from)).scalars().all()
    assert any(each is None for each in rows)


def test_incidents_as_of_a_time(tmp_path: Path) -> None:
    """The page on missing amounts was firing then; now it is resolved as revised; before it was not there."""
    world = World(tmp_path / "shop", {1: lambda frame: without("amount")(part(0.5)(frame))}).live(3)
    then = world.clock.now()
    world.live(6, {3: 1})
    with world.runtime.store.read() as conn:
        now, at_noon, before = (
            history.incident_list(conn, Filter(column="amount", until=START + 3 * DAY, as_of=as_of))
            for as_of in (None, then, START + DAY)
        )
    assert [each["resolved_reason"] for each in now] == ["revised"]
    assert [(each["status"], each["severity"], each["resolved"]) for each in at_noon] == [
        ("firing", "page", None)
    ]
    assert before == []


@pytest.mark.parametrize(
    ("place", "k"),
    [
        ("after_recheck_claim", 1),
        ("mid_source_read", 1),
        ("mid_source_read", 2),  # of the revision
        ("before_revise_commit", 1),
        ("before_refold_commit", 1),
    ],
)
def test_a_fault_on_the_way_changes_nothing(
    tmp_path: Path, on_time: dict[str, Any], place: str, k: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Raised at each place, once: what is left behind is taken up again, with the same end."""
    world = World(tmp_path / "shop", {2: part(0.4)}).live(4, {3: 2})
    armed = Failpoint(name=place, action="raise", pass_number=k)
    monkeypatch.setattr(failpoint, "armed", armed)
    while armed.passes < k:
        with suppress(FailpointError):
            world.live((world.clock.now() - START) // DAY + 1)
    world.live(DAYS)
    assert world.story() == on_time


def test_what_a_person_closed_is_closed_again_in_its_place(tmp_path: Path) -> None:
    """By hand, before late rows of an earlier day came: the end is that of a life without late rows."""

    def closed_by_hand(folder: Path, first: Mapping[int, Change]) -> World:
        world = World(folder, first).live(6)
        opened = next(each for each in world.incidents() if each["column_name"] == "country")
        with world.runtime.store.write() as conn:
            now, id_ = world.clock.now(), opened["incident_id"]
            resolve_by_hand(conn, world.runtime.config, id_, by="ada", reason="known", now=now)
        world.write(3)
        return world.live(9)

    late = closed_by_hand(tmp_path / "late", {3: part(0.4)})
    assert (3, 1, "done") in late.revisions()
    assert late.story() == closed_by_hand(tmp_path / "on-time", {}).story()
    (country,) = (each for each in late.incidents() if each["column_name"] == "country")
    assert country["reopens"] == 1


def test_what_is_weighed_is_what_is_judged(tmp_path: Path) -> None:
    """The revision of a half-loaded day has ended when the next day is folded, as after two deaths at wrong
    moments, or when another worker was quick: retraining is weighed as if it had not."""

    def decided(folder: Path, *, revision_first: bool) -> list[dict[str, Any]]:
        world = World(folder, {5: part(0.4)}).live(8)
        world.write(5)
        world.clock.advance_to(START + 8.5 * DAY)
        if revision_first:
            end_the_revision_first(world)
        one_pass(world.runtime, world.couriers)
        with world.runtime.store.read() as conn:
            return [
                {"at": row["at"], "outcome": row["outcome"], "gates": row["gates"]}
                for row in history.retraining_decisions(conn, "shop")
            ]

    expected = decided(tmp_path / "in-order", revision_first=False)
    (sound,) = [gate for gate in expected[-1]["gates"] if gate["name"] == "sound_windows"]
    assert sound["why"].startswith("the data of 1 of the last 5 windows was broken, the latest of 2026-04-05")
    assert decided(tmp_path / "revision-first", revision_first=True) == expected


def test_a_window_teaches_while_its_revision_waits(tmp_path: Path) -> None:
    """What is normal is learnt from as many windows as in the usual order."""
    world = World(tmp_path / "shop", {5: part(0.9)}).live(8)
    watched = world.runtime.models["shop"]
    with world.runtime.store.read() as conn:
        latest = ledger_rows.find(conn, "shop", Stream.INPUTS, Span(start=START, end=START + 8 * DAY))[
            -2
        ]  # judged
        before = [each.span for each in _sound_windows(watched, conn, latest)]
    world.write(5)
    world.clock.advance_to(START + 8.5 * DAY)
    end_the_revision_first(world)
    with world.runtime.store.read() as conn:
        assert [each.span for each in _sound_windows(watched, conn, latest)] == before
    assert START + 5 * DAY in [each.start for each in before]


def test_labels_stand_beside_what_was_judged(tmp_path: Path) -> None:
    """The score alerted on the day that its labels speak of: also while the day's revision waits."""
    logs.configure(quiet=True)
    shop = build_labelled_shop(tmp_path / "shop", days=7, broken=(3, 4), delay=DAY)
    text = shop.config.read_text().replace('every = "1d"', 'every = "1d"\nlateness = "60h"')
    shop.config.write_text(text)
    path = shop.folder / "data" / "orders-004.parquet"
    whole = pl.read_parquet(path)
    part(0.9)(whole).write_parquet(path)
    clock = SteppedClock(START)
    with open_runtime(load(shop.config, members=build.check), clock) as runtime, own(runtime) as couriers:
        build_reference(runtime, runtime.models["shop"])
        for half in range(1, 15):
            clock.advance_to(START + half * DAY / 2)
            one_pass(runtime, couriers)
        before = _score_alerted(runtime)
        whole.write_parquet(path)
        clock.advance_to(START + 7.5 * DAY)
        assert recheck_next(runtime)
        while evaluate_next(runtime):
            pass
        with runtime.store.read() as conn:
            assert fold_order.late(conn, "shop", Stream.INPUTS)
        assert (before, _score_alerted(runtime)) == (True, True)


def _score_alerted(runtime: Runtime) -> object:
    """As the labels of day 4 are told."""
    span = Span(start=START + 4 * DAY, end=START + 5 * DAY)
    with runtime.store.write() as conn:
        window = judged.of_span(conn, "shop", Stream.LABELS, span)
        assert window is not None
        found = stored_window(runtime, runtime.models["shop"], conn, window).results
    return next(each.evidence["score_alerted"] for each in found if each.role is Role.PERFORMANCE)


def end_the_revision_first(world: World) -> None:
    """What is due is evaluated, late rows of day 5 too, and nothing is folded yet."""
    runtime = world.runtime
    plan(runtime)
    while evaluate_next(runtime):
        pass
    while recheck_next(runtime):
        while evaluate_next(runtime):
            pass
    assert (5, 1, "done") in world.revisions()
    with runtime.store.read() as conn:
        (ready,) = fold_order.to_fold(conn, "shop", Stream.INPUTS, beyond=START + 6 * DAY)
    assert ready.span.start == START + 7 * DAY


def test_a_look_is_nobody_elses_while_its_read_may_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than `read_within`; then one that was lost is taken again."""
    world = World(tmp_path / "shop").live(3)
    world.clock.advance_to(START + 4 * DAY)
    monkeypatch.setattr(failpoint, "armed", Failpoint(name="after_recheck_claim", action="raise"))
    with pytest.raises(FailpointError):
        recheck_next(world.runtime)
    limit = world.runtime.models["shop"].config.window.read_within
    with world.runtime.store.read() as conn:
        assert not revisions.to_recheck(conn, world.clock.now() + limit, ["shop"])
        assert revisions.to_recheck(conn, world.clock.now() + 2 * limit, ["shop"])


def test_as_of_tells_nothing_that_was_learnt_later(tmp_path: Path) -> None:
    """An incident that a replay moved to an earlier day opened, as of then, on the day it was said to."""
    world = World(tmp_path / "shop", {3: lambda frame: frame.head(80)}).live(6)
    then = world.clock.now()
    before = {each["incident_id"]: each["opened"] for each in world.incidents()}
    world.write(3, lambda frame: frame.with_columns(pl.col("amount") * 3.0, pl.lit("NO").alias("country")))
    world.live(9)
    with world.runtime.store.read() as conn:
        told = history.incident_list(conn, Filter(as_of=then))
        windows = history.windows(conn, Filter(as_of=then))
        now = {each["incident_id"]: each["opened"] for each in history.incident_list(conn)}
    assert {each["incident_id"]: each["opened"] for each in told} == before
    assert any(now[id_] != opened for id_, opened in before.items())
    assert {each["superseded_by"] for each in windows} == {None}
