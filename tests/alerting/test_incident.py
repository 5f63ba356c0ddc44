"""An incident is what its transitions made of it."""

from dataclasses import replace
from datetime import timedelta

import pytest

from alerting.fold import FoldPolicy
from alerting.incident import Incident, Status, acknowledge, apply
from alerting.verdict import Severity
from tests.alerting.verdicts import START, incidents, run, verdict

NOW = START + timedelta(days=1)


def incident(letters: str) -> Incident:
    (only,) = incidents(run(letters, FoldPolicy())).values()
    return only


def test_evidence_is_that_of_the_latest_breach() -> None:
    """Newer numbers without an event; the peak is kept."""
    seen = incident("PPPcch")
    assert seen.title == "temp: P2"
    assert seen.facts["z"] == 2.0
    assert seen.peak == 2.0
    assert seen.window_start == START + timedelta(hours=3)  # where it began to recover


def test_what_fades_does_not_rename_a_page() -> None:
    """A page keeps the words of its last page; its peak may still grow."""
    seen = incident("PPt")
    assert seen.title == "temp: P1"
    assert seen.peak == 2.0


def test_not_a_number_is_no_peak() -> None:
    """NaN in the facts leaves the peak unknown."""
    transition = run("P", FoldPolicy())[0].transitions[0]
    odd = replace(transition, verdict=verdict("P", 0, facts={"z": float("nan")}))
    assert apply(None, odd).peak is None


def test_reopening_keeps_the_first_opening_and_counts() -> None:
    """One thread, one id, one opening."""
    again = incident("PccpcccPcccP")
    assert again.opened == START
    assert again.since == START + timedelta(hours=11)
    assert (again.reopens, again.relapses) == (2, 1)
    assert again.resolved is None
    assert again.resolved_reason is None


def test_acknowledged_for_a_day_unless_told_otherwise() -> None:
    """It expires by itself."""
    taken = acknowledge(incident("P"), by="ada", now=NOW)
    assert taken.is_acknowledged(NOW + timedelta(hours=23, minutes=59))
    assert not taken.is_acknowledged(NOW + timedelta(hours=24))
    assert taken.version == incident("P").version + 1


def test_a_rise_in_severity_breaks_the_acknowledgement() -> None:
    """Whoever took the ticket has not taken the page; a relapse changes nothing."""
    taken = acknowledge(incident("T"), by="ada", now=NOW)
    folds = run("TcTP", FoldPolicy())
    for transition in folds[1].transitions + folds[2].transitions:
        taken = apply(taken, transition)
    assert taken.is_acknowledged(NOW)
    for transition in folds[3].transitions:
        taken = apply(taken, transition)
    assert taken.severity is Severity.PAGE
    assert not taken.is_acknowledged(NOW)


@pytest.mark.parametrize(
    ("letters", "by", "until", "why"),
    [
        ("Pccc", "ada", None, "it is resolved"),
        ("P", "", None, "needs a name"),
        ("P", "ada", NOW, "in the past"),
    ],
)
def test_acknowledgements_that_make_no_sense(letters: str, by: str, until: object, why: str) -> None:
    """Closed, anonymous or already over."""
    with pytest.raises(ValueError, match=why):
        acknowledge(incident(letters), by=by, now=NOW, until=until)  # type: ignore[arg-type]


def test_transitions_that_do_not_fit() -> None:
    """A history that cannot have happened is an error, never a guess."""
    opened, _, _, resolved = run("Pccc", FoldPolicy())
    with pytest.raises(ValueError, match="before it was opened"):
        apply(None, resolved.transitions[0])
    done = incident("Pccc")
    assert done.status is Status.RESOLVED
    with pytest.raises(ValueError, match="while resolved"):
        apply(done, resolved.transitions[0])
    with pytest.raises(ValueError, match="belongs to"):
        apply(replace(done, id="another"), opened.transitions[0])
    with pytest.raises(ValueError, match="while firing"):
        apply(incident("P"), opened.transitions[0])
    with pytest.raises(ValueError, match="opened"):
        apply(done, opened.transitions[0])
