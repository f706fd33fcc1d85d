"""Small areas: direct estimates strengthened by a model on auxiliary data, with mean squared errors and a benchmark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.area_models import VARIANCES, Fit, fit
from aidlib.estimate.domains import ALL, text
from aidlib.estimate.estimates import COVARIANCE_ROWS, NUMBERS, Estimates
from aidlib.estimate.intervals import critical
from aidlib.estimate.sampling import Floats, Ints, finite

TRANSFORMS = ("none", "arcsine")
ADJUSTMENTS = ("optimal", "ratio")
FEW = ("error", "empty")
DF_CARE = 8  # fewer degrees of freedom of the model: all its numbers with care
NAMED = 10


@dataclass(frozen=True, eq=False)
class SmallAreaModel:
    """A fitted model of Fay & Herriot with the areas it predicts; ``estimates``, ``shrinkage``, ``coefficients`` tell.

    places: one line per area, the direct estimate's row where there is one; lines: their positions in the auxiliary
    data; sampled: areas with a direct estimate; x: areas × terms; fit: on the sampled areas, on the scale of the
    transformation.
    """

    direct: Estimates
    places: pd.DataFrame
    lines: Ints
    sampled: NDArray[np.bool_]
    x: Floats
    terms: tuple[str, ...]
    fit: Fit
    transform: str

    @property
    def df(self) -> float:
        """Areas with a direct estimate minus terms."""
        return float(len(self.fit.y) - self.x.shape[1])

    def estimates(
        self, *, benchmark: Estimates | None = None, sizes: Floats | None = None, adjust: str = "optimal"
    ) -> Estimates:
        """Estimate and root mean squared error of every area; see ``fay_herriot``. sizes: one per line of places."""
        if adjust not in ADJUSTMENTS:
            raise reference.problem("estimate.option", option="adjust", allowed=", ".join(ADJUSTMENTS))
        scale, mse = self._on_scale()
        value, error = _back(scale, self._leading(), mse) if self.transform == "arcsine" else (scale, np.sqrt(mse))
        if benchmark is None:
            return self._result(value, error, scale, np.sqrt(mse))
        shares = self._shares(sizes)
        pull, gap = _pull(value, error**2, shares, benchmark, adjust)
        slope = np.sin(2 * scale) if self.transform == "arcsine" else np.ones(len(scale))
        away = np.zeros(len(scale))
        away[self.sampled] = 1 - self.fit.shrinkage
        spread = self.fit.residual_variance((shares * slope * away)[self.sampled])
        adjusted = np.sqrt(error**2 + pull**2 * spread)
        widened = np.sqrt(mse) * np.divide(adjusted, error, out=np.ones_like(error), where=error > 0)
        moved = value + pull * gap
        centre = np.arcsin(np.sqrt(np.clip(moved, 0, 1))) if self.transform == "arcsine" else moved
        return self._result(moved, adjusted, centre, widened)

    def shrinkage(self) -> Estimates:
        """Weight gamma of the direct estimate in every area, 0 without one; unit share, measure "shrinkage"."""
        weight = np.zeros(len(self.places))
        weight[self.sampled] = self.fit.shrinkage
        nothing = np.full(len(weight), np.nan)
        rows = self._rows("shrinkage", weight, nothing, nothing, nothing)
        return replace(self._frame(rows), unit="share")

    def coefficients(self) -> Estimates:
        """Coefficients of the model (key column ``term``) on the scale of the transformation, with covariance."""
        se = np.sqrt(self.fit.q.diagonal())
        half = critical(np.full(len(se), self.df)) * se
        n = float(len(self.fit.y))
        rows = pd.DataFrame({"domain": ALL, "term": list(self.terms), "measure": "coefficient"})
        rows = rows.assign(estimate=self.fit.beta, se=se, low=self.fit.beta - half, high=self.fit.beta + half)
        rows = rows.assign(n=n, df=self.df, count=np.nan, psus=np.nan, top1=np.nan, top2=np.nan, flag=self._flag())
        found = replace(self._frame(rows, ("domain",), ("term",)), unit="number", kind="effect")
        return replace(found, covariance=self.fit.q if len(rows) <= COVARIANCE_ROWS else None)

    def _on_scale(self) -> tuple[Floats, Floats]:
        """Prediction and mean squared error of every area on the scale of the transformation."""
        value, mse = self.x @ self.fit.beta, self.fit.synthetic_mse(self.x)
        value[self.sampled], mse[self.sampled] = self.fit.eblup, np.maximum(self.fit.mse, 0)
        return value, mse

    def _leading(self) -> Floats:
        leading = np.full(len(self.places), self.fit.variance)
        leading[self.sampled] = self.fit.leading
        return leading

    def _shares(self, size: Floats | None) -> Floats:
        if self.direct.additive:
            return np.ones(len(self.places))
        if size is None or not (np.isfinite(size).all() and (size >= 0).all() and size.sum() > 0):
            raise reference.problem("estimate.benchmark_sizes")
        return np.asarray(size / size.sum(), dtype=np.float64)

    def _result(self, value: Floats, error: Floats, centre: Floats, half: Floats) -> Estimates:
        """Rows with t intervals about ``centre``, turned back from the scale, within 0 … 1 for shares."""
        reach = critical(np.full(len(half), self.df)) * half
        low, high = centre - reach, centre + reach
        if self.transform == "arcsine":
            low, high = (np.sin(np.clip(bound, 0, np.pi / 2)) ** 2 for bound in (low, high))
        elif self.direct.unit == "share":
            low, high = np.clip(low, 0, 1), np.clip(high, 0, 1)
        measure = str(self.direct.rows["measure"].iloc[0])
        return self._frame(self._rows(measure, value, error, low, high))

    def _rows(self, measure: str, value: Floats, se: Floats, low: Floats, high: Floats) -> pd.DataFrame:
        rows = self.places[list(self.direct.domains)].assign(measure=measure, estimate=value, se=se, low=low, high=high)
        rows = rows.assign(n=self.places["n"], df=self.df, count=self.places["count"], psus=self.places["psus"])
        return rows.assign(top1=np.nan, top2=np.nan, flag=np.where(self.sampled, self._flag(), "care"))

    def _flag(self) -> str:
        """Care where the model has few degrees of freedom or finds no differences beyond its predictors (A = 0)."""
        return "care" if self.df < DF_CARE or self.fit.variance == 0 else ""

    def _frame(
        self, rows: pd.DataFrame, domains: tuple[str, ...] | None = None, keys: tuple[str, ...] = ()
    ) -> Estimates:
        return replace(
            self.direct,
            rows=rows,
            domains=self.direct.domains if domains is None else domains,
            keys=keys,
            kind="level",
            method="estimate_fay_herriot_arcsine" if self.transform == "arcsine" else "estimate_fay_herriot",
            margins=(),
            covariance=None,
            _influence=None,
        )


def fay_herriot(
    direct: Estimates,
    auxiliary: pd.DataFrame,
    *,
    predictors: Sequence[str],
    variance: str = "reml",
    transform: str = "none",
    smooth_variances: bool = False,
    benchmark: Estimates | None = None,
    sizes: str | None = None,
    adjust: str = "optimal",
    few: str = "error",
) -> Estimates:
    """Estimates of every area of ``auxiliary``: each direct estimate drawn towards a regression on the predictors.

    theta = gamma y + (1 - gamma) x'beta with gamma = A / (A + psi), psi the direct estimate's sampling variance; ``se``
    is the root of the second-order mean squared error (g1 + g2 + 2 g3, for "ml" and "fh" less the bias of A). Areas
    without a direct estimate or without a usable variance get x'beta with A + x' cov(beta) x and the flag "care".
    direct: one row per area, with standard errors, in the unit of the result; "all" rows are left out. auxiliary: one
    line per area with the domain columns and the predictors, known without sampling error; text columns become one
    term per level but the first. variance: "reml", "ml", "fh", "moments" (``area_models.fit``).
    transform "arcsine", for shares: z = arcsin(sqrt(p)) with variance deff / (4 n), the design effect common to all
    areas, turned back with E sin²(z) for the bias; intervals are those of z (Casas-Cordero, Encina & Lahiri 2016).
    smooth_variances: psi from log psi = a + b log n over the areas, scaled to the same sum (Wolter 2007, ch. 7), which
    also serves areas whose variance is estimated as 0.
    benchmark: one row, the direct estimate of the whole: sum(sizes theta) / sum(sizes) is made to equal it (for totals
    sum(theta)), ``sizes`` naming the column of auxiliary with the size of each area. adjust: "optimal" spreads the
    difference in proportion to size × mean squared error, "ratio" multiplies all by one factor (Datta, Ghosh, Steorts &
    Maples 2011, Test 20(3), 574-588); the mean squared error grows by what the difference adds (Steorts & Ghosh 2013,
    Stat. Sinica 23(2), 749-767). Intervals: t with areas - terms degrees of freedom. n, psus: of the direct estimate.
    few: what too few areas for the terms, or collinear predictors, are: an "error", or an "empty" row for each area.
    Raises Problem for areas that auxiliary lacks or repeats, missing predictors, and as ``few`` says.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"region": list("aaabbbcccddd"), "y": [1.0, 2, 3, 3, 4, 5, 4, 6, 8, 7, 8, 9]})
    >>> known = pd.DataFrame({"region": list("abcde"), "x": [2.0, 4, 6, 8, 10]})
    >>> found = fay_herriot(mean(sample, None, "y", by="region"), known, predictors=["x"])
    >>> found.rows["estimate"].round(6).tolist()
    [2.0, 4.0, 6.0, 8.0, 10.0]
    """
    if few not in FEW:
        raise reference.problem("estimate.option", option="few", allowed=", ".join(FEW))
    try:
        model = small_area_model(
            direct,
            auxiliary,
            predictors=predictors,
            variance=variance,
            transform=transform,
            smooth_variances=smooth_variances,
        )
    except reference.Problem as found:
        if few == "error" or found.key != "estimate.few_areas":
            raise
        return _nothing(direct, auxiliary)
    size = None if sizes is None else finite(auxiliary, sizes)[model.lines]
    return model.estimates(benchmark=benchmark, sizes=size, adjust=adjust)


def small_area_model(
    direct: Estimates,
    auxiliary: pd.DataFrame,
    *,
    predictors: Sequence[str],
    variance: str = "reml",
    transform: str = "none",
    smooth_variances: bool = False,
) -> SmallAreaModel:
    """The model behind ``fay_herriot``, to look at its weights and coefficients; arguments and Problems as there.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"region": list("aaabbbcccddd"), "y": [1.0, 2, 3, 3, 4, 5, 4, 6, 8, 7, 8, 9]})
    >>> known = pd.DataFrame({"region": list("abcd"), "x": [2.0, 4, 6, 8]})
    >>> model = small_area_model(mean(sample, None, "y", by="region"), known, predictors=["x"])
    >>> model.shrinkage().rows["estimate"].tolist()  # the regression fits so well that A = 0
    [0.0, 0.0, 0.0, 0.0]
    """
    for option, value, allowed in (("variance", variance, VARIANCES), ("transform", transform, TRANSFORMS)):
        if value not in allowed:
            raise reference.problem("estimate.option", option=option, allowed=", ".join(allowed))
    if transform == "arcsine" and direct.unit != "share":
        raise reference.problem("estimate.arcsine", unit=direct.unit)
    places, lines = _places(direct, auxiliary)
    x, terms = _terms(auxiliary.iloc[lines], predictors)
    y, psi = _sampling(places, transform, smooth_variances)
    sampled = np.isfinite(y) & np.isfinite(psi) & (psi > 0)
    if sampled.sum() <= x.shape[1] or np.linalg.matrix_rank(x[sampled]) < x.shape[1]:
        raise reference.problem("estimate.few_areas", areas=int(sampled.sum()), terms=x.shape[1])
    found = fit(y[sampled], x[sampled], psi[sampled], variance)
    return SmallAreaModel(direct, places, lines, sampled, x, terms, found, transform)


def _places(direct: Estimates, auxiliary: pd.DataFrame) -> tuple[pd.DataFrame, Ints]:
    """Direct estimates by area (those of ``direct`` first, then areas without one), and their lines in auxiliary."""
    names = list(direct.domains)
    for name in names:
        if name not in auxiliary:
            raise reference.problem("estimate.no_column", column=name)
    rows = direct.rows[(direct.rows[names] != ALL).all(axis=1)]
    known = auxiliary.assign(**{name: auxiliary[name].map(text).astype("str") for name in names})
    index = pd.MultiIndex.from_frame(known[names])
    mine = pd.MultiIndex.from_frame(rows[names])
    for place, key in (
        (index[index.duplicated()], "estimate.area_twice"),
        (mine.difference(index), "estimate.no_area"),
    ):
        if len(place):
            listed = ", ".join("/".join(map(str, value)) for value in place[:NAMED])
            raise reference.problem(key, areas=listed, count=len(place))
    if mine.has_duplicates:
        raise reference.problem("estimate.one_row", columns=", ".join(names))
    first = index.get_indexer(mine)
    lines = np.concatenate([first, np.setdiff1d(np.arange(len(index)), first)]).astype(np.int64)
    places = rows.reset_index(drop=True).reindex(np.arange(len(lines)))
    places[names] = known[names].to_numpy()[lines]
    return places.assign(n=places["n"].fillna(0), psus=places["psus"].fillna(0)), lines


def _nothing(direct: Estimates, auxiliary: pd.DataFrame) -> Estimates:
    """A row without a value for every area."""
    numbers = dict.fromkeys(NUMBERS, np.nan) | {"n": 0.0, "psus": 0.0}
    measure = direct.rows["measure"].iloc[:1].sum()
    rows = _places(direct, auxiliary)[0][list(direct.domains)].assign(measure=measure, **numbers, flag="empty")
    return replace(
        direct, rows=rows, kind="level", method="estimate_fay_herriot", margins=(), covariance=None, _influence=None
    )


def _terms(known: pd.DataFrame, predictors: Sequence[str]) -> tuple[Floats, tuple[str, ...]]:
    """Intercept and predictors as areas × terms, and the terms' names."""
    columns, terms = [np.ones(len(known))], ["intercept"]
    for name in predictors:
        if name not in known:
            raise reference.problem("estimate.no_column", column=name)
        if known[name].isna().any():
            raise reference.problem("estimate.missing_predictor", column=name, rows=int(known[name].isna().sum()))
        if pd.api.types.is_numeric_dtype(known[name]):
            columns.append(finite(known, name))
            terms.append(name)
            continue
        levels = sorted(known[name].astype("str").unique())
        columns += [(known[name].astype("str") == level).to_numpy(np.float64) for level in levels[1:]]
        terms += [f"{name}={level}" for level in levels[1:]]
    return np.stack(columns, axis=1), tuple(terms)


def _sampling(places: pd.DataFrame, transform: str, smooth: bool) -> tuple[Floats, Floats]:
    """Direct estimates and their sampling variances on the scale of the model."""
    y, psi, n = places["estimate"].to_numpy(), places["se"].to_numpy() ** 2, places["n"].to_numpy()
    if transform == "arcsine":
        inside = (n > 0) & np.isfinite(psi) & (psi > 0)
        with np.errstate(divide="ignore", invalid="ignore"):
            effect = psi[inside].sum() / (y * (1 - y) / n)[inside].sum()
            return np.arcsin(np.sqrt(np.clip(y, 0, 1))), np.where(n > 0, effect / (4 * n), np.nan)
    if not smooth:
        return y, psi
    usable = np.isfinite(psi) & (psi > 0) & (n > 1)
    if not usable.any():
        return y, np.full(len(y), np.nan)
    if usable.sum() < 2 or np.ptp(n[usable]) == 0:
        fitted = np.where(n > 0, np.exp(np.log(psi[usable]).mean()), np.nan)
    else:
        slope, start = np.polyfit(np.log(n[usable]), np.log(psi[usable]), 1)
        fitted = np.exp(start + slope * np.log(np.where(n > 0, n, np.nan)))
    return y, fitted * psi[usable].sum() / fitted[usable].sum()


def _back(scale: Floats, leading: Floats, mse: Floats) -> tuple[Floats, Floats]:
    """Mean of sin²(Z) for Z normal about ``scale`` with the variance if the model were known, and its root error.

    E sin²(Z) = (1 - exp(-2 v) cos 2z) / 2; the error is the standard deviation of sin²(Z) with the whole mean squared
    error: E sin⁴(Z) = 3/8 - exp(-2 v) cos(2z) / 2 + exp(-8 v) cos(4z) / 8.
    """
    value = (1 - np.exp(-2 * leading) * np.cos(2 * scale)) / 2
    first = (1 - np.exp(-2 * mse) * np.cos(2 * scale)) / 2
    second = 3 / 8 - np.exp(-2 * mse) * np.cos(2 * scale) / 2 + np.exp(-8 * mse) * np.cos(4 * scale) / 8
    return value, np.sqrt(np.maximum(second - first**2, 0))


def _pull(value: Floats, mse: Floats, shares: Floats, benchmark: Estimates, adjust: str) -> tuple[Floats, float]:
    """How much of the difference to the benchmark each area takes, and the difference."""
    if len(benchmark.rows) != 1 or not np.isfinite(benchmark.rows["estimate"].iloc[0]):
        raise reference.problem("estimate.benchmark_row", rows=len(benchmark.rows))
    whole = float(shares @ value)
    gap = float(benchmark.rows["estimate"].iloc[0]) - whole
    if adjust == "ratio":
        return value / whole, gap
    return shares * mse / float(shares**2 @ mse), gap
