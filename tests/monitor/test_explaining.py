"""Which stored verdict a person asks about."""

import pytest

from monitor.explaining import _names


@pytest.mark.parametrize(
    ("typed", "names"),
    [
        ("performance", ("performance", "__performance__")),
        ("__joint__", ("__joint__",)),
        ("temp", ("temp",)),
        ("", ("",)),
    ],
)
def test_what_is_told_like_a_column_may_be_called_by_its_plain_word(
    typed: str, names: tuple[str, ...]
) -> None:
    """A column of that name goes first."""
    assert _names(typed) == names
