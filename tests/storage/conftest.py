"""Real SQLite files, with the schema as the migrations make it."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from storage.engine import Store, open_store


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One migrated, closed database; closing the last connection folds the WAL into it."""
    path = tmp_path_factory.mktemp("template") / "leeway.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    return path


@pytest.fixture
def database(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "leeway.db"
    shutil.copy(template, path)
    return path


@pytest.fixture
def store(database: Path) -> Iterator[Store]:
    with open_store(f"sqlite:///{database}") as opened:
        yield opened


@pytest.fixture
def other(database: Path) -> Iterator[Store]:
    """The same database as a second process would open it."""
    with open_store(f"sqlite:///{database}") as opened:
        yield opened


@pytest.fixture(scope="session")
def template_store(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """One database for all examples of a property; each example clears what it uses."""
    path = tmp_path_factory.mktemp("examples") / "leeway.db"
    shutil.copy(template, path)
    with open_store(f"sqlite:///{path}") as opened:
        yield opened
