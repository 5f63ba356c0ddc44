"""How well did the model do in one window, now that its labels have come?

Reads the window's scores again and joins what is known of their outcomes (monitor/labels.py decides when that
is enough, and which labels count). Nothing is kept of the rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import reduce
from operator import add

import numpy as np
from numpy.typing import NDArray

from alerting.sanitise import clean
from detectors import CategoryColumn, Kind, NumericColumn, Profile, Role
from detectors._column import PERFORMANCE
from detectors._performance import (
    count_performance,
    performance_components,
    performance_evidence,
    performance_measurements,
)
from detectors._performance_counting import FOREIGN
from detectors._performance_profile import PART, performance_of
from detectors._performance_summary import Classified, PerformanceSummary
from monitor.columns import extras
from monitor.config_model import LabelsConfig
from monitor.duration import format_duration
from monitor.ending import Outcome, Waiting
from monitor.label_source import instant, label_kind, micros, read_labels, strangers
from monitor.labels import (
    NEVER,
    Completion,
    Keys,
    Labels,
    Outcomes,
    by_row,
    completion,
    first_available,
    known_at,
    needed,
    one_after_another,
    outcomes,
    row_labels,
    values_by_row,
)
from monitor.runtime import Watched
from monitor.shadow_labels import shadow_performance
from monitor.source import Batch, SourceError
from storage.ledger import DueWindow, WindowState
from storage.measurements import ColumnResult
from storage.profiles import Reference

SHORTLY = timedelta(seconds=30)  # the inputs of the same window are being evaluated
LOOK_AGAIN = 12  # labels as old as a day are looked for every two hours: a verdict is a twelfth late at most
_NAMED = 3  # labels
OFTEN = timedelta(minutes=15)  # … but they are not looked for more often than this


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rows:
    """A window's scores, and every label that is there for them."""

    batches: Sequence[Batch]
    count: int
    labels: Labels  # places are rows, or keys where `places` is not None
    places: NDArray[np.int64] | None  # int64[rows], the number of each row's key
    keys: int
    trouble: str = ""  # why there are no labels at all

    def first(self) -> NDArray[np.int64]:
        """int64[rows]: when each row's first label became available."""
        if self.places is None:
            return first_available(self.labels, self.count)
        return by_row(self.places, first_available(self.labels, self.keys), NEVER)

    def known(self, cutoff: int) -> NDArray[np.float64]:
        """float64[rows]: each row's outcome at the cutoff."""
        if self.places is None:
            return known_at(self.labels, self.count, cutoff)
        return values_by_row(self.places, known_at(self.labels, self.keys, cutoff))


def evaluate_labels(
    watched: Watched,
    window: DueWindow,
    inputs: DueWindow | None,
    reference: Reference,
    profile: Profile,
    now: datetime,
) -> Outcome | Waiting:
    """One label window. `inputs`: the window of the inputs over the same rows. Raises SourceError."""
    labels = watched.config.labels
    if labels is None:
        return _skipped("the config names no labels any more")
    if PART not in profile.parts or profile.score is None:
        return _skipped(f"reference v{reference.version} has no score to compare with labels: build one")
    if inputs is not None and not inputs.state.terminal:
        return Waiting(reason="the window's inputs are not evaluated yet", wait=SHORTLY)
    scores = list(profile.score.columns.values())
    try:
        batches, problems, data = _pull(watched, labels, window, scores)
    except SourceError as error:
        # The stream of the inputs tells it: one cause, one incident.
        if error.transient and now < window.give_up:
            return Waiting(reason=error.reason)
        return _skipped(f"its rows cannot be read: {error.reason}")
    rows = sum(batch.rows for batch in batches)
    if not rows:
        return _skipped("no rows in this window")
    lost = [problems[name] for name in scores if name in problems]
    if lost:
        return _skipped(f"there is no score to compare with labels: {'; '.join(lost)}")
    found = _join(watched, labels, window, batches, problems)
    deadline = micros(window.span.end + labels.max_delay)
    done = completion(found.first(), min_share=labels.min_share, deadline=deadline, now=micros(now))
    if done is None:
        return _wait(found, labels, window, now)
    return replace(_measured(watched, labels, reference, profile, found, done), data_version=data)


def _pull(
    watched: Watched, labels: LabelsConfig, window: DueWindow, scores: Sequence[str]
) -> tuple[list[Batch], dict[str, str], str]:
    """The window's scores with their keys or labels; what is wrong with which column; which data it is."""
    wanted = dict.fromkeys([*scores, *extras(watched.config).shadow.values()], Kind.NUMERIC)
    moments: list[str] = []
    if watched.labels is not None:
        wanted[str(labels.key)] = Kind.CATEGORY
    else:
        wanted[labels.column] = label_kind(watched.config)
        if labels.available_at is not None:
            wanted[labels.available_at] = Kind.NUMERIC
            moments.append(labels.available_at)
    pulled = watched.source.pull(window.span, wanted, moments)
    problems = {problem.column: f"{problem.column}: {problem.reason}" for problem in pulled.problems}
    return list(pulled.batches), problems, pulled.data_version


def _join(
    watched: Watched,
    labels: LabelsConfig,
    window: DueWindow,
    batches: Sequence[Batch],
    problems: dict[str, str],
) -> _Rows:
    count = sum(batch.rows for batch in batches)
    if watched.labels is not None:
        key = str(labels.key)
        if key in problems:
            raise SourceError(f"labels cannot be joined: {problems[key]}", transient=False)
        keys = Keys()
        places = np.concatenate([keys.add(batch.columns[key]) for batch in batches])
        found = read_labels(labels, label_kind(watched.config), keys, watched.labels, window.span)
        return _Rows(
            batches=batches,
            count=count,
            labels=found,
            places=places,
            keys=len(keys),
            trouble=strangers(key, found, keys),
        )
    troubles = [problems[name] for name in (labels.column, labels.available_at) if name in problems]
    parts = [_row_labels(labels, batch) for batch in batches] if not troubles else []
    return _Rows(
        batches=batches,
        count=count,
        labels=one_after_another(parts),
        places=None,
        keys=0,
        trouble="; ".join(troubles),
    )


def _row_labels(labels: LabelsConfig, batch: Batch) -> tuple[int, Labels]:
    at = batch.columns[labels.available_at] if labels.available_at is not None else None
    since = at.values if isinstance(at, NumericColumn) else None
    return batch.rows, row_labels(batch.columns[labels.column], since)


def _wait(found: _Rows, labels: LabelsConfig, window: DueWindow, now: datetime) -> Waiting:
    labelled = int((found.first() <= micros(now)).sum())
    least = needed(found.count, labels.min_share)
    deadline = window.span.end + labels.max_delay
    age = now - window.span.end
    are = "is" if least == 1 else "are"
    return Waiting(
        reason=f"{labelled} of {found.count} rows have a label, {least} {are} waited for till "
        f"{deadline:%Y-%m-%d %H:%M} UTC" + (f"; {found.trouble}" if found.trouble else ""),
        wait=min(max(age / LOOK_AGAIN, OFTEN), max(deadline - now, SHORTLY)),
    )


def _measured(
    watched: Watched,
    labels: LabelsConfig,
    reference: Reference,
    profile: Profile,
    found: _Rows,
    done: Completion,
) -> Outcome:
    facts: dict[str, object] = {
        "rows": done.rows,
        "labelled": done.labelled,
        "share": done.share,
        "complete": done.complete,
        "complete_at": instant(done.cutoff).isoformat() if done.is_dated else None,
    }
    incomplete = "" if done.complete else _incomplete(labels, done, found.trouble)
    least = watched.config.window.min_rows
    few = f"{done.labelled} rows with a label, fewer than window.min_rows = {least}: nothing is judged"
    state, results = WindowState.NO_DATA, []
    if done.labelled:
        state = WindowState.DONE if done.labelled >= least else WindowState.LOW_VOLUME
        try:
            results = [_result(profile, found, done, incomplete), *_second(watched, profile, found, done)]
        except ValueError as error:  # labels of another kind than the reference's
            raise SourceError(f"labels cannot be compared with scores: {error}", transient=False) from error
    return Outcome(
        state=state,
        reason=incomplete or (few if state is WindowState.LOW_VOLUME else ""),
        rows=done.labelled,
        reference_id=reference.id,
        facts=facts,
        results=results,
    )


def _result(profile: Profile, found: _Rows, done: Completion, incomplete: str) -> ColumnResult:
    known = outcomes(found.known(done.cutoff), found.labels.classes)
    stop = 0
    parts = []
    for batch in found.batches:
        start, stop = stop, stop + batch.rows
        parts.append(count_performance(profile, batch.columns, _cut(known, start, stop), batch.rows))
    summary = reduce(add, parts)
    _refuse_foreign(profile, summary, found.labels.classes)
    evidence = performance_evidence(profile, summary) | {"share": done.share}
    return ColumnResult(
        column=PERFORMANCE,
        role=Role.PERFORMANCE,
        kind=Kind.NUMERIC,
        rows=done.rows,
        missing=summary.unlabelled,
        components=performance_components(profile, summary),
        measurements=tuple(performance_measurements(profile, summary)),
        evidence=evidence | ({"incomplete": incomplete} if incomplete else {}),
    )


def _refuse_foreign(profile: Profile, summary: PerformanceSummary, labels: Sequence[str] | None) -> None:
    """Labels that are mostly no class of the score are another column, or spelt otherwise: they say nothing
    about the model, though not one of its answers is right by them."""
    part = performance_of(profile)
    if part is None or not isinstance(summary.found, Classified):
        return
    foreign, known = summary.found.foreign, summary.labelled
    if foreign > FOREIGN * known:
        strange = sorted(set(labels or ()).difference(part.classes))[:_NAMED]
        such_as = f", such as {', '.join(map(clean, strange))}" if strange else ""
        raise ValueError(
            f"{foreign} of {known} are none of the classes {', '.join(map(clean, part.classes))}{such_as}: "
            "name the right labels.column, or write labels as the classes are spelt in columns.score"
        )


def _second(watched: Watched, profile: Profile, found: _Rows, done: Completion) -> list[ColumnResult]:
    """What the same labels say of a second score, where there is one."""
    known = outcomes(found.known(done.cutoff), found.labels.classes)
    ends = np.cumsum([batch.rows for batch in found.batches]).tolist()
    parts = [
        (batch.columns, _cut(known, end - batch.rows, end), batch.rows)
        for batch, end in zip(found.batches, ends, strict=True)
    ]
    second = shadow_performance(profile, extras(watched.config).shadow, parts)
    return [] if second is None else [second]


def _cut(known: Outcomes, start: int, stop: int) -> Outcomes:
    if isinstance(known, CategoryColumn):
        return CategoryColumn(codes=known.codes[start:stop], labels=known.labels)
    return known[start:stop]


def _incomplete(labels: LabelsConfig, done: Completion, trouble: str) -> str:
    late = format_duration(labels.max_delay)
    if not done.labelled:
        where = "labels.source" if labels.source is not None else "the model's own source"
        return f"none of {done.rows} rows has a label {late} after the window's end: " + (
            trouble or f"check that {where} is written, and labels.key, column and available_at"
        )
    return (
        f"labels incomplete: {done.labelled} of {done.rows} rows have one {late} after the window's end, "
        f"{needed(done.rows, labels.min_share)} are asked for (labels.min_share = {labels.min_share:g})"
    )


def _skipped(reason: str) -> Outcome:
    return Outcome(state=WindowState.SKIPPED, reason=reason)
