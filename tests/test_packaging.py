"""Is what a stranger installs complete?"""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """Names of the files in a wheel built from this tree."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_file_of_the_four_packages_is_in_it(wheel: set[str]) -> None:
    """Code, migrations with their SQL, the demo's config, and the type markers."""
    for room in ("monitor", "detectors", "alerting", "storage"):
        for path in (ROOT / room).rglob("*"):
            if path.is_file() and "__pycache__" not in path.parts:
                assert str(path.relative_to(ROOT)) in wheel
        assert f"{room}/py.typed" in wheel


def test_nothing_else_is_in_it(wheel: set[str]) -> None:
    """No tests, benchmarks or data of this tree."""
    tops = {name.split("/")[0] for name in wheel}
    assert {top for top in tops if not top.endswith(".dist-info")} == {
        "monitor",
        "detectors",
        "alerting",
        "storage",
    }


def test_the_licence_travels_along(wheel: set[str]) -> None:
    """Apache-2.0 asks for it."""
    assert any(name.endswith("licenses/LICENSE") for name in wheel)
