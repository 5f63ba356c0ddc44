"""Laws of judging history again: the same rules say the same, other rules change what they are about."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from alerting.incident import Incident, ResolveReason, Status
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity
from monitor import build, logs
from monitor.backtest import Backtest, backtest
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.daemon import one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from monitor.retold import matched
from monitor.runtime import Runtime
from storage import incidents, past
from storage.engine import open_store
from tests.acceptance.fast import learn, live, rewrite
from tests.acceptance.world import ROWS, Shop, build_shop

DAY = timedelta(days=1)
FIRST, FAR = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Twelve days lived through: four broken, one without a row, two references, one model away for a day."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path_factory.mktemp("past") / "shop", days=14, broken=range(4, 8))
    rewrite(made, 9, lambda frame: frame.head(0))
    rewrite(made, 11, lambda frame: frame.head(3))
    clock = SteppedClock(made.start)
    with open_runtime(load(made.config, members=build.check), clock) as runtime:
        build_reference(runtime, runtime.models["shop"])
        for number in range(1, 14):
            clock.advance_to(made.start + number * DAY + DAY / 2)
            if number == 7:  # while incidents are open: they end as rebaselined
                changed(made, clock, 'features = ["*"]', 'features = ["*"]\nexclude = ["items"]', promoted)
            if number == 9:  # they opened again, and end as removed
                changed(made, clock, "[models.shop", "[models.gone", owned)
            with own(runtime) as couriers:
                one_pass(runtime, couriers)
    return made


def changed(shop: Shop, clock: SteppedClock, before: str, after: str, do: Callable[[Runtime], None]) -> None:
    """Another process, with another config."""
    config = shop.config.read_text()
    assert before in config
    shop.config.write_text(config.replace(before, after))
    with open_runtime(load(shop.config, members=build.check), clock) as runtime:
        do(runtime)
    shop.config.write_text(config)


def promoted(runtime: Runtime) -> None:
    assert build_reference(runtime, runtime.models["shop"], promote=True).resolved


def owned(runtime: Runtime) -> None:
    with own(runtime):
        pass


def run(shop: Shop, rules: str = "", *, since: datetime = FIRST, until: datetime = FAR) -> Backtest:
    """`rules`: more lines of config."""
    other = shop.folder / "other.toml"
    other.write_text(shop.config.read_text() + rules)
    watched = build.build_models(load(other, members=build.check)).models["shop"]
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store:
        return backtest(store, watched, since=since, until=until)


def test_a_clock_that_was_set_back_changes_no_order(shop: Shop, tmp_path: Path) -> None:
    """Windows are judged again in their own order, also where a later one was folded at an earlier time."""
    copy = Shop(config=tmp_path / "leeway.toml", start=shop.start)
    copy.config.write_text(shop.config.read_text().replace("data/", f"{shop.folder}/data/"))
    with (
        closing(sqlite3.connect(shop.folder / "leeway.db")) as old,
        closing(sqlite3.connect(tmp_path / "leeway.db")) as new,
    ):
        old.backup(new)
        last = "(SELECT max(id) FROM ledger)"
        new.execute(f"UPDATE ledger SET folded_at = folded_at - 86400000001 WHERE id = {last}")
        new.commit()
    found = run(copy)
    assert found.alike == found.verdicts > 50


def test_the_same_rules_say_the_same_to_the_bit(shop: Shop) -> None:
    """Verdicts with all their facts, severities, incidents with their ids: through silence and promotion."""
    found = run(shop)
    assert (found.windows, found.left_out) == (13, 0)
    assert found.verdicts > 50
    assert found.otherwise == ()
    assert found.alike == found.verdicts
    assert found.before == found.after
    assert found.before.pages >= 2
    reasons = {each.one.resolved_reason for each in found.incidents}
    assert reasons >= {ResolveReason.REBASELINED, ResolveReason.REMOVED, ResolveReason.RECOVERED}
    assert [each.before for each in found.incidents] == [each.after for each in found.incidents]


def test_a_model_that_left_learning_is_learning_again(tmp_path: Path) -> None:
    """Each window is judged with what was known of normal then, not with what is known now."""
    made = build_shop(tmp_path / "shop", days=24, broken=range(20, 24))
    reference = made.folder / "data/reference.parquet"
    pl.read_parquet(reference).head(6 * ROWS).write_parquet(reference)
    learn(made)
    live(made, 24)
    found = run(made)
    with open_store(f"sqlite:///{made.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        used = {each.noise_id for each in past.folded_windows(conn, "shop")}
    assert len(used) == 2
    assert found.same


def test_what_lies_before_is_remembered_and_not_counted(shop: Shop) -> None:
    """A span in the middle of an incident begins with the incident open."""
    since, until = shop.start + 5 * DAY, shop.start + 8 * DAY
    found = run(shop, since=since, until=until)
    assert found.windows == 3
    assert 0 < found.verdicts < run(shop).verdicts
    assert found.alike == found.verdicts
    assert all(since <= each.one.opened < until for each in found.incidents)


def test_rules_that_nothing_can_break(shop: Shop) -> None:
    """Floors above anything: no drift is told, a broken feed still is."""
    floors = "sd = 9.0\nshare = 1.0\nmissing = 1.0\nunseen = 1.0\nout_of_range = 1.0\nstuck = 1.0\n"
    found = run(shop, f"[[models.shop.policy.floors]]\n{floors}")
    assert found.before.pages > found.after.pages
    told = {each.after.series.column for each in found.incidents if each.after is not None}
    assert not told & {"amount", "country", "score"}
    assert "" in told
    assert any(said.before.startswith("breach") and said.after == "clear" for said in found.otherwise)


def test_a_plain_limit_pages_everywhere(shop: Shop) -> None:
    """A threshold on a stored metric needs no row of data."""
    limit = '[[models.shop.policy.thresholds]]\nmetric = "psi"\ncolumn = "amount"\npage = 0.000001\n'
    found = run(shop, limit)
    assert found.after.windows_with_page > found.before.windows_with_page
    assert {said.column for said in found.otherwise if said.after == "breach, page"} >= {"amount"}


def test_how_many_rows_are_enough_is_a_rule(shop: Shop) -> None:
    """Three rows were too few; they are judged where the rules say so, and the feed is well."""
    shop_of_two = shop.config.read_text().replace('every = "1d"', 'every = "1d"\nmin_rows = 2')
    other = shop.folder / "few.toml"
    other.write_text(shop_of_two)
    found = run(Shop(config=other, start=shop.start))
    day = shop.start + 11 * DAY
    there = [said for said in found.otherwise if said.start == day]
    assert {"amount", "country"} <= {said.column for said in there}
    assert all(said.before.startswith("low_volume") for said in there)
    assert not any(said.after.startswith("low_volume") for said in there)


def test_time_is_not_cut_anew(shop: Shop) -> None:
    """Windows of another length than the rules say are left out."""
    other = shop.folder / "weeks.toml"
    other.write_text(shop.config.read_text().replace('every = "1d"', 'every = "1w"'))
    found = run(Shop(config=other, start=shop.start))
    assert (found.windows, found.verdicts, found.incidents) == (0, 0, ())
    assert found.left_out > 0


def test_a_false_page_that_the_rules_would_not_have_sent(shop: Shop) -> None:
    """What a person marked is counted on both sides."""
    with open_store(f"sqlite:///{shop.folder}/leeway.db") as store, store.write() as conn:
        page = next(each.before for each in run(shop).incidents if each.before and is_page(each.before))
        incidents.mark_false_page(conn, page.id, by="ada", now=FIRST)
    same = run(shop)
    assert (same.before.false_pages, same.after.false_pages) == (1, 1)
    floors = "sd = 9.0\nshare = 1.0\nmissing = 1.0\nunseen = 1.0\nout_of_range = 1.0\nstuck = 1.0\n"
    other = run(shop, f"[[models.shop.policy.floors]]\n{floors}")
    assert (other.before.false_pages, other.after.false_pages) == (1, 0)


def is_page(each: Incident) -> bool:
    return each.severity is Severity.PAGE and each.kind is not IncidentKind.DATA


def incident(name: str, first: int, last: int | None, column: str = "x") -> Incident:
    """Open from day `first` to day `last`."""
    return Incident(
        id=name,
        series=Series(model="m", column=column),
        kind=IncidentKind.DRIFT,
        severity=Severity.PAGE,
        status=Status.FIRING,
        opened=FIRST + first * DAY,
        since=FIRST + first * DAY,
        window_start=FIRST,
        window_end=FIRST + DAY,
        resolved=None if last is None else FIRST + last * DAY,
    )


@pytest.mark.parametrize(
    ("before", "after", "pairs"),
    [
        ([incident("a", 0, 3)], [incident("a", 0, 9)], [("a", "a")]),
        ([incident("a", 0, 3)], [incident("b", 2, 9)], [("a", "b")]),
        ([incident("a", 0, 3)], [incident("b", 3, 9)], [("a", ""), ("", "b")]),
        ([incident("a", 0, 3)], [incident("b", 1, 2, "y")], [("a", ""), ("", "b")]),
        ([incident("a", 0, 1), incident("b", 2, None)], [incident("c", 0, None)], [("a", "c"), ("b", "")]),
    ],
    ids=["same id", "later", "after it", "another column", "once for two"],
)
def test_which_incident_is_which(
    before: list[Incident], after: list[Incident], pairs: list[tuple[str, str]]
) -> None:
    """By id, else the same series open at the same time; each at most once."""
    met = [
        (each.before.id if each.before else "", each.after.id if each.after else "")
        for each in matched(before, after)
    ]
    assert met == pairs
