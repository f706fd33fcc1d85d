"""Every measure works with calibrated and replicate weights, change, stack and JSON: one mechanism behind them all."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Estimates, calibrate, change, make_replicates, stack
from aidlib.poverty import (
    RelativeLine,
    alkire_foster,
    atkinson,
    decompose_change,
    decompose_inequality,
    fgt_contributions,
    generalised_entropy,
    gini,
    palma_ratio,
    quintile_share_ratio,
    relative_line,
    relative_median_gap,
    sen_shorrocks_thon,
    watts,
)

DESIGN = Design("weight", "stratum", "psu")
LINE = RelativeLine(0.7)
MEASURES = {
    "gini": lambda s, d: gini(s, d, "income", by="kind", margins=True),
    "quintile": lambda s, d: quintile_share_ratio(s, d, "income", by="kind"),
    "palma": lambda s, d: palma_ratio(s, d, "income", by="kind"),
    "atkinson": lambda s, d: atkinson(s, d, "income", by="kind"),
    "entropy": lambda s, d: generalised_entropy(s, d, "income", by="kind"),
    "watts": lambda s, d: watts(s, d, "income", line=LINE, by="kind"),
    "sst": lambda s, d: sen_shorrocks_thon(s, d, "income", line=LINE, by="kind"),
    "line": lambda s, d: relative_line(s, d, "income", by="kind"),
    "gap": lambda s, d: relative_median_gap(s, d, "income", by="kind"),
    "foster": lambda s, d: alkire_foster(s, d, {"d": ["low", "ill"]}, k=0.5, by="kind"),
    "contributions": lambda s, d: fgt_contributions(s, d, "income", line=LINE, by="kind"),
    "within": lambda s, d: decompose_inequality(s, d, "income", by="kind"),
}


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    rng = np.random.default_rng(21)
    n = 480
    level = np.repeat(rng.normal(0, 0.3, 48), 10)
    income = np.exp(7 + level + rng.normal(0, 0.5, n))
    return pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(4), 120),
            "psu": np.arange(n) // 10,
            "weight": rng.uniform(80, 120, n),
            "income": income,
            "earlier": income * rng.lognormal(0, 0.05, n),
            "kind": rng.choice(["a", "b"], n),
            "low": (income < 800).astype(float),
            "ill": (rng.random(n) < 0.3).astype(float),
        }
    )


@pytest.mark.parametrize("name", MEASURES)
def test_replicates_agree_with_linearisation(name, sample):
    linear = MEASURES[name](sample, DESIGN).rows
    weighted = make_replicates(sample, DESIGN, kind="jkn")
    replicated = MEASURES[name](weighted.sample, weighted.design).rows
    np.testing.assert_allclose(replicated["estimate"], linear["estimate"])
    np.testing.assert_allclose(replicated["se"], linear["se"], rtol=0.08, atol=1e-9)


@pytest.mark.parametrize("name", MEASURES)
def test_calibrated_weights_agree_with_replicates_calibrated_anew(name, sample):
    totals = {"earlier": 1.02 * (sample["weight"] * sample["earlier"]).sum(), "kind": {"a": 24000, "b": 24000}}
    weighted = calibrate(sample, DESIGN, totals)
    found = MEASURES[name](weighted.sample, weighted.design).rows
    replicated = make_replicates(weighted.sample, weighted.design, kind="jkn")
    wanted = MEASURES[name](replicated.sample, replicated.design).rows
    np.testing.assert_allclose(found["estimate"], wanted["estimate"])
    np.testing.assert_allclose(found["se"], wanted["se"], rtol=0.08, atol=1e-4 * wanted["estimate"].abs().max())


def test_a_known_mean_income_makes_the_line_surer(sample):
    weighted = calibrate(
        sample, DESIGN, {"earlier": (sample["weight"] * sample["earlier"]).sum(), "kind": {"a": 24000, "b": 24000}}
    )
    plain = Design("weight_calibrated", "stratum", "psu")
    for of in ("median", "mean"):
        found, without = (
            relative_line(weighted.sample, d, "income", of=of).rows["se"].item() for d in (weighted.design, plain)
        )
        assert found < 0.9 * without


@pytest.mark.parametrize("name", MEASURES)
def test_results_stack_travel_as_json_and_leave_the_sample_alone(name, sample):
    before = sample.copy()
    found = MEASURES[name](sample, DESIGN)
    pd.testing.assert_frame_equal(sample, before)
    again = Estimates.from_json(found.to_json())
    pd.testing.assert_frame_equal(again.rows, found.rows)
    both = stack({"1": found, "2": found}, key="time")
    size = len(found.rows)
    assert both.covariance.shape == (2 * size, 2 * size)
    np.testing.assert_allclose(np.sqrt(np.diagonal(both.covariance)), np.nan_to_num(both.rows["se"]), atol=1e-12)


@pytest.mark.parametrize("name", MEASURES)
def test_a_change_counts_the_overlap(name, sample):
    later = sample.assign(income=sample["income"] * np.exp(0.1 * np.sin(np.arange(len(sample)))))
    paired = change(sample, later, DESIGN, MEASURES[name]).rows
    apart = change(sample, later.assign(psu=later["psu"] + 1000), DESIGN, MEASURES[name]).rows
    levels = [MEASURES[name](s, DESIGN).rows["estimate"] for s in (sample, later)]
    np.testing.assert_allclose(paired["estimate"], levels[1] - levels[0], atol=1e-12)
    assert paired["se"].mean() < apart["se"].mean()


def test_the_parts_of_a_change_know_calibrated_weights(sample):
    later = sample.assign(income=sample["income"] * 1.1)
    waves = []
    for wave in (sample, later):
        totals = {"earlier": (wave["weight"] * wave["earlier"]).sum()}
        waves.append(calibrate(wave, DESIGN, totals))
    found = decompose_change(*(w.sample for w in waves), waves[0].design, "income", line=900, alpha=1).rows
    plain = Design("weight_calibrated", "stratum", "psu")
    without = decompose_change(*(w.sample for w in waves), plain, "income", line=900, alpha=1).rows
    np.testing.assert_allclose(found["estimate"], without["estimate"])
    assert found["se"].iloc[-1] < without["se"].iloc[-1]
