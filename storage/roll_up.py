"""What is one day's row of a column, made of the rows of its windows?

Each metric keeps its mean, weighted by the rows it was measured on, its smallest and its largest value. So a
share is the day's own share, and a peak stays visible. Rows are counted a window. Rolling up in parts gives
the same as at once.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from storage.fields import fields_of

_Fields = Mapping[str, Any]


def roll_up(windows: Iterable[_Fields], before: Sequence[_Fields] = ()) -> list[dict[str, Any]]:
    """Metrics of a day from `column_result` rows, added to what was rolled up before."""
    found: dict[str, dict[str, Any]] = {str(each["metric"]): dict(each) for each in before}
    for window in windows:
        for fields in _metrics(window):
            name = str(fields["metric"])
            found[name] = _added(found.get(name), fields)
    return list(found.values())


def _metrics(window: _Fields) -> list[dict[str, Any]]:
    """As v_measurements unfolds a row: what was measured, rows, harm and pull."""
    known = window["rows"] - window["missing_rows"]
    beside = [("rows", window["rows"], 1), ("harm", window["harm"], known), ("pull", window["pull"], known)]
    return [
        *(
            {
                "metric": each.metric,
                "value": each.value,
                "weight": each.n or 0,
                "noise_limit": each.noise_limit,
                "n": each.n,
                "n_reference": each.n_reference,
                "status": each.status,
            }
            for each in map(fields_of, window["measurements"])
        ),
        *(
            {
                "metric": name,
                "value": value,
                "weight": weight,
                "noise_limit": None,
                "n": weight if name != "rows" else window["rows"],
                "n_reference": None,
                "status": "ok",
            }
            for name, value, weight in beside
            if value is not None
        ),
    ]


def _added(day: dict[str, Any] | None, one: dict[str, Any]) -> dict[str, Any]:
    value = one["value"]
    if day is None:
        return {**one, "min": value, "max": value}
    n = (day["n"] or 0) + (one["n"] or 0)
    if value is None:
        return {**day, "n": n}
    if day["value"] is None:  # so far it could not be said
        return {**one, "min": value, "max": value, "n": n}
    weight = day["weight"] + one["weight"]
    return {
        **day,
        "value": _mean(day, one, "value", weight),
        "noise_limit": _mean(day, one, "noise_limit", weight),
        "min": min(day["min"], value),
        "max": max(day["max"], value),
        "weight": weight,
        "n": n,
    }


def _mean(day: _Fields, one: _Fields, name: str, weight: float) -> float | None:
    if day[name] is None or one[name] is None:
        known: float | None = one[name] if day[name] is None else day[name]
        return known
    if not weight:
        return (float(day[name]) + float(one[name])) / 2
    return float((day[name] * day["weight"] + one[name] * one["weight"]) / weight)
