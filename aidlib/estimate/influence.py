"""From influence values to covariances: the one mechanism behind every standard error.

A statistic is, near its value, a sum of influence values z over the sample: for a mean z = w (y - mean) / sum(w). Its
variance is that of a sum of cluster totals t, per stratum (1 - f) m / (m - 1) * sum((t - mean(t))**2), plus the later
stages' share; covariances between statistics come from the same sums. Source: Binder (1983), Int. Stat. Rev. 51(3),
279-292; Särndal, Swensson & Wretman (1992), Model Assisted Survey Sampling, chapters 4-5.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats, Ints, Sampling, Stage, numbered

PAIRS = 20_000  # so many pairs of entries are multiplied one by one rather than by a sparse table
BLOCK = 500_000  # cells of the cluster × statistic table handled at once: small enough for the processor's cache


@dataclass(frozen=True, eq=False)
class Scores:
    """Influence values given one per pair of members: a sparse table of ``units`` sample rows × rows of ``members``."""

    members: Members
    data: Floats
    units: int

    @property
    def shape(self) -> tuple[int, int]:
        """Sample rows × statistics."""
        return self.units, self.members.rows

    def tocoo(self) -> Any:
        """The table as SciPy keeps it."""
        return entries(self.members.unit, self.members.row, self.data, self.shape)


@dataclass(frozen=True, eq=False)
class Influence:
    """Influence values of statistics.

    values: sample rows × components, ``Scores`` or sparse; with replicate weights replicates × components, scaled
    deviations.
    mix: components × statistics (sparse), or None where each component is a statistic.
    """

    sampling: Sampling
    values: Any
    mix: Any = None

    @property
    def size(self) -> int:
        """Number of statistics."""
        return int(self.values.shape[1] if self.mix is None else self.mix.shape[1])

    def mixed(self, mix: Any) -> Influence:
        """The linear combinations of these statistics whose coefficients are the columns of ``mix``."""
        matrix = sparse.csr_array(mix)
        return Influence(self.sampling, self.values, matrix if self.mix is None else self.mix @ matrix)

    def picked(self, order: Any) -> Influence:
        """The statistics at these positions, in this order."""
        return self.mixed(sparse.eye_array(self.size, format="csc")[:, order])

    def beside(self, others: Sequence[Influence]) -> Influence:
        """These statistics and those of ``others`` from the same sample, side by side."""
        parts = [self, *others]
        mixes = [sparse.eye_array(p.size) if p.mix is None else p.mix for p in parts]
        join = np.hstack if self.sampling.replicates is not None else sparse.hstack
        values = join([_plain(p.values) for p in parts])
        return Influence(self.sampling, values, sparse.block_diag(mixes, format="csr"))

    def scaled(self, factors: Floats) -> Influence:
        """Each statistic times its factor."""
        return self.mixed(sparse.diags_array(factors))

    def covariance(self) -> Floats:
        """Statistics × statistics."""
        return self._moments(full=True)

    def variance(self) -> Floats:
        """One per statistic."""
        return self._moments(full=False)

    def _moments(self, *, full: bool) -> Floats:
        size = self.size
        result = np.zeros((size, size) if full else size)
        if self.sampling.complete:
            return result
        if self.sampling.replicates is not None:
            deviations = self.values if self.mix is None else self.values @ self.mix
            return _add(result, np.asarray(deviations), full)
        for stage in self.sampling.stages:
            if self.mix is None and isinstance(self.values, Scores):
                result = result + _by_cells(self.values, stage, full)
            else:
                result = self._stage(stage, result, full)
        return result

    def _stage(self, stage: Stage, result: Floats, full: bool) -> Floats:
        sums = grouped(self.values, stage.cluster, len(stage.stratum))
        totals = grouped(sums, stage.stratum, len(stage.sizes))
        root = np.sqrt(stage.scale)
        step = max(1, BLOCK // max(self.size, 1))
        for start in range(0, len(stage.stratum), step):
            strata = stage.stratum[start : start + step]
            first, last = strata[0], strata[-1] + 1
            means = self._dense(totals[first:last]) * (stage.centred / stage.sizes)[first:last, None]
            block = (self._dense(sums[start : start + step]) - means[strata - first]) * root[strata][:, None]
            result = _add(result, block, full)
        return result

    def _dense(self, rows: Any) -> Floats:
        return np.asarray((rows if self.mix is None else rows @ self.mix).toarray())


def entries(unit: Ints, row: Ints, value: Floats, shape: tuple[int, int]) -> Any:
    """Influence values at (unit, row) as a sparse table."""
    return sparse.coo_array((value, (unit, row)), shape=shape)


def grouped(values: Any, group: Ints, size: int) -> Any:
    """Rows of a sparse table summed by group."""
    table = _plain(values).tocoo()
    at = (group[table.row], table.col)
    return sparse.coo_array((table.data, at), shape=(size, table.shape[1])).tocsr()


def _by_cells(scores: Scores, stage: Stage, full: bool) -> Floats:
    """One stage's share of the variances or, ``full``, covariances, from the totals of cluster × statistic.

    Of a stratum's m clusters k have a member in a domain, the others a total of 0: sum((t - mean)**2) is that over the
    k plus (m - k) mean**2. Between domains sum(t_a t_b) - m mean_a mean_b, where the first sum is 0 unless a cluster
    has members in both.
    """
    cells = scores.members.cells(stage.cluster)
    totals = cells.sum(scores.data)
    rows, strata = scores.members.rows, len(stage.sizes)
    stratum = stage.stratum[cells.group]
    at, blocks = numbered(stratum * rows + cells.row, strata * rows)
    block_stratum, block_row = blocks // rows, blocks % rows
    held = np.bincount(at, minlength=len(blocks))
    sums = np.bincount(at, weights=totals, minlength=len(blocks))
    means = sums * (stage.centred / stage.sizes)[block_stratum]
    within = np.bincount(at, weights=(totals - means[at]) ** 2, minlength=len(blocks))
    squares = within + (stage.sizes[block_stratum] - held) * means**2
    variance = np.bincount(block_row, weights=stage.scale[block_stratum] * squares, minlength=rows).astype(np.float64)
    if not full:
        return variance
    result = -_crossed(means, block_stratum, block_row, stage.scale * stage.sizes, rows)
    if not cells.single:
        result += _crossed(totals, cells.group, cells.row, stage.scale[stage.stratum], rows)
    np.fill_diagonal(result, variance)
    return result


def _crossed(values: Floats, line: Ints, column: Ints, factors: Floats, columns: int) -> Floats:
    """sum_i factors_i table_ia table_ib of a table given by its entries, sorted by line; dense where nearly full."""
    values = values * np.sqrt(factors)[line]
    shape = (len(factors), columns)
    if shape[0] * shape[1] <= 8 * len(values):
        dense = np.zeros(shape)
        dense[line, column] = values
        return np.asarray(dense.T @ dense)
    held = np.bincount(line, minlength=len(factors))
    if held @ held <= PAIRS:
        return _crossed_by_pairs(values, line, column, held, columns)
    table = sparse.csr_array((values, (line, column)), shape=shape)
    return np.asarray((table.T.tocsr() @ table).toarray())


def _crossed_by_pairs(values: Floats, line: Ints, column: Ints, held: Ints, columns: int) -> Floats:
    """The same from every pair of entries that stand in one line: sooner than tables where there are few."""
    partners = held[line]
    one = np.repeat(np.arange(len(line)), partners)
    starts = (np.cumsum(held) - held)[line] - (np.cumsum(partners) - partners)
    other = np.arange(len(one)) + starts[one]
    cell = column[one] * columns + column[other]
    sums = np.bincount(cell, weights=values[one] * values[other], minlength=columns**2).astype(np.float64, copy=False)
    return sums.reshape(columns, columns)


def _plain(values: Any) -> Any:
    return values.tocoo() if isinstance(values, Scores) else values


def _add(result: Floats, deviations: Floats, full: bool) -> Floats:
    if full:
        return result + deviations.T @ deviations
    return result + np.einsum("ij,ij->j", deviations, deviations)
