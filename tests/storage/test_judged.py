"""Laws of the judged row: a revision that has ended takes nothing out of sight before it has its place."""

from alerting.series import Series
from alerting.verdict import VerdictKind
from storage import checkpoints, fold_order, incidents, judged, revisions
from storage.due_window import Stream
from storage.engine import Store
from storage.span import Span
from tests.storage.samples import DAY, T0, days, done, fold, revised, verdict

ALL = Span(start=T0, end=T0 + 9 * DAY)


def test_the_earlier_row_until_the_revision_is_folded(store: Store) -> None:
    """Asked for the latest, for one window, or for all of them."""
    with store.write() as conn:
        first, second, third = done(conn, 3)
        fold(conn, first, verdict(kind=VerdictKind.CLEAR))
        fold(conn, second, verdict(window=1, kind=VerdictKind.CLEAR))
        later = revised(conn, second)

        def rows() -> list[object]:
            latest = judged.latest(conn, "m", Stream.INPUTS)
            own = judged.of_span(conn, "m", Stream.INPUTS, second.span)
            all_ = judged.within(conn, "m", Stream.INPUTS, ALL)
            return [latest and latest.id, own and own.id, [each.id for each in all_]]

        assert rows() == [second.id, second.id, [first.id, second.id]]
        fold_order.put_in_place(conn, later.id, T0)
        assert rows() == [later.id, later.id, [first.id, later.id]]
        revisions.give_back(conn, later)
        assert rows() == [second.id, second.id, [first.id, second.id]]
        assert judged.of_span(conn, "m", Stream.INPUTS, third.span) is None  # ended, and not judged yet
        assert judged.latest(conn, "m", Stream.LABELS) is None


def test_a_replay_leaves_out_no_window_whose_revision_waits(store: Store) -> None:
    """One that another worker ends during a replay is gone through as it was, and anew at the next look."""
    with store.write() as conn:
        windows = done(conn, 3)
        for number, window in enumerate(windows):
            fold(conn, window, verdict(window=number, facts={"z": 9.0 if number == 1 else 7.5}))
        revised(conn, windows[1])
        found = fold_order.folded_from(conn, "m", Stream.INPUTS, T0 + DAY)
        assert [each.span for each in found] == days(2, first=1)
        before = checkpoints.before(conn, "m", Stream.INPUTS, windows[2].span.start)
        state, _ = before.alert_states[Series(model="m", column="temp").fingerprint]
        assert state.end == windows[1].span.end
        assert incidents.peaks_before(conn, [state.incident_id], windows[2].span.start) == {
            state.incident_id: 9.0
        }
