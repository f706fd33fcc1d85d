"""The risk model on 200,000 exits: seconds of the whole time-forward validation, of one fit and of its predictions."""

from __future__ import annotations

import time

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.relapse import Predictor, RiskModel, validate

SPELLS = 200_000
YEARS = np.arange(2016, 2026)
DESIGN = Design("weight", "stratum", "psu", nested=True)
FLAGS = ("has_patient", "has_widowed", "has_jobless_child", "has_disabled", "has_student")
PREDICTORS = (
    Predictor("exit_ratio", "exit", -1),
    Predictor("years_on_file", "exit"),
    Predictor("earlier_spells", "exit", 1),
    Predictor("cause_main", "exit"),
    Predictor("recorded_grade", "exit"),
    *(Predictor(name, "exit", 1) for name in FLAGS),
)


def run() -> list[dict[str, object]]:
    """Figures for 200,000 exits of ten years in 1,550 clusters with 10 predictors, a tenth of the incomes missing."""
    table, model = exits(), RiskModel(1, PREDICTORS)
    start = time.perf_counter()
    found = validate(table, DESIGN, model)
    validated = time.perf_counter()
    fitted = model.fit(table, DESIGN)
    learnt = time.perf_counter()
    fitted.predict(table)
    predicted = time.perf_counter()
    area = found.figures.rows.query("rule == 'model' and figure == 'auc'")["estimate"].item()
    years = int(found.exits.dropna(subset=["risk_model"])["exit_year"].nunique())
    return [
        {"what": f"time-forward validation, {SPELLS:,} exits", "value": validated - start, "unit": "s", "goal": "60"},
        {"what": "years tested", "value": years, "unit": "years", "goal": ""},
        {"what": "one fit with calibration", "value": learnt - validated, "unit": "s", "goal": ""},
        {"what": f"{SPELLS:,} predictions", "value": predicted - learnt, "unit": "s", "goal": ""},
        {"what": "AUC", "value": area, "unit": "", "goal": ""},
    ]


def exits(seed: int = 20250101) -> pd.DataFrame:
    """Exits whose log odds of return add up from income, causes and what nobody sees."""
    rng = np.random.default_rng(seed)
    flags = {name: (rng.random(SPELLS) < 0.2).astype(float) for name in FLAGS}
    ratio, psu = 1 + rng.exponential(0.6, SPELLS), rng.integers(0, 1550, SPELLS)
    grade = rng.choice(["deep", "relative", "accident"], SPELLS)
    odds = -2.3 - 0.5 * np.minimum(ratio - 1, 1.5) + 0.4 * sum(flags.values()) + 0.7 * rng.standard_normal(SPELLS)
    year = rng.choice(YEARS, SPELLS)
    returned = (rng.random(SPELLS) < 1 / (1 + np.exp(-odds))).astype(float)
    return pd.DataFrame(
        {
            "household_id": pd.array([f"F{k}" for k in rng.integers(0, SPELLS, SPELLS)], dtype="str"),
            "exit_year": year.astype(float),
            "stratum": psu % 31,
            "psu": psu,
            "weight": rng.uniform(1, 5, SPELLS),
            "exit_ratio": np.where(rng.random(SPELLS) < 0.1, np.nan, ratio),
            "years_on_file": rng.exponential(2.5, SPELLS),
            "earlier_spells": rng.poisson(0.3, SPELLS).astype(float),
            "cause_main": rng.choice(["illness", "laid_off", "schooling", "other"], SPELLS),
            "recorded_grade": grade,
            **flags,
            "returned_1y": np.where(year < YEARS[-1], returned, np.nan),
        }
    )
