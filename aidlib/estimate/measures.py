"""Means, proportions, totals, counts and ratios of a complex sample, by domains, with Taylor or replicate variance.

Missing values leave the domain and stay in the design: a domain keeps every cluster of the sample, for dropping rows
first would understate its standard error. Smallest sample for which the intervals are vouched for: ``study.Claim``;
below it a row is flagged "care".
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import ALL, Members, column_codes, text
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Study

By = str | Sequence[str] | None


def mean(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Weighted mean of ``variable`` by domain, in its unit of the data dictionary; a flag's mean is a share.

    margins: also the total of each ``by`` column ("all"). df: "design" or "domain". base: R, F, M or X.
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    values = study.column(variable)
    members = study.members(values)
    y = members.at(values)
    unit = unit_of(sample, variable)
    return study.estimates(
        study.mean(members, y),
        measure="mean",
        unit=unit,
        method="estimate_mean",
        count=members.sum(y != 0) if unit == "share" else None,
        largest=None if unit == "share" else dominance(study, members, y),
    )


def proportion(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    categories: Sequence[str] | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of units with ``variable`` = 1 by domain or, for a text column, of each category (key column: its name).

    interval: "logit", "beta" (Korn & Graubard) or "wald". categories: which, in which order (None: all observed,
    sorted, a categorical column in its order); others stay in the denominator.
    """
    if interval not in SHARES:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(SHARES))
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    keys = None
    if variable in sample and not pd.api.types.is_numeric_dtype(sample[variable]):
        codes, keys = _categories(sample[variable], variable, categories)
        members = study.domains.members.where(sample[variable].notna().to_numpy()).split(len(keys))
        y = (codes[members.unit] == members.row % len(keys)).astype(np.float64)
    else:
        values = study.flag(variable)
        members = study.members(values)
        y = members.at(values)
    return study.estimates(
        study.mean(members, y),
        measure="proportion",
        unit="share",
        method="estimate_proportion",
        keys=keys,
        interval=SHARES[interval],
        count=members.sum(y),
    )


def total(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Weighted sum of ``variable`` by domain, in its unit; ``count``: units whose value is not 0."""
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    values = study.column(variable)
    members = study.members(values)
    y = members.at(values)
    unit = unit_of(sample, variable)
    return study.estimates(
        study.total(members, y),
        measure="total",
        unit="number" if unit == "share" else unit,
        method="estimate_total",
        count=members.sum(y != 0),
        largest=dominance(study, members, y),
        additive=True,
    )


def count(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    by: By = None,
    margins: bool = False,
    unit: str = "households",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Weighted number of units by domain; with ``Design.census()`` the plain number of rows."""
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    members = study.members()
    return study.estimates(
        study.total(members, np.ones(len(members.unit))),
        measure="count",
        unit=unit,
        method="estimate_total",
        count=members.sum(),
        additive=True,
    )


def ratio(
    sample: pd.DataFrame,
    design: Design | None,
    numerator: str,
    denominator: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Ratio of two totals, sum(w y) / sum(w x), over units with both; ``count``: units whose numerator is not 0."""
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    above, below = study.column(numerator), study.column(denominator)
    members = study.members(above, below)
    y = members.at(above)
    return study.estimates(
        study.mean(members, y, members.at(below)),
        measure="ratio",
        unit="ratio",
        method="estimate_ratio",
        count=members.sum(y != 0),
        largest=dominance(study, members, y),
    )


def dominance(study: Study, members: Members, values: Floats) -> Floats:
    """Shares of the largest one and two weighted values (one per pair) in each row: 2 × rows."""
    return members.largest(members.at(study.sampling.weight) * values)


def unit_of(sample: pd.DataFrame, variable: str) -> str:
    """The unit of a column: its own, of the data dictionary, "share" for a flag, else "number"."""
    if variable in sample and pd.api.types.is_bool_dtype(sample[variable]):
        return "share"
    own = sample.attrs.get("units", {}).get(variable)  # a survey that keeps its own units says so
    if own:
        return str(own)
    for table in reference.dictionary().tables.values():
        if variable in table.columns:
            column = table.columns[variable]
            return "share" if column.type == "flag" else column.unit or "number"
    return "share" if _is_flag(sample, variable) else "number"


def _is_flag(sample: pd.DataFrame, variable: str) -> bool:
    """A column of the caller's own that holds 0 and 1 only."""
    if variable not in sample:
        return False
    start = set(sample[variable].iloc[:100].dropna().unique())
    found = set(sample[variable].dropna().unique()) if start <= {0, 1} else start
    return found in ({0, 1}, {0}, {1})


def _categories(values: pd.Series, name: str, wanted: Sequence[str] | None) -> tuple[np.ndarray, pd.DataFrame]:
    """Code of each value among the categories (-1: none of them) and the categories as the key column."""
    codes, found = column_codes(values)
    shown = found if wanted is None else [text(c) for c in wanted]
    position = np.array([shown.index(c) if c in shown else -1 for c in found] + [-1])
    return position[codes], pd.DataFrame({name: shown or [ALL]}, dtype="str")
