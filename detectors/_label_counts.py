"""How many rows have each label of a profile, given how many have each label at all?"""

from collections.abc import Mapping

import numpy as np

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
