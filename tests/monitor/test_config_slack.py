"""Laws of who may answer in Slack, as the config says it."""

from pathlib import Path

import pytest

from monitor import build
from monitor.config_file import load
from monitor.config_problem import ConfigError
from monitor.config_slack import SlackUserConfig
from tests.acceptance.world import build_shop


def config_of(folder: Path, users: str) -> Path:
    return build_shop(folder / "shop", days=1, broken=range(0), channels=f"[slack_users]\n{users}").config


def test_a_name_alone_may_act_and_a_scope_may_be_given(tmp_path: Path) -> None:
    """Who is not there is nobody."""
    users = 'U0ANNA = "anna"\nW0BEN = { name = "ben b.", scope = "read" }\nU0C = { name = "c" }\n'
    config = load(config_of(tmp_path, users), members=build.check)
    assert config.slack_user("U0ANNA") == SlackUserConfig(name="anna", scope="act")
    assert config.slack_user("W0BEN") == SlackUserConfig(name="ben b.", scope="read")
    assert config.slack_user("U0C") == SlackUserConfig(name="c", scope="act")
    assert config.slack_user("anna") is None
    assert config.slack_user("") is None


@pytest.mark.parametrize(
    "users",
    [
        'anna = "U0ANNA"',
        '"@anna" = "anna"',
        'U0ANNA = ""',
        'U0ANNA = " anna"',
        'U0ANNA = "an\\u202ena"',
        "U0ANNA = 7",
        'U0ANNA = { name = "anna", scope = "admin" }',
        'U0ANNA = { name = "anna", role = "act" }',
        'U0ANNA = { scope = "act" }',
    ],
)
def test_what_is_no_person_is_refused_with_its_place(tmp_path: Path, users: str) -> None:
    """An id with a name that can be read in history, and one of two scopes."""
    with pytest.raises(ConfigError, match="slack_users"):
        load(config_of(tmp_path, users), members=build.check)
