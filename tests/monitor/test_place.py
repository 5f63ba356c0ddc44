"""Where in the whole a change happened."""

import pytest

from detectors import Role
from storage.measurements import ColumnResult
from tests.monitor.judging import ROWS, judged, special, special_noise

CITIES = ("JFK", "LGA", "EWR")
NORMAL = (
    special("x", Role.FEATURE, c1=0.0, missing=0.02),
    *(special("x", Role.FEATURE, segment=f"origin={city}", c1=0.0, missing=0.02) for city in CITIES),
)
NOISE = special_noise(*NORMAL)


def _title(*results: ColumnResult) -> tuple[str, str]:
    found = judged(*results, noise=NOISE).verdicts
    whole = next(v for v in found if not v.series.segment)
    return whole.change, whole.title


def _slices(missing: dict[str, float], c1: float = 0.0) -> list[ColumnResult]:
    return [
        special(
            "x",
            Role.FEATURE,
            segment=f"origin={city}",
            n_rows=ROWS // 3,
            c1=c1,
            missing=missing.get(city, 0.02),
        )
        for city in CITIES
    ]


def test_a_fault_of_one_slice_is_named() -> None:
    """Null everywhere 2 → 20 %: all of it in one airport."""
    whole = special("x", Role.FEATURE, c1=0.0, missing=0.2, evidence={"missing_share": [0.02, 0.2]})
    title = _title(whole, *_slices({"JFK": 0.56}))[1]
    assert title.endswith("all of it in origin=JFK")


@pytest.mark.parametrize("spread", [{"JFK": 0.2, "LGA": 0.2, "EWR": 0.2}, {"JFK": 0.3, "LGA": 0.28}])
def test_a_fault_of_several_slices_has_no_place(spread: dict[str, float]) -> None:
    """Everywhere, or in two of three."""
    whole = special("x", Role.FEATURE, c1=0.0, missing=0.2, evidence={"missing_share": [0.02, 0.2]})
    assert "origin" not in _title(whole, *_slices(spread))[1]


def test_a_slice_that_is_nearly_everything_is_no_place() -> None:
    """Nine rows of ten come from there."""
    whole = special("x", Role.FEATURE, c1=0.0, missing=0.2)
    noise = special_noise(NORMAL[0], NORMAL[1])
    part = special("x", Role.FEATURE, segment="origin=JFK", c1=0.0, missing=0.2)
    found = judged(whole, part, noise=noise).verdicts
    assert "origin" not in next(v.title for v in found if not v.series.segment)


def _stratum(city: str, rows: tuple[int, int], mean: tuple[float, float]) -> ColumnResult:
    evidence = {"values": list(rows), "mean": list(mean)}
    return special("x", Role.FEATURE, segment=f"origin={city}", evidence=evidence, c1=0.0, missing=0.02)


def test_more_rows_of_one_slice_are_a_mix() -> None:
    """No slice changed its mean; there is more of the one that was always higher."""
    moved = special("x", Role.FEATURE, c1=0.5, missing=0.02)
    slices = [
        _stratum("JFK", (30_000, 600), (80.0, 80.5)),
        _stratum("LGA", (70_000, ROWS - 600), (20.0, 19.8)),
    ]
    change, title = _title(moved, *slices)
    assert change == "mix"
    assert title.endswith("the mix moved: origin=JFK 30.0 % → 66.7 % of rows")


def test_slices_that_moved_themselves_are_no_mix() -> None:
    """The same rows of each, all higher."""
    moved = special("x", Role.FEATURE, c1=0.5, missing=0.02)
    slices = [
        _stratum("JFK", (30_000, 270), (80.0, 110.0)),
        _stratum("LGA", (70_000, ROWS - 270), (20.0, 50.0)),
    ]
    assert "mix" not in _title(moved, *slices)[1]
