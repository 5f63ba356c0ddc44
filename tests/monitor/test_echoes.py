"""What only repeats another breach of the same window is held back, with the reason."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from alerting.series import Series
from alerting.verdict import Severity, Verdict, VerdictKind
from detectors._column import BEHAVIOUR, JOINT
from monitor.echoes import ECHO, without_echoes


def said(
    column: str, why: str = "", *, rank: int | None = None, segment: str = "", component: str = "c1"
) -> Verdict:
    """A breach that matters for this reason."""
    return Verdict(
        series=Series(model="shop", column=column, segment=segment),
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2026, 1, 2, tzinfo=UTC),
        kind=VerdictKind.BREACH,
        severity=Severity.PAGE,
        sure=True,
        rank=rank,
        facts={"component": component, "rules": [{"kind": "breach", "matters": why}]},
    )


def absent(column: str) -> Verdict:
    """A column that the source does not have any more."""
    return Verdict(
        series=Series(model="shop", column=column),
        start=datetime(2026, 1, 1, tzinfo=UTC),
        end=datetime(2026, 1, 2, tzinfo=UTC),
        kind=VerdictKind.ERROR,
        immediate=True,
    )


@pytest.mark.parametrize(
    "cause", [said("amount", "data", rank=1), said("amount", "unit", rank=1), absent("amount")]
)
def test_a_broken_input_leaves_behaviour_and_its_pairs_unsaid(cause: Verdict) -> None:
    """Held back as neutral, with the input named."""
    pair = said(JOINT, rank=2, component="r:amount~items")
    told = without_echoes([cause, said(BEHAVIOUR, "itself", rank=3), pair])
    assert told[0] == cause
    for verdict in told[1:]:
        assert verdict.kind is VerdictKind.HOLD
        assert (verdict.severity, verdict.sure, verdict.rank) == (Severity.NONE, False, None)
        assert verdict.facts[ECHO] == "it rests on amount, broken in the same window"


def test_an_input_that_drifted_is_no_excuse() -> None:
    """A shift is a fact about the world, on which the model can be held to its word."""
    behaviour = said(BEHAVIOUR, "itself", rank=2)
    assert without_echoes([said("amount", "harm", rank=1), behaviour])[1] == behaviour


def test_a_pair_of_sound_columns_speaks() -> None:
    """Only the pairs of the broken column are held back."""
    pair = said(JOINT, rank=2, component="r:items~price")
    assert without_echoes([said("amount", "data", rank=1), pair])[1] == pair


def test_a_broken_slice_breaks_no_whole() -> None:
    """What is broken in one slice leaves the whole's answers standing."""
    behaviour = said(BEHAVIOUR, "itself", rank=2)
    assert without_echoes([said("amount", "data", rank=1, segment="shop=7"), behaviour])[1] == behaviour


def test_ranks_close_up() -> None:
    """1, 2, … over what is still told."""
    told = without_echoes([said("amount", "data", rank=1), said(BEHAVIOUR, rank=2), said("items", rank=3)])
    assert [verdict.rank for verdict in told] == [1, None, 2]


def test_creep_is_an_echo_where_the_reference_in_force_alerts() -> None:
    """One cause, one incident."""
    told = without_echoes([said("amount", "harm"), said("amount", segment="reference=v1")])
    assert told[1].kind is VerdictKind.HOLD
    assert without_echoes([*told[1:], said("amount", segment="reference=v1")])[1].kind is VerdictKind.BREACH


def moved(
    effect: float, *, segment: str = "", place: str = "", severity: Severity = Severity.TICKET
) -> Verdict:
    """A breach of c1 by so much."""
    facts = {"component": "c1", "components": {"c1": {"y": effect + 0.1, "mu": 0.1, "se": 0.1}}, "rules": []}
    told = said("amount", segment=segment)
    return replace(told, severity=severity, facts=facts | ({"place": place} if place else {}))


@pytest.mark.parametrize(("effect", "echo"), [(0.6, True), (0.4, True), (0.9, False), (-0.6, False)])
def test_a_slice_that_moves_with_the_whole_is_its_echo(effect: float, echo: bool) -> None:
    """No further than two standard errors beyond it, and the same way."""
    part = moved(effect, segment="shop=7")
    told = without_echoes([moved(0.6), part])
    assert (told[1].kind is VerdictKind.HOLD) is echo
    assert (ECHO in told[1].facts) is echo


def test_the_place_of_a_change_speaks() -> None:
    """The whole names it; or it is more urgent than the whole; or the whole says nothing."""
    part = moved(0.6, segment="shop=7")
    assert without_echoes([moved(0.6, place="shop=7"), part])[1] == part
    assert without_echoes([part]) == [part]
    urgent = moved(0.6, segment="shop=7", severity=Severity.PAGE)
    assert without_echoes([moved(0.6), urgent])[1] == urgent
