"""Laws of a reference that moves: when, from what, and what stays behind to judge creep by."""

import math
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest

from alerting.verdict import Severity
from detectors._noise import ENOUGH_WINDOWS, NoiseModel
from monitor import build, config_model, logs
from monitor.backtest import backtest
from monitor.clock import SteppedClock
from monitor.config_file import load, parse
from monitor.config_problem import ConfigError
from monitor.creep import against, segment
from monitor.exits import CommandError
from monitor.explanation import explain_verdict
from monitor.opening import open_runtime
from monitor.referencing import build_reference
from monitor.trailing import Standing, latest_span, next_span, refresh
from monitor.windows import WindowSpec
from storage import incidents, profiles, verdicts
from storage.engine import open_store
from storage.past import folded_windows, promotions
from storage.profiles import Reference, ReferenceStatus
from storage.span import Span
from tests.acceptance.fast import Past, learn, live, reconfigure, rewrite
from tests.acceptance.world import Shop, build_shop

DAY = timedelta(days=1)
DAYS = 77
T0 = datetime(2026, 5, 1, tzinfo=UTC)
SPEC = WindowSpec.parse("1d")


def reference(*, promoted: datetime = T0, span: Span | None = None, fixed: int | None = None) -> Reference:
    return Reference(
        id=1,
        model="m",
        version=7,
        status=ReferenceStatus.ACTIVE,
        created=T0,
        promoted=promoted,
        span=span,
        rows=1,
        columns=(),
        digest="",
        lineage={} if fixed is None else {"against": fixed},
    )


def standing(active: Reference, *, first: int = 0, until: int) -> Standing:
    """Days counted from T0."""
    return Standing(active=active, first=T0 + first * DAY, until=T0 + until * DAY)


def days(first: int, last: int) -> Span:
    return Span(start=T0 + first * DAY, end=T0 + last * DAY)


@pytest.mark.parametrize(
    ("now", "span"),
    [
        (standing(reference(), until=29), None),
        (standing(reference(), until=30), days(0, 30)),
        (standing(reference(), first=5, until=34), None),
        (standing(reference(promoted=T0 + 10 * DAY), until=39), None),
        (standing(reference(promoted=T0 + 10 * DAY), until=40), days(10, 40)),
        (standing(reference(span=days(0, 30), fixed=1), until=36), None),
        (standing(reference(span=days(0, 30), fixed=1), until=37), days(7, 37)),
        (standing(reference(span=days(0, 30), fixed=1), until=90), days(60, 90)),
    ],
    ids=["young", "first", "gap", "put in force late", "since then", "too soon", "moved", "after a while"],
)
def test_when_it_moves(now: Standing, span: Span | None) -> None:
    """Thirty days at a time, every seven; first when production has lasted that long under the fixed one."""
    assert next_span(SPEC, 30 * DAY, 7 * DAY, now) == span


def test_it_begins_with_a_whole_window() -> None:
    """Clocks change: thirty times 24 hours may begin at one in the morning."""
    spec = WindowSpec.parse("1d", zone="Europe/Helsinki")
    until = datetime(2026, 4, 10, 21, tzinfo=UTC)  # midnight in Helsinki, after the change of 29 March
    span = latest_span(spec, 30 * DAY, until)
    assert span.start == datetime(2026, 3, 11, 22, tzinfo=UTC)  # midnight of the 12th
    assert span.end == until


def test_least_windows_are_the_noise_models() -> None:
    """Written twice: the config loads no scipy."""
    assert config_model.LEAST_TRAILING == ENOUGH_WINDOWS


def test_a_trailing_reference_of_few_windows_is_refused() -> None:
    """It could not know what is normal."""
    text = """
[models.m]
task = "binary"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" }, trailing = "19d" }
"""
    with pytest.raises(ConfigError, match="must hold at least 20 windows of 1d"):
        parse(text, path=Path("leeway.toml"))


def moving_shop(folder: Path, days: int, broken: range = range(0)) -> Shop:
    """A trailing reference of three weeks beside the fixed one."""
    logs.configure(quiet=True)
    shop = build_shop(folder / "shop", days=days, broken=broken)
    before = 'source = { kind = "parquet", path = "data/reference.parquet" }'
    reconfigure(shop, {before: f'{before}\ntrailing = "21d"\nrefresh = "5d"'})
    learn(shop)
    return shop


def references(shop: Shop) -> list[Reference]:
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        return profiles.list_(conn, "shop")[::-1]


@pytest.fixture(scope="module")
def crept(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Eleven weeks, from the fourth on amounts rise by 0.004 sd a day; two days are broken."""
    shop = moving_shop(tmp_path_factory.mktemp("trailing"), DAYS, broken=range(24, 26))
    for number in range(21, DAYS):
        by = math.exp(0.6 * 0.004 * (number - 21))  # 0.6: of the logarithm of an amount
        rewrite(shop, number, lambda frame, by=by: frame.with_columns(pl.col("amount") * by))  # type: ignore[misc]
    live(shop, DAYS)
    return shop


def test_it_moves_by_itself(crept: Shop) -> None:
    """By versions that know the fixed one, each of three weeks, at least five days after the one before."""
    fixed, *moved = references(crept)
    assert against(fixed) is None
    assert len(moved) >= 8
    assert {against(each) for each in moved} == {fixed.version}
    spans = [each.span for each in moved]
    for one, other in pairwise(spans):
        assert one is not None
        assert other is not None
        assert other.end - one.end >= 5 * DAY
        assert other.end - other.start == 21 * DAY
    assert moved[-1].status is ReferenceStatus.ACTIVE


def test_it_learns_from_sound_windows_alone(crept: Shop) -> None:
    """The rows of a broken day are in no reference that spans it."""
    past = Past(crept.folder / "leeway.db")
    rows = past.rows(
        "SELECT window_start, rows, max(severity != 'none') AS bad FROM v_windows JOIN v_verdicts "
        "USING (model, window_start) WHERE segment NOT LIKE 'reference=%' GROUP BY window_start"
    )
    bad = {row["window_start"] for row in rows if row["bad"]}
    assert {(crept.start + n * DAY).strftime("%Y-%m-%dT%H:%M:%S.000000Z") for n in (24, 25)} <= bad
    for each in references(crept)[1:]:
        assert each.span is not None
        inside = [
            row
            for row in rows
            if each.span.start <= datetime.fromisoformat(row["window_start"]) < each.span.end
        ]
        assert each.rows == sum(row["rows"] for row in inside if row["window_start"] not in bad)


def test_creep_is_told_against_the_fixed_one(crept: Shop) -> None:
    """A ticket, never a page, in the segment of the fixed reference, open in the end.

    What breaks at once is told by the reference in force alone.
    """
    past = Past(crept.folder / "leeway.db")
    found = past.rows("SELECT * FROM v_incidents WHERE segment = 'reference=v1' ORDER BY opened")
    last = [each for each in found if each["column_name"] == "amount"][-1]
    assert (last["severity"], last["status"]) == ("ticket", "firing")
    assert last["title"].startswith("amount against the fixed reference")
    assert all(datetime.fromisoformat(each["opened"]) > crept.start + 30 * DAY for each in found)
    others = past.rows("SELECT DISTINCT severity FROM v_verdicts WHERE segment = 'reference=v1'")
    assert {row["severity"] for row in others} == {"none", "ticket"}


def test_every_verdict_against_it_can_be_explained(crept: Shop) -> None:
    """Those held back as well: recomputed to the same word."""
    with open_store(f"sqlite:///{crept.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        said = [
            each.verdict
            for window in folded_windows(conn, "shop")
            for each in verdicts.load(conn, window.window.id)
            if each.verdict.series.segment == "reference=v1"
        ]
    assert sum(bool(each.facts.get("echo")) for each in said) >= 2
    assert all(explain_verdict(each.kind, each.facts).agrees for each in said)


def test_what_a_person_chose_meanwhile_stays(tmp_path: Path) -> None:
    """Building takes long: a reference promoted while one is built to replace the old one is not undone."""
    shop = moving_shop(tmp_path, 22)
    reconfigure(shop, {'trailing = "21d"': 'trailing = "30d"'})  # not by itself yet
    live(shop, 22)
    reconfigure(shop, {'trailing = "30d"': 'trailing = "21d"'})
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start + 23 * DAY)) as runtime:
        watched = runtime.models["shop"]

        def choose(what: str, _done: int, _of: int) -> None:
            if what == "saving":
                path = shop.folder / "data/reference.parquet"
                pl.read_parquet(path)[160:].write_parquet(path)
                build_reference(runtime, watched, promote=True)

        with pytest.raises(CommandError, match="put in force while this one was built"):
            refresh(runtime, watched, progress=choose)
    assert [(each.version, against(each), each.status.value) for each in references(shop)] == [
        (1, None, "retired"),
        (2, None, "active"),
    ]


def test_moving_on_ends_no_incident(crept: Shop) -> None:
    """What is wrong stays open; nothing is called rebaselined."""
    past = Past(crept.folder / "leeway.db")
    reasons = past.rows("SELECT DISTINCT resolved_reason AS reason FROM v_incidents")
    assert "rebaselined" not in {row["reason"] for row in reasons}
    with open_store(f"sqlite:///{crept.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        assert [each.moved for each in promotions(conn, "shop")][:2] == [False, True]


def test_a_backtest_moves_along(crept: Shop) -> None:
    """History with moved references comes out the same to the bit."""
    watched = build.build_models(load(crept.config, members=build.check)).models["shop"]
    with open_store(f"sqlite:///{crept.folder}/leeway.db", read_only=True) as store:
        found = backtest(store, watched, since=crept.start, until=crept.start + DAYS * DAY)
    assert found.otherwise == ()
    assert found.same


def test_the_noise_model_knows_the_fixed_one(crept: Shop) -> None:
    """Each window is judged against it by its own noise, whatever the trailing one thinks is normal."""
    fixed, *_, last = references(crept)
    with open_store(f"sqlite:///{crept.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        own, beside = profiles.load_noise(conn, fixed.id), profiles.load_noise(conn, last.id)
        assert own is not None
        assert beside is not None
        known = NoiseModel.from_json(beside.content).slices[segment(fixed.version)]
        assert known.components == NoiseModel.from_json(own.content).components
        assert len({each.noise_id for each in folded_windows(conn, "shop")} - {own.id}) >= 7


def test_by_hand(tmp_path: Path) -> None:
    """`reference build --trailing` moves it now, and says why it cannot."""
    shop = moving_shop(tmp_path, 23)
    live(shop, 19)
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start + 23 * DAY)) as runtime:
        watched = runtime.models["shop"]
        with pytest.raises(CommandError, match="19 are sound, 20 are needed"):
            refresh(runtime, watched)
        still = replace(
            watched, config=watched.config.model_copy(update={"reference": _fixed(watched.config)})
        )
        with pytest.raises(CommandError, match=r"reference\.trailing is not set"):
            refresh(runtime, still)
    live(shop, 21, first=20)
    with open_runtime(load(shop.config, members=build.check), SteppedClock(shop.start + 23 * DAY)) as runtime:
        outcome = refresh(runtime, runtime.models["shop"])
        assert outcome.in_force
        assert against(outcome.reference) == 1
        with pytest.raises(CommandError, match="leeway reference build --model shop --trailing"):
            build_reference(runtime, runtime.models["shop"], noise_only=True)
        again = build_reference(runtime, runtime.models["shop"], promote=True)
        assert against(again.reference) is None  # the fixed one is there to go back to
        with runtime.store.read() as conn:
            assert all(each.severity is not Severity.PAGE for each in incidents.open_incidents(conn))


def _fixed(config: config_model.ModelConfig) -> config_model.ReferenceConfig:
    return config.reference.model_copy(update={"trailing": None})
