"""Does the tree keep the promises that no single file can keep?"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from alerting.courier import OutboxState
from monitor.logs import EVENTS

ROOT = Path(__file__).parent.parent
ROOMS = ("monitor", "storage", "alerting", "detectors")
SOURCES = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
COMPILERS = {"numba", "llvmlite", "polars", "pandas", "evidently"}


def _loaded_by(code: str) -> set[str]:
    return {name.partition(".")[0] for name in _modules_of(code)}


def _modules_of(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_module_says_what_it_is_for(path: Path) -> None:
    """Each module that holds anything begins with a docstring."""
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree)


@pytest.mark.parametrize("arguments", [["--help"], ["history", "--help"]])
def test_reading_never_loads_the_compiler(arguments: list[str]) -> None:
    """`leeway --help` and `leeway history --help` start without numba, polars, pandas or Evidently."""
    loaded = _loaded_by(
        f"from monitor.cli import main\ntry:\n    main({arguments!r})\nexcept SystemExit:\n    pass"
    )
    assert loaded & COMPILERS == set()
    assert "monitor" in loaded


def test_detectors_import_without_the_compiler() -> None:
    """The nouns of detectors are there for readers of history; the kernels load when something is counted."""
    assert _loaded_by("import detectors") & COMPILERS == set()


COUNT = """
import numpy as np
from detectors import CategoryColumn, NumericColumn, build_profile, count
random = np.random.default_rng(1)
columns = {f"x{n}": NumericColumn(values=random.normal(size=4_000)) for n in range(3)}
columns["y"] = NumericColumn(values=columns["x0"].values + columns["x1"].values)
columns["c"] = CategoryColumn(codes=random.integers(0, 3, 4_000).astype(np.int32), labels=("a", "b", "c"))
from detectors._relation_fit import fit_relations
profile = build_profile(columns, roles={}, include=("c",))
relations = fit_relations(profile, columns, 4_000, 500, None)
from detectors._slices import fit_slices
profile = profile.with_parts({"relations": relations, **fit_slices(profile, columns, 4_000, ["c"])})
count(profile, columns, 4_000)
from monitor.checking import check_file
import storage.tables
"""


def test_what_is_compiled_loads_no_more_than_it_needs() -> None:
    """numba's own library of functions, NumPy's test tools, another database's dialect: half of a start."""
    _modules_of(COUNT)  # compiles what was not
    found = _modules_of(COUNT)
    assert "numba" in found
    unwanted = {"numba.np.arrayobj", "numba.np.linalg", "numpy.f2py", "numpy.testing"}
    assert found & {*unwanted, "sqlalchemy.dialects.postgresql"} == set()


def test_masked_arrays_stay_out() -> None:
    """scipy.special takes them as it loads, and numba asks of each array whether it is one."""
    code = """
import numpy as np
from detectors._blake2b import blake2b_64
from monitor import checking
blake2b_64(np.frombuffer(b"a", dtype=np.uint8), np.ones(1, dtype=np.int64))
"""
    _modules_of(code)  # compiles what was not
    found = _modules_of(code)
    assert {"numba", "scipy.special"} <= found
    assert "numpy.ma" not in found


def test_what_scipy_was_spared_is_there_for_others() -> None:
    """NumPy loads it when it is asked for."""
    code = """
import detectors._special
from numpy import f2py, ma, testing
assert None not in (f2py, ma, testing)
"""
    assert {"numpy.f2py", "numpy.ma", "numpy.testing"} <= _modules_of(code)


def test_nothing_is_spared_where_another_thread_could_want_it() -> None:
    """A model's service that counts may have threads of its own, which would find nothing there."""
    code = """
import threading
end = threading.Event()
other = threading.Thread(target=end.wait)
other.start()
import detectors._special
end.set()
other.join()
"""
    assert {"numpy.f2py", "numpy.ma", "numpy.testing"} <= _modules_of(code)


def test_scipy_stats_stays_out() -> None:
    """The laws of chance come from scipy.special: scipy.stats costs seconds to import."""
    for path in SOURCES:
        assert not re.search(
            r"^\s*(from scipy import stats|(from|import) scipy\.stats)", path.read_text(), re.M
        ), path


def test_requirement_files_name_no_host() -> None:
    """A pinned file says what and which hash, never from where."""
    files = sorted((ROOT / "requirements").glob("*.txt"))
    assert len(files) == 4
    for file in files:
        text = file.read_text()
        assert "://" not in text
        assert "index-url" not in text
        assert "--hash=sha256:" in text


def test_requirement_files_agree() -> None:
    """What is installed over another set, as Spark's is, changes nothing of it."""
    pins: dict[str, set[str]] = {}
    for file in (ROOT / "requirements").glob("*.txt"):
        for name, version in re.findall(r"^([\w.-]+)(?:\[[\w,-]+\])?==(\S+)", file.read_text(), re.MULTILINE):
            pins.setdefault(name, set()).add(version)
    assert "pyspark" in pins
    assert {name: versions for name, versions in pins.items() if len(versions) > 1} == {}


def test_every_log_event_is_in_the_table() -> None:
    """A log call names an event of monitor.logs.EVENTS, and no event is listed that nobody writes."""
    text = "".join(path.read_text() for path in SOURCES if path.name != "logs.py")
    literal = set(re.findall(r'(?:debug|info|warning|error|exception)\(\s*"([a-z_]+\.[a-z_]+)["\s]', text))
    assert literal <= set(EVENTS)
    states = {f"notification.{state.value}" for state in OutboxState} - {"notification.sending"}
    assert states <= set(EVENTS)
    unwritten = {event for event in EVENTS if f'"{event}' not in text} - states
    assert unwritten == set()


def test_members_never_import_each_other() -> None:
    """In a plural folder each public module is one member and stands alone."""
    for folder in ("alerting/channels", "monitor/sources", "monitor/commands", "detectors"):
        members = {p.stem for p in (ROOT / folder).glob("*.py") if not p.stem.startswith("_")}
        dotted = folder.replace("/", ".")
        for member in members:
            for node in ast.walk(ast.parse((ROOT / folder / f"{member}.py").read_text())):
                if isinstance(node, ast.ImportFrom) and node.module:
                    target = node.module.removeprefix(f"{dotted}.")
                    assert target == node.module or target.startswith("_"), f"{folder}/{member} → {target}"


def test_readme_lists_every_member() -> None:
    """The catalogue in the README has a row for each detector, channel, source and command."""
    readme = (ROOT / "README.md").read_text()
    for folder in ("alerting/channels", "monitor/sources", "monitor/commands", "detectors"):
        for path in (ROOT / folder).glob("*.py"):
            if not path.stem.startswith("_"):
                assert f"`{path.stem}`" in readme, f"{folder}/{path.stem} has no row in README.md"
