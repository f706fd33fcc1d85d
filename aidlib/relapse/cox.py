"""Cox's proportional hazards model of a complex sample: start-stop rows, weights, strata, ties, design-based errors.

The influence values of the coefficients are the rows' weighted score residuals times the inverse information, so that
strata, clusters, population sizes and calibration count as for any other statistic; with replicate weights the model
is fitted anew with each. Sources: Binder (1992), Biometrika 79(1), 139-147; Lin (2000), Biometrika 87(1), 37-47.
Figures are those of R's coxph (robust) and svycoxph.
"""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Required, TypedDict, Unpack

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.influence import Influence
from aidlib.estimate.regression import Shared, exponentiated, influence_of, is_flag
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found, Study
from aidlib.estimate.terms import Terms, aliased, terms
from aidlib.relapse.histories import Histories, Names, names_of
from aidlib.relapse.partial_likelihood import Divergence, Likelihood, Point
from aidlib.relapse.risk_sets import Bools, Grouped, RiskSets

TIES = ("efron", "breslow")
NOTHING = 1e-10  # of the mean weight: what a row keeps in a replicate without it, so that its ties stay (as R's survey)
EVENTS = 50  # a class with fewer events teaches nothing that may be published


class Columns(TypedDict, total=False):
    """What ``cox`` is told of the columns of a model, for what is worked out from one."""

    duration: Required[str]
    event: Required[str]
    predictors: Required[Sequence[str]]
    entry: str | None
    strata: Names
    ties: str
    cause: str | None
    unit: Names


@dataclass(frozen=True, eq=False)
class Model:
    """A fitted Cox model.

    unit: the sample rows that have all columns; used: the sample row of each row of the likelihood, which is fitted on
    terms with mean 0 and standard deviation 1 (``mean``, ``scale``: their own).
    """

    study: Study
    histories: Histories
    terms: Terms
    unit: Ints
    used: Ints
    mean: Floats
    scale: Floats
    point: Point
    efron: bool

    @classmethod
    def of(
        cls,
        sample: pd.DataFrame,
        design: Design | None,
        *,
        df: str = "design",
        base: str | None = None,
        **columns: Unpack[Columns],
    ) -> Model:
        """The fit on all rows with a weight, a history and every predictor; columns and Problems as ``cox``."""
        ties, unit = columns.get("ties", "efron"), columns.get("unit")
        check_ties(ties)
        study = Study.of(sample, with_clusters(design, unit), df=df, base=base)
        histories = Histories.of(
            study,
            duration=columns["duration"],
            event=columns["event"],
            entry=columns.get("entry"),
            strata=columns.get("strata"),
            cause=columns.get("cause"),
            unit=unit,
        )
        return cls.fitted(study, columns["predictors"], histories, efron=ties == "efron", event=columns["event"])

    @classmethod
    def fitted(cls, study: Study, predictors: Sequence[str], histories: Histories, *, efron: bool, event: str) -> Model:
        """The fit of histories that have been read."""
        found, unit = usable(study, predictors, histories, event)
        sets, used = risk_sets(histories, unit)
        x, mean, scale = standardised(found.matrix, used)
        likelihood = Likelihood.of(sets, x, study.sampling.weight[used], efron=efron)
        point = maximum(likelihood, found.names)
        return cls(study, histories, found, unit, used, mean, scale, point, efron)

    @property
    def coefficients(self) -> Floats:
        """Log hazard ratios of the terms."""
        return self.point.beta / self.scale

    @property
    def members(self) -> Shared:
        """The rows of the model, in each of the terms' rows."""
        return Shared(self.unit, np.zeros(0, dtype=np.int64), len(self.scale), len(self.unit) == len(self.study.sample))

    @property
    def inverse(self) -> Floats:
        """Inverse information of the coefficients."""
        return np.asarray(np.linalg.inv(self.point.information()) / np.outer(self.scale, self.scale))

    @property
    def shares(self) -> Floats:
        """Each sample row's share in the score of the coefficients, weights included: sample rows × terms."""
        return self.by_row(self.point.residuals() * self.scale)

    def by_row(self, values: Floats) -> Floats:
        """Values of the rows of the likelihood as one per row of the sample."""
        return Grouped.of(self.used, len(self.study.sample)).sum(np.ones(len(values)), values)

    def influence(self, values: Floats, mix: Floats) -> Influence:
        """Influence of the statistics ``values`` @ ``mix``; values: sample rows × q, weights included."""
        study = self.study
        if study.sampling.replicates is None:
            return influence_of(study, np.arange(len(values)), iter(values.T), mix)
        weight, found = study.sampling.weight[:, None], values @ mix
        per_weight = np.divide(found, weight, out=np.zeros_like(found), where=weight > 0)
        return study.deviations(found.sum(axis=0), per_weight.T @ study.sampling.replicates)

    def found(self) -> Found:
        """The coefficients and their influence."""
        if self.study.sampling.replicates is not None:
            deviations = self.study.deviations(self.coefficients, self._refitted())
            return Found(self.members, self.coefficients, deviations)
        return Found(self.members, self.coefficients, self.influence(self.shares, self.inverse))

    def sizes(self) -> tuple[Floats, Floats]:
        """For each term the units, and the events; of a term of 0 and 1, those with 1."""
        event = self.histories.event[self.unit]
        n, count = [], []
        for column in self.terms.matrix.T:
            held = column[self.unit] != 0 if is_flag(column[self.unit]) else np.ones(len(event), dtype=bool)
            n.append(self._units(held))
            count.append(np.count_nonzero(event & held))
        return np.array(n, dtype=np.float64), np.array(count, dtype=np.float64)

    def few(self, count: Floats) -> Bools:
        """Terms one of whose two classes has fewer than ``EVENTS`` events; for a number, all events."""
        event = self.histories.event[self.unit]
        matrix = self.terms.matrix[self.unit[event]]
        base = {}
        for factor in dict.fromkeys(self.terms.factors):
            own = matrix[:, [f == factor for f in self.terms.factors]]
            base[factor] = int((own == 0).all(axis=1).sum()) if is_flag(own.ravel()) else len(own)
        return (count < EVENTS) | (np.array([base[factor] for factor in self.terms.factors]) < EVENTS)

    def _units(self, held: Bools) -> int:
        codes = self.histories.unit
        return int(held.sum()) if codes is None else len(np.unique(codes[self.unit[held]]))

    def reweighted(self, weight: Floats) -> Likelihood:
        """The likelihood with other weights, one per sample row; rows of none stay in their ties."""
        known, nothing = self.point.likelihood, NOTHING * self.study.sampling.weight.mean()
        return Likelihood.of(known.sets, known.x, weight[self.used] + nothing, efron=self.efron)

    def _refitted(self) -> Floats:
        """Coefficients × replicates, the model fitted with each replicate's weights."""
        replicates = self.study.sampling.replicates
        assert replicates is not None  # the caller has looked
        out = np.full((len(self.scale), replicates.shape[1]), np.nan)
        for number, weight in enumerate(replicates.T):
            with contextlib.suppress(Divergence):
                out[:, number] = self.reweighted(weight).maximise(self.point.beta).beta / self.scale
        return out


def cox(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    duration: str,
    event: str,
    predictors: Sequence[str],
    entry: str | None = None,
    strata: Names = None,
    ties: str = "efron",
    cause: str | None = None,
    unit: Names = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Log hazard ratios of Cox's model, a row for each term (key ``term``).

    A row of the sample is at risk from ``entry`` (None: 0) to ``duration``, both in one unit of time from one origin,
    and ends by the event where ``event`` is 1 or, with ``cause``, where it holds that code: other ends censor (the
    cause-specific hazard). predictors: see ``estimate.terms``. strata: columns whose values have baseline hazards of
    their own. ties: "efron" or "breslow". unit: the column that tells units apart where they have several rows, which
    may then not overlap within a stratum, or the columns of units and of spells where time starts anew with a spell;
    units are the clusters of a design that names none. Rows without a history or a predictor leave the model and stay
    in the design: to study a part of the sample, make duration, event and entry missing elsewhere. n and ``count``:
    units and events, of a term of 0 and 1 those with 1. ``flag`` is "quality" where a class, or its reference, has
    fewer than 50 events.
    Raises Problem, naming the place, for a row that lacks one of the columns only or has its times out of order, for
    overlapping rows, where nobody has the event, or nobody of a class, and where coefficients cannot be had.

    >>> import pandas as pd
    >>> spells = pd.DataFrame({"years": [1, 2, 2, 3, 4, 5], "left": [1, 1, 0, 1, 1, 0], "ill": [0, 1, 0, 0, 1, 1]})
    >>> found = cox(spells, None, duration="years", event="left", predictors=["ill"]).rows
    >>> found[["term", "estimate"]].round(4).values.tolist()
    [['ill', -1.0731]]
    """
    model = Model.of(
        sample,
        design,
        df=df,
        base=base,
        duration=duration,
        event=event,
        predictors=predictors,
        entry=entry,
        strata=strata,
        ties=ties,
        cause=cause,
        unit=unit,
    )
    return coefficients(model, method=f"relapse_cox_{ties}")


def coefficients(model: Model, *, method: str) -> Estimates:
    """The coefficients of a fitted model as a result."""
    n, count = model.sizes()
    names = pd.DataFrame({"term": pd.array(model.terms.names, dtype="str")})
    found = model.study.estimates(
        model.found(), measure="coefficient", unit="number", method=method, keys=names, n=n, count=count
    )
    return flagged(replace(found, kind="effect"), model.few(count))


def flagged(estimates: Estimates, few: Bools) -> Estimates:
    """The result with the rows that rest on too few events marked as not to be published."""
    flag = np.where(few, "quality", estimates.rows["flag"])
    return replace(estimates, rows=estimates.rows.assign(flag=flag))


def hazard_ratios(estimates: Estimates) -> Estimates:
    """Hazard ratios of a Cox, recurrent-event or Fine-Gray model, intervals on the log scale."""
    return exponentiated(estimates, measure="hazard_ratio")


def with_clusters(design: Design | None, unit: Names) -> Design | None:
    """The design, with the units as clusters where they have several rows and it names no clusters."""
    keys = names_of(unit)
    if not keys or (design is not None and (design.psu is not None or design.replicates is not None)):
        return design
    return replace(Design() if design is None else design, psu=keys[0])


def usable(study: Study, predictors: Sequence[str], histories: Histories, event: str) -> tuple[Terms, Ints]:
    """The terms of a model, and the sample rows with a weight, a history and all of them."""
    heavy = histories.known & (study.sampling.weight > 0)
    if not (histories.event & heavy).any():
        raise reference.problem("relapse.no_event", column=event, rows=int(heavy.sum()))
    found = terms(study.sample, predictors, heavy)
    unit = np.flatnonzero(heavy & found.complete)
    if not histories.event[unit].any():
        raise reference.problem("relapse.no_event", column=event, rows=len(unit))
    check_groups(found, unit, histories.event[unit])
    return found, unit


def standardised(matrix: Floats, rows: Ints) -> tuple[Floats, Floats, Floats]:
    """These rows of a matrix with mean 0 and standard deviation 1 by column, and what these were."""
    x = np.empty((len(rows), matrix.shape[1]))
    mean, scale = np.zeros(matrix.shape[1]), np.ones(matrix.shape[1])
    for place, column in enumerate(matrix.T):
        own = column[rows]
        mean[place], scale[place] = own.mean(), own.std() or 1.0
        x[:, place] = (own - mean[place]) / scale[place]
    return x, mean, scale


def risk_sets(histories: Histories, rows: Ints) -> tuple[RiskSets, Ints]:
    """The risk sets of these sample rows, and the sample row of each row at risk."""
    start = None if histories.start is None else histories.start[rows]
    sets = RiskSets.of(start, histories.stop[rows], histories.event[rows], histories.stratum[rows])
    return sets, rows[sets.order]


def maximum(likelihood: Likelihood, names: Sequence[str]) -> Point:
    """The point of the largest likelihood; Problem naming terms without contrast or whose coefficient has no bound."""
    information = likelihood.at(np.zeros(len(names))).information()
    np.fill_diagonal(information, np.maximum(np.diagonal(information), 0.0))
    place = aliased(information)
    if place is not None:
        raise reference.problem("relapse.no_contrast", term=names[place])
    try:
        return likelihood.maximise()
    except Divergence as found:
        named = ", ".join(names[term] for term in found.terms)
        raise reference.problem("relapse.separated", terms=named) from None


def check_ties(ties: str) -> None:
    """Raises Problem for another way to treat ties."""
    if ties not in TIES:
        raise reference.problem("estimate.option", option="ties", allowed=", ".join(TIES))


def check_groups(found: Terms, unit: Ints, event: Bools) -> None:
    """Raises Problem for a class of a factor or flag in which nobody has the event, so that its hazard ratio is 0."""
    matrix = found.matrix[unit[event]]
    for factor in dict.fromkeys(found.factors):
        own = [place for place, name in enumerate(found.factors) if name == factor]
        if not all(is_flag(found.matrix[unit, place]) for place in own):
            continue
        empty = [found.names[place] for place in own if not matrix[:, place].any()]
        if (matrix[:, own] != 0).any(axis=1).all():
            empty.append(factor)
        if empty:
            raise reference.problem("relapse.class_without_events", term=", ".join(empty))
