"""A small shop on disk: thirty quiet days of reference, then days that break in known ways."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl

REFERENCE_DAYS = 30
ROWS = 160  # a day


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """`config` is ready to use; production is one Parquet file a day."""

    config: Path
    start: datetime  # of production

    @property
    def folder(self) -> Path:
        return self.config.parent


def day(first: datetime, number: int, *, broken: bool = False, seed: int = 7) -> pl.DataFrame:
    """One day of orders. Broken: other customers come, who buy more and more unevenly."""
    random = np.random.default_rng([seed, number])
    start = first + timedelta(days=number)
    seconds = np.sort(random.integers(0, 86_400, ROWS))
    amount = random.lognormal(3.7, 0.9, ROWS) if broken else random.lognormal(3.0, 0.6, ROWS)
    country = random.choice(["FI", "SE", "NO"], ROWS, p=[0.2, 0.3, 0.5] if broken else [0.5, 0.3, 0.2])
    score = 1 / (1 + np.exp(-(amount - 25) / 15 - random.normal(0, 0.5, ROWS)))
    return pl.DataFrame(
        {
            "ts": [start + timedelta(seconds=int(s)) for s in seconds],
            "amount": amount,
            "items": random.poisson(3, ROWS).astype(float),
            "country": country,
            "score": score,
            "label": (random.random(ROWS) < score).astype(float),
        }
    )


def build_shop(
    folder: Path,
    *,
    first: datetime = datetime(2026, 3, 1, tzinfo=UTC),
    days: int = 12,
    broken: range = range(4, 8),
    channels: str = "",
    extra: str = "",
    url: str = "sqlite:///leeway.db",
) -> Shop:
    """Write reference, production and config. `broken` counts production days from 0.

    `first` is the first reference day. A real daemon lives in the present: give it days that have just ended.
    """
    data = folder / "data"
    data.mkdir(parents=True)
    pl.concat([day(first, n) for n in range(REFERENCE_DAYS)]).write_parquet(data / "reference.parquet")
    for n in range(days):
        frame = day(first, REFERENCE_DAYS + n, broken=n in broken).drop("label")
        frame.write_parquet(data / f"orders-{n:03d}.parquet")
    config = folder / "leeway.toml"
    config.write_text(
        f"""
[storage]
url = "{url}"

{channels}

[models.shop]
task = "binary"

[models.shop.source]
kind = "parquet"
path = "data/orders-*.parquet"
timestamp = "ts"

[models.shop.columns]
features = ["*"]
score = "score"

[models.shop.window]
every = "1d"
zone = "UTC"
ready = "clock"

[models.shop.reference]
source = {{ kind = "parquet", path = "data/reference.parquet" }}
label = "label"

{extra}
"""
    )
    return Shop(config=config, start=first + timedelta(days=REFERENCE_DAYS))


def slack_and_trainer(url: str, *, pictures: bool = False, beside: Sequence[str] = ()) -> str:
    """Channels and routes that lead to a loopback server; the secrets come from the environment.

    A picture is a process of its own, half a second each: only who asks for them waits for them. `beside`:
    other channels that are told whatever Slack is told.
    """
    return f"""
[channels.oncall]
kind = "slack"
token_env = "LEEWAY_TEST_SLACK_TOKEN"
channel = "C0LOOPBACK"
base_url = "{url}/api/"
pictures = {str(pictures).lower()}
deadline_s = 5.0

[channels.trainer]
kind = "webhook"
url_env = "LEEWAY_TEST_TRAINER_URL"
secret_env = "LEEWAY_TEST_TRAINER_SECRET"
allow_http = true
allow_private = true
idempotent = true
deadline_s = 5.0

[[routes]]
match = {{ model = "*", severity = "page" }}
channels = {json.dumps(["oncall", *beside])}
"""
