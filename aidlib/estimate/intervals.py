"""95 % intervals: t, and for shares logit and beta. All functions take arrays and give 2 × rows: low, high."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import betaincinv, ndtri, stdtrit

from aidlib.estimate.sampling import Floats

TAIL = 0.975
Interval = Callable[[Floats, Floats, Floats, Floats, Floats], Floats]  # estimate, se, df, n, psus


def critical(df: Floats) -> Floats:
    """The 97.5 % point of Student's t; the normal one for infinite df, missing for df below 1."""
    df = np.asarray(df, dtype=np.float64)
    if df.size > 1 and (df == df.flat[0]).all():
        return np.full(df.shape, critical(df.ravel()[:1]))
    return np.where(np.isinf(df), ndtri(TAIL), stdtrit(np.where((df >= 1) & np.isfinite(df), df, np.nan), TAIL))


def wald(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """estimate ± t se; no limits where df is below 1."""
    half = critical(df) * se
    return np.stack([estimate - half, estimate + half])


def logit(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """Wald on the log odds; at 0 and 1, where the odds say nothing, the beta interval."""
    inside = (estimate > 0) & (estimate < 1)
    outside = ~inside
    p = np.where(inside, estimate, 0.5)
    centre, half = np.log(p / (1 - p)), critical(df) * se / (p * (1 - p))
    bounds = 1 / (1 + np.exp(-np.stack([centre - half, centre + half])))
    bounds = np.where((se == 0) & (df >= 1), p, bounds)
    if outside.any():
        bounds[:, outside] = beta(*(values[outside] for values in (estimate, se, df, n, psus)))
    return bounds


def beta(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
    """Clopper-Pearson with the effective sample size p (1 - p) / se² · (t(n-1) / t(df))².

    Source: Korn & Graubard (1998), Survey Methodology 24(2), 193-201. At 0 and 1 the estimated error is 0 and says
    nothing; there every cluster counts as one independent unit. A complete count (df infinite, se 0) has no interval.
    """
    edge = (estimate <= 0) | (estimate >= 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        size = estimate * (1 - estimate) / se**2 * (critical(n - 1) / critical(df)) ** 2
        size = np.where(edge, psus, size)
        low = betaincinv(size * estimate, size * (1 - estimate) + 1, 1 - TAIL)
        high = betaincinv(size * estimate + 1, size * (1 - estimate), TAIL)
    bounds = np.stack([np.where(estimate <= 0, 0.0, low), np.where(estimate >= 1, 1.0, high)])
    exact = (np.isinf(df) & (se == 0)) | (~edge & (se == 0))
    return np.where(exact | np.isnan(estimate), estimate, bounds)


SHARES: dict[str, Interval] = {"logit": logit, "beta": beta, "wald": wald}
