"""A migrated, empty database for scenarios."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from monitor import logs
from monitor.scenario.file import parse
from monitor.scenario.running import Ran, run
from storage.engine import open_store


@pytest.fixture(scope="session")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("scenario") / "template.db"
    with open_store(f"sqlite:///{path}") as store:
        store.upgrade()
    return path


@pytest.fixture
def ran(schema: Path, tmp_path: Path) -> Callable[[str], Ran]:
    """Play a scenario's text."""

    def played(text: str) -> Ran:
        logs.configure(quiet=True)
        database = tmp_path / f"{len(list(tmp_path.iterdir()))}.db"
        shutil.copy(schema, database)
        return run(parse(text, file="test"), database)

    return played
