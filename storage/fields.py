"""How is one number of a column kept? As a list without names: a window of 50 columns has 800 numbers, and
the names would be most of what it leaves.

[metric, value, status, noise_limit, n, n_reference, p, direction, bound], and what is absent at its end is
left out. Until revision 0013 it was an object with those keys; the views read both, and so does this.
"""

import math
from collections.abc import Mapping
from typing import Any

from detectors import Measurement
from storage.encoding import dumps, loads

_NAMES = ("metric", "value", "status", "noise_limit", "n", "n_reference", "p", "direction", "bound")
_ABSENT: dict[str, Any] = {**dict.fromkeys(_NAMES), "direction": 0}
_NOT_FINITE = {"undefined": math.nan, "infinite": math.inf, "minus_infinite": -math.inf}

Kept = list[Any] | dict[str, Any]
Fields = Mapping[str, Any]


def kept(m: Measurement) -> list[Any]:
    """A statistic that is not a number is null beside a status that says what it is."""
    status = "ok" if math.isfinite(m.value) else "undefined" if math.isnan(m.value) else "infinite"
    fields = [
        m.metric,
        finite(m.value),
        status if m.value != -math.inf else "minus_infinite",
        m.noise_limit,
        m.n,
        m.n_reference,
        m.p,
        m.direction or None,
        m.bound,
    ]
    while fields[-1] is None:
        fields.pop()
    return fields


def read(text: str, metric: str | None = None) -> list[Kept]:
    """What a column of JSON text holds; of one metric only that one is read, the rest is passed over."""
    if metric is None or not text.startswith("[["):  # objects, or nothing
        found: list[Kept] = loads(text)
        return found if metric is None else [one for one in found if fields_of(one)["metric"] == metric]
    begins, found = f"[{dumps(metric)},", []
    at = text.find(begins)
    while at >= 0:
        # Behind its name stand numbers and a word: the first bracket is its own.
        end = text.index("]", at + len(begins)) + 1
        found.append(loads(text[at:end]))
        at = text.find(begins, end)
    return found


def fields_of(one: Kept) -> Fields:
    """By name, whatever is absent included."""
    if isinstance(one, dict):
        return one
    return {**_ABSENT, **dict(zip(_NAMES, one, strict=False))}


def measurement_of(column: str, one: Kept) -> Measurement:
    """As it was measured, to the bit."""
    fields = fields_of(one)
    value = fields["value"] if fields["status"] == "ok" else _NOT_FINITE[fields["status"]]
    return Measurement(
        column=column,
        metric=fields["metric"],
        value=value,
        noise_limit=fields["noise_limit"],
        p=fields["p"],
        bound=fields["bound"],
        direction=fields["direction"] or 0,
        n_reference=fields["n_reference"],
        n=fields["n"],
    )


def finite(value: float) -> float | None:
    """SQLite keeps no NaN."""
    return float(value) if math.isfinite(value) else None
