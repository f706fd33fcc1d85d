"""Stability of a scale over waves and groups: by hand, laws, what must be found and what must not, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib import survey
from aidlib.estimate import Design
from aidlib.reference import Problem, message, method
from aidlib.wellbeing import congruence, drift, factor_loadings, item_thresholds, stability, threshold_shift
from aidlib.wellbeing.stability import _cosine

ITEMS = ["a", "b", "c", "d"]
DESIGN = Design(psu="psu")
SCALE = {"limits": (1, 5)}


def made(*, n=3000, loads=(0.8, 0.7, 0.75, 0.65), other=None, moved=0.0, seed=1) -> pd.DataFrame:
    """Two waves of answers to four items; in the second ``other`` loadings, item b ``moved``, and more of the trait."""
    rng = np.random.default_rng(seed)
    wave = np.arange(n) % 2
    weights = np.where(wave[:, None] == 1, other or loads, loads)
    latent = 0.4 * wave[:, None] * weights + rng.normal(size=(n, 1)) * weights
    latent = latent + rng.normal(size=(n, 4)) * np.sqrt(1 - weights**2)
    latent[:, 1] += moved * wave
    table = pd.DataFrame(np.digitize(latent, [-1, -0.2, 0.6, 1.4]) + 1.0, columns=ITEMS)
    return table.assign(year=2024 + wave, psu=np.arange(n) // 20)


# --- by hand
def test_congruence_is_a_cosine_with_the_mean():
    values = np.array([[0.8, 0.6], [0.6, 0.8]])
    assert _cosine(values) == pytest.approx([1.4 * 0.7 / (1 * np.sqrt(0.98))] * 2)


def test_thresholds_are_normal_quantiles_of_shares():
    sample = pd.DataFrame({"a": [1.0] * 50 + [2] * 50, "b": [1.0, 2] * 50, "c": [1.0] * 16 + [2] * 84})
    rows = item_thresholds(sample, None, ["a", "b", "c"], limits=(1, 2)).rows
    assert rows["estimate"].tolist() == pytest.approx([0, 0, -0.9944578832])
    assert rows["cut"].tolist() == ["1"] * 3


def test_a_shift_leaves_out_what_all_items_share():
    thresholds = item_thresholds(made(moved=0.8), DESIGN, ITEMS, by="year", **SCALE)
    found = threshold_shift(thresholds).rows.set_index(["item", "year"])["estimate"]
    plain = thresholds.rows.groupby(["year", "item"])["estimate"].mean()
    step = plain["2025"] - plain["2024"]
    assert found.xs("2025", level="year").to_dict() == pytest.approx(((step - step.mean()) / 2).to_dict())
    assert found.groupby("year").sum().abs().max() < 1e-12


# --- laws
def test_loadings_of_a_wave_are_those_of_the_wave_alone():
    sample = made()
    found = factor_loadings(sample, DESIGN, ITEMS, by="year", **SCALE).rows
    alone = factor_loadings(sample[sample["year"] == 2025], DESIGN, ITEMS, **SCALE).rows
    assert found.loc[found["year"] == "2025", "estimate"].tolist() == pytest.approx(alone["estimate"].tolist())


def test_equal_loadings_are_congruent_and_the_same_seed_gives_the_same_interval():
    loads = factor_loadings(made(), DESIGN, ITEMS, by="year", **SCALE)
    rows = congruence(loads).rows
    assert (rows["estimate"] > 0.99).all() and (rows["low"] > 0.95).all() and (rows["high"] == 1).all()
    pd.testing.assert_frame_equal(rows, congruence(loads).rows)


def test_the_interval_of_congruence_covers_the_truth():
    """Loadings differ a little; the lower end must lie below the true congruence in nearly all samples."""
    loads, other = (0.8, 0.7, 0.75, 0.65), (0.8, 0.3, 0.75, 0.65)
    truth = _cosine(np.array([loads, other])).min()
    samples = [made(n=1200, other=other, seed=s) for s in range(20)]
    found = [congruence(factor_loadings(each, DESIGN, ITEMS, by="year", **SCALE)).rows for each in samples]
    assert np.mean([rows["low"].min() < truth for rows in found]) >= 0.9


# --- what must be found, and what must not
def test_a_stable_scale_is_called_stable():
    found = stability(made(), DESIGN, ITEMS, by="year", **SCALE)
    assert found.verdict == "stable" and found.items == ()
    assert found.text("en") == message("wellbeing.stable", "en", items="")


def test_an_item_that_moved_is_named():
    found = stability(made(moved=0.8), DESIGN, ITEMS, by="year", **SCALE)
    assert (found.verdict, found.items) == ("drifting", ("b",))
    assert "b" in found.text("zh") and "b" in found.text("en")
    shift = threshold_shift(item_thresholds(made(moved=0.8), DESIGN, ITEMS, by="year", **SCALE)).rows
    assert shift.loc[shift["estimate"].abs().idxmax(), "item"] == "b"


def test_another_pattern_of_loadings_is_seen():
    sample = made(n=4000, loads=(0.9, 0.9, 0.1, 0.1), other=(0.1, 0.1, 0.9, 0.9))
    assert stability(sample, DESIGN, ITEMS, by="year", **SCALE).verdict == "different"


def test_a_small_sample_cannot_tell():
    assert stability(made(n=120), DESIGN, ITEMS, by="year", **SCALE).verdict == "cannot_tell"


def test_without_drift_few_intervals_leave_zero_out():
    rows = pd.concat([drift(made(n=800, seed=s), DESIGN, ITEMS, group="year", **SCALE).rows for s in range(15)])
    missed = ((rows["low"] > 0) | (rows["high"] < 0)).mean()
    assert missed < 0.05 + 3 * np.sqrt(0.05 * 0.95 / len(rows))


def test_the_demonstrations_scale_is_stable_over_its_waves(demo_store):
    found = survey.load("2025", "990000", demo_store)
    panel = found.panel[found.panel["year"].isin([2018, 2025])]
    items = [f"strain_{k}" for k in range(1, 6)]
    assert stability(panel, found.design(), items, ["strain_4"], by="year").verdict in {"stable", "cannot_tell"}


# --- edges
def test_a_cut_that_a_wave_lacks_does_not_count():
    sample = made()
    sample["a"] = sample["a"].where((sample["year"] == 2024) | (sample["a"] < 5), 4.0)
    thresholds = item_thresholds(sample, DESIGN, ITEMS, by="year", **SCALE)
    assert thresholds.rows.set_index(["year", "item", "cut"])["estimate"].isna().sum() == 1
    found = threshold_shift(thresholds).rows
    assert found["estimate"].notna().all() and found.groupby("year")["estimate"].sum().abs().max() < 1e-12


def test_a_group_without_answers_has_no_congruence():
    sample = made().assign(year=lambda s: s["year"].astype("str").astype("category").cat.add_categories(["2026"]))
    sample.loc[sample.index[:60], ["year", "a"]] = ["2026", np.nan]
    shift = threshold_shift(item_thresholds(sample, DESIGN, ITEMS, by="year", **SCALE)).rows.set_index("year")
    assert (shift.loc["2026", "flag"] == "empty").all() and shift.loc["2024", "estimate"].notna().all()
    rows = congruence(factor_loadings(sample, DESIGN, ITEMS, by="year", **SCALE)).rows.set_index("year")
    assert rows.loc["2026", ["estimate", "low", "high"]].isna().all() and rows.loc["2024", "estimate"] > 0.99


def test_notes_are_there_in_both_languages():
    sample = made(n=400)
    loads = factor_loadings(sample, DESIGN, ITEMS, by="year", **SCALE)
    results = [loads, congruence(loads), drift(sample, DESIGN, ITEMS, group="year", **SCALE)]
    assert all(method(found.method, x) for found in results for x in ("zh", "en"))


# --- errors
def test_a_group_column_that_is_not_there_is_named():
    with pytest.raises(Problem, match="region"):
        drift(made(n=400), DESIGN, ITEMS, group="region", **SCALE)


def test_without_any_answer_there_is_nothing_to_compare():
    sample = made(n=400).assign(d=lambda s: s["d"].where(s["year"] == 2026))
    with pytest.raises(Problem) as error:
        stability(sample, DESIGN, ITEMS, by="year", **SCALE)
    assert error.value.key == "wellbeing.item_constant"


def test_a_single_group_is_refused():
    with pytest.raises(Problem, match="year"):
        drift(made().assign(year=2024), DESIGN, ITEMS, group="year", **SCALE)
