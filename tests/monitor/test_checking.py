"""Laws of `leeway check`: what the daemon would say of a file, and nothing written."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner, Result

from alerting.verdict import Severity
from monitor import build, logs
from monitor.checking import Checked, check_file
from monitor.cli import build_app
from monitor.config_file import load
from monitor.exits import CommandError, Exit
from monitor.source import SourceError
from storage import verdicts
from storage.engine import open_store
from storage.history import Filter, windows
from tests.acceptance.fast import learn, live
from tests.acceptance.world import REFERENCE_DAYS, ROWS, Shop, build_shop, day

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
AT = datetime(2026, 4, 20, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A shop with its reference and one day that the daemon judged, a broken one."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path_factory.mktemp("checked") / "shop", days=1, broken=range(1))
    learn(made)
    live(made, 1)
    return made


def file_of(folder: Path, *numbers: int, broken: bool = False, times: bool = True) -> Path:
    """Some days after the reference in one file."""
    frame = pl.concat([day(FIRST, REFERENCE_DAYS + n, broken=broken) for n in numbers])
    path = folder / "rows.parquet"
    (frame if times else frame.drop("ts")).write_parquet(path)
    return path


def checked(shop: Shop, path: Path, rules: str = "") -> Checked:
    other = shop.folder / "checked.toml"
    other.write_text(shop.config.read_text() + rules)
    watched = build.build_models(load(other, members=build.check)).models["shop"]
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store:
        return check_file(store, watched, path, at=AT)


def leeway(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["--config", str(shop.config), "check", "-m", "shop", *arguments])


def test_it_says_what_the_daemon_said(shop: Shop, tmp_path: Path) -> None:
    """The same rows as the daemon's first window: the same verdicts of the columns, to the bit."""
    found = checked(shop, file_of(tmp_path, 0, broken=True))
    (window,) = found.windows
    with open_store(f"sqlite:///{shop.folder}/leeway.db", read_only=True) as store, store.read() as conn:
        (row,) = windows(conn, Filter(model="shop"))
        told = {each.verdict.series: each for each in verdicts.load(conn, row["window_id"])}
    assert found.severity is Severity.PAGE
    mine = {each.verdict.series: each for each in window.verdicts if each.verdict.series.column}
    assert {"amount", "country", "score"} <= {series.column for series in mine}
    for series, item in mine.items():
        assert item.verdict.kind is told[series].verdict.kind
        assert item.severity is told[series].severity
        assert item.verdict.facts.get("z") == told[series].verdict.facts.get("z")
    assert window.told[0].verdict.rank == 1


def test_a_quiet_file(shop: Shop, tmp_path: Path) -> None:
    """Days like those of the reference say nothing."""
    found = checked(shop, file_of(tmp_path, 2, 3, 4))
    assert [each.rows for each in found.windows] == [ROWS] * 3
    assert found.severity is Severity.NONE
    assert found.notices == ()


def test_small_ends_are_left_out(shop: Shop, tmp_path: Path) -> None:
    """A file that begins in the evening holds little of that day; how little is said."""
    path = file_of(tmp_path, 2, 3, 4)
    cut = FIRST + (REFERENCE_DAYS + 2) * timedelta(days=1) + timedelta(hours=20)
    frame = pl.read_parquet(path).filter(pl.col("ts") >= cut).sample(fraction=1.0, shuffle=True, seed=1)
    frame.write_parquet(path)
    found = checked(shop, path)
    assert [each.rows for each in found.windows] == [ROWS] * 2
    assert found.notices[0].startswith(f"{frame.height - 2 * ROWS} rows at the ends are left out")


def test_a_file_without_times_is_one_window(shop: Shop, tmp_path: Path) -> None:
    """It is taken for the window that holds the time given."""
    found = checked(shop, file_of(tmp_path, 2, 3, times=False))
    (window,) = found.windows
    assert window.rows == 2 * ROWS
    assert window.span.start == AT.replace(hour=0)
    assert "has no times" in found.notices[0]


def test_how_many_rows_is_no_matter(shop: Shop, tmp_path: Path) -> None:
    """A file is a sample: half a day's rows, or ten days' in one, are no change of volume."""
    path = file_of(tmp_path, *range(2, 12), times=False)
    columns = {item.verdict.series.column for each in checked(shop, path).windows for item in each.verdicts}
    assert not columns & {"__volume__", "__freshness__"}


def test_a_csv_file(shop: Shop, tmp_path: Path) -> None:
    """The suffix tells the kind; the time is read as in production."""
    path = tmp_path / "rows.csv"
    pl.read_parquet(file_of(tmp_path, 2)).write_csv(path)
    found = checked(shop, path)
    assert [each.rows for each in found.windows] == [ROWS]
    assert found.severity is Severity.NONE


def test_an_absent_column_pages(shop: Shop, tmp_path: Path) -> None:
    """At once, as in production; the other columns are judged."""
    path = file_of(tmp_path, 2)
    pl.read_parquet(path).drop("amount").write_parquet(path)
    found = checked(shop, path)
    worst = found.windows[0].told[0]
    assert (worst.verdict.series.column, worst.severity) == ("amount", Severity.PAGE)


def test_a_filter_that_the_file_cannot_pass(shop: Shop, tmp_path: Path) -> None:
    """Production's filter holds where the file has its column; else every row counts, and it is said."""
    text = shop.config.read_text()
    changed = text.replace('timestamp = "ts"', 'timestamp = "ts"\nfilter = { country = "FI" }', 1)
    other = Shop(config=shop.folder / "filtered.toml", start=shop.start)
    other.config.write_text(changed)
    path = file_of(tmp_path, 2)
    only = pl.read_parquet(path).filter(pl.col("country") == "FI").height
    assert checked(other, path).windows[0].rows == only
    pl.read_parquet(path).drop("country").write_parquet(path)
    found = checked(other, path)
    assert found.windows[0].rows == ROWS
    assert found.notices == ("source.filter: the file has no country, so every row counts",)


@pytest.mark.parametrize(
    ("broken", "limit", "code"),
    [
        (True, "page", Exit.FOUND),
        (True, "ticket", Exit.FOUND),
        (True, None, Exit.OK),
        (False, "ticket", Exit.OK),
    ],
)
def test_the_exit_code(shop: Shop, tmp_path: Path, broken: bool, limit: str | None, code: Exit) -> None:
    """1 where the limit is reached, and only where one was given."""
    path = file_of(tmp_path, 2, broken=broken)
    ran = leeway(shop, "--data", str(path), *(("--fail-on", limit) if limit else ()))
    assert ran.exit_code == code, ran.output


def test_nothing_is_written(shop: Shop, tmp_path: Path) -> None:
    """Neither a row nor a file."""
    before = {path: path.read_bytes() for path in sorted(shop.folder.rglob("*")) if path.is_file()}
    assert leeway(shop, "--data", str(file_of(tmp_path, 2, broken=True))).exit_code == 0
    after = {path: path.read_bytes() for path in sorted(shop.folder.rglob("*")) if path.is_file()}
    assert {path for path in after if not path.name.startswith("leeway.db-")} == set(before)
    assert all(after[path] == before[path] for path in before)


def test_as_records(shop: Shop, tmp_path: Path) -> None:
    """For a pipeline: every verdict of every window, the worst first."""
    path = file_of(tmp_path, 2, broken=True)
    ran = CliRunner().invoke(
        build_app(),
        ["--config", str(shop.config), "--json", "check", "-m", "shop", "--data", str(path)],
    )
    found = json.loads(ran.stdout)
    assert found["severity"] == "page"
    (window,) = found["windows"]
    assert window["verdicts"][0]["rank"] == 1
    assert window["verdicts"][0]["severity"] == "page"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (lambda frame: frame.select("ts"), SourceError, "has no column of the reference"),
        (lambda frame: frame.head(0), SourceError, "has no rows"),
    ],
    ids=["no column", "no row"],
)
def test_a_file_that_says_nothing(
    shop: Shop, tmp_path: Path, change: object, error: type[Exception], words: str
) -> None:
    """The file, and what it lacks."""
    assert callable(change)
    path = file_of(tmp_path, 2)
    change(pl.read_parquet(path)).write_parquet(path)
    with pytest.raises(error, match=words):
        checked(shop, path)


def test_no_reference_yet(tmp_path: Path) -> None:
    """The command to type first."""
    made = build_shop(tmp_path / "shop", days=0)
    with open_store(f"sqlite:///{made.folder}/leeway.db") as store:
        store.upgrade()
    with pytest.raises(CommandError, match="leeway reference build --model shop"):
        checked(made, file_of(tmp_path, 2))


def test_wrong_words(shop: Shop, tmp_path: Path) -> None:
    """A model that is not there, a severity that is none, a file that is not there."""
    path = str(file_of(tmp_path, 2))
    ran = CliRunner().invoke(
        build_app(), ["--config", str(shop.config), "check", "-m", "shp", "--data", path]
    )
    assert "there is shop" in str(ran.exception)
    assert "must be ticket or page" in str(leeway(shop, "--data", path, "--fail-on", "red").exception)
    assert "no such file" in str(leeway(shop, "--data", str(tmp_path / "none.parquet")).exception)
