"""How is one batch counted on a profile? The door to the compiler: it loads when something is counted."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from detectors._column import Columns, taken
from detectors._profile import Profile
from detectors._summary import WindowSummary


@dataclass(frozen=True, slots=True, kw_only=True)
class Extras:
    """Columns that are counted beside the profile's own; what a batch lacks is not counted."""

    version: str | None = None  # of the model that answered
    shadow: Mapping[str, str] = field(default_factory=dict)  # {class: column} of a second score
    error: str | None = None  # whether the answer was an error


NO_EXTRAS = Extras()


def count(profile: Profile, columns: Columns, rows: int, extras: Extras = NO_EXTRAS) -> WindowSummary:
    """Counts one batch. Derived columns are computed here; columns the profile does not know are ignored.

    A column absent from the batch is absent from the summary; one of the wrong kind raises ValueError. Rows
    of several model versions are counted apart, and the whole is their sum: no row is counted twice.
    """
    if extras.version is None or extras.version not in columns or not rows:
        return _count(profile, columns, rows, extras)
    # Here, not above: see _count.
    from detectors._slices import labels_of  # noqa: PLC0415

    versions = labels_of(columns[extras.version])
    codes = np.unique(versions.codes)
    names = [versions.labels[code] if code >= 0 else "" for code in codes.tolist()]
    if codes.size == 1:
        return replace(_count(profile, columns, rows, extras), version=names[0])
    whole = WindowSummary.empty(profile)
    for code, name in zip(codes, names, strict=True):
        mine = np.flatnonzero(versions.codes == code)
        part = {other: taken(column, mine) for other, column in columns.items()}
        whole = whole + replace(_count(profile, part, int(mine.size), extras), version=name)
    return whole


def _count(profile: Profile, columns: Columns, rows: int, extras: Extras) -> WindowSummary:
    # Here, not above: reading history must not load the compiler, nor SciPy.
    from detectors._counting import count_columns  # noqa: PLC0415
    from detectors._relations import relations_of  # noqa: PLC0415
    from detectors._service import error_rows  # noqa: PLC0415
    from detectors._shadow import count_shadow  # noqa: PLC0415
    from detectors._slices import slices_of  # noqa: PLC0415

    slices, relations = slices_of(profile), relations_of(profile)
    cells: dict[str, NDArray[np.uint32]] | None = None if slices is None else {}
    counted = count_columns(profile, columns, rows, cells)
    whole = WindowSummary(rows=rows, columns=counted, profile_digest=profile.digest)
    if relations is not None:
        from detectors._joint_counting import count_joint  # noqa: PLC0415

        whole = replace(whole, joint=count_joint(profile, relations, columns, rows))
    if slices is not None and cells is not None:
        from detectors._slice_counting import count_slices  # noqa: PLC0415

        whole = replace(whole, slices=count_slices(profile, slices, columns, cells))
    if extras.shadow and profile.score is not None:
        whole = replace(whole, shadow=count_shadow(columns, profile.score, extras.shadow, profile.columns))
    if extras.error is not None and extras.error in columns:
        whole = replace(whole, errors=int(error_rows(columns[extras.error]).sum()))
    return whole
