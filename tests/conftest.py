"""What every test may use, and what none may leave behind."""

import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from monitor import logs
from storage.engine import open_store
from tests.object_store import ObjectStore
from tests.postgres import Server

# A slow machine is no counterexample. In CI the same examples each time; at a desk new ones, which is where a
# new counterexample belongs.
settings.register_profile("desk", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", settings.get_profile("desk"), derandomize=True)
settings.load_profile("ci" if os.environ.get("CI") else "desk")

GOLDEN = Path(__file__).parent / "golden"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-goldens",
        action="store_true",
        help="write what the tests produce into tests/golden; then read the diff as text",
    )


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """`golden("drawing/post.txt", text)`: the text must be the file's, or become it with --update-goldens."""

    def check(name: str, text: str) -> None:
        path = GOLDEN / name
        if request.config.getoption("--update-goldens"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.exists(), f"{path} is missing: run pytest with --update-goldens and read what it wrote"
        assert text == path.read_text(encoding="utf-8")

    return check


@pytest.fixture(autouse=True)
def logging_as_in_a_new_process() -> None:
    """`monitor.logs.configure` is for a process: what an earlier test set must not reach this one."""
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger("alerting").setLevel(logging.NOTSET)
    logs._WAITING.clear()
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """One real server a session (a worker of pytest-xdist is one)."""
    with Server.fresh() as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> str:
    """The name of a migrated database that nobody is connected to."""
    name = postgres.database()
    with open_store(postgres.url(name)) as store:
        store.upgrade()
    return name


@pytest.fixture
def postgres_url(postgres: Server, postgres_template: str) -> Iterator[str]:
    """A new database on it, at this program's revision."""
    name = postgres.borrow(postgres_template)
    yield postgres.url(name)
    postgres.give_back(name, postgres_template)


@pytest.fixture
def empty_postgres_url(postgres: Server) -> Iterator[str]:
    """A new database on it with nothing in it."""
    name = postgres.database()
    yield postgres.url(name)
    postgres.drop(name)


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    """One real S3 server a session."""
    with ObjectStore.fresh() as store:
        yield store
