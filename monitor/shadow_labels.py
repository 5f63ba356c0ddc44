"""How well would the second score have done, by the same labels? Reported, never judged by itself."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import reduce
from operator import add

from detectors import Columns, Kind, Measurement, Profile, Role
from detectors._column import SHADOW
from detectors._performance import count_performance, performance_measurements
from detectors._performance_summary import PerformanceSummary
from detectors._shadow import shadow_columns
from monitor.labels import Outcomes
from storage.measurements import ColumnResult

PREFIX = "shadow_"


def shadow_performance(
    profile: Profile,
    shadow: Mapping[str, str],
    batches: Iterable[tuple[Columns, Outcomes, int]],
) -> ColumnResult | None:
    """`batches`: columns, outcomes and rows. None where the rows do not have both scores.

    Over the rows that have a second score; the metrics of `performance` with `shadow_` before their names.
    """
    score = profile.score
    if score is None or not shadow:
        return None
    parts: list[PerformanceSummary] = []
    for columns, outcomes, rows in batches:
        swapped = shadow_columns(columns, score, shadow)
        if swapped is None:
            return None
        parts.append(count_performance(profile, swapped, outcomes, rows))
    if not parts:
        return None
    summary = reduce(add, parts)
    if not summary.labelled:
        return None
    return ColumnResult(
        column=SHADOW,
        role=Role.SHADOW,
        kind=Kind.NUMERIC,
        rows=summary.rows,
        missing=summary.unlabelled,
        measurements=tuple(_renamed(each) for each in performance_measurements(profile, summary)),
        evidence={"rows": summary.rows, "labelled": summary.labelled},
    )


def _renamed(measurement: Measurement) -> Measurement:
    return replace(measurement, column=SHADOW, metric=PREFIX + measurement.metric)
