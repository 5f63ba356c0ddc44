"""What is Leeway's side? The whole command `leeway check`, on a reference stored beforehand.

That is the product's path: the Parquet source, its batches counted on the stored profile with the threads
that the product uses, every detector, component and verdict; imports, the database and reading are in it.
The reference is built by `leeway reference build`, which is in none of the numbers of the window.
"""

import json
import sys
from importlib.metadata import version
from pathlib import Path

from benchmarks.full.dataset import TIME, Shape, written
from benchmarks.full.processes import Took, whole

MODEL = "wide"


def prepared(folder: Path, reference: Path) -> tuple[Path, Took]:
    """A config in `folder`, which is made, with its reference stored; and what building it took."""
    folder.mkdir(parents=True)
    source = f'{{ kind = "parquet", path = {json.dumps(str(reference.resolve()))}, timestamp = "{TIME}" }}'
    config = folder / "leeway.toml"
    config.write_text(
        f"""
[storage]
url = "sqlite:///leeway.db"

[models.{MODEL}]
task = "binary"
[models.{MODEL}.source]
kind = "parquet"
path = "window-*.parquet"
timestamp = "{TIME}"
[models.{MODEL}.columns]
features = ["x*", "s*"]
include = ["s*"]
[models.{MODEL}.reference]
source = {source}
""",
        encoding="utf-8",
    )
    built = whole([*leeway(config), "reference", "build", "--model", MODEL])
    return config, built


def leeway(config: Path) -> list[str]:
    """The command, by this environment's own Python."""
    return [sys.executable, "-m", "monitor", "--config", str(config)]


def check(config: Path, window: Path) -> list[str]:
    """Holds the window's file against the stored reference, and prints every verdict as JSON."""
    return [*leeway(config), "check", "--model", MODEL, "--data", str(window), "--json"]


def facts(said: str) -> dict[str, object]:
    """Of what `check` printed: did it see all rows and columns?"""
    windows = json.loads(said)["windows"]
    told = {verdict["column_name"] for window in windows for verdict in window["verdicts"]}
    return {
        "version": version("leeway-monitor"),
        "reference": "stored, built beforehand",
        "did": "leeway check",
        "rows": sum(window["rows"] for window in windows),
        "results": sum(name[:1] in ("x", "s") for name in told),  # not what is told like a column and is none
    }


def side(folder: Path, data: Path, shape: Shape) -> tuple[Path, Path]:
    """The config and the window's file for rows of this shape, made unless they are there."""
    window = written(data, shape)
    home = folder / shape.name.removesuffix(".parquet")
    config = home / "leeway.toml"
    if not config.exists():
        config, _ = prepared(home, written(data, shape.as_reference()))
    return config, window
