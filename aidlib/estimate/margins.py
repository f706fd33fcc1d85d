"""What the coefficients of a regression mean for the outcome: average marginal effects and average predictions.

Each row's derivative, or difference between two levels, is taken with all else as it is and averaged with the weights.
The error counts both the coefficients' and that of averaging over a sample: with d_i of row i, the influence value is
w_i (d_i - mean) / sum(w) + J times those of the coefficients, J the mean derivative of d by the coefficients.
Source: Graubard & Korn (1999), Biometrics 55(2), 652-659; Bartus (2005), Stata Journal 5(3), 309-329.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.irls import Data, Fit
from aidlib.estimate.measures import unit_of
from aidlib.estimate.regression import Model, is_flag, units
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found, Study


@dataclass(frozen=True, eq=False)
class Level:
    """The mean of the outcome where ``column`` is at a level of it (a factor's code, or a number) in every row."""

    model: Model
    column: str
    value: float

    def values(self, fit: Fit) -> Floats:
        """One per row used."""
        return np.asarray(self.model.link.mean(self._predictor(fit, self.columns())))

    def slopes(self, fit: Fit, weight: Floats) -> Floats:
        """Derivatives of the weighted sum by the coefficients."""
        changed = self.columns()
        factor = weight * self.model.link.slope(self._predictor(fit, changed))
        slopes = factor @ self.model.data.matrix
        for place, column in changed.items():
            slopes[place] = factor @ column
        return np.concatenate([[factor.sum()], slopes])

    def _predictor(self, fit: Fit, changed: dict[int, Floats]) -> Floats:
        eta = fit.predictor.copy()
        for place, column in changed.items():
            eta += fit.coefficients[place + 1] * (column - self.model.data.matrix[:, place])
        return eta

    def columns(self) -> dict[int, Floats]:
        """The columns of the terms that change, as they are at the level, by their place."""

        def at(column: str, code: float | None) -> Floats:
            if column != self.column:
                return _part(self.model, column, code)
            return np.full(len(self.model.unit), self.value if code is None else float(code == self.value))

        return {
            place: np.prod([at(*part) for part in parts], axis=0)
            for place, parts in enumerate(self.model.terms.parts)
            if any(column == self.column for column, _ in parts)
        }


@dataclass(frozen=True, eq=False)
class Derivative:
    """The derivative of the outcome's mean by a numeric column."""

    model: Model
    column: str

    def values(self, fit: Fit) -> Floats:
        """One per row used."""
        return np.asarray(self.model.link.slope(fit.predictor) * self._along(fit, self._rest()))

    def slopes(self, fit: Fit, weight: Floats) -> Floats:
        """Derivatives of the weighted sum by the coefficients."""
        rest = self._rest()
        factor = weight * self.model.link.curvature(fit.predictor) * self._along(fit, rest)
        slopes = factor @ self.model.data.matrix
        slope = weight * self.model.link.slope(fit.predictor)
        for place, column in rest.items():
            slopes[place] += slope @ column
        return np.concatenate([[factor.sum()], slopes])

    def _along(self, fit: Fit, rest: dict[int, Floats]) -> Floats:
        return np.sum([fit.coefficients[place + 1] * column for place, column in rest.items()], axis=0)

    def _rest(self) -> dict[int, Floats]:
        """The derivative of each term that the column is in, by its place."""
        found: dict[int, Floats] = {}
        for place, parts in enumerate(self.model.terms.parts):
            for own, (column, _) in enumerate(parts):
                if column == self.column:
                    others = [_part(self.model, *part) for other, part in enumerate(parts) if other != own]
                    found[place] = found.get(place, 0.0) + np.prod([np.ones(len(self.model.unit)), *others], axis=0)
        return found


@dataclass(frozen=True, eq=False)
class Difference:
    """One level's mean less another's."""

    to: Level
    start: Level

    def values(self, fit: Fit) -> Floats:
        """One per row used."""
        return self.to.values(fit) - self.start.values(fit)

    def slopes(self, fit: Fit, weight: Floats) -> Floats:
        """Derivatives of the weighted sum by the coefficients."""
        return self.to.slopes(fit, weight) - self.start.slopes(fit, weight)


Effect = Level | Derivative | Difference


def marginal_effects(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Average marginal effects of the regression of ``outcome`` on ``predictors`` (key ``term``; see ``regression``).

    For a number the mean derivative, for a flag of 0 and 1 the mean difference between 1 and 0, for each level of a
    factor that between it and the reference: by how much the outcome's mean (for a flag: its share, in points) would
    differ, by the model. Products move with their columns and have no row of their own.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"poor": [0, 0, 1, 0, 1, 1, 0, 1], "ill": [0, 0, 0, 0, 1, 1, 1, 1]})
    >>> marginal_effects(sample, None, "poor", ["ill"]).rows["estimate"].round(6).item()
    0.5
    """
    study = Study.of(sample, design, df=df, base=base)
    model = Model.of(study, outcome, predictors, link)
    effects = effects_of(model)
    terms = list(effects)
    n, count = units(model)
    place = [model.names.index(term) if term in model.names else 0 for term in terms]
    binary = model.link.binary or unit_of(sample, outcome) == "share"
    found = study.estimates(
        averaged(model, list(effects.values())),
        measure="marginal_effect",
        unit="pp" if binary else unit_of(sample, outcome),
        method="estimate_marginal_effects",
        keys=pd.DataFrame({"term": pd.array(terms, dtype="str")}),
        n=n[place],
        count=count[place] if binary else None,
    )
    return replace(found, kind="effect")


def average_predictions(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    over: str,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Mean of the outcome by the model if everyone were at each level of ``over``, a factor or flag (key: its name).

    n: the units used, all of which stand in every level's average.
    Raises Problem where ``over`` is not among the predictors or is a number of other values than 0 and 1.
    """
    study = Study.of(sample, design, df=df, base=base)
    model = Model.of(study, outcome, predictors, link)
    levels = levels_of(model, over)
    binary = model.link.binary or unit_of(sample, outcome) == "share"
    return study.estimates(
        averaged(model, [Level(model, over, value) for value in levels.values()]),
        measure="average_prediction",
        unit="share" if binary else unit_of(sample, outcome),
        method="estimate_average_predictions",
        keys=pd.DataFrame({over: pd.array(list(levels), dtype="str")}),
    )


def effects_of(model: Model) -> dict[str, Effect]:
    """The effects of a model's columns by the names of their terms."""
    found: dict[str, Effect] = {}
    for column in dict.fromkeys(column for parts in model.terms.parts for column, _ in parts):
        values, names = model.terms.columns[column]
        if not names and not is_flag(values[model.unit]):
            found[column] = Derivative(model, column)
            continue
        reference_level, *others = levels_of(model, column).items()
        for name, value in others:
            term = f"{column}={name}" if names else column
            found[term] = Difference(Level(model, column, value), Level(model, column, reference_level[1]))
    return found


def levels_of(model: Model, column: str) -> dict[str, float]:
    """The levels of a factor or flag in the model, the reference first, with the value that stands for each."""
    if column not in model.terms.columns:
        raise reference.problem("estimate.no_predictor", column=column)
    values, names = model.terms.columns[column]
    used = values[model.unit]
    if not names and not is_flag(used):
        raise reference.problem("estimate.no_levels", column=column)
    if not names:
        return {f"{value:g}": value for value in (0.0, 1.0) if (used == value).any()}
    return {names[code]: float(code) for code in np.flatnonzero(np.bincount(used.astype(np.int64)))}


def averaged(model: Model, effects: Sequence[Effect], among: NDArray[np.bool_] | None = None) -> Found:
    """Weighted means of effects over the rows used, or those of them that are ``among``, with their influence."""

    def weights(data: Data) -> Floats:
        weight = data.weight if among is None else data.weight * among
        return np.asarray(weight / weight.sum())

    def statistic(data: Data, fit: Fit) -> Floats:
        weight = weights(data)
        return np.array([weight @ effect.values(fit) for effect in effects])

    share, fit = weights(model.data), model.fit
    slopes = np.array([effect.slopes(fit, share) for effect in effects])
    if model.study.sampling.replicates is not None:
        return model.found(statistic, slopes)
    own = []
    for effect in effects:
        values = effect.values(fit)
        own.append(share * (values - share @ values))
    return model.found(statistic, slopes, own)


def _part(model: Model, column: str, code: float | None) -> Floats:
    values = model.terms.columns[column][0][model.unit]
    return values if code is None else (values == code).astype(np.float64)
