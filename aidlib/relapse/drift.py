"""Whether the world that a risk score learnt still holds: shifts of predictors and risks, and of what they mean."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import chdtri

from aidlib import reference
from aidlib.estimate import Design, Estimates
from aidlib.estimate.domains import TEXT, text
from aidlib.estimate.sampling import Floats, Ints, finite
from aidlib.relapse.risk_model import sampling_weight

WATCH, ALARM = 0.10, 0.25  # of the stability index: the industry's usual limits
RATIO = 1.25  # observed over expected beyond this, or below its inverse, is an alarm where it is no chance
CHANCE = 0.05
BINS = 10


def population_stability(
    before: pd.DataFrame, after: pd.DataFrame, design: Design | None, columns: Sequence[str], *, base: str = "X"
) -> Estimates:
    """Population stability index of each column between two samples of exits; key columns ``variable``, ``figure``.

    psi = sum (a - b) ln(a / b) over ten groups of equal size made of ``before`` (categories of a text column), what
    is missing being a group of its own; an empty group counts as half a unit. psi_by_chance is the 95 % point of psi
    without any shift, chi-squared over the harmonic effective size (Kish's for weights; clusters are not counted).
    Source: Yurdakul & Naranjo (2020), J. Risk Model Validation 14(4). There is no standard error. Raises Problem for
    a column that is not in both.

    >>> old = pd.DataFrame({"ratio": np.arange(100.0)})
    >>> population_stability(old, old, None, ["ratio"]).rows["estimate"].round(3).tolist()[0]
    0.0
    """
    numbers = [_stability(before, after, design, name) for name in columns]
    size = 2 * len(columns)
    rows = {
        "domain": ["all"] * size,
        "variable": np.repeat(list(columns), 2).tolist(),
        "figure": ["psi", "psi_by_chance"] * len(columns),
        "measure": ["stability"] * size,
        "estimate": np.ravel([found[:2] for found in numbers]),
        **dict.fromkeys(("se", "low", "high"), np.nan),
        "n": np.repeat([found[2] for found in numbers], 2),
        **dict.fromkeys(("df", "count", "psus", "top1", "top2"), np.nan),
        "flag": [""] * size,
    }
    table = pd.DataFrame(rows).astype(dict.fromkeys(("domain", "variable", "figure", "measure", "flag"), TEXT))
    table["flag"] = table["flag"].mask(table["estimate"].isna(), "empty")
    keys = ("variable", "figure")
    return Estimates(table, ("domain",), keys, unit="index", method="relapse_stability", base=base)


def alarms(stability: Estimates, by_year: Estimates) -> pd.DataFrame:
    """What has drifted: variable, exit_year, value, limit and ``state`` steady, watch or alarm ("": nothing is known).

    stability: of ``population_stability``; watch from 0.10, alarm from 0.25, neither below what chance does. by_year:
    of ``year_errors``, variable "observed_expected"; watch where observed over expected differs from 1 (its 95 %
    interval), alarm where it also lies beyond 1.25 or 1 / 1.25.
    """
    names = stability.rows.query("figure == 'psi'")["variable"]
    psi, chance = stability.rows["estimate"].to_numpy().reshape(-1, 2).T
    shifted = np.select(
        [np.isnan(psi), psi <= chance, psi >= ALARM, psi >= WATCH], ["", "steady", "alarm", "watch"], "steady"
    )
    years = by_year.rows.query("figure == 'observed_expected'")
    value, off = years["estimate"].to_numpy(), ~((years["low"] <= 1) & (years["high"] >= 1)).to_numpy()
    unknown = ~years["flag"].isin(["", "care"]).to_numpy() | np.isnan(value)
    far = np.abs(np.log(np.where(unknown, 1, value))) > np.log(RATIO)
    meant = np.select([unknown, off & far, off], ["", "alarm", "watch"], "steady")
    return pd.DataFrame(
        {
            "variable": [*names, *years["figure"]],
            "exit_year": [*[""] * len(names), *years["exit_year"]],
            "value": [*psi, *value],
            "limit": [*np.maximum(chance, ALARM), *np.full(len(years), RATIO)],
            "state": [*shifted, *meant],
        }
    )


def _stability(
    before: pd.DataFrame, after: pd.DataFrame, design: Design | None, name: str
) -> tuple[float, float, float]:
    """Index, what chance does, and the smaller number of units."""
    for sample in (before, after):
        if name not in sample:
            raise reference.problem("estimate.no_column", column=name)
    n = float(min(len(before), len(after)))
    if not n:
        return np.nan, np.nan, n
    old, new, groups = _grouped(before, after, name)
    weights = [sampling_weight(sample, design) for sample in (before, after)]
    shares = [_shares(code, weight, groups) for code, weight in zip((old, new), weights, strict=True)]
    used = (shares[0][0] + shares[1][0]) > 0
    psi = float(((shares[1][1] - shares[0][1]) * np.log(shares[1][1] / shares[0][1]))[used].sum())
    spread = sum((w**2).sum() / w.sum() ** 2 for w in weights)
    return psi, float(chdtri(max(int(used.sum()) - 1, 1), CHANCE) * spread), n


def _grouped(before: pd.DataFrame, after: pd.DataFrame, name: str) -> tuple[Ints, Ints, int]:
    """Group of each row of both samples and the number of groups; the last one is for what is missing."""
    if pd.api.types.is_numeric_dtype(before[name]):
        old, new = finite(before, name), finite(after, name)
        known = old[np.isfinite(old)]
        edges = np.unique(np.quantile(known, np.arange(1, BINS) / BINS)) if len(known) else np.empty(0)
        groups = len(edges) + 2
        return _placed(old, edges, groups), _placed(new, edges, groups), groups
    values = pd.concat([before[name], after[name]])
    levels = sorted({text(v) for v in values.dropna().unique()})
    old_new = pd.Categorical(values.map(text, na_action="ignore"), categories=levels).codes.astype(np.int64)
    codes = np.where(old_new < 0, len(levels), old_new)
    return codes[: len(before)], codes[len(before) :], len(levels) + 1


def _placed(values: Floats, edges: Floats, groups: int) -> Ints:
    return np.where(np.isnan(values), groups - 1, np.searchsorted(edges, values, side="right")).astype(np.int64)


def _shares(code: Ints, weight: Floats, groups: int) -> tuple[Floats, Floats]:
    """Weight in each group, and the shares with half a unit in the place of nobody."""
    held = np.bincount(code, weights=weight, minlength=groups).astype(np.float64)
    return held, np.maximum(held, weight.mean() / 2) / weight.sum()
