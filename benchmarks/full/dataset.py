"""Which rows does everyone read? Parquet files with zstd from a fixed seed, written once for all.

150 columns of float64 in five shapes and 50 of text with 4 to 1,000 labels, 2 % null in each, and the rows'
times; the window is one day, in which every tenth column has moved a little. Rows come in groups of 250,000.
Run by itself it writes one file: what writes takes memory, and whoever measures must stay small.
"""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

FIRST = datetime(2026, 3, 1, tzinfo=UTC)
REFERENCE_DAYS = 28
WINDOW = FIRST + timedelta(days=REFERENCE_DAYS)
TIME = "ts"
NULLS = 0.02
GROUP_ROWS = 250_000
LABELS = (4, 12, 60, 250, 1_000)  # distinct ones of the columns of text, in turn
_ROOT = Path(__file__).parents[2]
_VERSION = 1  # of what is drawn: a new one is a new file
_SHAPES: tuple[Callable[[np.random.Generator, int], NDArray[np.float64]], ...] = (
    lambda rng, n: rng.normal(size=n),
    lambda rng, n: rng.lognormal(0.0, 1.0, n),
    lambda rng, n: rng.random(n),
    lambda rng, n: rng.exponential(10.0, n),
    lambda rng, n: rng.integers(0, 10_000, n).astype(np.float64),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Of one file. `labels`: of every column of text; None: LABELS in turn."""

    rows: int
    numbers: int = 150
    texts: int = 50
    labels: int | None = None
    reference: bool = False
    seed: int = 2026

    @property
    def name(self) -> str:
        side = "reference" if self.reference else "window"
        kinds = "" if self.labels is None else f"-{self.labels}labels"
        return f"{side}-{self.rows}x{self.numbers}+{self.texts}{kinds}-{self.seed}-v{_VERSION}.parquet"

    def of(self, rows: int) -> "Shape":
        """The same with so many rows."""
        return replace(self, rows=rows)

    def as_reference(self) -> "Shape":
        """What it is held against: as many rows."""
        return replace(self, reference=True)


def written(folder: Path, shape: Shape) -> Path:
    """The file in `folder`, made unless it is there."""
    path = folder.resolve() / shape.name
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        facts = json.dumps(asdict(shape))
        command = [sys.executable, "-m", "benchmarks.full.dataset", str(path), facts]
        subprocess.run(command, check=True, cwd=_ROOT)
    return path


def write(path: Path, shape: Shape) -> None:
    """Whole or not at all: a file that is there is finished."""
    half = path.with_suffix(".half")
    with pq.ParquetWriter(half, _schema(shape), compression="zstd") as writer:
        for group, start in enumerate(range(0, shape.rows, GROUP_ROWS)):
            rows = min(GROUP_ROWS, shape.rows - start)
            rng = np.random.default_rng([shape.seed, int(shape.reference), group])
            writer.write_table(_group(rng, shape, start, rows))
    half.rename(path)


def _schema(shape: Shape) -> pa.Schema:
    return pa.schema(
        [(TIME, pa.timestamp("us", tz="UTC"))]
        + [(f"x{number:03d}", pa.float64()) for number in range(shape.numbers)]
        + [(f"s{number:02d}", pa.string()) for number in range(shape.texts)]
    )


def _group(rng: np.random.Generator, shape: Shape, start: int, rows: int) -> pa.Table:
    first, days = (FIRST, REFERENCE_DAYS) if shape.reference else (WINDOW, 1)
    step = days * 86_400_000_000 / shape.rows  # µs between rows: a feed of an even pace
    times = ((start + np.arange(rows)) * step).astype(np.int64) + int(first.timestamp() * 1e6)
    arrays = [pa.array(times, pa.timestamp("us", tz="UTC"))]
    for number in range(shape.numbers):
        values = _SHAPES[number % len(_SHAPES)](rng, rows)
        if not shape.reference and number % 10 == 0:
            values = values * 1.05
        arrays.append(pa.array(values, mask=rng.random(rows) < NULLS))
    for number in range(shape.texts):
        labels = shape.labels or LABELS[number % len(LABELS)]
        # Squared: the first labels are the frequent ones, as in the world.
        power = 2.0 if shape.reference or number % 10 else 2.2
        codes = (labels * rng.random(rows) ** power).astype(np.int32)
        codes = np.minimum(codes, labels - 1)
        words = pa.array([f"label {code:06d}" for code in range(labels)])
        drawn = pa.DictionaryArray.from_arrays(pa.array(codes, mask=rng.random(rows) < NULLS), words)
        arrays.append(drawn.cast(pa.string()))
    return pa.Table.from_arrays(arrays, schema=_schema(shape))


if __name__ == "__main__":
    write(Path(sys.argv[1]), Shape(**json.loads(sys.argv[2])))
