"""Smooth functions of estimates, with their errors by the same influence values: any statistic in one mechanism."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from aidlib import reference
from aidlib.estimate.estimates import COVARIANCE_ROWS, Estimates
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import Floats

STEP = 6e-6  # relative step of the central difference: the cube root of the rounding unit


def function_of(
    function: Callable[..., Any], /, *, measure: str, unit: str = "number", method: str = "", **parts: Estimates
) -> Estimates:
    """``function(**arrays)`` of results of one sample, row by row, where each argument is one result's estimates.

    The influence values are sum_k (d function / d theta_k) z_k (the delta method, derivatives by central differences),
    so every smooth function of means, totals and quantiles has its design-based error, its covariances and its
    ``change``. All parts need the same domains and keys, row for row. n, count, psus and df are the smallest, flags the
    gravest of the parts. Source: Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, section 5.5.
    Raises Problem where the parts' rows differ, come from different samples, or keep no influence values.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean, ratio
    >>> sample = pd.DataFrame({"y": [1.0, 2, 3, 4], "x": [2.0, 3, 5, 9]})
    >>> both = {name: mean(sample, None, name) for name in ("y", "x")}
    >>> found = function_of(lambda y, x: y / x, measure="ratio", unit="ratio", **both).rows
    >>> same = ratio(sample, None, "y", "x").rows
    >>> bool(abs(found["se"] - same["se"]).item() < 1e-9)
    True
    """
    results = list(parts.values())
    first = results[0]
    names = [*first.domains, *first.keys]
    for other in results:
        if [*other.domains, *other.keys] != names or not other.rows[names].equals(first.rows[names]):
            raise reference.problem("estimate.rows_differ", parts=", ".join(parts))
        if other._influence is None or first._influence is None:
            raise reference.problem("estimate.not_linearised")
        if not first._influence.sampling.same(other._influence.sampling):
            raise reference.problem("estimate.samples_differ", parts=", ".join(parts))
    assert first._influence is not None  # checked above
    values = {name: part.rows["estimate"].to_numpy() for name, part in parts.items()}
    slopes = [np.nan_to_num(_slope(function, values, name)) for name in parts]
    joint = first._influence.beside([part._influence for part in results[1:] if part._influence is not None])
    influence = joint.mixed(sparse.vstack([sparse.diags_array(s) for s in slopes]))
    covariance = influence.covariance() if len(first.rows) <= COVARIANCE_ROWS else None
    variance = influence.variance() if covariance is None else np.diagonal(covariance)
    estimate = np.asarray(function(**values), dtype=np.float64)
    se = np.where(np.isnan(estimate), np.nan, np.sqrt(np.maximum(variance, 0)))
    least = {c: np.min([p.rows[c].to_numpy() for p in results], axis=0) for c in ("n", "df", "count", "psus")}
    low, high = wald(estimate, se, least["df"], least["n"], least["psus"])
    care = np.any([part.rows["flag"] != "" for part in results], axis=0)
    rows = first.rows.assign(measure=measure, estimate=estimate, se=se, low=low, high=high, **least)
    rows = rows.assign(top1=np.nan, top2=np.nan, flag=np.where(np.isnan(estimate), "empty", np.where(care, "care", "")))
    return replace(
        first,
        rows=rows,
        unit=unit,
        method=method or "estimate_function",
        additive=False,
        margins=(),
        covariance=covariance,
        _influence=influence,
    )


def _slope(function: Callable[..., Any], values: dict[str, Floats], name: str) -> Floats:
    step = STEP * np.maximum(np.abs(values[name]), 1e-6)
    above, below = (np.asarray(function(**(values | {name: values[name] + s})), float) for s in (step, -step))
    return np.asarray((above - below) / (2 * step))
