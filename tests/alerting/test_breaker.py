"""The breaker opens after what did not help, latches, and only a person closes it."""

from datetime import timedelta

import pytest

from alerting.breaker import Breaker, Came, Outcome, breaker
from tests.alerting.verdicts import START

DAY = timedelta(days=1)
WORDS = {"f": Came.FAILED, "u": Came.UNIMPROVED, "s": Came.SUCCEEDED, "i": Came.IMPROVED}


def after(letters: str, closed: int | None = None) -> Breaker:
    """A letter a day; `closed`: the day on which a person closed it."""
    outcomes = [
        Outcome(at=START + day * DAY, came=WORDS[letter], request_id=f"r{day}")
        for day, letter in enumerate(letters)
    ]
    return breaker(outcomes, None if closed is None else START + closed * DAY)


@pytest.mark.parametrize(
    ("letters", "is_open"),
    [
        ("", False),
        ("f", False),
        ("ff", True),
        ("uu", True),
        ("fu", False),  # each is counted by itself
        ("fsf", False),  # a success between failures
        ("susu", True),  # done twice, helped never
        ("susisu", False),
        ("ffsi", True),  # open stays open, whatever comes after it
    ],
)
def test_two_of_a_kind_in_a_row_open_it(letters: str, is_open: bool) -> None:
    """And nothing but a person closes it."""
    assert after(letters).is_open is is_open


def test_a_person_closes_it() -> None:
    """What was counted before counts no more; two more open it again."""
    assert not after("ff", closed=1).is_open
    assert not after("fff", closed=1).is_open
    assert after("ffff", closed=1).is_open


def test_the_order_is_that_in_which_it_became_known() -> None:
    """Not that of the rows: an answer comes days after a later failure."""
    outcomes = [
        Outcome(at=START + 2 * DAY, came=Came.FAILED, request_id="b"),
        Outcome(at=START, came=Came.FAILED, request_id="a"),
        Outcome(at=START + DAY, came=Came.SUCCEEDED, request_id="c"),
    ]
    assert not breaker(outcomes, None).is_open


def test_it_says_why_and_since_when() -> None:
    """For a person who has to close it."""
    standing = after("uu")
    assert standing.since == START + DAY
    assert "2 requests in a row brought no improvement" in standing.why
    assert "2 requests in a row failed" in after("ff").why
