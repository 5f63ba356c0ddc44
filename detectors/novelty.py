"""How many rows carry a category the reference never had, and how many different categories came?

unseen = rows with a label the reference never had / known rows. distinct = different labels in the window.

unseen lies in [0, 1], a share of the known rows; distinct is a count ≥ 0. There are no zero bins and no
ties. Missing rows are left out. A window without a known row: unseen NaN, distinct 0. Category columns only.
distinct counts the labels kept in the profile and the unseen ones (256 at most are told apart); labels
pooled as "rest" are not told apart and do not count.

A reference of N rows always lacks some labels. Good and Turing: the next row carries a new one with
probability N₁/N, where N₁ labels were seen exactly once. unseen's noise limit is the 99.9 % beta-binomial
point predicted from N₁ of N. That of distinct is mean + 3.09 sd + ½ of Σ_l [label l is met in n rows], sd
from the negatively dependent indicators taken as independent (an upper bound), plus the limit of unseen
rows.

Source: Good 1953, "The population frequencies of species and the estimation of population parameters",
Biometrika 40, equation (9); Joag-Dev & Proschan 1983, Ann. Statist. 11(1), for negative association.
"""

import math
from dataclasses import dataclass

import numpy as np

from detectors._column_profile import CategoryProfile
from detectors._measurement import Measurement
from detectors._profile import Profile
from detectors._sampling import EXCEEDANCE, share_limit, share_p
from detectors._special import special
from detectors._summary import CategorySummary, WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Novelty:
    """No options."""

    def measure(self, profile: Profile, window: WindowSummary) -> list[Measurement]:
        """One `unseen` and one `distinct` a category column."""
        measurements = []
        for name, summary in window.columns.items():
            column = profile.columns[name]
            if isinstance(column, CategoryProfile) and isinstance(summary, CategorySummary):
                measurements += [_unseen(column, summary), _distinct(column, summary)]
        return measurements


def _unseen(column: CategoryProfile, summary: CategorySummary) -> Measurement:
    n_reference, n = column.values, summary.values
    return Measurement(
        column=column.name,
        metric="unseen",
        value=summary.unseen / n if n else math.nan,
        noise_limit=share_limit(column.singletons, n_reference, n),
        p=share_p(column.singletons, n_reference, summary.unseen, n),
        direction=1 if summary.unseen else 0,
        n_reference=n_reference,
        n=n,
    )


def _distinct(column: CategoryProfile, summary: CategorySummary) -> Measurement:
    n_reference, n = column.values, summary.values
    unseen = share_limit(column.singletons, n_reference, n)
    limit = None
    met = int(np.count_nonzero(summary.counts))
    if unseen is not None:
        # 1 − (1 − p)^n: the chance that a label of share p is met at all.
        chance = -np.expm1(n * np.log1p(-np.minimum(column.counts / n_reference, 1.0 - 1e-12)))
        sd = math.sqrt(float((chance * (1.0 - chance)).sum()))
        kept = float(chance.sum()) + float(special.ndtri(1.0 - EXCEEDANCE)) * sd + 0.5
        limit = min(float(column.counts.shape[0]), kept) + min(256.0, unseen * n)
    distinct = met + len(summary.unseen_labels)
    return Measurement(
        column=column.name,
        metric="distinct",
        value=float(distinct),
        noise_limit=limit,
        n_reference=n_reference,
        n=n,
    )
