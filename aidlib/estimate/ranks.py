"""Ranks with their uncertainty: which places in the order each value may hold.

Source: Mogstad, Romano, Shaikh & Wilhelm (2024), Inference for ranks, Rev. Econ. Stud. 91(1), 476-518; Klein, Wright &
Wieczorek (2020), A joint confidence region for an overall ranking of populations, J. R. Stat. Soc. C 69(3), 589-606.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.special import ndtri, stdtrit

from aidlib import reference
from aidlib.estimate.comparisons import column_of, combined, line_codes
from aidlib.estimate.domains import ALL
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.sampling import Floats, Ints

LEVEL = 0.95
DRAWS = 20_000  # simulated differences: the 95 % point has a standard error of about 0.01
BLOCK = 4_000_000  # numbers held at once

FIRST = ("highest", "lowest")
METHODS = ("pairs", "intervals")


def rank_intervals(
    estimates: Estimates, *, of: str | None = None, first: str = "highest", method: str = "pairs", seed: str = "ranks"
) -> Estimates:
    """Rank of each value of a column with a simultaneous 95 % interval: measure "rank", estimate, low, high.

    With 95 % confidence all true ranks lie in their intervals together. of: the column ranked (None: the first domain),
    within the values of the other columns; totals ("all") are left out, rows without a value stay empty. first: which
    end has rank 1. Equal values share the better rank.
    method "pairs": a value ranks behind all those whose difference from it is significant by the largest |t| of all
    pairs, whose 95 % point is simulated from the design covariance (multivariate t with the least df; seeded by the
    name ``seed``; Mogstad et al. 2024, simultaneous, one step). "intervals": behind all those whose interval lies
    beyond its own, at the joint level 0.95^(1/K) (Klein et al. 2020, with Šidák's bound): wider, and all that a reader
    of published intervals can do. n, df, count and psus as in the result.
    Raises Problem for no such column or a result without covariance.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"region": ["a"] * 4 + ["b"] * 4, "y": [1.0, 2, 1, 2, 8, 9, 8, 9]})
    >>> rank_intervals(mean(sample, None, "y", by="region")).rows[["estimate", "low", "high"]].values.tolist()
    [[2.0, 2.0, 2.0], [1.0, 1.0, 1.0]]
    """
    column = column_of(estimates, of)
    for option, value, allowed in (("first", first, FIRST), ("method", method, METHODS)):
        if value not in allowed:
            raise reference.problem("estimate.option", option=option, allowed=", ".join(allowed))
    rows = estimates.rows
    rest = [c for c in (*estimates.domains, *estimates.keys, "measure") if c != column]
    groups = line_codes(rows, rest)
    counted = ((rows[column] != ALL) & rows["estimate"].notna()).to_numpy()
    found = np.full((3, len(rows)), np.nan)
    for group in range(int(groups.max(initial=-1)) + 1):
        at = np.flatnonzero(counted & (groups == group))
        if len(at):
            found[:, at] = _ranked(estimates, at, method, 1.0 if first == "highest" else -1.0, f"{seed}:{group}")
    kept = (rows[column] != ALL).to_numpy()
    numbers = {"estimate": found[0], "se": np.nan, "low": found[1], "high": found[2], "top1": np.nan, "top2": np.nan}
    return replace(
        estimates,
        rows=rows.assign(measure="rank", **numbers)[kept],
        unit="number",
        kind="level",
        method=f"estimate_rank_{method}",
        additive=False,
        margins=(),
        covariance=None,
        _influence=None,
    )


def _ranked(estimates: Estimates, at: Ints, method: str, sign: float, seed: str) -> Floats:
    """Rank, best and worst rank of the rows ``at``."""
    value = sign * estimates.rows["estimate"].to_numpy()[at]
    df = float(estimates.rows["df"].to_numpy()[at].min())
    size = len(at)
    above = value[None, :] - value[:, None]  # how far column k lies above row j
    rank = 1.0 + (above > 0).sum(axis=1)
    if size == 1:
        return np.array([rank, rank, rank])
    if not df >= 1:  # nothing is known of the errors
        return np.array([rank, np.ones(size), np.full(size, float(size))])
    pick = sparse.coo_array((np.ones(size), (at, np.arange(size))), shape=(len(estimates.rows), size))
    covariance = combined(estimates, pick).covariance
    if covariance is None:
        raise reference.problem("estimate.too_many", rows=size)
    if method == "intervals":
        half = _quantile(0.5 + LEVEL ** (1 / size) / 2, df) * np.sqrt(np.maximum(covariance.diagonal(), 0))
        margin = half[None, :] + half[:, None]
    else:
        variance = covariance.diagonal()
        spread = np.sqrt(np.maximum(variance[:, None] + variance[None, :] - 2 * covariance, 0))
        margin = largest_difference(covariance, df, seed) * spread
    return np.stack([rank, 1.0 + (above > margin).sum(axis=1), size - (-above > margin).sum(axis=1)])


def largest_difference(covariance: Floats, df: float, seed: str) -> float:
    """95 % point of the largest |t| among all pairwise differences of normal values with this covariance."""
    key = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    rng = np.random.default_rng(int.from_bytes(key, "little"))
    values, vectors = np.linalg.eigh(covariance)
    root = vectors * np.sqrt(np.maximum(values, 0))
    size = len(covariance)
    first, second = np.triu_indices(size, 1)
    error = np.sqrt(
        np.maximum(covariance[first, first] + covariance[second, second] - 2 * covariance[first, second], 0)
    )
    open_ = error > 1e-12 * np.sqrt(max(float(covariance.diagonal().max()), 0.0))
    if not open_.any():
        return 0.0
    first, second, error = first[open_], second[open_], error[open_]
    largest = np.empty(DRAWS)
    step = max(1, BLOCK // len(first))
    for start in range(0, DRAWS, step):
        drawn = rng.standard_normal((min(step, DRAWS - start), size)) @ root.T
        largest[start : start + step] = (np.abs(drawn[:, first] - drawn[:, second]) / error).max(axis=1)
    if np.isfinite(df):
        largest /= np.sqrt(rng.chisquare(df, DRAWS) / df)
    return float(np.quantile(largest, LEVEL))


def _quantile(share: float, df: float) -> float:
    return float(ndtri(share) if np.isinf(df) else stdtrit(df, share))
