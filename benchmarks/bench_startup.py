"""What does a command cost before it does anything? Whole processes, bytecode and kernels cached.

History is one small shop: 28 days of reference, and a few days evaluated by `leeway evaluate`.
"""

import sys
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.rows import Row, Spent, process, typical

HEAVY = ("numba", "llvmlite", "polars", "pandas", "evidently")  # the issue: reading loads none of them
LIGHT = ("--help", "history verdicts")
COMMANDS = (*LIGHT, "incidents list", "status")
IMPORTS = ("numpy", "scipy.special", "sqlalchemy", "polars", "numba")
FIRST = datetime(2026, 3, 1, tzinfo=UTC)
REFERENCE_DAYS = 28
CONFIG = """
[storage]
url = "sqlite:///leeway.db"

[models.shop]
task = "binary"

[models.shop.source]
kind = "parquet"
path = "orders-*.parquet"
timestamp = "ts"

[models.shop.columns]
features = ["amount", "country"]
score = "score"

[models.shop.reference]
source = { kind = "parquet", path = "reference.parquet" }
"""


def startup(
    folder: Path,
    runs: int = 5,
    rows: int = 1_000,
    commands: Sequence[str] = COMMANDS,
    libraries: Sequence[str] = IMPORTS,
) -> Iterator[Row]:
    """Processes in `folder`, which is empty. `libraries`: imported bare, to compare with."""
    _write(folder, days=runs + 1, rows=rows)
    options = ["--config", str(folder / "leeway.toml")]
    leeway = [sys.executable, "-m", "monitor", *options]
    process([*leeway, "reference", "build", "--model", "shop"])
    # The first day fills the cache of kernels; in each other process its first window finds it warm.
    windows = [process([*leeway, "evaluate", "--model", "shop", *_day(number)]) for number in range(runs + 1)]
    yield _row("leeway evaluate: first window with a warm cache", windows[1:])
    for command in commands:
        yield _row(f"leeway {command}", [process([*leeway, *command.split()]) for _ in range(runs)])
    for command in LIGHT:
        loaded = _loaded([*options, *command.split()])
        yield Row(
            what=f"heavy libraries in leeway {command}",
            measured=float(len(loaded)),
            unit="loaded",
            at_most=0.0,
            note=", ".join(loaded) or f"none of {', '.join(HEAVY)}",
        )
    for library in libraries:
        bare = [process([sys.executable, "-c", f"import {library}"]) for _ in range(runs)]
        yield _row(f"python -c 'import {library}'", bare)


def _row(what: str, runs: list[Spent]) -> Row:
    spent = typical(runs)
    return Row(what=what, measured=spent.cpu_s, unit="s of CPU", note=f"{spent.wall_s:.2f} s on the clock")


def _loaded(arguments: list[str]) -> list[str]:
    """Those of HEAVY that a command loads."""
    code = (
        "import sys\nfrom monitor.cli import main\n"
        f"try:\n    main({arguments!r})\nexcept SystemExit:\n    pass\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules])"
    )
    return process([sys.executable, "-c", code]).output.splitlines()[-1].split()


def _day(number: int) -> list[str]:
    start = FIRST + timedelta(days=REFERENCE_DAYS + number)
    return ["--from", start.isoformat(), "--to", (start + timedelta(days=1)).isoformat()]


def _write(folder: Path, days: int, rows: int) -> None:
    (folder / "leeway.toml").write_text(CONFIG, encoding="utf-8")
    rng = np.random.default_rng(0)
    frames = [_orders(rng, number, rows) for number in range(REFERENCE_DAYS + days)]
    pl.concat(frames[:REFERENCE_DAYS]).write_parquet(folder / "reference.parquet")
    for number, frame in enumerate(frames[REFERENCE_DAYS:]):
        frame.write_parquet(folder / f"orders-{number:03d}.parquet")


def _orders(rng: np.random.Generator, day: int, rows: int) -> pl.DataFrame:
    start = int((FIRST + timedelta(days=day)).timestamp())
    seconds = np.sort(rng.integers(0, 86_400, rows)) + start
    return pl.DataFrame(
        {
            "ts": pl.from_epoch(pl.Series(seconds), time_unit="s").dt.replace_time_zone("UTC"),
            "amount": rng.lognormal(3.0, 0.6, rows),
            "country": rng.choice(["FI", "SE", "NO"], rows),
            "score": rng.random(rows),
        }
    )
