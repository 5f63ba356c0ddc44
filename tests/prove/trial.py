"""One fault, and what is left of it: is history the undisturbed one, and was everything told?

A try begins with a copy of the undisturbed life's state before a step. The process dies (or fails) in that
step, a new one takes over. Two steps later everything that later passes depend on is compared with the
undisturbed life's: where it is the same, the same program with the same rows goes on alike, so the try may
end there; each n-th one, and each that differs, is lived to the end and compared again.
"""

import random
import shutil
import sqlite3
import threading
import time
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from tests.acceptance.driver import ENVIRONMENT
from tests.loopback import Loopback
from tests.prove.account import MAY_REPEAT, Told, account, against_outbox
from tests.prove.faults import Fault, Kind
from tests.prove.nursery import Ending, Nursery
from tests.prove.past import (
    against_oracle,
    differences,
    lost_windows,
    past,
    secrets,
    sent,
    telling_aside,
    unsound,
    weighing_aside,
)
from tests.prove.recording import Recording, environment
from tests.prove.shelf import Place

SOON = 2  # steps after the fault's
KILLED = -9
SPARED_S = (0.05, 0.9)  # how long a process lives between two random kills; a pass takes about 0.2
MOST_KILLS = 60  # in one life
# Longer than anybody waits for a lock: busy_timeout of storage/sqlite.py, lock_timeout of its neighbour.
LOCKED_S = {"sqlite": 12.0, "postgresql": 22.0}
# The secrets of the driver's environment, as they are and as base64 would show them.
CANARIES = ("canary", "Y2FuYXJ5")


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What one try came to. `wrong` empty: the promise was kept."""

    fault: Fault
    faults: int = 0  # what happened: deaths by SIGKILL, exceptions, locks
    to_the_end: bool = False
    lost_windows: int = 0
    told: Told = field(default_factory=Told)
    wrong: list[str] = field(default_factory=list)
    differences: int = 0  # from the undisturbed life or the oracle
    seconds: float = 0.0


def attempt(
    fault: Fault, recording: Recording, nursery: Nursery, folder: Path, *, to_the_end: bool
) -> Outcome:
    """Do it. `folder` must not exist yet and is gone afterwards."""
    began = time.monotonic()
    outcome = Outcome(fault=fault)
    accepted = folder.with_suffix(".jsonl")
    accepted.unlink(missing_ok=True)
    with (
        Loopback(accepted, history_scope=False) as server,
        recording.shelf.taken(recording.place, fault.step, folder, server.url) as place,
    ):
        try:
            life = _Life(recording=recording, nursery=nursery, place=place, server=server, outcome=outcome)
            life.disturb(fault)
            if not outcome.wrong:
                life.go_on(to_the_end=to_the_end or fault.kind is Kind.RANDOM)
        except AssertionError as error:
            outcome.wrong.append(str(error))
    outcome.seconds = time.monotonic() - began
    return outcome


@dataclass(slots=True, kw_only=True)
class _Life:
    recording: Recording
    nursery: Nursery
    place: Place
    server: Loopback
    outcome: Outcome

    def disturb(self, fault: Fault) -> None:
        """Until it has happened."""
        match fault.kind:
            case Kind.SWEEP:
                ending = self._live(fault.step + 1, failpoint=f"{fault.name}:kill:{fault.k}")
                if ending.status != KILLED:
                    raise AssertionError(f"not killed but {ending.status}: nothing is proven\n{ending.said}")
                self._died()
            case Kind.RAISE:
                ending = self._live(fault.step + 1, failpoint=f"{fault.name}:raise:{fault.k}")
                if ending.status not in (0, 1):  # 1: it could not start, and the service manager tries again
                    raise AssertionError(f"ended with {ending.status}\n{ending.said}")
                if ending.status == 0 and ending.passes < fault.k:
                    raise AssertionError("nothing was raised: nothing is proven")
                self.outcome.faults += 1
            case Kind.RANDOM:
                self._kill_again_and_again(random.Random(fault.seed))
            case Kind.LOCKED:
                self._lock(fault.step + 1)

    def go_on(self, *, to_the_end: bool) -> None:
        """A new process takes over; then everything is compared."""
        outcome, recording, steps = self.outcome, self.recording, self.recording.steps
        until = steps if to_the_end else min(outcome.fault.step + 1 + SOON, steps)
        self._undisturbed(until)
        if until < steps and differences(past(self.place.database), recording.states[until]):
            until = steps
            self._undisturbed(until)
        outcome.to_the_end = until == steps
        found, expected = past(self.place.database), recording.states[until]
        if outcome.fault.may_weigh_otherwise:
            expected = weighing_aside(expected)
        first, last = recording.accepted[outcome.fault.step], recording.accepted[until]
        outcome.told = account(recording.messages[first:last], self.server.accepted())
        unlike, said = differences(found, expected), outcome.told.wrong(repeats=self._repeats())
        if (unlike or said) and outcome.fault.may_tell_otherwise:
            unlike = differences(found, telling_aside(expected))
            before = sent(recording.states[outcome.fault.step])
            said = against_outbox(sent(found) - before, self.server.accepted())
            outcome.told = Told()
        if outcome.to_the_end:
            unlike += against_oracle(self.place.database)
        outcome.differences = len(unlike)
        outcome.lost_windows = lost_windows(found, expected)
        outcome.wrong += unlike + said
        outcome.wrong += unsound(self.place.database) + secrets(self.place.database, CANARIES)

    def _repeats(self) -> int:
        fault = self.outcome.fault
        if fault.kind is Kind.RANDOM:
            return self.outcome.faults
        return 1 if fault.name in MAY_REPEAT or fault.kind is Kind.LOCKED else 0

    def _undisturbed(self, until: int) -> None:
        ending = self._live(until)
        if ending.status != 0 or ending.failed:
            raise AssertionError(
                f"after it: ended with {ending.status}, {ending.failed} ticks failed\n{ending.said}"
            )

    def _kill_again_and_again(self, chance: random.Random) -> None:
        for _ in range(MOST_KILLS):
            ending = self._live(self.recording.steps, kill_after_s=chance.uniform(*SPARED_S))
            if ending.status == 0:
                return
            if ending.status != KILLED:
                raise AssertionError(f"ended with {ending.status}\n{ending.said}")
            self._died()

    def _lock(self, until: int) -> None:
        """Held by this process while that one works; released when nobody can wait any longer."""
        release = threading.Event()
        locked = threading.Event()
        holder = threading.Thread(target=_hold, args=(self.place, locked, release), daemon=True)
        holder.start()
        assert locked.wait(30), "the database could not be locked"
        free = threading.Timer(LOCKED_S[self.recording.shelf.name], release.set)
        free.start()
        ending = self._live(until)
        release.set()
        free.cancel()
        holder.join(10)
        if ending.status == 0 and not ending.failed:
            raise AssertionError("nobody was held up: nothing is proven")
        self.outcome.faults += 1

    def _died(self) -> None:
        self.outcome.faults += 1
        database = self.place.database
        if not database.is_file:
            return
        # On a copy: opening the file itself would do what the next process must do.
        file = Path(database.url.removeprefix("sqlite:///"))
        copy = file.with_name("died.db")
        for end in ("", "-wal"):
            if Path(f"{file}{end}").exists():
                shutil.copyfile(f"{file}{end}", f"{copy}{end}")
        if copy.exists():
            with closing(sqlite3.connect(copy)) as opened:
                said = opened.execute("PRAGMA integrity_check").fetchone()[0]
            if said != "ok":
                self.outcome.wrong.append(f"integrity after the kill: {said}")
            for end in ("", "-wal", "-shm"):
                Path(f"{copy}{end}").unlink(missing_ok=True)

    def _live(self, until: int, *, failpoint: str = "", kill_after_s: float | None = None) -> Ending:
        ending = self.nursery.live(
            self.place.shop.config,
            self.place.shop.start,
            until,
            environment=environment(self.server.url),
            failpoint=failpoint,
            kill_after_s=kill_after_s,
        )
        told = [secret for secret in (*CANARIES, *ENVIRONMENT.values()) if secret in ending.said]
        if told:
            self.outcome.wrong.append(f"a secret was said: {', '.join(told)}")
        return ending


def _hold(place: Place, locked: threading.Event, release: threading.Event) -> None:
    if place.database.is_file:
        path = place.database.url.removeprefix("sqlite:///")
        with closing(sqlite3.connect(path, isolation_level=None, timeout=30)) as file:
            file.execute("BEGIN IMMEDIATE")
            locked.set()
            release.wait(60)
            file.execute("ROLLBACK")
        return
    with psycopg.connect(place.database.url) as conn:
        conn.execute("LOCK TABLE ledger, outbox, incident IN ACCESS EXCLUSIVE MODE")
        locked.set()
        release.wait(60)
        conn.rollback()
