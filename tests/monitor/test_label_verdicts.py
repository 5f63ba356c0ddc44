"""Laws of labels that come, come in part, or do not come: what may be said of the model then?"""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from alerting.fold import FoldPolicy
from alerting.health import fold_window
from alerting.series import LABEL_FEED, Series
from alerting.verdict import IncidentKind, Severity, Verdict, VerdictKind
from detectors import Harm, Kind, Measurement, Role
from detectors._column import ESTIMATED, PERFORMANCE
from monitor.label_verdicts import label_verdicts
from monitor.realised import beside, told
from storage.due_window import DueWindow, Stream, WindowKind, WindowState
from storage.measurements import ColumnResult
from storage.span import Span

START = datetime(2026, 4, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def window(
    state: WindowState = WindowState.DONE, *, rows: int = 160, labelled: int = 160, complete: bool = True
) -> DueWindow:
    span = Span(start=START, end=START + DAY)
    facts: dict[str, object] = {"rows": rows, "labelled": labelled, "complete": complete}
    return DueWindow(
        id=1,
        model="m",
        stream=Stream.LABELS,
        kind=WindowKind.SCHEDULED,
        span=span,
        due=span.end,
        recheck=span.end,
        give_up=span.end,
        state=state,
        reason="" if complete and state is WindowState.DONE else "why",
        next_try=span.end,
        rows=labelled,
        error_class="permanent" if state is WindowState.FAILED else "",
        evidence=None if state is WindowState.FAILED else facts,
        planned_at=START,
    )


def verdict(kind: VerdictKind, severity: Severity = Severity.NONE, column: str = PERFORMANCE) -> Verdict:
    return Verdict(
        series=Series(model="m", column=column),
        start=START,
        end=START + DAY,
        kind=kind,
        incident_kind=IncidentKind.PERFORMANCE,
        severity=severity,
        sure=kind is VerdictKind.BREACH,
    )


PAGE = verdict(VerdictKind.BREACH, Severity.PAGE)
CLEAR = verdict(VerdictKind.CLEAR)


def said(window: DueWindow, *judged: Verdict) -> dict[str, Verdict]:
    found = label_verdicts(window, judged, (), min_rows=5)
    assert len({each.series for each in found}) == len(found)
    return {each.series.column: each for each in found}


def test_complete_labels_say_what_the_judge_said() -> None:
    """And the feed is well."""
    found = said(window(), PAGE)
    assert (found[PERFORMANCE].kind, found[PERFORMANCE].severity) == (VerdictKind.BREACH, Severity.PAGE)
    assert found[PERFORMANCE].sure
    assert found[LABEL_FEED].kind is VerdictKind.CLEAR


def test_labels_in_part_neither_page_nor_clear() -> None:
    """A breach is a ticket that must last; what looks well is held."""
    part = window(labelled=90, complete=False)
    breach = said(part, PAGE)[PERFORMANCE]
    assert (breach.kind, breach.severity, breach.sure) == (VerdictKind.BREACH, Severity.TICKET, False)
    assert said(part, CLEAR)[PERFORMANCE].kind is VerdictKind.HOLD
    assert said(part, CLEAR)[LABEL_FEED].kind is VerdictKind.LOW_VOLUME


@pytest.mark.parametrize(
    ("ended", "kind"),
    [
        (window(WindowState.NO_DATA, labelled=0, complete=False), VerdictKind.NO_DATA),
        (window(WindowState.LOW_VOLUME, labelled=3, complete=False), VerdictKind.LOW_VOLUME),
        (window(WindowState.FAILED), VerdictKind.ERROR),
    ],
)
def test_without_labels_performance_is_not_known(ended: DueWindow, kind: VerdictKind) -> None:
    """Neutral for the model, bad for the feed, for the same reason."""
    found = said(ended)
    assert found[PERFORMANCE].kind is found[LABEL_FEED].kind is kind
    assert found[LABEL_FEED].title == "the labels: why"


def test_a_window_of_few_rows_says_nothing_about_its_labels() -> None:
    """Three orders at night, none labelled: the feed stands still, and so does performance."""
    found = said(window(WindowState.NO_DATA, rows=3, labelled=0, complete=False))
    assert found.keys() == {PERFORMANCE}
    assert found[PERFORMANCE].kind is VerdictKind.HOLD


def test_a_label_feed_is_at_most_a_ticket_and_the_only_one() -> None:
    """Whether silent for a day or failed for good; the model's own health is not told beside it."""
    for ended in (window(WindowState.NO_DATA, labelled=0, complete=False), window(WindowState.FAILED)):
        result = fold_window({}, list(said(ended).values()), FoldPolicy())
        (opened,) = result.transitions
        assert (opened.series.column, opened.severity) == (LABEL_FEED, Severity.TICKET)
        assert opened.incident_kind is IncidentKind.DATA


def performance() -> ColumnResult:
    accuracy = Measurement(
        column=PERFORMANCE, metric="accuracy", value=0.70, bound=0.02, n_reference=9, n=152
    )
    return ColumnResult(
        column=PERFORMANCE,
        role=Role.PERFORMANCE,
        kind=Kind.NUMERIC,
        rows=160,
        missing=8,
        measurements=(accuracy,),
        evidence={
            "labelled": 152,
            "metrics": {"accuracy": [0.70, 0.02]},
            "reference": {"accuracy": [0.8, 0.01]},
        },
    )


def column(name: str, role: Role, harm: float | None = None, *numbers: Measurement) -> ColumnResult:
    return ColumnResult(
        column=name,
        role=role,
        kind=Kind.NUMERIC,
        rows=160,
        missing=0,
        measurements=numbers,
        harm=Harm(harm=harm, harm_error=0.5),
    )


def test_what_was_foretold_stands_beside_what_came() -> None:
    """The estimate and how far it was off, the worst harm of an input, whether the score alerted."""
    estimate = Measurement(
        column=ESTIMATED, metric="estimated_accuracy", value=0.74, bound=0.03, n_reference=9, n=160
    )
    inputs = [
        column("a", Role.FEATURE, -1.0),
        column("b", Role.FEATURE, -3.0),
        column("score", Role.SCORE, -9.0),
        replace(
            column(ESTIMATED, Role.ESTIMATE, None, estimate),
            evidence={"estimated": {"accuracy": [0.74, 0.03]}, "trusted": True},
        ),
    ]
    found = beside(performance(), inputs, [verdict(VerdictKind.BREACH, column="score")])
    assert told(found.evidence) == {
        "labelled": 152,
        "metric": "accuracy",
        "realised": [0.70, 0.02],
        "reference": [0.8, 0.01],
        "estimated": [0.74, 0.03],
        "estimate_trusted": True,
        "predicted_harm": {"column": "b", "points": -3.0, "error": 0.5},
        "score_alerted": True,
    }
    assert found.measurements[-1].metric == "estimate_error"
    assert found.measurements[-1].value == pytest.approx(-0.04)
    assert beside(found, inputs, [verdict(VerdictKind.BREACH, column="score")]) == found
    alone = beside(performance(), [column("a", Role.FEATURE)], [verdict(VerdictKind.BREACH, column="a")])
    assert alone.evidence["score_alerted"] is False
    assert "estimated" not in alone.evidence
