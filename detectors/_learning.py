"""What do the reference's own windows teach about normal?

Everything is estimated from component means y with the rows n they rest on; raw rows are never needed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray

from detectors import _e_process, _ewma
from detectors._component_noise import ComponentNoise
from detectors._noise import NoiseModel, RecordWindow, score_component
from detectors._records import Record, Records
from detectors._scatter import VARIANCE_FLOOR, Observations, Scatter, mean, scatter
from detectors._slots import Slotting
from detectors._straying import Straying, straying

__all__ = ["Observations", "Prior", "learn", "never_seen"]

Floats = NDArray[np.float64]

_RECORD_QUANTILES = 256
_RECORD_EXACT = 32
_RECORD_ROBUST_SD = 6.0  # a window further out than this is named to the person who builds the reference


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
    windows = 0
    found: list[Scatter] = []
    for key in sorted({*observations, *priors}):
        seen, prior = observations.get(key), priors.get(key)
        keep = np.zeros(0, dtype=np.bool_) if seen is None else seen.usable
        used = int(keep.sum())
        windows = max(windows, used)
        if prior is not None and (prior.counted or used < 2):
            components[key] = _from_prior(prior, seen, keep, used)
        elif seen is None or used < 2:
            raise ValueError(
                "noise model: a component needs two windows or what the reference file says of it"
            )
        else:
            found.append(scatter(key, seen, slots, keep))
    records: list[RecordWindow] = []
    for each, strays in zip(found, straying(found), strict=True):
        components[each.key] = _component(each, strays, priors.get(each.key), production)
        records += _outliers(each, strays.scaled)
    return NoiseModel(
        components=components,
        windows=windows,
        learnt_from="production" if production else "reference",
        records=tuple(records),
    )


def _component(found: Scatter, strays: Straying, prior: Prior | None, production: bool) -> ComponentNoise:
    means = found.slotting.means
    grand = mean(found.y, 1.0 / np.maximum(found.sigma2 / found.n + strays.tau2, VARIANCE_FLOOR))
    offset = 0.0
    if production and prior is not None:
        offset = grand - prior.mean
        means = {code: value - offset for code, value in means.items()}
        grand = prior.mean
    noise = ComponentNoise(
        share=found.share,
        upward=prior is not None and prior.upward,
        slot=found.slotting.kind,
        means=means,
        cycles=found.slotting.cycles,
        mean=grand,
        slot_variance=float(np.var(list(means.values()))) if len(means) > 1 else 0.0,
        floor=0.5 / (float(found.n.sum()) + 1.0) if found.share else 0.0,
        sigma2=found.sigma2,
        tau2=strays.tau2,
        scale_up=strays.up,
        scale_down=strays.down,
        nu_up=strays.nu_up,
        nu_down=strays.nu_down,
        rho=strays.memory.rho,
        memory=strays.memory.windows,
        windows=found.used,
        ewma_variance=_ewma.variance(strays.memory.wider, strays.memory.windows, found.used),
        ewma_nu=strays.ewma_nu,
        sum_variances=_ewma.sum_variances(strays.memory.correlations, strays.memory.windows, found.used),
        sum_nu=strays.sum_nu,
        offset=offset,
    )
    return _with_records(noise, found.y - offset, found.n, found.slotting, found.codes, offset)


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
        sum_variances=_ewma.sum_variances((), 1.0, max(used, 1)),
    )


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
    plain = np.empty(windows)
    left_out, spread = slotting.left_out - offset, noise.spread
    for index in range(windows):
        code = int(slot[index])
        alone = replace(noise, means={code: float(left_out[index])}, cycles={code: noise.cycles.get(code, 1)})
        found = score_component(alone, float(y[index]), int(n[index]), code)
        state = _ewma.advance(state, found.z_now, found.effect, spread.longest)
        z[index], ewma[index] = found.z, _ewma.deviate(state, spread)
        plain[index] = found.z_now * found.side
    return replace(
        noise,
        z_record=_records(z),
        ewma_record=_records(ewma),
        long_memory=max(noise.memory, _e_process.memory_of_sums(plain)),
    )


def _records(values: Floats) -> Records:
    windows = len(values)
    return Records(up=_record(values[values >= 0.0], windows), down=_record(-values[values < 0.0], windows))


def _record(distances: Floats, windows: int) -> Record:
    ordered = np.sort(distances)
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
        ranks=tuple(min(1.0, float(2 * (total - at) / windows)) for at in picked[first]),
    )


def _outliers(found: Scatter, scaled: Floats) -> list[RecordWindow]:
    """Windows further than 6 robust sd from the others."""
    spread = 1.4826 * float(np.median(np.abs(scaled)))
    if spread <= 0.0:
        return []
    far, index, (column, component) = np.abs(scaled) / spread, np.flatnonzero(found.keep), found.key
    return [
        RecordWindow(
            column=column,
            component=component,
            window=int(index[i]),
            robust_sd=float(far[i]),
            effect=float(found.residual[i]),
            rows=int(found.n[i]),
        )
        for i in np.flatnonzero(far > _RECORD_ROBUST_SD)
    ]
