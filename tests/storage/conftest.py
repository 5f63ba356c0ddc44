"""Real databases with the schema that the migrations make: each law is asked of SQLite and of PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engine import Store, open_store
from tests.postgres import Server


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated, closed SQLite file; closing the last connection folds the WAL into it."""
    path = tmp_path_factory.mktemp("template") / "leeway.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    """A SQLite file, for what is asked of files alone."""
    path = tmp_path / "leeway.db"
    shutil.copy(template, path)
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    """Which database this run of the test asks."""
    asked: str = request.param
    return asked


@pytest.fixture
def url(request: pytest.FixtureRequest, kind: str) -> str:
    """A new database at this program's revision."""
    if kind == "sqlite":
        return f"sqlite:///{request.getfixturevalue('database')}"
    made: str = request.getfixturevalue("postgres_url")
    return made


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, kind: str, tmp_path: Path) -> str:
    """A new database with nothing in it."""
    if kind == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    made: str = request.getfixturevalue("empty_postgres_url")
    return made


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def other(url: str) -> Iterator[Store]:
    """The same database as a second process would open it."""
    with open_store(url) as opened:
        yield opened


@pytest.fixture
def file_store(database: Path) -> Iterator[Store]:
    """For what is asked of SQLite alone."""
    with open_store(f"sqlite:///{database}") as opened:
        yield opened


@pytest.fixture
def server_store(postgres_url: str) -> Iterator[Store]:
    """For what is asked of PostgreSQL alone."""
    with open_store(postgres_url) as opened:
        yield opened


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def template_store(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Store]:
    """One database for all examples of a property; each example clears what it uses."""
    if request.param == "sqlite":
        path = tmp_path_factory.mktemp("examples") / "leeway.db"
        shutil.copy(template, path)
        with open_store(f"sqlite:///{path}") as opened:
            yield opened
        return
    server: Server = request.getfixturevalue("postgres")
    name = server.database(request.getfixturevalue("postgres_template"))
    try:
        with open_store(server.url(name)) as opened:
            yield opened
    finally:
        server.drop(name)
