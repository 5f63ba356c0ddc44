"""What does Leeway gain by the second core, and does its memory stay where it was with ten times the rows?"""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.full import product
from benchmarks.full.contest import Limits, in_turn, must, repeated
from benchmarks.full.dataset import Shape
from benchmarks.full.processes import whole
from benchmarks.full.verdicts import itself
from benchmarks.rows import Row

TIMES = 10


def alone(folder: Path, data: Path, shape: Shape, limits: Limits) -> Iterator[Row]:
    """The window's file, on one core and on two; then ten names of that file, as one window."""
    config, window = product.side(folder / "leeway", data, shape)
    command = product.check(config, window)
    whole(command)  # bytecode and kernels are cached from here on
    both = in_turn({"one core": (command, 1), "two cores": (command, 2)}, limits)
    one, two = (must(took) for took in both.values())
    many = folder / "tenfold"
    many.mkdir(parents=True)
    for number in range(TIMES):
        os.link(window, many / f"window-{number}.parquet")
    tenfold = repeated(product.check(config, many), limits)
    yield from itself(one, two, tenfold, shape.rows, TIMES)
