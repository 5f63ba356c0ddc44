"""Which measured numbers make the real judge say what a scenario wants said?

A verdict word becomes the value of one metric, `level`, under plain limits: 1 is a ticket, 2 a page, 0.95 is
between, and what is not a number is an error. A sure breach is a value 40 sd from a usual window's, judged by
the noise law. A metric of the scenario's own is measured as given and judged by the scenario's limits. So
nothing is decided here: monitor/judgement.py does, as in the daemon.
"""

import math
from collections.abc import Mapping

from detectors import Component, Harm, Kind, Measurement
from detectors._column import Role
from detectors._component_noise import ComponentNoise
from detectors._noise import NoiseModel
from monitor.policy import Threshold
from monitor.scenario.places import Place
from storage.measurements import ColumnResult, ColumnStatus

ROWS = 1_000  # of a window; enough for any floor of rows
WINDOWS = 200  # that the noise model seems to have learnt from: it is not learning
LEVEL = "level"
LIMITS = Threshold(metric=LEVEL, column="*", ticket=1.0, page=2.0)
LOCATION = "c1"  # the component that `z` and sure breaches are values of
QUIET = "c2"  # one that never strays: the judge looks at no column without any
FAR = 40.0  # sd: no sensitivity doubts it
_LEVELS = {
    "clear": 0.0,
    "hold": 0.95,
    "ticket": 1.0,
    "breach": 2.0,
    "page": 2.0,
    "error": math.nan,
    "sure": 0.0,
    "absent": math.nan,
}
_HARMLESS = Harm(harm=0.0, harm_error=0.1, pull=0.0)


def noise_model(places: Mapping[Place, Role]) -> NoiseModel:
    """A value of 1 is a sd of a usual window; nothing else is known of any column."""
    one = ComponentNoise(
        share=False, means={0: 0.0}, cycles={0: 10**6}, mean=0.0, sigma2=0.0, tau2=1.0, windows=WINDOWS
    )
    whole = {(p.column, part): one for p in places if not p.segment for part in (LOCATION, QUIET)}
    segments = {place.segment for place in places if place.segment}
    slices = {
        segment: NoiseModel(
            components={
                (p.column, part): one for p in places if p.segment == segment for part in (LOCATION, QUIET)
            },
            windows=WINDOWS,
        )
        for segment in segments
    }
    return NoiseModel(components=whole, windows=WINDOWS, slices=slices)


def of_word(place: Place, word: str, *, role: Role, matters: bool, few: int) -> ColumnResult:
    """The column in a window of which this word is to be said; `few` rows are too few to judge."""
    rows = {"no_data": 0, "low_volume": few}.get(word, ROWS)
    status, reason = ColumnStatus.OK, ""
    if word == "absent":
        status, reason = ColumnStatus.ABSENT, "the source has no such column"
    elif not rows:
        status = ColumnStatus.EMPTY
    return _result(
        place,
        role=role,
        matters=matters,
        rows=rows,
        status=status,
        reason=reason,
        measured={LEVEL: _LEVELS.get(word, 0.0)},
        z=FAR if word == "sure" else None,
    )


def of_values(
    place: Place, measured: Mapping[str, float], z: float | None, *, role: Role, matters: bool
) -> ColumnResult:
    """The column with these metrics and, where given, so many sd from a usual window."""
    return _result(place, role=role, matters=matters, rows=ROWS, measured=measured, z=z)


def _result(
    place: Place,
    *,
    role: Role,
    matters: bool,
    rows: int,
    measured: Mapping[str, float],
    z: float | None,
    status: ColumnStatus = ColumnStatus.OK,
    reason: str = "",
) -> ColumnResult:
    # The location only where it is given: its running mean would have a say in later windows' words.
    name, y = (QUIET, 0.0) if z is None else (LOCATION, z)
    measurable = status is ColumnStatus.OK
    return ColumnResult(
        column=place.column,
        segment=place.segment,
        role=role,
        kind=Kind.NUMERIC,
        status=status,
        reason=reason,
        rows=rows,
        missing=rows if status is ColumnStatus.ABSENT else 0,
        components=(Component(name=name, y=y, n=rows, variance=0.0, share=False),) if measurable else (),
        measurements=tuple(
            Measurement(column=place.column, metric=metric, value=value, n_reference=ROWS, n=rows)
            for metric, value in measured.items()
        ),
        harm=Harm() if matters else _HARMLESS,
    )
