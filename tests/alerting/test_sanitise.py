"""What a string from data may look like."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alerting.sanitise import LIMIT, clean, escape


@given(st.text(max_size=6000))
def test_clean_is_short_printable_and_stable(text: str) -> None:
    """At most 80 characters of one line, nothing to remove twice."""
    cleaned = clean(text)
    assert len(cleaned) <= LIMIT
    assert "`" not in cleaned
    assert cleaned.replace(" ", "").isprintable()
    assert clean(cleaned) == cleaned


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("a\x00b\x1b[31mc", "ab[31mc"),
        ("\u202eevil\u2066", "evil"),
        ("two\nlines\tand tab", "two lines and tab"),
        ("```code```", "'''code'''"),
        ("x" * 5000, "x" * 79 + "…"),
        ("Zürich 東京 ✈", "Zürich 東京 ✈"),
        ("\ud800", ""),
    ],
)
def test_clean_by_hand(raw: str, cleaned: str) -> None:
    """Control, bidi, surrogates gone; letters of every script stay."""
    assert clean(raw) == cleaned


def test_escape_is_slacks_three() -> None:
    """The ampersand first, so that nothing is escaped twice."""
    assert escape("<!channel> & <@U1>") == "&lt;!channel&gt; &amp; &lt;@U1&gt;"
