"""Laws of what a moving reference may learn from."""

import pytest

from alerting.silence import Silence, parse_matcher
from alerting.verdict import Severity, VerdictKind
from storage import fold_order, incidents, silences
from storage.engine import Store
from storage.sound import all_but, first_judged, sound_windows
from storage.span import Span
from tests.storage.samples import DAY, T0, days, done, fold, revised, verdict

ALL = Span(start=T0, end=T0 + 9 * DAY)


def test_a_window_with_an_alert_is_not_sound(store: Store) -> None:
    """A page, a ticket, and the clear window before them."""
    with store.write() as conn:
        windows = done(conn, 4)
        fold(conn, windows[0], verdict(window=0, kind=VerdictKind.CLEAR))
        fold(conn, windows[1], verdict(window=1))
        fold(conn, windows[2], verdict(window=2, severity=Severity.TICKET))
        assert sound_windows(conn, "m", ALL) == days(1)  # the last is not judged yet
        assert first_judged(conn, "m") == T0
        assert sound_windows(conn, "other", ALL) == []
        assert first_judged(conn, "other") is None


def test_a_false_page_keeps_no_window_out(store: Store) -> None:
    """A person said that nothing was wrong."""
    with store.write() as conn:
        (window,) = done(conn, 1)
        fold(conn, window, verdict())
        assert sound_windows(conn, "m", ALL) == []
        (page,) = incidents.open_incidents(conn, "m")
        incidents.mark_false_page(conn, page.id, by="ada", now=T0)
        assert sound_windows(conn, "m", ALL) == days(1)


def test_a_silenced_window_is_not_sound(store: Store) -> None:
    """Of this model, while it held: ended early, or about another model, it keeps nothing out."""
    with store.write() as conn:
        for number, window in enumerate(done(conn, 4)):
            fold(conn, window, verdict(window=number, kind=VerdictKind.CLEAR))
        silences.add(conn, silence("model=other", first=0, last=4))
        made = silence("model=m", first=1, last=4)
        silences.add(conn, made)
        assert sound_windows(conn, "m", ALL) == days(1)
        silences.expire(conn, made.id, by="bob", now=T0 + 2 * DAY)
        assert sound_windows(conn, "m", ALL) == [*days(1), *days(2, first=2)]


def test_what_a_revision_replaced_keeps_no_window_out(store: Store) -> None:
    """An alert on the rows that had come by then; with all of them nothing was wrong."""
    with store.write() as conn:
        (window,) = done(conn, 1)
        fold(conn, window, verdict())
        fold_order.mark_folded(conn, revised(conn, window).id, T0)
        assert sound_windows(conn, "m", ALL) == days(1)


def silence(matcher: str, *, first: int, last: int) -> Silence:
    return Silence.make(
        [parse_matcher(matcher)],
        until=T0 + last * DAY,
        author="ada",
        comment="a migration",
        now=T0 + first * DAY,
    )


@pytest.mark.parametrize(
    ("kept", "gaps"),
    [
        ([], [(0, 9)]),
        ([(0, 9)], []),
        ([(0, 1), (1, 2)], [(2, 9)]),
        ([(1, 2), (3, 4)], [(0, 1), (2, 3), (4, 9)]),
        ([(8, 9)], [(0, 8)]),
    ],
)
def test_all_but(kept: list[tuple[int, int]], gaps: list[tuple[int, int]]) -> None:
    """What is left of a span without some of its parts."""

    def span(ends: tuple[int, int]) -> Span:
        return Span(start=T0 + ends[0] * DAY, end=T0 + ends[1] * DAY)

    assert all_but(ALL, [span(each) for each in kept]) == [span(each) for each in gaps]
