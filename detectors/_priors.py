"""What does a reference say of each component by itself, before any of its windows is looked at?"""

from math import inf

from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile
from detectors._components import components
from detectors._learning import Prior, never_seen
from detectors._profile import Profile
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary


def priors(profile: Profile) -> dict[tuple[str, str], Prior]:
    """By (column, component): the mean over all reference rows, or what is zero there by construction."""
    found: dict[tuple[str, str], Prior] = {}
    for name, column in profile.columns.items():
        for component in components(column, _itself(column), column.rows):
            found[name, component.name] = _prior(column, component.name, component.y, component.n)
    return found


def _prior(column: ColumnProfile, component: str, mean: float, rows: int) -> Prior:
    if component == "unseen" and isinstance(column, CategoryProfile):
        return never_seen(column.values, column.singletons)
    if component == "out_of_range":
        return never_seen(column.values)
    return Prior(mean=mean, rows=rows, upward=component == "stuck")


def _itself(column: ColumnProfile) -> ColumnSummary:
    """The reference's rows as a window: what components need of one."""
    if isinstance(column, NumericProfile):
        return NumericSummary(
            counts=column.counts,
            missing=column.missing,
            below_edge=0,
            above_edge=0,
            infinite=column.infinite,
            minimum=float(column.knots[0]) if column.knots.size else inf,
            maximum=float(column.knots[-1]) if column.knots.size else -inf,
            moment1=0,
            moment2=0,
        )
    return CategorySummary(
        counts=column.counts, rest=column.rest, missing=column.missing, unseen=0, unseen_labels={}
    )
