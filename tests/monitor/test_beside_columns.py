"""What is told beside the columns?"""

import numpy as np
import pytest

from detectors import NumericColumn, ScoreSpec, count
from detectors._column import SHADOW, Role
from detectors._count import Extras
from detectors._profile import build_profile
from monitor.beside_columns import beside_columns


@pytest.mark.parametrize(("said", "agreement"), [(0.1, 0.0), (0.8, 1.0)])
def test_agreement_with_a_second_score(said: float, agreement: float) -> None:
    """Told of every classification; two scores that never agree as well."""
    columns = {name: NumericColumn(values=np.full(50, value)) for name, value in (("a", 0.9), ("b", said))}
    score = ScoreSpec(task="binary", columns={"": "a"})
    profile = build_profile({"a": columns["a"]}, roles={"a": Role.SCORE}, score=score)
    summary = count(profile, columns, 50, Extras(shadow={"": "b"}))
    found = {each.column: each for each in beside_columns(profile, summary, {}, {})}
    told = {each.metric: each.value for each in found[SHADOW].measurements}
    assert told["agreement"] == agreement


def test_no_agreement_on_numbers() -> None:
    """Two predictions of a regression lie apart, and are of no class."""
    columns = {name: NumericColumn(values=np.arange(50.0) + off) for name, off in (("a", 0.0), ("b", 3.0))}
    score = ScoreSpec(task="regression", columns={"": "a"})
    profile = build_profile({"a": columns["a"]}, roles={"a": Role.SCORE}, score=score)
    summary = count(profile, columns, 50, Extras(shadow={"": "b"}))
    found = {each.column: each for each in beside_columns(profile, summary, {}, {})}
    assert {each.metric for each in found[SHADOW].measurements} == {"score_distance", "score_difference"}
