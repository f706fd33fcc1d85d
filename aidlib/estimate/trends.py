"""Tests over several rows: the trend over time, whether it is straight, whether all values are equal."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import chdtrc, fdtrc

from aidlib import reference
from aidlib.estimate.comparisons import SHOWN, column_of, combined, line_codes, plain_numbers
from aidlib.estimate.domains import ALL
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import Floats, Ints

TIMES = ("year", "time", "period", "wave")
PERIOD = re.compile(r"(\d{4})(?:-Q([1-4])|-(\d{2}))?(?:\.0)?")


def trend(estimates: Estimates, *, time: str | None = None) -> Estimates:
    """Slope of the straight line through the values over time, per year, one row for each line of the other columns.

    slope = sum_t c_t θ_t with c_t = (t - mean t) / sum (t - mean t)², the least-squares slope of the published figures;
    its standard error is sqrt(c' V c) with V the design covariance of the times, so that an overlapping sample is
    counted. Estimate all times in one call (``by=["region", "year"]`` on the panel). time: the column of periods
    ("2025", "2025-Q3", "2025-09"; None: the one named year, time, period or wave). Units: those of the values per year,
    shares in pp as fractions. n, psus: the smallest of the times. A line with fewer than two times is empty, its n 0.
    Source: Ingram et al. (2018), NCHS guidelines for analysis of trends, Vital Health Stat. 2(179).
    Raises Problem for no such column, a value that is no period, or a result without covariance.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"year": ["2023", "2023", "2024", "2024", "2025", "2025"], "y": [1.0, 3, 2, 4, 3, 5]})
    >>> float(trend(mean(sample, None, "y", by="year")).rows["estimate"].item())
    1.0
    """
    column = _time(estimates, time)
    groups, lines = _lines(estimates, column)
    years = years_of(estimates.rows[column])
    known = np.flatnonzero(estimates.rows["estimate"].notna().to_numpy() & np.isfinite(years))
    group = groups[known]
    centred = years[known] - (_sum(years[known], group, lines) / np.maximum(_sum(None, group, lines), 1))[group]
    spread = _sum(centred**2, group, lines)
    enough = spread > 0
    weight = centred / np.where(enough, spread, 1.0)[group]
    found = combined(estimates, sparse.coo_array((weight, (known, group)), shape=(len(groups), lines)))
    slope = np.where(enough, found.estimate, np.nan)
    rows = _one_per_line(estimates, groups, column)
    se = np.where(enough, np.sqrt(np.maximum(found.variance, 0)), np.nan)
    low, high = wald(slope, se, rows["df"].to_numpy(), rows["n"].to_numpy(), rows["psus"].to_numpy())
    flag = np.where(np.isnan(slope) & rows["flag"].isin(SHOWN), "empty", rows["flag"])
    rows = rows.assign(measure="trend", estimate=slope, se=se, low=low, high=high, flag=flag)
    rows = rows.assign(n=rows["n"].where(enough, 0.0))
    return replace(
        _without(estimates, rows, column),
        unit="pp" if estimates.unit == "share" else estimates.unit,
        kind="change",
        method="estimate_trend",
        covariance=found.covariance,
        _influence=found.influence,
    )


def linearity(estimates: Estimates, *, time: str | None = None) -> Estimates:
    """Wald test that the values lie on a straight line over time, one for each line of the other columns.

    Rows "wald_f", "df_numerator" and "p_value". W = (Lθ)' (L V L')⁻¹ (Lθ), L spanning what is orthogonal to straight
    lines; F = (df - q + 1) / (df q) · W on q and df - q + 1 degrees of freedom, q the rank of L V L' (times - 2).
    Source: Korn & Graubard (1990), Am. Stat. 44(4), 270-276. Missing for fewer than three times (n 0) or df < q.
    Arguments and Problems as ``trend``.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"year": ["2023", "2023", "2024", "2024", "2025", "2025"], "y": [1.0, 3, 2, 4, 3, 5]})
    >>> linearity(mean(sample, None, "y", by="year")).rows["estimate"].round(6).tolist()
    [0.0, 1.0, 1.0]
    """
    column = _time(estimates, time)
    years = years_of(estimates.rows[column])

    def away(rows: Ints) -> Floats:
        return _complement(np.stack([np.ones(len(rows)), years[rows] - years[rows].mean()], axis=1))

    return _tests(estimates, column, np.isfinite(years), away, "estimate_linearity")


def equality(estimates: Estimates, *, of: str | None = None) -> Estimates:
    """Wald test that all values of a column are equal, one for each line of the other columns; totals ("all") left out.

    Rows and formula as ``linearity``, L spanning the contrasts between values. of: the column (None: the first domain).

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"g": list("aabbcc") * 3, "y": [1.0, 2, 3, 4, 5, 6] * 3})
    >>> equality(mean(sample, None, "y", by="g")).rows["measure"].tolist()
    ['wald_f', 'df_numerator', 'p_value']
    """
    column = column_of(estimates, of)

    def contrasts(rows: Ints) -> Floats:
        return _complement(np.ones((len(rows), 1)))

    return _tests(estimates, column, (estimates.rows[column] != ALL).to_numpy(), contrasts, "estimate_equality")


def years_of(periods: pd.Series) -> Floats:
    """Periods as decimal years: "2025" and "2025-Q1" are 2025.0, "2025-Q3" and "2025-07" 2025.5; "all" is missing."""
    values = {str(value): _year(str(value)) for value in periods.unique()}
    return np.array([values[str(value)] for value in periods], dtype=np.float64)


def _year(period: str) -> float:
    if period == ALL:
        return np.nan
    found = PERIOD.fullmatch(period)
    if found is None or not 1 <= int(found[3] or 1) <= 12:
        raise reference.problem("estimate.period", value=period)
    return int(found[1]) + (int(found[2] or 1) - 1) / 4 + (int(found[3] or 1) - 1) / 12


def _time(estimates: Estimates, name: str | None) -> str:
    if name is None:
        name = next((c for c in TIMES if c in (*estimates.domains, *estimates.keys)), TIMES[0])
    return column_of(estimates, name)


def _lines(estimates: Estimates, column: str) -> tuple[Ints, int]:
    """Number of each row's line (all columns but ``column``), and how many there are."""
    rest = [c for c in (*estimates.domains, *estimates.keys, "measure") if c != column]
    groups = line_codes(estimates.rows, rest)
    return groups, int(groups.max(initial=-1)) + 1


def _sum(values: Floats | None, group: Ints, lines: int) -> Floats:
    return np.bincount(group, weights=values, minlength=lines).astype(np.float64)


def _one_per_line(estimates: Estimates, groups: Ints, column: str) -> pd.DataFrame:
    """The first row of each line with the least n, count, psus and df and the largest shares and flag of its rows."""
    timed = (estimates.rows[column] != ALL).to_numpy()
    rows = estimates.rows[timed] if timed.any() else estimates.rows  # an empty sample has its total only
    group = groups[rows.index]
    of_line = rows.groupby(group, sort=True)
    first = rows.iloc[np.unique(group, return_index=True)[1]].reset_index(drop=True)
    least, most = of_line[["n", "count", "psus", "df"]].min(), of_line[["top1", "top2"]].max()
    withheld = ~rows["flag"].isin([*SHOWN, "empty"])
    reason = rows["flag"].where(withheld).groupby(group).first()
    care = rows["flag"].eq("care").groupby(group).any()
    flag = np.where(reason.notna(), reason, np.where(care, "care", ""))
    numbers = {name: values.to_numpy() for name, values in {**least, **most}.items()}
    return first.assign(**numbers, flag=flag)


def _without(estimates: Estimates, rows: pd.DataFrame, column: str) -> Estimates:
    """A result of these rows without the column; the one domain left over is "all"."""
    rows = rows.drop(columns=column)
    domains = tuple(c for c in estimates.domains if c != column)
    if not domains:
        domains = ("domain",)
        rows.insert(0, "domain", ALL)
    keys = tuple(c for c in estimates.keys if c != column)
    return replace(
        estimates,
        rows=rows,
        domains=domains,
        keys=keys,
        additive=False,
        margins=(),
        covariance=None,
        _influence=None,
    )


def _tests(
    estimates: Estimates, column: str, counted: np.ndarray, contrasts: Callable[[Ints], Floats], method: str
) -> Estimates:
    """A Wald test for each line of the other columns on the rows that count and have a value."""
    groups, lines = _lines(estimates, column)
    counted = counted & estimates.rows["estimate"].notna().to_numpy()
    rows = _one_per_line(estimates, groups, column)
    found = np.full((3, lines), np.nan)
    for line in range(lines):
        at = np.flatnonzero(counted & (groups == line))
        if len(at) > 1:
            found[:, line] = _wald_f(estimates, at, contrasts(at), float(rows["df"].iloc[line]))
    base = _without(estimates, rows.assign(n=rows["n"].where(np.isfinite(found[1]), 0.0)), column)
    measures = dict(zip(("wald_f", "df_numerator", "p_value"), found, strict=True))
    return plain_numbers(base, measures, method)


def _wald_f(estimates: Estimates, at: Ints, contrasts: Floats, df: float) -> Floats:
    """F, its numerator degrees of freedom and p of contrasts (values × contrasts) of the rows ``at``."""
    width = contrasts.shape[1]
    place = (np.repeat(at, width), np.tile(np.arange(width), len(at)))
    found = combined(estimates, sparse.coo_array((contrasts.ravel(), place), shape=(len(estimates.rows), width)))
    if width == 0 or found.covariance is None:
        return np.full(3, np.nan)
    values, vectors = np.linalg.eigh(found.covariance)
    inside = values > values.max(initial=0.0) * 1e-10
    q = float(inside.sum())
    if q == 0 or df < q:
        return np.array([np.nan, q, np.nan])
    w = float(((vectors.T @ found.estimate)[inside] ** 2 / values[inside]).sum())
    if np.isinf(df):
        return np.array([w / q, q, chdtrc(q, w)])
    f = (df - q + 1) / (df * q) * w
    return np.array([f, q, fdtrc(q, df - q + 1, f)])


def _complement(columns: Floats) -> Floats:
    """Orthonormal basis of what is orthogonal to the columns: rows × (rows - rank)."""
    left, size, _ = np.linalg.svd(columns, full_matrices=True)
    return np.asarray(left[:, int((size > 1e-10 * size.max()).sum()) :], dtype=np.float64)
