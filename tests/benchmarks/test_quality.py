"""Does the quality suite run, and does it count what it says? At toy sizes, so no share is looked at."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality import faults, peers
from benchmarks.quality.__main__ import main
from benchmarks.quality.drawn import Drawn, Fault, joined, values
from benchmarks.quality.history import live
from benchmarks.quality.part import Size
from benchmarks.quality.suite import PARTS, one
from benchmarks.quality.synthetic import PAIR_R, WEIGHTS, Synthetic
from benchmarks.quality.tally import Tally
from detectors import CategoryColumn

SMALL = Synthetic(seed=3, rows=200, reference=22, judged=6)


def test_a_table_is_printed_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every row stands in the output and, with its target and the counts behind it, in the JSON file."""
    path = tmp_path / "numbers.json"
    arguments = ["--toy", "--only", "small,slices", "--seeds", "1", "2", "--jobs", "1", "--json", str(path)]
    assert main(arguments) in {0, 1}
    printed = capsys.readouterr().out
    facts = json.loads(path.read_text(encoding="utf-8"))
    assert facts["seeds"] == [1, 2]
    assert list(facts["tables"]) == ["small", "slices"]
    for rows in facts["tables"].values():
        assert all(row["what"].strip() in printed for row in rows)
    assert facts["tables"]["small"][0]["at_most"] == 0.5
    assert set(facts["counts"]["small"]) == {"1", "2"}


def test_an_unknown_part_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The answer names those there are."""
    assert main(["--only", "iid,speed"]) == 2
    error = capsys.readouterr().err
    assert "speed" in error
    assert all(name in error for name in PARTS)


def test_a_hundred_onsets_whatever_the_seeds() -> None:
    """Shares rest on at least 100 onsets, false pages of flights on at least ten permutations."""
    for seeds in (1, 3, 5, 12):
        size = Size.full(seeds)
        assert size.onsets * seeds >= 100
        assert size.permutations * seeds >= 10


def test_a_seed_gives_the_same_counts_each_time(tmp_path: Path) -> None:
    """Nothing but the seed decides."""
    size = Size.toy()
    assert one("small", 5, size, tmp_path).facts() == one("small", 5, size, tmp_path).facts()


def test_a_fault_changes_its_own_step_alone() -> None:
    """Missing values and another unit leave the outcomes as they were, a shift in nature moves them; columns
    that a fault does not touch are equal to the bit."""
    clean, lost = SMALL.draw(3), SMALL.draw(3, faults.missing("driver", 0.3))
    assert np.array_equal(clean.outcome, lost.outcome)
    assert 0.2 < np.isnan(values(lost, "driver")).mean() < 0.4
    assert np.array_equal(values(clean, "second"), values(lost, "second"))
    assert not np.array_equal(values(clean, "score"), values(lost, "score"))
    moved = SMALL.draw(3, faults.shifted("driver", 2.0))
    assert moved.outcome.mean() > clean.outcome.mean() + 0.1
    other = SMALL.draw(3, faults.another_world({**WEIGHTS, "driver": -1.5}))
    assert np.array_equal(values(clean, "score"), values(other, "score"))
    assert not np.array_equal(clean.outcome, other.outcome)


def test_a_flipped_relation_leaves_the_distributions() -> None:
    """The correlation changes its sign, mean and spread stay within chance."""
    world = replace(SMALL, rows=20_000)
    clean, flipped = world.draw(0), world.draw(0, faults.flipped("right"))
    assert _r(clean) == pytest.approx(PAIR_R, abs=0.02)
    assert _r(flipped) == pytest.approx(-PAIR_R, abs=0.02)
    assert np.std(values(clean, "right")) == np.std(values(flipped, "right"))


def test_a_fault_in_one_slice_stays_there() -> None:
    """Rows of other labels are as they were."""
    clean = SMALL.draw(1)
    lost = SMALL.draw(1, faults.within("colour", "c1", faults.missing("idle", 1.0)))
    colour = clean.columns["colour"]
    assert isinstance(colour, CategoryColumn)
    here = colour.codes == 1
    assert np.isnan(values(lost, "idle")[here]).all()
    assert np.array_equal(values(clean, "idle")[~here], values(lost, "idle")[~here])


def test_a_copy_leaves_the_clean_history_alone() -> None:
    """A planted fault is judged from the state before it, and the window without it says what it said."""
    history = live(SMALL)
    faulty = list(history.plant(2, faults.stuck("second"), 2))
    assert faulty[0].found("second")
    again = list(history.plant(2, Fault(), 2))
    assert [told.severity for told in again] == [told.severity for told in history.told[2:4]]


def test_the_peers_flag_a_shift_and_not_its_absence() -> None:
    """Each rule finds 3 sd; PSI > 0.2 says nothing of the same rows twice."""
    sample = joined([SMALL.draw(index) for index in range(5)])[0]
    same, moved = SMALL.draw(0).columns, SMALL.draw(0, faults.shifted("idle", 3.0)).columns
    names = ("idle", "colour")
    some = {name: sample[name] for name in names}
    assert peers.cheap(some, {name: same[name] for name in names})[peers.PSI_2] == set()
    flagged = peers.cheap(some, {name: moved[name] for name in names})
    assert all(flagged[rule] == {"idle"} for rule in peers.CHEAP)


def test_tallies_add_up_and_nothing_tried_is_no_number() -> None:
    """A share over no tries meets no target."""
    one_side, other = Tally(), Tally()
    one_side.add("x", True)
    other.add("x", False)
    other.note("where", "a")
    both = one_side + other
    assert (both.share("x"), both.tries("x")) == (0.5, 2)
    assert both.most("where") == "a 1"
    assert np.isnan(both.share("y"))


def _r(drawn: Drawn) -> float:
    return float(np.corrcoef(values(drawn, "left"), values(drawn, "right"))[0, 1])
