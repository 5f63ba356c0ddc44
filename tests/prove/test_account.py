"""The accounts of `make prove` see what they are for: each kind of loss, once."""

import pytest

from tests.prove.account import EDIT, POST, Line, account, against_outbox
from tests.prove.faults import Kind, passes, some
from tests.prove.past import QUERIES, Past, differences, lost_windows


def post(key: str, *, label: bool = False, path: str = POST) -> Line:
    text = "amount drifts (possible repeat)" if label else "amount drifts"
    metadata = {"event_payload": {"key": key}}
    return {"path": path, "webhook_id": None, "json": {"text": text, "metadata": metadata, "ts": "1.5"}}


def request(key: str) -> Line:
    return {"path": "/trainer", "webhook_id": key, "json": {}}


WANTED = [post("a"), post("b"), request("r")]


@pytest.mark.parametrize(
    ("got", "repeats", "wrong"),
    [
        (WANTED, 0, ""),
        ([*WANTED, post("a", path=EDIT)], 0, ""),
        ([post("a"), request("r")], 0, "1 messages lost"),
        ([post("a"), post("b")], 0, "1 messages lost"),
        ([*WANTED, post("a", label=True)], 1, ""),
        ([*WANTED, post("a", label=True)], 0, "repeated 1 times where 0 may be"),
        ([*WANTED, post("a")], 1, "doubled without a label"),
        ([*WANTED, post("a", label=True), post("a", label=True)], 1, "repeated 2 times where 1 may be"),
        ([*WANTED, request("r")], 1, ""),
        ([*WANTED, request("r")], 0, "repeated 1 times where 0 may be"),
        ([*WANTED, post("c")], 0, "1 messages that nobody expected"),
    ],
)
def test_what_breaks_the_promise(got: list[Line], repeats: int, wrong: str) -> None:
    """Lost, doubled where it may not be, without its label, more than once, or out of nowhere."""
    said = account(WANTED, got).wrong(repeats=repeats)
    assert bool(said) is bool(wrong)
    assert not wrong or any(wrong in each for each in said), said


def past(*windows: tuple[object, ...]) -> Past:
    return {**{part: [] for part in QUERIES}, "windows": list(windows)}


def test_a_window_that_is_missing_or_did_not_end_is_lost() -> None:
    """Whatever it would have said."""
    key = ("shop", "inputs", "2026-04-01", "2026-04-02", 0)
    ended, open_ = past((*key, "done", "")), past((*key, "claimed", ""))
    assert [lost_windows(found, ended) for found in (ended, open_, past())] == [0, 1, 1]
    assert differences(ended, ended) == []
    assert differences(open_, ended)[0].startswith("windows: 1 rows for 1")
    assert differences(past(), ended)[0].startswith("windows: 0 rows for 1")


def test_only_an_exception_that_leaves_a_window_may_tell_otherwise() -> None:
    """Killed there, the process comes back before anything is told; failing, it goes on and tells."""
    hits = {3: {"mid_source_read": 2, "after_plan": 1}}
    faults = [*passes(Kind.SWEEP, hits), *passes(Kind.RAISE, hits)]
    assert len(faults) == 6
    assert [(each.kind, each.name) for each in faults if each.may_tell_otherwise] == [
        (Kind.RAISE, "mid_source_read")
    ] * 2


def test_what_was_accepted_is_what_is_marked() -> None:
    """However it was told: nothing lost, nothing that nobody knows of."""
    got = [post("a"), post("b")]
    assert against_outbox({"a", "b"}, got) == []
    assert against_outbox({"a", "b", "c"}, got) == ["1 messages are marked and were not accepted"]
    assert against_outbox({"a"}, got) == ["1 were accepted and are not marked"]


def test_a_sample_of_faults_leaves_no_name_out() -> None:
    """Each name once before any has a second one, the same for the same seed."""
    hits = {step: {"after_claim": 5, "before_mark": 1, "mid_source_read": 9} for step in range(20)}
    every = passes(Kind.SWEEP, hits)
    assert len(every) == 300
    few = some(every, 3, seed=1)
    assert {fault.name for fault in few} == {"after_claim", "before_mark", "mid_source_read"}
    assert some(every, 30, seed=1) == some(every, 30, seed=1) != some(every, 30, seed=2)
    assert some(every, 1000, seed=1) == every
