"""What does the config amount to: which sources, channels and detectors, with which options and policies?

The only factory of members (monitor/members.py lists them).
"""

import pathlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, cast

from alerting.channel import Channel
from alerting.fold import FoldPolicy
from monitor.config import Config
from monitor.config_model import ModelConfig
from monitor.config_problem import ConfigError, Path, Problem
from monitor.config_types import MemberConfig
from monitor.measuring import Detector
from monitor.members import Family, check, convert_options, kinds, member, options, refusal
from monitor.policy import PULL_SD, Floors, JudgePolicy, Threshold
from monitor.retraining_policy import policy_of
from monitor.route_notes import route_notes
from monitor.runtime import Watched
from monitor.secret import storage_url
from monitor.source import Source
from monitor.targets import TARGETS, is_host_allowed

__all__ = [
    "Models",
    "build_channels",
    "build_detectors",
    "build_file_source",
    "build_label_source",
    "build_models",
    "build_reference_source",
    "build_source",
    "check",
    "notes",
    "storage_url",
]

_TIME_OPTIONS = ("timestamp", "timestamp_format", "timestamp_zone")
# Of a place that a file given by hand does not share; a test holds them against the sources.
STORE_OPTIONS = (
    "endpoint",
    "region",
    "access_key_id",
    "secret_access_key",
    "session_token",
    "anonymous",
    "allow_http",
    "allow_private",
    "allowed_hosts",
    "request_timeout",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Models:
    """Every model of the config, made ready, and what the person should know about it."""

    models: Mapping[str, Watched]
    notes: tuple[str, ...]


def build_source(config: MemberConfig, path: Path = ()) -> Source:
    """A member of monitor/sources."""
    return cast(Source, _build(Family.SOURCE, config.kind, config.options, path))


def build_reference_source(model: ModelConfig, path: Path = ()) -> Source:
    """Where the reference is read: its own source, or the production source.

    A source of its own takes the production source's time options unless it has some. A file without that
    time column is a reference without time. Opens the file to see; raises SourceError.
    """
    own = model.reference.source
    if own is None:
        return build_source(model.source, path)
    shared = {key: model.source.options[key] for key in _TIME_OPTIONS if key in model.source.options}
    if "timestamp" in own.options or "timestamp" not in shared:
        return cast(Source, _build(Family.SOURCE, own.kind, own.options, path))
    timeless = cast(Source, _build(Family.SOURCE, own.kind, own.options, path))
    if shared["timestamp"] not in timeless.schema():
        return timeless
    known = options(Family.SOURCE, own.kind)
    inherited = {key: value for key, value in shared.items() if key in known and key not in own.options}
    return cast(Source, _build(Family.SOURCE, own.kind, {**own.options, **inherited}, path))


def build_label_source(model: ModelConfig, path: Path = ()) -> Source | None:
    """Where labels are read by key; None: they are in the model's own rows, or there are none.

    Its time is when a label became available: only those that can be about a window are read.
    """
    labels = model.labels
    if labels is None or labels.source is None:
        return None
    options_ = dict(labels.source.options)
    if labels.available_at is not None:
        options_["timestamp"] = labels.available_at
    return cast(Source, _build(Family.SOURCE, labels.source.kind, options_, path))


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSource:
    """One file read as production would be. `timed`: it has the production source's time column."""

    source: Source
    timed: bool
    notices: tuple[str, ...]


def build_file_source(model: ModelConfig, file: pathlib.Path) -> FileSource:
    """Its kind by its suffix; time options and filter are production's, where the file has their columns.

    Opens the file to see; raises SourceError.
    """
    suffix = file.suffix.removeprefix(".")
    kind = suffix if suffix in kinds(Family.SOURCE) else model.source.kind
    schema = cast(Source, _build(Family.SOURCE, kind, {"path": str(file)}, ())).schema()
    known = options(Family.SOURCE, kind)
    given = {
        key: value for key, value in model.source.options.items() if key in known and key not in STORE_OPTIONS
    }
    timed = given.get("timestamp") in schema
    if not timed:
        given = {key: value for key, value in given.items() if key not in _TIME_OPTIONS}
    wanted: Mapping[str, Any] = given.get("filter", {})
    absent = [name for name in wanted if name not in schema]
    if wanted:
        given["filter"] = {name: value for name, value in wanted.items() if name in schema}
    return FileSource(
        source=cast(Source, _build(Family.SOURCE, kind, {**given, "path": str(file)}, ())),
        timed=timed,
        notices=tuple(f"source.filter: the file has no {name}, so every row counts" for name in absent),
    )


def build_channels(config: Config) -> dict[str, Channel]:
    """Every channel by its name; reads their secrets. ConfigError names all that fail."""
    built: dict[str, Channel] = {}
    problems: list[Problem] = []
    for name, table in config.channels.items():
        try:
            given = {**_shared(table.kind, config), **table.options}
            channel = _build(Family.CHANNEL, table.kind, given, ("channels", name))
            built[name] = cast(Channel, channel)
            problems += _hosts(config, name, channel)
        except ConfigError as error:
            problems += error.problems
    if problems:
        raise ConfigError(problems)
    return built


def _shared(kind: str, config: Config) -> dict[str, Any]:
    """What the daemon's section says for every channel that talks to a host."""
    hosts = list(config.daemon.allowed_hosts)
    known = kind in kinds(Family.CHANNEL) and "allowed_hosts" in options(Family.CHANNEL, kind)
    return {"allowed_hosts": hosts} if hosts and known else {}


def _hosts(config: Config, name: str, channel: object) -> list[Problem]:
    """The address may come from the environment: whoever sets it does not decide who is asked to train."""
    host = getattr(channel, "host", "") if config.channels[name].kind in TARGETS else ""
    if not host or is_host_allowed(config, host):
        return []
    hint = f'add "{host}" to retraining.hosts, if requests for retraining may go there'
    return [
        Problem(
            path=("channels", name, "url"), expectation=f"leads to {host}, which may not be asked", hint=hint
        )
    ]


def build_detectors(model: ModelConfig, path: Path = ()) -> list[Detector]:
    """Every detector of windows, with the options given; `enabled = false` leaves one out."""
    built = []
    for kind in kinds(Family.DETECTOR):
        table = model.detectors.get(kind, {})
        if table.get("enabled", True):
            given = {key: value for key, value in table.items() if key != "enabled"}
            made = _build(Family.DETECTOR, kind, given, (*path, "detectors", kind))
            if hasattr(made, "measure"):  # performance has no part in it: it is measured when labels come
                built.append(cast(Detector, made))
    return built


def build_models(config: Config) -> Models:
    """Those that are not paused. Raises ConfigError with the problems of all of them."""
    built: dict[str, Watched] = {}
    problems: list[Problem] = []
    for name, model in config.models.items():
        path: Path = ("models", name)
        if model.paused:
            continue
        try:
            built[name] = Watched(
                name=name,
                config=model,
                digest=config.digest(name),
                source=build_source(model.source, (*path, "source")),
                labels=build_label_source(model, (*path, "labels", "source")),
                detectors=build_detectors(model, path),
                spec=model.window.spec,
                judging=judge_policy(model),
                folding=fold_policy(model),
                retraining=policy_of(model.retraining),
            )
        except ConfigError as error:
            problems += error.problems
        else:
            problems += _keeps_too_little(name, built[name])
    if problems:
        raise ConfigError(problems)
    return Models(models=built, notes=notes(config))


def _keeps_too_little(name: str, watched: Watched) -> Iterator[Problem]:
    """A source that lets go of rows by itself must not do so while a window may be counted again."""
    model = watched.config
    least = model.window.catch_up + model.window.lateness + model.window.spec.nominal
    least += model.labels.max_delay if model.labels else timedelta(0)
    least = max(least, model.reference.trailing or timedelta(0))
    sources = {("source",): watched.source, ("labels", "source"): watched.labels}
    for path, source in sources.items():
        keep = getattr(source, "keep", None)
        if isinstance(keep, timedelta) and keep < least:
            yield Problem(
                path=("models", name, *path, "keep"),
                expectation=f"must be at least {-(-least // timedelta(days=1))}d: windows are read again for "
                "so long (window.catch_up, window.lateness, labels.max_delay, reference.trailing)",
            )


def notes(config: Config) -> tuple[str, ...]:
    """What the person should know about it; no secret is read for that."""
    return (*config.notes(), *route_notes(config))


def judge_policy(model: ModelConfig) -> JudgePolicy:
    policy = model.policy
    return JudgePolicy(
        sensitivity=policy.sensitivity,
        min_rows=model.window.min_rows,
        floors=tuple(Floors(**rule.model_dump()) for rule in policy.floors),
        thresholds=tuple(Threshold(**rule.model_dump()) for rule in policy.thresholds),
        important=policy.important,
        pull_sd=PULL_SD if model.task == "regression" else None,
    )


def fold_policy(model: ModelConfig) -> FoldPolicy:
    policy = model.policy
    return FoldPolicy(
        fire_after=policy.fire_after,
        fire_within=policy.fire_within,
        resolve_after=policy.resolve_after,
        health_for=policy.health_for,
        reopen_within=policy.reopen_within,
    )


def _build(family: Family, kind: str, given: Mapping[str, Any], path: Path) -> object:
    converted, problems = convert_options(family, kind, given, path, secrets=True)
    if problems:
        raise ConfigError(problems)
    try:
        return member(family, kind)(**converted)
    except ValueError as error:
        raise ConfigError([refusal(error, kind, path)]) from error
