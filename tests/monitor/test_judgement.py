"""The judge: one law of docs/detectors.md a test."""

import math

import pytest

from alerting.verdict import IncidentKind, Severity, VerdictKind
from detectors import Harm, Measurement, Role
from monitor.judge_state import JudgeState
from monitor.policy import Floors, JudgePolicy, Threshold
from storage.measurements import ColumnResult, ColumnStatus
from tests.monitor.judging import HARMFUL, ROWS, broken, category, judged, noise_model, numeric, one

NOISE = noise_model()


def test_a_quiet_window_is_clear() -> None:
    """Nothing moved: every column is clear and nobody is told."""
    verdicts = judged(numeric(), category(), noise=NOISE).verdicts
    assert {verdict.kind for verdict in verdicts} == {VerdictKind.CLEAR}
    assert {verdict.severity for verdict in verdicts} == {Severity.NONE}


def test_a_shift_that_harms_nothing_is_a_ticket() -> None:
    """Seven sd of the windows: a breach, but nobody is woken."""
    verdict = one(judged(numeric(c1=0.8), noise=NOISE))
    assert (verdict.kind, verdict.severity) == (VerdictKind.BREACH, Severity.TICKET)
    assert verdict.change == "shifted"
    assert verdict.incident_kind is IncidentKind.DRIFT


def test_the_same_shift_is_a_page_when_it_harms_the_model() -> None:
    """Harm of five points, beyond twice its error."""
    verdict = one(judged(numeric(c1=0.8, harm=HARMFUL), noise=NOISE))
    assert verdict.severity is Severity.PAGE
    assert verdict.sure


def test_harm_within_its_error_is_no_harm() -> None:
    """Five points with an error of four."""
    unsure = Harm(harm=-5.0, harm_error=4.0)
    assert one(judged(numeric(c1=0.8, harm=unsure), noise=NOISE)).severity is Severity.TICKET


def test_without_outcomes_the_pull_on_the_score_decides() -> None:
    """Two points of the mean score."""
    for pull, severity in ((0.03, Severity.PAGE), (0.01, Severity.TICKET)):
        found = one(judged(numeric(c1=0.8, harm=Harm(pull=pull)), noise=NOISE))
        assert found.severity is severity


def test_with_neither_a_loud_change_or_an_important_column_matters() -> None:
    """Five floors, or the owner's word."""
    bare = Harm()
    assert one(judged(numeric(c1=0.8, harm=bare), noise=NOISE)).severity is Severity.PAGE
    quiet = noise_model(tau=0.01)
    small = numeric(c1=0.4, harm=bare)
    assert one(judged(small, noise=quiet)).severity is Severity.TICKET
    important = JudgePolicy(important=("x*",))
    assert one(judged(small, noise=quiet, policy=important)).severity is Severity.PAGE


def test_an_input_matters_when_the_score_alerts_too() -> None:
    """The harmless shift pages beside a breached score; the score is a page by itself, ranked after it."""
    both = judged(numeric(c1=0.8), numeric("score", c1=0.9, role=Role.SCORE), noise=NOISE)
    assert one(both).severity is Severity.PAGE
    assert one(both, "score").severity is Severity.PAGE
    assert one(both, "score").incident_kind is IncidentKind.CONFIDENCE
    assert (one(both).rank, one(both, "score").rank) == (1, 2)


@pytest.mark.parametrize(
    ("result", "change", "kind"),
    [
        (numeric(missing=0.03), "missing", IncidentKind.DATA),
        (numeric(stuck=0.9), "stuck", IncidentKind.DATA),
        (category(unseen=0.04), "new_category", IncidentKind.DRIFT),
    ],
)
def test_a_broken_feed_pages_at_once(result: ColumnResult, change: str, kind: IncidentKind) -> None:
    """Whatever the model makes of it; only a new value may be the world's doing."""
    verdict = one(judged(result, noise=NOISE), result.column)
    assert (verdict.kind, verdict.severity, verdict.sure) == (VerdictKind.BREACH, Severity.PAGE, True)
    assert (verdict.change, verdict.incident_kind) == (change, kind)


def test_out_of_range_needs_a_second_window_unless_it_is_most_rows() -> None:
    """Rows that share an hour are one observation."""
    some = one(judged(numeric(out_of_range=0.05), noise=NOISE))
    most = one(judged(numeric(out_of_range=0.9), noise=NOISE))
    assert (some.severity, some.sure) == (Severity.PAGE, False)
    assert (most.severity, most.sure) == (Severity.PAGE, True)


def test_no_share_says_anything_for_two_rows() -> None:
    """A hard count guard: fewer than three rows off is nothing, however unlikely."""
    verdict = one(judged(numeric(missing=2 / 50, rows=50), noise=NOISE, rows=50))
    assert verdict.kind is VerdictKind.CLEAR


def test_three_rows_breach_but_are_not_sure() -> None:
    """A page at once needs five."""
    verdict = one(judged(numeric(missing=3 / 50, rows=50), noise=NOISE, rows=50))
    assert (verdict.kind, verdict.sure) == (VerdictKind.BREACH, False)


def test_what_is_too_small_to_care_about_is_clear() -> None:
    """Certain, but under 0.1 sd: the floor. Set lower, it is a breach."""
    quiet = noise_model(tau=0.001)
    result = numeric(c1=0.07, rows=1_000_000)
    assert one(judged(result, noise=quiet, rows=1_000_000)).kind is VerdictKind.CLEAR
    finer = JudgePolicy(floors=(Floors(column="x", sd=0.02),))
    assert one(judged(result, noise=quiet, policy=finer, rows=1_000_000)).kind is VerdictKind.BREACH


def test_between_breach_and_clear_is_hold() -> None:
    """Certain, and between 0.8 of the floor and the floor."""
    quiet = noise_model(tau=0.001)
    verdict = one(judged(numeric(c1=0.09, rows=1_000_000), noise=quiet, rows=1_000_000))
    assert verdict.kind is VerdictKind.HOLD
    assert verdict.severity is Severity.NONE


def test_many_columns_do_not_mean_many_alerts() -> None:
    """What breaches alone does not among forty quiet columns."""
    names = tuple(f"x{i}" for i in range(40))
    model = noise_model(names)
    alone = one(judged(numeric("x0", c1=0.42), noise=model), "x0")
    among = one(judged(numeric("x0", c1=0.42), *(numeric(name) for name in names[1:]), noise=model), "x0")
    assert alone.kind is VerdictKind.BREACH
    assert among.kind is not VerdictKind.BREACH


def test_a_small_change_that_lasts_is_found_by_its_running_mean() -> None:
    """Two sd of the windows never breaches alone, and does within a few windows in a row."""
    state, kinds = JudgeState(), []
    for _ in range(8):
        found = judged(numeric(c1=0.22), noise=NOISE, state=state)
        state = found.state
        kinds.append(one(found).kind)
    assert kinds[0] is VerdictKind.CLEAR
    assert VerdictKind.BREACH in kinds[:6]
    assert one(found).facts["rule"] == "ewma"


@pytest.mark.parametrize(("each", "sure"), [((0.33, 0.33, 0.33), True), ((0.02, 0.4, 0.4), False)])
def test_what_lasts_is_sure_once_three_windows_say_so(each: tuple[float, ...], sure: bool) -> None:
    """As surprising as one window that is sure; two stormy ones are not, however far they went."""
    state = JudgeState()
    for c1 in each:
        found = judged(numeric(c1=c1), noise=NOISE, state=state)
        state = found.state
    rules = one(found).facts["rules"]
    assert isinstance(rules, list)
    lasting = next(rule for rule in rules if rule["name"] == "ewma")
    assert (lasting["kind"], lasting["sure"]) == ("breach", sure)
    assert lasting["p"] <= 0.005 / 50


def test_a_change_that_is_over_does_not_breach_by_its_memory() -> None:
    """The running mean still holds it; the window no longer points that way."""
    state = JudgeState()
    for _ in range(6):
        state = judged(numeric(c1=0.35), noise=NOISE, state=state).state
    after = one(judged(numeric(c1=-0.05), noise=NOISE, state=state))
    assert after.kind is not VerdictKind.BREACH


def test_state_goes_through_json_to_the_bit() -> None:
    """A checkpoint replays."""
    state = judged(numeric(c1=0.3, harm=HARMFUL), category(0.5), noise=NOISE).state
    assert JudgeState.from_json(state.to_json()) == state


def test_sensitivity_moves_alpha() -> None:
    """The same window: clear at low, breach at high."""
    result = numeric(c1=0.37)
    kinds = {
        word: one(judged(result, noise=NOISE, policy=JudgePolicy(sensitivity=word))).kind
        for word in ("low", "high")
    }
    assert kinds["low"] is not VerdictKind.BREACH
    assert kinds["high"] is VerdictKind.BREACH


@pytest.mark.parametrize("status", [ColumnStatus.ABSENT, ColumnStatus.RETYPED])
def test_a_column_that_cannot_be_read_is_an_error_at_once(status: ColumnStatus) -> None:
    """No second window is needed, and the other columns are judged."""
    found = judged(broken(status), category(), noise=NOISE)
    verdict = one(found)
    assert (verdict.kind, verdict.immediate) == (VerdictKind.ERROR, True)
    assert (verdict.severity, verdict.incident_kind) == (Severity.PAGE, IncidentKind.DATA)
    assert verdict.change == status
    assert one(found, "c").kind is VerdictKind.CLEAR


def test_not_a_number_is_an_error_never_clear() -> None:
    """And the running means stay what they were."""
    found = judged(numeric(c1=math.nan), noise=NOISE)
    assert one(found).kind is VerdictKind.ERROR
    assert found.state == JudgeState()


def test_too_few_rows_are_not_judged() -> None:
    """Neutral, and nothing is remembered of them."""
    found = judged(numeric(c1=1.7, rows=4), noise=NOISE, rows=4)
    assert one(found).kind is VerdictKind.LOW_VOLUME
    assert found.state == JudgeState()
    assert one(judged(numeric(rows=0), noise=NOISE, rows=0)).kind is VerdictKind.NO_DATA


def test_while_learning_alerts_are_tickets_but_hard_rules_page() -> None:
    """Half the values missing, or a column gone, needs no model of noise."""
    young = noise_model(windows=10)
    assert young.learning
    shifted = one(judged(numeric(c1=1.5, harm=HARMFUL), noise=young))
    assert (shifted.kind, shifted.severity, shifted.sure) == (VerdictKind.BREACH, Severity.TICKET, False)
    missing = one(judged(numeric(missing=0.6), noise=young))
    assert (missing.severity, missing.sure, missing.change) == (Severity.PAGE, True, "missing")
    assert one(judged(broken(ColumnStatus.ABSENT), noise=young)).severity is Severity.PAGE


@pytest.mark.parametrize(
    ("value", "kind", "severity"),
    [
        (0.05, VerdictKind.CLEAR, Severity.NONE),
        (0.095, VerdictKind.HOLD, Severity.NONE),
        (0.1, VerdictKind.BREACH, Severity.TICKET),
        (0.3, VerdictKind.BREACH, Severity.PAGE),
        (math.nan, VerdictKind.ERROR, Severity.NONE),
    ],
)
def test_a_plain_threshold_decides_too(value: float, kind: VerdictKind, severity: Severity) -> None:
    """On any reported metric; clear below 0.9 of it."""
    policy = JudgePolicy(thresholds=(Threshold(metric="psi", ticket=0.1, page=0.25),))
    psi = Measurement(column="x", metric="psi", value=value, n_reference=9_000, n=ROWS)
    verdict = one(judged(numeric(measurements=[psi]), noise=NOISE, policy=policy))
    assert (verdict.kind, verdict.severity) == (kind, severity)


def test_a_threshold_is_for_the_columns_it_names() -> None:
    """A glob."""
    policy = JudgePolicy(thresholds=(Threshold(metric="psi", column="y*", ticket=0.1),))
    psi = Measurement(column="x", metric="psi", value=9.0, n_reference=9_000, n=ROWS)
    assert one(judged(numeric(measurements=[psi]), noise=NOISE, policy=policy)).kind is VerdictKind.CLEAR


def test_a_page_is_sure_only_by_the_rule_that_pages() -> None:
    """A sure ticket beside an unsure page does not wake anybody at once."""
    result = numeric(c1=1.5, out_of_range=0.05)
    verdict = one(judged(result, noise=NOISE))
    assert (verdict.severity, verdict.sure) == (Severity.PAGE, False)


def test_causes_are_ranked_by_how_sure_they_are() -> None:
    """1 is the most probable cause; only breaches have a rank."""
    found = judged(numeric(c1=0.6), category(unseen=0.04), numeric("score"), noise=NOISE)
    assert (one(found, "c").rank, one(found).rank, one(found, "score").rank) == (1, 2, None)
    assert [verdict.series.column for verdict in found.verdicts][:2] == ["c", "x"]


def test_a_pull_is_weighed_in_the_unit_of_the_score() -> None:
    """Of a probability 0.02; of a regression a tenth of its sd: five cents are nothing to a price."""
    price = numeric("score", role=Role.SCORE, evidence={"sd": [10.0, 10.0]})
    for pull, severity in ((0.05, Severity.TICKET), (1.5, Severity.PAGE)):
        moved = numeric(c1=0.8, harm=Harm(pull=pull))
        found = judged(moved, price, noise=NOISE, policy=JudgePolicy(pull_sd=0.1))
        assert one(found).severity is severity
    assert one(judged(numeric(c1=0.8, harm=Harm(pull=0.05)), price, noise=NOISE)).severity is Severity.PAGE
    alone = judged(numeric(c1=0.8, harm=Harm(pull=0.05)), noise=NOISE, policy=JudgePolicy(pull_sd=0.1))
    assert one(alone).severity is Severity.TICKET


def test_the_score_is_ranked_before_what_is_derived_from_it() -> None:
    """People know their score's name; how sure the model is follows from it alone."""
    noise = noise_model(("x", "score", "confidence"))
    found = judged(
        numeric("confidence", c1=3.0, role=Role.DERIVED),
        numeric("score", c1=0.6, role=Role.SCORE),
        noise=noise,
    )
    assert (one(found, "score").rank, one(found, "confidence").rank) == (1, 2)


def test_what_has_no_component_is_not_judged() -> None:
    """Entropy and margin are reported; the family does not grow by them."""
    from dataclasses import replace

    silent = replace(numeric("entropy"), components=())
    found = judged(numeric(c1=0.8), silent, noise=NOISE)
    assert [verdict.series.column for verdict in found.verdicts] == ["x"]
    assert one(found).facts["family"]["shewhart"][0] == 1  # type: ignore[index]


def test_an_unknown_column_is_an_error_with_its_remedy() -> None:
    """The noise model is older than the profile."""
    verdict = one(judged(numeric("new"), noise=NOISE), "new")
    assert verdict.kind is VerdictKind.ERROR
    assert "rebuild the reference" in str(verdict.facts["reason"])


def test_what_has_just_begun_is_ranked_before_what_is_known() -> None:
    """A window told of the first fault for sure; the second one leads in its first window."""
    state = judged(numeric(), category(unseen=0.04), noise=NOISE).state
    found = judged(numeric(c1=0.8), category(unseen=0.04), noise=NOISE, state=state)
    assert (one(found).rank, one(found, "c").rank) == (1, 2)


def test_the_sure_is_ranked_before_the_doubtful() -> None:
    """Five rows in a hundred out of range have a p of 0 and may still be one hour."""
    found = judged(numeric(out_of_range=0.05), category(ua=0.75), noise=NOISE)
    assert (one(found, "c").rank, one(found).rank) == (1, 2)
