"""Influence values are derivatives: by brute force on one weight at a time, and against the deletion of clusters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from aidlib.estimate import Design
from aidlib.poverty import (
    RelativeLine,
    atkinson,
    fgt,
    generalised_entropy,
    gini,
    palma_ratio,
    quintile_share_ratio,
    relative_line,
    relative_median_gap,
    sen_shorrocks_thon,
    watts,
)
from tests.estimate.test_laws import quick
from tests.poverty.samples import DESIGN, STEP, by_brute_force, influence, jackknife, samples

TOLERANCE = 1e-6  # relative to the largest influence of the number
MEAN_LINE = RelativeLine(0.8, "mean")
DERIVED = {
    "gini": lambda s, d, by: gini(s, d, "income", by=by),
    "quintile": lambda s, d, by: quintile_share_ratio(s, d, "income", boundary="split", by=by),
    "palma": lambda s, d, by: palma_ratio(s, d, "income", boundary="split", by=by),
    "sst": lambda s, d, by: sen_shorrocks_thon(s, d, "income", line=600, by=by),
    "line": lambda s, d, by: relative_line(s, d, "income", of="mean", by=by),
}
POSITIVE = {f"atkinson {e}": lambda s, d, by, e=e: atkinson(s, d, "income", epsilon=e, by=by) for e in (0.5, 1, 2)}
POSITIVE |= {
    f"entropy {a}": lambda s, d, by, a=a: generalised_entropy(s, d, "income", alpha=a, by=by)
    for a in (-1, 0, 0.5, 1, 2)
}
POSITIVE["watts"] = lambda s, d, by: watts(s, d, "income", line=600, by=by)
WITH_A_LINE = {
    "watts": lambda s: watts(s, DESIGN, "income", line=MEAN_LINE, by="kind"),
    "sst": lambda s: sen_shorrocks_thon(s, DESIGN, "income", line=MEAN_LINE, by="kind"),
    "gap": lambda s: fgt(s, DESIGN, "income", line=MEAN_LINE, alpha=1, by="kind"),
}


def agree(found, wanted: np.ndarray) -> None:
    estimate = np.abs(found.rows["estimate"].to_numpy())
    known = np.isfinite(estimate) & np.isfinite(wanted).all(axis=0)
    size = np.maximum(np.abs(wanted[:, known]).max(axis=0, initial=0), 0.1 * estimate[known] + 1e-2)
    np.testing.assert_allclose(influence(found)[:, known] / size, wanted[:, known] / size, atol=TOLERANCE)


@quick
@given(samples(lowest=-1))
@pytest.mark.parametrize("name", DERIVED)
def test_influence_is_the_derivative_with_ties_and_negative_incomes(name, sample):
    agree(DERIVED[name](sample, DESIGN, "kind"), by_brute_force(sample, DERIVED[name]))


@quick
@given(samples())
@pytest.mark.parametrize("name", POSITIVE)
def test_influence_is_the_derivative_of_measures_of_positive_incomes(name, sample):
    agree(POSITIVE[name](sample, DESIGN, "kind"), by_brute_force(sample, POSITIVE[name]))


@pytest.mark.parametrize("name", WITH_A_LINE)
def test_influence_counts_the_line_of_the_whole_sample(name):
    rng = np.random.default_rng(3)
    sample = pd.DataFrame(
        {
            "income": rng.lognormal(6.5, 0.9, 24).round(-1),
            "kind": list("aab") * 8,
            "stratum": 1,
            "psu": np.arange(24) // 2,
            "weight": rng.uniform(1, 3, 24),
        }
    )
    moved = []
    for step in (STEP, -STEP):
        steps = sample["weight"].to_numpy() * (1 + step * np.eye(24))
        moved.append([WITH_A_LINE[name](sample.assign(weight=w)).rows["estimate"].to_numpy() for w in steps])
    agree(WITH_A_LINE[name](sample), (np.array(moved[0]) - np.array(moved[1])) / (2 * STEP))


JACKKNIFED = {
    "gini": lambda s, d: gini(s, d, "income"),
    "quintile": lambda s, d: quintile_share_ratio(s, d, "income", boundary="split"),
    "palma": lambda s, d: palma_ratio(s, d, "income", boundary="split"),
    "atkinson": lambda s, d: atkinson(s, d, "income", epsilon=0.5),
    "theil": lambda s, d: generalised_entropy(s, d, "income"),
    "watts": lambda s, d: watts(s, d, "income", line=RelativeLine(0.6, "mean")),
    "sst": lambda s, d: sen_shorrocks_thon(s, d, "income", line=RelativeLine(0.6, "mean")),
}


@pytest.mark.parametrize("name", JACKKNIFED)
def test_linearised_errors_are_those_of_the_jackknife(name):
    rng = np.random.default_rng(11)
    level = np.repeat(rng.normal(0, 0.3, 90), 6)
    sample = pd.DataFrame(
        {
            "income": np.exp(7 + level + rng.normal(0, 0.6, 540)),
            "psu": np.repeat(np.arange(90), 6),
            "weight": rng.uniform(1, 3, 540),
        }
    )
    design = Design("weight", psu="psu")
    linear = JACKKNIFED[name](sample, design).rows["se"].item()
    deleted = jackknife(sample, lambda s: JACKKNIFED[name](s, design).rows["estimate"].item())
    assert linear == pytest.approx(deleted, rel=0.05)


@pytest.mark.parametrize(
    "statistic",
    [lambda s, d: relative_line(s, d, "income"), lambda s, d: relative_median_gap(s, d, "income")],
    ids=["line", "median gap"],
)
def test_medians_are_as_uncertain_as_their_bootstrap(statistic):
    """The jackknife says nothing of a median; 200 rounds leave 5 % of noise, the density adds its own."""
    rng = np.random.default_rng(6)
    sample = pd.DataFrame({"income": rng.lognormal(7, 0.7, 1500), "weight": 1000.0})
    copies = [sample.iloc[rng.integers(0, 1500, 1500)] for _ in range(200)]
    drawn = [statistic(copy, Design("weight")).rows["estimate"].item() for copy in copies]
    assert statistic(sample, Design("weight")).rows["se"].item() == pytest.approx(np.std(drawn), rel=0.2)
