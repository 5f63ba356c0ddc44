"""Laws of `leeway backtest` on the command line."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor import logs
from monitor.cli import build_app
from monitor.exits import CommandError
from tests.acceptance.fast import learn, live
from tests.acceptance.world import Shop, build_shop


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Six days lived through, the last two broken."""
    logs.configure(quiet=True)
    made = build_shop(tmp_path_factory.mktemp("past") / "shop", days=6, broken=range(4, 6))
    learn(made)
    live(made, 6)
    return made


def leeway(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), ["--config", str(config), "backtest", *arguments])


def test_the_same_rules(shop: Shop) -> None:
    """As records: equal on both sides, and it says so."""
    ran = CliRunner().invoke(
        build_app(), ["--config", str(shop.config), "--json", "backtest", "--model", "shop"]
    )
    assert ran.exit_code == 0, ran.output
    found = json.loads(ran.stdout)
    assert found["same"] is True
    assert found["before"] == found["after"]
    assert found["before"]["pages"] >= 1
    assert all(each["before"] == each["after"] for each in found["incidents"])


def test_other_rules(shop: Shop) -> None:
    """A copy of the config beside it names the same database; nothing in that changes."""
    database = shop.folder / "leeway.db"
    before = database.read_bytes()
    other = shop.folder / "strict.toml"
    other.write_text(shop.config.read_text() + "[[models.shop.policy.floors]]\nsd = 9.0\nshare = 1.0\n")
    ran = leeway(other, "--model", "shop")
    assert ran.exit_code == 0, ran.output
    assert "as judged\tstrict.toml" in ran.stdout
    lines = [line.split("\t") for line in ran.stdout.splitlines()]
    assert any(len(line) == 5 and line[2] == "page" and line[3] == "—" for line in lines)
    assert "say something else" in ran.stderr
    assert database.read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--model", "shp"), "no model 'shp' in the config; there is shop"),
        (("--model", "shop", "--until", "2020-01-01"), "leeway history windows --model shop"),
        (("--model", "shop", "--since", "soon"), "must be a date"),
    ],
)
def test_what_cannot_be_replayed(shop: Shop, arguments: tuple[str, ...], words: str) -> None:
    """What was wrong, and what there is."""
    ran = leeway(shop.config, *arguments)
    assert isinstance(ran.exception, CommandError)
    assert words in str(ran.exception)


def test_windows_of_another_length(shop: Shop) -> None:
    """It says which key to put back."""
    other = shop.folder / "weekly.toml"
    other.write_text(shop.config.read_text().replace('every = "1d"', 'every = "1w"'))
    ran = leeway(other, "--model", "shop")
    assert "models.shop.window" in str(ran.exception)


def test_an_age_is_counted_from_now(shop: Shop) -> None:
    """Windows of the future of the past are none."""
    days = (datetime.now(UTC) - shop.start) // timedelta(days=1) - 3
    ran = CliRunner().invoke(
        build_app(), ["--config", str(shop.config), "--json", "backtest", "-m", "shop", "--since", f"{days}d"]
    )
    assert json.loads(ran.stdout)["windows"] == 2
