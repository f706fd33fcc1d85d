"""Weights of a panel that loses households between waves, repaired for what is known of the lost ones.

Who left a panel is not a chance matter: households that left hardship, and better-off members, answer less, and levels
of hardship would drift upwards. Each wave's loss is repaired in classes of region, frame and the household's half of
income per head in its last interview; the corrected weights add up, in each region, frame and wave, to what the
delivered ones do. Regions come first, so that the weights of a region do not depend on which others are loaded.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.estimate import Design, panel_weights
from aidlib.estimate.quantiles import Distribution

CLASS = ["region", "frame"]


def attrition_weights(households: pd.DataFrame) -> pd.Series:
    """Corrected weight of each interview; the delivered one where nothing is to be corrected (no second wave)."""
    visits = households.dropna(subset=["weight"])
    came = (visits["response"].isna() | visits["response"].eq("complete")).astype(float)
    frame = visits["frame"].fillna("all") if "frame" in visits else "all"
    known = visits.assign(came=came, frame=frame)
    known = known.assign(half=_upper_half(known))
    found = panel_weights(
        known,
        Design(weight="weight"),
        unit="household_id",
        time="year",
        answered="came",
        classes=CLASS,
        earlier=["half"],
        keep=CLASS,
    )
    corrected = found.sample["weight_panel"].where(known["came"] == 1, known["weight"])
    return households["weight"].where(households["weight"].isna(), corrected.reindex(households.index))


def _upper_half(visits: pd.DataFrame) -> pd.Series:
    """Whether income per head lies above the weighted median of its region, frame and year; missing where unknown."""
    income = (visits["income_year"] / visits["members"]).fillna(visits["income"])
    usable = (income.notna() & (visits["came"] == 1) & (visits["weight"] > 0)).to_numpy()
    group = visits.groupby([*CLASS, "year"], dropna=False).ngroup().to_numpy().astype(np.int64)
    groups = int(group.max(initial=-1)) + 1
    values, weight = income.to_numpy(float), visits["weight"].to_numpy(float)
    found = Distribution.of(values[usable], weight[usable], group[usable], groups)
    median = found.at(np.full(groups, 0.5), np.arange(groups))
    upper = pd.Series(np.where(values > median[group], "upper", "lower"), visits.index)
    return upper.where(usable)
