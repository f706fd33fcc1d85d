"""What every estimator starts from and ends in: a sample with design and domains resolved, and its Estimates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.auxiliary import Projection, projections
from aidlib.estimate.design import Design
from aidlib.estimate.domains import Domains, Members, Texts, domains, texts
from aidlib.estimate.estimates import COLUMNS, COVARIANCE_ROWS, Estimates
from aidlib.estimate.influence import Influence, Scores, entries
from aidlib.estimate.intervals import Interval, wald
from aidlib.estimate.population import digest
from aidlib.estimate.sampling import Floats, Ints, Sampling, finite, resolve

FLAGS = texts(["", "care", "empty"])
BASES = ("R", "F", "M", "X")
IDENTITY = ("household_id", "person_id", "year")  # tell units apart where a sample has them, else its index does


@dataclass(frozen=True)
class Claim:
    """The smallest n, clusters and degrees of freedom for which an estimator vouches for its interval.

    Below, a row is flagged "care". The defaults are what the coverage simulation of the tests holds to.
    """

    n: int = 30
    psus: int = 12
    df: int = 8


@dataclass(frozen=True, eq=False)
class Found:
    """What an estimator found: one number per result row, its influence, the members it comes from.

    bounds: 2 × rows where the interval is the estimator's own, else None.
    """

    members: Members
    estimate: Floats
    influence: Influence
    bounds: Floats | None = None


@dataclass(frozen=True, eq=False)
class Study:
    """A sample with its design and its domains resolved."""

    sample: pd.DataFrame
    sampling: Sampling
    domains: Domains
    df: str
    base: str
    projections: tuple[Projection, ...] = ()

    @classmethod
    def of(
        cls,
        sample: pd.DataFrame,
        design: Design | None,
        *,
        by: str | Sequence[str] | None = None,
        margins: bool = False,
        df: str = "design",
        base: str | None = None,
    ) -> Study:
        """Design columns checked, domains coded. df: "design" (clusters - strata of the whole sample) or "domain"."""
        if df not in ("design", "domain"):
            raise reference.problem("estimate.option", option="df", allowed="design, domain")
        if base is not None and base not in BASES:
            raise reference.problem("estimate.option", option="base", allowed=", ".join(BASES))
        complete = design is not None and design.complete
        base = base or ("R" if complete else "M")
        steps = design.calibration if design is not None and design.replicates is None else ()
        sampling = resolve(sample, design)
        calibrated = projections(sample, steps, design.weight) if design is not None and steps else ()
        return cls(sample, sampling, domains(sample, by, margins), df, base, calibrated)

    def column(self, name: str) -> Floats:
        """A column as float64, missing where it is; flags as 0 and 1.

        Raises Problem for a column that is not there or there twice, holds text or dates, or holds an infinite number.
        """
        return finite(self.sample, name)

    def flag(self, name: str) -> Floats:
        """A column of 0 and 1, missing where it is; Problem for other numbers, and as ``column``."""
        values = self.column(name)
        other = np.isfinite(values) & (values != 0) & (values != 1)
        if other.any():
            raise reference.problem("estimate.not_binary", column=name, rows=int(other.sum()))
        return values

    def members(self, *values: Floats) -> Members:
        """Members of the domains with a value in all of these columns."""
        known = [np.isfinite(v) for v in values]
        return self.domains.members.where(np.logical_and.reduce(known)) if known else self.domains.members

    def mean(self, members: Members, numerator: Floats, denominator: Floats | None = None) -> Found:
        """sum(w y) / sum(w x) by row; ``numerator`` and ``denominator`` (None: 1) one value per pair of ``members``."""
        weight = members.at(self.sampling.weight)
        below = members.sum(weight if denominator is None else weight * denominator)
        with np.errstate(divide="ignore", invalid="ignore"):
            estimate = members.sum(weight * numerator) / below
            estimate[~np.isfinite(estimate)] = np.nan
            if self.sampling.replicates is not None:
                x = np.ones(len(members.unit)) if denominator is None else denominator
                thetas = self._replicated(members, numerator) / self._replicated(members, x)
                return Found(members, estimate, self.deviations(estimate, thetas))
            share = np.where(np.isnan(estimate), 0.0, 1 / below)
        scores = np.nan_to_num(estimate)[members.row]
        if denominator is not None:
            scores *= denominator
        np.subtract(numerator, scores, out=scores)
        scores *= weight
        scores *= share[members.row]
        if np.isnan(estimate).any():
            scores = np.nan_to_num(scores, posinf=0, neginf=0)
        return Found(members, estimate, self.influence(members, scores))

    def total(self, members: Members, numerator: Floats) -> Found:
        """sum(w y) by row; one value per pair of ``members``."""
        scores = members.at(self.sampling.weight) * numerator
        estimate = members.sum(scores)
        if self.sampling.replicates is not None:
            return Found(members, estimate, self.deviations(estimate, self._replicated(members, numerator)))
        return Found(members, estimate, self.influence(members, scores))

    def influence(self, members: Members, scores: Floats) -> Influence:
        """Influence values given one per pair; with replicate weights the replicates of the linearised statistic."""
        if self.sampling.replicates is None and not self.projections:
            return Influence(self.sampling, Scores(members, scores, len(self.sample)))
        if self.sampling.replicates is None:
            values, mix = Scores(members, scores, len(self.sample)).tocoo(), None
            for projection in self.projections:
                values, mix = projection.residual(values, mix)
            return Influence(self.sampling, values, mix)
        weight = self.sampling.weight[members.unit]
        per_unit = np.divide(scores, weight, out=np.zeros_like(scores), where=weight > 0)
        return self.deviations(members.sum(scores), self._replicated(members, per_unit))

    def _replicated(self, members: Members, values: Floats) -> Floats:
        """Totals with each replicate's weights: rows × replicates."""
        table = entries(members.unit, members.row, values, (len(self.sample), members.rows))
        return np.asarray(table.T.tocsr() @ self.sampling.replicates)

    def deviations(self, estimate: Floats, thetas: Floats) -> Influence:
        """Scaled deviations of the replicates; a replicate without a value (an empty domain) adds nothing."""
        spread = self.sampling.spread
        assert spread is not None  # only called with replicate weights
        counted = np.where(np.isfinite(thetas) & (spread > 0), thetas, np.nan)
        present = np.isfinite(counted).any(axis=1)
        centre = estimate.copy()
        if not self.sampling.mse:
            centre[present] = np.nanmean(counted[present], axis=1)
        deviations = np.nan_to_num((counted - centre[:, None]) * np.sqrt(spread))
        return Influence(self.sampling, deviations.T)

    def estimates(
        self,
        found: Found,
        *,
        measure: str,
        unit: str,
        method: str,
        keys: pd.DataFrame | None = None,
        interval: Interval = wald,
        n: Floats | None = None,
        count: Floats | None = None,
        largest: Floats | None = None,
        additive: bool = False,
        claim: Claim | None = None,
    ) -> Estimates:
        """Estimates of what was found: result rows = domains × the lines of ``keys`` (None: one).

        n: units with a value by row (None: the members); count: units that carry the numerator; largest: 2 × rows,
        dominance. ``interval`` is used where the estimator has no bounds of its own.
        """
        self._check_names(() if keys is None else tuple(keys.columns))
        members, lines = found.members, 1 if keys is None else len(keys)
        covariance = found.influence.covariance() if members.rows <= COVARIANCE_ROWS else None
        variance = found.influence.variance() if covariance is None else np.diagonal(covariance)
        n, psus = members.sum() if n is None else n, members.distinct(self.sampling.psu)
        estimate = self._totals(found, n, lines) if additive else np.where(n > 0, found.estimate, np.nan)
        se = np.where(np.isnan(estimate), np.nan, np.sqrt(np.maximum(variance, 0)))
        df = self.degrees(members)
        low, high = interval(estimate, se, df, n, psus) if found.bounds is None else found.bounds
        flag = self._flags(estimate, n, psus, df, claim or Claim())
        top1, top2 = np.full((2, members.rows), np.nan) if largest is None else largest
        numbers = {"estimate": estimate, "se": se, "low": low, "high": high, "n": n, "df": df}
        numbers |= {"count": np.full(members.rows, np.nan) if count is None else count}
        numbers |= {"psus": psus, "top1": top1, "top2": top2}
        columns = {"measure": texts([measure] * members.rows), **numbers, "flag": FLAGS.take(flag)}
        rows = pd.DataFrame(_cross(self.domains.columns, keys) | {c: columns[c] for c in COLUMNS})
        return Estimates(
            rows=rows,
            domains=self.domains.names,
            keys=() if keys is None else tuple(keys.columns),
            unit=unit,
            method=method if not self.sampling.complete else "register_count",
            population=self.population(members),
            base=self.base,
            additive=additive,
            margins=_spread_margins(self.domains.margins, lines),
            covariance=covariance,
            _influence=found.influence,
        )

    def population(self, members: Members) -> str:
        """Keyed digest of the set of units that stand in any row: equal sets, equal digests."""
        inside = None
        if not members.whole:
            inside = np.zeros(len(self.sample), dtype=bool)
            inside[members.unit] = True
        columns: list[pd.Series | pd.Index] = [self.sample[c] for c in IDENTITY if c in self.sample]
        return digest(columns or [self.sample.index], inside)

    def degrees(self, members: Members) -> Floats:
        """Degrees of freedom by row: of the whole design, or of the clusters and strata with a member."""
        if self.df == "design" or self.sampling.complete:
            return np.full(members.rows, self.sampling.df)
        heavy = members.where(self.sampling.weight > 0)
        return heavy.distinct(self.sampling.psu) - heavy.distinct(self.sampling.stratum)

    def _check_names(self, keys: tuple[str, ...]) -> None:
        """Domain and key columns stand beside the fixed ones, so they need names of their own."""
        names = [*self.domains.names, *keys]
        taken = [name for i, name in enumerate(names) if name in COLUMNS or name in names[:i]]
        if taken:
            raise reference.problem("estimate.reserved", column=taken[0])

    def _totals(self, found: Found, n: Floats, lines: int) -> Floats:
        """Missing without a value that has a weight, but in a complete count 0 where a domain has no unit at all."""
        nobody = np.repeat(self.domains.members.sum() == 0, lines)
        heavy = found.members.sum(found.members.at(self.sampling.weight)) > 0
        return np.where(((n > 0) & heavy) | (nobody & self.sampling.complete), found.estimate, np.nan)

    def _flags(self, estimate: Floats, n: Floats, psus: Floats, df: Floats, claim: Claim) -> Ints:
        """Places in ``FLAGS``."""
        weak = (n < claim.n) | (psus < claim.psus) | ~(df >= claim.df)
        return np.where(np.isnan(estimate), 2, weak & (not self.sampling.complete))


def _cross(domains: Mapping[str, Texts], keys: pd.DataFrame | None) -> dict[str, Any]:
    """The columns of every domain's line with every line of ``keys``."""
    if keys is None:
        return dict(domains)
    lines = len(next(iter(domains.values())))
    left = {name: values.repeat(len(keys)) for name, values in domains.items()}
    return left | {str(name): keys[name].array.take(np.tile(np.arange(len(keys)), lines)) for name in keys}


def _spread_margins(
    margins: tuple[tuple[int, tuple[int, ...]], ...], lines: int
) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """Margins of domain lines as margins of result rows, one for each key line."""
    return tuple(
        (total * lines + line, tuple(part * lines + line for part in parts))
        for total, parts in margins
        for line in range(lines)
    )
