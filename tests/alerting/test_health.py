"""The health axis, and one whole window."""

from collections.abc import Mapping
from datetime import timedelta

import pytest

from alerting.alert_state import AlertState, Condition
from alerting.fold import FoldPolicy
from alerting.health import WindowFold, fold_window, health_series
from alerting.incident import ResolveReason, Transition, TransitionKind
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity
from tests.alerting.verdicts import SERIES, START, verdict

FEED = Series(model="delays", column="")
DIST = Series(model="delays", column="dist")
POLICY = FoldPolicy()


def replay(
    letters: Mapping[Series, str], length: timedelta = timedelta(hours=1)
) -> tuple[list[WindowFold], list[Transition]]:
    """One letter a series and window; a blank is no verdict."""
    states: Mapping[str, AlertState] = {}
    folds, transitions = [], []
    for index in range(len(next(iter(letters.values())))):
        given = [
            verdict(history[index], index, series=series, length=length)
            for series, history in letters.items()
            if history[index] != " "
        ]
        folds.append(fold_window(states, given, POLICY))
        states = folds[-1].states
        transitions += folds[-1].transitions
    return folds, [transition for transition in transitions if transition.is_event]


@pytest.mark.parametrize("bad", ["z", "l", "e"])
def test_two_bad_windows_open_a_data_incident(bad: str) -> None:
    """A ticket for a column, under the same labels plus the rule; one good window resolves it."""
    _, (opened, resolved) = replay({SERIES: f"c{bad}{bad}c"})
    assert opened.kind is TransitionKind.OPENED
    assert opened.series == health_series(SERIES)
    assert opened.series.rule == "data_health"
    assert opened.incident_kind is IncidentKind.DATA
    assert opened.severity is Severity.TICKET
    assert resolved.kind is TransitionKind.RESOLVED


def test_one_bad_window_among_good_ones_is_nothing() -> None:
    """Two in a row are needed."""
    assert replay({SERIES: "czczcz"})[1] == []


def test_the_feed_pages() -> None:
    """No data for the model as a whole wakes somebody."""
    _, (opened,) = replay({FEED: "zz"})
    assert opened.severity is Severity.PAGE


def test_a_window_of_six_hours_is_long_enough_by_itself() -> None:
    """health_for is two windows or six hours, whichever is shorter."""
    assert len(replay({FEED: "z"}, timedelta(hours=6))[1]) == 1
    assert replay({FEED: "z"}, timedelta(hours=5))[1] == []


def test_an_immediate_error_pages_at_once() -> None:
    """A column that is absent or of another type; its row says page."""
    (fold,), (opened,) = replay({SERIES: "E"})
    assert opened.severity is Severity.PAGE
    assert fold.verdicts[0].severity is Severity.PAGE
    assert fold.verdicts[0].incident_id == opened.incident_id


def test_bad_data_neither_fires_nor_resolves_drift() -> None:
    """A firing series that loses its data stays firing; the data incident is another one."""
    folds, transitions = replay({SERIES: "Pzzz"})
    assert folds[-1].states[SERIES.fingerprint].condition is Condition.FIRING
    assert [transition.incident_kind for transition in transitions] == [IncidentKind.DRIFT, IncidentKind.DATA]


def test_drift_is_judged_data_is_fit() -> None:
    """Breach and hold are both good news for the data axis."""
    _, transitions = replay({SERIES: "Et"})
    assert [transition.kind for transition in transitions] == [TransitionKind.OPENED, TransitionKind.RESOLVED]
    assert [t.kind for t in replay({SERIES: "Eh"})[1]] == [TransitionKind.OPENED, TransitionKind.RESOLVED]


def test_one_cause_one_incident() -> None:
    """While the whole feed is bad its columns open nothing of their own …"""
    _, (opened,) = replay({FEED: "zzz", SERIES: "zzz", DIST: "zzz"})
    assert opened.series == health_series(FEED)


def test_an_absent_column_is_its_own_cause() -> None:
    """… except errors that are certain."""
    _, transitions = replay({FEED: "llc", SERIES: "lEc", DIST: "llc"})
    assert [t.series.column for t in transitions if t.kind is TransitionKind.OPENED] == ["", "temp"]


def test_a_bad_column_stays_bad_behind_a_bad_feed() -> None:
    """Its incident stands still: nothing was seen that could resolve it."""
    folds, _ = replay({FEED: "cczzc", SERIES: "eezze"})
    conditions = [fold.states[health_series(SERIES).fingerprint].condition.value for fold in folds]
    assert conditions == ["pending", "firing", "firing", "firing", "firing"]


def test_a_series_without_a_verdict_stands_still() -> None:
    """Nothing about it is folded or changed."""
    folds, _ = replay({FEED: "cc", SERIES: "p "})
    assert SERIES.fingerprint not in folds[1].changed
    assert folds[1].states[SERIES.fingerprint] == folds[0].states[SERIES.fingerprint]


CANARY = Series(model="delays", column="temp", version="v2")


def test_a_version_that_left_does_not_fire_for_ever() -> None:
    """Six windows without a word, the feed good: closed, and not as a recovery."""
    _, (opened, closed) = replay({FEED: "cccccccc", CANARY: "P       "})
    assert (opened.kind, closed.kind) == (TransitionKind.OPENED, TransitionKind.RESOLVED)
    assert closed.reason is ResolveReason.GONE
    assert closed.start == START + 7 * timedelta(hours=1)


def test_a_version_is_not_gone_while_nothing_is_known() -> None:
    """A feed that is bad says nothing of who left; a word in between begins anew."""
    for feed, canary in (("czzzzzzz", "P       "), ("cccccccc", "P   h   ")):
        _, found = replay({FEED: feed, CANARY: canary})
        assert ResolveReason.GONE not in {transition.reason for transition in found}


def test_the_whole_is_never_gone() -> None:
    """A column without a word stands still."""
    _, (opened,) = replay({FEED: "cccccccc", SERIES: "P       "})
    assert opened.kind is TransitionKind.OPENED


def test_rows_in_the_order_given() -> None:
    """One row a verdict, none for the health axis."""
    folds, _ = replay({DIST: "P", FEED: "c", SERIES: "p"})
    assert [row.verdict.series for row in folds[0].verdicts] == [DIST, FEED, SERIES]
    assert [row.severity.value for row in folds[0].verdicts] == ["page", "none", "ticket"]
    assert folds[0].verdicts[1].incident_id == ""
