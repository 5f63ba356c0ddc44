"""What does a command need open? The config, the database, and for those that work, the whole runtime."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from monitor.config import Config
from monitor.config_file import load
from monitor.exits import CommandError
from storage.engine import Store, open_store
from storage.errors import StorageLost
from storage.upgrading import upgrade_unowned

if TYPE_CHECKING:
    from alerting.courier import Courier
    from monitor.clock import Clock
    from monitor.runtime import Runtime, Watched
    from monitor.terminal import Terminal


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """For commands that only look. Loads neither compiler nor sources."""

    config: Config
    store: Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Working:
    """For commands that act."""

    runtime: "Runtime"

    @property
    def config(self) -> Config:
        return self.runtime.config

    @property
    def store(self) -> Store:
        return self.runtime.store

    def model(self, name: str) -> "Watched":
        """A model of the config by its name."""
        found = self.runtime.models.get(name)
        if found is None:
            if name in self.config.models:
                raise CommandError(f"{name} is paused; take models.{name}.paused out of the config first")
            known = ", ".join(sorted(self.runtime.models)) or "none"
            raise CommandError(f"no model {name!r} in the config; there is {known}")
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Owning:
    """For the daemon: it owns the database and delivers."""

    runtime: "Runtime"
    couriers: "tuple[Courier, ...]"  # one a channel: none waits for another


@contextmanager
def reading_session(terminal: "Terminal") -> Iterator[Reading]:
    """Open what the config names, read-only."""
    from monitor.secret import storage_url

    config = load(terminal.settings.config)
    with open_store(storage_url(config), read_only=True) as store:
        yield Reading(config=config, store=store)


@contextmanager
def changing_session(terminal: "Terminal") -> Iterator[Store]:
    """Open the database for a short change by a person; the daemon may be running beside it."""
    from monitor.secret import storage_url

    with open_store(storage_url(load(terminal.settings.config))) as store:
        upgrade_unowned(store)
        yield store


@contextmanager
def writing_session(terminal: "Terminal", clock: "Clock | None" = None) -> Iterator[Working]:
    """Open everything; brings the database to this program's revision."""
    from monitor import build, logs
    from monitor.clock import SystemClock
    from monitor.opening import open_runtime

    settings = terminal.settings
    logs.configure(verbose=settings.verbose, quiet=not settings.verbose)
    config = load(settings.config, members=build.check)
    with open_runtime(config, clock or SystemClock()) as runtime:
        yield Working(runtime=runtime)


@contextmanager
def daemon_session(terminal: "Terminal", clock: "Clock", *, looks_through: bool = False) -> Iterator[Owning]:
    """Open everything and own the database; another owner raises OwnedElsewhere, damage StorageLost.

    `looks_through`: for damage, the whole file, before anything is written.
    """
    from monitor import build, logs
    from monitor.opening import open_runtime, own

    settings = terminal.settings
    logs.configure(verbose=settings.verbose, quiet=settings.quiet)
    config = load(settings.config, members=build.check)
    try:
        with open_runtime(config, clock) as runtime, own(runtime, looks_through=looks_through) as couriers:
            yield Owning(runtime=runtime, couriers=couriers)
    except StorageLost as lost:
        logs.logger().error("database.lost", error=str(lost))
        raise


def person() -> str:
    """Who is typing: recorded with what a person does."""
    return os.environ.get("SUDO_USER") or os.environ.get("USER") or f"uid {os.getuid()}"
