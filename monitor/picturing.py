"""Which stored numbers does the picture of an incident show? Nothing is read from a source.

On the left the window that was last told of, bin by bin, against the reference and the range of the windows
before the incident; on the right the measure that decided, over the last windows, inside its normal range.
"""

from collections.abc import Callable, Mapping, Sequence
from math import exp, isfinite, tanh

from sqlalchemy import Connection

from alerting.answers import diagnosis
from alerting.incident import Incident
from alerting.phrases import window as named_window
from alerting.phrases import zone as zone_of
from alerting.sanitise import clean
from alerting.series import AGAINST_FIXED, CREEP, LABEL_FEED, PLAIN, Series
from alerting.verdict import VerdictKind
from detectors import Bins, Kind
from detectors._column import PERFORMANCE
from detectors._ewma import Ewma
from detectors._noise import ComponentNoise, NoiseModel
from monitor.component_judgement import ComponentJudgement, judge_component
from monitor.mix_change import may_be_named
from monitor.normal_range import in_column_unit, normal_range, typical_value
from monitor.picture import WINDOWS, Course, Picture, Shares
from monitor.shape_change import quantiles_of
from monitor.windows import WindowSpec, slots
from storage import courses, profiles
from storage.courses import Passed
from storage.due_window import Stream
from storage.measurements import ColumnResult, ColumnStatus

ENOUGH = 5  # windows before the incident: fewer say little about a range
_BINS = 12  # rows of the left side
_NAME, _HEADING, _SAID = 16, 56, 100  # characters

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


def picture_of(conn: Connection, incident: Incident, spec: WindowSpec) -> Picture | None:
    """None where nothing was measured that could be drawn: a silent feed, a column that is gone."""
    series = incident.series
    if series.column in ("", LABEL_FEED) or not series.model:
        return None
    stream = Stream.LABELS if series.column == PERFORMANCE else Stream.INPUTS
    passed = courses.latest(conn, series, stream, incident.window_start, 2 * WINDOWS)
    passed = [each for each in passed if each.result.status is ColumnStatus.OK]
    # The last breach, which is what the incident's words are about: what came after it is easing.
    last = next((each for each in reversed(passed) if each.said is VerdictKind.BREACH), None)
    if last is None:
        return None
    before = [each for each in passed if each.span.start < incident.since][-WINDOWS:]
    shares = _shares(last, before)
    course = _course(conn, incident, spec, passed[-WINDOWS:])
    if shares is None and course is None:
        return None
    zone = zone_of(spec.zone)
    return Picture(
        heading=clean(f"{series.model}: {_place(series)}", _HEADING),
        line=clean(diagnosis(_line(incident)), _SAID),
        window=named_window(last.span.start, last.span.end, last.span.end, zone),
        rows=last.result.rows,
        latest=course is None or course.starts[-1] == last.span.start,
        zone=spec.zone,
        shares=shares,
        course=course,
    )


def _line(incident: Incident) -> dict[str, object]:
    series = incident.series
    return {
        "column": series.column,
        "segment": series.segment,
        "version": series.version,
        "change": incident.change,
        "title": incident.title,
    }


def _place(series: Series) -> str:
    name = _name(series.column)
    where = AGAINST_FIXED if series.segment.startswith(f"{CREEP}=") else series.segment
    more = ", ".join(part for part in (where, series.version and f"version {series.version}") if part)
    return f"{name} ({more})" if more else name


def _name(column: str) -> str:
    """As a person calls it: `performance`, `max probability`."""
    plain = PLAIN.get(column)
    if plain is not None:
        return plain
    return column.strip("_").replace("_", " ") if column.startswith("__") else column


def _shares(last: Passed, before: Sequence[Passed]) -> Shares | None:
    bins = last.result.bins
    if bins is None or not any(bins.window):
        return None
    alike = [each.result.bins for each in before if each.result.bins is not None]
    alike = [each for each in alike if each.labels == bins.labels and any(each.window)]
    held = [
        max(values) for values in zip(bins.window, bins.reference, *(b.window for b in alike), strict=True)
    ]
    chosen, left_out = _bins(last.result, bins, held)
    earlier = [_chosen(each.window, chosen) for each in alike] if len(alike) >= ENOUGH else []
    return Shares(
        labels=tuple(label for label, _ in chosen),
        window=_chosen(bins.window, chosen),
        reference=_chosen(bins.reference, chosen),
        low=tuple(min(values) for values in zip(*earlier, strict=True)),
        high=tuple(max(values) for values in zip(*earlier, strict=True)),
        windows=len(earlier),
        left_out=left_out,
    )


def _bins(result: ColumnResult, bins: Bins, held: Sequence[float]) -> tuple[list[tuple[str, int]], int]:
    """The bins to draw with their labels, and how many are left out: those that moved least.

    Bins that never held a row are not drawn either; the three for the unexpected stay when they did.
    """
    numeric = result.kind is Kind.NUMERIC
    last = len(bins.labels) - 1
    drawn = [i for i in range(len(bins.labels)) if held[i] > 0.0005]
    if numeric:
        drawn.sort(key=lambda i: _position(bins.labels[i]))
    most = sorted(
        drawn,
        key=lambda i: (i >= last - (0 if numeric else 1), abs(bins.window[i] - bins.reference[i])),
        reverse=True,
    )
    kept = {*most[:_BINS]}
    return [(_label(result, bins.labels, i), i) for i in drawn if i in kept], len(drawn) - len(kept)


def _label(result: ColumnResult, labels: Sequence[str], index: int) -> str:
    """A bin's name. Labels of a column with many levels, which may be names or addresses, get a number."""
    name = labels[index]
    if index == len(labels) - 1:
        return "missing"
    if result.kind is Kind.NUMERIC:
        return name.replace("-", "−")
    if index == len(labels) - 3:
        return "rare values"
    if index == len(labels) - 2:
        unseen = result.evidence.get("unseen")
        new = unseen["labels"] if isinstance(unseen, dict) else []
        named = may_be_named(result) and len(new) == 1
        return clean(f"new: {new[0][0]}", _NAME) if named else "new values"
    return clean(name, _NAME) if may_be_named(result) else f"value {index + 1}"


def _position(label: str) -> float:
    """Where a numeric bin stands: `below 5`, `= 8`, `8 to 10`, `above 23`, `missing`."""
    words = label.split()
    if words[0] in ("below", "above", "missing", "value"):
        return {"below": -1e308, "value": 0.0, "above": 1e308}.get(words[0], float("inf"))
    return float(words[1] if words[0] == "=" else words[0])


def _chosen(shares: Sequence[float], bins: Sequence[tuple[str, int]]) -> tuple[float, ...]:
    return tuple(shares[i] for _, i in bins)


def _course(
    conn: Connection, incident: Incident, spec: WindowSpec, passed: Sequence[Passed]
) -> Course | None:
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
    column = clean(_name(points[-1][0].result.column), 24)
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
    column = clean(_name(series.column), 24)
    if component == "c1":
        return f"level of {column}, in sd", False
    if component.startswith("level:"):
        label = clean(component.removeprefix("level:"), _NAME) if may_be_named(result) else "one value"
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
