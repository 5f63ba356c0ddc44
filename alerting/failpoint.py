"""Where may a test kill, fail or delay the daemon, and is this such a place now?

Set `LEEWAY_FAILPOINT=name:kill|raise|sleep[=seconds][:k]` before the process starts: the action happens on
the k-th pass (default the first, once; `:*` on every pass) of `hit(name)`. Unset, `hit` is one comparison
with None. Proof harness H2: the sweep test walks `NAMES` and kills at each one.
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

# The one registry. A new place is added here first: `hit` refuses any other name in every test.
NAMES = (
    "in_tick",
    "after_plan",
    "after_claim",
    "mid_source_read",
    "before_finish_commit",
    "after_finish_commit",
    "before_fold_commit",
    "after_fold_commit",
    "after_recheck_claim",
    "before_revise_commit",
    "before_refold_commit",
    "after_refold_commit",
    "before_backfill_commit",
    "before_flush_commit",
    "after_flush_commit",
    "after_attempt_row",  # the outbox's claim is committed, nothing was sent
    "after_bytes_written",  # the other side may have accepted, no answer was read
    "after_response",  # the answer was read, nothing is marked
    "before_mark",
    "after_mark",
    "mid_migration",
    "before_reference_commit",
    "before_tending_commit",  # a request expires, or it is said whether it helped
    "before_report_commit",
    "before_rebuilt_promotion",  # the reference of a retrained model is built, and not in force
    "mid_retention",
    "mid_restore",
    "before_batch_kept",  # rows that came over HTTP are on the disk, under no name
    "after_batch_kept",  # they are kept, and nobody was told
    "before_merge_kept",
    "mid_merge_removal",  # some of the files that were merged are removed
)

VARIABLE = "LEEWAY_FAILPOINT"


class FailpointError(RuntimeError):
    """What the action `raise` raises."""


@dataclass(slots=True, kw_only=True)
class Failpoint:
    """The one armed place. `passes` counts how often it was reached."""

    name: str
    action: Literal["kill", "raise", "sleep"]
    sleep_s: float = 60.0
    pass_number: int | None = 1  # None: on every pass
    sleep: Callable[[float], None] = field(default=time.sleep, repr=False)
    passes: int = 0

    def reached(self) -> None:
        """Count this pass, and act if it is the one."""
        self.passes += 1
        if self.pass_number is not None and self.passes != self.pass_number:
            return
        if self.action == "kill":
            os.kill(os.getpid(), signal.SIGKILL)  # no handlers, no flush: what a power cut leaves
        if self.action == "raise":
            raise FailpointError(f"failpoint {self.name} reached, pass {self.passes}")
        self.sleep(self.sleep_s)


def parse(text: str) -> Failpoint | None:
    """The armed place, None for an empty text. A wrong text is a ValueError: a silent typo proves nothing."""
    if not text:
        return None
    name, _, rest = text.partition(":")
    action_text, _, which = rest.partition(":")
    word, _, seconds = action_text.partition("=")
    known(name)
    if word not in ("kill", "raise", "sleep"):
        raise ValueError(f'{VARIABLE}: action must be kill, raise or sleep[=seconds], got "{word}"')
    if which and which != "*" and not (which.isdecimal() and int(which) > 0):
        raise ValueError(f'{VARIABLE}: pass must be a number from 1 or *, got "{which}"')
    number = None if which == "*" else int(which or 1)
    action: Literal["kill", "raise", "sleep"] = "kill" if word == "kill" else "raise"
    if word == "sleep":
        action = "sleep"
    return Failpoint(name=name, action=action, sleep_s=float(seconds or 60), pass_number=number)


def known(name: str) -> None:
    """Raise ValueError for a name that is not in the registry."""
    if name not in NAMES:
        raise ValueError(f'{VARIABLE}: unknown failpoint "{name}", known: {", ".join(NAMES)}')


armed = parse(os.environ.get(VARIABLE, ""))
# Under pytest a misspelt hit() is an error; in production it costs one comparison and nothing else.
_checking = "PYTEST_VERSION" in os.environ


def hit(name: str) -> None:
    """Mark a place. Does nothing unless this very place is armed."""
    if _checking:
        known(name)
    if armed is not None and armed.name == name:
        armed.reached()
