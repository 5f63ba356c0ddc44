"""T67: the fold against the oracle of tests/oracle.py on random strings, and the laws it must obey there.

Strings are drawn with a fixed seed, so that a failure comes again; LEEWAY_STRINGS asks for more of them.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import pairwise

import pytest

from alerting.alert_state import AlertState
from alerting.fold import Fold, FoldPolicy, fold
from alerting.health import fold_window, health_series
from alerting.incident import Incident, TransitionKind, apply
from alerting.series import Series
from alerting.verdict import Verdict
from tests import oracle
from tests.alerting.verdicts import START, incidents, run, verdict, window
from tests.oracle import Rules, Story, Tale

STRINGS = int(os.environ.get("LEEWAY_STRINGS", "10000"))
NEUTRAL = "hzle"
# Of each kind enough that all four conditions are common, and long silences and long calms occur.
MIXES = ("tpTPcccchz", "tpccc", "ttttcch", "tchzle", "tphhhhzzzz", "PccccccccccccT")


def rules_of(policy: FoldPolicy) -> Rules:
    return Rules(
        fire_after=policy.fire_after,
        fire_within=policy.fire_within,
        resolve_after=policy.resolve_after,
        reopen_within=policy.reopen_within,
        flap_after=policy.flap_after,
        flap_within=policy.flap_within,
        flap_calm=policy.flap_calm,
    )


def drawn(count: int, seed: int, longest: int = 24) -> Iterator[tuple[str, FoldPolicy]]:
    """Random strings, each with a random policy."""
    chance = random.Random(seed)
    for _ in range(count):
        fire_after = chance.randint(1, 3)
        # Calm is shorter than what is looked at: otherwise a turn would be forgotten before it is long ago.
        flap_within, flap_calm = chance.choice(((5, 3), (12, 8), (48, 24)))
        policy = FoldPolicy(
            fire_after=fire_after,
            fire_within=fire_after + chance.randint(0, 3),
            resolve_after=chance.randint(1, 3),
            reopen_within=chance.choice((0, 2, 6)),
            flap_after=chance.choice((2, 3, 99)),
            flap_within=flap_within,
            flap_calm=flap_calm,
        )
        yield "".join(chance.choices(chance.choice(MIXES), k=chance.randint(1, longest))), policy


def number(at: datetime | None, end: bool = False) -> int | None:
    """Which window starts (ends) at this instant."""
    first = window(0)
    return None if at is None else round((at - first[end]) / (first[1] - first[0]))


def told(found: dict[str, Incident]) -> tuple[Tale, ...]:
    """The incidents as the oracle tells them."""
    return tuple(
        Tale(
            opened=number(each.opened) or 0,
            severity=each.severity,
            resolved=number(each.resolved, end=True),
            relapses=each.relapses,
            reopens=each.reopens,
        )
        for each in found.values()
    )


def story(folds: list[Fold]) -> Story:
    conditions = tuple(str(each.state.condition) for each in folds)
    return Story(conditions=conditions, tales=told(incidents(folds)))


def test_agrees_with_the_oracle() -> None:
    """Conditions window by window, and every incident with its severity, relapses and reopenings."""
    for letters, policy in drawn(STRINGS, seed=1):
        found = story(run(letters, policy))
        assert found == oracle.tell(letters, rules_of(policy)), (letters, policy)


def test_the_oracle_can_disagree() -> None:
    """A fold that fires one window late, forgets a window too early, or resolves early is seen."""
    strings = list(drawn(500, seed=2))
    for wrong in (
        lambda rules: replace(rules, fire_after=rules.fire_after + 1, fire_within=rules.fire_within + 1),
        lambda rules: replace(rules, fire_within=rules.fire_within + 1),
        lambda rules: replace(rules, resolve_after=rules.resolve_after + 1),
        lambda rules: replace(rules, reopen_within=rules.reopen_within + 1),
        lambda rules: replace(rules, flap_after=rules.flap_after + 1),
        lambda rules: replace(rules, flap_within=rules.flap_within + 1),
        lambda rules: replace(rules, flap_calm=rules.flap_calm + 1),
    ):
        found = [story(run(letters, p)) == oracle.tell(letters, wrong(rules_of(p))) for letters, p in strings]
        assert not all(found)


def test_may_be_taken_up_anywhere() -> None:
    """fold(a + b) = fold(b, state = fold(a)), to the bit."""
    chance = random.Random(3)
    for letters, policy in drawn(STRINGS // 4, seed=3):
        cut = chance.randint(0, len(letters))
        first = run(letters[:cut], policy)
        second = run(letters[cut:], policy, state=first[-1].state if first else None, first=cut)
        assert first + second == run(letters, policy), (letters, cut)


def test_neutral_windows_move_nothing_but_timers() -> None:
    """A neutral window changes no condition, but that it lets what pends expire, and what flaps be steady."""
    for letters, policy in drawn(STRINGS // 4, seed=4):
        before = "ok"
        for letter, after in zip(letters, run(letters, policy), strict=True):
            now = str(after.state.condition)
            if letter in NEUTRAL:
                assert {each.kind for each in after.transitions} <= {TransitionKind.STEADY}
                assert now == before or (before, now) == ("pending", "ok"), letters
            before = now


def test_names_change_nothing() -> None:
    """Another model, column, segment and version: the same story under other ids."""
    other = Series(model="a" * 50, column="p", segment="origin=JFK", version="7")
    for letters, policy in drawn(STRINGS // 10, seed=5):
        mine, theirs = run(letters, policy), run(letters, policy, series=other)
        assert story(mine) == story(theirs)
        assert set(incidents(mine)).isdisjoint(incidents(theirs))


def test_severity_never_falls_while_open() -> None:
    """A page does not become a ticket; only another incident, or a reopening, starts anew."""
    for letters, policy in drawn(STRINGS // 4, seed=6):
        folds = run(letters, policy)
        for one, after in pairwise(folds):
            if one.state.is_open and after.state.is_open:
                assert after.state.severity.level >= one.state.severity.level, letters


COLUMNS = ("temp", "dewp")


def windows_of(strings: dict[str, str]) -> Iterator[list[Verdict]]:
    """The verdicts of each window, the feed's (column "") last; "." says nothing."""
    for index in range(len(strings[""])):
        yield [
            verdict(strings[column][index], index, series=Series(model="delays", column=column))
            for column in (*COLUMNS, "")
            if strings[column][index] != "."
        ]


def folded(strings: dict[str, str], policy: FoldPolicy) -> dict[tuple[str, str], tuple[Tale, ...]]:
    """Every incident of both axes, by column and rule."""
    states: dict[str, AlertState] = {}
    found: dict[str, Incident] = {}
    for verdicts in windows_of(strings):
        result = fold_window(states, verdicts, policy)
        states = dict(result.states)
        for transition in result.transitions:
            found[transition.incident_id] = apply(found.get(transition.incident_id), transition)
    by_series: dict[tuple[str, str], dict[str, Incident]] = {}
    for id_, incident in found.items():
        by_series.setdefault((incident.series.column, incident.series.rule), {})[id_] = incident
    return {key: told(each) for key, each in by_series.items()}


def expected(strings: dict[str, str], policy: FoldPolicy) -> dict[tuple[str, str], tuple[Tale, ...]]:
    feed, rules = strings[""], oracle.health_rules(rules_of(policy), policy.health_for)
    both = {(column, ""): oracle.tell(text, rules_of(policy)).tales for column, text in strings.items()}
    for column, text in strings.items():
        letters = oracle.health(text, feed, hours=1, column=bool(column))
        both[column, "data_health"] = oracle.tell(letters, rules).tales
    return {key: tales for key, tales in both.items() if tales}


def test_both_axes_of_whole_windows_agree_with_the_oracle() -> None:
    """Columns, their feed and their health: with a bad feed no column speaks, and nothing resolves."""
    chance = random.Random(7)
    for letters, policy in drawn(STRINGS // 10, seed=7):
        strings = {
            "temp": letters,
            "dewp": "".join(chance.choices("tPccchzleE.", k=len(letters))),
            "": "".join(chance.choices("cccccczle", k=len(letters))),
        }
        for column in COLUMNS:  # of a window without data nothing is said but that
            strings[column] = "".join(
                bad if bad in oracle.BAD else own
                for own, bad in zip(strings[column], strings[""], strict=True)
            )
        assert folded(strings, policy) == expected(strings, policy), strings


@pytest.mark.parametrize("bad", ["z", "l", "e"])
def test_a_firing_series_without_data_neither_resolves_nor_fires(bad: str) -> None:
    """T16: the drift incident stands, a data incident comes beside it and ends with the first good window."""
    strings = {"temp": "PP" + bad * 9 + "ccc", "dewp": "cc" + bad * 9 + "ccc", "": "cc" + bad * 9 + "ccc"}
    found = folded(strings, FoldPolicy())
    assert found == {
        ("temp", ""): (Tale(opened=0, severity="page", resolved=13),),
        ("", "data_health"): (Tale(opened=3, severity="page", resolved=11),),
    }


def test_a_silent_column_opens_its_own_data_incident() -> None:
    """T16: of one column alone, with the labels of the column, so that a silence on them covers both."""
    strings = {"temp": "PPeeec", "dewp": "cccccc", "": "cccccc"}
    assert folded(strings, FoldPolicy()) == {
        ("temp", ""): (Tale(opened=0, severity="page"),),
        ("temp", "data_health"): (Tale(opened=3, severity="ticket", resolved=5),),
    }
    series = Series(model="delays", column="temp")
    assert replace(health_series(series), rule="") == series


def test_a_window_is_folded_once() -> None:
    """The same window again, or an older one, is refused."""
    state = fold(None, verdict("c", 3), FoldPolicy()).state
    for index in (3, 2):
        with pytest.raises(ValueError, match="cannot follow"):
            fold(state, verdict("c", index), FoldPolicy())
    assert number(START) == 0
