"""What did the user ask for?

Values only: monitor/config_file.py reads the file, monitor/build.py makes members of it.
"""

import os
import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from alerting.group import LINK_PARTS
from monitor.config_model import ModelConfig
from monitor.config_routes import ChannelConfig, RouteConfig
from monitor.config_slack import Name, SlackUserConfig, SlackUserId, person
from monitor.config_types import Names, PositiveDuration, Room


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


class RetrainingSwitchConfig(Room):
    """What holds for retraining of every model: the kill switch, and who may be asked at all."""

    enabled: bool = True  # false: nothing is asked for, and what waits to be sent is not sent
    stop_file: str | None = None  # while this file is there, the same
    targets: Names | None = None  # the channels that may be asked; None: any that takes requests
    hosts: Names | None = None  # globs of the hosts that may be asked; None: any


class WebConfig(Room):
    """The HTTP listener: off without this table. Loopback, unless it is told otherwise. Has a token."""

    host: str = Field(default="127.0.0.1", min_length=1)
    port: int = Field(default=8321, ge=0, le=65535)  # 0: any free one, which the log names
    public_url: str | None = None  # how others reach it: told to trainers for their reports
    retrain_token_env: str | None = None  # what a trainer must say to report on a request
    retrain_token_file: str | None = None
    old_retrain_token_env: str | None = None  # still taken while the token is changed
    old_retrain_token_file: str | None = None
    ingest_token_env: str | None = None  # what a model must say to send rows
    ingest_token_file: str | None = None
    old_ingest_token_env: str | None = None
    old_ingest_token_file: str | None = None

    @model_validator(mode="after")
    def _usable(self) -> Self:
        for name in ("retrain_token", "old_retrain_token", "ingest_token", "old_ingest_token"):
            if getattr(self, f"{name}_env") is not None and getattr(self, f"{name}_file") is not None:
                raise ValueError(f"must have one of `{name}_env` and `{name}_file`")
        for name in ("retrain", "ingest"):
            if self._has(f"old_{name}_token") and not self._has(f"{name}_token"):
                raise ValueError(f"{name}_token_env: is needed beside old_{name}_token")
        if not self._has("retrain_token") and not self._has("ingest_token"):
            raise ValueError(
                "retrain_token_env: is needed for reports, or ingest_token_env for rows (or _file for _env)"
            )
        url = self.public_url
        if url is not None and not url.startswith(("https://", "http://")):
            raise ValueError(
                'public_url: must begin with https:// or http://, such as "https://leeway.example.com"'
            )
        return self

    def _has(self, name: str) -> bool:
        return getattr(self, f"{name}_env") is not None or getattr(self, f"{name}_file") is not None

    @property
    def takes_rows(self) -> bool:
        return self._has("ingest_token")

    @property
    def call_back(self) -> str:
        """Where a target may report; the request's id goes behind it. "" without `public_url`."""
        return f"{self.public_url.rstrip('/')}/api/v1/retraining" if self.public_url else ""


class LinksConfig(Room):
    """Addresses that messages link to; {model} and other LINK_PARTS in them are filled in."""

    page: str | None = None  # where the incident or the column can be looked at
    report: str | None = None  # where its deep dive lies

    @field_validator("page", "report")
    @classmethod
    def _usable(cls, value: str | None) -> str | None:
        if value is None:
            return None
        if not value.startswith(("https://", "http://")):
            raise ValueError("must begin with https://")
        unknown = sorted({*re.findall(r"{([^{}]*)}", value)} - {*LINK_PARTS})
        if unknown:
            known = ", ".join(f"{{{part}}}" for part in LINK_PARTS)
            raise ValueError(f"cannot fill {{{unknown[0]}}} in; there is {known}")
        return value


class Config(Room):
    """The whole file, defaults merged in. `path` is the file; None when made in memory."""

    storage: StorageConfig = StorageConfig()
    daemon: DaemonConfig = DaemonConfig()
    channels: dict[str, ChannelConfig] = Field(default_factory=dict)
    links: LinksConfig = LinksConfig()
    routes: tuple[RouteConfig, ...] = Field(default=(), strict=False)
    retraining: RetrainingSwitchConfig = RetrainingSwitchConfig()
    web: WebConfig | None = None  # None: nothing listens
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
        labels = tuple(
            f"models.{name}.labels.available_at: is not given: labels count as soon as they are seen, so "
            "windows that are evaluated later may count more of them than the daemon did"
            for name, model in self.models.items()
            if model.labels is not None and model.labels.available_at is None
        )
        deaf = tuple(
            f"models.{name}.source: takes rows over HTTP, and no daemon of this config does: set "
            "web.ingest_token_env"
            for name, model in self.models.items()
            if model.source.kind == "ingest" and (self.web is None or not self.web.takes_rows)
        )
        coarse = tuple(
            f"models.{name}.source.count: the database does not count how columns go together: that is not "
            "judged" + (_READ if _is_read(model) else "")
            for name, model in self.models.items()
            if model.source.options.get("count") == "database"
        )
        return (*labels, *deaf, *coarse)


_READ = (
    "; the columns of the score are read, row by row, as its confidence and a second score are computed here"
)


def _is_read(model: ModelConfig) -> bool:
    """Whether something is computed from the score of each row."""
    return model.columns.score is not None and (
        model.task != "regression" or model.columns.shadow is not None
    )
