"""The table of the fold, row by row, by hand."""

from datetime import timedelta

import pytest

from alerting.alert_state import AlertState, Condition
from alerting.fold import TABLE, FoldPolicy, Signal, fold, rebaseline
from alerting.incident import ResolveReason, TransitionKind, apply
from alerting.series import Series
from alerting.verdict import IncidentKind, Severity
from tests.alerting.verdicts import SERIES, START, incidents, run, verdict

POLICY = FoldPolicy()


def conditions(letters: str, policy: FoldPolicy = POLICY) -> str:
    return "".join(result.state.condition.value[0] for result in run(letters, policy))


def events(letters: str, policy: FoldPolicy = POLICY) -> list[str]:
    return [
        transition.kind.value
        for result in run(letters, policy)
        for transition in result.transitions
        if transition.is_event
    ]


def test_table_is_complete() -> None:
    """Every condition answers every signal."""
    assert set(TABLE) == set(Condition)
    assert all(set(row) == set(Signal) for row in TABLE.values())


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("ccc", "ooo"),
        ("p", "p"),  # one breach is pending
        ("P", "f"),  # a sure one fires at once
        ("pp", "pf"),
        ("pcp", "ppf"),  # two of the last three
        ("pcc", "ppo"),  # two of three are no longer possible
        ("pccp", "ppop"),
        ("phhhp", "ppppf"),  # neutral windows freeze
        ("p" + "h" * 8, "p" * 8 + "o"),  # … and expire after 4·F
        ("phhhhchhhhhhhp", "p" * 13 + "f"),  # a decisive window restarts that clock
        ("Pc", "fr"),
        ("Pcp", "frf"),  # a relapse
        ("Pcc", "frr"),
        ("Pccc", "frro"),
        ("Pchhhhcc", "frrrrrro"),  # neutral windows freeze the count of clears
        ("Phhhhhhhhhhhhhhhh", "f" * 17),  # and never resolve
        ("Pzzzzleeehhhh", "f" * 13),
        ("zzzz", "oooo"),  # nor fire
        ("Pcccp", "frrop"),  # forgotten on the way to ok: the next breach is pending again
    ],
)
def test_conditions(letters: str, expected: str) -> None:
    """With two of three to fire and three clears to resolve."""
    assert conditions(letters) == expected


def test_one_breach_is_enough_when_fire_after_is_one() -> None:
    """F = 1 fires from ok."""
    assert conditions("t", FoldPolicy(fire_after=1)) == "f"


def test_resolves_from_firing_when_resolve_after_is_one() -> None:
    """R = 1 skips recovering."""
    assert events("Pc", FoldPolicy(resolve_after=1)) == ["opened", "resolved"]


def test_pending_waits_while_still_possible() -> None:
    """Three of five: two clears after a breach leave room, three do not."""
    policy = FoldPolicy(fire_after=3, fire_within=5)
    assert conditions("pccpp", policy) == "ppppf"
    assert conditions("pccc", policy) == "pppo"
    assert conditions("pcpcc", policy) == "ppppp"  # the second breach still has room for two more


def test_whole_life_of_an_incident() -> None:
    """Every kind of event, in order."""
    expected = ["opened", "recovering", "relapsed", "recovering", "resolved", "reopened", "flapping"]
    expected += ["severity_up"]
    assert events("ttcchtcccTP") == expected


def test_incident_id_is_that_of_the_opening_window() -> None:
    """Not of the first pending breach; the same after any replay."""
    folds = run("pp", POLICY)
    (incident,) = incidents(folds).values()
    assert incident.opened == START + timedelta(hours=1)
    assert incident.since == START
    assert incidents(run("pp", POLICY)).keys() == {incident.id}
    assert incidents(run("pp", POLICY, first=1)).keys() != {incident.id}


def test_severity_needs_persistence_or_a_sure_breach() -> None:
    """Two tickets open a ticket; a page breach raises it only when sure, or two of the last three."""
    severities = [result.state.severity for result in run("ttptpp", POLICY)]
    ticket, page = Severity.TICKET, Severity.PAGE
    assert severities == [Severity.NONE, ticket, ticket, ticket, page, page]
    assert [result.state.severity for result in run("TP", POLICY)] == [ticket, page]
    assert run("pt", POLICY)[-1].state.severity is ticket
    assert run("pp", POLICY)[-1].state.severity is page


def test_severity_never_falls_while_open() -> None:
    """Tickets after a page leave it a page, through recovery and relapse."""
    assert {result.state.severity for result in run("Pttttctt", POLICY)} == {Severity.PAGE}


@pytest.mark.parametrize(
    ("letters", "expected"),
    [
        ("p", "t"),
        ("pp", "tp"),
        ("tt", "tt"),
        ("Pc", "pn"),
        ("Ph", "pt"),
        ("Pch", "pnn"),
        ("cz", "nn"),
        ("Pt", "pp"),
    ],
)
def test_severity_of_the_verdict(letters: str, expected: str) -> None:
    """page: a breach in a firing page. ticket: another breach, or a neutral window while firing."""
    assert "".join(result.severity.value[0] for result in run(letters, POLICY)) == expected


def test_a_column_that_breaks_while_drifting_becomes_a_data_incident() -> None:
    """And stays one while it is open: retraining must not run on it."""
    state = run("PP", POLICY)[-1].state
    drift, data = IncidentKind.DRIFT, IncidentKind.DATA
    kinds = []
    for index, kind in enumerate((drift, data, drift), start=2):
        result = fold(state, verdict("P", index, kind=kind), POLICY)
        state = result.state
        kinds.append((state.incident_kind, result.transitions[0].incident_kind))
    assert kinds == [(drift, drift), (data, data), (data, data)]


def test_reopens_within_six_windows() -> None:
    """Firing in the sixth window after a resolve is the same incident, in the seventh a new one."""
    assert events("Pccc" + "c" * 5 + "P")[-2:] == ["reopened", "flapping"]
    assert events("Pccc" + "c" * 6 + "P")[-2:] == ["opened", "flapping"]
    assert events("Pccc" + "z" * 6 + "P")[-2:] == ["opened", "flapping"]  # neutral windows are windows
    (incident,) = incidents(run("PcccP", POLICY)).values()
    assert incident.reopens == 1
    assert incident.is_open


def test_flaps_from_the_third_turn_in_48_windows() -> None:
    """Fire, resolve, fire: the third turn. A window later than that it is a problem of its own."""
    rare = "Pccc" + "c" * 44
    assert "flapping" in events(rare[:-1] + "P")
    assert "flapping" not in events(rare + "P")


def test_flaps_until_24_windows_without_a_turn() -> None:
    """Steady while it fires or while it is well; neutral windows count; a turn begins the count anew."""
    flapping = "PcccP"
    assert events(flapping + "P" * 23)[-1] == "flapping"
    assert events(flapping + "P" * 24)[-1] == "steady"
    assert events(flapping + "z" * 24)[-1] == "steady"
    assert events(flapping + "ccc" + "c" * 24)[-2:] == ["resolved", "steady"]
    assert events(flapping + "P" * 20 + "ccc" + "c" * 23)[-1] == "resolved"


def test_what_comes_and_goes_is_one_incident() -> None:
    """Reopened however long ago it resolved; once steady, the next one is new."""
    flapping = "PcccP" + "ccc" + "c" * 15 + "P"
    assert len(incidents(run(flapping, POLICY))) == 1
    (incident,) = incidents(run(flapping, POLICY)).values()
    assert incident.flapping
    over = incidents(run("PcccP" + "ccc" + "c" * 48 + "P", POLICY))
    assert [each.flapping for each in over.values()] == [False, False]


def test_another_reference_ends_the_coming_and_going() -> None:
    """Whether it fires at that moment or not: the question is a new one."""
    for letters in ("PcccP", "PcccPccc"):
        folds = run(letters, POLICY)
        (before,) = incidents(folds).values()
        assert before.flapping
        after, (transition,) = rebaseline(folds[-1].state, ResolveReason.REBASELINED, START)
        assert not after.flapping
        assert not apply(before, transition).flapping


def test_reopened_severity_starts_from_the_new_evidence() -> None:
    """A page that resolved and comes back as a ticket wakes nobody."""
    assert run("PcccT", POLICY)[-1].state.severity is Severity.TICKET


def test_last_decisive_window_is_kept() -> None:
    """While data is missing a firing series can say until when it knew."""
    assert run("Pzzz", POLICY)[-1].state.last_decisive == START + timedelta(hours=1)


@pytest.mark.parametrize("reason", [reason for reason in ResolveReason if reason != "recovered"])
def test_rebaseline_resolves_and_resets(reason: ResolveReason) -> None:
    """It carries its reason; only a manual resolve may be reopened."""
    state = run("Pp", POLICY)[-1].state
    after, (transition,) = rebaseline(state, reason, START + timedelta(days=1))
    assert transition.kind is TransitionKind.RESOLVED
    assert transition.reason is reason
    assert after.condition is Condition.OK
    assert after.recent == ()
    again = fold(after, verdict("P", 2), POLICY).transitions[0].kind
    expected = TransitionKind.REOPENED if reason is ResolveReason.MANUAL else TransitionKind.OPENED
    assert again is expected


def test_rebaseline_of_a_pending_series_is_silent() -> None:
    """Counters go back to zero, nobody is told."""
    after, transitions = rebaseline(run("p", POLICY)[-1].state, ResolveReason.REBASELINED, START)
    assert transitions == ()
    assert after.condition is Condition.OK


def test_only_the_fold_says_recovered() -> None:
    """A person cannot make a series green."""
    with pytest.raises(ValueError, match="only the fold"):
        rebaseline(AlertState(series=SERIES), ResolveReason.RECOVERED, START)


def test_old_windows_and_other_series_are_refused() -> None:
    """Judging twice or out of order would corrupt the history: it is an error, not a no-op."""
    state = run("pp", POLICY)[-1].state
    with pytest.raises(ValueError, match="cannot follow"):
        fold(state, verdict("p", 1), POLICY)
    with pytest.raises(ValueError, match="on the state of"):
        fold(state, verdict("p", 2, series=Series(model="delays", column="dist")), POLICY)


@pytest.mark.parametrize(
    "wrong",
    [{"fire_after": 0}, {"fire_after": 4}, {"resolve_after": 0}, {"health_for": 0}, {"reopen_within": -1}],
)
def test_impossible_policies_are_refused(wrong: dict[str, int]) -> None:
    """Counts that could never fire or never resolve."""
    with pytest.raises(ValueError, match="must be"):
        FoldPolicy(**wrong)  # type: ignore[arg-type]  # health_span is not among them
