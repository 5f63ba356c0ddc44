"""Which reference is a model version held against?"""

from datetime import UTC, datetime

from detectors import Kind, Role
from monitor.bound_versions import bound, elsewhere
from storage.measurements import ColumnResult
from storage.profiles import Reference, ReferenceStatus


def reference(version: int, of: str = "", status: ReferenceStatus = ReferenceStatus.BUILT) -> Reference:
    return Reference(
        id=version,
        model="m",
        version=version,
        status=status,
        created=datetime(2026, 1, version, tzinfo=UTC),
        rows=1,
        columns=(),
        digest="",
        lineage={"model_version": of} if of else {},
    )


def result(version: str, on: str) -> ColumnResult:
    return ColumnResult(
        column="score",
        role=Role.SCORE,
        kind=Kind.NUMERIC,
        rows=1,
        missing=0,
        version=version,
        evidence={"reference": on} if on else {},
    )


def test_the_newest_reference_of_a_version_counts() -> None:
    """Promoted or not, retired or not; what was built of several versions is nobody's."""
    built = [reference(4), reference(3, "v2"), reference(2, "v2", ReferenceStatus.RETIRED)]
    active = reference(1, "v1", ReferenceStatus.ACTIVE)
    assert bound([*built, active], active) == {"v2": built[1]}


def test_the_reference_in_force_speaks_for_its_own_version() -> None:
    """A newer one of the same version waits to be promoted."""
    active = reference(1, "v1", ReferenceStatus.ACTIVE)
    assert bound([reference(2, "v1"), active], active) == {}


def test_stored_results_name_their_reference() -> None:
    """Those of the whole, of the one in force, and of older databases, which name none, are not asked."""
    active, own = reference(1, "v1", ReferenceStatus.ACTIVE), reference(2, "v2")
    results = [result("", ""), result("v1", "v1"), result("v2", "v2"), result("v3", "")]
    assert elsewhere(results, active, [active, own]) == {"v2": own}
