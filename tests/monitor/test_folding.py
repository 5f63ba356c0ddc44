"""Laws of folding: strictly in window order, and nothing holds it up for ever."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitor import build, logs
from monitor.clock import SteppedClock
from monitor.config_file import load
from monitor.evaluation import evaluate_next
from monitor.folding import _fold_next, fold_model
from monitor.opening import open_runtime
from monitor.planning import plan, plan_spans
from monitor.referencing import build_reference
from monitor.runtime import Runtime
from storage import ledger, verdicts
from storage.ledger import Stream, WindowKind, WindowState
from storage.overview import overview
from storage.span import Span
from tests.acceptance.world import build_shop

DAY = timedelta(days=1)
START = datetime(2026, 3, 31, tzinfo=UTC)  # of production


@pytest.fixture
def runtime(tmp_path: Path) -> Iterator[Runtime]:
    """The shop with its reference, half a day after three days of production."""
    logs.configure(quiet=True)
    shop = build_shop(tmp_path / "shop", days=3, broken=range(0))
    clock = SteppedClock(shop.start)
    with open_runtime(load(shop.config, members=build.check), clock) as opened:
        build_reference(opened, opened.models["shop"])
        clock.advance_to(shop.start + 3 * DAY + DAY / 2)
        yield opened


def evaluate(runtime: Runtime) -> None:
    while evaluate_next(runtime):
        pass


def folded(runtime: Runtime) -> list[bool]:
    with runtime.store.read() as conn:
        found = ledger.find(conn, "shop", Stream.INPUTS, Span(start=START - DAY, end=START + 9 * DAY))
    return [window.folded_at is not None for window in found]


def test_some_at_a_time(runtime: Runtime) -> None:
    """A long backlog of one model keeps no other waiting."""
    plan(runtime)
    evaluate(runtime)
    watched = runtime.models["shop"]
    taken = [fold_model(runtime, watched, most=2), fold_model(runtime, watched, most=2)]
    assert [[each.window.span.start for each in part] for part in taken] == [
        [START, START + DAY],
        [START + 2 * DAY],
    ]


def test_a_window_that_comes_late_is_put_in_its_place(runtime: Runtime) -> None:
    """Whatever put it there: it is judged where it belongs, and what follows it is judged again."""
    watched = runtime.models["shop"]
    for span in (Span(start=START + DAY, end=START + 2 * DAY), Span(start=START, end=START + DAY)):
        plan_spans(runtime, watched, [span], kind=WindowKind.MANUAL)
        evaluate(runtime)
        fold_model(runtime, watched)
    with runtime.store.read() as conn:
        first, second = ledger.find(conn, "shop", Stream.INPUTS, Span(start=START, end=START + 2 * DAY))
        said = [len(verdicts.load(conn, window.id)) for window in (first, second)]
    assert said[0] == said[1] > 0
    assert (first.refolded_at, second.refolded_at) == (None, runtime.clock.now())
    plan_spans(runtime, watched, [Span(start=START + 2 * DAY, end=START + 3 * DAY)], kind=WindowKind.MANUAL)
    evaluate(runtime)
    assert [each.window.span.start for each in fold_model(runtime, watched)] == [START + 2 * DAY]
    assert folded(runtime) == [True, True, True]


def test_rows_that_are_judged_in_another_window_are_judged_once(runtime: Runtime) -> None:
    """After a change of length a late window that lies over a folded one is passed over."""
    watched = runtime.models["shop"]
    half = Span(start=START + DAY / 2, end=START + DAY)
    for span in (Span(start=START, end=START + DAY), Span(start=START + DAY, end=START + 2 * DAY), half):
        plan_spans(runtime, watched, [span], kind=WindowKind.MANUAL)
        evaluate(runtime)
        fold_model(runtime, watched)
    with runtime.store.read() as conn:
        late = next(
            w
            for w in ledger.find(conn, "shop", Stream.INPUTS, Span(start=START, end=START + DAY))
            if w.span == half
        )
        assert verdicts.load(conn, late.id) == []
    assert folded(runtime) == [True, True, True]


def test_a_window_skipped_under_the_folds_eyes_is_left_to_the_next_look(runtime: Runtime) -> None:
    """A worker may skip the window at the head between two looks."""
    plan(runtime)
    with runtime.store.write() as conn:
        for window in ledger.find(conn, "shop", Stream.INPUTS, Span(start=START, end=START + 9 * DAY)):
            ledger.skip(conn, window.id, now=runtime.clock.now(), reason="before the first row")
    assert _fold_next(runtime, runtime.models["shop"], Stream.INPUTS) is None
    assert fold_model(runtime, runtime.models["shop"]) == []
    assert folded(runtime) == [True, True, True]


def test_labels_are_folded_after_the_inputs_of_the_same_rows(runtime: Runtime) -> None:
    """What they say is kept beside what was foretold; labels in the past wait for no input of today."""
    watched, now = runtime.models["shop"], runtime.clock.now()
    plan(runtime)
    spans = [Span(start=START + n * DAY, end=START + (n + 1) * DAY) for n in range(2)]
    with runtime.store.write() as conn:
        ledger.plan(conn, "shop", Stream.LABELS, spans, now=now, settle=DAY / 24, lateness=DAY, give_up=DAY)
        labels = ledger.find(conn, "shop", Stream.LABELS, Span(start=START, end=START + 9 * DAY))
        for window in labels:
            mine = ledger.claim(conn, now, "x", DAY, ids=[window.id])
            assert mine is not None
            ledger.finish(conn, mine.id, mine.fence, now=now, state=WindowState.NO_DATA, reason="none came")
    assert fold_model(runtime, watched) == []
    evaluate_next(runtime)
    order = [(each.window.stream, each.window.span) for each in fold_model(runtime, watched)]
    assert order == [(Stream.INPUTS, spans[0]), (Stream.LABELS, spans[0])]


def test_a_model_that_is_not_judged_any_more_is_seen(runtime: Runtime) -> None:
    """Whatever holds up the fold, silence must not look like health; a moment between steps is nothing."""
    plan(runtime)
    evaluate(runtime)
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        assert overview(conn, now)[0].unjudged is None
        assert overview(conn, now + timedelta(hours=1))[0].unjudged == START
    fold_model(runtime, runtime.models["shop"])
    with runtime.store.read() as conn:
        assert overview(conn, now + timedelta(hours=1))[0].unjudged is None
