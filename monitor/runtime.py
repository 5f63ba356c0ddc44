"""What does a working Leeway hold on to? One object that every step is given."""

import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from threading import Lock

from alerting.channel import Channel
from alerting.fold import FoldPolicy
from alerting.retraining_facts import RetrainingPolicy
from detectors import Profile
from detectors._noise import NoiseModel
from monitor.cache import Cache
from monitor.clock import Clock
from monitor.config import Config
from monitor.config_model import ModelConfig
from monitor.leader_lease import LeaderLease
from monitor.measuring import Detector
from monitor.policy import JudgePolicy
from monitor.reads import Reads
from monitor.source import Source
from monitor.windows import WindowSpec
from storage.engine import Store

LEASE = timedelta(seconds=60)  # renewed four times; a worker that is gone loses its window after this


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One model of the config, made ready."""

    name: str
    config: ModelConfig
    digest: str  # of its effective config
    source: Source
    labels: Source | None = None  # where labels are read by key; None: in the rows themselves, or nowhere
    detectors: Sequence[Detector]
    spec: WindowSpec
    judging: JudgePolicy
    folding: FoldPolicy
    retraining: RetrainingPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """The config made ready, the open database, and the clock. Threads share it."""

    config: Config
    store: Store
    models: Mapping[str, Watched]
    channels: Mapping[str, Channel]
    clock: Clock
    profiles: Cache[Profile]
    noises: Cache[NoiseModel]
    owner: str = field(default_factory=lambda: f"{socket.gethostname()} {os.getpid()}")
    leader: LeaderLease | None = None  # None: nobody else could lead
    lease: timedelta = LEASE
    leases: dict[int, int] = field(default_factory=dict)  # ledger id → fence of what is being worked on here
    lease_lock: Lock = field(default_factory=Lock)
    reads: Reads = field(default_factory=Reads)

    @property
    def lateness(self) -> dict[str, timedelta]:
        """How long after the end of a window each model's late rows are looked for."""
        return {name: watched.config.window.lateness for name, watched in self.models.items()}


@dataclass(slots=True, kw_only=True)
class InForce:
    """The runtime by which everything begins now. A reload puts another in its place; what has begun goes on
    with the one it began with."""

    runtime: Runtime
