"""Regressions of a complex sample: coefficients that solve weighted score equations, with design-based errors.

The influence value of a coefficient is the row's weighted score times the inverse information, so that strata,
clusters, population sizes and calibration count as for any other statistic; with replicate weights the model is fitted
anew with each. Source: Binder (1983), Int. Stat. Rev. 51(3), 279-292; errors are those of R's ``svyglm``, degrees of
freedom those of the design.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import Members
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.influence import Influence, entries
from aidlib.estimate.irls import Data, Fit, fit
from aidlib.estimate.links import Link, link_of
from aidlib.estimate.measures import unit_of
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found, Study
from aidlib.estimate.terms import Terms, terms

INTERCEPT = "intercept"
PROBE = 1000  # rows that tell whether a term may be of 0 and 1 only
Statistic = Callable[[Data, Fit], Floats]  # numbers of a fit and the rows, with their weights, that it comes from


@dataclass(frozen=True, eq=False)
class Shared(Members):
    """The same units in every one of the result rows; ``unit`` holds them once, ``row`` nothing."""

    def sum(self, values: Any = None) -> Floats:
        """Sum of values (one per unit; None: 1), for each row."""
        return np.full(self.rows, float(len(self.unit) if values is None else np.sum(values)))

    def distinct(self, group: Ints) -> Floats:
        """Number of distinct groups (a code per sample row) with a unit, for each row."""
        return np.full(self.rows, float(np.count_nonzero(np.bincount(self.at(group)))))

    def where(self, known: Any) -> Members:
        """Only the units that are ``known``."""
        return Shared(self.unit[self.at(known)], self.row, self.rows)


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted regression: study, link, terms, the sample rows that it uses (``unit``), their data, the fit."""

    study: Study
    link: Link
    terms: Terms
    unit: Ints
    data: Data
    fit: Fit

    @classmethod
    def of(cls, study: Study, outcome: str, predictors: Sequence[str], link: str) -> Model:
        """The fit on all rows with a weight, the outcome and every predictor."""
        kind = link_of(link)
        y, weight = _outcome(study, outcome, kind), study.sampling.weight
        known = np.isfinite(y) & (weight > 0)
        if not known.any():
            raise reference.problem("estimate.no_outcome", column=outcome)
        found = terms(study.sample, predictors, known)
        unit = np.flatnonzero(known & found.complete)
        data = Data(found.matrix, y, weight, found.names)
        if len(unit) < len(y):
            data = Data(found.matrix.T[:, unit].T, y[unit], weight[unit], found.names)
        return cls(study, kind, found, unit, data, fit(data, kind))

    @property
    def names(self) -> list[str]:
        """Of the coefficients."""
        return [INTERCEPT, *self.terms.names]

    @property
    def scores(self) -> Iterator[Floats]:
        """The weighted scores of the rows, coefficient by coefficient."""
        eta = self.fit.predictor
        residual = self.data.weight * (self.data.outcome - self.link.mean(eta)) * self.link.score(eta)
        return (residual if column is None else residual * column for column in (None, *self.data.matrix.T))

    def found(self, statistic: Statistic, slopes: Floats, own: Sequence[Floats] = ()) -> Found:
        """Statistics of the fit with their influence.

        slopes: statistics × coefficients, the derivatives; own: what each row adds to each statistic where the
        coefficients stay (nothing where the statistic is one of the coefficients alone), its weight included.
        """
        estimate = statistic(self.data, self.fit)
        whole = len(self.unit) == len(self.study.sample)
        members = Shared(self.unit, np.zeros(0, dtype=np.int64), len(estimate), whole)
        if self.study.sampling.replicates is not None:
            thetas = self._replicated(statistic, len(estimate))
            return Found(members, estimate, self.study.deviations(estimate, thetas))
        mix = (slopes @ self.fit.inverse).T
        if own:
            mix = np.vstack([mix, np.eye(len(estimate))])
        return Found(members, estimate, influence_of(self.study, self.unit, chain(self.scores, own), mix))

    def _replicated(self, statistic: Statistic, size: int) -> Floats:
        """Statistics × replicates; missing where a replicate's rows have no fit."""
        replicates = self.study.sampling.replicates
        assert replicates is not None  # the caller has looked
        out = np.full((size, replicates.shape[1]), np.nan)
        for number, weight in enumerate(replicates.T):
            data = replace(self.data, weight=weight[self.unit])
            with contextlib.suppress(reference.Problem):
                out[:, number] = statistic(data, fit(data, self.link, self.fit.coefficients))
        return out


def influence_of(study: Study, unit: Ints, columns: Iterator[Floats], mix: Floats) -> Influence:
    """Influence of the statistics ``columns`` @ ``mix``, the columns one value per sample row in ``unit``.

    Variances need no more than the clusters' sums, so these are kept, each at its cluster's first row: a table of
    clusters, not of rows. Calibration takes its share out row by row and needs them all.
    """
    rows = len(study.sample)
    calibrated = bool(study.projections)
    cluster = np.arange(rows) if calibrated else study.sampling.stages[-1].cluster
    size = int(cluster.max(initial=-1)) + 1
    first = np.zeros(size, dtype=np.int64)  # each cluster's first row
    first[cluster[::-1]] = np.arange(rows)[::-1]
    at = cluster if len(unit) == rows else cluster[unit]
    sums = np.column_stack([np.bincount(at, weights=column, minlength=size) for column in columns])
    place, statistic = np.nonzero(sums)
    kept: Floats = np.asarray(sums[place, statistic], dtype=np.float64)
    values = entries(first[place], statistic.astype(np.int64), kept, (rows, sums.shape[1]))
    combined: Any = sparse.csr_array(mix)
    for projection in study.projections:
        values, combined = projection.residual(values, combined)
    return Influence(study.sampling, values, combined)


def regression(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Coefficients of a regression of ``outcome`` on ``predictors`` (key ``term``, the first "intercept").

    link: "logit" or "cloglog" for an outcome of 0 and 1, "identity" for a linear model, "log" for a mean or risk on
    the log scale (Poisson variance). predictors: see ``terms``; a factor has one row for each level but the first, the
    reference. Rows without the outcome or a predictor leave the model and stay in the design: to study a part of the
    sample, make the outcome missing elsewhere. n and ``count`` of a term of 0 and 1 are its units and those of them
    with an outcome other than 0.
    Raises Problem for an outcome that a link does not take, and, naming terms, where coefficients cannot be had:
    predictors missing, constant or sums of others, an outcome that never varies, terms that tell it apart without
    error.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"poor": [0, 0, 1, 0, 1, 1, 0, 1], "ill": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> regression(sample, None, "poor", ["ill"]).rows[["term", "estimate"]].round(4).values.tolist()
    [['intercept', -1.0986], ['ill', 2.1972]]
    """
    study = Study.of(sample, design, df=df, base=base)
    model = Model.of(study, outcome, predictors, link)
    found = model.found(lambda data, fitted: fitted.coefficients, np.eye(len(model.names)))
    n, count = units(model)
    binary = model.link.binary or unit_of(sample, outcome) == "share"
    coefficients = study.estimates(
        found,
        measure="coefficient",
        unit="number" if binary or link == "log" else unit_of(sample, outcome),
        method=f"estimate_{link}",
        keys=pd.DataFrame({"term": pd.array(model.names, dtype="str")}),
        n=n,
        count=count if binary else None,
    )
    return replace(coefficients, kind="effect")


def exponentiated(estimates: Estimates, *, measure: str) -> Estimates:
    """exp of coefficients as ratios, their intervals on the log scale; the intercept, which is none, is left out.

    measure: what they are: "odds_ratio" (logit), "hazard_ratio" (cloglog, Cox), "rate_ratio" (log).

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"poor": [0, 0, 1, 0, 1, 1, 0, 1], "ill": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> exponentiated(regression(sample, None, "poor", ["ill"]), measure="odds_ratio").rows["estimate"].round(6).item()
    9.0
    """
    kept = np.flatnonzero((estimates.rows["term"] != INTERCEPT) & (estimates.rows["measure"] == "coefficient"))
    rows = estimates.rows.iloc[kept]
    ratio = np.exp(rows["estimate"].to_numpy())
    bounds = {name: np.exp(rows[name].to_numpy()) for name in ("low", "high")}
    influence, covariance = estimates._influence, estimates.covariance
    return replace(
        estimates,
        rows=rows.assign(measure=measure, estimate=ratio, se=rows["se"].to_numpy() * ratio, **bounds),
        unit="number",  # a unit of "ratio" is read as a part, in per cent
        covariance=None if covariance is None else covariance[np.ix_(kept, kept)] * np.outer(ratio, ratio),
        _influence=None if influence is None else influence.picked(kept).scaled(ratio),
    )


def units(model: Model) -> tuple[Floats, Floats]:
    """For each coefficient the rows used (a term of 0 and 1: where it is 1), and those with an outcome other than 0."""
    events = (model.data.outcome != 0).astype(np.float64)
    n, count = [float(len(events))], [float(events.sum())]
    for column in model.data.matrix.T:
        flag = is_flag(column)
        n.append(float(column.sum()) if flag else n[0])
        count.append(float(column @ events) if flag else count[0])
    return np.array(n, dtype=np.float64), np.array(count, dtype=np.float64)


def is_flag(column: Floats) -> bool:
    """Whether a term is of 0 and 1 only."""
    return all(bool(((part == 0) | (part == 1)).all()) for part in (column[:PROBE], column))


def _outcome(study: Study, outcome: str, link: Link) -> Floats:
    if link.binary:
        return study.flag(outcome)
    values = study.column(outcome)
    if link.name == "log" and (values < 0).any():
        raise reference.problem("estimate.negative_outcome", column=outcome, rows=int((values < 0).sum()))
    return values
