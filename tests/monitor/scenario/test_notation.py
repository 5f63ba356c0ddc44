"""Laws of the notation of scenarios: one entry a window, and what is meant by a moment."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.scenario.comparing import compact
from monitor.scenario.notation import CONDITIONS, VERDICTS, Moment, moment, numbers, series, words

VERDICT = words(VERDICTS)


@given(st.lists(st.sampled_from((*VERDICTS, None)), min_size=1, max_size=40))
def test_what_is_written_compactly_is_read_back(entries: list[str | None]) -> None:
    """`compact` and `series` are each other's inverse."""
    assert series(compact(tuple(entries)), VERDICT) == tuple(entries)


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("clear", ("clear",)),
        ("clear x3", ("clear",) * 3),
        ("clear x2 breach _ x2 hold", ("clear", "clear", "breach", None, None, "hold")),
        ("clearx2\n  breach", ("clear", "clear", "breach")),
    ],
)
def test_words(text: str, entries: tuple[str | None, ...]) -> None:
    """`x3` repeats what stands before it, glued to it or not; `_` says nothing."""
    assert series(text, VERDICT) == entries


@pytest.mark.parametrize(
    ("text", "entries"),
    [
        ("0.0 x2 0.12", (0.0, 0.0, 0.12)),
        ("0.0x2 .5x1 1e3", (0.0, 0.0, 0.5, 1000.0)),
        ("-1 _ 2", (-1.0, None, 2.0)),
    ],
)
def test_numbers(text: str, entries: tuple[float | None, ...]) -> None:
    """As a person writes them."""
    assert series(text, numbers) == entries


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "at least one window"),
        ("x3", "must follow what it repeats"),
        ("clear x2 x3", "must follow what it repeats"),
        ("clear x0", "at least once"),
        ("clear x99999", "at most"),
        ("breech", 'did you mean "breach"'),
    ],
)
def test_nonsense_is_refused(text: str, what: str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=what):
        series(text, VERDICT)


def test_a_word_of_another_series_is_refused() -> None:
    """A condition is no verdict."""
    with pytest.raises(ValueError, match="not a word of it"):
        series("firing", VERDICT)
    assert series("firing", words(CONDITIONS)) == ("firing",)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        (7, Moment(window=7)),
        ("7", Moment(window=7)),
        ("7 + 10m", Moment(window=7, later=timedelta(minutes=10))),
        ("7+1h", Moment(window=7, later=timedelta(hours=1))),
        ("90m", Moment(later=timedelta(minutes=90))),
    ],
)
def test_moments(written: int | str, meant: Moment) -> None:
    """After a window, a while after it, or a while after the start."""
    assert moment(written) == meant


@pytest.mark.parametrize("written", [0, -1, "soon", "7 + x", "x + 7m", "7 - 1h"])
def test_no_moment(written: int | str) -> None:
    """With what was expected."""
    with pytest.raises(ValueError, match=r"must be|numbered from 1"):
        moment(written)


def test_a_moment_spells_itself() -> None:
    """As a scenario would write it, or as near as a person cares."""
    assert str(Moment(window=7)) == "7"
    assert str(Moment(window=7, later=timedelta(minutes=90))) == "7 + 1h 30m"
    assert str(Moment(later=timedelta(seconds=5))) == "5s after the start"
