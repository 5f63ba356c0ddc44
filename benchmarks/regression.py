"""Has a kernel become slower than its yardstick says it may? A ratio of CPU times, taken in turns.

Work and yardstick are plain loops of one thread over the same values, measured one after the other several
times: a neighbour, a frequency or a slow machine meets both alike, and the least of each is the one that was
disturbed the least. What is left is a property of the code.
"""

import time
from collections.abc import Callable


def times_yardstick(
    work: Callable[[], object],
    yardstick: Callable[[], object],
    *,
    rounds: int = 7,
    clock: Callable[[], float] = time.thread_time,
) -> float:
    """The least CPU time of `work`, as a multiple of the least of `yardstick`; both of this thread alone.

    Each is done once before, which is not counted: compilation and caches are apart.
    """
    work(), yardstick()
    taken: list[tuple[float, float]] = []
    for _ in range(rounds):
        start = clock()
        work()
        middle = clock()
        yardstick()
        taken.append((middle - start, clock() - middle))
    return min(one for one, _ in taken) / min(other for _, other in taken)
