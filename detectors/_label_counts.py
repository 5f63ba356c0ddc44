"""How many rows have each label of a profile, given how many have each label at all?"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors._column import SharedLabels
from detectors._column_profile import CategoryProfile
from detectors._summary import CategorySummary, smallest


def count_by_label(profile: CategoryProfile, rows_of: Mapping[str, int], missing: int) -> CategorySummary:
    """`rows_of`: rows of each label, of some or of all rows; `missing`: rows without one."""
    counts = np.zeros(len(profile.labels), dtype=np.int64)
    rest, index = 0, profile.index
    unseen: dict[str, int] = {}
    for label, rows in rows_of.items():
        position = index.get(label)
        if position is not None:
            counts[position] += rows
        elif profile.seen(label):
            rest += rows
        else:
            unseen[label] = rows
    return CategorySummary(
        counts=counts,
        rest=rest,
        missing=missing,
        unseen=sum(unseen.values()),
        unseen_labels=smallest(unseen),
    )


def count_by_code(
    profile: CategoryProfile, labels: SharedLabels, rows: NDArray[np.int64], missing: int
) -> CategorySummary:
    """`rows`: int64[labels], of each. Labels are looked up once for all batches that share them."""
    known = labels.places
    if known is None or known[0] is not profile:
        places = np.array([profile.index.get(label, -1) for label in labels], dtype=np.int64)
        known = labels.places = (profile, places)
    places = known[1]
    held = places >= 0
    others = np.flatnonzero(np.where(held, 0, rows)).tolist()
    found = count_by_label(profile, {labels[code]: int(rows[code]) for code in others}, missing)
    found.counts[places[held]] = rows[held]
    return found
