"""What does a changed config change in a running daemon? Models, policies, channels and routes, at once.

A bad one changes nothing: the old one stays in force and every mistake is said. What the process is built on
(the database, the ticker's pace, the size of the cache) waits for a restart, and that is said, too.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from alerting.courier import Courier
from monitor import build
from monitor.build import build_channels, build_models
from monitor.config import Config
from monitor.config_file import load
from monitor.config_problem import ConfigError
from monitor.logs import logger
from monitor.opening import take_up
from monitor.runtime import Runtime, Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class Reloaded:
    """The runtime of the new config, and who delivers by it."""

    runtime: Runtime
    couriers: Sequence[Courier]


def reload(runtime: Runtime, path: Path) -> Reloaded | None:
    """Read the config again; None: it cannot be used, which is said, and the old one stays."""
    try:
        config = load(path, members=build.check)
        models, channels = build_models(config).models, build_channels(config)
    except ConfigError as error:
        logger().error("config.refused", config=str(path), error=str(error))
        return None
    before = runtime.models
    # An unchanged model keeps its source, which remembers what it has looked at.
    kept = {name: _kept(before.get(name), watched) for name, watched in models.items()}
    fresh = replace(runtime, config=config, models=kept, channels=channels)
    couriers = take_up(fresh)
    changed = [name for name in kept if name in before and kept[name].digest != before[name].digest]
    logger().info(
        "config.reloaded",
        models=len(kept),
        added=", ".join(name for name in kept if name not in before) or None,
        removed=", ".join(name for name in before if name not in kept) or None,
        changed=", ".join(changed) or None,
    )
    waiting = needs_restart(runtime.config, config)
    if waiting:
        logger().warning("config.needs_restart", keys=", ".join(waiting))
    return Reloaded(runtime=fresh, couriers=couriers)


def needs_restart(before: Config, after: Config) -> list[str]:
    """Keys whose change a running process cannot follow."""
    found = [key for key in ("storage", "web") if getattr(before, key) != getattr(after, key)]
    for key in ("tick_s", "profile_cache_mb"):
        if getattr(before.daemon, key) != getattr(after.daemon, key):
            found.append(f"daemon.{key}")
    return found


def _kept(before: Watched | None, after: Watched) -> Watched:
    if before is None or before.digest != after.digest:
        return after
    # The table says where a secret is; another secret there is another source.
    same = (before.source, before.labels) == (after.source, after.labels)
    return before if same else after
