"""Whether predicted risks mean what they say: calibration slope and intercept, in the large, and by risk group."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.special import logit as log_odds

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, mean, proportion, stack
from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.relapse.accuracy import By, weight_below

FIGURES = ("calibration_slope", "calibration_intercept", "calibration_in_the_large")
EDGE = 1e-6  # risks nearer to 0 or 1 count as this: their log odds would be infinite
STEPS, ENOUGH = 50, 1e-10
FLAT = 1e-10  # of the mean squared log odds: risks that vary less have no slope


def calibration(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """How the outcome answers to the predicted risk: logit P(returned) = a + b logit(risk); key column ``figure``.

    calibration_slope b (ideal 1; below 1: predictions too extreme), calibration_intercept a of the same model (ideal
    0), calibration_in_the_large: a where b is held at 1 (ideal 0; below 0: risks too high on the whole). Weighted
    maximum likelihood; the errors linearise it, influence = inverse information · w x (returned - fitted), and so
    count the design. ``count``: units that returned. Risks below 1e-6 or above 1 - 1e-6 count as these. No value where
    everyone or nobody returned, or where all risks are equal (slope and intercept).
    Sources: Cox (1958), Biometrika 45(3/4), 562-565; Van Calster et al. (2016), J. Clin. Epidemiol. 74, 167-176;
    Binder (1983), Int. Stat. Rev. 51(3), 279-292. Raises Problem for a risk outside 0 and 1.
    """
    study = Study.of(sample, design, by=by, df=df, base=base)
    y, p = study.flag(outcome), study.column(risk)
    wrong = (p < 0) | (p > 1)
    if wrong.any():
        raise reference.problem("relapse.not_a_risk", column=risk, rows=int(wrong.sum()))
    members = study.members(y, p)
    x = log_odds(np.clip(p, EDGE, 1 - EDGE))
    fit = LogisticLine(members, members.at(study.sampling.weight), members.at(x), members.at(y))
    both, level = fit.solved(slope=True), fit.solved(slope=False)
    parts = members.split(len(FIGURES))
    estimate = np.stack([both[1], both[0], level[0]], axis=1)
    scores = np.stack([*fit.influence(both, slope=True)[::-1], fit.influence(level, slope=False)[0]], axis=1)
    return study.estimates(
        Found(parts, estimate.ravel(), study.influence(parts, np.nan_to_num(scores).ravel())),
        measure="coefficient",
        unit="number",
        method="relapse_calibration",
        keys=pd.DataFrame({"figure": FIGURES}, dtype="str"),
        count=np.repeat(members.sum(fit.y), len(FIGURES)),
    )


def calibration_curve(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    risk: str,
    *,
    groups: int = 5,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Observed share and mean predicted risk in ``groups`` groups of equal weight by risk: domain ``risk_group`` 1, 2 …

    Key column ``figure``: observed (logit interval) and expected; equal risks stay in one group.
    """
    study = Study.of(sample, design, df=df, base=base)
    codes = risk_groups(study.flag(outcome), study.column(risk), study.sampling.weight, groups)
    names = pd.CategoricalDtype([str(g + 1) for g in range(groups)], ordered=True)
    table = sample.assign(risk_group=pd.Categorical.from_codes(codes, dtype=names))
    observed = proportion(table, design, outcome, by="risk_group", df=df, base=base)
    expected = mean(table, design, risk, by="risk_group", df=df, base=base)
    expected = replace(expected, rows=expected.rows.assign(count=observed.rows["count"]), unit="share")
    found = stack({"observed": observed, "expected": expected}, key="figure")
    return replace(
        found, rows=found.rows.assign(measure="proportion"), kind="curve", method="relapse_calibration_curve"
    )


def risk_groups(outcome: Floats, risk: Floats, weight: Floats, groups: int) -> Ints:
    """Group 0 (lowest risk) … ``groups`` - 1 of each row with outcome and risk, of about equal weight; -1: no group."""
    at = np.flatnonzero(np.isfinite(outcome) & np.isfinite(risk))
    below, equal = weight_below(np.zeros(len(at), dtype=np.int64), risk[at], weight[at])
    place = (below + equal / 2) / max(float(weight[at].sum()), EDGE)
    codes = np.full(len(risk), -1, dtype=np.int64)
    codes[at] = np.clip(np.floor(place * groups), 0, groups - 1).astype(np.int64)
    return codes


@dataclass(frozen=True, eq=False)
class LogisticLine:
    """The logistic regression of y on x in every row of ``members`` at once; weight, x and y: one value per pair."""

    members: Members
    weight: Floats
    x: Floats
    y: Floats

    def solved(self, *, slope: bool) -> Floats:
        """Intercept and slope (without ``slope`` 1) by Newton's steps: 2 × rows, missing where there is no maximum."""
        found = np.stack([np.zeros(self.members.rows), np.ones(self.members.rows)])
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            for _ in range(STEPS):
                rest = self.weight * (self.y - self._fitted(found))
                score = np.stack([self.members.sum(rest), self.members.sum(rest * self.x)])
                step = np.einsum("ijr,jr->ir", self._inverse(found, slope), score)
                found = found + np.clip(step, -2, 2)
                if np.nanmax(np.abs(step), initial=0) < ENOUGH:
                    break
        known = np.isfinite(found).all(axis=0) & (np.abs(step) < FLAT**0.5).all(axis=0)
        return np.where(known, found, np.nan)

    def influence(self, found: Floats, *, slope: bool) -> Floats:
        """Inverse information times the score of each pair: 2 × pairs."""
        rest = self.weight * (self.y - self._fitted(found))
        inverse = self._inverse(found, slope)[:, :, self.members.row]
        return np.asarray(np.einsum("ijp,jp->ip", inverse, np.stack([rest, rest * self.x])))

    def _fitted(self, found: Floats) -> Floats:
        intercept, slope = found[:, self.members.row]
        return np.asarray(expit(intercept + slope * self.x))

    def _inverse(self, found: Floats, slope: bool) -> Floats:
        """Inverse of the information: 2 × 2 × rows; missing where the risks do not vary."""
        p = self._fitted(found)
        v = self.weight * p * (1 - p)
        one, x, xx = (self.members.sum(v * self.x**power) for power in (0, 1, 2))
        with np.errstate(divide="ignore", invalid="ignore"):
            if not slope:
                nothing = np.zeros_like(one)
                return np.stack([np.stack([1 / one, nothing]), np.stack([nothing, nothing])])
            whole = one * xx - x**2
            whole[whole <= FLAT * one * xx] = np.nan
            return np.stack([np.stack([xx, -x]), np.stack([-x, one])]) / whole
