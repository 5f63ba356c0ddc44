"""The flights of 2013 as a history without drift: whole weeks permuted, learnt from and judged clean.

Season, weather and customers stay real and dependent within a week, but no order is left between weeks.
Everything goes through the functions of the daemon: build, count, measure, judge, fold.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
from numpy.typing import NDArray

from alerting.alert_state import AlertState
from alerting.fold import FoldPolicy, fold
from alerting.verdict import Severity, Verdict
from detectors import CategoryColumn, Column, NumericColumn, Profile, Role, ScoreSpec, count
from detectors._noise import NoiseModel
from monitor.flights import CATEGORICAL, FEATURES, NUMERIC, ZONE, scored_year
from monitor.judge_state import JudgeState
from monitor.judgement import WindowFacts, judge
from monitor.measuring import measure_window
from monitor.policy import JudgePolicy
from monitor.reference_build import Rows, build
from monitor.windows import WindowSpec, slots, windows_within
from storage.measurements import ColumnResult
from storage.span import Span

WEEKS = 52  # of seven days from 1 January; 31 December is left over
REFERENCE_WEEKS = 24
SPEC = WindowSpec.parse("1d", zone=ZONE)
ROLES = dict.fromkeys(FEATURES, Role.FEATURE) | {"score": Role.SCORE, "pred": Role.PREDICTION}


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """All rows of one departure day of 2013."""

    columns: Mapping[str, Column]
    rows: int
    since_midnight: NDArray[np.int64]  # µs from the window's start, ascending
    label: NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """One permutation, judged clean: where copies start from."""

    profile: Profile
    noise: NoiseModel
    days: Sequence[Day]
    spans: Sequence[Span]
    clean: Sequence[tuple[ColumnResult, ...]]
    before: Sequence[tuple[JudgeState, Mapping[str, AlertState]]]  # state before each judged day
    told: Sequence[Mapping[str, Severity]]  # by column, after the fold, clean
    policy: JudgePolicy


def days_of_2013(cache: Path | None) -> list[Day]:
    """364 days in natural order, in the columns of the demo's config."""
    frame = scored_year(cache).sort("ts", "row_id")
    first = datetime(2013, 1, 1, tzinfo=ZoneInfo(ZONE))
    local = frame["ts"].dt.convert_time_zone(ZONE)
    number = (local.dt.date() - first.date()).dt.total_days().to_numpy()
    whole: dict[str, Column] = {}
    for name in (*CATEGORICAL, "pred"):
        text = frame[name].cast(pl.String)
        labels = tuple(sorted(text.drop_nulls().unique().to_list()))
        numbers = list(range(len(labels)))
        codes = text.replace_strict(list(labels), numbers, return_dtype=pl.Int32, default=None)
        whole[name] = CategoryColumn(codes=codes.fill_null(-1).to_numpy().astype(np.int32), labels=labels)
    for name in (*NUMERIC, "score"):
        whole[name] = NumericColumn(values=frame[name].fill_null(float("nan")).to_numpy().astype(np.float64))
    label = frame["label"].cast(pl.Float64).fill_null(float("nan")).to_numpy()
    micros = frame["ts"].to_physical().to_numpy()
    found = []
    for day in range(7 * WEEKS):
        rows = np.flatnonzero(number == day)
        start = (first + timedelta(days=day)).timestamp()
        found.append(
            Day(
                columns={name: _take(column, rows) for name, column in whole.items()},
                rows=len(rows),
                since_midnight=micros[rows] - int(start * 1_000_000),
                label=label[rows],
            )
        )
    return found


def permuted(days: Sequence[Day], seed: int, policy: JudgePolicy) -> World:
    """Learn from 24 permuted weeks and judge the other 28 in order."""
    order = np.random.default_rng(seed).permutation(WEEKS)
    mixed = [days[7 * week + day] for week in order for day in range(7)]
    start = datetime(2013, 1, 1, tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
    spans = list(windows_within(SPEC, start, start + timedelta(days=7 * WEEKS + 1)))[: 7 * WEEKS]
    cut = 7 * REFERENCE_WEEKS
    built = build(
        _rows(mixed[:cut], spans[:cut]),
        roles=ROLES,
        score=ScoreSpec(task="binary", columns={"": "score"}),
        label="label",
        include=(),
        spec=SPEC,
        excluded=(),
        min_rows=policy.min_rows,
    )
    state, alerts = JudgeState(), dict[str, AlertState]()
    before, clean, told = [], [], []
    for day, span in zip(mixed[cut:], spans[cut:], strict=True):
        before.append((state, dict(alerts)))
        summary = count(built.profile, day.columns, day.rows)
        results = measure_window(built.profile, summary, (), ())
        clean.append(results)
        judged = judge(facts_of(span, day.rows, results), built.noise, state, policy)
        state = judged.state
        told.append(fold_into(alerts, judged.verdicts))
    return World(
        profile=built.profile,
        noise=built.noise,
        days=mixed[cut:],
        spans=spans[cut:],
        clean=clean,
        before=before,
        told=told,
        policy=policy,
    )


def facts_of(span: Span, rows: int, results: tuple[ColumnResult, ...]) -> WindowFacts:
    return WindowFacts(
        model="delays", start=span.start, end=span.end, rows=rows, slots=slots(SPEC, span), results=results
    )


def fold_into(alerts: dict[str, AlertState], verdicts: Sequence[Verdict]) -> dict[str, Severity]:
    """Fold a window's verdicts into `alerts`; the severity of each column afterwards."""
    told = {}
    for verdict in verdicts:
        folded = fold(alerts.get(verdict.series.fingerprint), verdict, FoldPolicy())
        alerts[verdict.series.fingerprint] = folded.state
        told[verdict.series.column] = folded.severity
    return told


def _rows(days: Sequence[Day], spans: Sequence[Span]) -> Rows:
    columns: dict[str, Column] = {}
    for name, first in days[0].columns.items():
        parts = [day.columns[name] for day in days]
        if isinstance(first, CategoryColumn):
            codes = np.concatenate([part.codes for part in parts if isinstance(part, CategoryColumn)])
            columns[name] = CategoryColumn(codes=codes, labels=first.labels)
        else:
            values = np.concatenate([part.values for part in parts if isinstance(part, NumericColumn)])
            columns[name] = NumericColumn(values=values)
    columns["label"] = NumericColumn(values=np.concatenate([day.label for day in days]))
    times = []
    for day, span in zip(days, spans, strict=True):
        start, end = (int(t.timestamp() * 1_000_000) for t in (span.start, span.end))
        # A day of 25 hours that moved to one of 24: its last rows stay inside.
        times.append(np.minimum(start + day.since_midnight, end - 1))
    return Rows(columns=columns, count=sum(day.rows for day in days), times=np.concatenate(times))


def _take(column: Column, rows: NDArray[np.int64]) -> Column:
    if isinstance(column, NumericColumn):
        return NumericColumn(values=column.values[rows])
    return CategoryColumn(codes=column.codes[rows], labels=column.labels)
