"""How does a working Leeway come up? Database at this program's revision, models and channels ready."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial

from alerting.courier import Courier
from detectors import NumericProfile, Profile
from detectors._noise import NoiseModel
from monitor.build import build_channels, build_models, storage_url
from monitor.cache import Cache
from monitor.clock import Clock, SharedClock, SystemClock
from monitor.config import Config
from monitor.illustrating import picture_for
from monitor.kill_switch import held_back
from monitor.leader_lease import LeaderLease
from monitor.leading import enter, leads, led
from monitor.logs import logger
from monitor.looking_through import look_through
from monitor.runtime import Runtime
from storage import profiles
from storage.dialect import database_time
from storage.engine import SqliteStore, open_store
from storage.lock import OwnerLock
from storage.outbox import SqlOutbox, waiting_channels
from storage.takeover import take_over
from storage.upgrading import upgrade_unowned

NOISE_CACHE_MB = 64
# Held against what they are by tests/benchmarks/test_load.py. Of a knot 24 bytes are its own, the rest are
# the components' basis, the bins and the lookup table that are made once a profile.
KNOT_BYTES = 210
LABEL_BYTES = 300
COMPONENT_BYTES = 2_100


@contextmanager
def open_runtime(config: Config, clock: Clock) -> Iterator[Runtime]:
    """Everything but ownership: what commands share with the daemon."""
    models, channels = build_models(config).models, build_channels(config)
    with open_store(storage_url(config)) as store:
        upgrade_unowned(store)
        runtime = Runtime(
            config=config,
            store=store,
            models=models,
            channels=channels,
            clock=clock,
            profiles=Cache(limit_mb=config.daemon.profile_cache_mb, size=_profile_bytes),
            noises=Cache(limit_mb=NOISE_CACHE_MB, size=_noise_bytes),
        )
        yield _shared(runtime) if store.shared else runtime


def _shared(runtime: Runtime) -> Runtime:
    """With a clock and a leader that all daemons of the database agree on."""
    leader = LeaderLease(runtime.store, runtime.owner)
    if not isinstance(runtime.clock, SystemClock):
        return replace(runtime, leader=leader)
    with runtime.store.read() as conn:
        clock = SharedClock(database_time(conn))
    leader.on_time = clock.set
    return replace(runtime, clock=clock, leader=leader)


@contextmanager
def own(runtime: Runtime, *, looks_through: bool = False) -> Iterator[tuple[Courier, ...]]:
    """Be the one daemon of a SQLite file, or one of those that share a database.

    `looks_through`: the whole file, before anything is written, which takes minutes where it is large.
    """
    with _place(runtime, looks_through=looks_through):
        leads(runtime)
        yield couriers_of(runtime)


def take_up(runtime: Runtime) -> tuple[Courier, ...]:
    """Go on by another config: what it no longer watches ends, what it newly routes is told. Its couriers."""
    if leads(runtime):
        enter(led(runtime))
    return couriers_of(runtime)


def couriers_of(runtime: Runtime) -> tuple[Courier, ...]:
    """One a channel. What waits for a channel that left the config waits till its deadline, and says so."""
    _say_what_waits(runtime)
    with runtime.store.read() as conn:
        gone = waiting_channels(conn).difference(runtime.channels)
    lanes: list[tuple[str, ...]] = [(name,) for name in runtime.channels]
    if gone:
        lanes.append(tuple(sorted(gone)))
    return tuple(
        Courier(
            outbox=SqlOutbox(runtime.store),
            channels=runtime.channels,
            owner=runtime.owner,
            lease=runtime.lease,  # longer than any channel's own deadline
            only=only,
            draw=partial(picture_for, runtime),
            held_back=partial(held_back, runtime),
        )
        for only in lanes
    )


@contextmanager
def _place(runtime: Runtime, *, looks_through: bool) -> Iterator[None]:
    """The owner's lock proves that whoever held leases is dead, and ends them; else only time does."""
    store = runtime.store
    if isinstance(store, SqliteStore):
        with OwnerLock(store.path):
            if looks_through:
                look_through(store)
            with store.write() as conn:
                take_over(conn, runtime.clock.now(), runtime.lateness)
            enter(runtime)
            yield
    elif runtime.leader is not None:
        with runtime.leader.kept():
            yield


def _say_what_waits(runtime: Runtime) -> None:
    with runtime.store.read() as conn:
        for name in runtime.models:
            if profiles.active(conn, name) is None:
                next_step = f"leeway reference build --model {name}"
                logger().warning("model.skipped", model=name, reason="no reference", next_step=next_step)


def _profile_bytes(profile: Profile) -> int:
    """Knots and counts of numbers, labels and counts of categories, and the small models.

    With what a first window leaves beside them, which is most of it. Small models are kept as bytes and, once
    used, decoded: slices, most of them, to about twice as much.
    """
    size = sum(3 * len(part) for part in profile.parts.values())
    for column in profile.columns.values():
        if isinstance(column, NumericProfile):
            size += KNOT_BYTES * column.knots.size
        else:
            size += sum(LABEL_BYTES + len(label) for label in column.labels)
    return size


def _noise_bytes(noise: NoiseModel) -> int:
    """Four records of at most 288 pairs of floats a component are much of it; slices have theirs.

    Their ranks are shared: most components have the same.
    """
    values = 0
    for part in noise.components.values():  # thousands: no generators
        z, ewma = part.z_record, part.ewma_record
        values += len(z.up.values) + len(z.down.values) + len(ewma.up.values) + len(ewma.down.values)
    own = COMPONENT_BYTES * len(noise.components) + 8 * values
    return own + sum(_noise_bytes(of_slice) for of_slice in noise.slices.values())
