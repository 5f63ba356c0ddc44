"""Who is looked at together."""

import pytest

from detectors import Role
from monitor.column_rules import FamilyPs
from monitor.families import Family, adjust, family
from tests.monitor.judging import numeric, special


def _ps(p: float) -> FamilyPs:
    return FamilyPs(shewhart=p, shewhart_near=p, ewma=p, ewma_near=p)


def test_families_are_apart() -> None:
    """Forty quiet slices cost a column of the whole nothing, nor performance."""
    whole, labels = numeric("x"), special("__performance__", Role.PERFORMANCE)
    part = special("x", Role.FEATURE, segment="a=1")
    found = adjust([(whole, _ps(0.01)), *[(part, _ps(1.0))] * 40, (labels, _ps(0.01)), None])
    assert found[0].shewhart.p == found[41].shewhart.p == 0.01
    assert found[42].shewhart.p == 1.0


def test_a_slice_pays_for_the_slices() -> None:
    """Benjamini and Hochberg over all of them: of forty the least p is raised forty-fold."""
    part = special("x", Role.FEATURE, segment="a=1")
    found = adjust([(part, _ps(0.01)), *[(part, _ps(1.0))] * 39])
    assert found[0].ewma.p == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("role", "expected"),
    [
        (Role.FEATURE, Family.INPUTS),
        (Role.JOINT, Family.INPUTS),
        (Role.ESTIMATE, Family.INPUTS),
        (Role.SERVICE, Family.INPUTS),
        (Role.PERFORMANCE, Family.PERFORMANCE),
    ],
)
def test_the_family_of_a_role(role: Role, expected: Family) -> None:
    """Of a version, whatever its role, it is that of the parts."""
    assert family(special("x", role)) is expected
    assert family(special("x", role, version="v2")) is Family.PARTS
