"""The fold against a slow twin that shares no code and no idea with it, and the laws it must obey.

The twin keeps the whole history of letters and asks "what could still happen?" by trying it out.
"""

import json
from dataclasses import dataclass, field, replace

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from alerting.alert_state import AlertState, Condition
from alerting.fold import Fold, FoldPolicy, fold, rebaseline
from alerting.incident import Incident, ResolveReason, Status, TransitionKind, acknowledge, apply
from alerting.series import Series
from alerting.verdict import Severity
from tests.alerting.verdicts import SERIES, START, run, verdict

LETTERS = st.text(alphabet="tpTPcccchz", max_size=60)
POLICIES = st.builds(
    lambda after, more, clears, reopen: FoldPolicy(
        fire_after=after, fire_within=after + more, resolve_after=clears, reopen_within=reopen
    ),
    st.integers(1, 3),
    st.integers(0, 3),
    st.integers(1, 3),
    st.integers(0, 8),
)


@dataclass
class Twin:
    """Slow and plain: `life` holds every letter since the series was last ok."""

    policy: FoldPolicy
    condition: str = "ok"
    life: str = ""
    severity: str = "none"
    opening: int = -1  # index of the window that opened the incident
    resolved_at: int | None = None
    now: int = -1
    events: list[str] = field(default_factory=list)
    turned: list[int] = field(default_factory=list)  # windows of every fire, reopening and resolve
    flaps: bool = False

    def step(self, letter: str) -> str:
        self.now += 1
        self.life += letter
        self.events = []
        policy = self.policy
        decisive = self.life.replace("h", "").replace("z", "")
        last = decisive[-policy.fire_within :]
        if letter in "tpTP":
            enough = len(last) - last.count("c") >= policy.fire_after
            if self.condition in ("firing", "recovering"):
                if self.condition == "recovering":
                    self.events.append("relapsed")
                self.condition = "firing"
                if self.severity == "ticket" and self._is_page(letter, last):
                    self.severity = "page"
                    self.events.append("severity_up")
            elif letter in "TP" or enough:
                again = self.resolved_at is not None and (
                    self.flaps or self.now - self.resolved_at <= policy.reopen_within
                )
                self.events.append("reopened" if again else "opened")
                self.opening = self.opening if again else self.now
                self.condition = "firing"
                self.severity = "page" if self._is_page(letter, last) else "ticket"
            else:
                self.condition = "pending"
        elif letter == "c":
            if self.condition in ("firing", "recovering"):
                if decisive.endswith("c" * policy.resolve_after):
                    self.events.append("resolved")
                    self.resolved_at = self.now
                    self._forget()
                else:
                    if self.condition == "firing":
                        self.events.append("recovering")
                    self.condition = "recovering"
            elif not self._could_still_fire(decisive):
                self._forget()
        elif (
            self.condition == "pending"
            and len(self.life) - len(self.life.rstrip("hz")) == 4 * policy.fire_after
        ):
            self._forget()
        if self.condition == "ok":
            self._forget()
        self._flap()
        return self._told(letter)

    def _flap(self) -> None:
        """Three turns among the last 48 windows; over when the last 24 had none."""
        if {"opened", "reopened", "resolved"} & set(self.events):
            self.turned.append(self.now)
            if not self.flaps and len([at for at in self.turned if at > self.now - 48]) >= 3:
                self.flaps = True
                self.events.append("flapping")
        elif self.flaps and not any(at > self.now - 24 for at in self.turned):
            self.flaps = False
            self.events.append("steady")

    def _is_page(self, letter: str, last: str) -> bool:
        return letter == "P" or last.count("p") + last.count("P") >= self.policy.fire_after

    def _could_still_fire(self, decisive: str) -> bool:
        """Try every number of breaches to come; one of the old ones has to count."""
        for more in range(self.policy.fire_within):
            seen = (decisive + "?" * more)[-self.policy.fire_within :]
            old = len(seen) - seen.count("c") - seen.count("?")
            if old >= 1 and old + more >= self.policy.fire_after:
                return True
        return False

    def _forget(self) -> None:
        self.condition, self.life, self.severity = "ok", "", "none"

    def _told(self, letter: str) -> str:
        if letter == "c" or (letter in "hz" and self.condition != "firing"):
            return "none"
        if letter in "tpTP" and self.severity == "page":
            return "page"
        return "ticket"


def events(result: Fold) -> list[str]:
    return [transition.kind.value for transition in result.transitions if transition.is_event]


@settings(max_examples=400, deadline=None)
@given(letters=LETTERS, policy=POLICIES)
def test_agrees_with_the_twin(letters: str, policy: FoldPolicy) -> None:
    """Condition, events, severities and the opening window, window by window."""
    twin = Twin(policy=policy)
    for result, letter in zip(run(letters, policy), letters, strict=True):
        told = twin.step(letter)
        assert result.state.condition == twin.condition
        assert events(result) == twin.events
        assert result.severity == told
        if result.state.is_open:
            assert result.state.severity == twin.severity
            assert result.transitions == () or result.incident_id == result.transitions[0].incident_id


@settings(max_examples=200, deadline=None)
@given(before=LETTERS, after=LETTERS, policy=POLICIES)
def test_may_stop_and_go_on_anywhere(before: str, after: str, policy: FoldPolicy) -> None:
    """fold(a + b) = fold(b, state = fold(a)), with the state written to JSON in between."""
    first = run(before, policy)
    stored = first[-1].state.to_json() if first else AlertState(series=SERIES).to_json()
    state = AlertState.from_json(json.loads(json.dumps(stored)))
    second = run(after, policy, state=state, first=len(before))
    assert first + second == run(before + after, policy)


@settings(max_examples=200, deadline=None)
@given(
    letters=LETTERS,
    policy=POLICIES,
    neutral=st.text(alphabet="hzle", min_size=1, max_size=3),
    at=st.integers(0),
)
def test_neutral_windows_change_no_condition(letters: str, policy: FoldPolicy, neutral: str, at: int) -> None:
    """Put anywhere, they leave every condition and severity as it was, timers (expiry, reopening) aside."""
    policy = replace(policy, reopen_within=0, flap_after=100)
    decisive = letters.replace("h", "").replace("z", "")
    cut = at % (len(decisive) + 1)
    folds = run(decisive[:cut] + neutral + decisive[cut:], policy)
    plain = run(decisive, policy)
    kept = folds[:cut] + folds[cut + len(neutral) :]
    assert [(f.state.condition, f.state.severity) for f in kept] == [
        (f.state.condition, f.state.severity) for f in plain
    ]
    assert all(f.transitions == () for f in folds[cut : cut + len(neutral)])


@settings(max_examples=100, deadline=None)
@given(letters=LETTERS, policy=POLICIES)
def test_names_do_not_matter(letters: str, policy: FoldPolicy) -> None:
    """Relabelling: another model, column and segment give the same history under other ids."""
    other = Series(model="x" * 40, column="page", segment="carrier=AA", version="2")
    for mine, theirs in zip(run(letters, policy), run(letters, policy, series=other), strict=True):
        assert replace(mine.state, series=other, incident_id="") == replace(theirs.state, incident_id="")
        assert [t.kind for t in mine.transitions] == [t.kind for t in theirs.transitions]
        assert mine.severity is theirs.severity


class LifeOfASeries(RuleBasedStateMachine):
    """Windows, people and configuration in any order; the incident is built from transitions alone."""

    def __init__(self) -> None:
        super().__init__()
        self.policy = FoldPolicy()
        self.state = AlertState(series=SERIES)
        self.twin = Twin(policy=self.policy)
        self.incidents: dict[str, Incident] = {}
        self.index = 0

    @initialize(policy=POLICIES)
    def configure(self, policy: FoldPolicy) -> None:
        self.policy = policy
        self.twin = Twin(policy=policy)

    @rule(letter=st.sampled_from("tpTPcccchz"))
    def fold_a_window(self, letter: str) -> None:
        before = self.current()
        result = fold(self.state, verdict(letter, self.index), self.policy)
        self.index += 1
        self.state = result.state
        for transition in result.transitions:
            known = self.incidents.get(transition.incident_id)
            after = apply(known, transition)
            assert known is None or after.version == known.version + 1
            self.incidents[after.id] = after
        assert result.severity == self.twin.step(letter)
        assert events(result) == self.twin.events
        after_all = self.current()
        if before is not None and after_all is not None:
            assert after_all.severity.level >= before.severity.level
            assert after_all.id == before.id

    @rule()
    def restart(self) -> None:
        self.state = AlertState.from_json(json.loads(json.dumps(self.state.to_json())))

    @rule(reason=st.sampled_from([r for r in ResolveReason if r is not ResolveReason.RECOVERED]))
    def close(self, reason: ResolveReason) -> None:
        was_open, flapped = self.state.is_open, self.state.flapping
        self.state, transitions = rebaseline(self.state, reason, START)
        assert len(transitions) == (was_open or flapped)
        for transition in transitions:
            after = apply(self.incidents[transition.incident_id], transition)
            assert not was_open or after.resolved_reason is reason
            assert not after.flapping
            self.incidents[after.id] = after
        self.twin.condition, self.twin.life, self.twin.severity = "ok", "", "none"
        self.twin.turned, self.twin.flaps = [], False
        keeps = was_open and reason is ResolveReason.MANUAL
        self.twin.resolved_at = self.twin.now if keeps else None

    @precondition(lambda self: self.current() is not None)
    @rule()
    def take_it(self) -> None:
        incident = self.current()
        assert incident is not None
        self.incidents[incident.id] = acknowledge(incident, by="ada", now=START)

    @invariant()
    def state_and_incident_agree(self) -> None:
        incident = self.current()
        assert (incident is not None) is self.state.is_open
        if incident is not None:
            assert incident.id == self.state.incident_id
            assert incident.severity is self.state.severity
            firing = self.state.condition is Condition.FIRING
            assert incident.status is (Status.FIRING if firing else Status.RECOVERING)
            assert incident.flapping is self.state.flapping
        assert self.state.flapping is self.twin.flaps
        assert self.state.condition == self.twin.condition
        if self.state.condition is Condition.OK:
            assert self.state.recent == ()
            assert self.state.severity is Severity.NONE

    def current(self) -> Incident | None:
        """The open one: there is never a second."""
        found = [incident for incident in self.incidents.values() if incident.is_open]
        assert len(found) <= 1
        return found[0] if found else None


TestLifeOfASeries = LifeOfASeries.TestCase
TestLifeOfASeries.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_the_twin_can_tell() -> None:
    """The comparison is able to fail: a fold that resolves one window early disagrees."""
    early = run("Pcc", FoldPolicy(resolve_after=2))[-1]
    twin = Twin(policy=FoldPolicy(resolve_after=3))
    for letter in "Pcc":
        twin.step(letter)
    assert early.state.condition != twin.condition
    assert early.transitions[-1].kind is TransitionKind.RESOLVED
