"""Places where a test may kill the daemon."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from alerting.failpoint import NAMES, VARIABLE, FailpointError, hit, parse

ROOT = Path(__file__).parents[2]


def test_every_hit_in_the_source_is_registered() -> None:
    """A misspelt place would never be killed at, and prove nothing."""
    used = {
        name
        for room in ("alerting", "storage", "monitor")
        for file in (ROOT / room).rglob("*.py")
        for name in re.findall(r'failpoint\.hit\(\s*"(\w+)"', file.read_text("utf-8"))
    }
    assert used <= set(NAMES)


def test_an_unknown_place_is_an_error_under_test() -> None:
    """hit() itself says so, wherever it is reached."""
    with pytest.raises(ValueError, match="unknown failpoint"):
        hit("after_lunch")


@pytest.mark.parametrize(
    "text", ["after_lunch:kill", "after_claim:explode", "after_claim:kill:0", "after_claim"]
)
def test_a_wrong_text_is_refused(text: str) -> None:
    """A typo that silently arms nothing would let a sweep pass."""
    with pytest.raises(ValueError, match="LEEWAY_FAILPOINT"):
        parse(text)


def test_the_kth_pass_raises_and_only_that() -> None:
    """Passes are counted; the action happens once."""
    point = parse("after_claim:raise:3")
    assert point is not None
    point.reached()
    point.reached()
    with pytest.raises(FailpointError, match="pass 3"):
        point.reached()
    point.reached()


def test_sleep_waits_as_long_as_it_is_told() -> None:
    """The seconds follow the action; `*` means on every pass."""
    slept: list[float] = []
    point = parse("before_mark:sleep=2.5:*")
    assert point is not None
    point.sleep = slept.append
    point.reached()
    point.reached()
    assert slept == [2.5, 2.5]


def test_kill_is_sigkill() -> None:
    """Nothing runs after it: no handler, no finally, no flush."""
    code = (
        "from alerting import failpoint\n"
        "try:\n    failpoint.hit('after_plan'); print('before', flush=True); failpoint.hit('after_plan')\n"
        "finally:\n    print('after', flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, VARIABLE: "after_plan:kill:2", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL
    assert done.stdout == "before\n"
