"""How do the scenarios of some files come out?"""

import io
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from monitor import logs
from monitor.config_problem import ConfigError, Problem
from monitor.scenario.comparing import Difference, compact, differences
from monitor.scenario.file import load
from monitor.scenario.found import Found
from monitor.scenario.model import Scenario
from monitor.scenario.playing import play, times_of
from monitor.scenario.stage import Impossible
from monitor.scenario.timeline import timeline
from storage.engine import open_store


class ScenarioErrors(ConfigError):
    """Several files are wrong; all that is wrong with each."""

    def __init__(self, errors: Sequence[ConfigError]) -> None:
        super().__init__([problem for error in errors for problem in error.problems])
        self.args = ("\n".join(map(str, errors)),)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ran:
    """One scenario that was played. `found` None: it could not be played to its end."""

    file: str
    scenario: Scenario
    found: Found | None
    differences: Sequence[Difference]
    seconds: float

    @property
    def passed(self) -> bool:
        return not self.differences

    @property
    def summary(self) -> str:
        windows = _many(self.scenario.windows, "window")
        if self.found is None:
            return windows
        told = sum(each.is_news for each in self.found.messages)
        incidents = _many(len(self.found.incidents), "incident")
        return f"{windows}, {incidents}, {_many(told, 'message')}, {self.seconds:.1f} s"

    def report(self) -> Iterator[str]:
        """Each difference, then the whole of it drawn."""
        what = ""
        for each in self.differences:
            if each.what != what:
                yield each.what
                what = each.what
            yield from _sided("- expected", each.expected or "nothing")
            yield from _sided("+ found   ", each.found or "nothing")
        yield ""
        yield from self.drawing()

    def drawing(self) -> Iterator[str]:
        if self.found is not None:
            yield from timeline(self.scenario, self.found)

    def messages(self) -> Iterator[str]:
        """As people see them, edits of a root too."""
        for each in self.found.messages if self.found is not None else ():
            yield ""
            yield f"{each.at} · {each.channel} · {each.action}, {each.reason}"
            yield from each.lines

    def to_json(self) -> dict[str, Any]:
        found = self.found
        return {
            "file": self.file,
            "name": self.scenario.name,
            "passed": self.passed,
            "seconds": round(self.seconds, 3),
            "differences": [
                {"what": each.what, "expected": each.expected or None, "found": each.found or None}
                for each in self.differences
            ],
            "windows": None if found is None else compact(found.windows),
            "conditions": {} if found is None else {str(p): compact(w) for p, w in found.conditions.items()},
            "health": {} if found is None else {str(p): compact(w) for p, w in found.health.items()},
            "verdicts": {} if found is None else {str(p): compact(w) for p, w in found.verdicts.items()},
            "incidents": [
                {
                    "column": str(each.place),
                    "health": each.health,
                    "opened": str(each.opened),
                    "resolved": None if each.resolved is None else str(each.resolved),
                    "reason": each.incident.resolved_reason,
                    "severity": each.incident.severity,
                    "kind": each.incident.kind,
                    "relapses": each.incident.relapses,
                    "reopens": each.incident.reopens,
                    "acknowledged_by": each.incident.acknowledged_by or None,
                    "title": each.incident.title,
                }
                for each in (() if found is None else found.incidents)
            ],
            "messages": [
                {
                    "channel": each.channel,
                    "at": str(each.at),
                    "reason": each.reason,
                    "action": each.action,
                    "text": each.text,
                }
                for each in (() if found is None else found.messages)
            ],
        }


def load_all(files: Sequence[Path]) -> list[tuple[str, Scenario]]:
    """Files, or folders of them. ConfigError with everything that is wrong with any."""
    loaded: list[tuple[str, Scenario]] = []
    errors: list[ConfigError] = []
    for file in [each for given in files for each in _files(given)]:
        try:
            loaded.append((str(file), load(file)))
        except ConfigError as error:
            errors.append(error)
    if errors:
        raise errors[0] if len(errors) == 1 else ScenarioErrors(errors)
    return loaded


def _files(given: Path) -> list[Path]:
    if not given.is_dir():
        return [given]
    found = sorted(given.glob("*.toml"))
    if not found:
        problem = Problem(
            path=(), expectation="holds no scenario (*.toml)", hint="name a file or another folder"
        )
        raise ConfigError([problem], file=str(given))
    return found


def run_all(scenarios: Sequence[tuple[str, Scenario]]) -> Iterator[Ran]:
    """One after the other, each on a database of its own."""
    with tempfile.TemporaryDirectory(prefix="leeway-test-") as folder, _silence():
        template = Path(folder) / "template.db"
        with open_store(f"sqlite:///{template}") as store:
            store.upgrade()
        for number, (file, scenario) in enumerate(scenarios):
            database = Path(folder) / f"{number}.db"
            shutil.copy(template, database)
            try:
                ran = run(scenario, database, file=file)
            except Exception as error:
                error.add_note(f"while {file} was played")
                raise
            yield ran
            for path in Path(folder).glob(f"{number}.db*"):
                path.unlink()


def run(scenario: Scenario, database: Path, *, file: str = "") -> Ran:
    """Play one on a database with the schema and nothing in it, and compare."""
    began = time.monotonic()
    try:
        found = play(scenario, database)
    except Impossible as error:
        difference = Difference(what="actions", expected="to be possible", found=str(error))
        seconds = time.monotonic() - began
        return Ran(file=file, scenario=scenario, found=None, differences=[difference], seconds=seconds)
    return Ran(
        file=file,
        scenario=scenario,
        found=found,
        differences=differences(scenario, found, times_of(scenario).at),
        seconds=time.monotonic() - began,
    )


@contextmanager
def _silence() -> Iterator[None]:
    """A daemon that lives through faults says so; here the report says what came of them."""
    with redirect_stderr(io.StringIO()):
        logs.configure(quiet=True)
    yield


def _sided(side: str, text: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield f"  {side}  {first}"
    yield from (f"  {' ' * len(side)}  {line}" for line in rest)


def _many(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'s' if count != 1 else ''}"
