"""A small sample of families with costs, two strata of six clusters each."""

import numpy as np
import pandas as pd


def families(n: int = 240, seed: int = 4) -> pd.DataFrame:
    """Income before costs, three costs of which many are 0, net income, a need, a district in every stratum."""
    rng = np.random.default_rng(seed)
    psu = np.arange(n) % 12
    borne = {
        "illness": np.where(rng.random(n) < 0.4, rng.gamma(2.0, 30.0, n), 0.0),
        "schooling": np.where(rng.random(n) < 0.3, rng.gamma(2.0, 20.0, n), 0.0),
        "care": np.where(rng.random(n) < 0.1, rng.gamma(2.0, 25.0, n), 0.0),
    }
    income = rng.lognormal(5.0, 0.5, n)
    sample = pd.DataFrame({"psu": psu, "stratum": psu // 6, "weight": rng.uniform(1, 3, n), "income": income, **borne})
    sample["net"] = income - sum(borne.values())
    sample["crowd"] = np.where(rng.random(n) < 0.3, rng.uniform(1, 1.6, n), 1.0)
    sample["prices"] = np.where(psu < 6, 1.05, 1.1)
    sample["district"] = np.where(rng.random(n) < 0.5, "a", "b")
    return sample
