"""Durations that the tests of curves, incidences and log-rank tests are made of."""

import json
from pathlib import Path

import numpy as np
import pandas as pd

ORACLES = Path(__file__).parent / "oracles"
SHARED = Path(__file__).parents[2] / "../shared/data"
EXACT = 1e-9  # relative: R's and our sums differ in their order only


def oracle() -> dict:
    return json.loads((ORACLES / "curves.json").read_text(encoding="utf-8"))


def stored(name: str) -> pd.DataFrame:
    return pd.read_csv(ORACLES / f"curves_{name}.csv", keep_default_na=False)


def made(
    rng: np.random.Generator, strata: int = 4, psus: int = 6, size: int = 12, *, whole: bool = False
) -> pd.DataFrame:
    """Households in clusters in strata: effects of the cluster, weights, late entry, two ways out and censoring."""
    psu = np.repeat(np.arange(strata * psus), size)
    n = len(psu)
    rate = np.exp(-1.6 + rng.normal(0, 0.4, strata * psus)[psu])
    entry = np.where(rng.random(n) < 0.3, rng.uniform(0, 2, n), 0.0)
    end, seen = entry + rng.exponential(1 / rate), entry + rng.uniform(1, 9, n)
    if whole:
        entry, end, seen = np.floor(entry), np.ceil(end) + 2, np.ceil(seen) + 2
    exits = np.where(end <= seen, rng.choice(["economic", "death"], n, p=[0.7, 0.3]), "")
    return pd.DataFrame(
        {
            "unit": np.arange(n),
            "stratum": psu // psus,
            "psu": psu,
            "weight": rng.uniform(1, 4, n),
            "entry": entry,
            "time": np.minimum(end, seen),
            "event": (end <= seen).astype(float),
            "exit": pd.array(exits, dtype="str"),
            "grade": pd.array(rng.choice(["deep", "near"], n), dtype="str"),
        }
    )
