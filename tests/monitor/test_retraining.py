"""Laws of retraining, from the window that asks for it to the answer whether it helped."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from alerting import failpoint
from alerting.courier import OutboxState
from alerting.improvement import Answer
from monitor.exits import CommandError
from storage import audit, history, outbox, retraining, retraining_past, switch
from tests.loopback import Reply
from tests.monitor.retraining_life import DAY, Life, life

HOUR = timedelta(hours=1)


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Life]:
    """Two breached days: the trainer was asked."""
    with life(tmp_path) as made:
        made.live("PP")
        assert [each.state for each in made.requests()] == ["sent"]
        yield made


@pytest.fixture
def proposed(tmp_path: Path) -> Iterator[Life]:
    """Two breached days under mode approve: a person is asked."""
    with life(tmp_path, mode="approve") as made:
        made.drift()
        assert [each.state for each in made.requests()] == ["proposed"]
        yield made


def test_a_drifting_model_asks_once(asked: Life) -> None:
    """The trainer has the request, the thread says so, and what follows is held back by named gates."""
    (seen,) = asked.trainer.accepted()
    request = seen["json"]["data"]["retraining"]["request"]
    assert seen["json"]["type"] == "model.retraining.requested"
    assert seen["webhook_id"] == request["id"] == asked.latest().id
    assert asked.told() == ["🔁 shop: retraining is requested"]
    asked.live("PP")
    assert len(asked.trainer.accepted()) == 1
    assert {"cooldown"} <= set(asked.gates()[-1])


def test_nothing_is_sent_before_a_person_says_yes(proposed: Life) -> None:
    """The thread says what waits and how to answer; then the trainer is asked, by the same id."""
    assert proposed.trainer.accepted() == []
    assert proposed.told() == ["🔁 shop: retraining waits for your yes"]
    message = proposed.reader.taken[-1][1]
    assert message.next_steps[0] == f"leeway retraining approve {proposed.latest().id[:12]}"
    assert proposed.approve() == []
    proposed.look()
    (seen,) = proposed.trainer.accepted()
    assert seen["webhook_id"] == proposed.latest().id
    assert proposed.latest().state == "sent"
    assert proposed.kinds() == ["proposed", "requested", "sent"]
    assert proposed.told()[1:] == ["🔁 shop: retraining is requested"]
    assert any(line == "Approved: by ada." for line in proposed.reader.taken[-1][1].lines)


def test_a_no_is_kept_with_its_reason(proposed: Life) -> None:
    """Nothing is sent, nobody is asked again before the cool-down, and the audit says who and why."""
    with pytest.raises(CommandError, match="needs a reason"):
        proposed.reject("  ")
    proposed.reject("a sale, over on Friday")
    proposed.look()
    assert proposed.trainer.accepted() == []
    assert proposed.told()[-1] == "🔁 shop: retraining was rejected"
    with pytest.raises(CommandError, match="it is rejected"):
        proposed.approve()
    proposed.wait(DAY)
    proposed.live("P")
    assert len(proposed.requests()) == 1
    assert "cooldown" in proposed.gates()[-1]
    with proposed.runtime.store.read() as conn:
        (line,) = [each for each in audit.lines(conn) if each.kind == "retraining.rejected"]
    assert (line.actor, line.facts["reason"]) == ("bob", "a sale, over on Friday")


def test_approval_looks_at_the_gates_anew(proposed: Life) -> None:
    """What broke since is a reason not to; the try is recorded, and the proposal still waits."""
    proposed.wait(HOUR)
    with proposed.runtime.store.write() as conn:
        switch.pause(conn, "shop", proposed.runtime.clock.now(), by="eve", reason="an audit")
    assert proposed.approve() == ["kill_switch"]
    assert proposed.latest().state == "proposed"
    assert proposed.gates()[-1] == ["kill_switch"]
    with proposed.runtime.store.write() as conn:
        assert switch.resume(conn, "shop", proposed.runtime.clock.now(), by="eve", reason="done")
    assert proposed.approve() == []


def test_a_proposal_whose_cause_is_over_is_not_approved(proposed: Life) -> None:
    """Three clear days: there is nothing to train for any more."""
    with proposed.runtime.store.write() as conn:  # as if it had been given a week
        conn.exec_driver_sql("UPDATE retraining SET deadline = deadline + 7 * 86400000000")
    proposed.wait(DAY)
    proposed.live("ccc")
    assert {"incident_firing", "still_asked"} <= set(proposed.approve())


def test_a_proposal_expires(proposed: Life) -> None:
    """After approve_within nobody can say yes; whoever races the clock loses."""
    proposed.wait(DAY)
    with pytest.raises(CommandError, match="it is expired"):
        proposed.approve()
    proposed.look()
    assert proposed.latest().state == "expired"
    assert proposed.told()[-1] == "🟡 shop: retraining expired"
    assert proposed.trainer.accepted() == []


@pytest.mark.parametrize("by", ["config", "file", "command"])
def test_the_kill_switch_also_stops_what_waits(tmp_path: Path, by: str) -> None:
    """Decided while it was on, to be sent after it was off: it does not leave. And no more is decided."""
    stop = tmp_path / "stop"
    config = f'[retraining]\nstop_file = "{stop}"\n'
    with life(tmp_path, config=config) as made:
        made.trainer.script("/train", [Reply(status=503, accept=False)])
        made.drift()
        assert made.latest().state == "requested"
        match by:
            case "config":
                made.switch_off()
            case "file":
                stop.touch()
            case _:
                with made.runtime.store.write() as conn:
                    switch.pause(conn, switch.ALL, made.runtime.clock.now(), by="eve", reason="an audit")
        made.wait(timedelta(minutes=1))
        made.look()
        assert made.trainer.accepted() == []
        assert made.latest().state == "cancelled"
        made.wait(8 * DAY)
        made.live("PP")
        assert len(made.requests()) == 1
        assert all("kill_switch" in shut for shut in made.gates()[-2:])


def test_a_stop_file_that_cannot_be_looked_at_stops(tmp_path: Path) -> None:
    """Nobody knows whether it is there: nothing is asked for, and windows go on being judged."""
    config = f'[retraining]\nstop_file = "{"x" * 300}"\n'
    with life(tmp_path, config=config) as made:
        made.live("PP")
        assert made.requests() == []
        assert all("kill_switch" in shut for shut in made.gates())


def test_every_retry_has_the_same_id(tmp_path: Path) -> None:
    """T22: refused, reset and silent, then taken: one id."""
    with life(tmp_path) as made:
        replies = [Reply(status=503, accept=False), Reply(end="reset"), Reply(end="hang")]
        made.trainer.script("/train", replies)
        made.drift()
        for _ in range(8):
            made.look()
            made.wait(timedelta(minutes=10))
        sent = made.trainer.requests("/train")
        assert len(sent) == 4
        assert {each.headers["webhook-id"] for each in sent} == {made.latest().id}
        assert made.latest().state == "sent"


@pytest.mark.parametrize("after", [timedelta(hours=3), timedelta(hours=23)])
def test_a_late_yes_has_its_own_time(tmp_path: Path, after: timedelta) -> None:
    """in_flight_limit counts from the yes: a proposal that waited for longer than that is still sent."""
    with life(tmp_path, mode="approve", more='in_flight_limit = "2h"') as made:
        made.drift()
        made.wait(after)
        assert made.approve() == []
        made.look()
        assert made.latest().state == "sent"
        assert len(made.trainer.accepted()) == 1
        made.wait(3 * HOUR)
        made.look()
        assert made.latest().detail == "no answer within in_flight_limit"


def test_who_said_that_it_runs_was_asked(tmp_path: Path) -> None:
    """The note of delivery never came, the report did, and then nothing: the breaker counts it."""
    with life(tmp_path, idempotent=False) as made:
        made.trainer.script("/train", [Reply(end="reset")])
        made.drift()
        assert made.report("running").heard == "taken"
        made.wait(2 * DAY)
        made.look()
        assert made.latest().state == "expired"
        with made.runtime.store.read() as conn:
            assert retraining_past.breaker_of(conn, "shop").unimproved == 1


def test_who_would_train_twice_is_not_asked_twice(tmp_path: Path) -> None:
    """T22: uncertain, no second request, and the thread asks a person, with the commands to type."""
    with life(tmp_path, idempotent=False) as made:
        made.trainer.script("/train", [Reply(end="reset")])
        made.drift()
        made.wait(HOUR)
        made.look()
        assert len(made.trainer.requests("/train")) == 1
        (row,) = made.outbox()
        assert (row["state"], row["next_try"]) == ("uncertain", None)
        assert made.told()[-1] == "❓ shop: has trainer got the request for retraining?"
        steps = made.reader.taken[-1][1].next_steps
        assert steps[0] == f"leeway outbox cancel {row['notification_id']} --reason 'it has it'"
        assert made.report("running").heard == "taken"  # it had it after all


def test_a_person_says_that_the_trainer_has_it(tmp_path: Path) -> None:
    """As the thread says: it is not sent again, and what the trainer reports counts."""
    with life(tmp_path, idempotent=False) as made:
        made.trainer.script("/train", [Reply(end="reset")])
        made.drift()
        (row,) = made.outbox()
        with made.runtime.store.write() as conn:
            now = made.runtime.clock.now()
            outbox.cancel(conn, row["notification_id"], now, by="ada", reason="it has it")
        made.look()
        assert made.latest().state == "sent"
        assert made.report("succeeded", model_version="v2").heard == "taken"
        assert len(made.trainer.requests("/train")) == 1


def test_a_request_that_nobody_answers_expires(asked: Life) -> None:
    """In flight no longer than its limit; what it waited for in the outbox is withdrawn with it."""
    asked.look()
    assert asked.latest().state == "expired"
    assert asked.latest().detail == "no answer within in_flight_limit"
    assert asked.told()[-1] == "🟡 shop: retraining expired"
    assert asked.report("succeeded").heard == "over"
    assert asked.kinds()[-1] == "late_report"
    asked.report("succeeded")
    assert asked.kinds().count("late_report") == 1


def test_a_trainer_that_goes_on_is_told_of_once(asked: Life) -> None:
    """Too late, another epoch each minute, and then its end: a post for each state, not for each word."""
    asked.wait(2 * DAY)
    asked.look()
    for epoch in range(5):
        assert asked.report("running", detail=f"epoch {epoch}").heard == "over"
        asked.report("failed", detail=f"epoch {epoch}")
        asked.look()
    assert asked.kinds().count("late_report") == 2
    asked.report("succeeded", model_version="v2")
    asked.look()
    assert asked.kinds().count("late_report") == 3
    assert sum("came too late" in said for said in asked.told()) == 3


def test_a_failure_while_tending_changes_nothing(asked: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """The transaction is all or nothing; the next look does the same again."""
    monkeypatch.setattr(failpoint, "armed", failpoint.parse("before_tending_commit:raise:1"))
    with pytest.raises(failpoint.FailpointError):
        asked.look()
    assert asked.latest().state == "sent"
    asked.look()
    assert asked.kinds() == ["requested", "sent", "expired"]


def test_a_report_may_overtake_the_note_of_delivery(tmp_path: Path) -> None:
    """The trainer was quicker than the courier: what it said stands."""
    with life(tmp_path) as made:
        made.day({"amount": "P"})
        made.wait(DAY)
        made.day({"amount": "P"})
        assert made.report("running").heard == "taken"
        with made.runtime.store.write() as conn:
            key = made.latest().id
            retraining.delivered(conn, key, OutboxState.SENT, made.runtime.clock.now(), "")
        assert made.latest().state == "running"
        assert made.latest().sent is not None


def test_a_success_is_told_with_what_is_next(asked: Life) -> None:
    """Once, with the new version; a second report changes nothing, another one is refused."""
    assert asked.report("running").heard == "taken"
    asked.report("succeeded", model_version="v2", detail="run 7")
    assert asked.report("succeeded", model_version="v2").heard == "again"
    assert asked.report("failed").heard == "out_of_order"
    asked.look()
    assert "✅ shop: retraining succeeded, model version v2" in asked.told()
    message = next(m for row, m in asked.reader.taken if "succeeded" in m.heading)
    assert message.next_steps[0] == "leeway reference build --model shop --promote"
    assert asked.latest().answer is Answer.WAITING
    assert asked.told().count("✅ shop: retraining succeeded, model version v2") == 1


def test_it_is_said_that_it_helped(asked: Life) -> None:
    """Three clear days after it: improved, and told."""
    asked.report("succeeded")
    asked.live("Pccc")
    asked.look()
    assert asked.latest().answer is Answer.IMPROVED
    assert asked.told()[-1] == "✅ shop: retraining helped"


def test_it_is_said_that_it_did_not_help(asked: Life) -> None:
    """Breached to the end of improve_within."""
    asked.report("succeeded")
    asked.live("P" * 15)
    assert asked.latest().answer is Answer.NOT_IMPROVED
    assert "🔴 shop: retraining did not help" in asked.told()


@pytest.mark.parametrize("how", ["failed", "silent", "useless"])
def test_the_breaker_opens_after_two(tmp_path: Path, how: str) -> None:
    """T50: failures, silence, or successes without improvement; told, and no third request by itself."""
    with life(tmp_path, cooldown="0s", more='improve_within = "2d"\nmax_in_30_days = 9') as made:
        made.live("PP")
        for n in (1, 2):
            assert len(made.requests()) == n
            if how == "failed":
                made.report("failed", detail="no disk")
            elif how == "useless":
                made.report("succeeded", model_version=f"v{n + 1}")
                made.trained_on(n)
            for _ in range(9):
                opened = any("breaker_opened" in made.kinds(each) for each in made.requests())
                if not opened and len(made.requests()) == n:
                    made.live("P")
        made.live("PPP")
        assert len(made.requests()) == 2
        assert "breaker" in made.gates()[-1]
        assert "🔴 shop: no more retraining until a person has looked" in made.told()
        with made.runtime.store.write() as conn:
            switch.close_breaker(conn, "shop", made.runtime.clock.now(), by="ada", reason="mended")
        made.live("P")
        assert len(made.requests()) == 3


def test_caps_hold_without_a_cool_down(tmp_path: Path) -> None:
    """One a day and two in thirty days, whatever becomes of them."""
    with life(tmp_path, cooldown="0s", more="max_in_30_days = 2") as made:
        for _ in range(20):
            made.live("P")
            if made.requests() and made.latest().state.in_flight:
                made.report("failed")
                with made.runtime.store.write() as conn:
                    switch.close_breaker(conn, "shop", made.runtime.clock.now(), by="ada", reason="a test")
        assert len(made.requests()) == 2
        assert "cap_in_30_days" in made.gates()[-1]


def test_the_same_model_is_not_trained_twice(tmp_path: Path) -> None:
    """After a success that nobody put in force: the gate says what to do."""
    with life(tmp_path, cooldown="0s", more='improve_within = "40d"') as made:
        made.live("PP")
        made.report("succeeded")
        made.live("P")
        assert "model_changed" in made.gates()[-1]
        assert len(made.requests()) == 1


def test_a_rollback_takes_the_same_way(tmp_path: Path) -> None:
    """By its own event, told as what it is."""
    with life(tmp_path, more='ask = "rollback"') as made:
        made.live("PP")
        (seen,) = made.trainer.accepted()
        assert seen["json"]["type"] == "model.rollback.requested"
        assert made.told() == ["🔁 shop: rollback is requested"]
        made.report("succeeded", model_version="v0")
        made.look()
        assert made.told()[-1] == "✅ shop: rollback succeeded, model version v0"


def test_a_request_that_was_cancelled_by_hand_is_over(tmp_path: Path) -> None:
    """Whoever cancels it in the outbox ends it."""
    with life(tmp_path) as made:
        made.trainer.always("/train", Reply(status=401, accept=False))
        made.live("PP")
        (row,) = made.outbox()
        with made.runtime.store.write() as conn:
            outbox.cancel(
                conn, row["notification_id"], made.runtime.clock.now(), by="ada", reason="we train by hand"
            )
        made.look()
        assert made.latest().state == "cancelled"
        assert made.told()[-1] == "🔁 shop: retraining was cancelled"


def test_every_decision_is_kept_with_every_gate(asked: Life) -> None:
    """Refusals too: why not is answered in one place."""
    with asked.runtime.store.read() as conn:
        decisions = history.retraining_decisions(conn, "shop")
    assert [each["outcome"] for each in decisions] == ["refused", "requested"]
    assert all(len(each["gates"]) == 20 for each in decisions)


@pytest.mark.parametrize("letters", ["E", "PE"])
def test_broken_data_never_asks(tmp_path: Path, letters: str) -> None:
    """T23: a column that cannot be judged in one of the windows that would count."""
    with life(tmp_path, more='min_severity = "ticket"') as made:
        for letter in letters * 3:
            made.day({"amount": "P", "items": letter})
            made.look()
            made.wait(DAY)
        assert made.requests() == []
