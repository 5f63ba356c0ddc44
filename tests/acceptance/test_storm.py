"""T42, bounded: many series fire in one window while Slack takes one message a second."""

from pathlib import Path

from alerting.group import ROOTS_AN_HOUR
from tests.acceptance.storm import storm
from tests.patience import within

MODELS, COLUMNS = 33, 5


def test_a_storm_holds_nothing_up_and_drops_nothing(tmp_path: Path) -> None:
    """All of it is history, thirty posts and digests tell all of it, and windows are looked at in time."""
    seen = storm(tmp_path, MODELS, COLUMNS, drain_s=12)
    assert seen.pages >= MODELS * COLUMNS
    assert seen.told == seen.pages
    assert seen.digests >= 1
    assert 1 < seen.posts <= ROOTS_AN_HOUR + 2
    assert seen.fastest_s >= 1.0
    assert seen.windows >= 1
    assert seen.late_s < within(5.0)
