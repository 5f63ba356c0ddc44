"""How does a working Leeway come up? Database at this program's revision, models and channels ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from alerting.courier import Courier
from alerting.incident import Incident
from detectors import NumericProfile, Profile
from detectors._noise import NoiseModel
from monitor.build import build_channels, build_models, storage_url
from monitor.cache import Cache
from monitor.clock import Clock
from monitor.config import Config
from monitor.logs import logger
from monitor.promotion import close_removed
from monitor.runtime import Runtime
from monitor.telling import mark_untold
from storage import profiles
from storage.engine import open_store
from storage.lock import OwnerLock
from storage.outbox import SqlOutbox, waiting_channels
from storage.takeover import take_over
from storage.upgrading import upgrade_unowned

COURIER_LEASE = timedelta(seconds=60)  # longer than any channel's own deadline
NOISE_CACHE_MB = 64


@contextmanager
def open_runtime(config: Config, clock: Clock) -> Iterator[Runtime]:
    """Everything but ownership: what commands share with the daemon."""
    models, channels = build_models(config).models, build_channels(config)
    with open_store(storage_url(config)) as store:
        upgrade_unowned(store)
        yield Runtime(
            config=config,
            store=store,
            models=models,
            channels=channels,
            clock=clock,
            profiles=Cache(limit_mb=config.daemon.profile_cache_mb, size=_profile_bytes),
            noises=Cache(limit_mb=NOISE_CACHE_MB, size=_noise_bytes),
        )


@contextmanager
def own(runtime: Runtime) -> Iterator[tuple[Courier, ...]]:
    """Be the one daemon of this database. The lock proves that whoever held leases is dead: they are free."""
    with OwnerLock(runtime.store.path):
        with runtime.store.write() as conn:
            take_over(conn, runtime.clock.now())
        yield take_up(runtime)


def take_up(runtime: Runtime) -> tuple[Courier, ...]:
    """Begin by this config: what it no longer watches ends, what it newly routes is told. Its couriers."""
    with runtime.store.write() as conn:
        closed = close_removed(conn, runtime.config, runtime.clock.now())
        gone = waiting_channels(conn).difference(runtime.channels)
    for incident in closed:
        logger().warning("incident.resolved", **_names(incident), reason=incident.resolved_reason)
    _say_what_waits(runtime)
    mark_untold(runtime)
    lanes: list[tuple[str, ...]] = [(name,) for name in runtime.channels]
    if gone:  # what waits for a channel that left the config waits till its deadline, and says so
        lanes.append(tuple(sorted(gone)))
    return tuple(
        Courier(
            outbox=SqlOutbox(runtime.store),
            channels=runtime.channels,
            owner=runtime.owner,
            lease=COURIER_LEASE,
            only=only,
        )
        for only in lanes
    )


def _names(incident: Incident) -> dict[str, object]:
    return {
        "model": incident.series.model,
        "column": incident.series.column,
        "severity": incident.severity,
        "incident": incident.id[:8],
    }


def _say_what_waits(runtime: Runtime) -> None:
    with runtime.store.read() as conn:
        for name in runtime.models:
            if profiles.active(conn, name) is None:
                next_step = f"leeway reference build --model {name}"
                logger().warning("model.skipped", model=name, reason="no reference", next_step=next_step)


def _profile_bytes(profile: Profile) -> int:
    """Knots and counts of numbers, labels and counts of categories, and the small models.

    Those are kept as bytes and, once used, decoded: slices, most of them, to about twice as much.
    """
    size = sum(3 * len(part) for part in profile.parts.values())
    for column in profile.columns.values():
        if isinstance(column, NumericProfile):
            size += column.knots.nbytes + column.at.nbytes + column.below.nbytes
        else:
            size += sum(60 + len(label) for label in column.labels)
    return size


def _noise_bytes(noise: NoiseModel) -> int:
    """Four records of at most 288 pairs of floats a component are nearly all of it; slices have theirs."""
    return sum(_noise_bytes(of_slice) for of_slice in noise.slices.values()) + sum(
        1_000
        + 16 * sum(len(side.values) for r in (part.z_record, part.ewma_record) for side in (r.up, r.down))
        for part in noise.components.values()
    )
