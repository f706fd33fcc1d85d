"""Whether a Cox model holds: hazard ratios that stay the same over time, and numbers that act in straight lines.

Both checks are score tests of terms that the model lacks, at the coefficients that it has. Of a term z with score U and
information V once the model's own coefficients are taken out, V⁻¹U is the coefficient that one step of Newton's method
would give it, and the sum of the rows' shares in U has the design's covariance like any total. Sources: Grambsch &
Therneau (1994), Biometrika 81(3), 515-526; Therneau & Grambsch (2000), Modeling Survival Data, chapters 5 and 6.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Unpack

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc

from aidlib import reference
from aidlib.estimate.comparisons import plain_numbers
from aidlib.estimate.design import Design
from aidlib.estimate.domains import ALL
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.regression import Shared, is_flag
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.relapse.cox import EVENTS, Columns, Model, flagged
from aidlib.relapse.risk_sets import RiskSets

TRANSFORMS = ("km", "identity", "log", "rank")
TESTS = ("design", "model")
KNOTS = {
    3: (0.1, 0.5, 0.9),
    4: (0.05, 0.35, 0.65, 0.95),
    5: (0.05, 0.275, 0.5, 0.725, 0.95),
}  # Harrell (2015), table 2.3
TENTHS = 10
RANK = 1e-10  # eigenvalues of a covariance below this share of the largest are 0


def proportionality(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    transform: str = "km",
    test: str = "design",
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """Tests that hazard ratios stay the same over time: by predictor, and of all together (key ``term``, "all").

    transform: the function g of time along which a coefficient might change: "km" (1 less Kaplan-Meier's curve),
    "identity", "log" or "rank". test: "design": rows "wald_f", "df_numerator" and "p_value" of ``time_slopes``, on the
    degrees of freedom of the design; "model": "chi_square", "df_numerator", "p_value" of the score test of R's cox.zph
    (survival 3), which takes weights as they are and knows no clusters. columns: of the model, as ``cox``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3, 4, 5], "left": [1, 1, 0, 1, 1, 0], "ill": [0, 1, 0, 0, 1, 1]})
    >>> options = {"duration": "years", "event": "left", "predictors": ["ill"]}
    >>> proportionality(spells, None, test="model", **options).rows["estimate"].round(3).tolist()[:3]
    [0.054, 1.0, 0.817]
    """
    if test not in TESTS:
        raise reference.problem("estimate.option", option="test", allowed=", ".join(TESTS))
    model = Model.of(sample, design, df=df, base=base, **columns)
    names = [*dict.fromkeys(model.terms.factors), ALL]
    if test == "model":
        score, information = _time_scores(model, transform)
        found = [_chi_square(score[own], information[np.ix_(own, own)]) for own in _groups(model)]
        return _tests(model, names, np.array(found), "chi_square", "relapse_proportionality_model")
    slopes = _time_slopes(model, transform)
    values, covariance = slopes.rows["estimate"].to_numpy(), slopes.covariance
    assert covariance is not None  # a model has few terms
    degrees = float(slopes.rows["df"].iloc[0])
    found = [wald_f(values[own], covariance[np.ix_(own, own)], degrees) for own in _groups(model)]
    return _tests(model, names, np.array(found), "wald_f", "relapse_proportionality")


def time_slopes(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    transform: str = "km",
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """How much each coefficient changes per unit of g(time) (key ``term``), with design-based errors.

    The coefficient of term × g(t) beside all terms and the predictor's own such products, one step of Newton's method
    from none: the slope of the scaled Schoenfeld residuals. Arguments as ``proportionality``. A hazard ratio falls over
    time where it is below 0.
    """
    return _time_slopes(Model.of(sample, design, df=df, base=base, **columns), transform)


def functional_form(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    knots: int | Sequence[float] = 4,
    of: str | Sequence[str] | None = None,
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """Tests that numbers act in straight lines on the log hazard: "wald_f", "df_numerator", "p_value" (key ``term``).

    For each predictor the model is fitted anew with the terms of its restricted cubic spline (Harrell 2015, Regression
    Modeling Strategies, section 2.4) and these are tested together. knots: 3, 4 or 5 at the usual quantiles, or their
    places. of: which predictors (None: all numbers with enough values for the knots). columns: as ``cox``.
    Raises Problem for a predictor of ``of`` that is none or has too few values, and as ``cox``.
    """
    if isinstance(knots, int) and knots not in KNOTS:
        raise reference.problem("estimate.option", option="knots", allowed=", ".join(map(str, KNOTS)))
    model = Model.of(sample, design, df=df, base=base, **columns)
    asked = [of] if isinstance(of, str) else list(_numbers(model, knots) if of is None else of)
    results = []
    for name in asked:
        curve = _spline(model, name, knots)
        widened = sample.assign(**curve)
        again = Model.of(
            widened, design, df=df, base=base, **columns | {"predictors": [*columns["predictors"], *curve]}
        )
        own = np.flatnonzero(np.isin(again.terms.names, list(curve)))
        found = again.found()
        degrees = float(again.study.degrees(found.members)[0])
        results.append(wald_f(found.estimate[own], found.influence.covariance()[np.ix_(own, own)], degrees))
    return _tests(model, asked, np.array(results).reshape(-1, 3), "wald_f", "relapse_functional_form")


def martingale_residuals(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    of: str,
    df: str = "design",
    base: str | None = None,
    **columns: Unpack[Columns],
) -> Estimates:
    """Events observed less expected by the model, a row on average, by tenths of the column ``of`` (key ``tenth``).

    ``of``: a number of the sample, a predictor or not. What the model gets right lies around 0; a bend over the tenths
    asks for another form of the predictor, a slope for one that is missing. Errors count those of the coefficients.
    ``count``: events. p values: ``estimate.p_values``. columns: as ``cox``.
    """
    model = Model.of(sample, design, df=df, base=base, **columns)
    values = model.study.column(of)[model.unit]
    tenth, edges = pd.qcut(values, TENTHS, labels=False, duplicates="drop", retbins=True)
    groups = len(edges) - 1
    if groups < 2:
        raise reference.problem("relapse.few_values", column=of)
    inside = (tenth[:, None] == np.arange(groups)).astype(np.float64)
    table = np.zeros((len(sample), groups))
    table[model.unit] = inside
    score, shares, _ = _added(model, table[model.used])
    weight = model.study.sampling.weight
    total = weight @ table
    mean = score / total
    z = (model.by_row(shares) - weight[:, None] * table * mean) / total
    influence = model.influence(z, np.eye(groups))
    members = Shared(model.unit, np.zeros(0, dtype=np.int64), groups, len(model.unit) == len(sample))
    found = model.study.estimates(
        Found(members, mean, influence),
        measure="residual",
        unit="number",
        method="relapse_martingale_residuals",
        keys=pd.DataFrame({"tenth": [str(number + 1) for number in range(groups)]}, dtype="str"),
        n=inside.sum(axis=0),
        count=inside.T @ model.histories.event[model.unit],
    )
    return replace(found, kind="effect")


def wald_f(values: Floats, covariance: Floats, df: float) -> Floats:
    """F, its numerator degrees of freedom q and p of the test that all values are 0.

    W = values' covariance⁻¹ values (of its rank q), F = (df - q + 1) / (df q) W on q and df - q + 1 degrees of freedom,
    as ``estimate.equality``. Source: Korn & Graubard (1990), Am. Stat. 44(4), 270-276.
    """
    size, vectors = np.linalg.eigh(covariance)
    inside = size > RANK * size.max(initial=0.0)
    q = float(inside.sum())
    if q == 0 or df < q:
        return np.array([np.nan, q, np.nan])
    w = float(((vectors.T @ values)[inside] ** 2 / size[inside]).sum())
    if np.isinf(df):
        return np.array([w / q, q, chdtrc(q, w)])
    f = (df - q + 1) / (df * q) * w
    return np.array([f, q, fdtrc(q, df - q + 1, f)])


def _time_slopes(model: Model, transform: str) -> Estimates:
    g = time_scale(model, transform)
    score, information = _time_scores(model, transform)
    point = model.point
    crossed = np.linalg.solve(point.information(), point.information(g))
    shares = point.residuals(g) - point.residuals() @ crossed
    step = np.zeros_like(information)
    for own in _groups(model)[:-1]:
        step[np.ix_(own, own)] = np.linalg.inv(information[np.ix_(own, own)])
    mix = step / model.scale
    n, count = model.sizes()
    found = model.study.estimates(
        Found(model.members, score @ mix, model.influence(model.by_row(shares), mix)),
        measure="slope_in_time",
        unit="number",
        method="relapse_time_slopes",
        keys=pd.DataFrame({"term": model.terms.names}, dtype="str"),
        n=n,
        count=count,
    )
    return flagged(replace(found, kind="effect"), model.few(count))


def _time_scores(model: Model, transform: str) -> tuple[Floats, Floats]:
    """Score of the products with g(time), and their information less what the model's own coefficients explain."""
    g, point = time_scale(model, transform), model.point
    crossed = point.information(g)
    explained = crossed @ np.linalg.solve(point.information(), crossed)
    return point.score(g), point.information(g**2) - explained


def _added(model: Model, z: Floats) -> tuple[Floats, Floats, Floats]:
    """Score of further terms (rows of the likelihood × q), the rows' shares in it, and their information."""
    p = len(model.scale)
    centre = z.mean(axis=0)
    wide = model.point.likelihood.beside(z - centre).at(np.concatenate([model.point.beta, np.zeros(z.shape[1])]))
    information, residuals = wide.information(), wide.residuals()
    explained = np.linalg.solve(information[:p, :p], information[:p, p:])
    shares = residuals[:, p:] - residuals[:, :p] @ explained
    return wide.score()[p:], shares, information[p:, p:] - information[p:, :p] @ explained


def time_scale(model: Model, transform: str) -> Floats:
    """g at each event time, less its mean over events; the curve of "km" is that of all strata and without weights."""
    sets, histories, unit = model.point.likelihood.sets, model.histories, model.unit
    if transform not in TRANSFORMS:
        raise reference.problem("estimate.option", option="transform", allowed=", ".join(TRANSFORMS))
    if transform == "km":
        start = None if histories.start is None else histories.start[unit]
        pooled = RiskSets.of(start, histories.stop[unit], histories.event[unit], np.zeros(len(unit), dtype=np.int64))
        ones = np.ones(len(pooled.order))
        share = np.bincount(pooled.event[pooled.event >= 0]) / pooled.at_risk(ones, ones)
        before = np.concatenate([[1.0], np.cumprod(1 - share)[:-1]])
        g = 1 - before[np.searchsorted(pooled.times, sets.times)]
    elif transform == "rank":
        stops = np.sort(histories.stop[unit])
        g = (np.searchsorted(stops, sets.times, "left") + np.searchsorted(stops, sets.times, "right") + 1) / 2
    else:
        g = np.log(sets.times) if transform == "log" else sets.times
    return np.asarray(g - np.average(g, weights=model.point.likelihood.tied.number))


def _groups(model: Model) -> list[Ints]:
    """The terms of each predictor, and all of them."""
    factors = np.array(model.terms.factors, dtype=object)
    return [*(np.flatnonzero(factors == name) for name in dict.fromkeys(model.terms.factors)), np.arange(len(factors))]


def _chi_square(score: Floats, information: Floats) -> Floats:
    statistic, q = float(score @ np.linalg.solve(information, score)), float(len(score))
    return np.array([statistic, q, chdtrc(q, statistic)])


def _tests(model: Model, names: Sequence[str], found: Floats, statistic: str, method: str) -> Estimates:
    """Tests (rows × statistic, degrees of freedom, p) named after the predictors that they are of."""
    n, count = model.sizes()
    lines = [0 if name == ALL else model.terms.factors.index(name) for name in names]
    keys = pd.DataFrame({"term": list(names)}, dtype="str")
    shared = Shared(model.unit, np.zeros(0, dtype=np.int64), len(lines), model.members.whole)
    none = model.influence(model.shares, np.zeros((len(model.scale), len(lines))))
    plain = model.study.estimates(
        Found(shared, np.zeros(len(lines)), none),
        measure=statistic,
        unit="number",
        method=method,
        keys=keys,
        n=np.where([name == ALL for name in names], n.max(), n[lines]),
        count=np.where([name == ALL for name in names], count.max(), count[lines]),
    )
    events = np.count_nonzero(model.histories.event[model.unit])
    base = flagged(replace(plain, kind="effect", covariance=None, _influence=None), np.array(events < EVENTS))
    return plain_numbers(base, dict(zip((statistic, "df_numerator", "p_value"), found.T, strict=True)), method)


def _numbers(model: Model, knots: int | Sequence[float]) -> list[str]:
    """Predictors that are numbers with values enough for a spline."""
    names = [name for name in model.terms.names if name in model.study.sample]
    return [name for name in names if len(_places(model, name, knots)) > 2]


def _places(model: Model, name: str, knots: int | Sequence[float]) -> Floats:
    """Where the knots of a number lie; fewer than asked for where values are few."""
    if not isinstance(knots, int):
        return np.unique(np.asarray(knots, dtype=np.float64))
    values = model.terms.matrix[model.unit, model.terms.names.index(name)]
    return np.empty(0) if is_flag(values) else np.unique(np.quantile(values, KNOTS[knots]))


def _spline(model: Model, name: str, knots: int | Sequence[float]) -> dict[str, Floats]:
    """The columns of a restricted cubic spline beside the number itself, named after it."""
    if name not in model.terms.names or name not in model.study.sample:
        known = ", ".join(n for n in model.terms.names if n in model.study.sample)
        raise reference.problem("relapse.no_predictor", column=name, known=known)
    k = _places(model, name, knots)
    if len(k) < 3:
        raise reference.problem("relapse.few_values", column=name)
    x = model.study.column(name)
    size, last, span = (k[-1] - k[0]) ** 2, k[-1], k[-1] - k[-2]
    out = {}
    for number, knot in enumerate(k[:-2], 1):
        bend = _cube(x - knot) - _cube(x - k[-2]) * (last - knot) / span + _cube(x - last) * (k[-2] - knot) / span
        out[f"{name} ({number})"] = bend / size
    return out


def _cube(values: Floats) -> Floats:
    return np.maximum(values, 0.0) ** 3
