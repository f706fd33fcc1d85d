"""Figures from imputed samples: Rubin's rules with the design's variance, and what if the missing were different.

Sources: Rubin (1987), Multiple Imputation for Nonresponse in Surveys, ch. 3; Barnard & Rubin (1999), Biometrika 86(4),
948-955; for sensitivity Rubin (1987), ch. 6, and van Buuren (2018), 3.8 and 9.2.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.comparisons import plain_numbers, worse
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import COVARIANCE_ROWS, Estimates, stack
from aidlib.estimate.imputation import Imputed
from aidlib.estimate.intervals import logit, wald
from aidlib.estimate.sampling import Floats

Derive = Callable[[pd.DataFrame], pd.DataFrame]
NEUTRAL = {"shift": 0.0, "scale": 1.0}
LIMITS = ("estimate", "low", "high")


@dataclass(frozen=True, eq=False)
class Combined:
    """Rubin's rules for every row: mean, total variance, df, and the shares of what is missing."""

    estimate: Floats
    variance: Floats
    df: Floats
    fmi: Floats
    share: Floats


def pooled(
    imputed: Imputed,
    design: Design | None,
    statistic: Callable[..., Estimates],
    *args: Any,
    derive: Derive | None = None,
    **options: Any,
) -> Estimates:
    """``statistic``(completed sample, design, *args, **options) averaged over the imputations, row by row.

    variance = U + (1 + 1/m) B, U the mean of the design variances and B the variance of the m estimates; df by Barnard
    & Rubin (1999) with the design's df as those of complete data. Intervals: t, for shares on the log odds. derive:
    computes columns that depend on imputed ones (net income, grades) in every completed sample. n, count and psus are
    means over the imputations; a row that some imputation lacks is empty; covariance by the same rules. The result
    keeps no influence values: for a change, make both waves one sample and ask for the difference there.

    >>> import numpy as np, pandas as pd
    >>> from aidlib.estimate import mean
    >>> from aidlib.estimate.imputation import impute
    >>> x = np.arange(40.0)
    >>> sample = pd.DataFrame({"x": x, "y": np.where(x % 5 == 0, np.nan, 2 * x)})
    >>> row = pooled(impute(sample, None, ["y"], predictors=["x"], m=5), None, mean, "y").rows.iloc[0]
    >>> bool(abs(row["estimate"] - 39) < 1), float(row["n"])
    (True, 40.0)
    """
    results = _each(imputed, design, statistic, args, options, derive)
    first = results[0]
    found = _combine(results)
    columns = {name: _stacked(results, name).mean(axis=0) for name in ("n", "count", "psus", "top1", "top2")}
    rows = first.rows.assign(**columns)
    flag = first.rows["flag"]
    for other in results[1:]:
        flag = pd.Series(worse(flag, other.rows["flag"]))
    se = np.sqrt(found.variance)
    interval = logit if first.unit == "share" and first.kind in ("level", "distribution", "curve") else wald
    low, high = interval(found.estimate, se, found.df, rows["n"].to_numpy(), rows["psus"].to_numpy())
    rows = rows.assign(estimate=found.estimate, se=se, low=low, high=high, df=found.df)
    rows = rows.assign(flag=np.where(np.isnan(found.estimate), "empty", flag))
    return replace(first, rows=rows, method="estimate_pooled", covariance=_covariance(results), _influence=None)


def missing_information(
    imputed: Imputed,
    design: Design | None,
    statistic: Callable[..., Estimates],
    *args: Any,
    derive: Derive | None = None,
    **options: Any,
) -> Estimates:
    """What the missing values cost, by row of ``pooled``: measures "fmi" and "lambda", shares.

    lambda = (1 + 1/m) B / T, the share of imputation in the variance; fmi = (r + 2 / (df + 3)) / (1 + r) with
    r = (1 + 1/m) B / U (Rubin 1987, p. 93). Arguments as ``pooled``.

    >>> import numpy as np, pandas as pd
    >>> from aidlib.estimate import mean
    >>> from aidlib.estimate.imputation import impute
    >>> x = np.arange(40.0)
    >>> sample = pd.DataFrame({"x": x, "y": np.where(x % 5 == 0, np.nan, 2 * x)})
    >>> rows = missing_information(impute(sample, None, ["y"], predictors=["x"], m=5), None, mean, "y").rows
    >>> rows["measure"].tolist(), bool(rows["estimate"].between(0, 0.5).all())
    (['fmi', 'lambda'], True)
    """
    results = _each(imputed, design, statistic, args, options, derive)
    found = _combine(results)
    rows = results[0].rows.assign(df=found.df)
    base = replace(results[0], rows=rows)
    shares = plain_numbers(base, {"fmi": found.fmi, "lambda": found.share}, "estimate_missing_information")
    return replace(shares, unit="share")


def delta_adjusted(
    imputed: Imputed,
    design: Design | None,
    statistic: Callable[..., Estimates],
    *args: Any,
    column: str,
    shift: Sequence[float] | None = None,
    scale: Sequence[float] | None = None,
    derive: Derive | None = None,
    **options: Any,
) -> Estimates:
    """``pooled`` with the imputed values of ``column`` shifted by, or multiplied with, every number of a list.

    Those who do not answer may differ from those who do in what the predictors do not tell; nothing in the data says
    by how much. The table shows what it would do to the figure: key column ``shift`` (in the unit of the column) or
    ``scale``; 0 and 1 are the imputation itself. Raises Problem for both lists or none, or a column that is not one
    of imputed numbers.

    >>> import numpy as np, pandas as pd
    >>> from aidlib.estimate import mean
    >>> from aidlib.estimate.imputation import impute
    >>> x = np.arange(40.0)
    >>> found = impute(pd.DataFrame({"x": x, "y": np.where(x % 5 == 0, np.nan, 2 * x)}), None, ["y"], predictors=["x"])
    >>> rows = delta_adjusted(found, None, mean, "y", column="y", shift=[-5, 0, 5]).rows
    >>> rows["estimate"].diff().round(6).tolist()[1:]  # one value in five is imputed
    [1.0, 1.0]
    """
    if (shift is None) == (scale is None):
        raise reference.problem("estimate.delta", column=column)
    key = "scale" if shift is None else "shift"
    numbers = [float(x) for x in (scale if shift is None else shift) or ()]
    if not numbers or not np.isfinite(numbers).all():
        raise reference.problem("estimate.delta", column=column)
    change = np.add if key == "shift" else np.multiply
    results = {}
    for number in numbers:
        moved = imputed.adjusted(column, partial(change, number))
        results[f"{number:g}"] = pooled(moved, design, statistic, *args, derive=derive, **options)
    return stack(results, key=key)


def tipping_point(table: Estimates, threshold: float, *, limit: str = "estimate") -> Estimates:
    """How far the imputed values must be off for a figure to cross ``threshold``: measure "tipping_point".

    table: of ``delta_adjusted``. limit: "estimate", or the bound of its interval, "low" or "high". Between the numbers
    of the table the figure is taken as linear; of several crossings the one nearest to the imputation itself (shift 0,
    scale 1). Empty where the figure stays on one side. Raises Problem for a table without such a column.

    >>> import numpy as np, pandas as pd
    >>> from aidlib.estimate import mean
    >>> from aidlib.estimate.imputation import impute
    >>> x = np.arange(40.0)
    >>> found = impute(pd.DataFrame({"x": x, "y": np.where(x % 5 == 0, np.nan, 2 * x)}), None, ["y"], predictors=["x"])
    >>> table = delta_adjusted(found, None, mean, "y", column="y", shift=[-5, 0, 5])
    >>> middle = float(table.rows["estimate"].iloc[1])
    >>> round(float(tipping_point(table, middle + 0.5).rows["estimate"].item()), 6)
    2.5
    """
    if limit not in LIMITS:
        raise reference.problem("estimate.option", option="limit", allowed=", ".join(LIMITS))
    key = next((name for name in NEUTRAL if name in table.keys), None)
    if key is None:
        raise reference.problem("estimate.no_result_column", column="shift", known=", ".join(table.keys))
    rest = [c for c in (*table.domains, *table.keys, "measure") if c != key]
    rows = table.rows.assign(delta=table.rows[key].astype(float), gap=table.rows[limit] - threshold)
    lines = [_crossing(part, NEUTRAL[key]) for _, part in rows.groupby(rest, sort=False)]
    first = rows.groupby(rest, sort=False).head(1).drop(columns=[key, "delta", "gap"]).reset_index(drop=True)
    found = replace(table, rows=first, keys=tuple(c for c in table.keys if c != key), covariance=None, margins=())
    return plain_numbers(found, {"tipping_point": np.array(lines)}, "estimate_tipping_point")


def _crossing(part: pd.DataFrame, neutral: float) -> float:
    """Where the gap changes its sign, nearest to ``neutral``."""
    ordered = part.sort_values("delta")
    delta, gap = ordered["delta"].to_numpy(), ordered["gap"].to_numpy()
    left, right = gap[:-1], gap[1:]
    crosses = (left * right <= 0) & (left != right)
    if not crosses.any():
        return np.nan
    places = (delta[:-1] - left * np.diff(delta) / np.where(crosses, right - left, 1.0))[crosses]
    return float(places[np.argmin(np.abs(places - neutral))])


def _each(
    imputed: Imputed,
    design: Design | None,
    statistic: Callable[..., Estimates],
    args: tuple[Any, ...],
    options: dict[str, Any],
    derive: Derive | None,
) -> list[Estimates]:
    """The statistic of every completed sample, all with the rows of the first that any has."""
    results = []
    for number in range(1, imputed.m + 1):
        frame = imputed.completed(number)
        results.append(statistic(frame if derive is None else derive(frame), design, *args, **options))
    names = [*results[0].domains, *results[0].keys, "measure"]
    indices = [pd.MultiIndex.from_frame(found.rows[names]) for found in results]
    if all(index.equals(indices[0]) for index in indices[1:]):
        return results
    common = indices[0]
    for index in indices[1:]:
        common = common.append(index.difference(common, sort=False))
    return [_aligned(found, index, common, names) for found, index in zip(results, indices, strict=True)]


def _aligned(found: Estimates, index: pd.MultiIndex, common: pd.MultiIndex, names: list[str]) -> Estimates:
    """The result with the rows ``common``, empty where it has none."""
    rows = found.rows.set_index(index).reindex(common)
    rows[names] = common.to_frame(index=False).to_numpy()
    rows = rows.assign(flag=rows["flag"].fillna("empty"), n=rows["n"].fillna(0))
    return replace(found, rows=rows, margins=(), covariance=None, _influence=None)


def _stacked(results: list[Estimates], column: str) -> Floats:
    return np.stack([found.rows[column].to_numpy() for found in results])


def _combine(results: list[Estimates]) -> Combined:
    """Rubin's rules over the imputations."""
    m = len(results)
    values, variances = _stacked(results, "estimate"), _stacked(results, "se") ** 2
    complete = _stacked(results, "df").mean(axis=0)
    within, between = variances.mean(axis=0), values.var(axis=0, ddof=1)
    added = (1 + 1 / m) * between
    total = within + added
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(total > 0, added / total, 0.0)
        old = np.where(share > 0, (m - 1) / share**2, np.inf)
        observed = np.where(np.isinf(complete), np.inf, (complete + 1) / (complete + 3) * complete) * (1 - share)
        observed = np.where(np.isinf(complete) & (share < 1), np.inf, observed)
        df = 1 / (1 / old + 1 / observed)
        ratio = added / within
        fmi = np.where(np.isinf(ratio), 1.0, (ratio + 2 / (df + 3)) / (1 + ratio))
    fmi = np.where(between > 0, fmi, 0.0)
    empty = np.isnan(values.mean(axis=0))
    return Combined(values.mean(axis=0), total, df, np.where(empty, np.nan, fmi), np.where(empty, np.nan, share))


def _covariance(results: list[Estimates]) -> Floats | None:
    """The covariance of the rows by the same rules, where every result has one."""
    parts = [found.covariance for found in results]
    present = [part for part in parts if part is not None]
    if len(present) < len(parts) or len(results[0].rows) > COVARIANCE_ROWS:
        return None
    values = _stacked(results, "estimate")
    away = values - values.mean(axis=0)
    m = len(results)
    return np.asarray(sum(present) / m + (1 + 1 / m) * (away.T @ away) / (m - 1), dtype=np.float64)
