"""Laws of what a person may type for an instant."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor.config import Config
from monitor.config_file import parse
from monitor.exits import CommandError
from monitor.moments import moment, zone_of

NOW = datetime(2026, 6, 15, 12, tzinfo=UTC)
MODEL = """
[models.{name}]
task = "binary"
source = {{ kind = "parquet", path = "x", timestamp = "ts" }}
reference = {{ source = {{ kind = "parquet", path = "r" }} }}
window = {{ zone = "{zone}" }}
"""


def config(**zones: str) -> Config:
    text = "".join(MODEL.format(name=name, zone=zone) for name, zone in zones.items())
    return parse(text, path=Path("leeway.toml"))


def test_nothing_said_is_nothing_meant() -> None:
    """None stays None."""
    assert moment(None, NOW, config(), None) is None


def test_an_age_counts_back_from_now() -> None:
    """7d is that long ago, in any zone."""
    assert moment("7d", NOW, config(a="America/New_York"), "a") == NOW - timedelta(days=7)


def test_a_date_is_midnight_of_the_models_zone() -> None:
    """Summer time counts."""
    found = moment("2026-06-01", NOW, config(a="America/New_York"), "a")
    assert found == datetime(2026, 6, 1, 4, tzinfo=UTC)


def test_an_offset_in_the_text_wins() -> None:
    """Whoever writes one means it."""
    found = moment("2026-06-01T06:00+02:00", NOW, config(a="America/New_York"), "a")
    assert found == datetime(2026, 6, 1, 4, tzinfo=UTC)


def test_the_zone_without_a_model_is_the_only_one_there_is() -> None:
    """Two zones have no common midnight: UTC then."""
    assert zone_of(config(a="Europe/Helsinki", b="Europe/Helsinki"), None) == "Europe/Helsinki"
    assert zone_of(config(a="Europe/Helsinki", b="UTC"), None) == "UTC"
    assert zone_of(config(), None) == "UTC"


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01", "7 parsecs"])
def test_anything_else_says_what_would_do(text: str) -> None:
    """With the three spellings and what was typed."""
    with pytest.raises(CommandError, match=r"a date .* a time .* or an age") as caught:
        moment(text, NOW, config(), None)
    assert f'"{text}"' in str(caught.value)
