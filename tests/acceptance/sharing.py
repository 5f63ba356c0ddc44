"""One of several daemons on one PostgreSQL, as a process, with leases of seconds so that nobody waits long.

`python -m tests.acceptance.sharing CONFIG SECONDS`: the daemon itself, on a clock that is the database's less
SECONDS, so that past days are today. What it says it writes to standard error, as `leeway run` does.
"""

import sys
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from monitor import build, logs
from monitor.clock import Clock, SystemClock
from monitor.config_file import load
from monitor.daemon import Daemon, one_pass
from monitor.opening import open_runtime, own
from monitor.referencing import build_reference
from tests.acceptance.world import Shop, build_shop

LEASE = timedelta(seconds=4)  # of a window or a message; a minute in real life
LEADER_LEASE = timedelta(seconds=2)
RENEW_EVERY = timedelta(milliseconds=400)
CHANNEL = '[channels.file]\nkind = "log"\npath = "alerts.jsonl"\n\n[[routes]]\nchannels = ["file"]\n'


@dataclass(frozen=True, slots=True)
class Earlier:
    """Another clock, some time ago."""

    inner: Clock
    by: timedelta

    def now(self) -> datetime:
        return self.inner.now() - self.by

    def monotonic(self) -> float:
        return self.inner.monotonic()


def hourly_shop(folder: Path, url: str, days: int) -> Shop:
    """So many days in hourly windows, every third of them broken, their reference built; at last the feed
    falls silent, which pages."""
    shop = build_shop(
        folder,
        days=days,
        broken=range(2, days, 3),
        channels=f"{CHANNEL}\n[daemon]\ntick_s = 0.2\nworkers = 2\n",
        url=url,
    )
    last = shop.folder / f"data/orders-{days - 1:03d}.parquet"
    noon = shop.start + timedelta(days=days, hours=-12)
    pl.read_parquet(last).filter(pl.col("ts") < noon).write_parquet(last)
    text = shop.config.read_text().replace('every = "1d"', 'every = "1h"\nmin_rows = 2\ncatch_up = "60d"')
    shop.config.write_text(text)
    logs.configure(quiet=True)
    with open_runtime(
        load(shop.config, members=build.check), Earlier(SystemClock(), ago(shop, days))
    ) as runtime:
        build_reference(runtime, runtime.models["shop"])
    return shop


def ago(shop: Shop, days: int) -> timedelta:
    """How long ago these days had just passed: for another half hour no further window is due."""
    return datetime.now(UTC) - (shop.start + timedelta(days=days, minutes=30))


def undisturbed(shop: Shop, days: int) -> None:
    """All of it by one daemon that nobody disturbs, in this process."""
    config = load(shop.config, members=build.check)
    with open_runtime(config, Earlier(SystemClock(), ago(shop, days))) as runtime, own(runtime) as couriers:
        one_pass(runtime, couriers)


def run(config: Path, by: timedelta) -> int:
    """A daemon among others; its exit code."""
    logs.configure()
    with open_runtime(load(config, members=build.check), SystemClock()) as opened:
        assert opened.leader is not None
        opened.leader.lease, opened.leader.renew_every = LEADER_LEASE, RENEW_EVERY
        runtime = replace(opened, clock=Earlier(opened.clock, by), lease=LEASE)
        with own(runtime) as couriers:
            return Daemon(runtime, couriers).run()


if __name__ == "__main__":
    sys.exit(run(Path(sys.argv[1]), timedelta(seconds=float(sys.argv[2]))))
