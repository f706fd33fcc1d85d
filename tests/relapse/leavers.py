"""Exits with planted risks of return (DEMO.md, section 5), for the tests of the risk score."""

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.relapse import Predictor

DESIGN = Design("weight", "stratum", "psu", nested=True)
ODDS = {"patient": 1.8, "widowed": 1.4, "child": 1.4, "low": 2.0, "mid": 1.4}
LOGS = {name: np.log(odds) for name, odds in ODDS.items()}
YEARS = range(2016, 2026)
PREDICTORS = (
    Predictor("exit_ratio", "exit", -1),
    Predictor("has_patient", "exit", 1),
    Predictor("has_widowed", "exit", 1),
    Predictor("has_jobless_child", "exit", 1),
    Predictor("cause_main", "exit"),
    Predictor("years_on_file", "exit"),
)


def leavers(n=4000, seed=1, *, strength=1.0, level=-2.5, sd=0.7, missing=0.1, until=2025):
    """Exits of ten years with ``planted``, the log odds of a return within a year known from the predictors.

    strength: factor of all planted effects (0: pure noise); sd: of what nobody sees. One in ten households left twice.
    """
    rng = np.random.default_rng(seed)
    draw = rng.random((5, n))
    ratio = np.select([draw[0] < 0.3, draw[0] < 0.7], [1 + 0.2 * draw[1], 1.2 + 0.6 * draw[1]], 1.8 + draw[1])
    patient, widowed, child = (draw[k] < share for k, share in ((2, 0.37), (3, 0.14), (4, 0.16)))
    planted = patient * LOGS["patient"] + widowed * LOGS["widowed"] + child * LOGS["child"]
    planted = level + strength * (planted + np.select([ratio < 1.2, ratio < 1.8], [LOGS["low"], LOGS["mid"]], 0.0))
    odds = planted + sd * rng.standard_normal(n)
    year = rng.choice(list(YEARS), n)
    returned = (rng.random(n) < 1 / (1 + np.exp(-odds))).astype(float)
    later = (rng.random(n) < 1 / (1 + np.exp(-odds - 0.9))).astype(float)
    psu = rng.integers(0, 120, n)
    table = pd.DataFrame(
        {
            "household_id": [f"F{k:06d}" for k in np.where(rng.random(n) < 0.1, rng.integers(0, n, n), np.arange(n))],
            "exit_date": pd.to_datetime({"year": year, "month": rng.integers(1, 13, n), "day": 15}),
            "exit_year": year.astype(float),
            "region": [f"99{1 + p % 12:02d}00" for p in psu],
            "stratum": [f"s{p % 24}" for p in psu],
            "psu": [f"p{p}" for p in psu],
            "weight": rng.uniform(1, 5, n),
            "exit_ratio": np.where(rng.random(n) < missing, np.nan, ratio),
            "has_patient": patient.astype(float),
            "has_widowed": widowed.astype(float),
            "has_jobless_child": child.astype(float),
            "cause_main": rng.choice(["illness", "laid_off", "schooling", "other"], n, p=[0.4, 0.2, 0.2, 0.2]),
            "years_on_file": rng.exponential(2.5, n),
            "worker_sex": rng.choice(["female", "male"], n),
            "planted": planted,
        }
    )
    table["returned_1y"] = np.where(year < until, returned, np.nan)
    table["returned_3y"] = np.where(year < until - 2, np.maximum(returned, later), np.nan)
    return table
