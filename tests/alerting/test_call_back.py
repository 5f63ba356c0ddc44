"""Each report, in each state, has its answer; and what is no report is refused by name."""

import pytest

from alerting.call_back import REPORTS, Heard, Report, RetrainingState, hear, parse_report

S = RetrainingState
TABLE = {
    S.PROPOSED: ("not_asked", "not_asked", "not_asked"),
    S.REQUESTED: ("taken", "taken", "taken"),
    S.SENT: ("taken", "taken", "taken"),
    S.RUNNING: ("again", "taken", "taken"),
    S.SUCCEEDED: ("out_of_order", "again", "out_of_order"),
    S.FAILED: ("out_of_order", "out_of_order", "again"),
    S.EXPIRED: ("over", "over", "over"),
    S.CANCELLED: ("over", "over", "over"),
    S.REJECTED: ("over", "over", "over"),
}


def test_the_table_is_whole() -> None:
    """No state was forgotten."""
    assert set(TABLE) == set(RetrainingState)


@pytest.mark.parametrize("standing", TABLE)
def test_every_report_has_its_answer(standing: RetrainingState) -> None:
    """The table of the module."""
    heard = tuple(hear(standing, "", Report(state=state)).value for state in REPORTS)
    assert heard == TABLE[standing]


def test_another_version_is_not_the_same_report() -> None:
    """Said again with its version it is; with another one somebody is wrong."""
    assert hear(S.SUCCEEDED, "v2", Report(state=S.SUCCEEDED, model_version="v2")) is Heard.AGAIN
    assert hear(S.SUCCEEDED, "v2", Report(state=S.SUCCEEDED, model_version="v3")) is Heard.OUT_OF_ORDER


def test_a_report_is_read() -> None:
    """With and without what may be left out."""
    assert parse_report({"state": "running"}) == Report(state=S.RUNNING)
    told = parse_report({"state": "succeeded", "model_version": " v2 ", "detail": "run 7"})
    assert told == Report(state=S.SUCCEEDED, model_version="v2", detail="run 7")


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ([], "must be a JSON object"),
        ("succeeded", "must be a JSON object"),
        ({}, "state: must be one of"),
        ({"state": "sent"}, "state: must be one of"),
        ({"state": "done"}, "state: must be one of"),
        ({"state": 3}, "state: must be a text"),
        ({"state": "failed", "modelversion": "v2"}, "modelversion: is not a known member"),
        ({"state": "failed", "detail": None}, "detail: must be a text"),
        ({"state": "failed", "detail": "x" * 2001}, "detail: must have 2000 characters at most"),
        ({"state": "succeeded", "model_version": "x" * 201}, "model_version: must have 200"),
        ({"state": "succeeded", "model_version": "a\x1b[2J"}, "model_version: must not hold control"),
    ],
)
def test_what_is_no_report_is_refused(said: object, why: str) -> None:
    """By the member and what it must be."""
    with pytest.raises(ValueError, match=why.replace("(", r"\(")):
        parse_report(said)
