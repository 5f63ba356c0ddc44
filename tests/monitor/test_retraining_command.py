"""Laws of `leeway retraining`: what a person asks, says and stops, and what is left of it on record."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from monitor.cli import build_app, hoisted
from monitor.exits import CommandError
from storage import audit
from tests.monitor.retraining_life import Life, life


@pytest.fixture
def proposed(tmp_path: Path) -> Iterator[Life]:
    with life(tmp_path, mode="approve", more='approve_within = "9000d"\nin_flight_limit = "9000d"') as made:
        made.drift()
        yield made


def leeway(made: Life, *words: str, code: int = 0) -> Result:
    """The command; a CommandError is its exit code, as `leeway` itself leaves with."""
    config = str(made.runtime.config.path)
    ran = CliRunner().invoke(build_app(), hoisted(["--config", config, "retraining", *words]))
    error = ran.exception
    left = error.code if isinstance(error, CommandError) else ran.exit_code
    assert left == code, f"{ran.output} {error}"
    return ran


def told(made: Life, *words: str) -> Any:
    return json.loads(leeway(made, *words, "--json").stdout)


def test_what_was_asked_and_why_not(proposed: Life) -> None:
    """List, decisions, one request with its gates and events, and the gates as they stand."""
    id_ = proposed.latest().id
    (listed,) = told(proposed, "list")
    assert (listed["retraining_id"], listed["state"], listed["target"]) == (id_, "proposed", "trainer")
    decisions = told(proposed, "list", "--decisions")
    assert [each["outcome"] for each in decisions] == ["refused", "proposed"]
    shown = told(proposed, "show", id_[:8])
    assert [each["kind"] for each in shown["history"]] == ["proposed"]
    assert all(gate["passed"] for gate in shown["gates"])
    now = told(proposed, "explain", "--model", "shop")
    assert not now["open"]
    assert "in_flight" in [gate["name"] for gate in now["gates"] if not gate["passed"]]
    assert id_[:12] in leeway(proposed, "list").stdout
    assert "breached_windows" in leeway(proposed, "show", id_).stdout
    assert "SHUT" in leeway(proposed, "explain", "--model", "shop").stdout


def test_a_person_answers(proposed: Life) -> None:
    """Approve, reject and report refuse what cannot be, and say what came of what was done."""
    id_ = proposed.latest().id[:12]
    leeway(proposed, "reject", id_, code=2)
    leeway(proposed, "approve", "ffff", code=2)
    leeway(proposed, "report", id_, "running", code=1)
    leeway(proposed, "report", id_, "done", code=2)
    approved = told(proposed, "approve", id_, "--by", "ada")
    assert (approved["approved"], approved["state"], approved["by"]) == (True, "requested", "ada")
    leeway(proposed, "approve", id_, code=2)
    done = told(proposed, "report", id_, "succeeded", "--model-version", "v2")
    assert (done["heard"], done["state"]) == ("taken", "succeeded")
    leeway(proposed, "report", id_, "failed", code=1)
    with proposed.runtime.store.read() as conn:
        kinds = [line.kind for line in audit.lines(conn)]
    assert kinds == ["retraining.approved"]


def test_a_gate_that_has_shut_refuses_the_yes(proposed: Life) -> None:
    """Exit 1, the gate named, the proposal still there."""
    leeway(proposed, "pause", code=2)
    leeway(proposed, "pause", "--reason", "an audit", "--by", "eve")
    ran = leeway(proposed, "approve", proposed.latest().id[:12], code=1)
    assert "kill_switch" in ran.stdout
    assert "an audit" in ran.stdout
    assert proposed.latest().state == "proposed"


def test_pause_and_resume(proposed: Life) -> None:
    """Of all models or of one; who and why is in the audit, and in every list."""
    leeway(proposed, "resume", "--reason", "x", code=2)
    leeway(proposed, "pause", "--model", "shop", "--reason", "an audit", "--by", "eve")
    assert "paused for shop by eve" in leeway(proposed, "list").output
    leeway(proposed, "resume", "--model", "shop", "--reason", "over", "--by", "bob")
    assert "paused" not in leeway(proposed, "list").output
    with proposed.runtime.store.read() as conn:
        lines = [(line.kind, line.actor, line.facts["reason"]) for line in audit.lines(conn)]
    assert lines == [("retraining.paused", "eve", "an audit"), ("retraining.resumed", "bob", "over")]


def test_a_breaker_that_is_closed_needs_no_closing(proposed: Life) -> None:
    """And says so."""
    leeway(proposed, "close-breaker", "--model", "shop", "--reason", "x", code=2)
