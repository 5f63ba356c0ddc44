"""Which config would a scenario be, had it sources to read?"""

from datetime import datetime
from pathlib import Path

from monitor.config import Config, DaemonConfig, StorageConfig
from monitor.config_model import ModelConfig, ReferenceConfig
from monitor.config_routes import ChannelConfig
from monitor.config_types import MemberConfig, in_zone
from monitor.scenario.model import ChannelConfig as ScenarioChannel
from monitor.scenario.model import Scenario

# A member that is named and never used: no row is read.
_SOURCE = MemberConfig.model_validate(
    {"kind": "parquet", "path": "in-a-scenario-nothing-is-read.parquet", "timestamp": "ts"}
)
_TARGET = ChannelConfig.model_validate(
    {"kind": "http", "url": "https://in-a-scenario.example/nothing-is-asked"}
)


def config_of(scenario: Scenario, database: Path) -> Config:
    """The config of one model with the scenario's windows, policy and routes."""
    model = ModelConfig(
        task=scenario.task,
        source=_SOURCE,
        window=scenario.window,
        reference=ReferenceConfig(source=_SOURCE),
        policy=scenario.policy,
        retraining=scenario.retraining,
    )
    config = Config(
        storage=StorageConfig(url=f"sqlite:///{database}"),
        daemon=DaemonConfig(fallback=scenario.fallback),
        channels={
            name: _TARGET if name == scenario.retraining.target else _channel(said)
            for name, said in scenario.channels.items()
        },
        routes=scenario.routes,
        models={scenario.model: model},
    )
    return config.loaded(database, {scenario.model: "scenario"})


def _channel(said: ScenarioChannel) -> ChannelConfig:
    """Of a kind that is never used: messages go to the scenario's own ears."""
    return ChannelConfig(
        kind="log",
        posts_an_hour=said.posts_an_hour,
        digest_hour=said.digest_hour,
        zone=said.zone,
        quiet=said.quiet,
    )


def start_of(scenario: Scenario) -> datetime:
    """Aware UTC; a start without an offset is on the clocks of the windows' zone."""
    return in_zone(scenario.start, scenario.window.zone)
