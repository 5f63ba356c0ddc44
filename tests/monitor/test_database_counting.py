"""What only a database can do to who lets it count: types, times, names, rights, limits."""

import logging
import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import psycopg
import pytest
import sqlalchemy as sa

from detectors import (
    CategoryColumn,
    Column,
    Kind,
    NumericColumn,
    Profile,
    WindowSummary,
    build_profile,
)
from detectors._count import NO_EXTRAS, Extras
from detectors._slices import fit_slices
from monitor.counting import count_span, read_window, wanted
from monitor.source import SourceError
from monitor.sources.sql import SqlSource
from storage.span import Span
from tests.monitor.shelves import PostgresTables, SqliteTables
from tests.postgres import Server

T0 = datetime(2024, 3, 10, tzinfo=UTC)
DAY = Span(start=T0, end=T0 + timedelta(days=1))
_NUMBERS = count()  # of schemas


@pytest.fixture(scope="module")
def database(postgres: Server) -> Iterator[str]:
    name = postgres.database()
    yield name
    postgres.drop(name)


def profile_of(**kinds: Kind) -> Profile:
    """Numbers from −2 to 2; the labels a, b and 1."""
    numbers = NumericColumn(values=np.linspace(-2.0, 2.0, 60))
    labels = CategoryColumn(codes=np.arange(60, dtype=np.int32) % 3, labels=("1", "a", "b"))
    columns: dict[str, Column] = {
        name: numbers if kind is Kind.NUMERIC else labels for name, kind in kinds.items()
    }
    return build_profile(columns, roles={}, knots=64)


def equal(source: SqlSource, profile: Profile, span: Span | None = DAY) -> int:
    """Counted by the database as from its rows; how many they are."""
    there = source.count(profile, span, NO_EXTRAS)
    assert there is not None, source._said
    assert there == read_window(profile, source.pull(span, wanted(profile)))
    return there.summary.rows


def made(postgres: Server, database: str, columns: str, *rows: str, **options: Any) -> SqlSource:
    """A table of PostgreSQL in a schema of its own."""
    schema = f"c{next(_NUMBERS)}"
    values = ", ".join(f"({row})" for row in rows)
    postgres.sql(
        f"CREATE SCHEMA {schema}",
        f"CREATE TABLE {schema}.t ({columns})",
        f"INSERT INTO {schema}.t VALUES {values}",
        database=database,
    )
    given = {"table": "t", "in_schema": schema, "timestamp": "ts", "counted_by": "database", **options}
    return SqlSource(url=postgres.url(database), **given)


def test_types_of_postgresql_are_counted_as_they_are_read(postgres: Server, database: str) -> None:
    """As numbers: decimals beyond a double, float4 by its digits, days, times, spans of time."""
    source = made(
        postgres,
        database,
        "ts timestamptz, n numeric, r real, b boolean, day date, t time, i interval, s smallint, z timestamp",
        "'2024-03-10 00:00Z', 1.50, 0.1, true, '1970-01-03', '00:01', '1 minute', 7, '1970-01-01 00:00:01.5'",
        "'2024-03-10 01:00Z', 'NaN', 'NaN', NULL, 'infinity', '24:00', '-1 second', NULL, 'infinity'",
        "'2024-03-10 02:00Z', 'Infinity', '-inf', false, '0044-03-15 BC', NULL, NULL, NULL, NULL",
        "'2024-03-10 03:00Z', 1e400, -0.0, false, '2024-01-01', '00:00:00.000001', '1 year', -2, '1969-12-1'",
        "'2024-03-10 04:00Z', -1e400, 1e-45, true, NULL, NULL, NULL, 2, '2024-03-10 00:00:00.000001'",
        "'2024-03-10 05:00Z', 1e-400, 3e38, true, NULL, NULL, NULL, 2, NULL",
        "'2024-03-10 05:00Z', 0.1234567890123456789012345, 1.1, true, NULL, NULL, NULL, 2, NULL",
    )
    numbers = profile_of(**dict.fromkeys(("n", "r", "b", "day", "t", "i", "s", "z"), Kind.NUMERIC))
    assert equal(source, numbers) == 7


def test_labels_of_postgresql_are_counted_as_they_are_read(postgres: Server, database: str) -> None:
    """1.5 and 1.50 are two labels, "a" and "A" too; a CHAR keeps its spaces."""
    postgres.sql("DROP TYPE IF EXISTS mood", "CREATE TYPE mood AS ENUM ('a', 'sad')", database=database)
    source = made(
        postgres,
        database,
        "ts timestamptz, n numeric, f float8, c char(3), v varchar, l text, e mood, u uuid, "
        "a inet, b boolean, day date, i int",
        "'2024-03-10 00:00Z', 1.5, 1, 'a', 'a', 'a', 'a', '00000000-0000-0000-0000-000000000001', "
        "'10.0.0.1', true, '2024-01-01', 1",
        "'2024-03-10 01:00Z', 1.50, -0.0, 'a', 'A', 'A', 'sad', NULL, '10.0.0.0/8', false, 'infinity', 2",
        "'2024-03-10 02:00Z', 'NaN', 'NaN', 'abc', 'ä', NULL, NULL, NULL, NULL, NULL, NULL, NULL",
        "'2024-03-10 03:00Z', 1, 0.0, NULL, '', 'b', NULL, NULL, NULL, true, '2024-01-01', 1",
        "'2024-03-10 03:00Z', 1.0, 1e300, '', 'a ', 'B', NULL, NULL, '::1', true, '2024-01-02', 1",
    )
    names = ("n", "f", "c", "v", "l", "e", "u", "a", "b", "day", "i")
    assert equal(source, profile_of(**dict.fromkeys(names, Kind.CATEGORY))) == 5


ZONES = ("America/New_York", "UTC", "Asia/Kathmandu", "Pacific/Apia")


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_local_times_are_cut_by_the_database_as_from_rows(
    postgres: Server, database: str, zone: str, kind: str
) -> None:
    """Hours that are twice and hours that are not, on either side of a window's end."""
    every = [datetime(2024, month, 1) for month in (3, 11)]  # noqa: DTZ001 wall clock
    written = [f"'{first + timedelta(minutes=30 * n)}', {n % 5}" for first in every for n in range(600)]
    written += ["'infinity', 1", "NULL, 1"]
    source = made(postgres, database, f"ts {kind}, x int, z text DEFAULT '{zone}'", *(
        f"{row}" for row in (f"{each}" for each in written)
    ), timestamp_zone=zone)  # fmt: skip
    profile = profile_of(x=Kind.NUMERIC)
    counted = 0
    for start in (datetime(2024, 3, 10, 5, tzinfo=UTC), datetime(2024, 11, 3, 4, 30, tzinfo=UTC)):
        for hours in (1, 3, 24):
            for shift in (0, 1, 2):
                begin = start + timedelta(hours=shift)
                counted += equal(source, profile, Span(start=begin, end=begin + timedelta(hours=hours)))
    assert counted > 100


@pytest.mark.parametrize(("form", "unit"), [("epoch_s", 1), ("epoch_ms", 1_000)])
def test_whole_epochs_are_cut_by_either_database(
    postgres: Server, database: str, tmp_path: Path, form: str, unit: int
) -> None:
    """Also where a window does not begin at a whole unit."""
    first = int(T0.timestamp()) * unit
    frame = pl.DataFrame(
        {"ts": [first - 1, first, first + 5, first + 86_400 * unit], "x": [0.0, 1.0, 2.0, 0.5]}
    )
    profile = profile_of(x=Kind.NUMERIC)
    for shelf in (PostgresTables(postgres.url(database)), SqliteTables(tmp_path / "rows.db")):
        table = shelf.write(form, frame)
        source = SqlSource(
            url=table.url, table=table.name, timestamp="ts", timestamp_format=form, counted_by="database"
        )
        assert equal(source, profile) == 2
        later = timedelta(microseconds=1)
        assert equal(source, profile, Span(start=T0 + later, end=DAY.end + later)) == 2


@pytest.mark.parametrize(
    ("texts", "zone", "why"),
    [
        (["2024-03-10 00:00:00", "2024-03-10 23:59:59.999999", "2024-03-11 00:00:00"], "UTC", ""),
        (["2024-03-10T00:00:00Z", "2024-03-10T00:00:00.5Z", "2024-03-09T23:59:59.9Z"], None, ""),
        (["2024-03-10 00:00:00+00:00", "2024-03-10 00:00:00.25+00:00"], None, ""),
        (["2024-03-10 00:00:00", "2024-03-10T01:00:00"], "UTC", "several spellings"),
        (["2024-03-10 00:00:00", "2024-03-10 1:00"], "UTC", "several spellings"),
        (["2024-03-10 00:00:00", "2024-02-30 01:00:00", "2024-03-09 01:00:60"], "UTC", "several spellings"),
        (["2024-03-10 00:00:00"], "America/New_York", "local time"),
        (["2024-03-10"], "UTC", "several spellings"),
    ],
)
def test_texts_of_sqlite_are_cut_there_where_they_are_alike(
    tmp_path: Path, texts: list[str], zone: str | None, why: str
) -> None:
    """Else here, and why is said; right in either case."""
    table = SqliteTables(tmp_path / "rows.db").write(
        "t", pl.DataFrame({"ts": texts, "x": [1.0] * len(texts)})
    )
    source = SqlSource(
        url=table.url, table=table.name, timestamp="ts", timestamp_zone=zone, counted_by="database"
    )
    profile = profile_of(x=Kind.NUMERIC)
    if not why:
        assert equal(source, profile) > 0
        return
    assert source.count(profile, DAY, NO_EXTRAS) is None
    assert why in "".join(source._said)
    assert count_span(source, profile, DAY) == read_window(profile, source.pull(DAY, wanted(profile)))


def test_values_of_sqlite_keep_their_own_types(tmp_path: Path) -> None:
    """2⁵³ and its float are one number and two labels; a text is no number, a blob no label."""
    values = [1, 1.0, "1", b"1", 2**53, float(2**53), 2**53 + 1, -0.0, float("inf"), None, "a", "A", "a "]
    table = SqliteTables(tmp_path / "rows.db").write("t", pl.DataFrame({"ts": ["2024-03-10 00:00:00"]}))
    with sqlite3.connect(tmp_path / "rows.db") as file:
        file.execute("CREATE TABLE u (ts TEXT, x, c, n TEXT COLLATE NOCASE)")
        rows = [
            ("2024-03-10 00:00:00", value if not isinstance(value, str) else None, value, value)
            for value in values
        ]
        file.executemany("INSERT INTO u VALUES (?, ?, ?, ?)", rows)
    file.close()
    source = SqlSource(url=table.url, table="u", timestamp="ts", timestamp_zone="UTC", counted_by="database")
    profile = profile_of(x=Kind.NUMERIC, c=Kind.CATEGORY, n=Kind.CATEGORY)
    assert equal(source, profile) == len(values)


def test_a_rollback_journal_is_left_alone(tmp_path: Path) -> None:
    """Its writers would have to wait: the rows are read in short pieces instead."""
    table = SqliteTables(tmp_path / "rows.db", journal="delete").write(
        "t", pl.DataFrame({"ts": [T0], "x": [1.0]})
    )
    source = SqlSource(url=table.url, table=table.name, timestamp="ts", counted_by="database")
    assert source.count(profile_of(x=Kind.NUMERIC), DAY, NO_EXTRAS) is None
    assert "WAL" in "".join(source._said)


HOSTILE = [
    'a";drop table x;--',
    "a'b",
    "select",
    "x",
    "stretch",
    "k0",
    "ünï 日本",
    "%(p)s :b ?",
    "n" * 63,
    "\\",
]


@pytest.mark.parametrize("place", ["sqlite", "postgresql"])
def test_hostile_names_are_only_names(postgres: Server, database: str, tmp_path: Path, place: str) -> None:
    """Of columns and of the table; and nothing is changed by them."""
    frame = pl.DataFrame(
        {
            "ts": [T0, T0 + timedelta(hours=1)],
            **{name: [float(place) / 8, None] for place, name in enumerate(HOSTILE)},
            **{f"{name[:60]}.c": ["a", name] for name in HOSTILE},
        }
    )
    shelf: Any = (
        SqliteTables(tmp_path / "rows.db") if place == "sqlite" else PostgresTables(postgres.url(database))
    )
    table = shelf.write('t";drop table x;--', frame)
    source = SqlSource(url=table.url, table=table.name, timestamp="ts", counted_by="database")
    kinds = dict.fromkeys(HOSTILE, Kind.NUMERIC) | {f"{name[:60]}.c": Kind.CATEGORY for name in HOSTILE}
    assert equal(source, profile_of(**kinds)) == 2
    assert source.watermark() == T0 + timedelta(hours=1)


def test_a_name_that_the_server_would_cut_is_refused(postgres: Server, database: str) -> None:
    """PostgreSQL keeps 63 bytes of a name: a longer one in a profile is an absent column, not its prefix."""
    source = made(postgres, database, f"ts timestamptz, {'n' * 63} float8", "'2024-03-10 00:00Z', 1")
    counted = source.count(profile_of(**{"n" * 64: Kind.NUMERIC}), DAY, NO_EXTRAS)
    assert counted is not None
    assert [problem.column for problem in counted.problems] == ["n" * 64]


def test_a_view_that_writes_is_refused(postgres: Server, database: str) -> None:
    """The transaction is read-only, whatever the role may do."""
    source = made(postgres, database, "ts timestamptz, x float8", "'2024-03-10 00:00Z', 1")
    schema = source.in_schema
    postgres.sql(
        f"CREATE FUNCTION {schema}.put() RETURNS float8 LANGUAGE sql AS "
        f"'INSERT INTO {schema}.t VALUES (now(), 9) RETURNING x'",
        f"CREATE VIEW {schema}.v AS SELECT ts, {schema}.put() AS x FROM {schema}.t",
        database=database,
    )
    writing = SqlSource(url=source.url, table="v", in_schema=schema, timestamp="ts", counted_by="database")
    with pytest.raises(SourceError, match="read-only") as caught:
        writing.count(profile_of(x=Kind.NUMERIC), DAY, NO_EXTRAS)
    assert not caught.value.transient
    assert postgres.sql(f"SELECT count(*) FROM {schema}.t", database=database) == [(1,)]


def test_a_slow_count_is_ended_by_the_server(postgres: Server, database: str) -> None:
    """`statement_timeout` of one statement: transient, with what to look at."""
    source = made(postgres, database, "ts timestamptz, x float8", "'2024-03-10 00:00Z', 1")
    postgres.sql(
        f"CREATE VIEW {source.in_schema}.slow AS "
        f"SELECT ts, x + length(pg_sleep(5)::text) AS x FROM {source.in_schema}.t",
        database=database,
    )
    slow = SqlSource(
        url=source.url,
        table="slow",
        in_schema=source.in_schema,
        timestamp="ts",
        counted_by="database",
        statement_timeout=timedelta(milliseconds=200),
    )
    with pytest.raises(SourceError, match="longer than statement_timeout") as caught:
        slow.count(profile_of(x=Kind.NUMERIC), DAY, NO_EXTRAS)
    assert caught.value.transient


def test_other_databases_refuse_the_option() -> None:
    """What its own SQL would make of the question nobody has tried."""
    sa.dialects.registry.register("elsewhere", "sqlalchemy.dialects.sqlite.pysqlite", "dialect")
    with pytest.raises(ValueError, match=r'^count: must be "here"'):
        SqlSource(url="elsewhere:///d", table="t", counted_by="database")


def test_why_it_is_read_here_is_said_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Not at each window."""
    table = SqliteTables(tmp_path / "rows.db", journal="delete").write(
        "t", pl.DataFrame({"ts": [T0], "x": [1.0]})
    )
    source = SqlSource(url=table.url, table=table.name, timestamp="ts", counted_by="database")
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            source.count(profile_of(x=Kind.NUMERIC), DAY, NO_EXTRAS)
    assert len(source._said) == 1


@pytest.mark.parametrize(
    ("declared", "values"),
    [
        ("feeling", ("'a'", "'sad'", "NULL")),  # an enum is no text to PostgreSQL
        ("real", ("0.1", "1.1", "'NaN'")),  # read by its digits, which no float4 is equal to
        ("padded", ("'a'", "'b'", "NULL")),  # a CHAR behind a domain keeps its spaces
        ("numeric", ("1.5", "1.50", "'NaN'")),
        ("uuid", ("'00000000-0000-0000-0000-000000000001'", "NULL", "NULL")),
        ("timestamptz", ("'2024-01-01'", "'infinity'", "NULL")),
    ],
)
def test_versions_of_any_type_are_told_apart(
    postgres: Server, database: str, declared: str, values: tuple[str, ...]
) -> None:
    """Each version's rows, as they are read."""
    postgres.sql(
        "DROP TYPE IF EXISTS feeling CASCADE",
        "CREATE TYPE feeling AS ENUM ('a', 'sad')",
        "DROP DOMAIN IF EXISTS padded CASCADE",
        "CREATE DOMAIN padded AS char(3)",
        database=database,
    )
    rows = [f"'2024-03-10 0{hour}:00Z', {hour}, {value}" for hour, value in enumerate(values)]
    source = made(postgres, database, f"ts timestamptz, x float8, v {declared}", *rows)
    profile, extras = profile_of(x=Kind.NUMERIC), Extras(version="v")
    there = source.count(profile, DAY, extras)
    assert there is not None
    assert there == read_window(profile, source.pull(DAY, wanted(profile, extras)), extras)
    assert len(there.summary.versions) >= 2


@pytest.mark.parametrize("name", ["doubled", "plain"])
def test_a_domain_is_read_as_what_it_is_of(postgres: Server, database: str, name: str) -> None:
    """Whatever it is called: float4 by its digits."""
    postgres.sql(f"DROP DOMAIN IF EXISTS {name} CASCADE", f"CREATE DOMAIN {name} AS real", database=database)
    source = made(postgres, database, f"ts timestamptz, x {name}", "'2024-03-10 00:00Z', 1.1")
    assert equal(source, profile_of(x=Kind.NUMERIC)) == 1


def test_a_column_takes_two_passes_and_no_sort_on_disk(postgres: Server, database: str) -> None:
    """PostgreSQL plans as many groups as there are, not one a value; the few rows beyond the knots travel."""
    source = made(postgres, database, "ts timestamptz, x float8", "'2024-03-10 00:00Z', 9.0")
    postgres.sql(
        f"INSERT INTO {source.in_schema}.t SELECT timestamptz '2024-03-10 00:00Z' + n * interval '1 second', "
        "random() FROM generate_series(1, 50000) n",
        f"ANALYZE {source.in_schema}.t",
        database=database,
    )
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
        asked.append((statement, given))

    sa.event.listen(sa.Engine, "before_cursor_execute", note)
    try:
        assert equal(source, profile_of(x=Kind.NUMERIC)) == 50_001
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", note)
    counted = [(words, given) for words, given in asked if "CAST" in words and "anon_1" in words]
    assert len(counted) == 2, [words for words, _ in asked]
    with psycopg.connect(source.url) as conn:
        plan = "\n".join(line for (line,) in conn.execute("EXPLAIN " + counted[0][0], counted[0][1]))
    assert "HashAggregate" in plan, plan
    assert max(int(rows) for rows in re.findall(r"Aggregate .*?rows=(\d+)", plan)) <= 200, plan


def test_a_view_that_samples_is_counted_here(postgres: Server, database: str) -> None:
    """Each question would be of other rows: said with its reason."""
    rows = ["'2024-03-10 00:00Z', 1, 'a'"] * 2_000
    table = made(postgres, database, "ts timestamptz, x float8, l text", *rows)
    schema = table.in_schema
    sample = f"SELECT * FROM {schema}.t TABLESAMPLE BERNOULLI (50)"
    postgres.sql(f"CREATE VIEW {schema}.v AS {sample}", database=database)
    view = SqlSource(url=table.url, table="v", in_schema=schema, timestamp="ts", counted_by="database")
    assert view.count(profile_of(x=Kind.NUMERIC, l=Kind.CATEGORY), DAY, NO_EXTRAS) is None
    assert "samples" in str(view._said)


def test_a_sample_makes_no_missing_values_up(postgres: Server, database: str) -> None:
    """Where only the parts of its rows differ from question to question: slices, or model versions."""
    rows = [f"'2024-03-10 00:00Z', {n % 97}, '{'b' if n % 80 == 0 else 'a'}'" for n in range(4_000)]
    table = made(postgres, database, "ts timestamptz, x float8, s text", *rows)
    schema = table.in_schema
    sample = f"SELECT * FROM {schema}.t ORDER BY random() LIMIT 2000"
    postgres.sql(f"CREATE VIEW {schema}.w AS {sample}", database=database)
    view = SqlSource(url=table.url, table="w", in_schema=schema, timestamp="ts", counted_by="database")
    plain = profile_of(x=Kind.NUMERIC)
    columns: dict[str, Column] = {
        "x": NumericColumn(values=np.linspace(-2.0, 2.0, 400)),
        "s": CategoryColumn(codes=np.zeros(400, dtype=np.int32), labels=("a",)),
    }
    sliced = plain.with_parts(fit_slices(plain, columns, 400, ["s"]))
    for profile, extras in [(sliced, NO_EXTRAS), (plain, Extras(version="s"))] * 6:
        counted = view.count(profile, DAY, extras)
        for part in () if counted is None else parts_of(counted.summary):
            assert [each.missing for each in part.columns.values()] == [0]


def parts_of(summary: WindowSummary) -> list[WindowSummary]:
    return [summary, *summary.slices.values(), *summary.versions.values()]


def test_a_time_with_more_behind_a_nul_is_none(tmp_path: Path) -> None:
    """SQLite's functions end there; the row is read as it is without them."""
    frame = pl.DataFrame({"ts": ["2024-03-10 00:00:00", "2024-03-10 00:00:00\0junk"], "x": [1.0, 2.0]})
    table = SqliteTables(tmp_path / "rows.db").write("t", frame)
    source = SqlSource(
        url=table.url, table=table.name, timestamp="ts", timestamp_zone="UTC", counted_by="database"
    )
    profile = profile_of(x=Kind.NUMERIC)
    assert count_span(source, profile, DAY) == read_window(profile, source.pull(DAY, wanted(profile)))
