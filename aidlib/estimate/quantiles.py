"""Quantiles of a complex sample with Woodruff's interval.

The quantile is the inverse of the weighted distribution function F: the smallest value with F >= q. The interval of
F at the estimate is turned back into values, its width over twice t is the standard error. A jackknife error would be
invalid. Source: Woodruff (1952), J. Am. Stat. Assoc. 47(260), 635-646; as R's survey >= 4.1 does (qrule "math").
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import text
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import Interval, beta, critical, logit, wald
from aidlib.estimate.measures import By, unit_of
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found, Study

INTERVALS: dict[str, Interval] = {"mean": wald, "xlogit": logit, "beta": beta}
ROUNDING = 1e-10  # shares of the distribution function closer than this are the same


@dataclass(frozen=True, eq=False)
class Distribution:
    """Weighted distribution functions of several groups: sorted values, and group number + share up to the value."""

    values: Floats
    reached: Floats
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, values: Floats, weight: Floats, group: Ints, groups: int) -> Distribution:
        """One group code per value; weights of 0 must have been left out."""
        order = np.lexsort((values, group))
        weight, group = weight[order], group[order]
        sizes = np.bincount(group, minlength=groups)
        starts = np.cumsum(sizes) - sizes
        running = np.cumsum(weight)
        before = (running - weight)[np.minimum(starts, max(len(weight) - 1, 0))] if len(weight) else np.zeros(groups)
        sums = np.bincount(group, weights=weight, minlength=groups)
        share = (running - before[group]) / sums[group]
        reached = (group + np.minimum(share, 1.0)).astype(np.float64)
        return cls(values[order], reached, starts, sizes)

    def at(self, share: Floats, group: Ints) -> Floats:
        """Smallest value whose share reaches ``share``, one per pair; missing for shares outside 0 … 1."""
        if not len(self.values):
            return np.full(len(share), np.nan)
        place = np.searchsorted(self.reached, group + share - ROUNDING)
        place = np.clip(place, self.starts[group], self.starts[group] + self.sizes[group] - 1)
        valid = (share >= 0) & (share <= 1) & (self.sizes[group] > 0)
        return np.where(valid, self.values[np.clip(place, 0, len(self.values) - 1)], np.nan)


def inverse_cdf(values: Floats, weight: Floats, q: float) -> float:
    """The weighted q-quantile of one group of values with positive weights."""
    one = np.zeros(len(values), dtype=np.int64)
    return float(Distribution.of(values, weight, one, 1).at(np.array([q]), np.zeros(1, dtype=np.int64))[0])


def quantile(
    sample: pd.DataFrame,
    design: Design | None,
    variable: str,
    *,
    q: float | Sequence[float] = 0.5,
    by: By = None,
    margins: bool = False,
    interval: str = "mean",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Quantiles of ``variable`` by domain in its unit; key column ``q`` ("0.25").

    interval: how the bounds of F are found: "mean" (t), "xlogit" or "beta". A bound that leaves 0 … 1 gives no limit
    and no standard error: the domain is too small for it.
    """
    wanted = np.atleast_1d(np.asarray(q, dtype=np.float64))
    if not len(wanted) or len(np.unique(wanted)) < len(wanted) or not ((wanted > 0) & (wanted < 1)).all():
        raise reference.problem("estimate.quantile")
    if interval not in INTERVALS:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(INTERVALS))
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    values = study.column(variable)
    heavy = study.domains.members.where(np.isfinite(values) & (study.sampling.weight > 0))
    weight = study.sampling.weight[heavy.unit]
    distribution = Distribution.of(values[heavy.unit], weight, heavy.row, heavy.rows)
    members = heavy.split(len(wanted))
    group = np.arange(members.rows) // len(wanted)
    estimate = distribution.at(np.tile(wanted, heavy.rows), group)
    at_most = (values[members.unit] <= estimate[members.row]).astype(np.float64)
    found = _woodruff(study, study.mean(members, at_most), estimate, distribution, INTERVALS[interval])
    return study.estimates(
        found,
        measure="quantile",
        unit=unit_of(sample, variable),
        method="estimate_quantile",
        keys=pd.DataFrame({"q": [text(x) for x in wanted]}, dtype="str"),
    )


def _woodruff(study: Study, shares: Found, estimate: Floats, distribution: Distribution, interval: Interval) -> Found:
    """From F at the estimates (``shares``) to the estimates with their bounds.

    The influence of a quantile is that of F over the density; the density taken is the one that Woodruff's interval
    implies, so that influence values and standard error agree.
    """
    members = shares.members
    share_se = np.sqrt(shares.influence.variance())
    df = study.degrees(members)
    share_bounds = interval(shares.estimate, share_se, df, members.sum(), members.distinct(study.sampling.psu))
    group = np.arange(members.rows) // (members.rows // len(distribution.sizes))
    low, high = distribution.at(share_bounds[0], group), distribution.at(share_bounds[1], group)
    se = (high - low) / (2 * critical(df))
    with np.errstate(divide="ignore", invalid="ignore"):
        factor = np.where(share_se > 0, -se / share_se, 0.0)
    return Found(members, estimate, shares.influence.scaled(factor), np.stack([low, high]))
