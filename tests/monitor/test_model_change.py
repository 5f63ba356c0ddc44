"""What is said of relations, answers, performance and the service."""

from math import atanh, log

import pytest

from detectors import Role
from storage.measurements import ColumnResult
from tests.monitor.judging import judged, special, special_noise

NORMAL = (
    special("__performance__", Role.PERFORMANCE, accuracy=0.86, bias=0.0, brier=0.1, mae=1.0),
    special("__joint__", Role.JOINT, r_temp_dewp=atanh(0.9)),
    special("__behaviour__", Role.BEHAVIOUR, score=0.0),
    special("__estimated__", Role.ESTIMATE, accuracy=0.86),
    special("__volume__", Role.SERVICE, rows=log(900.0)),
    special("__shadow__", Role.SHADOW, agreement=0.95, distance=0.05),
    special("failed", Role.SERVICE, errors=0.01),
    special("ms", Role.SERVICE, c1=0.0),
)
NOISE = special_noise(*NORMAL, tau=0.01)


def _pair(moved: str | None) -> dict[str, object]:
    fact = {"component": "r:temp~dewp", "columns": ["temp", "dewp"], "r": [0.9, 0.1], "moved": moved}
    return {"pairs": [fact], "largest": None}


@pytest.mark.parametrize(
    ("result", "change", "start"),
    [
        (
            special("__joint__", Role.JOINT, evidence=_pair("dewp"), r_temp_dewp=atanh(0.1)),
            "relation",
            "relations: correlation of temp and dewp 0.90 → 0.10 (normal 0.8",
        ),
        (
            special("__joint__", Role.JOINT, r_temp_dewp=atanh(0.1)),
            "relation",
            "relations: correlation of temp and dewp 0.90 → 0.10 (normal 0.8",
        ),
        (
            special(
                "__behaviour__",
                Role.BEHAVIOUR,
                evidence={"score": {"column": "p", "mean": [0.3, 0.2], "unit": 1.0, "rows": 900}},
                score=-0.1,
            ),
            "behaviour",
            "model behaviour: mean score 0.2, its inputs explain 0.3: -0.1 (normal -0.",
        ),
        (
            special("__performance__", Role.PERFORMANCE, accuracy=0.79, bias=0.0, brier=0.1, mae=1.0),
            "performance",
            "performance: accuracy 8",
        ),
        (
            special("__performance__", Role.PERFORMANCE, accuracy=0.86, bias=0.0, brier=0.1, mae=1.5),
            "performance",
            "performance: mean error 100 % → 150 % of the reference's (normal ",
        ),
        (
            special("__performance__", Role.PERFORMANCE, accuracy=0.86, bias=0.2, brier=0.1, mae=1.0),
            "calibration",
            "performance: scores too low: +20.0 points (outcome − score, normal -",
        ),
        (
            special("__performance__", Role.PERFORMANCE, accuracy=0.86, bias=0.0, brier=0.3, mae=1.0),
            "calibration",
            "performance: Brier score 0.",
        ),
        (
            special(
                "__estimated__",
                Role.ESTIMATE,
                evidence={"trusted": False, "why": "9 % of the scores lie outside"},
                accuracy=0.7,
            ),
            "estimate",
            "estimate: estimated accuracy 8",
        ),
        (special("__volume__", Role.SERVICE, rows=log(400.0)), "volume", "volume: 400 rows (normal 8"),
        (
            special("__shadow__", Role.SHADOW, agreement=0.6, distance=0.05),
            "shadow",
            "shadow: agrees in 9",
        ),
        (special("failed", Role.SERVICE, errors=0.2), "errors", "failed: "),
        (special("ms", Role.SERVICE, c1=0.9), "shifted", "ms: shifted +0.9"),
    ],
)
def test_each_kind_is_named(result: ColumnResult, change: str, start: str) -> None:
    """One word, and a line in its own unit with what is normal."""
    verdict = judged(result, noise=NOISE).verdicts[0]
    assert verdict.change == change
    assert verdict.title.startswith(start)


def test_the_column_that_moved_is_named() -> None:
    """Of the two of a pair, where the evidence knows it."""
    result = special("__joint__", Role.JOINT, evidence=_pair("dewp"), r_temp_dewp=atanh(0.1))
    assert judged(result, noise=NOISE).verdicts[0].title.endswith("; of the two, dewp moved")
    unknown = special("__joint__", Role.JOINT, evidence=_pair(None), r_temp_dewp=atanh(0.1))
    assert "moved" not in judged(unknown, noise=NOISE).verdicts[0].title


def test_an_estimate_that_is_not_to_be_trusted_says_so() -> None:
    """With the reason."""
    evidence = {"trusted": False, "why": "9 % of the scores lie outside"}
    result = special("__estimated__", Role.ESTIMATE, evidence=evidence, accuracy=0.7)
    title = judged(result, noise=NOISE).verdicts[0].title
    assert title.endswith("not to be trusted: 9 % of the scores lie outside")


def test_late_labels_are_told_with_what_they_say() -> None:
    """A fall that rests on half the labels."""
    evidence = {"incomplete": "labels incomplete: 400 of 900 rows have one"}
    result = special(
        "__performance__", Role.PERFORMANCE, evidence=evidence, accuracy=0.7, bias=0.0, brier=0.1, mae=1.0
    )
    assert judged(result, noise=NOISE).verdicts[0].title.endswith("400 of 900 rows have one")


@pytest.mark.parametrize(
    ("trusted", "end"), [(True, "estimated 71.0 %"), (False, "estimated 71.0 %, which was not to be trusted")]
)
def test_what_was_foretold_stands_beside_what_came(trusted: bool, end: str) -> None:
    """The estimate of the same window, and whether anybody should have believed it."""
    evidence = {"estimated": {"accuracy": [0.71, 0.02]}, "estimate_trusted": trusted}
    result = special(
        "__performance__", Role.PERFORMANCE, evidence=evidence, accuracy=0.7, bias=0.0, brier=0.1, mae=1.0
    )
    assert judged(result, noise=NOISE).verdicts[0].title.endswith(end)
