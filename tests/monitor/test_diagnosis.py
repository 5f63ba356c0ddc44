"""Named changes, in words of the column's own unit."""

from dataclasses import replace
from typing import Any

import pytest

from monitor.policy import JudgePolicy, Threshold
from monitor.unit_change import UnitChange, unit_change
from monitor.wording import label, number, percent, slot
from tests.monitor.judging import QUANTILES, category, judged, noise_model, numeric, one

NOISE = noise_model()


def _evidence(factor: float = 1.0, offset: float = 0.0, **more: Any) -> dict[str, Any]:
    """A window whose quantiles are a line through the reference's."""
    window = [offset + factor * value for value in QUANTILES["reference"]]
    return {
        "quantiles": {**QUANTILES, "window": window},
        "mean": [1000.0, offset + factor * 1000.0],
        "sd": [700.0, factor * 700.0],
        "unit": {"a": offset, "b": factor, "residual": 0.02, "scale": factor, "scale_residual": 0.03},
        **more,
    }


def _title(result: Any, column: str = "x", policy: JudgePolicy | None = None) -> tuple[str, str]:
    verdict = one(judged(result, noise=NOISE, policy=policy), column)
    return verdict.change, verdict.title


def test_another_unit_is_named_with_its_conversion() -> None:
    """Miles that became kilometres."""
    steady = noise_model(tau=0.02)
    verdict = one(judged(numeric(c1=0.9, evidence=_evidence(1.609344)), noise=steady))
    assert (verdict.change, verdict.title) == (
        "unit",
        "x: looks like ×1.609 (miles → kilometres): median 900 → 1,448",
    )


def test_conversions_of_one_factor_are_both_named() -> None:
    """Twelve is inches and months: the factor is as sure as if it were one."""
    for factor, name in (
        (12.0, "feet → inches or a month → a year"),
        (1 / 12, "inches → feet or a year → a month"),
    ):
        assert unit_change(_evidence(factor * 1.04)) == UnitChange(factor=factor, offset=0.0, name=name)
    assert unit_change(_evidence(10.0)) == UnitChange(factor=10.0, offset=0.0, name="")


def test_a_shift_says_where_to_and_what_is_normal() -> None:
    """Median, size in sd, and the range in the column's own unit."""
    change, title = _title(numeric(c1=0.8, evidence=_evidence(1.0, 650.0)))
    assert change == "shifted"
    assert title.startswith("x: median 900 → 1,550, shifted +0.79 sd (normal ")
    low, high = title.removesuffix(")").rsplit("normal ", 1)[1].split(" to ")
    assert float(low.replace(",", "")) < 900 < float(high.replace(",", "")) < 1_550


def test_a_shift_that_hides_from_the_median_is_told_by_the_mean() -> None:
    """Few distinct values: the median may stay or go the other way."""
    evidence = _evidence(1.0, -10.0) | {"mean": [1000.0, 1200.0]}
    assert "mean 1,000 → 1,200" in _title(numeric(c1=0.8, evidence=evidence))[1]


def test_spread_is_told_by_sd() -> None:
    """Location still, tails out."""
    evidence = _evidence() | {"sd": [700.0, 1200.0]}
    change, title = _title(numeric(c2=0.9, evidence=evidence))
    assert change == "spread"
    assert title == "x: wider: sd 700 → 1,200 (normal about 526 to 851), median 900 → 900"


def test_missing_says_how_much_is_normal() -> None:
    """Shares of rows."""
    change, title = _title(numeric(missing=0.036, evidence={"missing_share": [0.004, 0.036]}))
    assert (change, title) == ("missing", "x: missing 0.4 % → 3.6 % (normal ≤ 0 %)")


def test_a_new_value_is_named() -> None:
    """With its share; raw, since the message cleans it."""
    assert _title(category(unseen=0.04), "c") == ("new_category", "c: new value ZZ in 4.0 % of rows")


def test_a_renamed_value_is_told_apart_from_a_new_one() -> None:
    """One left, one of the same share came."""
    result = category(ua=0.2, unseen=0.4)
    evidence = dict(result.evidence) | {"vanished": [{"label": "DL", "share": [0.4, 0.0]}]}
    found = _title(replace(result, evidence=evidence), "c")
    assert found == ("renamed", "c: DL (40.0 %) is gone, ZZ (40.0 %) is new")


def test_a_renamed_value_may_stray_as_the_old_one_did() -> None:
    """DL varied by chance and so does its new name: half as much again of 40 % is no news in 20 rows."""
    small = replace(category(unseen=0.6), rows=20)
    parts = tuple(
        replace(part, n=20, y={"level:UA": 0.45, "level:DL": 0.0, "unseen": 0.55}.get(part.name, 0.0))
        for part in small.components
    )
    evidence = dict(small.evidence) | {"vanished": [{"label": "DL", "share": [0.4, 0.0]}]}
    assert _title(replace(small, components=parts, evidence=evidence), "c")[0] == "renamed"
    many = tuple(replace(part, n=900) for part in parts)
    large = replace(small, rows=900, components=many, evidence=evidence)
    assert _title(large, "c")[0] == "new_category"


def test_a_mix_names_the_level_that_moved() -> None:
    """With the range that is normal."""
    change, title = _title(category(ua=0.8), "c")
    assert change == "mix"
    assert title.startswith(("c: UA 60.", "c: UA 59.", "c: DL 40.", "c: DL 39."))


def test_a_level_that_left_is_named_before_those_that_grew_for_it() -> None:
    """Without DL the others are a larger part: DL is gone."""
    change, title = _title(category(ua=1.0), "c")
    assert change == "vanished"
    assert title.startswith("c: DL is gone (normal ")


def test_a_label_that_reads_as_a_number_is_quoted() -> None:
    """`1 40.9 %` is no sentence."""
    assert [label(text) for text in ("1", "A320", "UA")] == ['"1"', '"A320"', "UA"]


def test_a_stuck_value_is_named() -> None:
    """The value, its share, and what it had."""
    stuck = {"stuck": {"value": 8.06, "share": [0.12, 1.0], "excess": 0.88}}
    assert _title(numeric(stuck=0.88, evidence=stuck)) == (
        "stuck",
        "x: 8.06 in 100 % of rows (reference 12.0 %)",
    )


def test_a_value_that_grew_by_half_did_not_get_stuck() -> None:
    """In a column of few values that is a change of mix: a ticket."""
    grown = {"stuck": {"value": 8.0, "share": [0.5, 0.75], "excess": 0.25}}
    assert one(judged(numeric(stuck=0.25, evidence=grown), noise=NOISE)).severity == "ticket"


def test_out_of_range_says_the_range_and_what_was_seen() -> None:
    """With infinities counted."""
    evidence = {"edges": [-10.0, 50.0], "minimum": [0.0, 1.0], "maximum": [40.0, 999.0], "infinite": [0, 2]}
    change, title = _title(numeric(out_of_range=0.05, evidence=evidence))
    assert change == "out_of_range"
    assert title == "x: 5.0 % of rows out of range: outside -10 to 50, seen 1 to 999, 2 infinite"


def test_a_broken_feed_is_named_before_the_shift_it_causes() -> None:
    """Missing and shifted: missing."""
    assert _title(numeric(c1=0.9, missing=0.4))[0] == "missing"


def test_a_plain_limit_is_named_by_its_metric() -> None:
    """When nothing else breached."""
    from detectors import Measurement

    psi = Measurement(column="x", metric="psi", value=0.31, n_reference=9_000, n=900)
    policy = JudgePolicy(thresholds=(Threshold(metric="psi", ticket=0.1),))
    assert _title(numeric(measurements=[psi]), policy=policy) == ("limit", "x: psi 0.31 (limit 0.1)")


@pytest.mark.parametrize(
    ("factor", "offset", "name"),
    [
        (1.609344, 0.0, "miles → kilometres"),
        (1 / 1.609344, 0.0, "kilometres → miles"),
        (1000.0, 0.0, ""),
        (2.2046226, 0.0, "kilograms → pounds or m/s → mph"),
        (3.2808399, 0.0, "metres → feet"),
        (5 / 9, -160 / 9, "°F → °C"),
    ],
)
def test_known_conversions_are_found(factor: float, offset: float, name: str) -> None:
    """There and back, and lines with an offset."""
    evidence = _evidence(factor, offset)
    if offset:
        evidence["unit"] |= {"scale_residual": 1.0}
    found = unit_change(evidence)
    assert found is not None
    assert found.name == name


def test_percent_is_named_only_of_what_may_be_a_share() -> None:
    """A height in centimetres is a hundredfold, not percent."""
    height = unit_change(_evidence(100.0))
    assert height is not None
    assert (height.factor, height.name) == (100.0, "")
    shares = _evidence(100.0)
    shares["quantiles"] = {
        **QUANTILES,
        "reference": [v / 2500 for v in QUANTILES["reference"]],
        "window": [v / 25 for v in QUANTILES["reference"]],
    }
    assert unit_change(shares) == UnitChange(factor=100.0, offset=0.0, name="shares → percent")


def test_around_zero_a_wider_spread_is_no_unit() -> None:
    """Of centred values half as wide again is not kilometres, however well it fits; a thousandfold is."""
    centred = [-1.6, -0.7, 0.0, 0.7, 1.6]
    for factor, is_unit in ((1.609344, False), (0.4535924, False), (1000.0, True), (0.01, True)):
        evidence = _evidence(factor)
        window = [factor * v for v in centred]
        evidence["quantiles"] = {**QUANTILES, "reference": centred, "window": window}
        assert (unit_change(evidence) is not None) is is_unit


def test_millimetres_are_no_hours() -> None:
    """25.4 and 24 lie 6 % apart: each is named alone where it fits, and both in between."""
    for factor, name in ((25.4, "inches → millimetres"), (24.0, "days → hours")):
        found = unit_change(_evidence(factor))
        assert found is not None
        assert found.name.startswith(name)
    between = unit_change(_evidence(24.65))
    assert between is not None
    assert between.name == "days → hours or inches → millimetres"


def test_conversions_that_a_window_cannot_tell_apart_are_all_named() -> None:
    """Windows that stray by 15 % do not tell 0.45 from 0.39; where they could be anything, none is named."""
    sharp = unit_change(_evidence(0.40), stray=0.02)
    assert sharp is not None
    assert sharp.name == "centimetres → inches"
    loose = unit_change(_evidence(0.41), stray=0.15)
    assert loose is not None
    assert loose.factor == 0.41
    assert loose.name == "centimetres → inches or mph → m/s or pounds → kilograms"
    blind = unit_change(_evidence(0.41), stray=0.6)
    assert blind is not None
    assert blind.name == ""


def test_a_line_is_known_by_where_the_values_are() -> None:
    """Fahrenheit whose fit is four degrees off at zero, and one where it was measured, is Fahrenheit."""
    warm = [33.6, 43.3, 50.0, 56.7, 66.4]
    evidence = _evidence()
    evidence["quantiles"] = {**QUANTILES, "reference": warm, "window": [28.0 + 1.88 * v for v in warm]}
    evidence["unit"] |= {"a": 28.0, "b": 1.88, "scale": 2.4, "scale_residual": 0.31}
    found = unit_change(evidence)
    assert found is not None
    assert found.name == "°C → °F"
    evidence["unit"] |= {"a": 273.15, "b": 1.0}
    kelvin = unit_change(evidence)
    assert kelvin is not None
    assert kelvin.name == "°C → K"
    wide = _evidence(1.0, 273.15)
    wide["unit"] |= {"scale_residual": 1.0}
    assert unit_change(wide) is None  # values 2,400 apart: a shift


def test_an_hour_that_is_always_larger_is_no_unit() -> None:
    """The factor is taken against what is usual at that hour."""
    assert unit_change(_evidence(1.609344)) is not None
    assert unit_change(_evidence(1.609344), usual=1.6) is None
    found = unit_change(_evidence(1.609344 * 1.6), usual=1.6)
    assert found is not None
    assert found.name == "miles → kilometres"


def test_a_shift_that_no_middle_shows_is_told_by_a_quantile() -> None:
    """Never "shifted −0.2 sd" alone."""
    evidence = _evidence() | {"mean": [1000.0, 1010.0]}
    evidence["quantiles"]["window"] = [2.0, *QUANTILES["reference"][1:]]
    assert "5 % quantile 100 → 2, shifted" in _title(numeric(c1=-0.8, evidence=evidence))[1]


def test_a_factor_keeps_signs() -> None:
    """What was positive and is negative now was spread or moved, not converted."""
    evidence = _evidence(1.609344)
    evidence["quantiles"]["window"][0] = -20.0
    assert unit_change(evidence) is None


def test_a_free_factor_is_no_unit() -> None:
    """A windy day: half as strong again is 1.45, no conversion; nor is a line that does not fit."""
    assert unit_change(_evidence(1.4)) is None
    assert unit_change(_evidence(1.05)) is None
    loose = _evidence(1.609344)
    loose["unit"] |= {"scale_residual": 0.6, "residual": 0.5}
    assert unit_change(loose) is None
    zeros = _evidence(3.6)
    zeros["quantiles"] = {**zeros["quantiles"], "reference": [0.0, 0.0, 0.0, 0.0, 1.0]}
    assert unit_change(zeros) is None
    assert unit_change({}) is None


def _ends(value: float, piled: float, beyond: float, end: str = "high") -> dict[str, Any]:
    facts = {"value": value, "share": [0.001, 0.001 + piled], "rows": round(900 * piled), "beyond": beyond}
    other = {"value": 0.0, "share": [0.001, 0.001], "rows": 1, "beyond": 0.001}
    low = "low" if end == "high" else "high"
    return {"ends": {end: facts, low: other}}


def test_values_that_were_cut_off_are_told_by_the_mass_at_the_end() -> None:
    """As many rows at the greatest value as the reference has beyond it, whichever rule finds it."""
    stuck = {"stuck": {"value": 1800.0, "share": [0.001, 0.121], "excess": 0.12}}
    for result in (
        numeric(stuck=0.12, evidence=stuck | _ends(1800.0, 0.12, 0.11)),
        numeric(c2=-0.9, evidence=_evidence() | _ends(1800.0, 0.12, 0.11)),
    ):
        change, title = _title(result)
        assert change == "clipped"
        assert title == "x: cut off at 1,800: 12.1 % of rows there, none above (reference 11.0 %)"


def test_mass_at_an_end_with_nothing_beyond_is_a_default_not_a_cut() -> None:
    """Minus one, where nothing was below zero: a value that nobody measured."""
    stuck = {"stuck": {"value": -1.0, "share": [0.0, 0.08], "excess": 0.08}}
    change, title = _title(numeric(stuck=0.08, evidence=stuck | _ends(-1.0, 0.08, 0.0, "low")))
    assert change == "default_value"
    assert title == "x: -1 in 8.0 % of rows (reference 0 %): a default?"


def test_a_default_in_place_of_missing_values_says_so() -> None:
    """Somebody filled the gaps."""
    filled = {
        "stuck": {"value": 0.0, "share": [0.001, 0.08], "excess": 0.079},
        "missing_share": [0.08, 0.0],
    }
    title = _title(numeric(stuck=0.079, evidence=filled))[1]
    assert title == "x: 0 in 8.0 % of rows (reference 0.1 %), missing 8.0 % → 0 %: a default?"


def test_a_frequent_value_that_grew_is_a_mix() -> None:
    """Neither frozen nor filled in."""
    grown = {"stuck": {"value": 8.0, "share": [0.5, 0.75], "excess": 0.25}}
    assert _title(numeric(stuck=0.25, evidence=grown)) == ("mix", "x: 8 50.0 % → 75.0 % of rows")


def test_the_greatest_value_of_an_ordinary_window_is_no_cut() -> None:
    """One row of fifty is two percent, and two percent of the reference lie beyond it."""
    small = numeric(c2=-1.2, rows=50, evidence=_evidence() | _ends(1800.0, 0.02, 0.02))
    small.evidence["ends"]["high"]["rows"] = 1  # type: ignore[index]  # a dict of these tests
    assert _title(small)[0] == "spread"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1429.13, "1,429"),
        (888.0, "888"),
        (0.0123456, "0.01235"),
        (63.25, "63.25"),
        (-2.0, "-2"),
        (0.0, "0"),
        (1e20, "1e+20"),
        (2.5e-9, "2.5e-09"),
        (None, "none"),
        (123456.7, "123,457"),
    ],
)
def test_numbers_have_four_digits(value: float | None, text: str) -> None:
    """Thousands marked, no trailing zeros."""
    assert number(value) == text


def test_small_shares_keep_a_digit() -> None:
    """0.004 % is not 0 %."""
    assert [percent(p) for p in (0.036, 0.00004, 0.0, 1.0, None)] == [
        "3.6 %",
        "0.004 %",
        "0 %",
        "100 %",
        "none",
    ]


def test_slots_are_words() -> None:
    """The codes of monitor.windows."""
    assert slot("day_of_week", 1) == " for a Tuesday"
    assert slot("weekend", 1) == " for a weekend"
    assert slot("hour_of_day", 3) == " at 03:00"
    assert slot("hour_weekend", 27) == " at 03:00 on a weekend"
    assert slot("none", 0) == ""


def test_a_column_of_many_values_is_not_quoted() -> None:
    """Over 200 levels may be names or addresses: how many rows is told, not what stands in them."""
    few = category(unseen=0.04)
    many = replace(few, evidence={**few.evidence, "distinct": [201, 202]})
    change, title = _title(many, "c")
    assert change == "new_category"
    assert "ZZ" not in title
    assert "4.0 % of rows" in title
    assert "ZZ" in _title(replace(few, evidence={**few.evidence, "distinct": [200, 201]}), "c")[1]


def test_labels_are_cleaned_before_they_reach_a_title() -> None:
    """Five thousand characters and control bytes stay in the data."""
    evil = "\x1b[31m" + "x" * 5_000
    assert label(evil) == "[31m" + "x" * 75 + "…"
