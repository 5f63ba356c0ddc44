"""Laws of `leeway status`: which word comes first, and what is to be done."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

import pytest

from detectors._noise import ENOUGH_WINDOWS
from monitor import standing as of_status
from monitor.appearances import KNOWN_COLUMNS
from monitor.config import Config
from monitor.config_file import parse
from monitor.config_types import Sensitivity
from monitor.standing import PROMISE, line, standing
from storage.ledger import WindowState
from storage.overview import ModelOverview, PagesSeen
from storage.profiles import Noise, Reference, ReferenceStatus

NOW = datetime(2026, 6, 15, tzinfo=UTC)
REFERENCE = Reference(
    id=1,
    model="m",
    version=3,
    status=ReferenceStatus.ACTIVE,
    created=NOW,
    promoted=NOW,
    span=None,
    rows=10,
    columns=("a",),
    digest="0" * 64,
    config_digest="",
    notices=(),
    lineage={KNOWN_COLUMNS: ["a"]},
)
NOISE = Noise(
    id=1,
    reference_id=1,
    version=1,
    window_spec="1d@UTC",
    learnt_from="reference",
    windows=30,
    created=NOW,
    content={},
)
SEEN = ModelOverview(
    model="m",
    reference=REFERENCE,
    noise=NOISE,
    last_start=NOW,
    last_end=NOW,
    last_state=WindowState.DONE,
    last_reason="",
    last_rows=1200,
    folded_until=NOW,
    waiting=0,
    overdue=0,
    unattended=0,
    failed=0,
    open_tickets=0,
    open_pages=0,
    windows=12,
    pages=0,
)


def config() -> Config:
    text = """
[models.m]
task = "binary"
source = { kind = "parquet", path = "x", timestamp = "ts" }
reference = { source = { kind = "parquet", path = "r" } }
"""
    return parse(text, path=Path("leeway.toml"))


def test_enough_windows_is_the_noise_models() -> None:
    """Written twice, as the other one would load scipy for `leeway status`."""
    assert of_status.ENOUGH_WINDOWS == ENOUGH_WINDOWS


def test_every_sensitivity_has_its_promise() -> None:
    """What the config accepts, in words."""
    assert PROMISE.keys() == set(get_args(Sensitivity))


@pytest.mark.parametrize(
    ("seen", "state", "next_step"),
    [
        (None, "not watched yet", "leeway reference build --model m"),
        (replace(SEEN, reference=None, noise=None), "not watched yet", "leeway reference build --model m"),
        (replace(SEEN, noise=replace(NOISE, window_spec="1h@UTC")), "its window changed", "--noise-only"),
        (replace(SEEN, open_pages=1, unjudged=NOW), "is evaluated, but not judged", "tick.failed"),
        (replace(SEEN, open_pages=1, overdue=1), "needs a person", "leeway incidents list --model m"),
        (replace(SEEN, last_state=WindowState.FAILED), "its last window failed", "leeway history windows"),
        (replace(SEEN, overdue=2, unattended=1), "windows are overdue: is the daemon", "leeway run"),
        (replace(SEEN, overdue=2), "windows are overdue: they are looked at", "leeway history windows"),
        (replace(SEEN, open_tickets=1), "has open tickets", "leeway incidents list --model m"),
        (replace(SEEN, last_state=None, last_start=None), "waiting for its first window", ""),
        (SEEN, "fine", ""),
    ],
)
def test_the_worst_comes_first(seen: ModelOverview | None, state: str, next_step: str) -> None:
    """One word for the model, and the command that goes on from there."""
    facts = standing("m", config(), seen)
    assert facts["state"].startswith(state)
    assert next_step in facts["next"]
    assert bool(facts["next"]) == bool(next_step)
    lines = line(facts)
    assert lines[0] == f"m: {facts['state']}"
    assert lines[-1].startswith("  next:") == bool(next_step)


def test_a_model_that_left_the_config_keeps_its_history() -> None:
    """It is listed, and nothing is to be done."""
    facts = standing("gone", config(), SEEN)
    assert facts["state"] == "not in the config: its history stays"
    assert facts["next"] == ""


def test_learning_says_what_still_pages() -> None:
    """A person who reads it must not believe that nothing can wake them."""
    text = "\n".join(line(standing("m", config(), replace(SEEN, noise=replace(NOISE, windows=7)))))
    assert "7 of 20 windows" in text
    assert "unless a column is gone" in text


@pytest.mark.parametrize(
    ("seen", "said"),
    [
        (PagesSeen(windows=0, pages=0, marked_false=0), "so far no page in 0 windows"),
        (PagesSeen(windows=412, pages=0, marked_false=0), "so far no page in 412 windows"),
        (PagesSeen(windows=412, pages=1, marked_false=0), "so far none of 1 page in 412 windows marked"),
        (
            PagesSeen(windows=412, pages=4, marked_false=1),
            "so far 1 of 4 pages in 412 windows marked as false",
        ),
    ],
)
def test_the_promise_stands_beside_what_was_kept(seen: PagesSeen, said: str) -> None:
    """What the sensitivity says in words, and what people said of the pages since the first window."""
    facts = standing("m", config(), replace(SEEN, ever=seen))
    (promised,) = [text for text in line(facts) if text.startswith("  promise: ")]
    assert promised.startswith(f"  promise: {PROMISE['default']}; {said}")
    assert facts["false_pages"] == seen.marked_false


def test_a_reference_that_moves_says_so() -> None:
    """And which fixed one stays behind."""
    moving = replace(SEEN, reference=replace(REFERENCE, lineage={**REFERENCE.lineage, "against": 2}))
    text = "\n".join(line(standing("m", config(), moving)))
    assert "reference v3, which moves along (creep is judged against v2)" in text
    assert "moves along" not in "\n".join(line(standing("m", config(), SEEN)))


def test_a_reference_of_an_earlier_version_says_so() -> None:
    """What it was not taught is not judged; the line names the command that brings it."""
    older = replace(SEEN, reference=replace(REFERENCE, lineage={"program": "leeway-monitor 0.1.0"}))
    said = [each for each in line(standing("m", config(), older)) if "earlier version" in each]
    assert len(said) == 1
    assert "`leeway reference build --model m`" in said[0]
    assert not any("earlier version" in each for each in line(standing("m", config(), SEEN)))
