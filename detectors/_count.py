"""How is one batch counted on a profile? The door to the compiler: it loads when something is counted."""

from detectors._column import Columns
from detectors._profile import Profile
from detectors._summary import WindowSummary


def count(profile: Profile, columns: Columns, rows: int) -> WindowSummary:
    """Counts one batch. Derived columns are computed here; columns the profile does not know are ignored.

    A column absent from the batch is absent from the summary; one of the wrong kind raises ValueError.
    """
    # Here, not above: reading history must not load the compiler.
    from detectors._counting import count_columns  # noqa: PLC0415

    return WindowSummary(
        rows=rows, columns=count_columns(profile, columns, rows), profile_digest=profile.digest
    )
