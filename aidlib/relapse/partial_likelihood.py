"""Cox's partial likelihood of weighted start-stop rows with Efron's or Breslow's ties, and all that follows from it.

With r = w exp(x b), and at each event time k of a stratum the sums S0, S1 of r, r x over the rows at risk and E0, E1
over its d events of weight D, Efron's log likelihood is

    sum_events w x b - sum_k D/d sum_{l<d} log f_kl,      f_kl = S0 - l/d E0       (Breslow: l = 0 throughout).

A handful of numbers a time (``Point``) carries everything else. The score is X'm with m the weighted martingale
residuals, and second moments over risk sets add up to one product X'hX, so that no step visits times one by one.
Sources: Efron (1977), J. Am. Stat. Assoc. 72(359), 557-565; Binder (1992), Biometrika 79(1), 139-147; Therneau &
Grambsch (2000), Modeling Survival Data, chapters 3, 4 and 7.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib.estimate.sampling import Floats, Ints
from aidlib.relapse.risk_sets import Grouped, RiskSets

BLOCK = 16_384  # so many rows of X are multiplied at once
STEPS = 40
HALVINGS = 20
CONVERGED = 1e-10  # largest change of a coefficient, in standard deviations of its term
DRIFTING = 1e-3  # what a coefficient still moves after all steps, if it runs to infinity
LEADING = 0.5  # of the largest coefficient: those that run to infinity with it, where the information is used up
LARGEST = 500.0  # linear predictor that exp() still bears


class Divergence(Exception):
    """The likelihood has no maximum: the terms (positions) whose coefficients run to infinity."""

    def __init__(self, terms: Ints) -> None:
        super().__init__(f"terms {terms.tolist()}")
        self.terms = terms


@dataclass(frozen=True, eq=False)
class Likelihood:
    """The log partial likelihood of the rows of ``sets``: x n × p (best centred), weight n > 0."""

    sets: RiskSets
    x: Floats
    weight: Floats
    tied: Ties

    @classmethod
    def of(cls, sets: RiskSets, x: Floats, weight: Floats, *, efron: bool) -> Likelihood:
        """x and weight: in the order of ``sets``."""
        return cls(sets, x, weight, Ties.of(sets, weight, efron=efron))

    def beside(self, x: Floats) -> Likelihood:
        """The likelihood with more columns."""
        return Likelihood(self.sets, np.concatenate([self.x, x], axis=1), self.weight, self.tied)

    def at(self, beta: Floats) -> Point:
        """Everything at these coefficients."""
        linear = self.x @ beta
        risk = self.weight * np.exp(np.minimum(linear, LARGEST))
        s0 = self.sets.at_risk(risk, np.ones(len(risk)))
        value = self.tied.value(s0, risk, self.weight, linear)
        return Point(self, beta, value, risk, *self.tied.moments(s0, risk))

    def maximise(self, start: Floats | None = None) -> Point:
        """The point of the largest likelihood, by Newton's method with halved steps; Divergence where there is none."""
        with np.errstate(all="ignore"):  # a coefficient on its way to infinity
            point = self.at(np.zeros(self.x.shape[1]) if start is None else start)
            step = point.newton()
            for _ in range(STEPS):
                if not np.isfinite(step).all():
                    break
                point = self._uphill(point, step)
                step = point.newton()
                if np.abs(step).max(initial=0) < CONVERGED:
                    return point
        far = np.where(
            np.isfinite(step).all(), np.abs(step) >= DRIFTING, np.abs(point.beta) >= LEADING * np.abs(point.beta).max()
        )
        if far.any():
            raise Divergence(np.flatnonzero(far))
        return point  # the last digits do not settle where weights differ by many orders of magnitude

    def _uphill(self, point: Point, step: Floats) -> Point:
        slack = 1e-12 * abs(point.value)
        for _ in range(HALVINGS):
            found = self.at(point.beta + step)
            if found.value >= point.value - slack:
                return found
            step = step / 2
        return point


@dataclass(frozen=True, eq=False)
class Ties:
    """Events by time: their rows, weights D and numbers d, and for Efron's ties the share l/d of each event."""

    rows: Ints
    at: Grouped
    weight: Floats
    number: Floats
    share: Floats | None
    time: Ints

    @classmethod
    def of(cls, sets: RiskSets, weight: Floats, *, efron: bool) -> Ties:
        rows = np.flatnonzero(sets.event >= 0)
        times = len(sets.times)
        at = Grouped.of(sets.event, times)
        number = np.diff(at.bounds).astype(np.float64)
        time = np.repeat(np.arange(times), np.diff(at.bounds))
        share = (np.arange(len(time)) - at.bounds[time]) / number[time] if efron and (number > 1).any() else None
        return cls(rows, at, at.sum(weight, np.ones(len(weight))), number, share, time)

    def value(self, s0: Floats, risk: Floats, weight: Floats, linear: Floats) -> float:
        own = weight[self.rows] @ linear[self.rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            logs = np.log(self._below(s0, risk))
        found = float(own - (self.weight / self.number)[self.time] @ logs)
        return found if np.isfinite(found) and np.abs(linear).max(initial=0) < LARGEST else -np.inf

    def moments(self, s0: Floats, risk: Floats) -> tuple[Floats, ...]:
        """a, b, c0, c1, c2: per time D/d times the sums over l of 1/f, s/f, 1/f², s/f², s²/f², s = l/d."""
        if self.share is None:
            with np.errstate(divide="ignore", invalid="ignore"):
                a = self.weight / s0
                return a, np.zeros_like(a), a / s0, np.zeros_like(a), np.zeros_like(a)
        with np.errstate(divide="ignore", invalid="ignore"):
            inverse = 1 / self._below(s0, risk)
        part = self.share * inverse
        mean = self.weight / self.number
        pairs = (inverse, part, inverse**2, inverse * part, part**2)
        return tuple(mean * np.add.reduceat(v, self.at.bounds[:-1]) if len(v) else mean for v in pairs)

    def _below(self, s0: Floats, risk: Floats) -> Floats:
        if self.share is None:
            return s0[self.time]
        return s0[self.time] - self.share * self.at.sum(risk, np.ones(len(risk)))[self.time]


@dataclass(frozen=True, eq=False)
class Point:
    """The likelihood at ``beta``: its value, the risk w exp(xb) of each row, and a … c2 of each time (``Ties``).

    ``factor`` (one number a time, None: 1) multiplies what a time adds: the score and information of a term that is
    multiplied by a function of time, without a row for each time.
    """

    likelihood: Likelihood
    beta: Floats
    value: float
    risk: Floats
    a: Floats
    b: Floats
    c0: Floats
    c1: Floats
    c2: Floats

    def martingale(self, factor: Floats | None = None) -> Floats:
        """Weighted martingale residuals: w for an event, less the row's expected events."""
        sets, ties = self.likelihood.sets, self.likelihood.tied
        found = -self.risk * self._exposure(factor)
        times = sets.event[ties.rows]
        found[ties.rows] += self.likelihood.weight[ties.rows] * (1.0 if factor is None else factor[times])
        return found

    def score(self, factor: Floats | None = None) -> Floats:
        """First derivative, p."""
        return np.asarray(self.likelihood.x.T @ self.martingale(factor))

    def information(self, factor: Floats | None = None) -> Floats:
        """Minus the second derivative, p × p."""
        x = self.likelihood.x
        found = -self._spread(factor)
        h = self.risk * self._exposure(factor)
        for start in range(0, len(x), BLOCK):
            block = x[start : start + BLOCK]
            found += (block * h[start : start + BLOCK, None]).T @ block
        return (found + found.T) / 2

    def newton(self) -> Floats:
        """information⁻¹ score; not finite where the information has no inverse."""
        try:
            return np.asarray(np.linalg.solve(self.information(), self.score()), dtype=np.float64)
        except np.linalg.LinAlgError:
            return np.full(len(self.beta), np.nan)

    def residuals(self, factor: Floats | None = None) -> Floats:
        """Weighted score residuals, n × p: what each row adds to the score once the risk sets' means are taken out.

        Their sum is the score. Efron's ties exactly as R's residuals(type = "score").
        """
        x, weight = self.likelihood.x, self.likelihood.weight
        sets, ties = self.likelihood.sets, self.likelihood.tied
        s1, e1 = self.sums
        g = 1.0 if factor is None else factor[:, None]
        found = sets.during(g * (self.c0[:, None] * s1 - self.c1[:, None] * e1))
        rows = ties.rows
        times = sets.event[rows]
        found[rows] -= (g * (self.c1[:, None] * s1 - self.c2[:, None] * e1))[times]
        found -= x * self._exposure(factor)[:, None]
        found *= self.risk[:, None]
        mean = (self.a[:, None] * s1 - self.b[:, None] * e1) / ties.weight[:, None]
        own = x[rows] - mean[times]
        found[rows] += own * (weight[rows] * (1.0 if factor is None else factor[times]))[:, None]
        return found

    @property
    def sums(self) -> tuple[Floats, Floats]:
        """S1 and E1, K × p."""
        x, sets, ties = self.likelihood.x, self.likelihood.sets, self.likelihood.tied
        s1 = sets.at_risk(self.risk, x)
        return s1, ties.at.sum(self.risk, x) if ties.share is not None else np.zeros_like(s1)

    def _exposure(self, factor: Floats | None) -> Floats:
        """Each row's share in the hazard per unit of risk: sum over its times of a, less b at its own event."""
        sets, ties = self.likelihood.sets, self.likelihood.tied
        found = sets.during(self.a if factor is None else factor * self.a)
        if ties.share is not None:
            times = sets.event[ties.rows]
            found[ties.rows] -= (self.b if factor is None else factor * self.b)[times]
        return found

    def _spread(self, factor: Floats | None) -> Floats:
        """Sum over times and ties of D/d times the mean's outer product with itself."""
        s1, e1 = self.sums
        g = 1.0 if factor is None else factor
        found = (s1.T * (g * self.c0)) @ s1
        if self.likelihood.tied.share is not None:
            crossed = (s1.T * (g * self.c1)) @ e1
            found += (e1.T * (g * self.c2)) @ e1 - crossed - crossed.T
        return np.asarray(found)
