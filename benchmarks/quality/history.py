"""What does Leeway say of a run of windows? Learnt, counted, measured, judged and folded as the daemon does.

The one place of this suite that calls the product. A fault is judged in a copy: from the state that the clean
run had before it, so that no fault meets another one's traces or counts as a false page.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Protocol

import numpy as np

from alerting.alert_state import AlertState
from alerting.fold import FoldPolicy, fold
from alerting.verdict import Severity, Verdict, VerdictKind
from benchmarks.quality.drawn import Drawn, Fault, joined
from detectors import Column, Kind, NumericColumn, Role, ScoreSpec, count
from detectors._column import PERFORMANCE
from detectors._performance import performance_components, performance_evidence, performance_measurements
from detectors._performance_counting import count_performance
from detectors._performance_profile import PART
from monitor.judge_state import JudgeState
from monitor.judgement import WindowFacts, judge
from monitor.measuring import measure_window
from monitor.policy import JudgePolicy
from monitor.realised import beside
from monitor.reference_build import Built, build
from monitor.reference_parts import Asked
from monitor.reference_rows import Rows
from monitor.windows import WindowSpec, slots
from storage.measurements import ColumnResult
from storage.span import Span

OUTCOME = "__outcome__"  # the reference's column of outcomes; not profiled


class World(Protocol):
    """Where windows come from. The same `index` and `change` give the same rows."""

    spec: WindowSpec
    roles: Mapping[str, Role]
    score: ScoreSpec | None
    segments: Sequence[str]  # columns whose values are slices
    sampled: bool  # reference windows hold a sample of the rows: their number says nothing
    reference: int  # windows learnt from
    judged: int  # windows after them

    def span(self, index: int) -> Span: ...

    def draw(self, index: int, change: Fault | None = None) -> Drawn: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What was said of one window, after the fold."""

    severity: Mapping[tuple[str, str], Severity]  # by (segment, column)
    verdicts: tuple[Verdict, ...]
    results: tuple[ColumnResult, ...]
    rows: int

    def of(self, column: str, segment: str = "") -> Severity:
        return self.severity.get((segment, column), Severity.NONE)

    def found(self, column: str, segment: str = "") -> bool:
        """A ticket or a page."""
        return self.of(column, segment) is not Severity.NONE

    def paged(self, column: str, segment: str = "") -> bool:
        return self.of(column, segment) is Severity.PAGE

    @property
    def pages(self) -> list[str]:
        return [_name(key) for key, severity in self.severity.items() if severity is Severity.PAGE]

    @property
    def tickets(self) -> list[str]:
        return [_name(key) for key, severity in self.severity.items() if severity is Severity.TICKET]

    @property
    def first(self) -> str:
        """The column ranked first among those that breach; "" without any."""
        ranked = [v for v in self.verdicts if v.rank is not None and v.series.column != PERFORMANCE]
        return min(ranked, key=lambda v: v.rank or 0).series.column if ranked else ""

    def result(self, column: str) -> ColumnResult | None:
        return next((r for r in self.results if r.column == column and not r.segment), None)

    def verdict(self, column: str) -> Verdict | None:
        return next((v for v in self.verdicts if v.series.column == column and not v.series.segment), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _State:
    judging: JudgeState = field(default_factory=JudgeState)
    labels: JudgeState = field(default_factory=JudgeState)  # of the ledger's second stream
    alerts: Mapping[str, AlertState] = field(default_factory=dict)


@dataclass(kw_only=True)
class History:
    """One world, learnt from and judged clean; where copies with a fault start from."""

    world: World
    built: Built
    policy: JudgePolicy
    told: list[Told]
    before: list[_State]  # state before each judged window

    def plant(self, at: int, change: Fault, length: int) -> Iterator[Told]:
        """The same windows from the `at`-th judged one on, with the change in them."""
        state = self.before[at]
        for index in range(at, min(at + length, self.world.judged)):
            told, state = _step(self.world, self.built, self.policy, state, index, change)
            yield told

    def onsets(self, number: int, length: int) -> list[int]:
        """Judged windows, evenly apart, from which `length` are left."""
        last = self.world.judged - length
        return [int(at) for at in np.linspace(0, last, min(number, last + 1)).round()]

    @cached_property
    def reference(self) -> dict[str, Column]:
        """All reference rows, for the peers."""
        return joined([self.world.draw(index) for index in range(self.world.reference)])[0]


def live(world: World, policy: JudgePolicy | None = None, *, judged: int | None = None) -> History:
    """Learn the reference windows of a world and judge the others, nothing planted.

    `judged`: only so many windows.
    """
    policy = policy or JudgePolicy()
    built = learnt(world, policy)
    told: list[Told] = []
    before: list[_State] = []
    state = _State()
    for index in range(world.judged if judged is None else judged):
        before.append(state)
        said, state = _step(world, built, policy, state, index, None)
        told.append(said)
    return History(world=world, built=built, policy=policy, told=told, before=before)


def learnt(world: World, policy: JudgePolicy) -> Built:
    """The reference build over the world's first windows."""
    parts = [world.draw(index) for index in range(world.reference)]
    columns, outcome = joined(parts)
    times = []
    for index, part in enumerate(parts):
        start, end = (_micros(at) for at in (world.span(index).start, world.span(index).end))
        # A day of 25 hours that moved to one of 24: its last rows stay inside.
        times.append(np.minimum(start + part.times, end - 1))
    known = not np.isnan(outcome).all()
    rows = Rows(
        columns={**columns, OUTCOME: NumericColumn(values=outcome)} if known else columns,
        count=sum(part.rows for part in parts),
        times=np.concatenate(times),
    )
    return build(
        rows,
        roles=world.roles,
        score=world.score,
        label=OUTCOME if known else None,
        include=(),
        spec=world.spec,
        excluded=(),
        min_rows=policy.min_rows,
        asked=Asked(segments=world.segments, volume=not world.sampled),
    )


def _step(
    world: World, built: Built, policy: JudgePolicy, state: _State, index: int, change: Fault | None
) -> tuple[Told, _State]:
    """The window's inputs, then its labels, which are complete here."""
    drawn = world.draw(world.reference + index, change)
    span = world.span(world.reference + index)
    summary = count(built.profile, drawn.columns, drawn.rows)
    results = measure_window(built.profile, summary, (), ())
    facts = WindowFacts(
        model="m",
        start=span.start,
        end=span.end,
        rows=drawn.rows,
        slots=slots(world.spec, span),
        results=results,
    )
    judged = judge(facts, built.noise, state.judging, policy)
    verdicts, labels = list(judged.verdicts), state.labels
    realised = _realised(built, drawn)
    if realised is not None:
        realised = beside(realised, results, judged.verdicts)
        rows = realised.rows - realised.missing
        of_labels = judge(replace(facts, rows=rows, results=(realised,)), built.noise, labels, policy)
        results, labels = (*results, realised), of_labels.state
        verdicts += of_labels.verdicts
    alerts, severity = dict(state.alerts), dict[tuple[str, str], Severity]()
    for verdict in verdicts:
        key = verdict.series.fingerprint
        folded = fold(alerts.get(key), verdict, FoldPolicy())
        alerts[key] = folded.state
        severity[verdict.series.segment, verdict.series.column] = folded.severity
    told = Told(severity=severity, verdicts=_breaches(verdicts), results=results, rows=drawn.rows)
    return told, _State(judging=judged.state, labels=labels, alerts=alerts)


def _realised(built: Built, drawn: Drawn) -> ColumnResult | None:
    """Performance as the labels stream measures it; None where nobody knows outcomes."""
    if PART not in built.profile.parts or not drawn.rows or np.isnan(drawn.outcome).all():
        return None
    summary = count_performance(built.profile, drawn.columns, drawn.outcome, drawn.rows)
    return ColumnResult(
        column=PERFORMANCE,
        role=Role.PERFORMANCE,
        kind=Kind.NUMERIC,
        rows=drawn.rows,
        missing=summary.unlabelled,
        components=performance_components(built.profile, summary),
        measurements=tuple(performance_measurements(built.profile, summary)),
        evidence=performance_evidence(built.profile, summary),
    )


def _breaches(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The rest says nothing and would fill the memory."""
    return tuple(v for v in verdicts if v.kind in (VerdictKind.BREACH, VerdictKind.ERROR))


def _name(key: tuple[str, str]) -> str:
    segment, column = key
    return f"{column} in {segment}" if segment else column


def _micros(at: datetime) -> int:
    return int((at - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
