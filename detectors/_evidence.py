"""Which facts of a window name the change later, when the counts are gone? Plain JSON, no thresholds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._cells import located, quantiles, tail_bounds
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, wrong_kind
from detectors._components import stuck_cell
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary
from detectors._unit_fit import unit_fit

JSON = Any

_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
_FIT_LEVELS = np.arange(1, 20) / 20.0
_TOP_UNSEEN = 5
_KEPT_KNOTS = 512  # of a grid: 5 kB of text, in the rare window that leaves it


def evidence(profile: ColumnProfile, summary: ColumnSummary, rows: int) -> dict[str, JSON]:
    """Both sides of every fact, None where undefined. Pairs are [reference, window]."""
    facts: dict[str, JSON] = {
        "kind": str(profile.kind),
        "rows": [profile.rows, rows],
        "values": [profile.values, summary.values],
        "missing_share": [_ratio(profile.missing, profile.rows), _ratio(rows - summary.values, rows)],
    }
    if isinstance(profile, NumericProfile) and isinstance(summary, NumericSummary):
        return facts | _numeric(profile, summary)
    if isinstance(profile, CategoryProfile) and isinstance(summary, CategorySummary):
        return facts | _category(profile, summary)
    raise wrong_kind(profile)


def _numeric(profile: NumericProfile, summary: NumericSummary) -> dict[str, JSON]:
    reference = _reference_quantiles(profile)
    window = located(
        profile.knots,
        summary.counts,
        np.append(_LEVELS, _FIT_LEVELS),
        tails=summary.tails,
        low=summary.minimum,
        high=summary.maximum,
    )
    constant = summary.finite > 0 and summary.minimum == summary.maximum
    excess, cell = stuck_cell(profile, summary)
    stuck = None
    if cell >= 0:
        beyond = cell >= profile.counts.size
        held = summary.tails[cell - profile.counts.size][1] if beyond else int(summary.counts[cell])
        stuck = {
            "value": float(summary.minimum) if constant else _cell_value(profile, summary, cell),
            "share": [
                _ratio(0 if beyond else int(profile.counts[cell]), profile.values),
                _ratio(held, summary.values),
            ],
            "excess": excess,
        }
    return {
        "quantiles": {
            "levels": list(_LEVELS),
            "reference": _numbers(reference[: len(_LEVELS)]),
            "window": _numbers(window[1, : len(_LEVELS)]),
        },
        "mean": [_number(profile.mean), _number(summary.mean(profile))],
        "sd": [_number(profile.sd), _number(summary.sd(profile))],
        "minimum": [
            _number(float(profile.knots[0]) if profile.knots.size else np.nan),
            _number(summary.minimum),
        ],
        "maximum": [
            _number(float(profile.knots[-1]) if profile.knots.size else np.nan),
            _number(summary.maximum),
        ],
        "constant": summary.minimum if constant else None,
        "stuck": stuck,
        "unit": unit_fit(profile, summary, reference[len(_LEVELS) :], window[:, len(_LEVELS) :]),
        "edges": _numbers(np.array(profile.edges)),
        "below_edge": summary.below_edge,
        "above_edge": summary.above_edge,
        "infinite": [profile.infinite, summary.infinite],
        "ends": _ends(profile, summary),
        "grid": _grid(profile, summary),
    }


def _ends(profile: NumericProfile, summary: NumericSummary) -> dict[str, JSON] | None:
    """What lies at the window's least and greatest value, and how much of the reference lies beyond it.

    `share`: [reference, window] at the value, of its cell where it is no knot; `beyond`: of the reference.
    """
    if not summary.finite or not profile.knots.size:
        return None
    found: dict[str, JSON] = {}
    for end, value in (("low", summary.minimum), ("high", summary.maximum)):
        cell = _cell(profile, value)
        if cell in (0, profile.counts.size - 1):
            found[end] = None  # nothing of the reference lies there
            continue
        upto = float(profile.cumulative[cell])
        at = float(profile.counts[cell]) / profile.values
        inside = 0.5 * at if not cell % 2 else 0.0  # of a cell between knots half lies beyond, about
        found[end] = {
            "value": float(value),
            "share": [at - inside, _ratio(int(summary.counts[cell]), summary.values)],
            "rows": int(summary.counts[cell]),
            "beyond": (upto - at if end == "low" else 1.0 - upto) + inside,
        }
    return found


def _grid(profile: NumericProfile, summary: NumericSummary) -> dict[str, JSON] | None:
    """Do values still stand where the reference's stood? Only of a reference whose every value is a knot.

    `values`: how many there are; `new`: share of rows expected elsewhere (Good–Turing, N₁/N: Good,
    Biometrika 40, 1953); `between`: share of the window's rows between knots, of its `rows` within the
    reference's range; `knots`: the values, where half of the window's rows stand elsewhere, they are few
    enough to keep and most rows share theirs: else no window stands on them, and each would keep them.
    """
    at = profile.counts[1::2]
    if not profile.values or int(at.sum()) < profile.values - profile.infinite:
        return None
    rows = int(summary.counts[1:-1].sum())
    between, alone = int(summary.counts[2:-2:2].sum()), int((at == 1).sum())
    left = 2 * between >= rows > 0 and 2 * alone <= profile.values
    return {
        "values": int(at.size),
        "new": alone / profile.values,
        "between": _ratio(between, rows),
        "rows": rows,
        "knots": _numbers(profile.knots) if left and at.size <= _KEPT_KNOTS else None,
    }


def _cell(profile: NumericProfile, value: float) -> int:
    """Which cell a value is counted in: 2i + 1 at knot i, even ones between them."""
    index = int(np.searchsorted(profile.knots, value, side="left"))
    at = index < profile.knots.size and float(profile.knots[index]) == value
    return 2 * index + 1 if at else 2 * index


def _category(profile: CategoryProfile, summary: CategorySummary) -> dict[str, JSON]:
    facts: dict[str, JSON] = {
        "distinct": [profile.distinct, int((summary.counts > 0).sum()) + len(summary.unseen_labels)],
        "unseen": {
            "rows": summary.unseen,
            "share": _ratio(summary.unseen, summary.values),
            "labels": sorted(summary.unseen_labels.items(), key=lambda item: (-item[1], item[0]))[
                :_TOP_UNSEEN
            ],
        },
        "grown": None,
        "shrunk": None,
        "vanished": [],
    }
    if summary.values and profile.values and profile.labels:
        p, q = profile.counts / profile.values, summary.counts / summary.values
        up, down = int(np.argmax(q - p)), int(np.argmin(q - p))
        facts["grown"] = _level(profile, up, p, q) if q[up] > p[up] else None
        facts["shrunk"] = _level(profile, down, p, q) if q[down] < p[down] else None
        gone = [i for i in range(len(profile.levels)) if summary.counts[i] == 0]
        facts["vanished"] = [_level(profile, i, p, q) for i in gone]
    return facts


def _level(
    profile: CategoryProfile, i: int, p: NDArray[np.float64], q: NDArray[np.float64]
) -> dict[str, JSON]:
    return {"label": profile.labels[i], "share": [float(p[i]), float(q[i])]}


def _reference_quantiles(profile: NumericProfile) -> NDArray[np.float64]:
    found: NDArray[np.float64] | None = profile.memo.get("evidence_quantiles")
    if found is None:
        found = quantiles(profile.knots, profile.counts, np.append(_LEVELS, _FIT_LEVELS))
        profile.memo["evidence_quantiles"] = found
    return found


def _cell_value(profile: NumericProfile, summary: NumericSummary, cell: int) -> float | None:
    """The value a cell stands for: its knot, or the middle between two; beyond the reference's range the
    window's own extreme where it is the one that lies there."""
    if cell >= profile.counts.size:
        low, high = tail_bounds(summary.tails[cell - profile.counts.size][0])
        at = next((end for end in (summary.minimum, summary.maximum) if low <= end <= high), None)
        return 0.5 * low + 0.5 * high if at is None else float(at)
    if cell % 2:
        return float(profile.knots[cell // 2])
    if cell in (0, profile.counts.size - 1):
        return None
    return float(0.5 * profile.knots[cell // 2 - 1] + 0.5 * profile.knots[cell // 2])


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def _numbers(values: NDArray[np.float64]) -> list[float | None]:
    return [_number(float(value)) for value in values]
