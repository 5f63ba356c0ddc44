"""How is one number of a column kept? As a list without names: a window of 50 columns has 800 numbers, and
the names would be most of what it leaves.

[metric, value, status, noise_limit, n, n_reference, p, direction, bound], and what is absent at its end is
left out. Until revision 0013 it was an object with those keys; the views read both, and so does this.
"""

import math
from functools import cache
from typing import Any, NamedTuple

from detectors import Measurement
from storage.encoding import dumps, loads


class Fields(NamedTuple):
    """One number of a column by name, as JSON has it, whatever is absent included."""

    metric: str
    value: Any = None
    status: str = ""
    noise_limit: float | None = None
    n: Any = None
    n_reference: Any = None
    p: float | None = None
    direction: int | None = None  # None: neither
    bound: float | None = None


_NOT_FINITE = {"undefined": math.nan, "infinite": math.inf, "minus_infinite": -math.inf}

Kept = list[Any] | dict[str, Any]


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
        if metric is None:
            return found
        return [one for one in found if (one["metric"] if isinstance(one, dict) else one[0]) == metric]
    begins, found = _begins(metric), []
    at = text.find(begins)
    while at >= 0:
        # Behind its name stand numbers and a word: the first bracket is its own.
        end = text.index("]", at + len(begins)) + 1
        found.append(loads(text[at:end]))
        at = text.find(begins, end)
    return found


def fields_of(one: Kept) -> Fields:
    if isinstance(one, dict):
        return Fields(**{name: one[name] for name in Fields._fields if name in one})
    return Fields(*one)


def measurement_of(column: str, one: Kept) -> Measurement:
    """As it was measured, to the bit."""
    fields = fields_of(one)
    value = fields.value if fields.status == "ok" else _NOT_FINITE[fields.status]
    return Measurement(
        column=column,
        metric=fields.metric,
        value=value,
        noise_limit=fields.noise_limit,
        p=fields.p,
        bound=fields.bound,
        direction=fields.direction or 0,
        n_reference=fields.n_reference,
        n=fields.n,
    )


@cache
def _begins(metric: str) -> str:
    """How the one of a metric begins."""
    return f"[{dumps(metric)},"


def finite(value: float) -> float | None:
    """SQLite keeps no NaN."""
    return float(value) if math.isfinite(value) else None
