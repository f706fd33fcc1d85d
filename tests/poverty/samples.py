"""Surveys to test poverty measures on, reference figures of R, and derivatives by brute force."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from aidlib.estimate import Design, Estimates
from tests.estimate.oracles import survey

ORACLES = Path(__file__).parent / "oracles"
DESIGN = Design("weight", "stratum", "psu", nested=True)
SILC = Design("rb050", "db040", "db030")  # households are the clusters
STEP = 1e-5  # relative change of one weight: rounding leaves about 1e-8, the curvature less


@cache
def figures() -> dict:
    """What oracles/poverty.R wrote."""
    return json.loads((ORACLES / "poverty.json").read_text(encoding="utf-8"))


@cache
def silc() -> pd.DataFrame:
    """EU-SILC with the indicators of the R script."""
    raw = survey("eusilc/eusilc.csv.gz")
    flags = {
        "low": raw["eqIncome"] < 12000,
        "nowork": ~(raw["py010n"] > 0),
        "old": raw["age"] >= 65,
        "alone": raw["hsize"] == 1,
    }
    return raw.assign(**{name: flag.astype(float) for name, flag in flags.items()})


@st.composite
def samples(draw, lowest: float = 1.0) -> pd.DataFrame:
    """Small surveys with ties; incomes from ``lowest`` on, some weights 0, two kinds of units."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    strata, clusters, size = draw(st.integers(1, 3)), draw(st.integers(2, 4)), draw(st.integers(2, 5))
    n = strata * clusters * size
    income = rng.lognormal(6.5, 0.9, n).round(draw(st.sampled_from([-2, 0, 2])))
    shift = draw(st.sampled_from([0.0, 300.0])) if lowest < 0 else 0.0
    weight = np.where(rng.random(n) < draw(st.sampled_from([0, 0.1])), 0.0, rng.uniform(0.5, 5, n))
    return pd.DataFrame(
        {
            "stratum": np.repeat(np.arange(strata), clusters * size),
            "psu": np.repeat(np.arange(strata * clusters), size),
            "weight": weight,
            "income": np.maximum(income, max(lowest, 0)) - shift,
            "kind": rng.choice(["a", "b"], n),
        }
    )


def influence(found: Estimates) -> np.ndarray:
    """The influence values of every number, weight included: sample rows × result rows."""
    values = np.asarray(found._influence.values.tocoo().toarray())
    return values if found._influence.mix is None else values @ found._influence.mix.toarray()


def by_brute_force(sample: pd.DataFrame, statistic: Callable[..., Estimates]) -> np.ndarray:
    """Weight times the derivative of every number by each unit's weight, from a step up and one down: units × rows.

    statistic(sample, design, by): every step is a copy of the sample and a domain of its own, so that one call serves.
    """
    n = len(sample)
    copies = pd.concat([sample] * (2 * n), ignore_index=True)
    copies["copy"] = np.repeat(np.arange(2 * n), n)
    factor = np.ones((2 * n, n))
    factor[np.arange(2 * n), np.repeat(np.arange(n), 2)] = np.tile([1 + STEP, 1 - STEP], n)
    copies["weight"] *= factor.ravel()
    found = statistic(copies, Design("weight"), ["copy", "kind"]).rows["estimate"].to_numpy().reshape(n, 2, -1)
    return (found[:, 0] - found[:, 1]) / (2 * STEP)


def jackknife(sample: pd.DataFrame, statistic: Callable[[pd.DataFrame], float]) -> float:
    """Standard error by deleting one cluster at a time; the strata are one."""
    clusters = sample["psu"].unique()
    deleted = np.array([statistic(sample[sample["psu"] != c]) for c in clusters])
    m = len(clusters)
    return float(np.sqrt((m - 1) / m * ((deleted - deleted.mean()) ** 2).sum()))
