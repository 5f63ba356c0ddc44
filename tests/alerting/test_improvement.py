"""Did it help? Said as soon as it is sure, and at the end of its time at last."""

from datetime import timedelta

import pytest

from alerting.improvement import Answer, Improvement, improvement
from alerting.retraining_facts import JudgedWindow
from alerting.verdict import Severity
from tests.alerting.verdicts import START, window

BY = START + timedelta(days=14)
SEVERITIES = {"p": Severity.PAGE, "t": Severity.TICKET, "c": Severity.NONE}


def windows(letters: str) -> list[JudgedWindow]:
    """p page, t ticket, c clear; x: its data was broken, 0: it had no rows."""
    return [
        JudgedWindow(
            start=window(i)[0],
            end=window(i)[1],
            rows=0 if letter == "0" else 900,
            severity=SEVERITIES.get(letter, Severity.NONE),
            sound=letter != "x",
        )
        for i, letter in enumerate(letters)
    ]


def answer(inputs: str, labels: str | None = None, *, over: bool = False) -> Improvement:
    return improvement(
        inputs=windows(inputs),
        labels=windows(labels or ""),
        of_performance=labels is not None,
        clear=3,
        least=Severity.PAGE,
        by=BY,
        now=BY if over else BY - timedelta(seconds=1),
    )


@pytest.mark.parametrize(
    ("inputs", "before", "at_last"),
    [
        ("", "waiting", "unknown"),
        ("cc", "waiting", "unknown"),
        ("ccc", "improved", "improved"),
        ("ppccc", "improved", "improved"),
        ("cct", "improved", "improved"),  # a ticket is below min_severity
        ("ccpcc", "waiting", "not_improved"),
        ("p", "waiting", "not_improved"),
        ("cxc0c", "improved", "improved"),  # broken and empty windows say nothing, and are passed over
        ("xxx", "waiting", "unknown"),
    ],
)
def test_drift_fell(inputs: str, before: str, at_last: str) -> None:
    """As many clear windows in a row as end an incident are enough; a breach before the end says nothing."""
    assert answer(inputs).answer == before
    assert answer(inputs, over=True).answer == at_last


@pytest.mark.parametrize(
    ("labels", "before", "at_last"),
    [("ccc", "improved", "improved"), ("", "waiting", "unknown"), ("ppp", "waiting", "not_improved")],
)
def test_performance_recovers(labels: str, before: str, at_last: str) -> None:
    """Where labels were the cause, labels have to say that it is over."""
    assert answer("ccc", labels).answer == before
    assert answer("ccc", labels, over=True).answer == at_last


def test_both_halves_are_said() -> None:
    """In words for a person."""
    said = answer("pccc", "cp", over=True)
    assert said.answer is Answer.NOT_IMPROVED
    assert said.drift == "1 of 4 windows since then breached, the last 3 are clear"
    assert said.performance == "1 of 2 labelled windows since then breached"
