"""Does a test go red when a guard is disabled? (T68)

For each row of tests/prove/mutations.py a copy of the tree gets that one change, and the tests that promise
to notice run in it. First all of them run without any change: a test that is red anyway notices nothing. A
change that cannot even be imported is no mutant, and says so.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

from tests.prove.mutations import MUTATIONS, Mutation
from tests.prove.table import markdown

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_S = 600.0
HANGS_S = 100  # a test that waits for what a disabled guard prevents
COPIED = ("alerting", "detectors", "monitor", "storage", "tests", "docs", "requirements")
_FAILED, _RED = ("FAILED ", "ERROR "), 1  # pytest's words, and its exit code when tests failed


class Unfit(RuntimeError):
    """The tests are red before anything was disabled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What noticed. `by`: the first test that went red, "" if none."""

    name: str
    file: str
    by: str
    seconds: float
    problem: str = ""  # why this run proves nothing

    @property
    def killed(self) -> bool:
        return bool(self.by) and not self.problem


def check(jobs: int, chosen: str, say: Callable[[str], None]) -> list[Result]:
    """All mutants whose name holds `chosen`. ValueError where a change does not apply."""
    wanted = [mutation for mutation in MUTATIONS if chosen in mutation.name]
    for mutation in wanted:
        applied(mutation, (ROOT / mutation.file).read_text())
    copies: SimpleQueue[Path] = SimpleQueue()
    with tempfile.TemporaryDirectory(prefix="leeway-mutants-") as folder:
        for n in range(jobs):
            copies.put(_copy(Path(folder) / f"tree-{n}"))
        say(f"running the tests of {len(wanted)} mutants without any change …")
        problem = _baseline(copies, wanted)
        if problem:
            raise Unfit(f"the tests are red without any change:\n{problem}")
        with ThreadPoolExecutor(jobs) as pool:
            return list(pool.map(lambda mutation: _try(copies, mutation, say), wanted))


def applied(mutation: Mutation, text: str) -> str:
    """The file's text with the guard disabled; ValueError unless it is there exactly once."""
    found = text.count(mutation.old)
    if found != 1:
        raise ValueError(
            f"mutation {mutation.name}: its text is {found} times in {mutation.file}; "
            "the guard has moved, move tests/prove/mutations.py with it"
        )
    return text.replace(mutation.old, mutation.new)


def lines(results: Iterable[Result]) -> list[str]:
    """mutant → killed by, or SURVIVED."""
    rows = [
        (each.name, each.file, each.problem or each.by or "SURVIVED", f"{each.seconds:.0f}")
        for each in results
    ]
    return markdown(("guard disabled", "in", "noticed by", "seconds"), rows, left=3)


def _copy(tree: Path) -> Path:
    tree.mkdir()
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    for name in COPIED:
        shutil.copytree(ROOT / name, tree / name, ignore=ignored)
    for path in (*ROOT.glob("*.toml"), *ROOT.glob("*.md")):
        shutil.copy2(path, tree / path.name)
    return tree


def _baseline(copies: "SimpleQueue[Path]", wanted: Sequence[Mutation]) -> str:
    """What pytest says when it is not all green."""
    tree = copies.get()
    try:
        for on in sorted({mutation.on for mutation in wanted}):
            tests = {test for mutation in wanted if mutation.on == on for test in mutation.tests}
            files = {test for test in tests if "::" not in test}
            single = {test for test in tests - files if test.partition("::")[0] not in files}
            status, said = _pytest(tree, sorted(files | single), on)
            if status != 0:
                return said[-3000:]
    finally:
        copies.put(tree)
    return ""


def _try(copies: "SimpleQueue[Path]", mutation: Mutation, say: Callable[[str], None]) -> Result:
    tree = copies.get()
    began = time.monotonic()
    path = tree / mutation.file
    before = path.read_text()
    try:
        path.write_text(applied(mutation, before))
        status, said = _pytest(tree, mutation.tests, mutation.on)
    finally:
        path.write_text(before)
        copies.put(tree)
    red = [line for line in said.splitlines() if line.startswith(_FAILED)]
    by = red[0].split(" - ")[0].partition(" ")[2] if red else ""
    problem = ""
    if status == 124:
        by = by or f"{mutation.tests[0]} (it hangs)"
    elif status not in (0, _RED):
        problem = f"does not run: pytest ended with {status}"
    result = Result(
        name=mutation.name, file=mutation.file, by=by, seconds=time.monotonic() - began, problem=problem
    )
    say(f"{mutation.name}: {problem or by or 'SURVIVED'}")
    return result


def _pytest(tree: Path, tests: Sequence[str], on: str) -> tuple[int, str]:
    options = ["-x", "-q", "--tb=no", "-rfE", "-p", "no:cacheprovider", f"--timeout={HANGS_S}", "-k", on]
    command = [sys.executable, "-m", "pytest", *options, *tests]
    environment = {
        **os.environ,
        "PYTHONPATH": str(tree),  # before the installed tree, for processes that the tests start too
        "PYTHONDONTWRITEBYTECODE": "1",  # a mutant as long as the original, within a second, is another file
        "CI": "1",  # the same examples each time
    }
    try:
        done = subprocess.run(
            command, cwd=tree, env=environment, capture_output=True, text=True, timeout=PATIENCE_S
        )
    except subprocess.TimeoutExpired as error:
        return 124, str(error.stdout or "")
    return done.returncode, done.stdout + done.stderr
