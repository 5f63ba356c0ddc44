"""Which model versions of a window have a reference of their own, and what do their rows say on it?

Rows of several versions are counted apart on the reference in force. A canary that was trained on other data
is not to blame for that: a version for which a reference was built is held against that one, by its noise.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from detectors import Profile, Role, WindowSummary
from monitor.appearances import MODEL_VERSION
from monitor.columns import extras
from monitor.counting import count_span
from monitor.measuring import (
    LEAST_SLICE,
    judged_on,
    measure_window,
    version_results,
)
from monitor.runtime import Watched
from monitor.source import Source
from storage.measurements import ColumnResult
from storage.profiles import Reference
from storage.span import Span

# What follows from what the model said.
_ANSWERS = frozenset(
    {Role.SCORE, Role.PREDICTION, Role.DERIVED, Role.JOINT, Role.BEHAVIOUR, Role.ESTIMATE, Role.SHADOW}
)


def model_version(reference: Reference) -> str:
    """The version that answered a reference's rows; empty: several, or nobody knows."""
    return str(reference.lineage.get(MODEL_VERSION, ""))


def named(reference: Reference) -> str:
    """What a result says it was measured on."""
    return f"v{reference.version}"


def bound(references: Iterable[Reference], active: Reference) -> dict[str, Reference]:
    """By model version, the newest reference built of its rows alone. The one in force speaks for its own."""
    found: dict[str, Reference] = {}
    for each in sorted(references, key=lambda reference: reference.version):
        version = model_version(each)
        if version and version != model_version(active):
            found[version] = each
    return found


def elsewhere(
    results: Iterable[ColumnResult], reference: Reference, references: Iterable[Reference]
) -> dict[str, Reference]:
    """By model version, the reference that its stored results were measured on, where it is another one."""
    names = {named(each): each for each in references}
    on = {result.version: result.evidence.get("reference") for result in results if result.version}
    return {
        version: names[name]
        for version, name in on.items()
        if isinstance(name, str) and name in names and name != named(reference)
    }


def measured_by_version(
    summary: WindowSummary,
    results: Sequence[ColumnResult],
    references: Iterable[Reference],
    active: Reference,
    profile_of: Callable[[Reference], Profile],
    source: Source,
    span: Span | None,
    watched: Watched,
) -> list[ColumnResult]:
    """The results of a window on the reference in force, those of bound versions measured again on their own.

    What the model answered is, of the whole, then measured of the other versions' rows alone, or each canary
    would alert twice: once as itself, once as a shift of the mean of both. Reads the rows once more for each
    bound version: other knots. `span`: None for all rows of the source.
    """
    own = bound(references, active)
    versions = sorted({result.version for result in results} & {*own})
    found = _without(summary, versions, results, profile_of(active), watched) if versions else list(results)
    found = [judged_on(result, named(active), model_version(active)) for result in found]
    for version in versions:
        profile = profile_of(own[version])
        counted = count_span(source, profile, span, extras(watched.config))
        if counted.left_out:  # what came as summaries was counted on the reference in force: it stays there
            continue
        rows = counted.summary.by_version().get(version)
        again = () if rows is None else version_results(profile, rows, version, watched.detectors)
        found = [result for result in found if result.version != version]
        found += [judged_on(result, named(own[version]), version) for result in again]
    return found


def _without(
    summary: WindowSummary,
    versions: Sequence[str],
    results: Sequence[ColumnResult],
    profile: Profile,
    watched: Watched,
) -> list[ColumnResult]:
    """Inputs and service over all rows, answers over the rows of the other versions."""
    others = [part for version, part in summary.by_version().items() if version not in versions]
    rest = sum(others, start=WindowSummary.empty(profile))
    if rest.rows < LEAST_SLICE:
        return list(results)
    again = {
        (result.column, result.segment): result
        for result in measure_window(profile, replace(rest, version=None, versions={}), (), watched.detectors)
        if result.role in _ANSWERS
    }
    return [
        result if result.version else again.get((result.column, result.segment), result) for result in results
    ]
