"""Laws of the second stream: which windows have labels to wait for, and what status knows of them."""

from datetime import timedelta

from storage import fold_order, history, label_windows, ledger
from storage.engine import Store
from storage.history import Filter
from storage.label_overview import label_overview
from storage.ledger import Stream, WindowState
from storage.span import Span
from tests.storage.samples import DAY, LEASE, T0

SPANS = [Span(start=T0 + n * DAY, end=T0 + (n + 1) * DAY) for n in range(4)]


def plan(store: Store, stream: Stream, spans: list[Span]) -> None:
    with store.write() as conn:
        ledger.plan(conn, "m", stream, spans, now=T0, settle=timedelta(0), lateness=DAY, give_up=DAY)


def test_every_window_of_the_inputs_gets_one_of_the_labels(store: Store) -> None:
    """From the horizon on at first, then from where the labels end; never twice."""
    plan(store, Stream.INPUTS, SPANS)
    with store.read() as conn:
        found = label_windows.to_plan(conn, "m", T0 + DAY, 10)
        assert [each.span for each in found] == SPANS[1:]
        assert label_windows.to_plan(conn, "other", T0, 10) == []
    plan(store, Stream.LABELS, SPANS[1:3])
    with store.read() as conn:
        assert [each.span for each in label_windows.to_plan(conn, "m", T0, 10)] == SPANS[3:]
        assert [each.span for each in label_windows.waiting(conn, "m", until=SPANS[1].end)] == [SPANS[1]]
        inputs = label_windows.inputs_of(conn, "m", SPANS[0])
        assert inputs is not None
        assert inputs.stream is Stream.INPUTS
        assert label_windows.inputs_of(conn, "m", Span(start=T0, end=T0 + 2 * DAY)) is None


def test_status_knows_what_is_awaited(store: Store) -> None:
    """Nothing where labels were never planned; then how many, and since when."""
    with store.read() as conn:
        assert label_overview(conn, "m") is None
    plan(store, Stream.LABELS, SPANS[:2])
    with store.write() as conn:
        window = ledger.claim(conn, T0 + 9 * DAY, "x", LEASE)
        assert window is not None
        reason = "none of 160 rows has a label"
        ledger.finish(conn, window.id, window.fence, now=T0, state=WindowState.NO_DATA, reason=reason, rows=0)
    with store.read() as conn:
        found = label_overview(conn, "m")
    assert found is not None
    assert (found.waiting, found.oldest) == (1, SPANS[1].start)
    assert (found.start, found.state, found.reason) == (T0, WindowState.NO_DATA, reason)
    assert found.measured is None


def test_a_group_does_not_wait_for_labels(store: Store) -> None:
    """An incident of the inputs is told when they are folded, days before the labels come."""
    plan(store, Stream.INPUTS, SPANS[:1])
    plan(store, Stream.LABELS, SPANS[:1])
    with store.write() as conn:
        assert not fold_order.all_folded(conn, "m", SPANS[0].end)
        (inputs,) = ledger.find(conn, "m", Stream.INPUTS, SPANS[0])
        ledger.skip(conn, inputs.id, now=T0, reason="test")
        fold_order.mark_folded(conn, inputs.id, T0)
        assert fold_order.all_folded(conn, "m", SPANS[0].end)
        (labels,) = ledger.find(conn, "m", Stream.LABELS, SPANS[0])
        ledger.skip(conn, labels.id, now=T0, reason="test")
        assert not fold_order.all_folded(conn, "m", SPANS[0].end)  # they are there: told together


def test_the_latest_windows_come_with_their_labels(store: Store) -> None:
    """`--last 2` is two windows, not one window and its labels."""
    plan(store, Stream.INPUTS, SPANS)
    plan(store, Stream.LABELS, SPANS)
    with store.read() as conn:
        both = history.windows(conn, Filter(last=2))
        assert [(row["window_start"][8:10], row["stream"]) for row in both] == [
            (f"{span.start:%d}", stream) for span in SPANS[2:] for stream in ("inputs", "labels")
        ]
        assert len(history.windows(conn, Filter(last=3, stream="labels"))) == 3
