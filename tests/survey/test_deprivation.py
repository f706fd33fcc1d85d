"""Deprivations by hand, and where a source lacks their columns."""

import numpy as np
import pandas as pd

from aidlib.survey import DIMENSIONS, deprivations

PLAIN = {
    "net_ratio": 3.0, "has_patient": 0.0, "has_disabled": 0.0, "rigid_schooling": 0.0, "income_year": 50_000.0,
    "zero_employment": 0.0, "has_jobless_earner": 0.0, "area": 60.0, "members": 3.0, "uninsured_pension": 0.0,
    "uninsured_medical": 0.0, "deprivation": 2.0,
}  # fmt: skip
COLUMNS = [column for names in DIMENSIONS.values() for column in names]
CASES = {
    "deprived_income": {"net_ratio": 1.9},
    "deprived_health": {"has_disabled": 1.0},
    "deprived_schooling": {"rigid_schooling": 10_001.0},
    "deprived_work": {"has_jobless_earner": 1.0},
    "deprived_housing": {"area": 38.0},
    "deprived_insurance": {"uninsured_medical": 1.0},
    "deprived_living": {"deprivation": 5.0},
}


def test_each_cut_off_flags_its_own_dimension_only():
    found = deprivations(pd.DataFrame([PLAIN, *({**PLAIN, **change} for change in CASES.values())]))[COLUMNS]
    assert list(CASES) == COLUMNS
    assert (found.to_numpy() == np.vstack([np.zeros(7), np.eye(7)])).all()


def test_on_the_cut_off_is_not_deprived():
    edge = {**PLAIN, "net_ratio": 2.0, "rigid_schooling": 10_000.0, "area": 39.0, "deprivation": 4.0}
    assert deprivations(pd.DataFrame([edge]))[COLUMNS].sum(axis=1).item() == 0


def test_what_is_not_known_is_missing():
    found = deprivations(pd.DataFrame([dict.fromkeys(PLAIN, np.nan), {**PLAIN, "rigid_schooling": np.nan}]))[COLUMNS]
    assert found.iloc[0].isna().all()
    assert found.loc[1, "deprived_schooling"] != found.loc[1, "deprived_schooling"]  # asked of nobody: missing
    assert found.iloc[1].drop("deprived_schooling").eq(0).all()
