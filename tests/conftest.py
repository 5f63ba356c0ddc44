"""What every test may use, and what none may leave behind."""

import logging
import os
from collections.abc import Callable
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

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
    structlog.reset_defaults()
