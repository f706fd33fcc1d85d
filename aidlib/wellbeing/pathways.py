"""From hardship and pressure to well-being and work: what goes with a cause, and how much of it by way of others.

All of it describes; nothing here says that one thing brought about another.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, function_of, stack
from aidlib.estimate.regression import INTERCEPT, regression
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.terms import terms

LINKS = ("identity", "log")


def pathways(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    cause: str,
    through: Sequence[str],
    *,
    controls: Sequence[str] = (),
    link: str = "identity",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """How far ``outcome`` goes with ``cause``, in all, beside ``through``, and by way of ``through``; key ``path``.

    total_effect: coefficient of the cause (with ``controls``); direct_effect: with the columns ``through`` held equal
    too; indirect_effect: their difference, which for the linear model is the sum of products of paths (a b). Of rows
    that have every column, with one joint design covariance. link: "identity" (points, days) or "log" (counts: log rate
    ratios, Poisson variance). Effects by way of a mediator are causal only if nothing unseen lies behind mediator and
    outcome, which a survey cannot show. Source: MacKinnon et al. (1995), Multivariate Behav. Res. 30(1), 41-62.
    """
    if link not in LINKS:
        raise reference.problem("estimate.option", option="link", allowed=", ".join(LINKS))
    columns = [outcome, cause, *through, *controls]
    absent = [name for name in columns if name not in sample]
    if absent:
        raise reference.problem("estimate.no_column", column=absent[0])
    known = sample[columns].notna().all(axis=1)
    part = sample.assign(**{outcome: sample[outcome].where(known)})
    fits = {
        name: _of(regression(part, design, outcome, predictors, link=link, df=df, base=base), [cause])
        for name, predictors in (
            ("total_effect", [cause, *controls]),
            ("direct_effect", [cause, *through, *controls]),
        )
    }
    unit = fits["total_effect"].unit
    fits["indirect_effect"] = function_of(
        lambda total, direct: total - direct,
        measure="coefficient",
        unit=unit,
        total=fits["total_effect"],
        direct=fits["direct_effect"],
    )
    fits = {name: replace(fit, kind="effect", method="wellbeing_pathways") for name, fit in fits.items()}
    return stack(fits, key="path")


def within_households(
    panel: pd.DataFrame,
    design: Design | None,
    outcome: str,
    predictors: Sequence[str],
    *,
    unit: str = "household_id",
    time: str | None = "year",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Change of ``outcome`` that goes with change of the predictors in the same household: fixed effects, key ``term``.

    Every column less its (weighted) mean over the household's waves, so that all that stays with the household drops
    out; the effect of each wave too, where ``time`` names it. Units seen once say nothing. The same as a weighted
    regression with an indicator for each household. Errors linearised, clusters those of the design.
    Raises Problem for predictors that never change within a unit, and as ``estimate.regression``.

    >>> panel = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "x": [0.0, 1, 1, 2, 5, 5], "y": [3.0, 5, 9, 11, 1, 1]})
    >>> within_households(panel, None, "y", ["x"], unit="id", time=None).rows["estimate"].round(9).tolist()
    [2.0]
    """
    study = Study.of(panel, design, df=df, base=base)
    waves = [] if time is None else [time]
    frame = panel.assign(**{name: wave_names(panel[name]) for name in waves if name in panel})
    found = terms(frame, [*predictors, *waves], np.isfinite(study.column(outcome)) & (study.sampling.weight > 0))
    values = np.column_stack([study.column(outcome), found.matrix])
    known = np.isfinite(values).all(axis=1) & (study.sampling.weight > 0)
    if unit not in panel:
        raise reference.problem("estimate.no_column", column=unit)
    household = pd.factorize(panel[unit])[0]
    known &= household >= 0
    known &= np.bincount(household[known], minlength=household.max(initial=-1) + 1)[household] > 1
    moved = _demeaned(values, household, study.sampling.weight, known)
    constant = [n for n, column in zip(found.names, moved[:, 1:].T, strict=True) if _still(column[known])]
    if constant or not known.any():
        raise reference.problem("wellbeing.no_change_within", terms=", ".join(constant) or outcome, unit=unit)
    names = {name: f"{name}:within" for name in found.names}
    table = panel.assign(**dict(zip([outcome, *names.values()], moved.T, strict=True)))
    fit = regression(table, design, outcome, list(names.values()), link="identity", df=df, base=base)
    rows = fit.rows.assign(term=fit.rows["term"].str.removesuffix(":within"))
    own = [f for f in found.factors if f not in waves]
    return replace(_of(replace(fit, rows=rows), own), method="wellbeing_within_households")


def _of(fit: Estimates, predictors: Sequence[str]) -> Estimates:
    """The rows of these predictors' terms."""
    term = fit.rows["term"]
    factor = term.str.partition("=")[0]
    kept = np.flatnonzero(factor.isin(list(predictors)) & term.ne(INTERCEPT))
    influence = fit._influence
    return replace(
        fit,
        rows=fit.rows.iloc[kept],
        covariance=None if fit.covariance is None else fit.covariance[np.ix_(kept, kept)],
        _influence=None if influence is None else influence.picked(kept),
    )


def wave_names(values: pd.Series) -> pd.Series:
    """Waves as text, so that a model takes each as a level."""
    return values.astype("Int64").astype("str") if pd.api.types.is_numeric_dtype(values) else values


def _demeaned(values: Floats, unit: Ints, weight: Floats, known: np.ndarray) -> Floats:
    """Values less the weighted mean of the unit's known rows; missing in other rows."""
    heavy = np.where(known, weight, 0.0)
    size = np.bincount(unit[known], weights=heavy[known], minlength=unit.max(initial=-1) + 1)
    out = np.full(values.shape, np.nan)
    for place, column in enumerate(values.T):
        sums = np.bincount(unit[known], weights=(heavy * np.nan_to_num(column))[known], minlength=len(size))
        out[known, place] = column[known] - (sums / np.where(size > 0, size, 1))[unit[known]]
    return out


def _still(column: Floats) -> bool:
    return bool(np.abs(column).max(initial=0.0) < 1e-9)
