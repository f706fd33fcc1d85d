"""Price indices by what each household buys, and what prices do to income, standards and hardship.

    Laspeyres = sum_d s0_d r_d          Paasche = 1 / sum_d (s1_d / r_d)

r_d: price of division d now over that of the base; s0, s1: the household's shares of spending then and now. The mean
over households is the democratic index; with their total spending as weights it is the plutocratic one, the index of
all that is bought, as the official CPI. Sources: ILO et al. (2004), Consumer Price Index Manual, chapters 1 and 15;
Prais (1959), J. Royal Statistical Society A 122(1), 122-131; National Research Council (2002), At What Price?, ch. 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.causes.published import growth
from aidlib.estimate import Design, Estimates, Study, ratio, unit_of
from aidlib.estimate.sampling import Floats
from aidlib.poverty.lines import line_values
from aidlib.poverty.measures import poverty_gaps
from aidlib.survey import deflated

FORMULAS = ("laspeyres", "paasche")
WEIGHTINGS = ("democratic", "plutocratic")
By = str | Sequence[str] | None


def laspeyres(shares: Floats, relatives: Floats) -> Floats:
    """Mean of the price relatives with the spending shares of the base period; divisions are the last axis.

    >>> float(laspeyres(np.array([0.4, 0.6]), np.array([1.10, 1.00])))
    1.04
    """
    return np.asarray((shares * relatives).sum(axis=-1))


def paasche(shares: Floats, relatives: Floats) -> Floats:
    """Harmonic mean of the price relatives with the spending shares of the current period.

    >>> round(float(paasche(np.array([0.4, 0.6]), np.array([1.10, 1.00]))), 6)
    1.037736
    """
    return np.asarray(1 / (shares / relatives).sum(axis=-1))


def price_ratios(
    sample: pd.DataFrame, series: Sequence[str], *, base: int | None = None, folder: Path | None = None
) -> pd.DataFrame:
    """The sample with ``price_<series>``: prices of each row's region and year over those of the year ``base``.

    base None: over those of the year before the row's own. series: of the prices table, such as cpi, food, basket, or
    the divisions that the user's ``prices.csv`` holds. Missing where no series covers a region and year. folder: as in
    ``survey.deflated``.
    """
    found = sample
    for name in series:
        found = found.assign(**{f"price_{name}": _levels(sample, base, name, folder)})
    return found


def price_level(
    sample: pd.DataFrame, *, base: int | None = None, series: str = "basket", folder: Path | None = None
) -> pd.DataFrame:
    """The sample with ``price_level``: prices of what households in hardship buy over those of ``base`` (ratio).

    base None: over the year before. As a need in ``hardship_shares`` it is what the line would be without the rise.
    """
    return sample.assign(price_level=_levels(sample, base, series, folder))


def household_index(sample: pd.DataFrame, divisions: Mapping[str, str], *, formula: str = "laspeyres") -> pd.DataFrame:
    """The sample with ``price_index`` by each household's own spending, and its ``spending`` in all divisions.

    divisions: column with the spending on a division -> column with its price ratio (see ``price_ratios``). formula:
    "laspeyres" where the spending is that of the base period, "paasche" where it is that of now. A household without
    spending, or with a division missing, has no index. Raises Problem for negative spending or ratios of 0 or less.

    >>> sample = pd.DataFrame({"food": [40.0, 90], "other": [60.0, 10], "p_food": 1.1, "p_other": 1.0})
    >>> household_index(sample, {"food": "p_food", "other": "p_other"})["price_index"].round(3).tolist()
    [1.04, 1.09]
    """
    if formula not in FORMULAS:
        raise reference.problem("estimate.option", option="formula", allowed=", ".join(FORMULAS))
    study = Study.of(sample, None)
    spent = np.column_stack([study.column(name) for name in divisions])
    relatives = np.column_stack([study.column(name) for name in divisions.values()])
    for values, names, wrong in ((spent, divisions, spent < 0), (relatives, divisions.values(), relatives <= 0)):
        if wrong.any():
            worst = list(names)[int(wrong.any(axis=0).argmax())]
            key = "causes.negative" if values is spent else "causes.need"
            raise reference.problem(key, column=worst, rows=int(wrong.any(axis=1).sum()))
    total = spent.sum(axis=1)
    shares = spent / np.where(total > 0, total, np.nan)[:, None]
    index = laspeyres(shares, relatives) if formula == "laspeyres" else paasche(shares, relatives)
    return sample.assign(price_index=index, spending=total)


def group_index(
    sample: pd.DataFrame,
    design: Design | None,
    divisions: Mapping[str, str],
    *,
    formula: str = "laspeyres",
    weighting: str = "democratic",
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Price index of groups of households, base = 100: see ``household_index`` for ``divisions`` and ``formula``.

    weighting: "democratic", every household alike, or "plutocratic", by what it spends: the index of the group's whole
    basket (Laspeyres indices weighted by spending; of Paasche indices the harmonic mean).
    """
    if weighting not in WEIGHTINGS:
        raise reference.problem("estimate.option", option="weighting", allowed=", ".join(WEIGHTINGS))
    own = household_index(sample, divisions, formula=formula)
    index = own["price_index"]
    above, below = 100 * index, index.where(index.isna(), 1.0)
    if weighting == "plutocratic":
        # Laspeyres: what the basket costs now over what was spent; Paasche: what is spent over what it cost then
        above, below = own["spending"] * 100, own["spending"] / index
        if formula == "laspeyres":
            above, below = above * index, own["spending"].where(index.notna())
    found = ratio(
        own.assign(above=above, below=below), design, "above", "below", by=by, margins=margins, df=df, base=base
    )
    rows = found.rows.assign(measure=weighting)
    return replace(found, rows=rows, unit="index", method="causes_price_index")


def real_income(sample: pd.DataFrame, column: str, *, index: str = "price_level") -> pd.DataFrame:
    """The sample with ``<column>_own``: ``column`` at base prices by the household's own index, a column of ratios."""
    out = sample.assign(**{f"{column}_own": sample[column] / sample[index]})
    units = sample.attrs.get("units", {}) | {f"{column}_own": unit_of(sample, column)}
    out.attrs = sample.attrs | {"units": units}
    return out


def price_poor(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: float | str,
    level: str = "price_level",
    multiple: float = 1.0,
    alpha: float = 0,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Hardship by prices alone: FGT(alpha) at current prices less that at base prices, in pp.

    level: column with prices now over those of the base, the household's own or its region's. Incomes and the line stay
    as they are; at base prices an income buys ``level`` times as much. Both are taken of the same households, and the
    error counts it. ``count``: households whose hardship is another at base prices.

    >>> sample = pd.DataFrame({"income": [95.0, 99, 80, 120], "price_level": 1.04})
    >>> price_poor(sample, None, "income", line=100.0).rows["estimate"].item()
    0.25
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes, levels = study.column(income), study.column(level)
    if (levels <= 0).any():
        raise reference.problem("causes.need", column=level, rows=int((levels <= 0).sum()))
    lines = line_values(study, incomes, line, multiple).values
    moved = poverty_gaps(incomes, lines, alpha) - poverty_gaps(incomes * levels, lines, alpha)
    members = study.members(moved)
    y = members.at(moved)
    return study.estimates(
        study.mean(members, y),
        measure="price_poor",
        unit="pp",
        method="causes_price_poor",
        count=members.sum(y != 0),
    )


def _levels(sample: pd.DataFrame, base: int | None, series: str, folder: Path | None) -> pd.Series:
    """Prices of each row's region and year over those of ``base`` or of the year before."""
    if base is None:
        return 1 + growth(sample["region"], sample["year"].astype("Int64").astype("str"), series, folder)
    ones = sample[["region", "year"]].assign(one=1.0)
    return 1 / deflated(ones, "one", base=base, series=series, folder=folder)[f"one_{series}"]
