"""How are labels read: by key from a source of their own, or from the rows they are about?"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from alerting.sanitise import clean
from detectors._column import Kind
from monitor.config_model import LabelsConfig, ModelConfig
from monitor.labels import Keys, Labels, key_labels
from monitor.source import ColumnProblem, Source, SourceError
from storage.span import Span

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def label_kind(model: ModelConfig) -> Kind:
    """How outcomes are read."""
    return Kind.CATEGORY if model.task == "multiclass" else Kind.NUMERIC


def read_labels(labels: LabelsConfig, kind: Kind, keys: Keys, source: Source, rows: Span | None) -> Labels:
    """The labels of these keys in their own source. `rows`: when the rows happened; None: not known."""
    key = str(labels.key)
    timed = labels.available_at is not None
    window = source.pull(
        label_span(labels, rows) if timed and rows is not None else None,
        {key: Kind.CATEGORY, labels.column: kind},
    )
    must_have(window.problems)
    return key_labels(
        keys,
        (
            (batch.columns[key], batch.columns[labels.column], batch.times if timed else None)
            for batch in window.batches
        ),
    )


def strangers(key: str, found: Labels, keys: Keys) -> str:
    """That labels are there and not one is about these rows: most likely keys are spelt in two ways."""
    if found.place.size or not found.others or not keys.example:
        return ""
    said = "1 label was" if found.others == 1 else f"{found.others:,} labels were"
    return (
        f"{said} read, none for a key of these rows (labels have {key} = {clean(found.other)}, rows "
        f"{key} = {clean(keys.example)}): check that these are written too, and keys alike"
    )


def label_span(labels: LabelsConfig, rows: Span) -> Span:
    """When labels of these rows can have become available: at most `max_delay` away, before or after."""
    return Span(
        start=rows.start - labels.max_delay,
        end=rows.end + labels.max_delay + _MICROSECOND,
    )


def must_have(problems: Sequence[ColumnProblem]) -> None:
    """Without its key or its outcome there is no label: a person must change something."""
    if problems:
        said = "; ".join(f"{problem.column}: {problem.reason}" for problem in problems)
        raise SourceError(f"labels cannot be read: {said}", transient=False)


def micros(at: datetime) -> int:
    """Microseconds since the epoch, exact."""
    return (at - _EPOCH) // _MICROSECOND


def instant(us: int) -> datetime:
    """The inverse of `micros`."""
    return _EPOCH + us * _MICROSECOND
