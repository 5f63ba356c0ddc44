"""How are thousands of faults tried on a few cores, and what do they come to?"""

import itertools
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue

from tests.postgres import Server
from tests.prove import scenario
from tests.prove.faults import Fault, Kind, passes, some, unreached
from tests.prove.nursery import Nursery
from tests.prove.recording import Recording, record, warm
from tests.prove.table import Row
from tests.prove.trial import Outcome, attempt

DATABASES = ("sqlite", "postgresql")
FAULT_KINDS = tuple(Kind)
A_LIFE_HAS = 15  # random kills, about: how many lives are planned at first
TITLES = {
    Kind.SWEEP: "SIGKILL at a failpoint",
    Kind.RANDOM: "SIGKILL at any moment",
    Kind.RAISE: "exception at a failpoint",
    Kind.LOCKED: "database locked",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What is wanted. `kills`: SIGKILLs in all, at least, if the kinds and the time allow it."""

    kills: int
    raises: int | None = None  # exceptions a database; None: a quarter of its kills
    databases: Sequence[str] = DATABASES
    kinds: Sequence[Kind] = FAULT_KINDS
    jobs: int = 2
    seed: int = 1
    seconds: float | None = None  # after that no further try begins
    to_the_end: int = 10  # each n-th try is lived to the end
    steps: int = scenario.STEPS


@dataclass(slots=True, kw_only=True)
class Proof:
    """What came of it. `notes`: what a reader must know and that breaks nothing."""

    rows: list[Row]
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unreached: set[str] = field(default_factory=set)  # failpoints that this life never passes
    left: int = 0  # tries that the time was over for
    seconds: float = 0.0

    @property
    def kills(self) -> int:
        return sum(row.faults for row in self.rows if "SIGKILL" in row.fault)


Progress = Callable[[Proof, int, int], None]  # tries done, tries planned


@dataclass(frozen=True, slots=True)
class _Try:
    database: str
    fault: Fault


def plan(order: Order, recordings: dict[str, Recording]) -> list[_Try]:
    """Which tries, in an order in which a run that ends early has some of each."""
    share = max(1, order.kills // len(order.databases))
    tries: list[tuple[float, int, _Try]] = []
    for database, recording in recordings.items():
        every = passes(Kind.SWEEP, recording.hits)
        swept = some(every, max(1, share * 11 // 10), order.seed) if Kind.SWEEP in order.kinds else []
        raises = max(1, share // 4) if order.raises is None else order.raises
        raised = some(passes(Kind.RAISE, recording.hits), raises, order.seed)
        kills = max(share * 3 // 10, share - len(swept))
        wanted: dict[Kind, list[Fault]] = {
            Kind.SWEEP: swept,
            Kind.RAISE: raised,
            Kind.RANDOM: [
                Fault(kind=Kind.RANDOM, step=0, seed=order.seed * 10_000 + n)
                for n in range(max(1, kills // A_LIFE_HAS))
            ],
            Kind.LOCKED: [
                Fault(kind=Kind.LOCKED, step=step, seed=step)
                for step in (recording.steps // 4, recording.steps // 2)[: min(2, share // 50)]
            ],
        }
        for kind in order.kinds:
            faults = wanted[kind]
            # Every 37th, and again: in time order a run that ends early had seen quiet days only.
            mixed = sorted(range(len(faults)), key=lambda n: (n * 37 % max(1, len(faults)), n))
            for place, n in enumerate(mixed):
                tries.append(((place + 0.5) / len(faults), len(tries), _Try(database, faults[n])))
    return [each for *_, each in sorted(tries, key=lambda entry: entry[:2])]


def prove(order: Order, progress: Progress) -> Proof:
    """Record, try everything, count."""
    began = time.monotonic()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="leeway-prove-")))
        nurseries = []
        for n in range(max(order.jobs, 1)):
            (folder / f"job-{n}").mkdir()
            nurseries.append(stack.enter_context(Nursery(folder / f"job-{n}")))
        postgres = stack.enter_context(Server.fresh()) if "postgresql" in order.databases else None
        recordings = _recorded(order, nurseries, postgres, folder)
        return _Run(order=order, recordings=recordings, folder=folder, progress=progress, began=began).all(
            nurseries
        )


def _recorded(
    order: Order, nurseries: Sequence[Nursery], postgres: Server | None, folder: Path
) -> dict[str, Recording]:
    """Each database's undisturbed life, by a nursery each where there are as many."""
    free: SimpleQueue[Nursery] = SimpleQueue()
    for nursery in nurseries:
        free.put(nursery)
    warmed: set[int] = set()

    def one(database: str) -> Recording:
        nursery = free.get()
        try:
            server = postgres if database == "postgresql" else None
            warmed.add(id(nursery))
            return record(folder / database, nursery, server, order.steps)
        finally:
            free.put(nursery)

    with ThreadPoolExecutor(len(nurseries)) as pool:
        recordings = dict(zip(order.databases, pool.map(one, order.databases), strict=True))
        cold = [nursery for nursery in nurseries if id(nursery) not in warmed]
        any_one = recordings[order.databases[0]]
        list(pool.map(lambda nursery: warm(any_one, nursery, nursery.folder / "warming"), cold))
    return recordings


@dataclass(slots=True, kw_only=True)
class _Run:
    order: Order
    recordings: dict[str, Recording]
    folder: Path
    progress: Progress
    began: float
    proof: Proof = field(init=False)
    _queue: Iterator[_Try] = field(init=False)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _done: int = 0
    _planned: int = 0
    _stop: threading.Event = field(default_factory=threading.Event)

    def all(self, nurseries: Sequence[Nursery]) -> Proof:
        tries = plan(self.order, self.recordings)
        self._planned = len(tries)
        self._queue = itertools.chain(tries, self._more_lives())
        self.proof = Proof(
            rows=[
                Row(fault=TITLES[kind], database=database)
                for database in self.recordings
                for kind in self.order.kinds
                if any(each.fault.kind is kind and each.database == database for each in tries)
            ]
        )
        self._compare_databases()
        with ThreadPoolExecutor(len(nurseries)) as pool:
            jobs = [pool.submit(self._work, nursery, n) for n, nursery in enumerate(nurseries)]
            try:
                for job in jobs:
                    job.result()
            except BaseException:
                self._stop.set()
                raise
        self.proof.left = self._planned - self._done
        if self.proof.left:
            self.proof.notes.append(
                f"partial: the time was over with {self.proof.left} of {self._planned} tries to go"
            )
        for recording in self.recordings.values():
            self.proof.unreached |= set(unreached(recording.hits))
        for name in sorted(self.proof.unreached):
            self.proof.notes.append(f"{name} is not passed in this life: its own tests try it")
        self.proof.seconds = time.monotonic() - self.began
        return self.proof

    def _compare_databases(self) -> None:
        """The undisturbed lives are, to the bit, the same."""
        ends = {name: recording.end for name, recording in self.recordings.items()}
        if len(ends) == 2:
            one, other = ends.values()
            self.proof.wrong += [
                f"the databases differ without any fault: {part}" for part in one if one[part] != other[part]
            ]

    def _more_lives(self) -> Iterator[_Try]:
        """Random kills cannot be counted beforehand: lives until there are enough."""
        if Kind.RANDOM not in self.order.kinds:
            return
        for n in itertools.count(5_000):
            lacking = [
                database
                for database in self.recordings
                if self._kills(database) * len(self.recordings) < self.order.kills
            ]
            if not lacking:
                return
            self._planned += 1
            yield _Try(lacking[0], Fault(kind=Kind.RANDOM, step=0, seed=self.order.seed * 10_000 + n))

    def _kills(self, database: str) -> int:
        return sum(
            row.faults for row in self.proof.rows if row.database == database and "SIGKILL" in row.fault
        )

    def _next(self) -> tuple[int, _Try] | None:
        with self._lock:
            over = self.order.seconds is not None and time.monotonic() - self.began > self.order.seconds
            if over or self._stop.is_set():
                return None
            found = next(self._queue, None)
            return None if found is None else (self._done, found)

    def _work(self, nursery: Nursery, job: int) -> None:
        for number in itertools.count():
            taken = self._next()
            if taken is None:
                return
            _, each = taken
            recording = self.recordings[each.database]
            outcome = attempt(
                each.fault,
                recording,
                nursery,
                self.folder / f"job-{job}" / f"try-{number}",
                to_the_end=number % self.order.to_the_end == 0,
            )
            with self._lock:
                self._done += 1
                self._count(each, outcome)
                self.progress(self.proof, self._done, self._planned)

    def _count(self, each: _Try, outcome: Outcome) -> None:
        title = TITLES[each.fault.kind]
        row = next(row for row in self.proof.rows if (row.fault, row.database) == (title, each.database))
        row.faults += outcome.faults
        row.tries += 1
        row.to_the_end += outcome.to_the_end
        row.windows_lost += outcome.lost_windows
        row.messages_lost += outcome.told.lost
        row.doubled += outcome.told.doubled
        row.labelled += outcome.told.labelled
        row.same_id += outcome.told.same_id
        row.differences += outcome.differences
        row.seconds += outcome.seconds
        self.proof.wrong += [f"{each.database}, {each.fault}: {wrong}" for wrong in outcome.wrong]
