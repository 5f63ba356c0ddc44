"""How is a model's performance told: what labels say, beside what was foretold without them?"""

from collections.abc import Mapping, Sequence
from typing import Any

from monitor.wording import number, percent


def realised(told: Mapping[str, Any]) -> str:
    """`accuracy 61.2 ± 7.7 % of 152 labelled rows (reference 67.9 %; estimated before 66.1 ± 3.1 %)`."""
    metric = told.get("metric")
    if metric is None or not told.get("realised"):
        return ""
    beside = []
    if told.get("reference"):
        beside.append(f"reference {_value(metric, told['reference'], band=False)}")
    if told.get("estimated"):
        trust = "" if told.get("estimate_trusted", True) else ", not to be trusted"
        beside.append(f"estimated before {_value(metric, told['estimated'])}{trust}")
    rows = f" of {told['labelled']:,} labelled rows" if told.get("labelled") else ""
    more = f" ({'; '.join(beside)})" if beside else ""
    return f"{'MAE' if metric == 'mae' else metric} {_value(metric, told['realised'])}{rows}{more}"


def foretold(told: Mapping[str, Any]) -> str:
    """What the inputs let expect: `−3.2 ± 0.4 points from amount alone`."""
    harm = told.get("predicted_harm")
    if not harm or harm.get("points") is None:
        return ""
    error = f" ± {harm['error']:.1f}" if harm.get("error") is not None else ""
    return f"{harm['points']:+.1f}{error} points from {harm['column']}'s change alone"


def _value(metric: str, pair: Sequence[float | None], *, band: bool = True) -> str:
    value, half = pair[0], pair[1] if len(pair) > 1 else None
    if value is None:
        return "not known"
    if metric == "mae":
        return number(value) + (f" ± {number(half, 2)}" if band and half else "")
    return f"{100.0 * value:.1f} ± {100.0 * half:.1f} %" if band and half else percent(value)
