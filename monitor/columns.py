"""Which columns of a source are features, and what is every column to the model?

Asked once, when a reference is built; from then on the reference's own columns and types are the law.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase

from detectors._column import Kind, Role
from detectors._count import Extras
from monitor.config_model import ModelConfig
from monitor.config_problem import ConfigError, Path, Problem, nearest
from monitor.source import ColumnKind

_MAGIC = set("*?[")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedColumns:
    """What to read, and as what."""

    wanted: Mapping[str, Kind]  # everything to pull: features, score, prediction and label
    roles: Mapping[str, Role]  # what is profiled: `wanted` without the label
    score: Mapping[str, str]  # {class: column}, or {"": column}; empty without one
    label: str | None
    include: tuple[str, ...]  # features that stay although they look like identifiers
    notices: tuple[str, ...]


def resolve_columns(
    model: ModelConfig, schema: Mapping[str, ColumnKind], *, name: str = ""
) -> ResolvedColumns:
    """Raises ConfigError where a column is named that the source does not have.

    A score, prediction or label that the reference lacks is a notice: what needs it is not judged.
    """
    columns = model.columns
    path: Path = ("models", name, "columns")
    problems = [
        Problem(
            path=(*path, key),
            expectation="must name a column of the reference",
            got=f'"{pattern}"',
            hint=nearest(pattern, schema),
        )
        for key, patterns in (
            ("features", columns.features),
            ("categorical", columns.categorical),
            ("include", columns.include),
        )
        for pattern in patterns
        if not _MAGIC & set(pattern) and pattern not in schema
    ]
    if problems:
        raise ConfigError(problems)
    notices: list[str] = []
    wanted: dict[str, Kind] = {}
    roles: dict[str, Role] = {}
    taken = _taken(model)
    for column, kind in schema.items():
        exact = column in columns.features
        if column in taken or not (exact or _matches(column, columns.features)):
            continue
        if _matches(column, columns.exclude) and not exact:
            continue
        if kind is ColumnKind.OTHER or (kind is ColumnKind.TIME and not exact):
            what = "times" if kind is ColumnKind.TIME else "values that can be neither counted nor compared"
            notices.append(f"{column}: holds {what}, so it is not monitored")
            continue
        category = kind is ColumnKind.CATEGORY or _matches(column, columns.categorical)
        wanted[column] = Kind.CATEGORY if category else Kind.NUMERIC
        roles[column] = Role.FEATURE
    score = _score(model)
    absent = [column for column in score.values() if column not in schema]
    if absent:
        notices.append(
            f"the reference has no column {', '.join(absent)}: score and confidence are not judged"
        )
        score = {}
    for column in score.values():
        wanted[column], roles[column] = Kind.NUMERIC, Role.SCORE
    if columns.latency_ms is not None and columns.latency_ms in schema:
        wanted[columns.latency_ms], roles[columns.latency_ms] = Kind.NUMERIC, Role.SERVICE
    notices += _beside(model, schema, wanted)
    if columns.prediction is not None and columns.prediction in schema:
        numeric = model.task == "regression"
        wanted[columns.prediction] = Kind.NUMERIC if numeric else Kind.CATEGORY
        roles[columns.prediction] = Role.PREDICTION
    elif columns.prediction is not None:
        notices.append(f"the reference has no column {columns.prediction}: predictions are not judged")
    label = model.label_column
    if label is not None and label in schema:
        wanted[label] = Kind.CATEGORY if model.task == "multiclass" else Kind.NUMERIC
    elif label is not None:
        # Where it has the labels' key they are joined (monitor/reference_labels.py).
        labels = model.labels
        if labels is None or labels.source is None or labels.key not in schema:
            notices.append(f"the reference has no column {label}: harm is told from the score's pull alone")
        label = None
    if not roles:
        problem = Problem(
            path=(*path, "features"), expectation="must leave a column to monitor", hint=nearest("", schema)
        )
        raise ConfigError([problem])
    return ResolvedColumns(
        wanted=wanted,
        roles=roles,
        score=score,
        label=label,
        include=tuple(name for name in roles if _matches(name, columns.include)),
        notices=tuple(notices),
    )


def extras(model: ModelConfig) -> Extras:
    """What is counted beside the reference's columns."""
    columns = model.columns
    shadow = {"": columns.shadow} if isinstance(columns.shadow, str) else columns.shadow
    return Extras(version=columns.version, shadow=shadow or {}, error=columns.error)


def _beside(model: ModelConfig, schema: Mapping[str, ColumnKind], wanted: dict[str, Kind]) -> list[str]:
    """Adds what slices, versions, errors and a second score are read from; says what the reference lacks."""
    columns, counted, notices = model.columns, extras(model), []
    lacking = "the reference has no column"
    for name in columns.segments:
        if name in schema:
            wanted.setdefault(name, Kind.CATEGORY)
        else:
            notices.append(f"{lacking} {name}: its slices are not judged")
    if columns.latency_ms is not None and columns.latency_ms not in schema:
        notices.append(f"{lacking} {columns.latency_ms}: latency is not judged")
    if counted.error is not None:
        if counted.error in schema:
            wanted.setdefault(counted.error, Kind.CATEGORY)
        else:
            notices.append(f"{lacking} {counted.error}: errors are reported, and judged by thresholds alone")
    for name in counted.shadow.values():
        if name in schema:
            wanted.setdefault(name, Kind.NUMERIC)
        else:
            notices.append(f"{lacking} {name}: the second score is reported, and judged by thresholds alone")
    if counted.version is not None and counted.version in schema:
        wanted.setdefault(counted.version, Kind.CATEGORY)
    return notices


def _score(model: ModelConfig) -> Mapping[str, str]:
    score = model.columns.score
    if score is None:
        return {}
    return {"": score} if isinstance(score, str) else score


def _taken(model: ModelConfig) -> set[str]:
    """Columns that have a part of their own and are no features."""
    columns, labels = model.columns, model.labels
    named: Sequence[object] = (
        model.source.options.get("timestamp"),
        model.reference.source.options.get("timestamp") if model.reference.source else None,
        *_score(model).values(),
        columns.prediction,
        columns.version,
        columns.latency_ms,
        columns.error,
        *extras(model).shadow.values(),
        model.label_column,
        *((labels.key, labels.column, labels.available_at) if labels else ()),
    )
    return {name for name in named if isinstance(name, str)}


def _matches(column: str, patterns: Iterable[str]) -> bool:
    return any(column == pattern or fnmatchcase(column, pattern) for pattern in patterns)
