"""Several daemons on one PostgreSQL, killed, paused, cut off: is the history that of a single one?"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from storage.postgres import TURN
from tests.postgres import Server
from tests.prove.fleet import (
    FOLDED,
    Built,
    Fleet,
    History,
    accepted,
    build,
    disturb,
    expected,
    launched,
    pause_a_worker,
    wrong,
)

DAYS = 6  # of production, in hourly windows
WINDOWS = 24 * DAYS
KILLS = 4
RECOVERY_S = 30.0


@pytest.fixture(scope="module")
def built(
    tmp_path_factory: pytest.TempPathFactory, postgres: Server, postgres_template: str
) -> Iterator[Built]:
    """A shop on PostgreSQL that no daemon has seen."""
    made = build(tmp_path_factory.mktemp("built") / "shop", postgres, postgres_template, DAYS)
    yield made
    postgres.drop(made.template)


@pytest.fixture
def fleet(tmp_path: Path, postgres: Server, built: Built) -> Iterator[Fleet]:
    """No daemon yet; a copy of the shop and of its database."""
    with launched(built, postgres, tmp_path / "shop") as made:
        yield made


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    """The oracle: one daemon on SQLite that nobody disturbs."""
    return expected(tmp_path_factory.mktemp("undisturbed") / "shop", DAYS)


def hold_the_turn(url: str, *, for_s: float) -> None:
    """Somebody else's transaction that does not end."""
    with psycopg.connect(url) as conn:
        conn.execute("SELECT pg_advisory_xact_lock(%s, hashtext(current_schema()))", (TURN,))
        time.sleep(for_s)


def test_killed_and_paused_daemons_leave_one_history(fleet: Fleet, history: History) -> None:
    """A leader paused past its lease is replaced, what it still wants to write is refused; then SIGKILLs.

    A thousand windows and more kills are `python -m tests.prove --only fleet`.
    """
    damage = disturb(fleet, history, kills=KILLS, seed=12)
    assert damage.wrong == []
    assert damage.kills == KILLS


def test_a_database_that_goes_away_and_comes_back(fleet: Fleet, postgres: Server, history: History) -> None:
    """Sessions ended, the server stopped, crashed, kept busy or paused: the daemon goes on by itself."""
    fleet.start()
    for interrupt in (
        lambda: postgres.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname IS NOT NULL AND pid <> pg_backend_pid()"
        ),
        lambda: (postgres.stop(), time.sleep(1.0), postgres.start()),
        lambda: (postgres.stop(signal.SIGQUIT), postgres.start()),
        lambda: hold_the_turn(fleet.database.url, for_s=3.0),
        lambda: postgres.pause(for_s=8.0),
    ):
        done = fleet.database.number(FOLDED)
        fleet.folded(done + 15)
        interrupt()
        before, began = fleet.database.number(FOLDED), time.monotonic()
        fleet.folded(before + 1)
        assert time.monotonic() - began < RECOVERY_S
    fleet.folded(WINDOWS)
    assert wrong(fleet, history) == []


def test_several_daemons_without_any_fault(fleet: Fleet, history: History) -> None:
    """Three of them share the windows, one folds, all end with 0 when asked, and the last resigns."""
    for _ in range(3):
        fleet.start()
    fleet.folded(WINDOWS)
    fleet.told()
    for process in fleet.running.values():
        process.terminate()
    assert [process.wait(30) for process in fleet.running.values()] == [0, 0, 0]
    assert fleet.leader() == 0
    assert wrong(fleet, history) == []
    assert set(accepted(fleet.shop).values()) == {1}
    evaluated = [path.read_text().count("event=window.evaluated") for path in fleet.logs]
    assert sum(evaluated) == WINDOWS
    assert [path.read_text().count("event=window.folded") > 0 for path in fleet.logs].count(True) == 1


def test_a_worker_paused_past_its_lease_changes_nothing(fleet: Fleet, history: History) -> None:
    """It read a window, slept, and another one finished it: its late result is dropped, said in the log."""
    damage = pause_a_worker(fleet, history)
    assert damage.wrong == []
    assert damage.refused == 1
