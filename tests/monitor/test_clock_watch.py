"""Laws of a wall clock that moves by itself (T41)."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from monitor.clock_watch import STAND_FOR_S, ClockWatch

START = datetime(2026, 3, 31, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass
class Machine:
    """Two clocks and a watch over them."""

    wall: datetime = START
    monotonic: float = 0.0
    watch: ClockWatch = field(default_factory=lambda: ClockWatch.begin(START, 0.0))

    def after(self, seconds: float, *, moved: timedelta = timedelta(0)) -> timedelta | None:
        """Let time pass, with a jump of the wall clock in it; the jump that was seen."""
        self.monotonic += seconds
        self.wall += timedelta(seconds=seconds) + moved
        self.watch, jump = self.watch.look(self.wall, self.monotonic)
        return jump

    @property
    def plans(self) -> bool:
        return self.watch.believes(self.monotonic)


@pytest.mark.parametrize("moved", [timedelta(hours=1), timedelta(hours=-1), -30 * DAY])
def test_a_jump_of_hours_or_back_is_said_and_believed(moved: timedelta) -> None:
    """The ledger's unique key takes care of what was planned already."""
    machine = Machine()
    assert machine.after(5, moved=moved) == moved
    assert machine.plans
    assert machine.after(5) is None


def test_slewing_is_no_jump() -> None:
    """NTP moves a clock by less than a minute."""
    assert Machine().after(5, moved=timedelta(seconds=59)) is None


def test_thirty_days_ahead_wait_ten_minutes() -> None:
    """And must stand that long."""
    machine = Machine()
    machine.after(5, moved=30 * DAY)
    assert not machine.plans
    machine.after(STAND_FOR_S - 1)
    assert not machine.plans
    machine.after(1)
    assert machine.plans
    assert machine.after(5) is None
    assert machine.plans


def test_a_clock_set_back_a_little_is_still_ahead() -> None:
    """Two minutes of thirty days are no correction."""
    machine = Machine()
    machine.after(5, moved=30 * DAY)
    machine.after(5, moved=timedelta(minutes=-2))
    assert not machine.plans
    machine.after(5, moved=-30 * DAY)
    assert machine.plans


def test_a_second_jump_begins_the_wait_anew() -> None:
    """It has to stand still."""
    machine = Machine()
    machine.after(5, moved=30 * DAY)
    machine.after(STAND_FOR_S - 10)
    machine.after(5, moved=2 * DAY)
    machine.after(20)
    assert not machine.plans


def test_a_hundred_and_seventy_years_are_never_believed() -> None:
    """No machine that ran slept for a year; set back, it goes on at once."""
    machine = Machine()
    machine.after(5, moved=170 * 365 * DAY)
    machine.after(10 * STAND_FOR_S)
    assert not machine.plans
    machine.after(5, moved=-170 * 365 * DAY)
    assert machine.plans


def test_a_year_in_monthly_steps_is_believed_step_by_step() -> None:
    """Each has stood before the next."""
    machine = Machine()
    for _ in range(20):
        machine.after(5, moved=30 * DAY)
        machine.after(STAND_FOR_S)
        assert machine.plans
