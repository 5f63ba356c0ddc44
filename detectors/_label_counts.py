"""How many rows have each label of a profile, given how many have each label at all?"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from detectors._column import SharedLabels
from detectors._column_profile import CategoryProfile
from detectors._summary import CategorySummary, smallest


def count_by_label(profile: CategoryProfile, rows_of: Mapping[str, int], missing: int) -> CategorySummary:
    """`rows_of`: rows of each label, of some or of all rows; `missing`: rows without one."""
    find = profile.index.get
    places = np.array([find(label, -1) for label in rows_of], dtype=np.int64)
    rows = np.fromiter(rows_of.values(), dtype=np.int64, count=len(rows_of))
    counts = np.zeros(len(profile.labels), dtype=np.int64)
    counts[places[places >= 0]] = rows[places >= 0]
    # Few are strangers, or nearly all: with a hundred thousand labels each step of Python's is felt.
    strangers = [label for label, place in zip(rows_of, places.tolist(), strict=True) if place < 0]
    seen, strange = profile.seen(strangers), rows[places < 0]
    rest = int(strange[seen].sum())
    unseen = {strangers[at]: int(strange[at]) for at in np.flatnonzero(~seen).tolist()}
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
