"""What do relations cost beside the counting pass? CPU time, one run, the same window.

The pass counts every column; relations look at up to 40 of them, in about 20,000 to 40,000 rows of a large
window, chosen by a hash of their own values.
"""

from collections.abc import Iterator

import numpy as np

from benchmarks.rows import Row, median_cpu_s
from detectors import NumericColumn, build_profile
from detectors._counting import count_columns
from detectors._joint_components import joint_components, joint_evidence
from detectors._joint_counting import count_joint
from detectors._relation_fit import fit_relations
from detectors._relations import MOST_COLUMNS, relations_of

# All of section 1 may cost half a pass more; this is the part of it that relations may take.
SHARE_OF_A_PASS = 0.3
_REFERENCE = 20_000


def relations(rows: int, seed: int = 0) -> Iterator[Row]:
    """Windows of `rows` and of a thousandth of them, of 40 and of 100 columns, complete and with gaps."""
    for n, columns, missing in (
        (rows, 40, 0.0),
        (rows, 40, 0.1),
        (rows, 100, 0.0),
        (max(200, rows // 1_000), 100, 0.0),
        (max(200, rows // 1_000), 100, 0.1),
        (max(200, rows // 1_000), 40, 0.0),
    ):
        yield from _window(np.random.default_rng(seed), n, columns, missing)


def _window(rng: np.random.Generator, rows: int, columns: int, missing: float) -> Iterator[Row]:
    reference = _drawn(rng, _REFERENCE, columns, missing)
    profile = build_profile(reference, roles={})
    part = fit_relations(profile, reference, _REFERENCE, rows)
    assert part is not None
    profile = profile.with_parts({"relations": part})
    found = relations_of(profile)
    assert found is not None
    window = _drawn(rng, rows, columns, missing)
    joint = count_joint(profile, found, window, rows)
    runs = 5 if rows > 100_000 else 21

    def ours() -> object:
        counted = count_joint(profile, found, window, rows)
        return joint_components(found, counted, rows), joint_evidence(found, counted, rows)

    pass_s = median_cpu_s(lambda: count_columns(profile, window, rows), runs)
    ours_s = median_cpu_s(ours, runs)
    name = f"{rows:,} × {columns}" + (f", {missing:.0%} missing" if missing else "")
    yield Row(
        what=f"relations, {name}",
        measured=ours_s / pass_s,
        unit="of a pass",
        at_most=SHARE_OF_A_PASS if columns > MOST_COLUMNS or rows > 100_000 else None,
        note=f"{ours_s * 1e3:.2f} ms, {joint.rows:,} rows of {len(found.columns)} columns",
    )
    told_s = median_cpu_s(
        lambda: (joint_components(found, joint, rows), joint_evidence(found, joint, rows)), 5, repeats=5
    )
    yield Row(
        what="  its components and evidence alone",
        measured=told_s * 1e3,
        unit="ms",
        note=f"{len(found.names)} pairs",
    )


def _drawn(rng: np.random.Generator, rows: int, columns: int, missing: float) -> dict[str, NumericColumn]:
    """Columns of one common cause, r = 0.2 each."""
    common = rng.standard_normal(rows)
    found = {}
    for index in range(columns):
        values = 0.5 * common + rng.standard_normal(rows)
        if missing:
            values[rng.random(rows) < missing] = np.nan
        found[f"x{index}"] = NumericColumn(values=values)
    return found
