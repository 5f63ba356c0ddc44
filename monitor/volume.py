"""Do the reference's windows hold as many rows as production's, or are they a sample of them?"""

from collections.abc import Sequence
from datetime import timedelta
from statistics import median

from monitor.reference_rows import Rows, place, reference_windows
from monitor.source import Source
from monitor.windows import WindowSpec, window_at
from storage.span import Span

_LOOKED_AT = 7  # production windows, the latest whole ones: a week of days
# Traffic that doubled since the reference is rarer than a reference of one row in ten.
_ALIKE = 2.0


def usual_rows(rows: Rows, spec: WindowSpec, excluded: Sequence[Span]) -> float | None:
    """Median rows of a reference window; None without windows."""
    places = [place(rows, window) for window in reference_windows(rows, spec, excluded)]
    return median_rows([stop - start for start, stop in places])


def median_rows(sizes: Sequence[int]) -> float | None:
    """Of windows of so many rows; None without windows."""
    return float(median(sizes)) if sizes else None


def latest_rows(source: Source, spec: WindowSpec) -> float | None:
    """Median rows of production's latest whole windows that have any; None without one."""
    newest = source.watermark()
    if newest is None:
        return None
    sizes: list[int] = []
    end = window_at(spec, newest).start  # the window of the newest row is not whole yet
    for _ in range(_LOOKED_AT):
        window = window_at(spec, end - timedelta(microseconds=1))
        sizes.append(source.fingerprint(window).rows)
        end = window.start
    held = [size for size in sizes if size]
    return float(median(held)) if held else None


def is_alike(reference: float, production: float) -> bool:
    """Within a factor of two."""
    return reference <= _ALIKE * production and production <= _ALIKE * reference
