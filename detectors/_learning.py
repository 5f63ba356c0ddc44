"""What do the reference's own windows teach about normal?

Everything is estimated from component means y with the rows n they rest on; raw rows are never needed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from detectors import _ewma
from detectors._column import JOINT, PERFORMANCE, VOLUME
from detectors._noise import ComponentNoise, NoiseModel, Record, RecordWindow, score_component
from detectors._slots import Slotting, choose

Floats = NDArray[np.float64]

_RECORD_QUANTILES = 256
_RECORD_EXACT = 32
_RHO_MAX = 0.9
_LAGS = 14
_NU_MIN = 4.0
# Of hundreds of pairs the most extreme decides, and correlations under dependence have heavy tails.
_NU_JOINT = 8.0
_VARIANCE_FLOOR = 1e-12
_RECORD_ROBUST_SD = 6.0  # a window further out than this is named to the person who builds the reference


@dataclass(frozen=True, slots=True, kw_only=True)
class Observations:
    """One component over the R reference windows, in time order."""

    y: Floats  # f8[R]; NaN where the window did not have the column
    n: NDArray[np.int64]  # i8[R] rows
    variance: Floats  # f8[R] within-window variance of one row
    share: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Prior:
    """What the reference file itself says of a component, before any window is looked at."""

    mean: float
    rows: int  # N
    counted: bool = False  # zero in the reference by construction
    upward: bool = False  # only a rise is a change


def never_seen(rows: int, singletons: int = 0) -> Prior:
    """The share of rows expected where the reference has none: (N₁ + ½) / (N + 1).

    Good–Turing (Good, Biometrika 40, 1953): values seen once among N rows estimate the share of unseen ones.
    """
    return Prior(mean=(singletons + 0.5) / (rows + 1.0), rows=rows, counted=True, upward=True)


def learn(
    observations: Mapping[tuple[str, str], Observations],
    slots: Mapping[str, NDArray[np.int64]],
    *,
    priors: Mapping[tuple[str, str], Prior] | None = None,
    production: bool = False,
) -> NoiseModel:
    """The noise of each (column, component).

    `slots`: i8[R] codes by kind. `priors`: needed for what is zero by construction, for components that no
    window observed, and for all when `production` windows teach: then μ stays the file's and the windows
    give τ², ρ, ν and slot offsets centred on zero.
    """
    priors = priors or {}
    components: dict[tuple[str, str], ComponentNoise] = {}
    records: list[RecordWindow] = []
    windows = 0
    for key in sorted({*observations, *priors}):
        found = _component(key, observations.get(key), slots, priors.get(key), production)
        components[key], used, far = found
        windows = max(windows, used)
        records += far
    return NoiseModel(
        components=components,
        windows=windows,
        learnt_from="production" if production else "reference",
        records=tuple(records),
    )


def _component(
    key: tuple[str, str],
    seen: Observations | None,
    slots: Mapping[str, NDArray[np.int64]],
    prior: Prior | None,
    production: bool,
) -> tuple[ComponentNoise, int, list[RecordWindow]]:
    keep = np.zeros(0, dtype=np.bool_) if seen is None else (seen.n > 0) & np.isfinite(seen.y)
    used = int(keep.sum())
    if prior is not None and (prior.counted or used < 2):
        return _from_prior(prior, seen, keep, used), used, []
    if seen is None or used < 2:
        raise ValueError("noise model: a component needs two windows or what the reference file says of it")
    y, n = seen.y[keep], seen.n[keep].astype(np.float64)
    codes = {kind: values[keep] for kind, values in slots.items()}
    floor = 0.5 / (float(n.sum()) + 1.0) if seen.share else 0.0
    # A count of rows has no rows of its own: all of its variance lies between windows.
    sigma2 = 0.0 if key[0] == VOLUME else _row_variance(seen, keep, y, n)
    rough = _between(y - _mean(y, n), n, sigma2, used, 1)
    weight = 1.0 / np.maximum(sigma2 / n + rough, _VARIANCE_FLOOR)
    slotting = choose(y, weight, codes)
    fitted_means = len(slotting.means)
    residual = y - slotting.fitted
    variance = np.maximum(sigma2 / n + _between(residual, n, sigma2, used, fitted_means), _VARIANCE_FLOOR)
    rho, memory, wider = _memory(residual / np.sqrt(variance))
    # Windows that remember each other say less about μ, so more of τ² went into the fitted mean.
    fitted = fitted_means - 1.0 + memory
    tau2 = _between(residual, n, sigma2, used, fitted)
    variance = np.maximum(sigma2 / n + tau2, _VARIANCE_FLOOR)
    scaled = residual * np.sqrt(used / max(used - fitted, 1.0)) / np.sqrt(variance)
    up, down = _scale(scaled[scaled > 0.0]), _scale(scaled[scaled < 0.0])
    # The tail is that of z, which is measured in the scale of its side: skew is not counted twice.
    standard = scaled / np.where(scaled > 0.0, up, down)
    freedom = max(_NU_MIN, used / memory - (fitted_means - 1.0))
    nu = _tail(standard, min(freedom, _NU_JOINT) if key[0] == JOINT else freedom, used)
    means = slotting.means
    grand = _mean(y, weight)
    offset = 0.0
    if production and prior is not None:
        offset = grand - prior.mean
        means = {code: value - offset for code, value in means.items()}
        grand = prior.mean
    noise = ComponentNoise(
        share=seen.share,
        upward=prior is not None and prior.upward,
        slot=slotting.kind,
        means=means,
        cycles=slotting.cycles,
        mean=grand,
        slot_variance=float(np.var(list(means.values()))) if len(means) > 1 else 0.0,
        floor=floor,
        sigma2=sigma2,
        tau2=tau2,
        scale_up=up,
        scale_down=down,
        nu=nu,
        rho=rho,
        memory=memory,
        windows=used,
        ewma_variance=_ewma.variance(wider, memory, used),
        # Storms come in spells and wreck performance for days: no tail is averaged away there.
        ewma_nu=nu if key[0] == PERFORMANCE else _ewma_tail(standard, rho, freedom, used),
        offset=offset,
    )
    return (
        _with_records(noise, y - offset, n, slotting, codes, offset),
        used,
        _outliers(key, scaled, residual, n, keep),
    )


def _from_prior(
    prior: Prior, seen: Observations | None, keep: NDArray[np.bool_], used: int
) -> ComponentNoise:
    """No window taught, or none may: the file's own share or mean, and the variance of a row alone."""
    mean, sigma2, floor = prior.mean, 1.0, 0.5 / (prior.rows + 1.0)
    share = prior.counted if seen is None else seen.share
    if prior.counted and seen is not None and used:
        # A noise model learnt elsewhere than the profile may have met some; then they are normal.
        rows = float(seen.n[keep].sum())
        mean = max(mean, (float((seen.y[keep] * seen.n[keep]).sum()) + 0.5) / (rows + 1.0))
    if share:
        believable = min(max(mean, floor), 1.0 - floor)
        sigma2 = believable * (1.0 - believable)
    return ComponentNoise(
        share=share,
        upward=prior.upward,
        counted=prior.counted,
        means={0: mean},
        cycles={0: max(used, 1)},
        mean=mean,
        floor=floor,
        sigma2=sigma2,
        windows=used,
        ewma_variance=_ewma.variance(1.0, 1.0, max(used, 1)),
    )


def _mean(y: Floats, weight: Floats) -> float:
    return float(np.sum(weight * y) / np.sum(weight))


def _row_variance(seen: Observations, keep: NDArray[np.bool_], y: Floats, n: Floats) -> float:
    """Pooled within-window variance of a row; of a share p̂(1 − p̂), p̂ = (k + ½) / (N + 1)."""
    if seen.share:
        rows = float(n.sum())
        share = (float(np.sum(y * n)) + 0.5) / (rows + 1.0)
        return share * (1.0 - share)
    freedom = np.maximum(n - 1.0, 0.0)
    if not freedom.sum():
        return 1.0  # windows of one row: nothing is known within; smooth components have variance 1
    return float(np.sum(freedom * seen.variance[keep]) / freedom.sum())


def _between(residual: Floats, n: Floats, sigma2: float, windows: int, fitted: float) -> float:
    """τ² by moments, weighted by rows: unweighted, tiny night windows drive it to 0."""
    scaled2 = residual**2 * windows / max(windows - fitted, 1.0)
    return max(0.0, float(np.sum(n * (scaled2 - sigma2 / n)) / np.sum(n)))


def _scale(side: Floats) -> float:
    return max(1.0, float(np.sqrt(np.mean(side**2)))) if len(side) else 1.0


def _tail(scaled: Floats, freedom: float, windows: int, part: float = 1.0) -> float:
    """ν from the excess kurtosis κ (of a t law: 6 / (ν − 4)), shrunk towards none where windows are few."""
    second = float(np.mean(scaled**2))
    excess = float(np.mean(scaled**4)) / second**2 - 3.0 if second > 0.0 else 0.0
    excess *= part * windows / (windows + 10.0)
    nu = _NU_MIN + 6.0 / excess if excess > 0.0 else freedom
    return max(_NU_MIN, min(nu, freedom))


def _ewma_tail(scaled: Floats, rho: float, freedom: float, windows: int) -> float:
    """ν of the running mean: averaging loses the tail of z as far as windows are independent."""
    clipped = np.clip(scaled, -_ewma.CLIP, _ewma.CLIP)
    return _tail(clipped, freedom, windows, part=rho)


def _memory(scaled: Floats) -> tuple[float, float, float]:
    """Lag-1 correlation ρ; windows that carry the information of one; how much wider memory makes an EWMA.

    Both from ρ as if the windows were AR(1), or from the correlations found at longer lags where they say
    more (a week of the same weather remembers for longer than ρ to the power of seven).
    """
    windows = len(scaled)
    total = float(np.sum(scaled**2))
    if total <= 0.0 or windows < 4:
        return 0.0, 1.0, 1.0
    lags = np.arange(1, min(_LAGS, windows // 4) + 1)
    found = np.array([float(np.sum(scaled[lag:] * scaled[:-lag])) / total for lag in lags])
    rho = float(found[0])
    rho = min(_RHO_MAX, max(0.0, rho + (1.0 + 3.0 * rho) / windows))
    memory = (1.0 + rho) / (1.0 - rho)
    # Taking the mean off biases each correlation by about −memory/R (Kendall, Biometrika 41, 1954).
    found = found + memory / windows
    # Bartlett weights keep the long-run variance positive (Newey & West, Econometrica 55, 1987).
    longer = 1.0 + 2.0 * float(np.sum((1.0 - lags / (len(lags) + 1.0)) * found))
    wider = 1.0 + 2.0 * float(np.sum((1.0 - _ewma.LAMBDA) ** lags * found))
    memory = min(max(memory, longer), windows / 4.0)
    return rho, memory, max(_ewma.widening(rho), wider)


def _with_records(
    noise: ComponentNoise,
    y: Floats,
    n: Floats,
    slotting: Slotting,
    codes: Mapping[str, NDArray[np.int64]],
    offset: float,
) -> ComponentNoise:
    """How far the reference's windows went, each judged by a mean learnt without it, as a new one will be."""
    windows = len(y)
    slot = codes.get(noise.slot, np.zeros(windows, dtype=np.int64))
    z, ewma, state = np.empty(windows), np.empty(windows), _ewma.Ewma()
    left_out = slotting.left_out - offset
    for index in range(windows):
        code = int(slot[index])
        alone = replace(noise, means={code: float(left_out[index])}, cycles={code: noise.cycles.get(code, 1)})
        found = score_component(alone, float(y[index]), int(n[index]), code)
        state = _ewma.advance(state, found.z_now, found.effect)
        z[index], ewma[index] = abs(found.z), abs(state.z)
    return replace(noise, z_record=_record(z), ewma_record=_record(ewma))


def _record(values: Floats) -> Record:
    ordered = np.sort(values)
    total = len(ordered)
    picked = np.arange(total)
    if total > _RECORD_QUANTILES + _RECORD_EXACT:
        body = total - _RECORD_EXACT
        quantiles = np.linspace(0, body - 1, _RECORD_QUANTILES).round().astype(np.int64)
        picked = np.unique(np.concatenate([quantiles, np.arange(body, total)]))
    # Of equal values the first has the whole share; the others would never be looked at.
    first = np.unique(ordered[picked], return_index=True)[1]
    return Record(
        values=tuple(float(v) for v in ordered[picked[first]]),
        ranks=tuple(float((total - at) / total) for at in picked[first]),
    )


def _outliers(
    key: tuple[str, str], scaled: Floats, residual: Floats, n: Floats, keep: NDArray[np.bool_]
) -> list[RecordWindow]:
    """Windows further than 6 robust sd from the others."""
    spread = 1.4826 * float(np.median(np.abs(scaled)))
    if spread <= 0.0:
        return []
    far, index, (column, component) = np.abs(scaled) / spread, np.flatnonzero(keep), key
    return [
        RecordWindow(
            column=column,
            component=component,
            window=int(index[i]),
            robust_sd=float(far[i]),
            effect=float(residual[i]),
            rows=int(n[i]),
        )
        for i in np.flatnonzero(far > _RECORD_ROBUST_SD)
    ]
