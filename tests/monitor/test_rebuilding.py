"""After a success the reference follows, when there is a new one."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from alerting import failpoint
from monitor.rebuilding import AGAIN_S, Rebuilder
from monitor.referencing import build_reference
from storage import daemon_events, profiles
from tests.acceptance.world import REFERENCE_DAYS, day
from tests.monitor.retraining_life import Life, life


@pytest.fixture
def done(tmp_path: Path) -> Iterator[Life]:
    """The trainer said that it is done."""
    with life(tmp_path, more='reference = "auto"') as made:
        build_reference(made.runtime, made.watched)
        made.drift()
        made.report("succeeded", model_version="v2")
        yield made


def look(made: Life, rebuilder: Rebuilder) -> None:
    rebuilder.look()
    made.wait(timedelta(seconds=AGAIN_S))
    made.look()


def write_new_reference(made: Life) -> None:
    path = made.runtime.config.path
    assert path is not None
    frames = [day(made.runtime.clock.now(), n, broken=True, seed=11) for n in range(REFERENCE_DAYS)]
    pl.concat(frames).write_parquet(path.parent / "data" / "reference.parquet")


def test_a_reference_that_is_the_same_is_not_put_in_force(done: Life) -> None:
    """It is said once, tried again, and put in force when the trainer has written it; incidents end by it."""
    rebuilder = Rebuilder(runtime=done.runtime)
    look(done, rebuilder)
    look(done, rebuilder)
    assert done.kinds().count("reference_failed") == 1
    assert done.told()[-1] == "🔴 shop: the reference after retraining is not in force"
    assert len(done.open()) == 1
    write_new_reference(done)
    look(done, rebuilder)
    assert done.latest().reference_version == 2
    assert done.open() == []
    assert done.told()[-1] == "🔁 shop: reference v2 is in force after retraining"
    with done.runtime.store.read() as conn:
        active = profiles.active(conn, "shop")
    assert active is not None
    assert active.version == 2


def test_a_death_before_the_promotion_is_made_good(done: Life, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was built is found again, by its digest, and put in force once."""
    write_new_reference(done)
    monkeypatch.setattr(failpoint, "armed", failpoint.parse("before_rebuilt_promotion:raise:1"))
    with pytest.raises(failpoint.FailpointError):
        Rebuilder(runtime=done.runtime).look()
    assert done.latest().reference_version is None
    look(done, Rebuilder(runtime=done.runtime))
    assert done.latest().reference_version == 2
    assert done.kinds().count("reference_promoted") == 1
    with done.runtime.store.read() as conn:
        assert [each.version for each in profiles.list_(conn, "shop")] == [2, 1]


def test_by_hand_means_by_hand(done: Life) -> None:
    """Without the policy nothing is read."""
    settings = done.watched.config.retraining.model_copy(update={"reference": "hand"})
    config = done.watched.config.model_copy(update={"retraining": settings})
    models = {"shop": replace(done.watched, config=config)}
    write_new_reference(done)
    look(done, Rebuilder(runtime=replace(done.runtime, models=models)))
    assert done.latest().reference_version is None


def test_what_is_the_same_is_not_kept_again(done: Life) -> None:
    """A trainer that writes late is looked for again and again: that leaves nothing behind."""
    rebuilder = Rebuilder(runtime=done.runtime)
    before = kept(done)
    for _ in range(3):
        look(done, rebuilder)
    assert kept(done) == before


def test_a_person_was_quicker(done: Life) -> None:
    """Once somebody put a reference in force there is nothing left to do, nor to read."""
    write_new_reference(done)
    done.wait(timedelta(seconds=1))
    build_reference(done.runtime, done.watched, promote=True)
    before = kept(done)
    for _ in range(3):
        look(done, Rebuilder(runtime=done.runtime))
    assert kept(done) == before
    assert done.kinds().count("reference_failed") == 0


def kept(made: Life) -> tuple[int, int]:
    """Noise models, and references that were built."""
    with made.runtime.store.read() as conn:
        noise = conn.exec_driver_sql("SELECT count(*) FROM noise_model").scalar_one()
        return noise, len(daemon_events.facts_of(conn, "reference.built", "shop"))
