"""Deprivations of a household in seven dimensions, for multidimensional hardship.

The cut-offs are this project's own, not official ones: change DIMENSIONS and the constants for another view.
"""

from __future__ import annotations

import pandas as pd

DIMENSIONS = {
    "income": ["deprived_income"],
    "health": ["deprived_health"],
    "schooling": ["deprived_schooling"],
    "work": ["deprived_work"],
    "housing": ["deprived_housing"],
    "insurance": ["deprived_insurance"],
    "living": ["deprived_living"],
}
LINES = 2.0  # net income per head below so many local lines
SCHOOLING = 0.2  # share of the household's income that goes into schooling
SPACE = 13.0  # m² per head, a common cut-off of cities for housing difficulty
ITEMS = 5.0  # of the nine items that a household cannot afford


def deprivations(sample: pd.DataFrame) -> pd.DataFrame:
    """The sample with a column of 1 (deprived), 0 and missing for each of DIMENSIONS.

    income: net income below 2 lines; health: long-term illness or severe disability in the household; schooling: its
    cost above a fifth of income; work: nobody in work, or a jobless earner; housing: less than 13 m² per head;
    insurance: the worker without pension or medical insurance; living: at least 5 of the 9 items out of reach.
    """
    return sample.assign(
        deprived_income=_flag(sample["net_ratio"] < LINES, sample["net_ratio"]),
        deprived_health=_either(sample, "has_patient", "has_disabled"),
        deprived_schooling=_share(sample["rigid_schooling"], sample["income_year"]),
        deprived_work=_either(sample, "zero_employment", "has_jobless_earner"),
        deprived_housing=_flag(sample["area"] / sample["members"] < SPACE, sample["area"] + sample["members"]),
        deprived_insurance=_either(sample, "uninsured_pension", "uninsured_medical"),
        deprived_living=_flag(sample["deprivation"] >= ITEMS, sample["deprivation"]),
    )


def _flag(deprived: pd.Series, known: pd.Series) -> pd.Series:
    return deprived.astype(float).where(known.notna())


def _either(sample: pd.DataFrame, *columns: str) -> pd.Series:
    """1 where any column is 1, 0 where all known ones are 0, missing where none is known."""
    return sample[list(columns)].max(axis=1)


def _share(cost: pd.Series, income: pd.Series) -> pd.Series:
    """Nobody asked for the cost counts as no cost, as in net income; missing where no row has it."""
    known = income + (0.0 if cost.notna().any() else float("nan"))
    return _flag(cost.fillna(0.0) > SCHOOLING * income, known)
