"""Do 95 % intervals hold 95 % of the time? Draws from a known population, at the smallest sample vouched for."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, mean, proportion, quantile, total
from aidlib.poverty import fgt

DRAWS = 2000
CHANCE = 3 * np.sqrt(0.95 * 0.05 / DRAWS) + 0.01  # of the draws, and one point for the linearisation
EXACT = {"beta"}  # intervals that promise at least their level
LINE = 900.0


def population(rng: np.random.Generator, strata: int, clusters: int, size: int) -> pd.DataFrame:
    """Households in clusters in strata, incomes log-normal with effects of stratum and cluster."""
    stratum = np.repeat(np.arange(strata), clusters * size)
    psu = np.tile(np.repeat(np.arange(clusters), size), strata)
    level = rng.normal(0, 0.2, strata)[stratum] + rng.normal(0, 0.25, strata * clusters)[stratum * clusters + psu]
    income = np.exp(7.2 + level + rng.normal(0, 0.5, len(psu)))
    return pd.DataFrame({"stratum": stratum, "psu": psu, "income": income, "poor": income < LINE})


def draw(rng: np.random.Generator, people: pd.DataFrame, clusters: int, taken: int, size: int) -> pd.DataFrame:
    """A two-stage sample: ``taken`` clusters of each stratum, every second household of each."""
    strata = people["stratum"].max() + 1
    chosen = np.argsort(rng.random((strata, clusters)), axis=1)[:, :taken]
    first = (np.arange(strata)[:, None] * clusters + chosen).ravel() * size
    households = np.argsort(rng.random((len(first), size)), axis=1)[:, : size // 2]
    sample = people.iloc[(first[:, None] + households).ravel()]
    return sample.assign(weight=clusters / taken * 2)


STATISTICS = {
    "mean": (lambda s, d: mean(s, d, "income"), lambda p: p["income"].mean()),
    "total": (lambda s, d: total(s, d, "income"), lambda p: p["income"].sum()),
    "headcount": (lambda s, d: fgt(s, d, "income", line=LINE), lambda p: p["poor"].mean()),
    "beta": (lambda s, d: proportion(s, d, "poor", interval="beta"), lambda p: p["poor"].mean()),
    "gap": (lambda s, d: fgt(s, d, "income", line=LINE, alpha=1), lambda p: (1 - p["income"] / LINE).clip(0).mean()),
    "median": (lambda s, d: quantile(s, d, "income"), lambda p: p["income"].median()),
}


@pytest.mark.slow
@pytest.mark.parametrize(("strata", "taken"), [(4, 3), (8, 2), (10, 4)])
@pytest.mark.parametrize("name", STATISTICS)
def test_intervals_hold_their_level(name, strata, taken):
    clusters, size = 200, 12
    rng = np.random.default_rng([strata, taken, len(name)])
    people = population(rng, strata, clusters, size)
    estimate, truth = STATISTICS[name]
    design, true = Design("weight", "stratum", "psu", nested=True), truth(people)
    held = []
    for _ in range(DRAWS):
        row = estimate(draw(rng, people, clusters, taken, size), design).rows.iloc[0]
        assert row["flag"] == ""  # the estimator vouches for this sample
        held.append(row["low"] <= true <= row["high"])
    assert np.mean(held) >= 0.95 - CHANCE
    assert name in EXACT or np.mean(held) <= 0.95 + CHANCE
