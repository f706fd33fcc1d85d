"""What households bear, as columns: costs they paid themselves, pay that is lost, mouths to feed, risen prices.

Each is an explicit assumption on what would be without the cause:

    illness_cost …   the household keeps the money (amounts it bore itself, after reimbursement)
    other_cost       the rest of its rigid spending, so that all costs are what net income takes off
    lost_earner      with a jobless earner at work it has the middle income of like households without one
    dependency       as many people per provider as the middle household
    price_level      prices of the base year, incomes unchanged

A missing value stays missing; ``hardship_shares`` counts it as not there.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib.causes.indices import price_level
from aidlib.estimate import unit_of
from aidlib.estimate.quantiles import inverse_cdf

SPENDING = {
    "illness_cost": "rigid_medical",
    "schooling_cost": "rigid_schooling",
    "disability_cost": "rigid_disability",
    "work_cost": "rigid_work",
}
COSTS = (*SPENDING, "other_cost", "lost_earner")
NEEDS = ("dependency", "price_level")
DEPENDENTS = ("student", "child", "unable")  # of work_status
ADULT = 16  # below, a person without a work status is a dependant
LEAST = 10  # so many households make a group in which an income is looked up


def components(
    households: pd.DataFrame,
    members: pd.DataFrame,
    *,
    weight: str = "weight",
    alike: Sequence[str] = ("region", "members"),
    base: int | None = None,
    series: str = "basket",
) -> pd.DataFrame:
    """The households with the columns ``COSTS`` (money per head, as ``income``) and ``NEEDS`` (ratios).

    members: persons by ``household_id`` and ``year``. alike: the columns within which households count as alike when a
    lost income is looked up, see ``lost_earnings``. base, series: of the price level, see ``price_level``.
    """
    found = dependency(lost_earnings(rigid_costs(households), weight=weight, alike=alike), members, weight=weight)
    return price_level(found, base=base, series=series)


def rigid_costs(households: pd.DataFrame) -> pd.DataFrame:
    """The households with the costs they bore themselves per head, in the period of ``income``.

    Columns ``illness_cost``, ``schooling_cost``, ``disability_cost``, ``work_cost`` and ``other_cost``: all else that
    ``net_income`` takes off. Where only the sum was answered, all of it is ``other_cost``.
    """
    periods = 1 if unit_of(households, "income").endswith("/year") else 12
    heads = households["members"] * periods
    parts = {name: households[column] / heads for name, column in SPENDING.items()}
    rest = households["rigid_year"] / heads - pd.DataFrame(parts).fillna(0.0).sum(axis=1)
    return households.assign(**parts, other_cost=rest.clip(lower=0.0))


def lost_earnings(
    households: pd.DataFrame, *, weight: str = "weight", alike: Sequence[str] = ("region", "members")
) -> pd.DataFrame:
    """The households with ``lost_earner``: what those with a laid-off or jobless earner lack to a like income per head.

    The like income is the weighted median of ``income`` among households without one that agree in all columns of
    ``alike``; where fewer than 10 do, among those that agree in the last column, else among all. It counts as known:
    the error of the medians is not in that of the shares. 0 for households without a jobless earner, and for those
    that have more than the like income.
    """
    jobless = households["has_jobless_earner"]
    at_work = households[jobless.eq(0) & households["income"].notna() & (households[weight] > 0)]
    like = pd.Series(np.nan, households.index)
    for columns in (list(alike), list(alike)[-1:], []):
        like = like.fillna(_middle(at_work, households, columns, weight))
    lost = (like - households["income"]).clip(lower=0.0)
    return households.assign(lost_earner=lost.where(jobless.eq(1), 0.0).where(jobless.notna()))


def dependency(households: pd.DataFrame, members: pd.DataFrame, *, weight: str = "weight") -> pd.DataFrame:
    """The households with ``dependency``: people per provider over that of the middle household, at least 1.

    Providers are those of working ability and pensioners, jobless ones too, whose pay is ``lost_earner``; dependants
    are children, pupils and students, and people unable to work. A household without a provider has one. With a third
    more people per provider than usual, the line is a third higher than it would be. The middle household is the
    weighted median; its error is not in that of the shares. Dependants outside the household are not counted, as they
    are not in the income per head either. Missing where a household's persons are not known.
    """
    key = ["household_id", "year"]
    young = members["work_status"].isna() & (members["age"] < ADULT)
    depends = members["work_status"].isin(DEPENDENTS) | young
    each = depends.groupby([members[name] for name in key]).agg(["size", "sum"])
    crowd = (each["size"] / (each["size"] - each["sum"]).clip(lower=1)).rename("crowd")
    per_provider = households[key].join(crowd, on=key)["crowd"]
    known = per_provider.notna() & (households[weight] > 0)
    if not known.any():
        return households.assign(dependency=np.nan)
    usual = inverse_cdf(per_provider[known].to_numpy(float), households.loc[known, weight].to_numpy(float), 0.5)
    return households.assign(dependency=(per_provider / usual).clip(lower=1.0))


def _middle(among: pd.DataFrame, asked: pd.DataFrame, columns: list[str], weight: str) -> pd.Series:
    """Weighted median of income of those who agree in ``columns``, for each household asked; missing for few."""
    if not columns:
        values = among["income"].to_numpy(float), among[weight].to_numpy(float)
        return pd.Series(inverse_cdf(*values, 0.5) if len(among) else np.nan, asked.index)
    ordered = among.sort_values("income", kind="stable")
    groups = [ordered[name] for name in columns]
    heavy = ordered[weight]
    below = heavy.groupby(groups).cumsum() / heavy.groupby(groups).transform("sum")
    middle = ordered[below >= 0.5 - 1e-12].groupby(columns)["income"].first()
    middle = middle[among.groupby(columns).size().reindex(middle.index) >= LEAST].rename("middle")
    return asked[columns].join(middle, on=columns)["middle"]
