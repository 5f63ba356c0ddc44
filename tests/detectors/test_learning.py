"""What the reference's windows teach."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest

from detectors._learning import Observations, Prior, learn, never_seen
from detectors._noise import NoiseModel, score, score_component

R = 168
DAY = np.arange(R) % 7
SLOTS = {"none": DAY * 0, "weekend": (DAY >= 5).astype(np.int64), "day_of_week": DAY}
MONDAY = {"none": 0, "weekend": 0, "day_of_week": 0}


def _numeric(y: np.ndarray, n: np.ndarray) -> Observations:
    return Observations(y=y, n=n, variance=np.ones(len(y)), share=False)


def _share(k: np.ndarray, n: np.ndarray) -> Observations:
    y = k / np.maximum(n, 1)
    return Observations(y=y, n=n, variance=y * (1.0 - y), share=True)


def _model(seed: int, tau: float, n: int = 900, rho: float = 0.0) -> NoiseModel:
    rng = np.random.default_rng(seed)
    effect = np.zeros(R)
    for t in range(R):
        fresh = tau * rng.standard_normal()
        effect[t] = rho * effect[t - 1] + math.sqrt(1.0 - rho**2) * fresh if t else fresh
    rows = rng.poisson(n, R)
    y = effect + rng.standard_normal(R) / np.sqrt(rows)
    return learn({("x", "c1"): _numeric(y, rows)}, SLOTS)


def test_rows_of_one_window_are_not_independent() -> None:
    """τ² is found beside σ²/n: with 900 rows a window the naive variance is 80 times too small."""
    tau2 = np.mean([_model(seed, 0.3).components["x", "c1"].tau2 for seed in range(20)])
    assert tau2 == pytest.approx(0.09, rel=0.1)


def test_without_window_effects_there_is_no_tau() -> None:
    """Independent rows: τ² stays far below σ²/n."""
    tau2 = np.mean([_model(seed, 0.0).components["x", "c1"].tau2 for seed in range(20)])
    assert tau2 < 0.1 / 900


def test_tiny_windows_do_not_hide_tau() -> None:
    """Nights of 3 rows between days of 900: weighted by rows, τ² is that of the days."""
    rng = np.random.default_rng(5)
    n = np.where(np.arange(R) % 2, 900, 3)
    y = 0.3 * rng.standard_normal(R) + rng.standard_normal(R) / np.sqrt(n)
    found = learn({("x", "c1"): _numeric(y, n)}, {}).components["x", "c1"]
    assert found.tau2 == pytest.approx(0.09, rel=0.4)


def test_memory_is_learnt() -> None:
    """ρ of an AR(1) process, and that neighbours say less than independent windows."""
    found = [_model(seed, 0.3, rho=0.6).components["x", "c1"] for seed in range(20)]
    assert np.mean([noise.rho for noise in found]) == pytest.approx(0.6, abs=0.08)
    assert np.mean([noise.memory for noise in found]) > 3.0
    assert np.mean([_model(seed, 0.3).components["x", "c1"].memory for seed in range(20)]) < 1.5


def test_z_of_new_windows_has_variance_one() -> None:
    """Windows that did not teach: z is standard, with window effects and without."""
    for tau in (0.0, 0.3):
        z = []
        for seed in range(40):
            model = _model(seed, tau)
            rng = np.random.default_rng(1000 + seed)
            for _ in range(50):
                y = tau * rng.standard_normal() + rng.standard_normal() / 30.0
                found = score(model, "x", "c1", y, 900, MONDAY)
                assert found is not None
                z.append(found.z)
        assert np.mean(z) == pytest.approx(0.0, abs=0.1)
        assert 0.75 < np.var(z) < 1.15


def test_p_is_never_below_the_share_of_reference_windows_as_extreme() -> None:
    """The record guard: what the reference itself did 5 times in 168 is not a one-in-a-million event."""
    rng = np.random.default_rng(2)
    y = rng.standard_normal(R) * 0.01
    y[[10, 40, 70, 100, 130]] = 1.0
    model = learn({("x", "c1"): _numeric(y, np.full(R, 900))}, SLOTS)
    within = score(model, "x", "c1", 0.95, 900, MONDAY)
    beyond = score(model, "x", "c1", 3.0, 900, MONDAY)
    assert within is not None
    assert within.p >= 5 / R
    assert beyond is not None
    assert beyond.guard == 0.0


def test_one_sided_storms_widen_one_side_only() -> None:
    """Side scales: upwards it strays further, downwards it does not."""
    rng = np.random.default_rng(4)
    y = np.where(rng.random(R) < 0.2, 1.0, 0.0) + 0.05 * rng.standard_normal(R)
    noise = learn({("x", "c1"): _numeric(y, np.full(R, 900))}, SLOTS).components["x", "c1"]
    assert noise.scale_up > 1.2
    assert noise.scale_down == 1.0


def test_what_the_reference_cannot_hold_follows_good_and_turing() -> None:
    """(N₁ + ½)/(N + 1), binomial tail, no guard, only upwards."""
    prior = never_seen(150_000, singletons=3)
    assert prior.mean == pytest.approx(3.5 / 150_001)
    empty = _share(np.zeros(R), np.full(R, 900))
    model = learn({("c", "unseen"): empty}, SLOTS, priors={("c", "unseen"): prior})
    found = score(model, "c", "unseen", 0.04, 900, MONDAY)
    nothing = score(model, "c", "unseen", 0.0, 900, MONDAY)
    assert found is not None
    assert found.p < 1e-60
    assert found.guard == 0.0
    assert nothing is not None
    assert nothing.p == 1.0


def test_nothing_divides_by_zero() -> None:
    """Constant components, empty windows, missing values, one row a window."""
    n = np.full(R, 900)
    n[3] = 0
    y = np.zeros(R)
    y[5] = math.nan
    constant = Observations(y=y, n=n, variance=np.zeros(R), share=False)
    single = Observations(y=y, n=np.ones(R, dtype=np.int64), variance=np.zeros(R), share=False)
    model = learn(
        {("x", "c1"): constant, ("x", "missing"): _share(np.zeros(R), n), ("y", "c1"): single}, SLOTS
    )
    for column, component in (("x", "c1"), ("x", "missing"), ("y", "c1")):
        for value in (0.0, 0.5):
            found = score(model, column, component, value, 900, MONDAY)
            assert found is not None
            assert math.isfinite(found.z)
            assert 0.0 <= found.p <= 1.0
    jump = score(model, "x", "c1", 0.5, 900, MONDAY)
    assert jump is not None
    assert jump.p < 1e-6


def test_small_shares_use_the_exact_count() -> None:
    """One row of 60 where one in 2,000 is expected is no event of three sigma."""
    rng = np.random.default_rng(7)
    n = np.full(R, 60)
    model = learn({("x", "missing"): _share(rng.binomial(n, 0.0005), n)}, SLOTS)
    found = score(model, "x", "missing", 1 / 60, 60, MONDAY)
    assert found is not None
    assert abs(0.016 - found.mu) / math.sqrt(found.sigma2 / 60) > 3.0
    assert found.p > 0.02
    assert found.z_now < 3.0


def test_json_gives_the_same_model_back() -> None:
    """To the bit, also through text."""
    model = _model(1, 0.3)
    assert NoiseModel.from_json(json.loads(json.dumps(model.to_json()))) == model


def test_an_unknown_format_is_refused() -> None:
    """A newer program's noise model."""
    with pytest.raises(ValueError, match="format must be 1 or 2, got 3"):
        NoiseModel.from_json({"format": 3})


def test_damaged_text_is_refused() -> None:
    """A model that is half there would judge by the wrong numbers."""
    stored = _model(1, 0.3).to_json()
    stored["components"] = stored["components"][: len(stored["components"]) // 8 * 4]
    with pytest.raises(ValueError, match="cut off"):
        NoiseModel.from_json(stored)


def test_long_records_are_thinned_but_keep_the_largest() -> None:
    """256 quantiles and the 32 largest exactly."""
    rng = np.random.default_rng(3)
    windows = 2_000
    y = rng.standard_normal(windows)
    noise = learn({("x", "c1"): _numeric(y, np.full(windows, 900))}, {}).components["x", "c1"]
    for side, record in ((1.0, noise.z_record.up), (-1.0, noise.z_record.down)):
        assert len(record.values) <= 288
        assert noise.z_record.share(side * record.values[-1]) == pytest.approx(2 / windows)
        assert noise.z_record.share(side * record.values[-32]) == pytest.approx(64 / windows)
        assert noise.z_record.share(side * 0.6745) == pytest.approx(0.5, abs=0.05)


def test_a_storm_above_mutes_nothing_below() -> None:
    """Record and tail are those of the side on which a window lies."""
    rng = np.random.default_rng(5)
    y = rng.standard_normal(120) / 30.0
    y[40] = 0.6
    noise = learn({("x", "c1"): _numeric(y, np.full(120, 900))}, {}).components["x", "c1"]
    above, below = (score_component(noise, side * 0.3, 900, 0) for side in (1.0, -1.0))
    assert above.guard == pytest.approx(2 / 120)
    assert below.guard == 0.0
    assert noise.nu_up < 10.0 < noise.nu_down
    assert below.p < 1e-4 < above.p


def test_older_models_load() -> None:
    """An object a component; the oldest have one tail and one record, which are then those of each side."""
    entry = {
        "column": "x",
        "component": "c1",
        "share": False,
        "upward": False,
        "counted": False,
        "slot": "day_of_week",
        "means": [[0, 0.25, 5], [3, 0.5, 6]],
        "mean": 0.3,
        "slot_variance": 0.01,
        "floor": 0.0,
        "sigma2": 1.0,
        "tau2": 0.1,
        "scale_up": 1.0,
        "scale_down": 1.5,
        "rho": 0.2,
        "memory": 1.5,
        "long_memory": 2.0,
        "windows": 11,
        "ewma_variance": 1.25,
        "ewma_nu": 30.0,
        "sum_nu": 20.0,
        "offset": 0.0,
    }
    oldest = {"nu": 9.0, "z_record": [[1.0, 2.5], None], "ewma_record": [[0.5, 3.0], [0.5, 0.01]]}
    newer = {
        "nu_up": 7.0,
        "nu_down": 8.0,
        "sum_variances": [1.0, 1.5, 2.0],
        "z_record": {"up": [[1.0], [0.5]], "down": [[2.5], [0.25]]},
        "ewma_record": {"up": [[], []], "down": [[3.0], [0.01]]},
    }
    rest = {"format": 1, "windows": 11, "learnt_from": "reference", "records": [], "slices": {}}
    known, later = (
        NoiseModel.from_json({**rest, "components": [entry | kind]}).components["x", "c1"]
        for kind in (oldest, newer)
    )
    assert (known.nu_up, known.nu_down) == (9.0, 9.0)
    assert [known.z_record.share(z) for z in (-2.0, 2.0, 3.0)] == [0.5, 0.5, 0.0]
    assert known.ewma_record.share(-2.9) == 0.01
    assert (known.means, known.cycles, known.scale_down) == ({0: 0.25, 3: 0.5}, {0: 5, 3: 6}, 1.5)
    assert (later.nu_down, later.sum_variances) == (8.0, (1.0, 1.5, 2.0))
    assert [later.z_record.share(z) for z in (0.9, -2.4, 3.0)] == [0.5, 0.25, 0.0]
    again = NoiseModel(components={("x", "c1"): later}, windows=11)
    assert NoiseModel.from_json(again.to_json()) == again


def test_few_windows_are_learning() -> None:
    """Twenty windows make a model; none leave it to the file's own means."""
    few = learn({("x", "c1"): _numeric(np.zeros(19), np.full(19, 50))}, {})
    file_only = learn({}, {}, priors={("x", "c1"): Prior(mean=0.1, rows=5_000)})
    assert few.learning
    assert file_only.learning
    assert not _model(1, 0.3).learning
    found = score(file_only, "x", "c1", 0.1, 900, MONDAY)
    assert found is not None
    assert found.z == 0.0


def test_production_teaches_noise_but_not_the_mean() -> None:
    """μ stays the file's: a standing offset is a difference to be told, not the new normal."""
    rng = np.random.default_rng(9)
    y = 0.5 + 0.3 * rng.standard_normal(R) + 1.0 * (DAY >= 5)
    prior = {("x", "c1"): Prior(mean=0.0, rows=10_000)}
    noise = learn(
        {("x", "c1"): _numeric(y, np.full(R, 900))}, SLOTS, priors=prior, production=True
    ).components["x", "c1"]
    assert noise.offset == pytest.approx(0.5 + 2 / 7, abs=0.1)
    assert noise.mean == 0.0
    assert noise.means[1] - noise.means[0] == pytest.approx(1.0, abs=0.2)
    assert noise.tau2 == pytest.approx(0.09, rel=0.3)


def test_a_window_that_sets_a_record_is_named() -> None:
    """A storm that would mute the column for ever is told to the person who builds the reference."""
    rng = np.random.default_rng(1)
    y = 0.1 * rng.standard_normal(R)
    y[33] = 2.0
    noise = learn({("x", "c1"): _numeric(y, np.full(R, 900))}, SLOTS)
    (record,) = noise.records
    assert (record.column, record.component, record.window, record.rows) == ("x", "c1", 33, 900)
    assert record.robust_sd > 6.0
    assert record.effect == pytest.approx(2.0, abs=0.2)
    assert NoiseModel.from_json(noise.to_json()).records == noise.records


def test_a_slot_never_seen_is_wider_not_an_error() -> None:
    """Its mean is that of all slots, its variance that between them on top."""
    rng = np.random.default_rng(6)
    y = 2.0 * (DAY == 4) + 0.1 * rng.standard_normal(R)
    noise = learn({("x", "c1"): _numeric(y, np.full(R, 900))}, SLOTS).components["x", "c1"]
    assert noise.slot == "day_of_week"
    assert abs(score_component(noise, 2.0, 900, 99).z) < 4.0 < score_component(noise, 2.0, 900, 0).z


def test_slices_go_through_json() -> None:
    """Each with a model of its own, inside that of the whole."""
    whole = replace(_model(1, 0.2), slices={"origin=JFK": _model(2, 0.1)})
    assert NoiseModel.from_json(json.loads(json.dumps(whole.to_json()))) == whole


def test_relations_have_heavy_tails_and_performance_keeps_its_own() -> None:
    """ν ≤ 8 for pairs; the running mean of performance has the ν of its z, a column loses its tail."""
    rng = np.random.default_rng(3)
    y, rows = 0.1 * rng.standard_t(5, R), np.full(R, 900)
    seen = {
        key: _numeric(y, rows) for key in (("__joint__", "r:a~b"), ("__performance__", "bias"), ("x", "c1"))
    }
    found = learn(seen, SLOTS).components
    assert found["__joint__", "r:a~b"].nu <= 8.0
    assert found["__performance__", "bias"].ewma_nu == found["__performance__", "bias"].nu
    assert found["x", "c1"].ewma_nu > found["x", "c1"].nu


def test_hundreds_of_relations_know_their_tail_together() -> None:
    """Of 300 normal pairs few keep a heavy tail: a change by 12 sd survives 300 pairs and 100 columns."""
    rng = np.random.default_rng(5)
    rows = np.full(R, 1_000)
    seen = {
        ("__joint__", f"r:a~b{i:03d}"): _numeric(rng.standard_normal(R) / np.sqrt(1_000.0), rows)
        for i in range(300)
    }
    found = learn(seen, SLOTS).components.values()
    p = [score_component(noise, noise.mean + 12.0 / np.sqrt(1_000.0), 1_000, 0).p_law for noise in found]
    assert np.mean(np.array(p) * 300 * 100 <= 0.005) > 0.95


def test_a_count_of_rows_varies_between_windows_only() -> None:
    """One number a window: σ² is 0, or a halved volume would be one ordinary row."""
    y = 6.8 + 0.05 * np.random.default_rng(4).standard_normal(R)
    seen = Observations(y=y, n=np.ones(R, dtype=np.int64), variance=np.zeros(R), share=False)
    found = learn({("__volume__", "rows"): seen}, SLOTS).components["__volume__", "rows"]
    assert found.sigma2 == 0.0
    assert found.tau2 == pytest.approx(0.0025, rel=0.3)
