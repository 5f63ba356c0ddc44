"""How do the facts of a verdict that an earlier version judged read today?

Version 0.1.0 looked at the running mean alone: no sums of the latest windows, no evidence over weeks. What it
wrote stays as it is in the database; its numbers are put where today's arithmetic looks for them.
"""

from collections.abc import Mapping
from typing import Any

_NO_SUMS = [1e9]  # their ν alone, behind no variance


def is_older(components: Mapping[str, Mapping[str, Any]]) -> bool:
    """Whether the arithmetic of these stored components was that of an earlier version."""
    return any("sums" not in stored["ewma"] for stored in components.values())


def as_today(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """One component of such a verdict, complete."""
    return {**stored, "ewma": {"sums": _NO_SUMS, **stored["ewma"]}}


def of_then(now: Mapping[str, Any]) -> dict[str, Any]:
    """What such a verdict would hold of a component that was computed again: one tail for both sides, and a
    running mean without the windows behind it."""
    ewma = {name: value for name, value in now["ewma"].items() if name != "sums"}
    ewma |= {"before": ewma["before"][:2], "after": ewma["after"][:2]}
    down, up = now["nu"] if isinstance(now["nu"], list) else [now["nu"]] * 2
    return {**now, "nu": down if down == up else now["nu"], "ewma": ewma}
