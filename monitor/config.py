"""What did the user ask for?

Values only: monitor/config_file.py reads the file, monitor/build.py makes members of it.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, Self

from pydantic import Field, PrivateAttr, model_validator

from monitor.config_model import ModelConfig
from monitor.config_slack import Name, SlackUserConfig, SlackUserId, person
from monitor.config_types import MemberConfig, Names, PositiveDuration, Room


class StorageConfig(Room):
    """Where history lives. A URL with a password in it comes from `url_env` or `url_file`."""

    url: str | None = None
    url_env: str | None = None
    url_file: str | None = None

    @model_validator(mode="after")
    def _one(self) -> Self:
        if sum(value is not None for value in (self.url, self.url_env, self.url_file)) > 1:
            raise ValueError("must have one of `url`, `url_env` and `url_file`")
        return self


class RetentionConfig(Room):
    """How long history is kept. What says that something was done already is kept for good."""

    measurements: PositiveDuration = timedelta(days=90)  # in full; then one row a day …
    daily: PositiveDuration = timedelta(days=730)  # … for so long
    audit: PositiveDuration = timedelta(days=730)  # verdicts that alerted, attempts, refused decisions

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        for name in ("daily", "audit"):
            if getattr(self, name) < self.measurements:
                raise ValueError(f"{name}: must be at least `measurements`")
        return self


class DaemonConfig(Room):
    """How the daemon goes about it."""

    tick_s: float = Field(default=5.0, gt=0, le=30)  # a minute without a tick ends the process
    workers: int = Field(default_factory=lambda: os.cpu_count() or 1, ge=1)
    profile_cache_mb: int = Field(default=128, ge=1)
    fallback: str | None = None  # the channel told when another takes nothing; None: those of the page routes
    allowed_hosts: Names = ()  # globs of the hosts channels may talk to; a channel's own list stands instead
    retention: RetentionConfig = RetentionConfig()


class MatchConfig(Room):
    """Which incidents a route takes: every given key must agree. `model` is a glob."""

    model: str = "*"
    severity: Literal["ticket", "page"] | None = None  # None: pages


class RouteConfig(Room):
    """Who is told. Without any route nobody is, and history still holds everything."""

    match: MatchConfig = MatchConfig()
    channels: Names = Field(min_length=1)


class Config(Room):
    """The whole file, defaults merged in. `path` is the file; None when made in memory."""

    storage: StorageConfig = StorageConfig()
    daemon: DaemonConfig = DaemonConfig()
    channels: dict[str, MemberConfig] = Field(default_factory=dict)
    routes: tuple[RouteConfig, ...] = Field(default=(), strict=False)
    slack_users: dict[SlackUserId, Name | SlackUserConfig] = Field(default_factory=dict)
    models: dict[str, ModelConfig] = Field(default_factory=dict)
    _path: Path | None = PrivateAttr(default=None)
    _digests: Mapping[str, str] = PrivateAttr(default_factory=dict)

    @property
    def path(self) -> Path | None:
        """The file; None when made in memory."""
        return self._path

    def slack_user(self, user: str) -> SlackUserConfig | None:
        """Who that is, by Slack's id; None: nobody that the config knows."""
        known = self.slack_users.get(user)
        return None if known is None else person(known)

    def digest(self, model: str) -> str:
        """sha256 of the model's table as written, defaults merged in: what the ledger keeps."""
        return self._digests[model]

    def loaded(self, path: Path, digests: Mapping[str, str]) -> Self:
        """The same config, knowing where it comes from."""
        copy = self.model_copy()
        copy._path, copy._digests = path, digests
        return copy

    def notes(self) -> tuple[str, ...]:
        """What is accepted and weaker than it could be, a line each."""
        return tuple(
            f"models.{name}.labels.available_at: is not given: labels count as soon as they are seen, so "
            "windows that are evaluated later may count more of them than the daemon did"
            for name, model in self.models.items()
            if model.labels is not None and model.labels.available_at is None
        )
