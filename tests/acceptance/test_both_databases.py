"""A person who types the same commands on SQLite and on PostgreSQL reads the same bytes."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from monitor import build, logs
from monitor.cli import build_app, hoisted
from monitor.clock import SystemClock
from monitor.config_file import load
from storage import leadership
from storage.engine import open_store
from tests.acceptance.fast import learn, live
from tests.acceptance.world import Shop, build_shop
from tests.postgres import Server

DAYS = 6
CHANNEL = '[channels.file]\nkind = "log"\npath = "{}"\n\n[[routes]]\nchannels = ["file"]\n'


@dataclass(frozen=True, slots=True)
class Pair:
    """The same days, once on each database."""

    sqlite: Shop
    postgresql: Shop

    def both(self, *arguments: str) -> str:
        """What both of them print, which has to be the same."""
        first, second = (leeway(shop, *arguments) for shop in (self.sqlite, self.postgresql))
        assert first.exit_code == second.exit_code == 0, first.output + second.output
        here, there = (str(shop.folder) for shop in (self.sqlite, self.postgresql))
        assert second.stdout.replace(there, here) == first.stdout
        assert first.stdout
        return first.stdout


def leeway(shop: Shop, *arguments: str) -> Result:
    return CliRunner().invoke(build_app(), hoisted(["--config", str(shop.config), *arguments]))


@pytest.fixture(scope="module")
def pair(
    tmp_path_factory: pytest.TempPathFactory, postgres: Server, postgres_template: str
) -> Iterator[Pair]:
    logs.configure(quiet=True)
    name = postgres.database(postgres_template)
    shops = []
    for kind, url in (("sqlite", "sqlite:///leeway.db"), ("postgresql", postgres.url(name))):
        folder = tmp_path_factory.mktemp(kind) / "shop"
        shop = build_shop(
            folder, days=DAYS, broken=range(1, 3), channels=CHANNEL.format(folder / "alerts.jsonl"), url=url
        )
        learn(shop)
        live(shop, DAYS)
        shops.append(shop)
    yield Pair(*shops)
    postgres.drop(name)


@pytest.mark.parametrize("about", ["windows", "measurements", "verdicts", "incidents"])
@pytest.mark.parametrize("form", ["json", "csv"])
def test_history(pair: Pair, about: str, form: str) -> None:
    """Numbers of rows included: both count from 1 and leave nothing out."""
    told = pair.both("history", about, "--format", form)
    assert len(told.splitlines()) > 1


def test_status_says_who_leads(pair: Pair) -> None:
    """Where several daemons may, a person wants to know which one does, or that none is there."""
    assert "led by" not in leeway(pair.sqlite, "status").output
    assert "no daemon leads" in leeway(pair.postgresql, "status").output  # the last one has resigned
    config = load(pair.postgresql.config, members=build.check)
    with open_store(build.storage_url(config)) as store:
        clock = SystemClock()
        with store.write() as conn:
            term = leadership.take(conn, "host 7", clock.now(), timedelta(minutes=5))
        assert term is not None
        assert "led by host 7 since" in leeway(pair.postgresql, "status").output
        with store.write() as conn:
            leadership.resign(conn, term.fence, clock.now())


def test_filters(pair: Pair) -> None:
    """Model, column, metric, span and the last ones."""
    pair.both("history", "measurements", "--column", "amount", "--metric", "psi", "--last", "3", "--json")
    pair.both("history", "verdicts", "--since", f"{pair.sqlite.start:%Y-%m-%d}", "--model", "shop", "--json")


def test_incidents_and_their_arithmetic(pair: Pair) -> None:
    """Listed, shown with every event, explained, replayed by the rules in force."""
    (first, *_) = json.loads(pair.both("incidents", "list", "--all", "--severity", "page", "--json"))
    shown = json.loads(pair.both("incidents", "show", first["incident_id"], "--json"))
    assert shown["history"]
    verdict = shown["verdicts"][0]["verdict_id"]
    assert json.loads(pair.both("explain", str(verdict), "--json"))["agrees"]
    pair.both("backtest", "--model", "shop", "--since", "2026-01-01", "--json")
    pair.both("incidents", "mark", first["incident_id"], "--false-page", "--by", "ada", "--json")


def test_messages(pair: Pair) -> None:
    """The same facts were told, under the same keys."""
    told = [
        sorted(json.loads(line)["key"] for line in (shop.folder / "alerts.jsonl").read_text().splitlines())
        for shop in (pair.sqlite, pair.postgresql)
    ]
    assert told[0] == told[1] != []


def test_the_database_itself(pair: Pair) -> None:
    """Upgraded, sound, and named without what is secret; `run --once` beside nobody."""
    for shop in (pair.sqlite, pair.postgresql):
        assert "is at revision" in leeway(shop, "db", "upgrade").stdout
        assert "sound, at revision" in leeway(shop, "db", "check").stdout
    ran = leeway(pair.postgresql, "run", "--once", "--at", f"{pair.sqlite.start:%Y-%m-%d}")
    assert ran.exit_code == 0, ran.output


def test_a_file_against_the_reference(pair: Pair) -> None:
    """Nothing is written, the same is said."""
    data = pair.sqlite.folder / "data" / "orders-001.parquet"
    pair.both("check", "--model", "shop", "--data", str(data), "--json")


def test_a_server_that_is_not_there(tmp_path: Path) -> None:
    """Exit 69 and what to look at; nothing of the password."""
    shop = build_shop(tmp_path / "shop", days=1, url="postgresql://leeway@127.0.0.1:1/leeway")
    refused = leeway(shop, "status")
    assert refused.exception is not None
    assert "127.0.0.1:1/leeway" in str(refused.exception)
    assert "is the server running" in str(refused.exception)
