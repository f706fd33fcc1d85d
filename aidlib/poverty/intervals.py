"""95 % intervals of poverty and inequality measures: on the log odds, on the logarithm, or plain t.

Measures of a skewed income distribution have skewed errors; on these scales their intervals hold their level in
smaller samples, and leave neither 0 nor, where it is the bound, 1.
"""

from __future__ import annotations

import numpy as np

from aidlib import reference
from aidlib.estimate.intervals import SHARES, Interval, critical, logit, wald
from aidlib.estimate.sampling import Floats


def odds(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """t on the log odds of an index between 0 and 1; outside, and at 0 and 1, plain t."""
    inside = (estimate > 0) & (estimate < 1)
    return np.where(inside, logit(estimate, se, df, n, psus), wald(estimate, se, df, n, psus))


def log(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """t on the logarithm of a positive measure; elsewhere plain t."""
    inside = estimate > 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factor = np.exp(critical(df) * se / estimate)
        bounds = np.stack([estimate / factor, estimate * factor])
    return np.where(inside, bounds, wald(estimate, se, df, n, psus))


INDEX: dict[str, Interval] = {"logit": odds, "wald": wald}
RATIO: dict[str, Interval] = {"log": log, "wald": wald}


def share(name: str) -> Interval:
    """The interval of a poverty measure, one of estimate's for shares; above 1 (negative incomes) plain t."""
    inside = chosen(name, SHARES)

    def bounds(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
        high = estimate > 1
        found = inside(np.where(high, 0.5, estimate), se, df, n, psus)
        return np.where(high, wald(estimate, se, df, n, psus), found)

    return bounds


def chosen(name: str, among: dict[str, Interval]) -> Interval:
    """The interval called ``name``; Problem for one that is not there."""
    if name not in among:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(among))
    return among[name]
