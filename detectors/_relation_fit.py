"""Which columns should be watched together, and what is usual for each pair? Learnt once, from the reference.

Needs the reference's rows, so it runs where a reference is built; nothing of a row is kept.
"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from detectors._column import Column, Columns, NumericColumn, Role
from detectors._column_profile import NumericProfile
from detectors._joint import correlations, pairs
from detectors._profile import Profile
from detectors._relations import LEAST_ROWS, MOST_COLUMNS, SCORE_UNIT, Relations, atanh

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

_WATCHED = (Role.FEATURE, Role.SCORE, Role.PREDICTION)  # what is derived from the score is told by the score
_MOST_OUTPUTS = 4  # of a model with many scores the strongest, like any other column
_MOST_KEYS = 8

# Rows of a window that are enough: r of 20,000 rows strays by 0.007, a twentieth of the least change worth a
# word (0.15), and beyond that the windows' own differences are all there is.
_ENOUGH_ROWS = 20_000
# Rows that agree in all keys are chosen together or not at all, so this many different ones must be left.
_ENOUGH_KEYS = 1_000
_SAMPLE = 200_000  # evenly spaced reference rows for what the reference says as a whole
_HIGH_MOMENTS = 50_000
# Excess kurtosis of r that is let pass: a t law of ν = 4 + 6/0.5 = 16, no heavier than that of few windows.
_KURTOSIS = 0.5
_LEAST_VARIANCE = 0.25  # near |r| = 1 atanh is held, and rows without any spread would make all a surprise


def fit_relations(
    profile: Profile,
    columns: Columns,
    rows: int,
    window_rows: int,
    window_of_row: Integers | None = None,
    *,
    share: float = 1.0,
) -> bytes | None:
    """The part of a profile that says how its columns go together; None where no pair can be watched.

    `window_rows`: rows of a usual window. `window_of_row`: int64[rows], the reference window of each row, −1
    outside: with windows, the usual r is that within a window (season moves two columns together over a
    year that have nothing to do with each other in a day). `share`: of the reference's rows that these are.
    """
    found = _candidates(profile, columns)
    if len(found) < 2 or rows < LEAST_ROWS:
        return None
    names = _strongest(profile, columns, rows, found)
    sampled = _taken({name: columns[name] for name in names}, _spaced(rows, _SAMPLE))
    keys, sparsity = _choice(profile, sampled, names, window_rows)
    draft = _plain(names, keys, sparsity)
    r, both = _pooled(profile, sampled, names)
    known = both >= LEAST_ROWS
    if not (known & np.isfinite(r)).any():
        return None
    usual, between = atanh(np.where(known, r, np.nan)), np.zeros(r.shape)
    spread, least = _law_of_r(profile, _taken(sampled, _spaced(_length(sampled), _HIGH_MOMENTS)), names)
    draft = replace(draft, least=least)
    if window_of_row is not None:
        # Of a sample less has to be left out for as many rows a window.
        thinned = replace(draft, sparsity=max(0, sparsity + min(0, int(np.ceil(np.log2(share))))))
        usual, between = _of_windows(profile, thinned, columns, window_of_row, usual, spread)
    return Relations(
        columns=names,
        keys=keys,
        sparsity=sparsity,
        rows=both,
        least=least,
        usual=usual,
        row_variance=spread,
        window_variance=between,
    ).to_bytes()


def _candidates(profile: Profile, columns: Columns) -> tuple[str, ...]:
    """Numeric columns that vary, in the profile's order."""
    return tuple(
        name
        for name, column in profile.columns.items()
        if isinstance(column, NumericProfile)
        and column.role in _WATCHED
        and column.knots.size > 1
        and column.values >= LEAST_ROWS
        and isinstance(columns.get(name), NumericColumn)
    )


def _strongest(profile: Profile, columns: Columns, rows: int, found: tuple[str, ...]) -> tuple[str, ...]:
    """All of them, or what the model says and the columns with the strongest relation: it can break."""
    if len(found) <= MOST_COLUMNS:
        return found
    outputs = [name for name in found if profile.columns[name].role is not Role.FEATURE]
    kept = outputs if len(outputs) <= _MOST_OUTPUTS else []
    # The work grows with the square of the columns, so fewer rows are looked at.
    sample = _spaced(rows, max(2_000, _ENOUGH_ROWS * MOST_COLUMNS // len(found)))
    r, both = _pooled(profile, _taken({name: columns[name] for name in found}, sample), found)
    strength = np.abs(np.where((both >= LEAST_ROWS) & np.isfinite(r), r, 0.0))
    best = np.zeros(len(found))
    for places in pairs(len(found)):
        np.maximum.at(best, places, strength)
    order = sorted(range(len(found)), key=lambda place: (found[place] not in kept, -best[place], place))
    return tuple(found[place] for place in sorted(order[:MOST_COLUMNS]))


def _choice(
    profile: Profile, sampled: Columns, names: tuple[str, ...], window_rows: int
) -> tuple[tuple[str, ...], int]:
    """By which values rows are chosen, and one in 2 to the power of what."""
    wanted = max(0, int(np.log2(max(window_rows, 1) / _ENOUGH_ROWS))) if window_rows > _ENOUGH_ROWS else 0
    by_ties = sorted(names, key=lambda name: (_ties(profile, name), names.index(name)))
    keys = tuple(by_ties[:_MOST_KEYS])
    if wanted == 0:
        return keys, 0
    different = _different(sampled, keys)
    if different < _ENOUGH_KEYS << wanted and len(names) > len(keys):
        keys = names
        different = _different(sampled, keys)
    # No two rows alike: as many different keys as anybody could ask for.
    return keys, int(np.log2(min(max(different / _ENOUGH_KEYS, 1.0), 2.0**wanted)))


def _ties(profile: Profile, name: str) -> float:
    """Chance that two reference rows hold the same value (Simpson, Nature 163, 1949)."""
    column = profile.columns[name]
    shares = column.counts / max(column.values, 1)
    return float(np.sum(shares**2))


def _different(sampled: Columns, keys: tuple[str, ...]) -> float:
    """How many equally frequent keys would agree as often by chance as those of the rows do."""
    from detectors._joint_counting import key_hashes  # noqa: PLC0415 - loads the compiler

    rows = _length(sampled)
    counts = np.unique(key_hashes([_values(sampled[name]) for name in keys], rows), return_counts=True)[1]
    agreeing = float(np.sum(counts * (counts - 1.0)))
    return rows * (rows - 1.0) / agreeing if agreeing else np.inf


def _pooled(profile: Profile, sampled: Columns, names: tuple[str, ...]) -> tuple[Floats, Integers]:
    """r of each pair over all these rows, and the rows with both."""
    from detectors._joint_counting import count_joint  # noqa: PLC0415 - loads the compiler

    return correlations(count_joint(profile, _plain(names, (), 0), sampled, _length(sampled)))


def _law_of_r(profile: Profile, sampled: Columns, names: tuple[str, ...]) -> tuple[Floats, Integers]:
    """n·Var(atanh r) for n independent rows such as these, and the rows that make r nearly normal.

    By the influence of a row on r, xy − r(x² + y²)/2 for standardised x and y: its variance over (1 − r²)²
    (Devlin, Gnanadesikan & Kettenring, Biometrika 62, 1975, section 2). 1 under a bivariate normal law; more
    where large values come together, as in two columns that are zero in the same rows. The mean of n products
    xy has the excess kurtosis of one of them over n; that of independent columns is the least believed, as
    rows where two rare values meet may be missing here.
    """
    from detectors._joint_counting import normal_scores  # noqa: PLC0415 - loads the compiler

    x = np.empty((len(names), _length(sampled)))
    held = np.empty_like(x)
    for place, name in enumerate(names):
        cuts, levels = normal_scores(profile.columns[name])
        values = _values(sampled[name])
        score = levels[np.searchsorted(cuts, values, side="right")] / SCORE_UNIT
        here = ~np.isnan(values)
        spread = float(np.std(score[here])) if here.any() else 0.0
        held[place] = here
        x[place] = np.where(here, score - np.mean(score[here]), 0.0) / spread if spread > 0.0 else 0.0
    i, j = pairs(len(names))
    n = np.maximum((held @ held.T)[i, j], 1.0)
    squares, cubes, fourths = x * x, x**3, x**4
    r = (x @ x.T)[i, j] / n
    third, fourth, square = cubes @ x.T, fourths @ held.T, (squares @ squares.T)[i, j]
    influence = square * (1.0 + 0.5 * r * r) - r * (third[i, j] + third[j, i])
    influence += 0.25 * r * r * (fourth[i, j] + fourth[j, i])
    variance = influence / n / np.maximum(1.0 - r * r, 1e-6) ** 2
    alone = fourths.sum(axis=1) / np.maximum(held.sum(axis=1), 1.0)
    together = (fourths @ fourths.T)[i, j] * n / np.maximum(square, 1e-300) ** 2
    kurtosis = np.maximum(alone[i] * alone[j], together)
    # Rounded, so that the digest does not hang on the order in which a machine adds.
    spread_of_r: Floats = np.round(np.maximum(variance, _LEAST_VARIANCE), 3)
    least = np.maximum(np.ceil(np.round(kurtosis / _KURTOSIS, 3)), LEAST_ROWS).astype(np.int64)
    return spread_of_r, least


def _of_windows(
    profile: Profile,
    draft: Relations,
    columns: Columns,
    window_of_row: Integers,
    pooled: Floats,
    spread: Floats,
) -> tuple[Floats, Floats]:
    """Mean of atanh r over the reference windows and its variance between them, both by moments.

    Where fewer than two windows hold a pair, the pooled r, and no variance.
    """
    from detectors._joint_counting import count_joint  # noqa: PLC0415 - loads the compiler

    watched = {name: columns[name] for name in draft.columns}
    order = np.argsort(window_of_row, kind="stable")
    ordered = window_of_row[order]
    ends = np.flatnonzero(np.diff(ordered)) + 1
    y, n = [], []
    for part in np.split(order, ends):
        if not part.size or window_of_row[part[0]] < 0:
            continue
        r, both = correlations(count_joint(profile, draft, _taken(watched, part), part.size))
        usable = (both >= draft.least) & np.isfinite(r)
        y.append(np.where(usable, atanh(r), 0.0))
        n.append(np.where(usable, both, 0))
    if len(y) < 2:
        return pooled, np.zeros(pooled.shape)
    values, rows = np.array(y), np.array(n, dtype=np.float64)
    windows = (rows > 0).sum(axis=0)
    enough = windows >= 2
    total = np.maximum(rows.sum(axis=0), 1.0)
    mean = (rows * values).sum(axis=0) / total
    noise = (rows > 0) * spread / np.maximum(rows, 1.0)
    squared = (values - mean) ** 2 * windows / np.maximum(windows - 1, 1)
    between = np.maximum((rows * (squared - noise)).sum(axis=0) / total, 0.0)
    weight = (rows > 0) / np.maximum(noise + between, 1e-12)
    mean = (weight * values).sum(axis=0) / np.maximum(weight.sum(axis=0), 1e-300)
    return np.where(enough, mean, pooled), np.where(enough, between, 0.0)


def _plain(names: tuple[str, ...], keys: tuple[str, ...], sparsity: int) -> Relations:
    """Relations that count, with nothing learnt yet."""
    empty = np.zeros(len(names) * (len(names) - 1) // 2)
    return Relations(
        columns=names,
        keys=keys,
        sparsity=sparsity,
        rows=empty.astype(np.int64),
        least=np.full(empty.shape, LEAST_ROWS, dtype=np.int64),
        usual=empty,
        row_variance=empty,
        window_variance=empty,
    )


def _spaced(rows: int, most: int) -> Integers:
    """At most so many rows, evenly spaced."""
    return np.arange(0, rows, -(-rows // most) if rows else 1, dtype=np.int64)


def _taken(columns: Columns, rows: Integers) -> dict[str, Column]:
    return {name: NumericColumn(values=_values(column)[rows]) for name, column in columns.items()}


def _values(column: Column) -> Floats:
    if isinstance(column, NumericColumn):
        return np.ascontiguousarray(column.values, dtype=np.float64)
    raise ValueError("relations: only numbers go together")


def _length(columns: Columns) -> int:
    return len(next(iter(columns.values())))
