"""What hazard models tell a reader: the chance by year, effects in points, and whether time or sorting lowers it.

That the chance of leaving falls with the years can mean that hardship itself holds people (state dependence), or that
those who could leave have left (heterogeneity). ``baseline_curve`` sets the model that knows no trait beside the one
that does: what is left of the fall in the second is what the years do.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from aidlib import reference
from aidlib.estimate import Design, Estimates, stack
from aidlib.estimate.comparisons import plain_numbers
from aidlib.estimate.irls import Fit
from aidlib.estimate.links import link_of
from aidlib.estimate.margins import Effect, averaged, effects_of
from aidlib.estimate.sampling import Floats
from aidlib.estimate.study import Found
from aidlib.relapse.frailty import Mixed, Units, averaged_over, score_of_trait
from aidlib.relapse.hazards import BASELINE, Hazards, discrete_hazard, judged
from aidlib.relapse.periods import Periods

MODELS = ("plain", "normal")
STEP = 1e-5  # of the central difference by the standard deviation


def baseline_curve(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    models: Sequence[str] = MODELS,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
    **periods: Any,
) -> Estimates:
    """Chance of the event by year (key ``time``) where predictors are 0 or at their reference, by ``model``.

    models: "plain", without heterogeneity, and "normal", for a household of average trait (the mean of all that ever
    begin a spell, not of those still there). periods: event, predictors, … as in ``discrete_hazard``. Intervals on the
    log odds.
    """
    wrong = [name for name in models if name not in MODELS]
    if wrong or not models:
        raise reference.problem("estimate.option", option="models", allowed=", ".join(MODELS))
    found = {}
    for name in models:
        trait = None if name == "plain" else name
        fitted = discrete_hazard(sample, design, heterogeneity=trait, link=link, df=df, base=base, **periods)
        found[name] = yearly_chances(fitted, link=link)
    return stack(found, key="model")


def yearly_chances(estimates: Estimates, *, link: str = "logit") -> Estimates:
    """The baseline terms of ``discrete_hazard`` or ``joint_hazards`` as chances by year (key ``time`` for ``term``).

    Measure "hazard"; intervals are those of the terms, turned alike.
    """
    kind = link_of(link)
    kept = np.flatnonzero(estimates.rows["measure"] == BASELINE)
    rows = estimates.rows.iloc[kept]
    slope = kind.slope(rows["estimate"].to_numpy())
    chances = {name: kind.mean(rows[name].to_numpy()) for name in ("estimate", "low", "high")}
    years = rows["term"].str.partition("=")[2]
    influence, covariance = estimates._influence, estimates.covariance
    return replace(
        estimates,
        rows=rows.assign(term=years, measure="hazard", se=rows["se"].to_numpy() * slope, **chances).rename(
            columns={"term": "time"}
        ),
        keys=tuple("time" if key == "term" else key for key in estimates.keys),
        unit="share",
        kind="curve",
        method="relapse_baseline_curve",
        covariance=None if covariance is None else covariance[np.ix_(kept, kept)] * np.outer(slope, slope),
        _influence=None if influence is None else influence.picked(kept).scaled(slope),
    )


def probability_effects(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    year: int = 1,
    heterogeneity: str | None = None,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
    **periods: Any,
) -> Estimates:
    """By how many points each predictor moves the chance of the event in a ``year`` of the spell (key ``term``).

    Average marginal effects (see ``estimate.marginal_effects``) over the rows of that year; with heterogeneity "normal"
    also over the trait, as it is among all that begin a spell. periods: event, predictors, … as in
    ``discrete_hazard``. Raises Problem where no row is of that year.
    """
    read = Periods(**periods)
    hazards = Hazards.of(sample, design, read, link=link, df=df, base=base)
    label = read.label(year)
    if label not in hazards.years:
        raise reference.problem("relapse.no_year", year=label, known=", ".join(hazards.years))
    among = hazards.codes == hazards.years[label]
    terms = [name for name in effects_of(hazards.model) if not name.startswith(f"{read.duration}=")]
    if heterogeneity is None:
        effects = effects_of(hazards.model)
        found = averaged(hazards.model, [effects[term] for term in terms], among)
    else:
        found = _over_the_trait(hazards.with_trait(heterogeneity), terms, among)
    outcome, n, count = hazards.model.data.outcome[among], [], []
    for term in terms:
        held = hazards.held(term)[among]
        n.append(float(held.sum()))
        count.append(float(outcome[held].sum()))
    result = hazards.model.study.estimates(
        found,
        measure="probability_effect",
        unit="pp",
        method="relapse_probability_effects",
        keys=pd.DataFrame({"term": pd.array(terms, dtype="str")}),
        n=np.array(n),
        count=np.array(count),
    )
    return judged(replace(result, kind="effect"), hazards.totals[1])


def _over_the_trait(trait: Mixed, terms: Sequence[str], among: Any) -> Found:
    """Effects averaged over rows and the trait."""
    plain = trait.units.models[0]

    def effects(parameters: Floats) -> tuple[list[Effect], Fit]:
        coefficients = parameters[:-1]
        fit = Fit(coefficients, plain.fit.inverse, coefficients[0] + plain.data.matrix @ coefficients[1:])
        model = replace(plain, link=averaged_over(plain.link, float(parameters[-1])), fit=fit)
        found = effects_of(model)
        return [found[term] for term in terms], fit

    def share(weight: Floats) -> Floats:
        chosen = weight[plain.unit] * among
        return np.asarray(chosen / chosen.sum())

    def means(parameters: Floats, weight: Floats) -> Floats:
        each, fit = effects(parameters)
        return np.array([share(weight) @ effect.values(fit) for effect in each])

    weight = plain.study.sampling.weight
    each, fit = effects(trait.parameters)
    slopes = np.array([np.append(effect.slopes(fit, share(weight)), 0.0) for effect in each])
    step = np.append(np.zeros(len(trait.parameters) - 1), STEP)
    slopes[:, -1] = (means(trait.parameters + step, weight) - means(trait.parameters - step, weight)) / (2 * STEP)
    own = []
    for effect in each:
        values = effect.values(fit)
        own.append(share(weight) * (values - share(weight) @ values))
    return trait.found(means, slopes, own)


def heterogeneity_test(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    link: str = "logit",
    df: str = "design",
    base: str | None = None,
    **periods: Any,
) -> Estimates:
    """Test that units do not differ but by their predictors: rows "score_t", with the design's df, and "p_value".

    The score of the trait's variance at 0: units whose events come together, beyond what their hazards foretell, speak
    for a trait. One-sided, by the design-based error of the score with the coefficients' error in it, so that it holds
    at the border of the parameter's range, where a Wald or likelihood-ratio test does not (Commenges & Jacqmin-Gadda
    1997, J. R. Stat. Soc. B 59(1), 157-171). periods: event, predictors, unit, … as in ``discrete_hazard``.
    """
    read = Periods(**periods)
    hazards = Hazards.of(sample, design, read, link=link, df=df, base=base)
    found = score_of_trait(Units.of([hazards.model], sample, [read]))
    score = hazards.model.study.estimates(
        found, measure="score", unit="number", method="relapse_heterogeneity_test", count=np.array(hazards.totals[1:])
    )
    rows = score.rows
    t = (rows["estimate"] / rows["se"]).to_numpy()
    p = np.where(np.isfinite(rows["df"]), stdtr(np.minimum(rows["df"], 1e12), -t), np.nan)
    return plain_numbers(score, {"score_t": t, "p_value": p}, "relapse_heterogeneity_test")
