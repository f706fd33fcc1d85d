"""Intervals of the shares hold their level: many samples of clusters from one population whose shares are known."""

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import hardship_shares, if_reimbursed, price_poor
from aidlib.estimate import Design
from tests.causes.samples import families

DRAWS = 400
CLUSTERS, TAKEN = 50, 10  # of each of four strata
GAME = {"costs": ["illness", "schooling", "care"], "needs": ["crowd", "prices"]}


def population() -> pd.DataFrame:
    """Four strata of 50 clusters of 24 households, alike within a cluster."""
    people = families(4 * CLUSTERS * 24, seed=1)
    cluster = np.arange(len(people)) // 24
    shift = np.random.default_rng(2).lognormal(0.0, 0.15, 4 * CLUSTERS)[cluster]
    return people.assign(psu=cluster, stratum=cluster // CLUSTERS, net=people["net"] * shift, weight=1.0)


def numbers(sample: pd.DataFrame, design: Design | None) -> pd.DataFrame:
    """Shares of headcount and gap, bounds and hardship by prices as one table."""
    found = [hardship_shares(sample, design, "net", line=110.0, alpha=alpha, **GAME) for alpha in (0, 1)]
    found += [hardship_shares(sample, design, "net", line=110.0, relative=True, **GAME)]
    found += [if_reimbursed(sample, design, "net", line=110.0, **GAME)]
    found += [price_poor(sample, design, "net", line=110.0, level="prices")]
    return pd.concat([f.rows[["estimate", "se", "low", "high"]] for f in found], ignore_index=True)


@pytest.mark.slow
def test_intervals_cover_and_errors_are_those_of_the_draws():
    people = population()
    truth = numbers(people, Design.census())["estimate"].to_numpy()
    rng = np.random.default_rng(3)
    design = Design("weight", "stratum", "psu")
    rows = people.groupby("psu").indices
    covered, estimates, errors = np.zeros(len(truth)), [], []
    for _ in range(DRAWS):
        drawn = np.concatenate([h * CLUSTERS + rng.choice(CLUSTERS, TAKEN, replace=True) for h in range(4)])
        sample = people.iloc[np.concatenate([rows[c] for c in drawn])]
        sample = sample.assign(weight=CLUSTERS / TAKEN, psu=np.repeat(np.arange(len(drawn)), 24))
        found = numbers(sample, design)
        covered += ((found["low"] <= truth) & (truth <= found["high"])).to_numpy()
        estimates.append(found["estimate"])
        errors.append(found["se"])
    fixed = np.array(errors).max(axis=0) < 1e-12  # the total of relative shares is 1
    share, noise = covered[~fixed] / DRAWS, np.sqrt(0.95 * 0.05 / DRAWS)
    assert abs(share.mean() - 0.95) < 0.01
    assert share.min() > 0.95 - 4 * noise
    spread = np.std(estimates, axis=0)[~fixed]
    assert np.mean(errors, axis=0)[~fixed] / spread == pytest.approx(np.ones(len(spread)), abs=0.12)
    bias = (np.mean(estimates, axis=0) - truth)[~fixed] / (spread / np.sqrt(DRAWS))
    assert np.abs(bias).max() < 4
