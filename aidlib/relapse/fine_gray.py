"""Fine & Gray's model of the subdistribution hazard: what moves the cumulative incidence of one cause among several.

Whoever ended by another cause stays at risk, with a weight that falls as he would have come to be censored: at time t
G(t-) / G(T-), G the Kaplan-Meier curve of the time to censoring, T the time of the other end. Censoring counts as after
the ends of the same time, as in R's finegray. The errors count that G is estimated (cmprsk's crr does so too): coxph
on finegray's rows takes it as known. Source: Fine & Gray (1999), J. Am. Stat. Assoc. 94(446), 496-509.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Study
from aidlib.relapse.cox import NOTHING, Model, check_ties, coefficients, maximum, standardised, usable
from aidlib.relapse.durations import CENSORED
from aidlib.relapse.histories import Histories, Names, causes_of
from aidlib.relapse.partial_likelihood import Likelihood
from aidlib.relapse.risk_sets import Bools, RiskSets, running, time_codes


@dataclass(frozen=True, eq=False)
class Ends:
    """How the n rows of a model end, in integers: stratum × time (``key``), and whether censored or otherwise.

    Keys are even for ends and odd for censorings, which so come after the ends of the same time; ``width`` keys make a
    stratum.
    """

    key: Ints
    width: int
    moments: Floats
    censored: Bools
    other: Bools

    @classmethod
    def of(cls, stop: Floats, stratum: Ints, event: Bools, censored: Bools) -> Ends:
        _, code, moments = time_codes(None, stop)
        width = 2 * len(moments)
        return cls(stratum * width + 2 * code + censored, width, moments, censored, ~(event | censored))

    def at(self, stratum: Ints, times: Floats) -> Ints:
        """Keys of ends at these times."""
        return stratum * self.width + 2 * np.searchsorted(self.moments, times)


@dataclass(frozen=True, eq=False)
class Censoring:
    """The curve G by stratum: risk sets of the censorings, their keys, those at risk, hazard and G after each."""

    sets: RiskSets
    keys: Ints
    at_risk: Floats
    hazard: Floats
    left: Floats
    width: int

    @classmethod
    def of(cls, ends: Ends, weight: Floats) -> Censoring:
        stratum = ends.key // ends.width
        sets = RiskSets.of(None, (ends.key % ends.width).astype(np.float64), ends.censored, stratum)
        own = weight[sets.order]
        at_risk = sets.at_risk(own, np.ones(len(own)))
        ended = np.bincount(sets.event[sets.event >= 0], own[sets.event >= 0], minlength=len(sets.times))
        hazard = np.divide(ended, at_risk, out=np.zeros_like(ended), where=at_risk > 0)
        with np.errstate(divide="ignore"):
            left = np.exp(running(np.log1p(-np.minimum(hazard, 1.0)), sets.stratum))
        keys = sets.stratum * ends.width + sets.times.astype(np.int64)
        return cls(sets, keys, at_risk, hazard, left, ends.width)

    def before(self, keys: Ints) -> Floats:
        """G just before these keys."""
        return last_before(self.left, self.keys, keys, self.width, empty=1.0)


@dataclass(frozen=True, eq=False)
class Subdistribution(Model):
    """A fitted Fine-Gray model. row: the position in ``unit`` of each row of the likelihood."""

    ends: Ends
    row: Ints

    @property
    def shares(self) -> Floats:
        """Shares in the score with what each row adds to the estimated curve of censoring."""
        known = super().shares
        known[self.unit] += self._by_censoring()
        return known

    def reweighted(self, weight: Floats) -> Likelihood:
        """The likelihood, and the curve of censoring, with other weights."""
        nothing = NOTHING * self.study.sampling.weight.mean()
        known = self.point.likelihood
        return weighted(self.ends, known.sets, known.x, weight[self.unit] + nothing, self.row, efron=self.efron)

    def _by_censoring(self) -> Floats:
        """sum over censorings c of Q(c) / (1 - h(c)) times the row's martingale of censoring, n × p.

        Q(c) is minus the derivative of the score by the logarithm of 1 - h(c): of those kept at risk before c, at the
        event times after c. (Without the 1 - h, next to nothing in the absence of ties, it is what crr adds.)
        """
        ends, weight, point = self.ends, self.study.sampling.weight[self.unit], self.point
        likelihood, sets = point.likelihood, point.likelihood.sets
        assert sets.late is not None  # a Fine-Gray model has a competing cause
        curve = Censoring.of(ends, weight)
        s1, e1 = point.sums
        event_keys = ends.at(sets.stratum, sets.times)
        each = sets.factor[:, None] * np.column_stack([point.a, point.c0[:, None] * s1 - point.c1[:, None] * e1])
        after = running(each[::-1], sets.stratum[::-1])[::-1]
        after = first_after(after, event_keys, curve.keys, ends.width)
        late = np.flatnonzero(sets.late)
        late = late[np.argsort(ends.key[self.row[late]], kind="stable")]
        keys, risk = ends.key[self.row[late]], point.risk[late]
        kept = running(risk[:, None] * np.column_stack([np.ones(len(late)), likelihood.x[late]]), keys // ends.width)
        kept = last_before(kept, keys, curve.keys, ends.width, empty=0.0)
        slope = after[:, :1] * kept[:, 1:] - after[:, 1:] * kept[:, :1]
        rest = curve.at_risk * (1 - curve.hazard)
        slope = np.divide(slope.T, rest, out=np.zeros_like(slope.T), where=rest > 0).T
        own = curve.sets.at_events(slope) - curve.sets.during(slope * curve.hazard[:, None])
        out = np.zeros((len(self.unit), len(self.scale)))
        out[curve.sets.order] = own * weight[curve.sets.order, None] * self.scale
        return out


def fine_gray(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    cause: str,
    predictors: Sequence[str],
    strata: Names = None,
    ties: str = "efron",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Log ratios of the subdistribution hazard of ``cause``, a row for each term (key ``term``).

    One row a unit, at risk from 0 to ``duration``; event: how it ends, a code for each cause, "" or 0 for censored. A
    ratio above 1 means a higher cumulative incidence of the cause. strata: columns whose values have baseline hazards
    and curves of censoring of their own. There is no delayed entry: its weights would need the curve of entries too,
    and rows that change over time make no sense for those who have ended otherwise. The hazard of the cause among
    those still at risk is ``cox(…, cause=…)``. The rest as ``cox``.
    Raises Problem for a cause that does not occur or that has no other beside it, and as ``cox``.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3, 4, 5], "end": list("abacba"), "ill": [0, 1, 1, 0, 0, 1]})
    >>> spells["end"] = spells["end"].replace("c", "")
    >>> options = {"duration": "years", "event": "end", "cause": "a", "predictors": ["ill"]}
    >>> fine_gray(spells, None, **options).rows[["term", "estimate"]].round(4).values.tolist()
    [['ill', 0.3954]]
    """
    check_ties(ties)
    study = Study.of(sample, design, df=df, base=base)
    histories = Histories.of(study, duration=duration, event=event, strata=strata, cause=cause)
    codes, names = causes_of(sample, event)
    censored = np.isin(codes, [place for place, name in enumerate(names) if name in CENSORED])
    if not (histories.known & ~histories.event & ~censored).any():
        raise reference.problem("relapse.single_cause", column=event, cause=cause)
    model = fitted(study, predictors, histories, censored, efron=ties == "efron", event=event)
    return coefficients(model, method=f"relapse_fine_gray_{ties}")


def fitted(
    study: Study, predictors: Sequence[str], histories: Histories, censored: Bools, *, efron: bool, event: str
) -> Subdistribution:
    """The fit; those who ended otherwise have a second, late row from their end to the last time."""
    found, unit = usable(study, predictors, histories, event)
    stop, stratum, ended = histories.stop[unit], histories.stratum[unit], histories.event[unit]
    ends = Ends.of(stop, stratum, ended, censored[unit])
    other = np.flatnonzero(ends.other)
    row = np.concatenate([np.arange(len(unit)), other])
    late = np.arange(len(row)) >= len(unit)
    sets = RiskSets.of(
        np.where(late, stop[row], -1.0),
        np.where(late, stop.max(), stop[row]),
        ended[row] & ~late,
        stratum[row],
        late=late,
    )
    row = row[sets.order]
    x, mean, scale = standardised(found.matrix, unit[row])
    likelihood = weighted(ends, sets, x, study.sampling.weight[unit], row, efron=efron)
    point = maximum(likelihood, found.names)
    return Subdistribution(study, histories, found, unit, unit[row], mean, scale, point, efron, ends, row)


def weighted(ends: Ends, sets: RiskSets, x: Floats, weight: Floats, row: Ints, *, efron: bool) -> Likelihood:
    """The likelihood with the curve of censoring of these weights, one per row of the model."""
    assert sets.late is not None  # see ``fitted``
    curve = Censoring.of(ends, weight)
    own = weight[row]
    own[sets.late] /= curve.before(ends.key[row[sets.late]])
    return Likelihood.of(sets.weighted(curve.before(ends.at(sets.stratum, sets.times))), x, own, efron=efron)


def last_before(values: Floats, keys: Ints, at: Ints, width: int, *, empty: float) -> Floats:
    """The last of the values (by sorted keys) whose key lies before ``at`` and in its stratum; ``empty`` for none."""
    place = np.searchsorted(keys, at) - 1
    return _picked(values, keys, place, at, width, empty)


def first_after(values: Floats, keys: Ints, at: Ints, width: int) -> Floats:
    """The first of the values (by sorted keys) whose key lies after ``at`` and in its stratum; 0 for none."""
    return _picked(values, keys, np.searchsorted(keys, at, side="right"), at, width, 0.0)


def _picked(values: Floats, keys: Ints, place: Ints, at: Ints, width: int, empty: float) -> Floats:
    if not len(keys):
        return np.full((len(at), *values.shape[1:]), empty)
    inside = np.clip(place, 0, len(keys) - 1)
    found = values[inside]
    found[(place != inside) | (keys[inside] // width != at // width)] = empty
    return found
