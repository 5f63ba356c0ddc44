"""Do detectors give the same bits from eight threads at once, and in a process that was spawned (T56)?"""

import hashlib
import multiprocessing
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from tests.detectors.test_conformance import MEMBERS, measured, table

SEEDS = range(20, 28)


def digest(seed: int) -> str:
    """Everything that every detector says of one window, to the bit."""
    columns = table(np.random.default_rng(seed), 3_000)
    said = [repr(measurement) for name in MEMBERS for measurement in measured(name, columns)]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()


def test_eight_threads_say_what_one_says() -> None:
    """Twice in a row, the first time perhaps while kernels are still being compiled."""
    with ThreadPoolExecutor(8) as threads:
        first = list(threads.map(digest, SEEDS))
        second = list(threads.map(digest, SEEDS))
    serial = [digest(seed) for seed in SEEDS]
    assert first == second == serial
    assert len(set(serial)) == len(serial), "windows that are all alike prove nothing"


def test_a_spawned_process_says_the_same() -> None:
    """As a report or a second daemon on this machine would."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert pool.map(digest, SEEDS[:2]) == [digest(seed) for seed in SEEDS[:2]]
