"""Ordered answers as the outcome: the proportional-odds model of a complex sample, and the check of its assumption.

P(y <= c) = 1 / (1 + exp(-(t_c - x b))): a positive coefficient goes with higher categories. Coefficients solve the
weighted score equations; the influence of a row is its score times the inverse information, as in ``estimate``.
Source: McCullagh (1980), J. R. Stat. Soc. B 42(2), 109-142; errors are those of R's ``svyolr``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, equality, stack
from aidlib.estimate.domains import column_codes, texts
from aidlib.estimate.regression import INTERCEPT, Shared, influence_of, regression
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.estimate.terms import Terms, terms

ROUNDS = 60
HALVINGS = 40
EXACT = 1e-11
FAR = 25.0  # a standardised coefficient beyond it means that a term tells the categories apart
FEW = 5  # units on each side that a cut must have to be looked at by itself


@dataclass(frozen=True, eq=False)
class Ordered:
    """The rows a fit uses: terms, category (0, 1, …) and weight of each; levels: names of the categories.

    names, factors: of the terms, and the predictor of each.
    """

    matrix: Floats
    category: Ints
    weight: Floats
    levels: list[str]
    names: list[str]
    factors: list[str]


@dataclass(frozen=True, eq=False)
class Solution:
    """Thresholds, then coefficients, the inverse information, and each row's weighted score."""

    values: Floats
    inverse: Floats
    scores: Floats


def ordered_logit(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Coefficients (log odds of a higher category, per unit of the term) and thresholds; key column ``term``.

    outcome: numbers in their order, or codes in that of their list or category; ``predictors`` as in
    ``estimate.terms``. The row of a threshold is named for the category below it ("ends_meet=barely"), its measure is
    "cutpoint". Rows without outcome or predictor leave the model and stay in the design. Odds ratios:
    ``estimate.exponentiated(…, measure="odds_ratio")``. Raises Problem for an outcome of one category, predictors
    that are constant or sums of others, and terms that tell the categories apart without error.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"y": [1, 1, 2, 2, 3, 1, 2, 3, 3, 3], "ill": [1, 1, 1, 1, 1, 0, 0, 0, 0, 0]})
    >>> ordered_logit(sample, None, "y", ["ill"]).rows[["term", "estimate"]].round(3).values.tolist()
    [['ill', -1.444], ['y=1', -1.718], ['y=2', -0.307]]
    """
    study = Study.of(sample, design, df=df, base=base)
    data, unit = ordered_data(study, outcome, predictors)
    found = solve(data)
    cuts = len(data.levels) - 1
    order = np.r_[cuts : len(found.values), 0:cuts]
    members = Shared(unit, np.zeros(0, dtype=np.int64), len(order), len(unit) == len(sample))
    if study.sampling.replicates is not None:
        thetas = replicated(data, study.sampling.replicates[unit], lambda fit, _: fit.values[order], len(order))
        influence = study.deviations(found.values[order], thetas)
    else:
        influence = influence_of(study, unit, iter(found.scores.T), found.inverse[:, order])
    keys = [*data.names, *(f"{outcome}={level}" for level in data.levels[:-1])]
    result = study.estimates(
        Found(members, found.values[order], influence),
        measure="coefficient",
        unit="number",
        method="wellbeing_ordered_logit",
        keys=pd.DataFrame({"term": texts(keys)}),
    )
    measures = ["coefficient"] * len(data.names) + ["cutpoint"] * cuts
    return replace(result, rows=result.rows.assign(measure=measures), kind="effect")


def proportional_odds(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Whether each term's effect is the same at every cut of the outcome: Wald F tests, key column ``term``.

    A binary logit is fitted at each cut (y above the category or not) with at least five units on either side, and
    the equality of the coefficients tested with their joint design covariance. Measures wald_f, df_numerator, p_value.
    Source: Brant (1990), Biometrics 46(4), 1171-1178.
    """
    fits = cut_logits(sample, design, outcome, predictors, df=df, base=base)
    return replace(equality(fits, of="cut"), method="wellbeing_proportional_odds")


def cut_logits(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Coefficients of a binary logit at each cut of the outcome (key columns ``cut``, the category below, ``term``).

    Raises Problem where fewer than two cuts have five units on either side.
    """
    codes, levels = _categories(sample, outcome)
    fits = {}
    for cut, level in enumerate(levels[:-1]):
        above = np.where(codes >= 0, codes > cut, np.nan)
        if min((above == 0).sum(), (above == 1).sum()) >= FEW:
            part = sample.assign(**{outcome: above})
            fits[level] = _slopes(regression(part, design, outcome, predictors, df=df, base=base))
    if len(fits) < 2:
        raise reference.problem("wellbeing.few_cuts", column=outcome, least=FEW)
    return stack(fits, key="cut")


def solve(data: Ordered) -> Solution:
    """The maximum of the weighted log likelihood, by Newton's steps (it is concave: Pratt 1981, JASA 76, 103-106).

    Raises Problem, naming terms, where it has no maximum.
    """
    middle = np.average(data.matrix, axis=0, weights=data.weight)
    width = np.sqrt(np.average((data.matrix - middle) ** 2, axis=0, weights=data.weight))
    x = (data.matrix - middle) / width
    cuts = len(data.levels) - 1
    shares = np.bincount(data.category, weights=data.weight, minlength=cuts + 1).cumsum()[:-1] / data.weight.sum()
    current = np.concatenate([np.log(shares / (1 - shares)), np.zeros(x.shape[1])])
    height = _likelihood(current, x, data)
    for _ in range(ROUNDS):
        score, information = _sums(current, x, data)
        try:
            step = np.asarray(np.linalg.solve(information, score), dtype=np.float64)
        except np.linalg.LinAlgError:  # flat far out, where terms tell the categories apart
            break
        step, height = _walk(current, step, height, x, data)
        current = current + step
        if np.abs(current[cuts:]).max(initial=0) > FAR:
            break
        if np.abs(step).max() < EXACT * (1 + np.abs(current).max()):
            return _own_units(current, x, data, middle, width)
    far = np.abs(current[cuts:]) > FAR / 2
    named = [n for n, beyond in zip(data.names, far, strict=True) if beyond] or data.names
    raise reference.problem("estimate.separation", terms=", ".join(named))


def replicated(data: Ordered, replicates: Floats, statistic: Callable[[Solution, Floats], Floats], size: int) -> Floats:
    """Numbers of the fit with each replicate's weights: ``size`` × replicates; missing where there is no fit."""
    out = np.full((size, replicates.shape[1]), np.nan)
    for number, weight in enumerate(replicates.T):
        heavy = weight > 0
        if len(np.unique(data.category[heavy])) == len(data.levels):
            part = replace(data, matrix=data.matrix[heavy], category=data.category[heavy], weight=weight[heavy])
            with contextlib.suppress(reference.Problem, np.linalg.LinAlgError):
                out[:, number] = statistic(solve(part), weight)
    return out


def _slopes(fit: Estimates) -> Estimates:
    """A regression's rows but the intercept."""
    kept = np.flatnonzero(fit.rows["term"] != INTERCEPT)
    influence = fit._influence
    return replace(
        fit,
        rows=fit.rows.iloc[kept],
        covariance=None if fit.covariance is None else fit.covariance[np.ix_(kept, kept)],
        _influence=None if influence is None else influence.picked(kept),
    )


def ordered_data(study: Study, outcome: str, predictors: Sequence[str]) -> tuple[Ordered, Ints]:
    """What a fit uses, and the sample rows that these are. Raises Problem as ``ordered_logit``."""
    codes, levels = _categories(study.sample, outcome)
    known = (codes >= 0) & (study.sampling.weight > 0)
    if not known.any():
        raise reference.problem("estimate.no_outcome", column=outcome)
    found: Terms = terms(study.sample, predictors, known)
    unit = np.flatnonzero(known & found.complete)
    present, category = np.unique(codes[unit], return_inverse=True)
    if len(present) < 2:
        raise reference.problem("wellbeing.one_category", column=outcome)
    names = [levels[code] for code in present]
    return Ordered(found.matrix[unit], category, study.sampling.weight[unit], names, found.names, found.factors), unit


def _categories(sample: pd.DataFrame, outcome: str) -> tuple[Ints, list[str]]:
    if outcome not in sample:
        raise reference.problem("estimate.no_column", column=outcome)
    return column_codes(sample[outcome])


def _edges(values: Floats, x: Floats, data: Ordered) -> tuple[Floats, Floats]:
    """Upper and lower threshold of each row's category, less its linear predictor."""
    cuts = len(data.levels) - 1
    ends = np.concatenate([[-np.inf], values[:cuts], [np.inf]])
    along = x @ values[cuts:]
    return ends[data.category + 1] - along, ends[data.category] - along


def _probability(upper: Floats, lower: Floats) -> Floats:
    """F(upper) - F(lower), from the side on which no digits are lost."""
    flip = lower > 0
    return np.asarray(expit(np.where(flip, -lower, upper)) - expit(np.where(flip, -upper, lower)))


def _density(edge: Floats) -> tuple[Floats, Floats]:
    """The logistic density, and its derivative over it, 1 - 2 F; 0 and -1 or 1 at infinite edges."""
    small = np.exp(-np.abs(edge))
    return small / (1 + small) ** 2, np.copysign((1 - small) / (1 + small), -edge)


def _likelihood(values: Floats, x: Floats, data: Ordered) -> float:
    probability = _probability(*_edges(values, x, data))
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(data.weight @ np.log(np.where(probability > 0, probability, 0.0)))


def _walk(current: Floats, step: Floats, height: float, x: Floats, data: Ordered) -> tuple[Floats, float]:
    """The step, halved until the likelihood does not fall."""
    for _ in range(HALVINGS):
        there = _likelihood(current + step, x, data)
        if there >= height - 1e-12 * abs(height):
            return step, there
        step = step / 2
    return np.zeros_like(step), height


def _pieces(values: Floats, x: Floats, data: Ordered) -> tuple[Floats, Floats, Floats, Floats, Floats]:
    """Derivatives of each row's log likelihood by its upper and lower edge: both slopes, and the three curvatures."""
    upper, lower = _edges(values, x, data)
    probability = _probability(upper, lower)
    (above, rise), (below, fall) = _density(upper), _density(lower)
    up, down = above / probability, below / probability
    return up, -down, up * (rise - up), -down * (fall + down), up * down


def _sums(values: Floats, x: Floats, data: Ordered) -> tuple[Floats, Floats]:
    """The score, and the observed information; thresholds first."""
    cuts, weight = len(data.levels) - 1, data.weight
    up, down, high, low, both = (weight * each for each in _pieces(values, x, data))

    def by_category(each: Floats) -> Floats:
        return np.asarray(np.bincount(data.category, weights=each, minlength=cuts + 1), dtype=np.float64)

    score = np.concatenate([by_category(up)[:-1] + by_category(down)[1:], -(x.T @ (up + down))])
    information = np.zeros((len(score), len(score)))
    place, step = np.arange(cuts), np.arange(1, cuts)
    information[place, place] = -(by_category(high)[:-1] + by_category(low)[1:])
    information[step - 1, step] = information[step, step - 1] = -by_category(both)[1:-1]
    for at, column in enumerate(x.T, start=cuts):
        edge = by_category((high + both) * column)[:-1] + by_category((low + both) * column)[1:]
        information[:cuts, at] = information[at, :cuts] = edge
    information[cuts:, cuts:] = -(x * (high + low + 2 * both)[:, None]).T @ x
    return score, information


def _scores(values: Floats, x: Floats, data: Ordered) -> Floats:
    """Each row's weighted score: rows × (thresholds, coefficients)."""
    cuts = len(data.levels) - 1
    up, down = (data.weight * each for each in _pieces(values, x, data)[:2])
    out = np.zeros((len(x), cuts + x.shape[1]), order="F")
    rows = np.arange(len(x))
    inside = data.category < cuts
    out[rows[inside], data.category[inside]] = up[inside]
    inside = data.category > 0
    out[rows[inside], data.category[inside] - 1] = down[inside]
    out[:, cuts:] = -x * (up + down)[:, None]
    return out


def _own_units(current: Floats, x: Floats, data: Ordered, middle: Floats, width: Floats) -> Solution:
    """The solution in the terms' own units: t_c = t_c' + sum(b middle), b = b' / width."""
    information = _sums(current, x, data)[1]
    cuts = len(data.levels) - 1
    table = np.diag(np.concatenate([np.ones(cuts), 1 / width]))
    table[:cuts, cuts:] = middle / width
    inverse = np.linalg.inv(information)
    return Solution(table @ current, np.asarray(inverse @ table.T, dtype=np.float64), _scores(current, x, data))
