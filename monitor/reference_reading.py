"""How do a model's reference rows become what is normal, whether memory holds them or not?

Rows that fit are read once (monitor/reference_build.py), others again and again (monitor/reference_large.py).
Which of both a reference is follows from its rows and `reference.memory_mb` alone.
"""

from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain

from detectors import Profile, Role, ScoreSpec
from detectors._cells import KNOTS
from detectors._performance_counting import ForeignOutcomesError
from detectors._slices import seen_labels
from detectors._survey import Survey
from monitor.appearances import KNOWN_COLUMNS, KNOWN_VERSIONS, MODEL_VERSION
from monitor.build import build_reference_source
from monitor.columns import ResolvedColumns, extras, resolve_columns
from monitor.config_model import ModelConfig
from monitor.exits import CommandError
from monitor.lineage import data_facts
from monitor.record_notices import record_notices
from monitor.reference_build import Asked, Built, Progress, Rows, build, read_rows, reference_windows
from monitor.reference_labels import LabelColumns, label_columns, with_outcomes
from monitor.reference_large import Large
from monitor.reference_passes import Reading, emptying, hold, survey_rows
from monitor.reference_sample import sample_rows
from monitor.runtime import Watched
from monitor.source import ColumnKind, Grain, HasGrain, SourceError, Window
from monitor.volume import is_alike, latest_rows, median_rows, usual_rows

_MIB = 1024 * 1024


def read_and_build(
    watched: Watched, profile: Profile | None, progress: Progress, now: datetime
) -> tuple[Built, tuple[str, ...], dict[str, object]]:
    """Also notices, and what the reference's lineage knows of its columns and model versions.

    Given a `profile`, only its noise is learnt.
    """
    progress("reading the reference", 0, 0)
    model = watched.config
    source = build_reference_source(model, ("models", watched.name))
    schema = source.schema()
    resolved = resolve_columns(model, schema, name=watched.name)
    outcome = label_columns(model, schema)
    reading = Reading(
        source=source,
        span=model.reference_span,
        wanted={**resolved.wanted, **outcome.wanted},
        moments=outcome.moments,
        excluded=model.excluded_spans,
    )
    window = source.pull(reading.span, reading.wanted, reading.moments)
    absent = frozenset(problem.column for problem in window.problems)
    task = _Task(
        watched=watched,
        resolved=resolved,
        outcome=outcome,
        absent=absent,
        profile=profile,
        progress=progress,
        now=now,
    )
    memory = model.reference.memory_mb * _MIB
    held, all_of_them = hold(window.batches, memory)
    try:
        if all_of_them:
            rows = read_rows(replace(window, batches=iter(held)), model.excluded_spans)
            held.clear()
            read = task.of_rows(rows)
        else:
            given = replace(window, batches=chain(emptying(held), window.batches))
            read = task.of_readings(reading.without(absent), given, memory)
    except ForeignOutcomesError as error:
        raise CommandError(f"{watched.name}: {error}") from error
    built = read.built
    unlike = record_notices(built.noise.records, built.spans, watched.spec, watched.judging)
    notices = (
        *resolved.notices,
        *unfiltered(model, schema),
        *task.problems(window),
        *built.notices,
        *unlike,
        *read.sampled,
    )
    return built, notices, _known(watched, read.versions, schema, window)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What came of the rows, however they were read."""

    built: Built
    versions: list[str] | None  # of the model, that answered them; None: no column says it
    sampled: list[str]  # a notice where its windows are a sample of production's


@dataclass(frozen=True, slots=True, kw_only=True)
class _Task:
    """What a build is asked for, whether its rows are held or not."""

    watched: Watched
    resolved: ResolvedColumns
    outcome: LabelColumns
    absent: frozenset[str]  # columns that the source cannot give
    profile: Profile | None
    progress: Progress
    now: datetime

    def of_rows(self, rows: Rows) -> _Read:
        """Of all rows at once."""
        model, spec = self.watched.config, self.watched.spec
        if self.outcome.label is not None:
            self.progress("joining outcomes", 0, 0)
            known = reference_windows(rows, spec, model.excluded_spans)
            rows = with_outcomes(model, self.outcome, rows, known, self.watched.labels, self.now)
        sampled = _sampled(self.watched, usual_rows(rows, spec, model.excluded_spans))
        built = build(
            rows,
            roles=self.roles,
            score=self.score,
            label=self.label,
            include=self.resolved.include,
            spec=spec,
            excluded=model.excluded_spans,
            min_rows=model.window.min_rows,
            profile=self.profile,
            asked=self.asked(sampled),
            progress=self.progress,
        )
        version = rows.columns.get(model.columns.version or "")
        versions = None if version is None else seen_labels(version)
        return _Read(built=built, versions=versions, sampled=sampled)

    def of_readings(self, reading: Reading, first: Window, memory: int) -> _Read:
        """Of rows that are read again and again. `first`: with the batches of the first reading."""
        model, spec, outcome = self.watched.config, self.watched.spec, self.outcome
        beside = extras(model)
        needed = {*model.columns.segments, *beside.shadow.values(), beside.error, outcome.key, outcome.label}
        found = survey_rows(
            first.batches,
            reading,
            Survey(
                roles=self.roles,
                score=self.score,
                include=self.resolved.include,
                intervals=self.grain.intervals if self.grain else KNOTS,
            ),
            spec=spec,
            most=sample_rows(memory, reading.wanted, outcome.key if outcome.joined else None),
            needed={name for name in needed if name is not None},
            version=beside.version,
            told=lambda rows: self.progress("reading the reference", rows, 0),
        )
        if outcome.label is not None:
            self.progress("joining outcomes", 0, 0)
            found.sample = with_outcomes(
                model, outcome, found.sample, found.windows, self.watched.labels, self.now
            )
        sampled = _sampled(self.watched, median_rows([found.sizes[window] for window in found.windows]))
        large = Large(
            reading=reading,
            spec=spec,
            label=self.label,
            in_rows=not outcome.joined and outcome.available_at is None,
            min_rows=model.window.min_rows,
            asked=self.asked(sampled),
            memory=memory,
            progress=self.progress,
        )
        versions = found.versions if beside.version in reading.wanted else None
        return _Read(built=large.build(found, self.profile), versions=versions, sampled=sampled)

    @property
    def roles(self) -> dict[str, Role]:
        return {name: role for name, role in self.resolved.roles.items() if name not in self.absent}

    @property
    def score(self) -> ScoreSpec | None:
        columns = self.resolved.score
        if not columns or self.absent.intersection(columns.values()):
            return None
        return ScoreSpec(task=self.watched.config.task, columns=columns)

    @property
    def grain(self) -> Grain | None:
        """Of the place that will count production's windows."""
        source = self.watched.source
        return source.grain if isinstance(source, HasGrain) else None

    @property
    def label(self) -> str | None:
        return self.outcome.label if self.outcome.label not in self.absent else None

    def asked(self, sampled: list[str]) -> Asked:
        """What the config asks for beside columns and score."""
        model = self.watched.config
        beside = extras(model)
        return Asked(
            segments=[name for name in model.columns.segments if name not in self.absent],
            shadow=beside.shadow,
            error=beside.error,
            volume=not sampled,
            grain=self.grain,
        )

    def problems(self, window: Window) -> list[str]:
        """A notice for each column that cannot be given, and for what is not judged without it."""
        problems = [f"{problem.column}: {problem.reason}" for problem in window.problems]
        if self.absent.intersection(self.resolved.score.values()):
            problems.append("score and confidence are not judged: write the score as numbers and build again")
        if self.outcome.label in self.absent:
            problems.append(
                "harm is told from the score's pull alone: write the label as numbers (0 and 1 for a binary "
                "task) and build again"
            )
        return problems


def unfiltered(model: ModelConfig, columns: Container[str]) -> list[str]:
    """A notice where production is one model's rows and the reference, by the same column, may be of all."""
    wanted, own = model.source.options.get("filter"), model.reference.source
    if own is None or "filter" in own.options or not isinstance(wanted, Mapping):
        return []
    held = {name: value for name, value in wanted.items() if name in columns}
    if not held:
        return []
    said = ", ".join(f"{name} = {value}" for name, value in held.items())
    return [
        f"production takes only rows with {said}, the reference takes all rows: give reference.source a "
        "`filter` as well, unless it should"
    ]


def _known(
    watched: Watched, versions: list[str] | None, schema: Mapping[str, ColumnKind], window: Window
) -> dict[str, object]:
    """The files it was read from, its columns and those of production today, and the model versions that
    answered its rows."""
    columns = {*schema}
    with suppress(SourceError):  # production may have no row yet
        columns |= {*watched.source.schema()}
    found: dict[str, object] = {
        **data_facts(window.files, window.data_version),
        KNOWN_COLUMNS: sorted(columns),
    }
    if versions is not None:
        found[KNOWN_VERSIONS] = versions
        if len(versions) == 1:
            found[MODEL_VERSION] = versions[0]
    return found


def _sampled(watched: Watched, usual: float | None) -> list[str]:
    """A notice where a file of its own has a usual number of rows that production's windows do not have."""
    if watched.config.reference.source is None:
        return []
    try:
        latest = latest_rows(watched.source, watched.spec)
    except SourceError:
        return []
    if usual is None or latest is None or is_alike(usual, latest):
        return []
    return [
        f"the reference has about {usual:,.0f} rows a window, production {latest:,.0f}: it is taken for a "
        "sample, and the number of rows is not judged"
    ]
