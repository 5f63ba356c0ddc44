"""What only a database can do to a reader: refuse, change, lock, hang; and what it must never show."""

import json
import math
import sqlite3
import subprocess
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg
import pytest
from sqlalchemy.exc import OperationalError

from detectors._column import CategoryColumn, Kind, NumericColumn
from monitor.source import ColumnKind, Source, SourceError, Trouble
from monitor.sources._sql_errors import failure
from monitor.sources.sql import SqlSource
from storage.span import Span
from tests.monitor.shelves import PostgresTables, SqliteTables, Table, source
from tests.postgres import Server

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
ROWS = pl.DataFrame({"ts": [T0 + timedelta(hours=h) for h in range(24)], "x": [float(h) for h in range(24)]})
X = {"x": Kind.NUMERIC}
SECRET = "geheim-7"


@pytest.fixture(scope="module")
def database(postgres: Server) -> Iterator[str]:
    name = postgres.database()
    yield name
    postgres.drop(name)


@pytest.fixture
def url(postgres: Server, database: str) -> str:
    return postgres.url(database)


@pytest.fixture
def table(url: str) -> Table:
    return PostgresTables(url).write("orders", ROWS)


def values(read: Source, wanted: dict[str, Kind], span: Span | None = DAY) -> dict[str, list[Any]]:
    """Every wanted column as Python's own values."""
    found: dict[str, list[Any]] = {name: [] for name in wanted}
    for batch in read.pull(span, wanted).batches:
        for name, column in batch.columns.items():
            if isinstance(column, NumericColumn):
                found[name] += column.values.tolist()
            elif isinstance(column, CategoryColumn):
                found[name] += [None if code < 0 else column.labels[code] for code in column.codes]
    return found


def sql(url: str, **options: Any) -> SqlSource:
    return SqlSource(**{"url": url, "table": "t", "timestamp": "ts", **options})


def made(postgres: Server, database: str, columns: str, *rows: str) -> SqlSource:
    """A table `t` in a schema of its own."""
    schema = f"s{abs(hash((columns, rows)))}"
    postgres.sql(f"CREATE SCHEMA {schema}", f"CREATE TABLE {schema}.t ({columns})", database=database)
    postgres.sql(*(f"INSERT INTO {schema}.t VALUES ({row})" for row in rows), database=database)
    return sql(postgres.url(database), in_schema=schema)


def test_types_of_postgresql_become_numbers_and_labels(postgres: Server, database: str) -> None:
    """Decimals, booleans, days, times, spans of time, identifiers; what has no value is missing."""
    read = made(
        postgres,
        database,
        "ts timestamptz, d numeric(9,2), b boolean, day date, t time, i interval, u uuid, s smallint, "
        "a inet, j jsonb",
        "'2024-03-10 00:00Z', 1.50, true, '1970-01-03', '00:01', '1 minute', "
        "'00000000-0000-0000-0000-000000000001', 7, '10.0.0.1', '{}'",
        "'2024-03-10 01:00Z', 'NaN', NULL, 'infinity', '24:00', '-1 second', NULL, NULL, NULL, NULL",
        "'2024-03-10 02:00Z', -3, false, '0044-03-15 BC', NULL, NULL, NULL, NULL, NULL, NULL",
    )
    numbers = values(read, dict.fromkeys(("d", "b", "day", "t", "i", "s"), Kind.NUMERIC))
    nan = math.nan
    expected = {
        "d": [1.5, nan, -3.0],
        "b": [1.0, nan, 0.0],
        "day": [2.0, nan, nan],
        "t": [60.0, 0.0, nan],
        "i": [60.0, -1.0, nan],
        "s": [7.0, nan, nan],
    }
    for name, column in expected.items():
        assert np.allclose(numbers[name], column, rtol=1e-15, equal_nan=True), name
    labels = values(read, dict.fromkeys(("d", "b", "u", "s", "a"), Kind.CATEGORY))
    assert labels["d"] == ["1.50", None, "-3.00"]
    assert labels["b"] == ["true", None, "false"]
    assert labels["u"][0] == "00000000-0000-0000-0000-000000000001"
    assert (labels["s"][0], labels["a"][0]) == ("7", "10.0.0.1")
    assert read.schema()["j"] is ColumnKind.OTHER
    (problem,) = read.pull(DAY, {"j": Kind.CATEGORY}).problems
    assert (problem.trouble, "JSONB" in problem.reason) == (Trouble.RETYPED, True)


def test_rows_without_a_time_of_ours_are_in_no_window(postgres: Server, database: str) -> None:
    """NULL, infinity, and years before 1: passed over, and never the newest."""
    odd = ("NULL", "'infinity'", "'-infinity'", "'0044-03-15 BC'", "'2024-03-10 05:00Z'")
    read = made(postgres, database, "ts timestamptz, x int", *(f"{ts}, 1" for ts in odd))
    assert read.watermark() == T0 + timedelta(hours=5)
    assert read.fingerprint(DAY).rows == 1
    assert values(read, X, None)["x"] == [1.0]


def test_local_times_are_cut_as_in_files(tmp_path: Path, url: str) -> None:
    """The day that loses an hour has 23 of them; times in the gap, which are none, are read alike."""
    every = [datetime(2024, 3, 9) + timedelta(minutes=30 * n) for n in range(144)]  # noqa: DTZ001 wall clock
    frame = pl.DataFrame({"ts": every, "x": [float(n) for n in range(len(every))]})
    frame.write_parquet(tmp_path / "a.parquet")
    place = PostgresTables(url).write("local", frame)
    with pytest.raises(SourceError, match="set timestamp_zone") as caught:
        source("postgresql", place).watermark()
    assert not caught.value.transient
    span = Span(start=datetime(2024, 3, 10, 5, tzinfo=UTC), end=datetime(2024, 3, 11, 4, tzinfo=UTC))
    file, local = (
        source(kind, where, timestamp_zone="America/New_York")
        for kind, where in (("parquet", tmp_path / "a.parquet"), ("postgresql", place))
    )
    assert values(local, X, span) == values(file, X, span)
    assert local.fingerprint(span) == file.fingerprint(span)
    assert local.watermark() == file.watermark() == datetime(2024, 3, 12, 3, 30, tzinfo=UTC)


def test_the_newest_local_time_is_not_always_the_largest(tmp_path: Path, url: str) -> None:
    """02:30 that night is read with the offset before it, and lies behind 03:10."""
    gap = [datetime(2024, 3, 10, 2, 30), datetime(2024, 3, 10, 3, 10)]  # noqa: DTZ001 wall clock
    frame = pl.DataFrame({"ts": gap, "x": [1.0, 2.0]})
    frame.write_parquet(tmp_path / "a.parquet")
    places = (("parquet", tmp_path / "a.parquet"), ("postgresql", PostgresTables(url).write("gap", frame)))
    file, local = (source(kind, at, timestamp_zone="America/New_York") for kind, at in places)
    assert local.watermark() == file.watermark() == datetime(2024, 3, 10, 7, 30, tzinfo=UTC)


def test_days_may_be_times(postgres: Server, database: str) -> None:
    """Local midnight of the zone."""
    read = made(postgres, database, "ts date, x int", "'2024-03-09', 1", "'2024-03-10', 2", "'infinity', 3")
    local = sql(read.url, in_schema=read.in_schema, timestamp_zone="UTC")
    assert values(local, X)["x"] == [2.0]
    assert local.watermark() == T0


@pytest.mark.parametrize("view", ["VIEW", "MATERIALIZED VIEW"])
def test_a_view_is_a_table(postgres: Server, database: str, view: str) -> None:
    """Also the way to leave out what cannot be read."""
    read = made(postgres, database, f"ts timestamptz, x int, {view.lower()[0]} int", "'2024-03-10 00:00Z', 1")
    seen = f"{read.in_schema}.v"
    postgres.sql(f"CREATE {view} {seen} AS SELECT * FROM {read.in_schema}.t", database=database)
    assert values(sql(read.url, table="v", in_schema=read.in_schema), X)["x"] == [1.0]


def test_the_parts_of_a_table_are_one(postgres: Server, database: str) -> None:
    """A partition that is attached late is late rows."""
    parted = "CREATE TABLE parted (ts timestamptz, x int) PARTITION BY RANGE (ts)"
    one = "CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2024-03-10') TO ('2024-03-10 12:00')"
    two = "CREATE TABLE parted_2 (ts timestamptz, x int)"
    rows = (
        "INSERT INTO parted_1 VALUES ('2024-03-10 01:00Z', 1)",
        "INSERT INTO parted_2 VALUES ('2024-03-10 13:00Z', 2)",
    )
    postgres.sql("SET timezone = 'UTC'", parted, one, two, *rows, database=database)
    read = sql(postgres.url(database), table="parted")
    assert values(read, X)["x"] == [1.0]
    limits = "FOR VALUES FROM ('2024-03-10 12:00') TO ('2024-03-11')"
    postgres.sql(
        "SET timezone = 'UTC'", f"ALTER TABLE parted ATTACH PARTITION parted_2 {limits}", database=database
    )
    assert read.fingerprint(DAY).rows == 2
    assert sorted(values(read, X)["x"]) == [1.0, 2.0]


@pytest.mark.filterwarnings("ignore:Did not recognize type")  # pytest forgets what the module says
def test_a_type_that_nobody_knows_is_only_that_columns_problem(postgres: Server, database: str) -> None:
    """An extension's, say."""
    read = made(postgres, database, "ts timestamptz, x int, p point", "'2024-03-10 00:00Z', 1, '(1,2)'")
    window = read.pull(DAY, {**X, "p": Kind.CATEGORY})
    assert [(each.column, each.trouble) for each in window.problems] == [("p", Trouble.RETYPED)]
    assert sum(batch.rows for batch in window.batches) == 1


def test_only_wanted_columns_are_asked_for(postgres: Server, database: str) -> None:
    """A role that may see no other still reads its windows."""
    read = made(postgres, database, "ts timestamptz, x int, salary int", "'2024-03-10 00:00Z', 1, 9")
    postgres.sql(
        "CREATE ROLE narrow LOGIN",
        f"GRANT USAGE ON SCHEMA {read.in_schema} TO narrow",
        f"GRANT SELECT (ts, x) ON {read.in_schema}.t TO narrow",
        database=database,
    )
    narrow = sql(postgres.url(database, "narrow"), in_schema=read.in_schema)
    assert values(narrow, X)["x"] == [1.0]
    with pytest.raises(SourceError, match=r"permission denied for table t; GRANT SELECT") as caught:
        values(narrow, {"salary": Kind.NUMERIC})
    assert not caught.value.transient


@pytest.mark.parametrize(
    ("change", "transient", "words"),
    [
        ({"table": "order"}, True, r"table order: no such table; did you mean 'orders"),
        ({"in_schema": "nowhere"}, True, r"nowhere\.orders.*correct `table` or `schema`"),
        ({"timestamp": "tss"}, False, r"`timestamp` names; did you mean 'ts'"),
        ({"filter": {"xx": 1}}, False, r"`filter` names; did you mean 'x'"),
        ({"filter": {"x": "one"}}, False, r"is DOUBLE PRECISION, and `filter` compares it with 'one'"),
    ],
)
def test_what_a_person_has_to_correct(
    table: Table, change: dict[str, Any], transient: bool, words: str
) -> None:
    """The key that is wrong, and the nearest word. A table that is not there may be being loaded."""
    with pytest.raises(SourceError, match=words) as caught:
        sql(table.url, **{"table": table.name, **change}).watermark()
    assert caught.value.transient is transient


def test_a_server_that_refuses(postgres: Server, database: str) -> None:
    """Nobody there passes; a name or a password that is wrong does not."""
    for bad, transient, words in (
        (f"postgresql://u:{SECRET}@127.0.0.1:1/d", True, "is the server running"),
        (postgres.url("nowhere"), False, "correct the database's name in `url`"),
        (postgres.url(database, "nobody-we-know"), False, "check user and password"),
    ):
        with pytest.raises(SourceError, match=words) as caught:
            sql(bad).watermark()
        assert caught.value.transient is transient
        assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_wrong_password_needs_a_person(postgres: Server, database: str) -> None:
    """And is told to nobody."""
    hba = postgres.folder / "data" / "pg_hba.conf"
    kept = hba.read_text()
    postgres.sql("CREATE ROLE locked LOGIN PASSWORD 'right'")
    try:
        hba.write_text(f"local all locked scram-sha-256\n{kept}")
        postgres.sql("SELECT pg_reload_conf()")
        wrong = postgres.url(database).replace("postgres@", f"locked:{SECRET}@")
        with pytest.raises(
            SourceError, match=r"password authentication failed.*check user and password"
        ) as caught:
            sql(wrong).watermark()
        assert not caught.value.transient
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        with pytest.raises(SourceError, match="check user and password") as caught:
            sql(wrong.replace(f":{SECRET}", "")).watermark()
        assert not caught.value.transient
    finally:
        hba.write_text(kept)
        postgres.sql("SELECT pg_reload_conf()", "DROP ROLE locked")


@pytest.mark.parametrize(
    "bad",
    [
        SECRET,
        f"postgresql://u:{SECRET}@host:port/d",
        f"nothing://u:{SECRET}@host/d",
        f"mysql://u:{SECRET}@host/d",
        "sqlite://",
        "sqlite:///:memory:",
    ],
)
def test_what_is_no_url_is_refused_and_never_repeated(bad: str) -> None:
    """Whoever pastes a password into the wrong place does not find it in a log."""
    with pytest.raises(ValueError, match=r"^url: ") as caught:
        sql(bad)
    assert SECRET not in "".join(traceback.format_exception(caught.value))


def test_a_source_never_shows_its_url() -> None:
    """Nor do the things it is made of."""
    read = sql(f"postgresql://u:{SECRET}@host/d?sslmode=require")
    shown = f"{read!r} {read!s} {read._place.database!r} {read._place.database.place}"
    assert SECRET not in shown
    assert "postgresql://u@host/d" in shown


def test_a_driver_that_says_the_password_is_not_repeated() -> None:
    """Whatever words another database finds for it."""
    said = OperationalError("SELECT 1", {}, Exception(f"cannot connect as u:{SECRET}"))
    found = failure(said, "mysql://u@host/d", "mysql", SECRET)
    assert (found.transient, SECRET in found.reason) == (True, False)
    assert "cannot connect as u:…" in found.reason


def sessions(postgres: Server, database: str) -> int:
    query = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'leeway source' "
        f"AND datname = '{database}'"
    )
    ((found,),) = postgres.sql(query)
    assert isinstance(found, int)
    return found


def gone(postgres: Server, database: str) -> bool:
    """Whether all our sessions end; the server needs a moment for each."""
    end = threading.Event()
    for _ in range(200):
        if sessions(postgres, database) == 0:
            return True
        end.wait(0.02)
    return False


def test_a_reader_that_is_given_up_leaves_no_session(postgres: Server, database: str) -> None:
    """In the middle of a window too: a session that sleeps in a transaction keeps old rows alive for ever."""
    many = ROWS.select(pl.col("ts").repeat_by(6_000).explode(), pl.lit(1.0).alias("x"))
    read = source("postgresql", PostgresTables(postgres.url(database)).write("many", many))
    window = read.pull(DAY, X)
    assert gone(postgres, database)
    batches = window.batches
    next(batches)
    assert sessions(postgres, database) == 1
    del window, batches
    assert gone(postgres, database)


def test_a_window_is_one_moment_of_the_table(postgres: Server, database: str) -> None:
    """Rows that come and go while it is read are not half in it; and the reader cannot write."""
    many = ROWS.select(pl.col("ts").repeat_by(6_000).explode(), pl.lit(1.0).alias("x"))
    place = PostgresTables(postgres.url(database)).write("many", many)
    read = source("postgresql", place)
    assert isinstance(read, SqlSource)
    batches = iter(read.pull(DAY, X).batches)
    rows = next(batches).rows
    postgres.sql(f'UPDATE "{place.name}" SET x = 2', f'DELETE FROM "{place.name}"', database=database)
    rest = list(batches)
    assert rows + sum(batch.rows for batch in rest) == many.height
    column = rest[-1].columns["x"]
    assert isinstance(column, NumericColumn)
    assert set(column.values) == {1.0}
    with pytest.raises(SourceError, match="read-only transaction"), read._place.database.read() as conn:
        conn.exec_driver_sql("CREATE TABLE made_by_a_reader (x int)")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("ALTER TABLE {} ALTER x TYPE text", "columns changed"),
        ("ALTER TABLE {} DROP x", "columns changed"),
        ("DROP TABLE {}", "no such table"),
    ],
)
def test_a_table_that_changes_before_it_is_read_is_transient(
    postgres: Server, database: str, table: Table, change: str, words: str
) -> None:
    """The next look sees it as it is then."""
    window = source("postgresql", table).pull(DAY, X)
    postgres.sql(change.format(f'"{table.name}"'), database=database)
    with pytest.raises(SourceError, match=words) as caught:
        list(window.batches)
    assert caught.value.transient


def test_a_table_that_is_locked_hangs_nobody(postgres: Server, database: str, table: Table) -> None:
    """`statement_timeout` ends it at the server: transient, with what to look at."""
    read = sql(table.url, table=table.name, statement_timeout=timedelta(milliseconds=200))
    with psycopg.connect(table.url) as other:
        other.execute(f'LOCK TABLE "{table.name}" IN ACCESS EXCLUSIVE MODE'.encode())
        with pytest.raises(SourceError, match="longer than statement_timeout") as caught:
            read.watermark()
    assert caught.value.transient
    assert read.watermark() is not None


def test_a_session_that_the_server_ends_is_transient(postgres: Server, database: str) -> None:
    """As when it is started again."""
    many = ROWS.select(pl.col("ts").repeat_by(6_000).explode(), pl.lit(1.0).alias("x"))
    read = source("postgresql", PostgresTables(postgres.url(database)).write("many", many))
    batches = iter(read.pull(DAY, X).batches)
    next(batches)
    postgres.sql(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'leeway source'"
    )
    with pytest.raises(SourceError) as caught:
        list(batches)
    assert caught.value.transient


@pytest.fixture(params=["wal", "delete"])
def journal(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_a_writer_of_sqlite_need_not_wait(tmp_path: Path, journal: str) -> None:
    """In the middle of a window somebody writes, at once, and the window has the rows from before."""
    shelf = SqliteTables(tmp_path / "rows.db", journal)
    many = ROWS.select(pl.col("ts").repeat_by(6_000).explode(), pl.lit(1.0).alias("x"))
    place = shelf.write("many", many)
    batches = iter(source("sqlite", place).pull(DAY, X).batches)
    rows = next(batches).rows
    with closing(sqlite3.connect(shelf.path, timeout=0)) as other, other:
        other.execute(f'INSERT INTO "{place.name}" VALUES (?, 2.0)', (T0.isoformat(),))
    assert rows + sum(batch.rows for batch in batches) == many.height
    assert source("sqlite", place).fingerprint(DAY).rows == many.height + 1


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE t (id INTEGER PRIMARY KEY, ts TEXT, x REAL) WITHOUT ROWID",
        "CREATE TABLE t (rowid TEXT, ts TEXT, x REAL)",
        "CREATE TABLE under (id, ts, x); CREATE VIEW t AS SELECT * FROM under",
    ],
)
def test_tables_of_sqlite_without_row_ids_are_read_in_one_go(tmp_path: Path, table: str) -> None:
    """Whatever the journal is."""
    path = tmp_path / "rows.db"
    with closing(sqlite3.connect(path)) as file, file:
        file.executescript(table)
        into = "under" if "VIEW" in table else "t"
        rows = [(n, (T0 + timedelta(hours=n)).isoformat(), float(n)) for n in range(30)]
        file.executemany(f"INSERT INTO {into} VALUES (?, ?, ?)", rows)
    assert values(sql(f"sqlite:///{path}"), X)["x"] == [float(n) for n in range(24)]


def test_sqlite_is_never_written_to(tmp_path: Path, journal: str) -> None:
    """Neither rows nor a file that was not there."""
    shelf = SqliteTables(tmp_path / "rows.db", journal)
    read = source("sqlite", shelf.write("a", ROWS))
    assert isinstance(read, SqlSource)
    with pytest.raises(SourceError, match="readonly"), read._place.database.read() as conn:
        conn.exec_driver_sql("CREATE TABLE made_by_a_reader (x int)")
    with pytest.raises(SourceError, match="no such file") as caught:
        sql(f"sqlite:///{tmp_path}/other.db").watermark()
    assert caught.value.transient
    assert not (tmp_path / "other.db").exists()


def test_a_file_that_is_no_database_is_transient(tmp_path: Path) -> None:
    """It may be half copied."""
    (tmp_path / "a.db").write_bytes(b"half a file" * 1000)
    with pytest.raises(SourceError, match=r"not a database; .*rename") as caught:
        sql(f"sqlite:///{tmp_path}/a.db").watermark()
    assert caught.value.transient


def test_a_slow_statement_of_sqlite_is_ended(tmp_path: Path) -> None:
    """As the server of another database would."""
    shelf = SqliteTables(tmp_path / "rows.db")
    shelf.write("a", ROWS)
    with closing(sqlite3.connect(shelf.path)) as file, file:
        file.execute(
            "CREATE VIEW t AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 30000000) "
            "SELECT '2024-03-10' AS ts, i AS x FROM n WHERE i < 0"
        )
    slow = sql(f"sqlite:///{shelf.path}", statement_timeout=timedelta(milliseconds=100), timestamp_zone="UTC")
    with pytest.raises(SourceError, match="longer than statement_timeout") as caught:
        slow.watermark()
    assert caught.value.transient


def loose(path: Path, columns: str, rows: list[tuple[Any, ...]]) -> SqlSource:
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(f"CREATE TABLE t ({columns})")
        file.executemany(f"INSERT INTO t VALUES ({', '.join('?' * len(rows[0]))})", rows)
    return sql(f"sqlite:///{path}")


def test_a_few_cells_of_another_type_are_missing(tmp_path: Path) -> None:
    """SQLite keeps what it is given; most of them are another type."""
    stamp = T0.isoformat()
    few = loose(tmp_path / "few.db", "ts TEXT, x REAL", [(stamp, 1.0), (stamp, 2.0), (stamp, "oops")])
    assert not few.pull(DAY, X).problems
    assert np.array_equal(values(few, X)["x"], [1.0, 2.0, math.nan], equal_nan=True)
    most = loose(tmp_path / "most.db", "ts TEXT, x REAL", [(stamp, 1.0), (stamp, "no"), (stamp, "oops")])
    (problem,) = most.pull(DAY, X).problems
    assert (problem.trouble, "text in 2 of 3 values" in problem.reason) == (Trouble.RETYPED, True)


def test_values_of_sqlite_say_their_own_type(tmp_path: Path) -> None:
    """Whole floats are whole numbers; booleans, days and times are known by what is declared."""
    stamp = T0.isoformat()
    read = loose(
        tmp_path / "a.db",
        "ts TEXT, v, b BOOLEAN, d DATE, at DATETIME, raw",
        [
            (stamp, 1, 1, "1970-01-03", "1970-01-01 00:01:00", b"x"),
            (stamp, 2.0, 0, "nonsense", None, b"y"),
            (stamp, "two", None, None, "1970-01-01T00:00:02", None),
        ],
    )
    found = values(read, {"v": Kind.CATEGORY, "b": Kind.CATEGORY, "d": Kind.NUMERIC, "at": Kind.NUMERIC})
    assert found["v"] == ["1", "2", "two"]
    assert found["b"] == ["true", "false", None]
    assert np.array_equal(found["d"], [2.0, math.nan, math.nan], equal_nan=True)
    assert np.array_equal(found["at"], [60.0, math.nan, 2.0], equal_nan=True)
    (problem,) = read.pull(DAY, {"raw": Kind.CATEGORY}).problems
    assert problem.trouble is Trouble.RETYPED


SPELLINGS: list[Callable[[datetime], Any]] = [
    lambda at: at.isoformat(),
    lambda at: at.isoformat(sep=" "),
    lambda at: f" {at.isoformat()}",
    lambda at: at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
    lambda at: (at - timedelta(hours=11)).strftime("%Y-%m-%dT%H:%M:%S-11:00"),
    lambda at: (at + timedelta(hours=14)).strftime("%Y-%m-%dT%H:%M:%S+14:00"),
    lambda at: "not a time",
    lambda at: "9999-99-99",
    lambda at: None,
]


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_times_as_text_are_cut_as_in_files(place: str, tmp_path: Path, url: str) -> None:
    """Whatever their offset or spelling: the database's coarse cut leaves out no row of the span."""
    random = np.random.default_rng(3)
    hours = random.integers(-100, 200, 600)
    texts = [SPELLINGS[n % len(SPELLINGS)](T0 + timedelta(hours=int(h))) for n, h in enumerate(hours)]
    frame = pl.DataFrame({"ts": texts, "x": [float(h) for h in hours]})
    frame.write_parquet(tmp_path / "a.parquet")
    file = source("parquet", tmp_path / "a.parquet")
    shelf = SqliteTables(tmp_path / "rows.db") if place == "sqlite" else PostgresTables(url)
    read = source(place, shelf.write("a", frame))
    assert read.fingerprint(DAY) == file.fingerprint(DAY)
    assert read.watermark() == file.watermark()
    assert sorted(values(read, X)["x"]) == sorted(values(file, X)["x"])


def test_rows_are_many_and_memory_is_not(table: Table) -> None:
    """Fewer rows a batch where columns are many."""
    wide = pl.DataFrame({"ts": [T0] * 5_000, **{f"c{n}": [1.0] * 5_000 for n in range(200)}})
    read = source("postgresql", PostgresTables(table.url).write("wide", wide))
    sizes = [batch.rows for batch in read.pull(DAY, {f"c{n}": Kind.NUMERIC for n in range(200)}).batches]
    assert (sum(sizes), max(sizes) <= 2_500) == (5_000, True)


READ_ALL = """
import json, sys, time
from datetime import datetime, timedelta, UTC
from detectors._column import Kind
from monitor.sources.sql import SqlSource
from storage.span import Span

wanted = {f"c{n}": Kind.NUMERIC for n in range(16)} | {f"s{n}": Kind.CATEGORY for n in range(3)}
read = SqlSource(url=sys.argv[1], table="wide", timestamp="ts")
begin, at = datetime.fromisoformat(sys.argv[2]), (time.perf_counter(), time.process_time())
window = read.pull(Span(start=begin, end=begin + timedelta(days=1)), wanted)
rows = sum(batch.rows for batch in window.batches)
peak = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM"))
took = time.perf_counter() - at[0], time.process_time() - at[1]
print(json.dumps([rows, int(peak) // 1024, *took]))
"""


FEW = 100_000  # batches are full from here on


@pytest.mark.parametrize("many", [300_000, pytest.param(1_000_000, marks=pytest.mark.large)])
def test_memory_does_not_grow_with_rows(postgres: Server, many: int) -> None:
    """20 columns: within 300 MiB, libraries included, and no more for many times the rows of a window."""
    name = postgres.database()
    numbers = ", ".join(f"random() AS c{n}" for n in range(16))
    texts = ", ".join(f"'label ' || (i + {n}) % 50 AS s{n}" for n in range(3))
    # A small window on the first day, a large one on the second.
    postgres.sql(
        f"CREATE TABLE wide AS SELECT timestamptz '2024-03-10 00:00Z' + CASE WHEN i <= {FEW} "
        f"THEN interval '1 hour' ELSE interval '1 day' END AS ts, {numbers}, {texts} "
        f"FROM generate_series(1, {many + FEW}) AS i",
        database=name,
    )
    peaks = []
    for begin, rows in ((T0, FEW), (T0 + timedelta(days=1), many)):
        done = subprocess.run(
            [sys.executable, "-c", READ_ALL, postgres.url(name), begin.isoformat()],
            capture_output=True,
            text=True,
            check=True,
            timeout=280,
        )
        read, peak, wall_s, cpu_s = json.loads(done.stdout)
        assert read == rows
        peaks.append(peak)
        print(f"{rows:,} rows: peak {peak} MiB, {wall_s:.1f} s, {cpu_s:.1f} s of this process")
    postgres.drop(name)
    assert max(peaks) <= 300
    assert peaks[1] - peaks[0] < 20
