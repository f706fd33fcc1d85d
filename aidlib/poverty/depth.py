"""How deep hardship is and how unequally it falls on the poor: Watts, Sen-Shorrocks-Thon, the relative median gap.

A missing income or line leaves the estimate and stays in the design; whoever is on the line is not poor. The error of
a line estimated from the same sample is included (Deville 1999, Survey Methodology 25(2), 193-203; Osier 2009, Survey
Research Methods 3(3), 167-195).
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.estimate import Design, Estimates, Study, unit_of
from aidlib.estimate.domains import Members
from aidlib.estimate.intervals import Interval
from aidlib.estimate.measures import By
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Claim, Found
from aidlib.poverty.inequality import known, positive
from aidlib.poverty.intervals import INDEX, RATIO, chosen, share
from aidlib.poverty.lines import Line, RelativeLine, line_values, with_line
from aidlib.poverty.measures import is_poor, poverty_gaps
from aidlib.poverty.ranks import Ranks, densities

DEPTH = Claim(n=120, psus=20, df=10)  # held over 2,000 draws (tests/poverty/test_coverage.py)


def watts(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: Line,
    multiple: float = 1.0,
    nonpositive: str = "fail",
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Watts index by domain: sum over the poor of w ln(line / income) over sum(w); ``count``: the poor.

    Divided by a growth rate it is the mean time to leave poverty. line and multiple as in ``fgt``. Needs incomes above
    0: nonpositive "fail" raises a Problem that counts the others, "drop" leaves them out. Without any poor 0, with no
    width. interval: "log" or "wald". Source: Watts (1968), IRP Discussion Paper 5; Zheng (2001), J. Econometrics 101.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 4.0]})
    >>> round(watts(sample, None, "income", line=2).rows["estimate"].item(), 6)
    0.346574
    """
    bounds = chosen(interval, RATIO)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    members = positive(study.members(incomes, lines.values), incomes, income, nonpositive)
    unit = members.unit
    poor = is_poor(incomes, lines.values)[unit]
    logs = np.where(poor, np.log(lines.values[unit] / incomes[unit]), 0.0)
    slopes = study.mean(members, poor / lines.values[unit]).estimate
    return study.estimates(
        with_line(study, study.mean(members, logs), lines, slopes),
        measure="watts",
        unit="index",
        method="poverty_watts",
        interval=bounds,
        count=members.sum(poor),
        claim=DEPTH,
    )


def sen_shorrocks_thon(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: Line,
    multiple: float = 1.0,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Sen-Shorrocks-Thon index by domain, 0 to 1 (more only with negative incomes); ``count``: the poor.

    FGT(1) (1 + Gini of everyone's gaps), which is the mean of the larger gap of two units drawn at random:
    sum_ij w_i w_j max(g_i, g_j) / N^2. line and multiple as in ``fgt``. interval: "logit" or "wald"; without any poor
    its upper limit is that of the exact headcount h, 1 - (1 - h)^2. Source: Shorrocks (1995), Econometrica 63(5).

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 4.0]})
    >>> sen_shorrocks_thon(sample, None, "income", line=2).rows["estimate"].item()
    0.375
    """
    bounds = _sst_interval(interval)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    gaps = poverty_gaps(incomes, lines.values, 1)
    members = study.members(gaps)
    unit = members.unit
    poor = is_poor(incomes, lines.values)[unit]
    found, rank = _mean_larger(study, members, gaps[unit])
    with np.errstate(divide="ignore", invalid="ignore"):
        steeper = np.where(poor, 2 * rank * incomes[unit] / lines.values[unit] ** 2, 0.0)
    return study.estimates(
        with_line(study, found, lines, study.mean(members, steeper).estimate),
        measure="sen_shorrocks_thon",
        unit="index",
        method="poverty_sen_shorrocks_thon",
        interval=bounds,
        count=members.sum(poor),
        claim=DEPTH,
    )


def relative_line(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    share: float = 0.6,
    of: str = "median",
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """``share`` of the median or mean income of each domain, in the income's unit, as a line with its own error.

    The median's influence takes a normal kernel density (R's convey); for an interval after Woodruff see
    ``estimate.quantile``. interval: "log" or "wald".

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [100.0, 200, 400]})
    >>> relative_line(sample, None, "income", share=0.5).rows["estimate"].item()
    100.0
    """
    line = RelativeLine(share, of)
    bounds = chosen(interval, RATIO)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    members = study.members(incomes)
    y, weight = incomes[members.unit], study.sampling.weight[members.unit]
    if line.of == "mean":
        centre = study.mean(members, y)
        estimate, influence = centre.estimate * share, centre.influence.scaled(np.full(members.rows, share))
    else:
        median = Ranks.of(members, y, weight).quantile(0.5)
        estimate = median * share
        height = densities(members, y, weight, median) * members.sum(weight)
        scores = -share * weight * ((y <= median[members.row]) - 0.5) / height[members.row]
        influence = study.influence(members, known(scores))
    return study.estimates(
        Found(members, estimate, influence),
        measure="relative_line",
        unit=unit_of(sample, income),
        method="poverty_relative_line",
        interval=bounds,
        claim=DEPTH,
    )


def relative_median_gap(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    line: Line = RelativeLine(0.6),  # noqa: B008 - a frozen value
    multiple: float = 1.0,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Median over the poor of (line - income) / line by domain, a ratio; ``n``: the poor.

    With the default line Eurostat's relative median at-risk-of-poverty gap. line and multiple as in ``fgt``. The
    densities at line and median are normal kernels (R's convey). interval: "logit" or "wald".

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [10.0, 50, 100, 100, 100]})
    >>> relative_median_gap(sample, None, "income", line=100).rows["estimate"].item()
    0.9
    """
    bounds = chosen(interval, INDEX)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    lines = line_values(study, incomes, line, multiple)
    ratio = incomes / lines.values
    poor = is_poor(incomes, lines.values)
    everyone = study.members(ratio)
    members = everyone.where(poor)
    weight = study.sampling.weight
    median = Ranks.of(members, ratio[members.unit], weight[members.unit]).quantile(0.5)
    found, slopes = _median_of_poor(study, everyone, ratio[everyone.unit], poor[everyone.unit], median)
    found = Found(members, 1 - median, found.influence)
    if lines.influence is not None and len(lines.values):
        found = with_line(study, found, lines, slopes / lines.values[0])
    return study.estimates(
        found,
        measure="relative_median_gap",
        unit="ratio",
        method="poverty_relative_median_gap",
        interval=bounds,
        count=members.sum(),
    )


def _mean_larger(study: Study, members: Members, gap: Floats) -> tuple[Found, Floats]:
    """Mean of the larger of two gaps, and for each pair the share of weight below it, half of its ties included.

    d / d w_k = 2 (E max(g_k, g) - SST) / N.
    """
    ranks = Ranks.of(members, gap, study.sampling.weight[members.unit])
    (less, _), (most, most_sum) = ranks.below(), ranks.up_to()
    row, weight, gap = ranks.row, ranks.weight, ranks.value
    people, depth = (np.bincount(row, weights=w, minlength=members.rows) for w in (weight, weight * gap))
    with np.errstate(divide="ignore", invalid="ignore"):
        larger = (gap * most + depth[row] - most_sum) / people[row]
        estimate = np.bincount(row, weights=weight * larger, minlength=members.rows) / people
        scores = 2 * weight * (larger - estimate[row]) / people[row]
        rank = (less + most) / 2 / people[row]
    return Found(members, estimate, study.influence(members, known(ranks.back(scores)))), ranks.back(rank)


def _median_of_poor(
    study: Study, members: Members, ratio: Floats, poor: np.ndarray, median: Floats
) -> tuple[Found, Floats]:
    """Influence of 1 - median over everyone, and its slope with the logarithm of the line.

    F(median) = H / 2 with F the distribution of income over line and H = F(1) the headcount, so that
    f(m) dm = dH / 2 - dF(m); the line itself moves H by f(1) and the median's ratio by -m.
    """
    weight, row = study.sampling.weight[members.unit], members.row
    people = members.sum(weight)
    at_line, at_median = (densities(members, ratio, weight, at) for at in (np.ones(members.rows), median))
    with np.errstate(divide="ignore", invalid="ignore"):
        head = members.sum(weight * poor) / people
        moved = 0.5 * (poor - head[row]) - ((poor & (ratio <= median[row])) - head[row] / 2)
        scores = -weight * moved / (people * at_median)[row]
        slope = median - 0.5 * at_line / at_median
    return Found(members, 1 - median, study.influence(members, known(scores))), slope


def _sst_interval(name: str) -> Interval:
    """The interval of a share; without any poor, from the limit of the headcount."""
    inside = share("logit" if chosen(name, INDEX) is INDEX["logit"] else "wald")

    def bounds(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats) -> Floats:
        low, high = inside(estimate, se, df, n, psus)
        return np.stack([low, np.where(estimate <= 0, 1 - (1 - high) ** 2, high)])

    return bounds
