"""Numbers about distributions: a frozen reference, windows counted on it, what each detector makes of them.

Importing this package loads no detector and no compiler.
"""

from detectors._column import CategoryColumn, Column, Columns, Kind, NumericColumn, Role
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, Outcomes, decode
from detectors._derived import DERIVED, ScoreSpec, derive
from detectors._measurement import Bins, Component, Harm, Measurement
from detectors._noise import NoiseModel
from detectors._profile import Profile, build_profile
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary, WindowSummary, count

__all__ = [
    "DERIVED",
    "Bins",
    "CategoryColumn",
    "CategoryProfile",
    "CategorySummary",
    "Column",
    "ColumnProfile",
    "ColumnSummary",
    "Columns",
    "Component",
    "Harm",
    "Kind",
    "Measurement",
    "NoiseModel",
    "NumericColumn",
    "NumericProfile",
    "NumericSummary",
    "Outcomes",
    "Profile",
    "Role",
    "ScoreSpec",
    "WindowSummary",
    "build_profile",
    "count",
    "decode",
    "derive",
]
