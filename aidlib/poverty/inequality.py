"""Inequality of a complex sample: Gini, share ratios, Atkinson, generalised entropy, each by its influence function.

Incomes per head or equivalised; persons are counted with person weights. A missing income leaves the estimate and
stays in the design. Sources of the influence functions: Deville (1999), Survey Methodology 25(2), 193-203; Osier
(2009), Survey Research Methods 3(3), 167-195; Biewen & Jenkins (2006), Oxford Bull. Econ. Stat. 68(3), 371-383;
Langel & Tillé (2013), J. R. Stat. Soc. A 176(2), 521-540.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members
from aidlib.estimate.measures import By
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Claim, Found
from aidlib.poverty.intervals import INDEX, RATIO, chosen
from aidlib.poverty.ranks import Ranks

BOUNDARIES = ("eurostat", "split")
NONPOSITIVE = ("fail", "drop")

# The smallest samples at which intervals held their level over 2,000 draws (tests/poverty/test_coverage.py): the more a
# measure looks at the highest incomes, the larger.
GINI = Claim(n=600, psus=100, df=90)
QUINTILE = Claim(n=300, psus=50, df=40)
PALMA = Claim(n=600, psus=100, df=90)


def gini(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Gini index by domain, 0 (all equal) to 1, an index number.

    sum_ij w_i w_j |y_i - y_j| / (2 N Y), N = sum(w), Y = sum(w y): Eurostat's form, the Gini of the weighted sample
    itself, which does not depend on the order of ties (R's laeken). Osier's form in R's convey adds the units' own
    weights, sum(w (w - 1) y) / (N Y), about 1 / n. Negative incomes count and may bring it above 1; no value where
    Y <= 0. interval: "logit" or "wald".

    >>> import pandas as pd
    >>> rows = gini(pd.DataFrame({"income": [1.0, 2, 3, 4]}), None, "income").rows
    >>> round(rows["estimate"].item(), 3)
    0.25
    """
    bounds = chosen(interval, INDEX)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    members = study.members(incomes)
    return study.estimates(
        gini_of(study, members, incomes[members.unit]),
        measure="gini",
        unit="index",
        method="poverty_gini",
        interval=bounds,
        claim=GINI,
    )


def quintile_share_ratio(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    boundary: str = "eurostat",
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """S80/S20 by domain: the income of the richest fifth over that of the poorest fifth, a ratio.

    boundary: "eurostat" takes everyone above the 80 % quantile and everyone up to the 20 % quantile, ties included
    (R's laeken and convey); "split" cuts the weight of the units on the edge so that both groups are a fifth exactly,
    better where many incomes are equal. No value where the poorest fifth has no positive income. interval: "log" or
    "wald".

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 2, 3, 4, 5]})
    >>> quintile_share_ratio(sample, None, "income").rows["estimate"].item()
    5.0
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    return _share_ratio(study, income, 0.2, 0.8, boundary, interval, "quintile_share_ratio", "ratio", QUINTILE)


def palma_ratio(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    boundary: str = "eurostat",
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Palma ratio by domain: the income of the richest tenth over that of the poorest four tenths, an index number.

    boundary and interval as in ``quintile_share_ratio``. Source: Cobham & Sumner (2013), CGD Working Paper 343.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 1, 1, 1, 2, 2, 2, 2, 2, 8]})
    >>> palma_ratio(sample, None, "income").rows["estimate"].item()
    2.0
    """
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    return _share_ratio(study, income, 0.4, 0.9, boundary, interval, "palma_ratio", "index", PALMA)


def atkinson(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    epsilon: float = 1.0,
    nonpositive: str = "fail",
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Atkinson index by domain with aversion ``epsilon`` > 0, 0 to 1: the share of income that equality would save.

    1 - mean(y^(1-e))^(1/(1-e)) / mean(y); for e = 1, 1 - exp(mean(ln y)) / mean(y). Needs incomes above 0:
    nonpositive "fail" raises a Problem that counts the others, "drop" leaves them out of the estimate. interval:
    "logit" or "wald". Source: Atkinson (1970), J. Econ. Theory 2(3), 244-263.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 4.0]})
    >>> round(atkinson(sample, None, "income").rows["estimate"].item(), 6)
    0.2
    """
    if not 0 < epsilon < np.inf:
        raise reference.problem("poverty.epsilon")
    bounds = chosen(interval, INDEX)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    members = positive(study.members(incomes), incomes, income, nonpositive)
    return study.estimates(
        _atkinson(study, members, incomes[members.unit], epsilon),
        measure=f"atkinson_{epsilon:g}",
        unit="index",
        method="poverty_atkinson",
        interval=bounds,
        claim=Claim(300, 50, 40) if epsilon >= 1 else Claim(600, 100, 90),
    )


def generalised_entropy(
    sample: pd.DataFrame,
    design: Design | None,
    income: str,
    *,
    alpha: float = 1.0,
    nonpositive: str = "fail",
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Generalised entropy GE(alpha) by domain, an index of 0 and more.

    alpha 0: mean log deviation, mean(ln(m / y)); 1: Theil, mean(y/m ln(y/m)); else (mean((y/m)^a) - 1) / (a (a - 1)),
    m the mean. Needs incomes above 0 (``nonpositive`` as in ``atkinson``). interval: "log" or "wald".
    Source: Shorrocks (1980), Econometrica 48(3), 613-625.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, 3.0]})
    >>> generalised_entropy(sample, None, "income", alpha=2).rows["estimate"].item()
    0.125
    """
    bounds = chosen(interval, RATIO)
    study = Study.of(sample, design, by=by, margins=margins, df=df, base=base)
    incomes = study.column(income)
    members = positive(study.members(incomes), incomes, income, nonpositive)
    return study.estimates(
        entropy_of(study, members, incomes[members.unit], alpha),
        measure=f"generalised_entropy_{alpha:g}",
        unit="index",
        method="poverty_entropy",
        interval=bounds,
        claim=entropy_claim(alpha),
    )


def positive(members: Members, incomes: Floats, column: str, nonpositive: str) -> Members:
    """Members with an income above 0; Problem with the number of other rows unless they are to be dropped."""
    if nonpositive not in NONPOSITIVE:
        raise reference.problem("estimate.option", option="nonpositive", allowed=", ".join(NONPOSITIVE))
    above = incomes > 0
    if nonpositive == "fail" and not above[members.unit].all():
        rows = len(np.unique(members.unit[~above[members.unit]]))
        raise reference.problem("poverty.nonpositive", column=column, rows=rows)
    return members.where(above)


def gini_of(study: Study, members: Members, y: Floats) -> Found:
    """Gini of the values y, one per pair of ``members``.

    d G / d w_k = A_k / (N Y) - G / N - G y_k / Y with A_k = sum_j w_j |y_k - y_j|.
    """
    ranks = Ranks.of(members, y, study.sampling.weight[members.unit])
    (less, less_sum), (most, most_sum) = ranks.below(), ranks.up_to()
    row, y, weight = ranks.row, ranks.value, ranks.weight
    people, money = (np.bincount(row, weights=w, minlength=members.rows) for w in (weight, weight * y))
    distance = y * (less + most - people[row]) + money[row] - less_sum - most_sum
    money = np.where(money > 0, money, np.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        estimate = np.bincount(row, weights=weight * distance, minlength=members.rows) / (2 * people * money)
        on_distance, on_income = 1 / (people * money), estimate / money
        scores = weight * (distance * on_distance[row] - y * on_income[row] - (estimate / people)[row])
    return Found(members, estimate, study.influence(members, known(ranks.back(scores))))


def entropy_of(study: Study, members: Members, y: Floats, alpha: float) -> Found:
    """GE(alpha) of the values y > 0, one per pair of ``members``."""
    mean, x = _scaled(study, members, y)
    if alpha == 0:
        value = -np.log(x)
        estimate = mean(value)
        return _smooth(study, members, estimate, value - estimate[members.row] + (x - 1))
    if alpha == 1:
        value = x * np.log(x)
        estimate = mean(value)
        return _smooth(study, members, estimate, value - estimate[members.row] - (1 + estimate[members.row]) * (x - 1))
    moment = mean(x**alpha)
    estimate = (moment - 1) / (alpha * (alpha - 1))
    slope = (x**alpha - moment[members.row] - alpha * moment[members.row] * (x - 1)) / (alpha * (alpha - 1))
    return _smooth(study, members, estimate, slope)


def entropy_claim(alpha: float) -> Claim:
    """The smallest sample that GE(alpha) vouches for."""
    if alpha <= 0:
        return Claim(300, 50, 40)
    return Claim(1200, 200, 180) if alpha <= 1 else Claim(7200, 1200, 1180)


def known(scores: Floats) -> Floats:
    """Scores with 0 where a statistic has no value."""
    return np.nan_to_num(scores, nan=0.0, posinf=0.0, neginf=0.0)


def _atkinson(study: Study, members: Members, y: Floats, epsilon: float) -> Found:
    mean, x = _scaled(study, members, y)
    if epsilon == 1:
        logs = np.log(x)
        level = mean(logs)
        estimate = 1 - np.exp(level)
        slope = -np.exp(level)[members.row] * (logs - level[members.row] - (x - 1))
        return _smooth(study, members, estimate, slope)
    power = 1 - epsilon
    moment = mean(x**power)
    with np.errstate(divide="ignore", invalid="ignore"):
        kept = moment ** (1 / power)
        relative = (x**power - moment[members.row]) / (power * moment[members.row])
    return _smooth(study, members, 1 - kept, -kept[members.row] * (relative - (x - 1)))


def _scaled(study: Study, members: Members, y: Floats) -> tuple[Callable[[Floats], Floats], Floats]:
    """The weighted mean by row as a function, and y over its mean: powers of money would overflow."""
    weight = study.sampling.weight[members.unit]
    people = members.sum(weight)

    def mean(values: Floats) -> Floats:
        with np.errstate(divide="ignore", invalid="ignore"):
            return members.sum(weight * values) / people

    return mean, y / mean(y)[members.row]


def _smooth(study: Study, members: Members, estimate: Floats, slope: Floats) -> Found:
    """A function of weighted means; slope: its influence times N, one per pair."""
    weight = study.sampling.weight[members.unit]
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = weight * slope / members.sum(weight)[members.row]
    return Found(members, estimate, study.influence(members, known(scores)))


def _share_ratio(
    study: Study,
    income: str,
    low: float,
    high: float,
    boundary: str,
    interval: str,
    measure: str,
    unit: str,
    claim: Claim,
) -> Estimates:
    """Income above the ``high`` quantile over income up to the ``low`` one.

    The influence of a sum up to a quantile q of share p is (y - q) [y <= q] + p q: no density is needed, for what the
    moving quantile lets in is worth q.
    """
    bounds = chosen(interval, RATIO)
    if boundary not in BOUNDARIES:
        raise reference.problem("estimate.option", option="boundary", allowed=", ".join(BOUNDARIES))
    incomes = study.column(income)
    members = study.members(incomes)
    y, weight, row = incomes[members.unit], study.sampling.weight[members.unit], members.row
    ranks = Ranks.of(members, y, weight)
    q_low, q_high = ranks.quantile(low)[row], ranks.quantile(high)[row]
    if boundary == "split":
        bottom, top = ranks.lowest(low), members.sum(weight * y) - ranks.lowest(high)
    else:
        bottom, top = members.sum(weight * y * (y <= q_low)), members.sum(weight * y * (y > q_high))
    bottom = np.where(bottom > 0, bottom, np.nan)
    ratio = top / bottom
    up_to_low = np.minimum(y - q_low, 0.0) + low * q_low
    up_to_high = np.minimum(y - q_high, 0.0) + high * q_high
    scores = weight * (y - up_to_high - ratio[row] * up_to_low) / bottom[row]
    found = Found(members, ratio, study.influence(members, known(scores)))
    return study.estimates(found, measure=measure, unit=unit, method=f"poverty_{measure}", interval=bounds, claim=claim)
