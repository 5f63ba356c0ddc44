"""Numbers about distributions: a frozen reference, windows counted on it, what each detector makes of them.

Importing this package loads no detector, no compiler and no SciPy.
"""

from typing import TYPE_CHECKING

from detectors._column import CategoryColumn, Column, Columns, Kind, NumericColumn, Role
from detectors._column_profile import CategoryProfile, ColumnProfile, NumericProfile, Outcomes, decode
from detectors._count import Extras, count
from detectors._derived import DERIVED, ScoreSpec, derive
from detectors._measurement import Bins, Component, Harm, Measurement
from detectors._profile import Profile, build_profile
from detectors._profile_encoding import decode_profile, encode_profile
from detectors._summary import CategorySummary, ColumnSummary, NumericSummary, WindowSummary
from detectors._summary_encoding import OtherProfileError, decode_summary, encode_summary

if TYPE_CHECKING:
    from detectors._noise import NoiseModel

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
    "Extras",
    "Harm",
    "Kind",
    "Measurement",
    "NoiseModel",
    "NumericColumn",
    "NumericProfile",
    "NumericSummary",
    "OtherProfileError",
    "Outcomes",
    "Profile",
    "Role",
    "ScoreSpec",
    "WindowSummary",
    "build_profile",
    "count",
    "decode",
    "decode_profile",
    "decode_summary",
    "derive",
    "encode_profile",
    "encode_summary",
]


def __getattr__(name: str) -> object:
    """NoiseModel on first use (PEP 562): it loads SciPy, and a reader of history needs none."""
    if name == "NoiseModel":
        from detectors._noise import NoiseModel  # noqa: PLC0415 - see above

        return NoiseModel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
