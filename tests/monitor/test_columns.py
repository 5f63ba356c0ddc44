"""Which column is what, from the config and a source's schema."""

from pathlib import Path

import pytest

from detectors._column import Kind, Role
from monitor.columns import ResolvedColumns, resolve_columns
from monitor.config_file import parse
from monitor.config_problem import ConfigError
from monitor.source import ColumnKind

SCHEMA = {
    "row_id": ColumnKind.CATEGORY,
    "ts": ColumnKind.TIME,
    "temp": ColumnKind.NUMERIC,
    "flight": ColumnKind.NUMERIC,
    "carrier": ColumnKind.CATEGORY,
    "booked": ColumnKind.TIME,
    "tags": ColumnKind.OTHER,
    "score": ColumnKind.NUMERIC,
    "pred": ColumnKind.NUMERIC,
    "label": ColumnKind.NUMERIC,
    "ms": ColumnKind.NUMERIC,
}


def resolve(columns: str, *, task: str = "binary", without: str = "") -> ResolvedColumns:
    text = f"""\
[models.m]
task = "{task}"
source = {{ kind = "parquet", path = "x", timestamp = "ts" }}
reference = {{ source = {{ kind = "parquet", path = "r" }} }}
labels = {{ column = "label" }}
[models.m.columns]
{columns}
"""
    model = parse(text, path=Path("leeway.toml")).models["m"]
    return resolve_columns(model, {k: v for k, v in SCHEMA.items() if k != without}, name="m")


FULL = """\
exclude = ["row_*"]
categorical = ["flight"]
score = "score"
prediction = "pred"
latency_ms = "ms"
"""


def test_everything_that_is_not_named_otherwise_is_a_feature() -> None:
    """Time, score, prediction, label and latency have parts of their own."""
    found = resolve(FULL)
    assert [name for name, role in found.roles.items() if role is Role.FEATURE] == [
        "temp",
        "flight",
        "carrier",
    ]
    assert (found.roles["score"], found.roles["pred"]) == (Role.SCORE, Role.PREDICTION)
    assert found.score == {"": "score"}
    assert (found.label, found.wanted["label"]) == ("label", Kind.NUMERIC)
    assert "label" not in found.roles


def test_kinds_follow_the_schema_unless_the_config_says_category() -> None:
    """A flight number is a name; a class is a name although it is stored as a number."""
    found = resolve(FULL)
    assert found.wanted["temp"] is Kind.NUMERIC
    assert found.wanted["carrier"] is Kind.CATEGORY
    assert found.wanted["flight"] is Kind.CATEGORY
    assert found.wanted["pred"] is Kind.CATEGORY
    assert resolve(FULL, task="regression").wanted["pred"] is Kind.NUMERIC


def test_times_and_lists_are_left_out_with_a_notice_unless_named() -> None:
    """A date always drifts; whoever names it means it."""
    assert [note.partition(":")[0] for note in resolve(FULL).notices] == ["booked", "tags"]
    assert resolve('features = ["temp", "booked"]').wanted["booked"] is Kind.NUMERIC


def test_a_named_column_that_is_not_there_is_an_error_with_the_nearest() -> None:
    """A misspelt category would be counted as a number for ever."""
    with pytest.raises(ConfigError) as caught:
        resolve('features = ["tmp", "x*"]\ncategorical = ["carier"]')
    assert [str(problem) for problem in caught.value.problems] == [
        'models.m.columns.features: must name a column of the reference, got "tmp"; did you mean "temp"?',
        'models.m.columns.categorical: must name a column of the reference, got "carier"; '
        'did you mean "carrier"?',
    ]


@pytest.mark.parametrize("gone", ["score", "pred", "label"])
def test_a_reference_without_score_prediction_or_label_says_what_is_lost(gone: str) -> None:
    """And the features go on."""
    found = resolve(FULL, without=gone)
    assert gone not in found.wanted
    assert any(gone in note for note in found.notices)


def test_nothing_left_to_monitor_is_an_error() -> None:
    """Else the daemon would watch an empty profile in silence."""
    with pytest.raises(ConfigError, match="must leave a column to monitor"):
        resolve('features = ["zz*"]')


def test_what_is_counted_beside_columns_is_pulled_and_no_feature() -> None:
    """Latency is of the service; errors and a second score have no role; a segment may be a feature too."""
    found = resolve(
        'score = "score"\nshadow = "pred"\nlatency_ms = "ms"\nerror = "flight"\nsegments = ["carrier"]\n'
    )
    assert found.roles["ms"] is Role.SERVICE
    assert found.roles["carrier"] is Role.FEATURE
    assert not {"pred", "flight"} & set(found.roles)
    assert found.wanted["pred"] is Kind.NUMERIC
    assert found.wanted["flight"] is Kind.CATEGORY


def test_what_the_reference_lacks_beside_columns_is_a_notice() -> None:
    """Each says what is not judged."""
    found = resolve('latency_ms = "nope"\nerror = "none"\nsegments = ["where"]\n')
    assert [
        notice.partition(" has no column ")[2].partition(":")[0]
        for notice in found.notices
        if "has no" in notice
    ] == [
        "where",
        "nope",
        "none",
    ]


def test_what_is_kept_although_it_looks_like_an_identifier_is_a_glob_too() -> None:
    """As `features` and `exclude` are; a name that is no column is an error with the nearest one."""
    assert resolve('include = ["car*", "flight"]').include == ("flight", "carrier")
    assert resolve("").include == ()
    with pytest.raises(ConfigError, match="carrier"):
        resolve('include = ["carier"]')
