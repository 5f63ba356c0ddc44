"""What is normal for a model? Reads its reference once and returns the profile and the noise of its windows.

Two passes over the rows in memory: the first finds the knots, the second counts each reference window on
them. Nothing is written here; no raw row is kept.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from detectors import NumericProfile, Profile, Role, ScoreSpec
from detectors._cells import KNOTS
from detectors._count import Extras
from detectors._noise import NoiseModel
from detectors._profile import build_profile
from monitor.reference_noise import Observed, learn_noise, look
from monitor.reference_parts import Asked, fit_parts, outcome_of
from monitor.reference_rows import Rows, place, read_rows, reference_windows, span_of
from monitor.windows import WindowSpec
from storage.span import Span

__all__ = ["Asked", "Built", "Progress", "Rows", "build", "quiet", "read_rows", "reference_windows"]

Progress = Callable[[str, int, int], None]  # what is going on, done, of how many (0: not known yet)


def quiet(_what: str, _done: int, _of: int) -> None:
    """The progress that nobody watches."""


NOTHING = Asked()


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """What a reference build gives; `notices` are for the person who asked for it."""

    profile: Profile
    noise: NoiseModel
    span: Span | None  # of the rows; None for a file without time
    spans: tuple[Span, ...]  # whole windows learnt from, in time order
    notices: tuple[str, ...]

    @property
    def windows(self) -> int:
        return len(self.spans)


def build(
    rows: Rows,
    *,
    roles: Mapping[str, Role],
    score: ScoreSpec | None,
    label: str | None,
    include: Sequence[str],
    spec: WindowSpec,
    excluded: Sequence[Span],
    min_rows: int,
    profile: Profile | None = None,
    asked: Asked = NOTHING,
    progress: Progress = quiet,
) -> Built:
    """Profile and noise of the rows. `label` names the outcome's column among them; it is not profiled.

    Given a `profile`, only the noise of its components is learnt.
    """
    outcome = outcome_of(rows.columns.get(label)) if label else None
    spans = [span for span in reference_windows(rows, spec, excluded) if _rows(rows, span) >= min_rows]
    if profile is None:
        progress("profiling columns", 0, 0)
        profile = build_profile(
            {name: column for name, column in rows.columns.items() if name in roles},
            roles=roles,
            score=score,
            outcome=outcome,
            include=tuple(include),
            knots=asked.grain.intervals if asked.grain else KNOTS,
        )
        progress("learning how columns go together", 0, 0)
        profile = profile.with_parts(fit_parts(profile, rows, outcome, spans, asked))
    extras = Extras(shadow=asked.shadow, error=asked.error)
    seen = Observed()
    for index, span in enumerate(spans):
        progress("learning what is normal", index + 1, len(spans))
        look(seen, profile, rows, span, outcome, extras)
    return Built(
        profile=profile,
        noise=learn_noise(seen, profile, rows, outcome, spec, extras),
        span=span_of(rows.times),
        spans=tuple(spans),
        notices=(*profile.notices, *flat_columns(profile), *left_out(asked)),
    )


def flat_columns(profile: Profile) -> list[str]:
    """A notice for each column that says nothing, so that whoever built it from wrong rows sees it."""
    notices = []
    for name, column in profile.columns.items():
        if column.role is Role.DERIVED:
            continue
        if column.values == 0:
            notices.append(
                f"{name}: has no value in the whole reference; exclude it or build from other rows"
            )
        elif isinstance(column, NumericProfile) and column.sd == 0.0:
            notices.append(
                f"{name}: is {column.mean:g} in every row of the reference; any other value alerts"
            )
        elif isinstance(column, NumericProfile) and column.infinite == column.values:
            notices.append(f"{name}: is infinite in the whole reference; exclude it or build from other rows")
    return notices


def left_out(asked: Asked) -> list[str]:
    """What is not watched because of where the windows are counted."""
    grain = asked.grain
    if grain is None:
        return []
    return [
        f"windows are counted by {grain.place}: how columns go together is not judged, and a numeric column "
        f"has {grain.intervals} intervals (its Kolmogorov–Smirnov distance is known to "
        f"{1 / grain.intervals:.3f})"
    ]


def _rows(rows: Rows, span: Span) -> int:
    start, stop = place(rows, span)
    return stop - start
