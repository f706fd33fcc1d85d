"""Estimates along time: from an estimator of curves to rows at the times asked for, with their errors and intervals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.domains import TEXT
from aidlib.estimate.estimates import COVARIANCE_ROWS, Estimates
from aidlib.estimate.influence import Influence
from aidlib.estimate.intervals import Interval, critical
from aidlib.estimate.sampling import Floats, Ints, codes
from aidlib.estimate.study import Found, Study
from aidlib.relapse.durations import SAME, Durations
from aidlib.relapse.linearised import Curves, Repeated, linearised, variances
from aidlib.relapse.product_limit import Estimator, Risk, cumulated

TIME = "time"


@dataclass(frozen=True, eq=False)
class Question:
    """Durations of a study; unit: the column that tells units apart, None: every row is one."""

    study: Study
    found: Durations
    unit: str | None = None

    @property
    def weight(self) -> Floats:
        """One per pair."""
        return np.asarray(self.found.members.at(self.study.sampling.weight))

    def units(self) -> Floats:
        """Units of each group."""
        members = self.found.members
        return members.sum() if self.unit is None else members.distinct(self._unit_codes())

    def counts(self) -> Floats:
        """Units with the event of each cause up to each position: causes × groups × positions."""
        found = self.found
        first = np.ones(len(found.kind), dtype=bool)
        if self.unit is not None:
            unit = self._unit_codes()[found.members.unit]
            place = pd.DataFrame({"unit": unit, "row": found.members.row, "kind": found.kind})
            order = np.argsort(found.left, kind="stable")
            first[order] = ~place.iloc[order].duplicated().to_numpy()
        return cumulated(found.ended(first.astype(np.float64)))

    def _unit_codes(self) -> Ints:
        if self.unit not in self.study.sample:
            raise reference.problem("estimate.no_column", column=self.unit)
        found = codes(self.study.sample[self.unit])
        missing = int((found[self.found.members.unit] < 0).sum())
        if missing:
            raise reference.problem("relapse.missing", column=self.unit, rows=missing)
        return found


def curve(
    question: Question,
    estimator: Estimator,
    times: Floats,
    *,
    measure: str,
    unit: str,
    method: str,
    interval: Interval,
    causes: pd.Series | None = None,
) -> Estimates:
    """Estimates of an estimator's curves at ``times``, sorted; causes: the names of the curves, if they are several."""
    study, found = question.study, question.found
    at = positions(found, times)
    risk = Risk.of(found, question.weight)
    curves = estimator(found, risk)
    members = Repeated.of(found.members, len(curves.estimate) * at.shape[1])
    many = members.rows > COVARIANCE_ROWS
    estimate = picked(curves.estimate, at)
    estimate[_unknown(found, risk, times, len(curves.estimate))] = np.nan
    result = study.estimates(
        Found(members, estimate, influence(question, estimator, curves, at, alone=many)),
        measure=measure,
        unit=unit,
        method=method,
        keys=_lines(times, causes),
        interval=interval,
        n=np.repeat(question.units(), members.lines),
        count=picked(question.counts(), at),
    )
    return replace(result, kind="curve", _influence=None if many else result._influence)


def influence(question: Question, estimator: Estimator, curves: Curves, at: Ints, *, alone: bool = False) -> Influence:
    """Influence values at the positions ``at`` (groups × times, rising); ``alone``: the variances alone.

    With replicate weights the deviations of the curves that each of them gives.
    """
    study, found = question.study, question.found
    replicates = study.sampling.replicates
    if replicates is not None:
        thetas = [_replicate(found, estimator, at, weight[found.members.unit]) for weight in replicates.T]
        return study.deviations(picked(curves.estimate, at), np.stack(thetas, axis=1))
    if alone:
        return _Variances(study.sampling, None, None, variances(study, found, curves, at))
    return linearised(study, found, curves, at)


def _replicate(found: Durations, estimator: Estimator, at: Ints, weight: Floats) -> Floats:
    """The curves that other weights give; missing for a group without any."""
    values = picked(estimator(found, Risk.of(found, weight)).estimate, at)
    nobody = found.members.sum(weight) == 0
    return np.where(np.repeat(nobody, len(values) // len(nobody)), np.nan, values)


@dataclass(frozen=True, eq=False)
class _Variances(Influence):
    """Influence values of which the variances alone are known."""

    known: Floats | None = None

    def variance(self) -> Floats:
        """One per statistic."""
        assert self.known is not None
        return self.known


def picked(values: Floats, at: Ints) -> Floats:
    """Curves × groups × positions at some positions, in the order groups × curves × times."""
    return np.take_along_axis(np.moveaxis(values, 1, 0), at[:, None], axis=2).ravel()


def positions(found: Durations, times: Floats) -> Ints:
    """Position of each time, for every group: groups × times."""
    return np.tile(found.positions(times), (found.members.rows, 1))


def _unknown(found: Durations, risk: Risk, times: Floats, curves: int) -> NDArray[np.bool_]:
    """Without any event in the group, and after its last observation unless nobody was left then."""
    nothing = risk.hazard.max(axis=1) == 0
    over = times > found.until[:, None] * (1 + SAME)
    unknown = nothing[:, None] | (over & (risk.survival[:, -1:] > 0))
    return np.repeat(unknown[:, None], curves, axis=1).ravel()


def _lines(times: Floats, causes: pd.Series | None) -> pd.DataFrame:
    """The key columns: every time, for every cause."""
    import pyarrow

    texts = pyarrow.array(times).cast(pyarrow.string())  # "2" and "0.5", quickly however many there are
    column = pd.Series(pd.array(texts, dtype=TEXT))
    if causes is None:
        return pd.DataFrame({TIME: column})
    if causes.name == TIME:
        raise reference.problem("estimate.reserved", column=TIME)
    every = column.take(np.tile(np.arange(len(times)), len(causes)))
    return pd.DataFrame({str(causes.name): causes.repeat(len(times)).array, TIME: every.array})


def chosen(interval: str, allowed: Mapping[str, Interval]) -> Interval:
    """The interval of this name; Problem for another name."""
    if interval not in allowed:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(allowed))
    return allowed[interval]


def _share(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats, *, scale: str, start: float) -> Floats:
    """Interval of a share that began at ``start``: exact there, none at the other end, where no error is estimated."""
    inside = (estimate > 0) & (estimate < 1)
    p = np.where(inside, estimate, 0.5)
    half = critical(df) * se
    if scale == "log-log":
        bounds = p ** np.exp(np.stack([half, -half]) / (p * np.abs(np.log(p))))
    elif scale == "log":
        bounds = np.minimum(p * np.exp(np.stack([-half, half]) / p), 1.0)
    else:
        bounds = np.clip(np.stack([p - half, p + half]), 0.0, 1.0)
    return np.where(inside, bounds, np.where((estimate == start) | np.isinf(df), estimate, np.nan))


def _amount(estimate: Floats, se: Floats, df: Floats, n: Floats, psus: Floats, *, scale: str) -> Floats:
    """Interval of a number that is 0 or more."""
    half = critical(df) * se
    if scale == "plain":
        return np.maximum(np.stack([estimate - half, estimate + half]), 0.0)
    positive = np.where(estimate > 0, estimate, 1.0)
    bounds = positive * np.exp(np.stack([-half, half]) / positive)
    return np.where(estimate > 0, bounds, estimate)


SCALES = ("log-log", "log", "plain")
SURVIVAL: dict[str, Interval] = {scale: partial(_share, scale=scale, start=1.0) for scale in SCALES}
INCIDENCE: dict[str, Interval] = {scale: partial(_share, scale=scale, start=0.0) for scale in SCALES}
AMOUNTS: dict[str, Interval] = {scale: partial(_amount, scale=scale) for scale in ("log", "plain")}
