"""Laws of rest: given back once after each piece of work, when nothing followed it."""

from monitor.resting import AFTER_S, Resting


def test_once_after_a_start() -> None:
    """What compiling took goes back at the first look some seconds later, and not again."""
    resting = Resting(100.0)
    assert not resting.look(100.0 + AFTER_S / 2)
    assert resting.look(100.0 + AFTER_S)
    assert not resting.look(200.0)


def test_not_between_windows_that_follow_each_other() -> None:
    """Work puts it off; once after the last of it."""
    resting = Resting(0.0)
    for second in range(1, 20):
        resting.worked(float(second))
        assert not resting.look(second + 1.0)
    assert resting.look(19.0 + AFTER_S)
    resting.worked(60.0)
    assert not resting.look(61.0)
    assert resting.look(65.0)
