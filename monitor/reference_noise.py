"""How much does everything that decides move from one reference window to the next by itself?

The same function that measures a live window measures each reference window (monitor/window_components.py);
small models answer as ones that have not seen it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from detectors import Component, Profile, WindowSummary, count
from detectors._column import PERFORMANCE, VOLUME, taken
from detectors._count import Extras
from detectors._learning import Observations, Prior, learn
from detectors._noise import NoiseModel
from detectors._performance import count_performance, performance_components, performance_of
from detectors._performance_summary import PerformanceSummary
from detectors._priors import priors
from detectors._slices import slices_of
from monitor.observations import Key, observe
from monitor.reference_parts import Outcome
from monitor.reference_rows import Rows, place
from monitor.window_components import SLICE_COMPONENTS, slice_components, window_components
from monitor.windows import WindowSpec, slots
from storage.span import Span


@dataclass(slots=True, kw_only=True)
class Observed:
    """What the windows looked at so far said, in time order."""

    whole: list[dict[Key, Component]] = field(default_factory=list)
    slices: dict[str, list[dict[Key, Component]]] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    total: WindowSummary | None = None

    def add(
        self,
        profile: Profile,
        summary: WindowSummary,
        span: Span,
        at: float,
        performance: PerformanceSummary | None,
    ) -> None:
        """One more window. `at`: share of the reference's rows before its middle."""
        found = _keyed(window_components(profile, summary, at=at))
        if performance is not None:
            found |= _keyed({PERFORMANCE: performance_components(profile, performance)})
        self.whole.append(found)
        slices = slices_of(profile)
        for name, own in (slices.profiles if slices else {}).items():
            part = summary.slices.get(name)
            known_parts = slice_components(own, part) if part is not None and part.rows else {}
            self.slices.setdefault(name, []).append(_keyed(known_parts))
        self.spans.append(span)
        self.total = summary if self.total is None else self.total + summary


def look(
    seen: Observed, profile: Profile, rows: Rows, span: Span, outcome: Outcome | None, extras: Extras
) -> None:
    """Add one reference window."""
    start, stop = place(rows, span)
    columns = {name: taken(column, slice(start, stop)) for name, column in rows.columns.items()}
    summary = count(profile, columns, stop - start, extras)
    known = known_performance(profile, rows, span, outcome)
    seen.add(profile, summary, span, middle(rows, span), known)


def middle(rows: Rows, span: Span) -> float:
    """Share of the rows before the middle one of a window: folds of small models are cut by it."""
    start, stop = place(rows, span)
    return 0.5 * (start + stop) / rows.count


def known_performance(
    profile: Profile, rows: Rows, span: Span, outcome: Outcome | None
) -> PerformanceSummary | None:
    """How well the model did in a window; None where nothing says what was true."""
    if outcome is None or performance_of(profile) is None:
        return None
    start, stop = place(rows, span)
    columns = {name: taken(column, slice(start, stop)) for name, column in rows.columns.items()}
    known = outcome[start:stop] if isinstance(outcome, np.ndarray) else taken(outcome, slice(start, stop))
    return count_performance(profile, columns, known, stop - start)  # type: ignore[arg-type]


def learn_noise(
    seen: Observed, profile: Profile, rows: Rows, outcome: Outcome | None, spec: WindowSpec, extras: Extras
) -> NoiseModel:
    """The noise of the whole and, apart, of each slice. `rows` and `outcome`: of the whole reference."""
    codes = [slots(spec, span) for span in seen.spans]
    kinds = codes[0].keys() if codes else ()
    by_kind = {kind: np.array([code[kind] for code in codes], dtype=np.int64) for kind in kinds}
    said = priors(profile) | _beside(seen, profile, rows, outcome, extras)
    noise = learn(enough(observe(seen.whole), said), by_kind, priors=said)
    slices = slices_of(profile)
    if slices is None:
        return noise
    found: dict[str, NoiseModel] = {}
    for name, own in slices.profiles.items():
        of_slice = slice_priors(own)
        observed = observe(seen.slices.get(name, []))
        found[name] = learn(enough(observed, of_slice), by_kind, priors=of_slice)
    return replace(noise, slices=found)


def slice_priors(profile: Profile) -> dict[Key, Prior]:
    """What a slice's own profile says of what slices are judged on."""
    return {key: prior for key, prior in priors(profile).items() if key[1] in SLICE_COMPONENTS}


def _beside(
    seen: Observed, profile: Profile, rows: Rows, outcome: Outcome | None, extras: Extras
) -> dict[Key, Prior]:
    """What the whole reference says of what is no column, taken as one window."""
    total = seen.total if seen.total is not None else count(profile, rows.columns, rows.count, extras)
    found = {
        name: parts
        for name, parts in window_components(profile, total).items()
        if name not in profile.columns
    }
    if outcome is not None and performance_of(profile) is not None:
        counted = count_performance(profile, rows.columns, outcome, rows.count)
        found[PERFORMANCE] = performance_components(profile, counted)
    found.pop(VOLUME, None)  # of all rows it says nothing
    return {key: Prior(mean=part.y, rows=part.n) for key, part in _keyed(found).items()}


def enough(observed: Mapping[Key, Observations], said: Mapping[Key, Prior]) -> dict[Key, Observations]:
    """Without what one window alone had, and the reference as a whole says nothing of."""
    return {key: seen for key, seen in observed.items() if key in said or int((seen.n > 0).sum()) > 1}


def _keyed(found: Mapping[str, Sequence[Component]]) -> dict[Key, Component]:
    return {(name, part.name): part for name, parts in found.items() for part in parts}
