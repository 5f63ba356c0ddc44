"""Who takes how much for the same rows? Every tool on the same files, each a whole process of its own.

A tool is measured at each number of rows in turn, as long as the next one would stay within the limits of CPU
and memory: what is not measured is said, and never calculated from what was.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from json import loads
from pathlib import Path

from benchmarks.full import product
from benchmarks.full.dataset import Shape, written
from benchmarks.full.environments import Absent, Environment
from benchmarks.full.processes import LateError, Took, medians, whole

TOOLS = Path(__file__).with_name("tools")
LEEWAY = "leeway"
FLOOR = "polars"
OTHERS = ("scipy", "evidently", "nannyml", "alibi_detect", "whylogs", "duckdb")
STORED = ("nannyml", "whylogs", "duckdb")  # keep what they need of the reference, as Leeway does
_MEMORY_SHARE = 0.7  # of what is free: others use this machine too


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """`cpu_s`: a process that would take longer is not begun. `runs`: medians of so many, as long as all of
    them take no longer than `enough_s` together."""

    cpu_s: float = 900.0
    runs: int = 5
    enough_s: float = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """One tool at one number of rows. `took`: None where it was not measured, and `why` says why not."""

    tool: str
    rows: int
    columns: int
    took: Took | None
    why: str = ""
    facts: Mapping[str, object] = field(default_factory=dict)  # what the tool says of itself


Environments = Callable[[str], Environment | Absent]


def contest(
    folder: Path,
    data: Path,
    shapes: Sequence[Shape],
    tools: Sequence[str],
    where: Environments,
    limits: Limits,
) -> Iterator[Result]:
    """`shapes`: of the windows, few rows first. `folder`: what tools keep of a reference."""
    for tool in tools:
        yield from _one(tool, folder, data, shapes, where, limits)


def _one(
    tool: str, folder: Path, data: Path, shapes: Sequence[Shape], where: Environments, limits: Limits
) -> Iterator[Result]:
    found = Absent(reason="") if tool == LEEWAY else where(tool)
    if isinstance(found, Absent) and tool != LEEWAY:
        for shape in shapes:
            yield _without(tool, shape, found.reason)
        return
    measured: list[Result] = []
    for shape in shapes:
        if measured and (why := too_much(measured, shape.rows, limits)):
            measured.append(_without(tool, shape, why))
            yield measured[-1]
            continue
        try:
            if tool == LEEWAY:
                config, window = product.side(folder / LEEWAY, data, shape)
                command = product.check(config, window)
            else:
                assert isinstance(found, Environment)
                command = _prepared(tool, found, folder, data, shape, limits)
            if not measured:
                whole(command, limit_s=4 * limits.cpu_s)  # bytecode and kernels are cached from here on
            took = repeated(command, limits)
            facts = facts_of(tool, took.said, shape)
        except RuntimeError as error:
            if tool == LEEWAY and not isinstance(error, LateError):
                raise  # that is no result of a bench
            measured.append(_without(tool, shape, _cause(str(error))))
        else:
            columns = shape.numbers + shape.texts
            measured.append(Result(tool=tool, rows=shape.rows, columns=columns, took=took, facts=facts))
        yield measured[-1]


def repeated(command: Sequence[str], limits: Limits, cores: int = 2) -> Took:
    """The medians of several runs."""
    took: list[Took] = []
    while not took or (
        len(took) < limits.runs and sum(one.cpu_s for one in took) + took[-1].cpu_s <= limits.enough_s
    ):
        took.append(whole(command, cores=cores, limit_s=4 * limits.cpu_s))
    return medians(took)


def _prepared(
    tool: str, found: Environment, folder: Path, data: Path, shape: Shape, limits: Limits
) -> list[str]:
    """The command that is measured, its reference stored where the tool can do that."""
    reference, window = written(data, shape.as_reference()), written(data, shape)
    state = folder / f"{tool}-{shape.rows}x{shape.numbers}+{shape.texts}.state"
    folder.mkdir(parents=True, exist_ok=True)
    script = [*interpreter(found), str(TOOLS / f"{tool}.py")]
    files = [str(reference), str(window), str(state)]
    if tool in STORED and not state.exists():
        whole([*script, "prepare", *files], limit_s=4 * limits.cpu_s)
    return [*script, "measure", *files]


def interpreter(found: Environment) -> list[str]:
    """-I: neither the script's folder, whose files are named like the libraries, nor PYTHONPATH. Warnings of
    libraries about each other are not what is asked."""
    return [str(found.python), "-I", "-W", "ignore"]


def too_much(measured: Sequence[Result], rows: int, limits: Limits) -> str:
    """Why so many rows are not begun; empty where they may be. A straight line through the last two sizes, or
    from nothing through the only one, says no more than that: it is nobody's result."""
    last = measured[-1]
    if last.took is None:
        return last.why
    before = measured[-2] if len(measured) > 1 else None
    less = before.took if before is not None else None

    def at(now: float, then: float | None) -> float:
        if before is None or then is None:
            return now * rows / last.rows
        return now + max(0.0, now - then) * (rows - last.rows) / (last.rows - before.rows)

    cpu_s = at(last.took.cpu_s, less.cpu_s if less else None)
    peak_mib = at(last.took.peak_mib, less.peak_mib if less else None)
    found = f"{last.rows:,} rows took {last.took.cpu_s:.0f} s of CPU and {last.took.peak_mib:,.0f} MiB"
    if cpu_s > limits.cpu_s:
        return f"not begun: {found}, and {rows:,} might pass the limit of {limits.cpu_s:g} s"
    if peak_mib > (free := _MEMORY_SHARE * free_mib()):
        return f"not begun: {found}, and {rows:,} might need more than {free:,.0f} MiB"
    return ""


def free_mib() -> float:
    """What Linux says is available."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable")) / 1024


def _without(tool: str, shape: Shape, why: str) -> Result:
    return Result(tool=tool, rows=shape.rows, columns=shape.numbers + shape.texts, took=None, why=why)


def facts_of(tool: str, said: str, shape: Shape) -> Mapping[str, object]:
    """What it says of itself. One that did not see all rows, or left a column out, was not measured on them:
    doing nothing is quick."""
    try:
        facts = product.facts(said) if tool == LEEWAY else loads(said.splitlines()[-1])
    except (ValueError, LookupError) as error:
        raise RuntimeError(f"{tool} must end with a line of JSON, not {said[-200:]!r}") from error
    seen, there = (facts["rows"], facts["results"]), (shape.rows, shape.numbers + shape.texts)
    if seen != there:
        raise RuntimeError(f"{tool} gave {seen[1]} results of {seen[0]} rows, not {there[1]} of {there[0]}")
    return facts


def _cause(said: str) -> str:
    """The last line: of a traceback it is the error."""
    return said.strip().splitlines()[-1][:300]
