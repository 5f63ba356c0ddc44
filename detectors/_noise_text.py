"""How are the noise models of many components kept as text, and how did earlier versions keep them?

A model of 50 columns has a thousand components with a hundred numbers each. As JSON objects they take 0.11 s
to read, half as long as to evaluate the window; as arrays of float64 a quarter of that.
"""

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from detectors._component_noise import ComponentNoise
from detectors._encoding import pack, unpack
from detectors._records import Record, Records

_FLAGS = ("share", "upward", "counted")
_NUMBERS = (
    "mean",
    "slot_variance",
    "floor",
    "sigma2",
    "tau2",
    "scale_up",
    "scale_down",
    "nu_up",
    "nu_down",
    "rho",
    "memory",
    "long_memory",
    "ewma_variance",
    "ewma_nu",
    "sum_nu",
    "offset",
)
_SIDES = 4  # records of z up and down, of the running mean up and down

Components = Mapping[tuple[str, str], ComponentNoise]


def to_text(components: Components) -> str:
    """`from_text` gives the same components back, to the bit."""
    keys = sorted(components)
    noises = [components[key] for key in keys]
    sides = [side for noise in noises for side in _sides(noise)]
    rank_sets = {tuple(side.ranks): None for side in sides}  # most components have the same: kept once
    place = {ranks: at for at, ranks in enumerate(rank_sets)}
    means = [sorted(noise.means.items()) for noise in noises]
    cycles = [[noise.cycles[code] for code in sorted(noise.means)] for noise in noises]
    head = {"keys": keys, "slots": [noise.slot for noise in noises]}
    arrays: dict[str, NDArray[Any]] = {
        "flags": _counts(getattr(noise, name) for noise in noises for name in _FLAGS),
        "windows": _counts(noise.windows for noise in noises),
        "numbers": _floats(getattr(noise, name) for noise in noises for name in _NUMBERS),
        "sums": _floats(value for noise in noises for value in noise.sum_variances),
        "sums_of": _counts(len(noise.sum_variances) for noise in noises),
        "means": _floats(value for each in means for _, value in each),
        "codes": _floats(code for each in means for code, _ in each),
        "cycles": _counts(count for each in cycles for count in each),
        "means_of": _counts(map(len, means)),
        "ranks": _floats(rank for ranks in rank_sets for rank in ranks),
        "ranks_of": _counts(map(len, rank_sets)),
        "values": _floats(value for side in sides for value in side.values),
        "sides": _counts(place[tuple(side.ranks)] for side in sides),
    }
    return b64encode(pack(head, arrays)).decode()


def from_text(text: str) -> dict[tuple[str, str], ComponentNoise]:
    """ValueError for anything that `to_text` did not write."""
    head, arrays = unpack(b64decode(text, validate=True))
    rank_sets = _doubles(arrays["ranks"], arrays["ranks_of"].tolist())
    places = arrays["sides"].tolist()
    values = _doubles(arrays["values"], [len(rank_sets[place]) for place in places])
    sides = [Record(values=part, ranks=rank_sets[place]) for part, place in zip(values, places, strict=True)]
    flags = arrays["flags"].reshape(-1, len(_FLAGS)).astype(bool).tolist()
    numbers = arrays["numbers"].reshape(-1, len(_NUMBERS)).tolist()
    sums = _parts(arrays["sums"], arrays["sums_of"])
    means = _parts(arrays["means"], arrays["means_of"])
    codes = _parts(arrays["codes"].astype(np.int64), arrays["means_of"])
    cycles = _parts(arrays["cycles"], arrays["means_of"])
    windows = arrays["windows"].tolist()
    found = {}
    for at, (column, component) in enumerate(head["keys"]):
        z_up, z_down, ewma_up, ewma_down = sides[_SIDES * at : _SIDES * (at + 1)]
        found[column, component] = ComponentNoise(
            slot=head["slots"][at],
            means=dict(zip(codes[at], means[at], strict=True)),
            cycles=dict(zip(codes[at], cycles[at], strict=True)),
            windows=windows[at],
            sum_variances=tuple(sums[at]),
            z_record=Records(up=z_up, down=z_down),
            ewma_record=Records(up=ewma_up, down=ewma_down),
            **dict(zip(_FLAGS, flags[at], strict=True)),
            **dict(zip(_NUMBERS, numbers[at], strict=True)),
        )
    return found


def from_entries(entries: Iterable[Mapping[str, Any]]) -> dict[tuple[str, str], ComponentNoise]:
    """As version 0.1 kept them: an object a component."""
    return {(entry["column"], entry["component"]): _from_entry(entry) for entry in entries}


def _from_entry(entry: Mapping[str, Any]) -> ComponentNoise:
    plain = {
        key: value
        for key, value in entry.items()
        if key not in ("column", "component", "means", "nu", "z_record", "ewma_record", "sum_variances")
    }
    if "nu" in entry:  # one tail for both sides
        plain |= {"nu_up": entry["nu"], "nu_down": entry["nu"]}
    return ComponentNoise(
        means={code: value for code, value, _ in entry["means"]},
        cycles={code: count for code, _, count in entry["means"]},
        z_record=_older_records(entry["z_record"]),
        ewma_record=_older_records(entry["ewma_record"]),
        sum_variances=tuple(entry.get("sum_variances", (1.0, 1.0))),
        **plain,
    )


def _older_records(stored: Mapping[str, Any] | Sequence[Any]) -> Records:
    """By side; the oldest have one record of both: [values, ranks or None where each stands for one]."""
    if isinstance(stored, Mapping):
        up, down = (Record(values=v, ranks=r) for v, r in (stored["up"], stored["down"]))
        return Records(up=up, down=down)
    values, ranks = stored
    total = len(values)
    plain = [(total - at) / total for at in range(total)]
    both = Record(values=values, ranks=plain if ranks is None else ranks)
    return Records(up=both, down=both)


def _sides(noise: ComponentNoise) -> tuple[Record, Record, Record, Record]:
    z, ewma = noise.z_record, noise.ewma_record
    return z.up, z.down, ewma.up, ewma.down


def _floats(values: Iterable[float]) -> NDArray[np.float64]:
    return np.fromiter(values, dtype=np.float64)


def _counts(values: Iterable[int]) -> NDArray[np.int64]:
    return np.fromiter(values, dtype=np.int64)


def _doubles(values: NDArray[np.float64], sizes: Iterable[int]) -> "list[array[float]]":
    """The same as arrays, which is what `Record` keeps."""
    every = values.tobytes()
    ends = accumulate((values.itemsize * size for size in sizes), initial=0)
    return [array("d", every[first:last]) for first, last in pairwise(ends)]


def _parts(values: NDArray[Any], sizes: Iterable[int]) -> list[list[Any]]:
    """The pieces of `values` that are `sizes` long, one after the other."""
    every = values.tolist()
    return [every[first:last] for first, last in pairwise(accumulate(map(int, sizes), initial=0))]
