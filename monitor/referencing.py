"""How does a model get its reference? Reads, builds and saves it, and puts the first one in force."""

from collections.abc import Container, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import Connection

from alerting import failpoint
from detectors import CategoryProfile, Profile, ScoreSpec
from detectors._noise import NoiseModel
from detectors._performance_counting import ForeignOutcomesError
from detectors._slices import seen_labels
from monitor.appearances import KNOWN_COLUMNS, KNOWN_VERSIONS, MODEL_VERSION
from monitor.build import build_reference_source
from monitor.columns import extras, resolve_columns
from monitor.config_model import ModelConfig
from monitor.creep import AGAINST, against, with_fixed_noise
from monitor.exits import CommandError
from monitor.lineage import RUN, data_facts, program
from monitor.logs import logger
from monitor.promotion import promote as put_in_force
from monitor.record_notices import record_notices
from monitor.reference_build import Asked, Built, Progress, Rows, build, quiet, read_rows, reference_windows
from monitor.reference_labels import label_columns, with_outcomes
from monitor.runtime import Runtime, Watched
from monitor.source import HasGrain, SourceError, Window
from monitor.volume import is_alike, latest_rows, usual_rows
from storage import daemon_events, profiles
from storage.profiles import Reference
from storage.span import Span


class Overtaken(CommandError):
    """Somebody put another reference in force while one was built to replace the old one."""


class Unchanged(CommandError):
    """What was built is what it was to differ from: nothing of it is kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceOutcome:
    """What a build left behind."""

    reference: Reference
    windows: int  # reference windows that the noise model learnt from
    learning: bool  # too few of them: column alerts stay tickets for now
    in_force: bool
    resolved: int  # incidents that ended because the reference changed
    notices: tuple[str, ...]

    @property
    def says(self) -> str:
        """In one sentence, what is next."""
        force = "is in force" if self.in_force else "is not in force: run `leeway reference promote`"
        if not self.learning:
            return f"learnt what is normal from {self.windows} reference windows; it {force}"
        return (
            f"the reference has {self.windows} whole windows, 20 are needed to know what is normal: until "
            f"production has shown as many, column alerts are tickets; it {force}"
        )


def build_reference(
    runtime: Runtime,
    watched: Watched,
    *,
    promote: bool | None = None,
    noise_only: bool = False,
    progress: Progress = quiet,
    fixed: Reference | None = None,
    replaces: Reference | None = None,
    unlike: Reference | None = None,
    run: str | None = None,
) -> ReferenceOutcome:
    """Read the reference's rows and keep profile and noise model; `promote` None: if none is in force yet.

    With `noise_only` the profile in force is kept and its noise is learnt again, for today's window spec.
    `fixed`: this one trails production, and that one stays what creep is judged against.
    `run`: the training run it was made by; None: the config's, or that of the fixed one.
    `replaces`: only while that one is in force: building takes long, a person may choose another meanwhile.
    `unlike`: only if it differs from that one.
    """
    now = runtime.clock.now()
    with runtime.store.read() as conn:
        kept = find_reference(conn, watched.name, None) if noise_only else None
        profile = profiles.load_profile(conn, kept.id) if kept else None
    if kept is not None and against(kept) is not None:
        raise CommandError(
            f"{watched.name}: the reference in force trails production; "
            f"run `leeway reference build --model {watched.name} --trailing`"
        )
    built, notices, found = _read_and_build(watched, profile, progress, now)
    if unlike is not None and built.profile.digest == unlike.digest:
        raise Unchanged(f"{watched.name}: its reference is the same as v{unlike.version}")
    progress("saving", 0, 0)
    with runtime.store.write() as conn:
        if replaces is not None and not _is_in_force(conn, replaces):
            raise Overtaken(
                f"{watched.name}: another reference was put in force while this one was built: it is not kept"
            )
        reference = kept or profiles.save(
            conn,
            watched.name,
            built.profile,
            now=now,
            span=_span(watched, built),
            lineage={**_lineage(watched, fixed, run), **found},
            config_digest=watched.digest,
        )
        profiles.save_noise(
            conn,
            reference.id,
            window_spec=str(watched.spec),
            learnt_from=built.noise.learnt_from,
            windows=built.windows,
            content=_beside_fixed(conn, watched, built.noise, fixed).to_json(),
            now=now,
        )
        daemon_events.add(conn, "reference.built", now, {"version": reference.version}, model=watched.name)
        first = profiles.active(conn, watched.name) is None
        resolved = 0
        if promote or (promote is None and first):
            resolved = len(put_in_force(conn, runtime.config, reference, now, moved=fixed is not None))
        active = profiles.active(conn, watched.name)
        failpoint.hit("before_reference_commit")
    logger().info("reference.built", model=watched.name, version=reference.version, windows=built.windows)
    in_force = active is not None and active.id == reference.id
    if in_force:
        logger().info("reference.promoted", model=watched.name, version=reference.version)
    return ReferenceOutcome(
        reference=active if in_force and active else reference,
        windows=built.windows,
        learning=built.noise.learning,
        in_force=in_force,
        resolved=resolved,
        notices=notices,
    )


def _is_in_force(conn: Connection, reference: Reference) -> bool:
    active = profiles.active(conn, reference.model)
    return active is not None and active.id == reference.id


def _beside_fixed(
    conn: Connection, watched: Watched, noise: NoiseModel, fixed: Reference | None
) -> NoiseModel:
    """The noise of a trailing reference knows the fixed one's as well."""
    stored = profiles.load_noise(conn, fixed.id, str(watched.spec)) if fixed else None
    if fixed is None or stored is None:
        return noise
    of_fixed = NoiseModel.from_json(stored.content)
    return replace(noise, slices=with_fixed_noise(noise, fixed.version, of_fixed))


def find_reference(conn: Connection, model: str, wanted: int | None, *, newest: bool = False) -> Reference:
    """The version asked for; without one the newest, or the one in force; else a CommandError."""
    if wanted is not None:
        found = profiles.by_version(conn, model, wanted)
    elif newest:
        found = next(iter(profiles.list_(conn, model)), None)
    else:
        found = profiles.active(conn, model)
    if found is None:
        known = ", ".join(f"v{reference.version}" for reference in profiles.list_(conn, model))
        which = f"v{wanted}" if wanted is not None else "reference in force"
        raise CommandError(
            f"{model}: no {which}; "
            + (f"there is {known}" if known else f"run `leeway reference build --model {model}` first")
        )
    return found


def column_facts(profile: Profile) -> list[dict[str, object]]:
    """One line a column, for people."""
    facts: list[dict[str, object]] = []
    for name, column in profile.columns.items():
        missing = column.missing / column.rows if column.rows else None
        line: dict[str, object] = {"column": name, "role": column.role.value, "kind": column.kind.value}
        line |= {"missing": missing, "mean": None, "sd": None, "distinct": None, "most frequent": None}
        if isinstance(column, CategoryProfile):
            line |= {"distinct": column.distinct, "most frequent": ", ".join(column.labels[:3])}
        else:
            line |= {"mean": column.mean, "sd": column.sd}
        facts.append(line)
    return facts


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


def _read_and_build(
    watched: Watched, profile: Profile | None, progress: Progress, now: datetime
) -> tuple[Built, tuple[str, ...], dict[str, object]]:
    """Also what the reference's lineage knows of its columns and model versions."""
    progress("reading the reference", 0, 0)
    model = watched.config
    source = build_reference_source(model, ("models", watched.name))
    schema = source.schema()
    resolved = resolve_columns(model, schema, name=watched.name)
    outcome = label_columns(model, schema)
    window = source.pull(model.reference_span, {**resolved.wanted, **outcome.wanted}, outcome.moments)
    rows = read_rows(window, model.excluded_spans)
    if outcome.label is not None:
        progress("joining outcomes", 0, 0)
        known = reference_windows(rows, watched.spec, model.excluded_spans)
        rows = with_outcomes(model, outcome, rows, known, watched.labels, now)
    beside = extras(model)
    sampled = _sampled(watched, rows)
    absent = {problem.column for problem in window.problems}
    problems = [f"{problem.column}: {problem.reason}" for problem in window.problems]
    if absent.intersection(resolved.score.values()):
        problems.append("score and confidence are not judged: write the score as numbers and build again")
    if outcome.label in absent:
        problems.append(
            "harm is told from the score's pull alone: write the label as numbers (0 and 1 for a binary "
            "task) and build again"
        )
    try:
        built = build(
            rows,
            roles={name: role for name, role in resolved.roles.items() if name not in absent},
            score=ScoreSpec(task=model.task, columns=resolved.score)
            if resolved.score and not absent.intersection(resolved.score.values())
            else None,
            label=outcome.label if outcome.label not in absent else None,
            include=model.columns.include,
            spec=watched.spec,
            excluded=model.excluded_spans,
            min_rows=model.window.min_rows,
            profile=profile,
            asked=Asked(
                segments=[name for name in model.columns.segments if name not in absent],
                shadow=beside.shadow,
                error=beside.error,
                volume=not sampled,
                grain=watched.source.grain if isinstance(watched.source, HasGrain) else None,
            ),
            progress=progress,
        )
    except ForeignOutcomesError as error:
        raise CommandError(f"{watched.name}: {error}") from error
    unlike = record_notices(built.noise.records, built.spans, watched.spec, watched.judging)
    notices = (*resolved.notices, *unfiltered(model, schema), *problems, *built.notices, *unlike)
    return built, (*notices, *sampled), _known(watched, rows, schema, beside.version, window)


def _known(
    watched: Watched, rows: Rows, schema: Mapping[str, object], version: str | None, window: Window
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
    if version is not None and version in rows.columns:
        versions = seen_labels(rows.columns[version])
        found[KNOWN_VERSIONS] = versions
        if len(versions) == 1:
            found[MODEL_VERSION] = versions[0]
    return found


def _sampled(watched: Watched, rows: Rows) -> list[str]:
    """A notice where a file of its own has a usual number of rows that production's windows do not have."""
    model = watched.config
    if model.reference.source is None:
        return []
    usual = usual_rows(rows, watched.spec, model.excluded_spans)
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


def _span(watched: Watched, built: Built) -> Span | None:
    return watched.config.reference_span or built.span


def _lineage(watched: Watched, fixed: Reference | None, run: str | None) -> Mapping[str, object]:
    source = watched.config.reference.source or watched.config.source
    known: dict[str, object] = {
        "source": source.kind,
        "path": str(source.options.get("path", "")),
        "program": program(),
    }
    if fixed is not None:
        known[AGAINST] = fixed.version
    # A trailing one is of production's rows: the model's run is still that of the fixed one.
    made_by = run or watched.config.reference.run or (fixed.lineage.get(RUN) if fixed else None)
    return {**known, RUN: made_by} if made_by else known
