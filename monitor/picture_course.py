"""How did the measure that decided go over the last windows, and where does it stay when nothing changes?

The right side of a picture. The band is the judge's own, by the noise model of each window's reference.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, isfinite, tanh

from sqlalchemy import Connection

from alerting.incident import Incident
from alerting.sanitise import clean
from alerting.series import Series
from alerting.verdict import VerdictKind
from detectors._column import PERFORMANCE
from detectors._component_noise import ComponentNoise
from detectors._ewma import Ewma
from detectors._noise import NoiseModel
from monitor.component_judgement import ComponentJudgement, judge_component
from monitor.mix_change import may_be_named
from monitor.normal_range import in_column_unit, normal_range, typical_value
from monitor.picture import Course
from monitor.shape_change import quantiles_of
from monitor.windows import WindowSpec, slots
from monitor.wording import column_name
from storage import profiles
from storage.courses import Passed
from storage.measurements import ColumnResult

_LABEL = 16  # characters

# The component that shows a named change best, where it need not be the one that was surest.
_SHOWN = {
    "unit": "c1",
    "shifted": "c1",
    "spread": "c2",
    "missing": "missing",
    "out_of_range": "out_of_range",
    "new_category": "unseen",
    "renamed": "unseen",
    "clipped": "stuck",
    "stuck": "stuck",
    "default_value": "stuck",
}


def course_of(
    conn: Connection, incident: Incident, spec: WindowSpec, passed: Sequence[Passed]
) -> Course | None:
    """None where nothing says what is normal for it, or there are no two windows to draw."""
    rule = incident.facts.get("rule")
    if isinstance(rule, str) and rule.startswith("threshold:"):
        return _limited(incident, passed, rule.removeprefix("threshold:"))
    name = _SHOWN.get(incident.change) or incident.facts.get("component")
    if not isinstance(name, str):
        return None
    noises: dict[int, NoiseModel | None] = {}
    points: list[tuple[Passed, ComponentJudgement]] = []
    for each in passed:
        component = next((c for c in each.result.components if c.name == name), None)
        noise = _noise(conn, incident.series, spec, each, name, noises)
        if component is None or noise is None or not component.n or not isfinite(component.y):
            continue
        slot = slots(spec, each.span).get(noise.slot, 0)
        part = judge_component(name, noise, component.y, component.n, slot, 0.0, Ewma())
        points.append((each, part))
    if len(points) < 2:
        return None
    name_of, percent = _measure(incident.series, points[-1][0].result, name)
    shown = [_shown(each.result, part) for each, part in points]
    if name == "c1" and (typical := _typical(points)) is not None:
        shown, name_of = typical
    return Course(
        measure=name_of,
        percent=percent,
        starts=tuple(each.span.start for each, _ in points),
        values=tuple(value for value, _, _ in shown),
        low=tuple(low for _, low, _ in shown),
        high=tuple(high for _, _, high in shown),
        breached=tuple(each.said is VerdictKind.BREACH for each, _ in points),
    )


def _noise(
    conn: Connection,
    series: Series,
    spec: WindowSpec,
    passed: Passed,
    component: str,
    known: dict[int, NoiseModel | None],
) -> ComponentNoise | None:
    """What is normal for the component by the newest noise model of the reference it was measured on."""
    reference_id = passed.reference_id
    own = passed.result.evidence.get("reference")  # a version with a reference of its own names it
    if isinstance(own, str) and own[1:].isdigit():
        found = profiles.by_version(conn, series.model, int(own[1:]))
        reference_id = found.id if found else reference_id
    if reference_id is None:
        return None
    if reference_id not in known:
        number = profiles.newest_noise(conn, reference_id, str(spec))
        stored = profiles.get_noise(conn, number) if number else None
        known[reference_id] = None if stored is None else NoiseModel.from_json(stored.content)
    model = known[reference_id]
    if model is not None and series.segment:
        model = model.slices.get(series.segment)
    return None if model is None else model.components.get((series.column, component))


def _typical(
    points: Sequence[tuple[Passed, ComponentJudgement]],
) -> tuple[list[tuple[float, float, float]], str] | None:
    """Of a location, in the column's own unit, and what it is called then; None where that is not known.

    What is judged is the mean rank of a window's values in the reference; it is shown by the value at that
    rank. Beyond the quantiles that are kept there is none: then all windows are shown by their median.
    """
    column = clean(column_name(points[-1][0].result.column), 24)
    found: list[tuple[float, float, float]] = []
    medians: list[tuple[float, float, float]] = []
    beyond = False
    for each, part in points:
        quantiles = quantiles_of(each.result)
        if quantiles is None:
            return None
        value, (low, high) = typical_value(part, quantiles), in_column_unit(part, quantiles)
        ends = quantiles["reference"][0], quantiles["reference"][-1]
        beyond = beyond or value in ends
        found.append((value, low, high))
        medians.append((quantiles["window"][quantiles["levels"].index(0.5)], low, high))
    return (medians, f"median {column}") if beyond else (found, f"typical {column}")


def _shown(result: ColumnResult, part: ComponentJudgement) -> tuple[float, float, float]:
    """(value, low, high) in the unit that a person reads."""
    low, high = normal_range(part)
    change = _unit(result, part.name)
    return change(part.score.y), change(low), change(high)


def _unit(result: ColumnResult, component: str) -> Callable[[float], float]:
    if component.startswith("r:"):
        return tanh
    if component == "rows":
        return exp
    facts = result.evidence.get(component)
    if isinstance(facts, Mapping) and isinstance(facts.get("unit"), int | float):
        unit = float(facts["unit"])
        return lambda y: unit * y
    return float


def _measure(series: Series, result: ColumnResult, component: str) -> tuple[str, bool]:
    """What a component is called, and whether it is a share."""
    column = clean(column_name(series.column), 24)
    if component == "c1":
        return f"level of {column}, in sd", False
    if component.startswith("level:"):
        label = clean(component.removeprefix("level:"), _LABEL) if may_be_named(result) else "one value"
        return f"share of {label}", True
    if component.startswith("r:"):
        first, second = component.removeprefix("r:").split("~", 1)
        return f"correlation of {clean(first, 16)} and {clean(second, 16)}", False
    plain = {
        "c2": (f"spread of {column} (0: as in the reference)", False),
        "c3": (f"skew of {column} (0: as in the reference)", False),
        "missing": ("rows without a value", True),
        "out_of_range": ("rows out of range", True),
        "stuck": ("more rows at one value than before", True),
        "unseen": ("rows with a value never seen", True),
        "rest": ("rows with a rare value", True),
        "accuracy": ("accuracy" if series.column == PERFORMANCE else "estimated accuracy", True),
        "mae": ("mean error, as a share of the reference's", True),
        "bias": ("outcome beyond the score", False),
        "brier": ("Brier score", False),
        "rows": ("rows a window", False),
        "errors": ("rows that are errors", True),
        "agreement": ("rows on which both agree", True),
    }
    return plain.get(component, (clean(component.replace("_", " "), 40), False))


def _limited(incident: Incident, passed: Sequence[Passed], metric: str) -> Course | None:
    """A reported metric under the plain limit that the config gives it."""
    points = [
        (each, found.value)
        for each in passed
        for found in each.result.measurements
        if found.metric == metric and isfinite(found.value)
    ]
    normal = incident.facts.get("normal")
    limit = normal[1] if isinstance(normal, list | tuple) and len(normal) == 2 else None
    if len(points) < 2 or not isinstance(limit, int | float):
        return None
    return Course(
        measure=f"{clean(metric, 24)} (limit {limit:g})",
        percent=False,
        starts=tuple(each.span.start for each, _ in points),
        values=tuple(value for _, value in points),
        low=(None,) * len(points),
        high=(float(limit),) * len(points),
        breached=tuple(each.said is VerdictKind.BREACH for each, _ in points),
    )
