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
Run = tuple[Sequence[str], int]  # a command, and the cores it may use


def contest(
    folder: Path,
    data: Path,
    shapes: Sequence[Shape],
    tools: Sequence[str],
    where: Environments,
    limits: Limits,
) -> Iterator[Result]:
    """`shapes`: of the windows, few rows first. `folder`: what tools keep of a reference."""
    for group in _groups(tools):
        yield from _together(group, folder, data, shapes, where, limits)


def _groups(tools: Sequence[str]) -> Iterator[list[str]]:
    """Each tool alone, but the floor and Leeway: what is said of them is their ratio, and a machine whose
    speed changes from minute to minute changes both where their runs take turns."""
    pair = [tool for tool in tools if tool in (FLOOR, LEEWAY)]
    for tool in tools:
        if tool not in pair:
            yield [tool]
        elif tool == pair[0]:
            yield pair


def _together(
    tools: Sequence[str],
    folder: Path,
    data: Path,
    shapes: Sequence[Shape],
    where: Environments,
    limits: Limits,
) -> Iterator[Result]:
    found = {tool: Absent(reason="") if tool == LEEWAY else where(tool) for tool in tools}
    measured: dict[str, list[Result]] = {tool: [] for tool in tools}
    for shape in shapes:
        commands: dict[str, Run] = {}
        for tool, home in found.items():
            before = measured[tool]
            why = home.reason if isinstance(home, Absent) else ""
            if why or (before and (why := too_much(before, shape.rows, limits))):
                before.append(_without(tool, shape, why))
                continue
            try:
                commands[tool] = _command(tool, home, folder, data, shape, limits), 2
                if not before:
                    whole(commands[tool][0], limit_s=4 * limits.cpu_s)  # caches are full from here on
            except RuntimeError as error:
                commands.pop(tool, None)
                before.append(_failed(tool, shape, error))
        for tool, took in in_turn(commands, limits).items():
            try:
                facts = facts_of(tool, must(took).said, shape)
            except RuntimeError as error:
                measured[tool].append(_failed(tool, shape, error))
            else:
                columns = shape.numbers + shape.texts
                measured[tool].append(
                    Result(tool=tool, rows=shape.rows, columns=columns, took=must(took), facts=facts)
                )
        yield from (results[-1] for results in measured.values())


def repeated(command: Sequence[str], limits: Limits) -> Took:
    """The medians of several runs. Raises what a run raised."""
    return must(in_turn({"": (command, 2)}, limits)[""])


def must(took: Took | RuntimeError) -> Took:
    """Raises what a run raised."""
    if isinstance(took, RuntimeError):
        raise took
    return took


def in_turn(commands: Mapping[str, Run], limits: Limits) -> Mapping[str, Took | RuntimeError]:
    """The medians of several runs of each, or what one raised: a run of each, then again."""
    runs: dict[str, list[Took]] = {name: [] for name in commands}
    failed: dict[str, RuntimeError] = {}
    left = list(commands)
    while left:
        for name in tuple(left):
            command, cores = commands[name]
            try:
                runs[name].append(whole(command, cores=cores, limit_s=4 * limits.cpu_s))
            except RuntimeError as error:
                failed[name] = error
            if name in failed or not _again(runs[name], limits):
                left.remove(name)
    return {name: failed.get(name) or medians(took) for name, took in runs.items()}


def _again(took: Sequence[Took], limits: Limits) -> bool:
    return len(took) < limits.runs and sum(one.cpu_s for one in took) + took[-1].cpu_s <= limits.enough_s


def _failed(tool: str, shape: Shape, error: RuntimeError) -> Result:
    if tool == LEEWAY and not isinstance(error, LateError):
        raise error  # that is no result of a bench
    return _without(tool, shape, _cause(str(error)))


def _command(
    tool: str, found: Environment | Absent, folder: Path, data: Path, shape: Shape, limits: Limits
) -> list[str]:
    if isinstance(found, Environment):
        return _prepared(tool, found, folder, data, shape, limits)
    return product.check(*product.side(folder / LEEWAY, data, shape))


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
