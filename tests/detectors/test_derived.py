"""Are the confidence columns what they say, row by row?"""

import math

import numpy as np
import pytest

from detectors import CategoryColumn, Column, NumericColumn, Role, ScoreSpec, build_profile, derive

BINARY = ScoreSpec(task="binary", columns={"": "p"})
THREE = ScoreSpec(task="multiclass", columns={"a": "pa", "b": "pb", "c": "pc"})


def column(*values: float) -> NumericColumn:
    return NumericColumn(values=np.array(values, dtype=np.float64))


def numbers(found: Column) -> list[float]:
    assert isinstance(found, NumericColumn)
    values: list[float] = found.values.tolist()
    return values


def classes(found: Column) -> list[str | None]:
    assert isinstance(found, CategoryColumn)
    return [found.labels[code] if code >= 0 else None for code in found.codes]


def test_a_binary_score_by_hand() -> None:
    """Half predicts 1; entropy is in nats; a missing score is missing everywhere."""
    found = derive({"p": column(0.5, 0.9, 0.0, math.nan)}, BINARY)
    assert numbers(found["__max_probability__"])[:3] == [0.5, 0.9, 1.0]
    assert numbers(found["__margin__"])[:3] == pytest.approx([0.0, 0.8, 1.0])
    assert numbers(found["__entropy__"])[:3] == pytest.approx([math.log(2), 0.3250829733914482, 0.0])
    assert classes(found["__predicted_class__"]) == ["1", "1", "0", None]
    assert all(math.isnan(numbers(found[name])[3]) for name in found if name != "__predicted_class__")


def test_a_multiclass_score_by_hand() -> None:
    """The margin is to the runner-up, wherever it stands."""
    found = derive({"pa": column(0.2, 0.6), "pb": column(0.5, 0.1), "pc": column(0.3, 0.3)}, THREE)
    assert numbers(found["__margin__"]) == pytest.approx([0.2, 0.3])
    assert classes(found["__predicted_class__"]) == ["b", "a"]
    assert numbers(found["__entropy__"])[0] == pytest.approx(
        -0.2 * math.log(0.2) - 0.5 * math.log(0.5) - 0.3 * math.log(0.3)
    )


def test_nothing_is_derived_without_probabilities() -> None:
    """A regression, no score, or a batch without the column: no derived columns."""
    assert derive({"y": column(1.0)}, ScoreSpec(task="regression", columns={"": "y"})) == {}
    assert derive({"p": column(0.1)}, None) == {}
    assert derive({"q": column(0.1)}, BINARY) == {}


def test_derived_columns_are_profiled_with_their_role() -> None:
    """They sit among the profile's columns as DERIVED, and nobody may bring one along."""
    profile = build_profile({"p": column(0.1, 0.7)}, roles={"p": Role.SCORE}, score=BINARY)
    assert profile.columns["__entropy__"].role is Role.DERIVED
    assert profile.columns["p"].role is Role.SCORE
    with pytest.raises(ValueError, match="reserved"):
        build_profile({"__entropy__": column(0.1)}, roles={})


@pytest.mark.parametrize(("task", "columns"), [("binary", {}), ("regression", {"a": "x", "b": "y"})])
def test_an_impossible_score_is_refused(task: str, columns: dict[str, str]) -> None:
    """A score needs the columns its task has."""
    with pytest.raises(ValueError, match="score:"):
        ScoreSpec(task=task, columns=columns)  # type: ignore[arg-type]


def test_labels_where_the_score_should_be_are_refused() -> None:
    """The error names the column."""
    text = CategoryColumn(codes=np.zeros(1, dtype=np.int32), labels=("a",))
    with pytest.raises(ValueError, match='score column "p" must be numeric'):
        derive({"p": text}, BINARY)
