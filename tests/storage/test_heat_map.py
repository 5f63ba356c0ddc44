"""Which columns were not clear: newest revisions, both streams, the whole alone."""

from alerting.verdict import Severity, VerdictKind
from storage.engine import Store
from storage.heat_map import HeatMap, Said, heat_map, latest_start
from storage.ledger import WindowState
from tests.storage.samples import DAY, T0, done, fold, plan, revised, verdict


def of(store: Store, first: int = 0, end: int = 100) -> HeatMap:
    with store.read() as conn:
        return heat_map(conn, "m", T0 + first * DAY, T0 + end * DAY)


def test_what_was_not_clear_stands_at_its_window(store: Store) -> None:
    """Clear verdicts are left out; a window that nobody judged is known as such."""
    with store.write() as conn:
        first, second, _ = done(conn, 3)
        fold(conn, first, verdict(sure=True), verdict("hour", kind=VerdictKind.CLEAR))
        fold(conn, second, verdict("hour", window=1, kind=VerdictKind.HOLD))
        plan(conn, 1, first=3)
    found = of(store)
    assert list(found.windows.values()) == [WindowState.DONE] * 3 + [WindowState.PLANNED]
    assert found.judged == {T0, T0 + DAY}
    assert found.said["temp"] == {T0: Said(kind=VerdictKind.BREACH, severity=Severity.PAGE)}
    assert found.said["hour"] == {T0 + DAY: Said(kind=VerdictKind.HOLD, severity=Severity.NONE)}


def test_a_span_and_the_newest_revision(store: Store) -> None:
    """What a revision replaced is not shown twice; other windows and other models are left out."""
    with store.write() as conn:
        windows = done(conn, 3)
        for number, window in enumerate(windows):
            fold(conn, window, verdict(window=number))
        revised(conn, windows[1])
    assert [span.start for span in of(store, 1).windows] == [T0 + DAY, T0 + 2 * DAY]
    assert [span.start for span in of(store, 0, 1).windows] == [T0]
    with store.read() as conn:
        assert heat_map(conn, "n", T0, T0 + 9 * DAY).windows == {}
        assert latest_start(conn, "m", 2) == T0 + DAY
        assert latest_start(conn, "m", 60) == T0
        assert latest_start(conn, "n", 60) is None
        assert latest_start(conn, "m", 1, before=T0 + 2 * DAY) == T0 + DAY
        assert latest_start(conn, "m", 1, before=T0) is None
