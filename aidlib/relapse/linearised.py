"""Curves of durations as estimates of a complex sample: from what each row adds at its end to design-based errors.

The influence of a row with weight w on an estimated hazard, on the logarithm of a product limit and on the parts of an
incidence is a sum over event times k up to t of w c_k (dN_k - Y_k dL_k), with dN the row's event, Y whether it is at
risk, dL the hazard of its group: c_k at its own event less C(end) - C(entry), with C the running sum of c dL. The sum
of a cluster at time t is therefore

    gained(t) - C(t) * staying(t),

gained: w (c at the event - C(end)) of the rows that have left by t, plus w C(entry) of those that entered late and by
t; staying: the weight at risk just after t. Both change only where a row of the cluster enters or leaves, so that no
table of rows × times is needed. Sources: Binder (1983), Int. Stat. Rev. 51(3), 279-292; Williams (1995), Lifetime Data
Anal. 1, 171-186; Therneau & Grambsch (2000), Modeling Survival Data, section 8.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from aidlib.estimate.domains import Members
from aidlib.estimate.estimates import COVARIANCE_ROWS
from aidlib.estimate.influence import BLOCK, Influence, Scores, grouped
from aidlib.estimate.sampling import Floats, Ints, Stage, numbered
from aidlib.estimate.study import Study
from aidlib.relapse.durations import Durations


@dataclass(frozen=True, eq=False)
class Curves:
    """Curves at every position of the event times, and how they follow from sums over event times.

    estimate: curves × groups × positions. The influence on curve q is sum_m slopes[q][m] times that on sum m.
    gain: sums × (causes + 1) × groups × positions, what a row of weight 1 adds that leaves there (kind 0: censored),
    c - C; drift: sums × groups × positions, C.
    """

    estimate: Floats
    gain: Floats
    drift: Floats
    slopes: tuple[dict[int, Floats], ...]

    def own(self, curve: int) -> tuple[list[int], list[Floats]]:
        """The sums that a curve needs, and the factors of these and, last, of the weight staying."""
        found = self.slopes[curve]
        staying = -sum(slope * self.drift[m] for m, slope in found.items())
        return list(found), [*found.values(), np.asarray(staying)]


@dataclass(frozen=True, eq=False)
class Repeated(Members):
    """Members of groups, each of which stands in ``lines`` result rows with the same members."""

    lines: int = 1

    @classmethod
    def of(cls, members: Members, lines: int) -> Repeated:
        """Each row of ``members`` as so many rows."""
        return cls(members.unit, members.row, members.rows * lines, members.whole, lines)

    @cached_property
    def _groups(self) -> Members:
        return Members(self.unit, self.row, self.rows // self.lines, self.whole)

    def where(self, known: NDArray[np.bool_]) -> Members:
        """Only the units that are ``known``."""
        return Repeated.of(self._groups.where(known), self.lines)

    def sum(self, values: NDArray[Any] | None = None) -> Floats:
        """Sum of values (one per pair; None: 1) by row."""
        return np.repeat(self._groups.sum(values), self.lines)

    def distinct(self, group: Ints) -> Floats:
        """Number of distinct groups (a code per unit) with a member, by row."""
        return np.repeat(self._groups.distinct(group), self.lines)


@dataclass(frozen=True, eq=False)
class Changes(Scores):
    """What rows add to the states of their group where they leave or enter late: a table of rows × (state, bin).

    members: the pairs (row, group). data: states × changes, the gains of the sums and, last, the weight that leaves
    (negative: that enters). pair: the pair of each change; place: group * bins + bin, where bin b holds the positions
    after the evaluated time b - 1 and up to the time b, the last bin those after all times.
    """

    pair: Ints | None
    place: Ints
    bins: int

    @property
    def shape(self) -> tuple[int, int]:
        """Sample rows × (group, state, bin)."""
        return self.units, self.members.rows * len(self.data) * self.bins

    def tocoo(self) -> Any:
        """The table as SciPy keeps it."""
        unit = self.members.unit if self.pair is None else self.members.unit[self.pair]
        line = np.tile(unit, len(self.data))
        return sparse.coo_array((self.data.ravel(), (line, self._columns(self.place))), shape=self.shape)

    def by(self, group: Ints, size: int) -> Any:
        """Its rows summed by a grouping of the sample's rows; dense where it is small."""
        cells = self.members.rows * self.bins
        code = self.members.at(group) if self.pair is None else group[self.members.unit[self.pair]]
        key = code * cells + self.place
        if size * cells <= BLOCK:
            table = [np.bincount(key, weights=values, minlength=size * cells) for values in self.data]
            return np.stack([sums.reshape(size, -1, self.bins) for sums in table], axis=2).reshape(size, -1)
        of, keys = numbered(key, size * cells)
        sums = np.concatenate([np.bincount(of, weights=values, minlength=len(keys)) for values in self.data])
        at = (np.tile(keys // cells, len(self.data)), self._columns(keys % cells))
        return sparse.coo_array((sums, at), shape=(size, self.shape[1])).tocsr()

    def _columns(self, place: Ints) -> Ints:
        states = len(self.data)
        first = place if self.members.rows == 1 else place // self.bins * (states * self.bins) + place % self.bins
        return np.concatenate([first + state * self.bins for state in range(states)])


@dataclass(frozen=True, eq=False)
class Linearised(Influence):
    """Influence values of curves at some positions, kept as ``Changes``. at: groups × times, positions in order."""

    curves: Curves | None = None
    at: Ints | None = None

    def _stage(self, stage: Stage, result: Floats, full: bool) -> Floats:
        sums = self.values.by(stage.cluster, len(stage.stratum))
        totals = _by_stratum(sums, stage)
        root = np.sqrt(stage.scale)
        step = max(1, BLOCK // max(self.size, sums.shape[1]))
        for start in range(0, len(stage.stratum), step):
            strata = stage.stratum[start : start + step]
            first, last = strata[0], strata[-1] + 1
            means = self._dense(totals[first:last]) * (stage.centred / stage.sizes)[first:last, None]
            block = (self._dense(sums[start : start + step]) - means[strata - first]) * root[strata][:, None]
            result = result + (block.T @ block if full else np.einsum("ij,ij->j", block, block))
        return result

    def _dense(self, rows: Any) -> Floats:
        """Totals of clusters, clusters × statistics, from their states, without the table of ``mix``."""
        assert self.curves is not None and self.at is not None
        groups, times = self.at.shape
        states = len(self.values.data)
        table = rows.toarray() if sparse.issparse(rows) else rows
        bins = table.reshape(rows.shape[0], groups, states, self.values.bins)
        gained = np.cumsum(bins[:, :, :-1, :-1], axis=3)
        staying = np.cumsum(bins[:, :, -1, :0:-1], axis=2)[:, :, ::-1]
        out = np.empty((len(bins), groups, len(self.curves.slopes), times))
        for curve in range(len(self.curves.slopes)):
            sums, factors = self.curves.own(curve)
            *slopes, drift = (np.take_along_axis(factor, self.at, axis=1) for factor in factors)
            out[:, :, curve] = drift * staying + sum(s * gained[:, :, m] for m, s in zip(sums, slopes, strict=True))
        return out.reshape(len(bins), -1)


def _by_stratum(sums: Any, stage: Stage) -> Any:
    """Totals of clusters summed by stratum, of which the clusters follow one another."""
    if sparse.issparse(sums):
        return grouped(sums, stage.stratum, len(stage.sizes))
    return np.add.reduceat(sums, np.searchsorted(stage.stratum, np.arange(len(stage.sizes))), axis=0)


def linearised(study: Study, found: Durations, curves: Curves, at: Ints) -> Influence:
    """Influence values of the curves at the positions ``at`` (groups × times), in the order groups × curves × times."""
    changes, mix = _changes(study, found, curves, at), _mix(curves, at)
    if not study.projections:
        return Linearised(study.sampling, changes, mix, curves, at)
    values = changes.tocoo()
    for projection in study.projections:
        values, mix = projection.residual(values, mix)
    return Influence(study.sampling, values, mix)


def _all_changes(found: Durations, curves: Curves, weight: Floats) -> tuple[Ints | None, Ints, Floats]:
    """Pair, cell (group, position) and what it adds to the states of every change: leaving and, late, entering."""
    cell = found.cells(found.left)
    size = found.members.rows * found.shape[1]
    table = curves.gain.reshape(len(curves.gain), -1)
    gains = np.concatenate([table[:, found.kind * size + cell], np.ones((1, len(cell)))]) * weight
    late = None if found.entered is None else np.flatnonzero(found.entered)
    if late is None or found.entered is None:
        return None, cell, gains
    entry = found.cells(found.entered)[late]
    drift = curves.drift.reshape(len(curves.drift), -1)[:, entry]
    entering = np.concatenate([drift, -np.ones((1, len(late)))]) * weight[late]
    pair = np.concatenate([np.arange(len(cell)), late])
    return pair, np.concatenate([cell, entry]), np.concatenate([gains, entering], axis=1)


def _changes(study: Study, found: Durations, curves: Curves, at: Ints) -> Changes:
    members = found.members
    pair, cell, gains = _all_changes(found, curves, members.at(study.sampling.weight))
    place = (_bins(at, found.shape[1]) + np.arange(len(at))[:, None] * (at.shape[1] + 1)).ravel()[cell]
    return Changes(members, gains, len(study.sample), pair, place, at.shape[1] + 1)


def _bins(at: Ints, positions: int) -> Ints:
    """For each group and position the number of evaluated positions before it."""
    groups = np.arange(len(at))[:, None]
    size = positions + 1
    after = np.bincount((at + 1 + groups * size).ravel(), minlength=len(at) * size).reshape(len(at), size)
    return np.cumsum(after, axis=1)[:, :positions]


def _mix(curves: Curves, at: Ints) -> Any:
    """(group, state, bin) × (group, curve, time): gains count up to a time, the weight staying from the next bin on."""
    groups, times = at.shape
    upto = sparse.csr_array(np.triu(np.ones((times + 1, times))))
    after = sparse.csr_array(np.tril(np.ones((times + 1, times)), -1))
    states = len(curves.gain) + 1
    blocks = []
    for group in range(groups):
        table: list[list[Any]] = [[None] * len(curves.slopes) for _ in range(states)]
        for curve in range(len(curves.slopes)):
            sums, factors = curves.own(curve)
            own = [sparse.diags_array(factor[group, at[group]]) for factor in factors]
            for state, scale in zip(sums, own, strict=False):
                table[state][curve] = upto @ scale
            table[-1][curve] = after @ own[-1]
        blocks.append(sparse.block_array(table))
    return sparse.block_diag(blocks, format="csr")


def variances(study: Study, found: Durations, curves: Curves, at: Ints) -> Floats:
    """The variances alone, for more positions than a table of clusters × statistics could hold."""
    if study.sampling.complete:
        return np.zeros(len(curves.slopes) * at.size)
    if study.projections:
        return _in_parts(study, found, curves, at)
    changes = _Sorted.of(*_all_changes(found, curves, found.members.at(study.sampling.weight)), found)
    total = np.zeros(curves.estimate.shape)
    for stage in study.sampling.stages:
        cluster = found.members.at(stage.cluster)
        total += changes.squares(curves, cluster, stage.scale[stage.stratum])
        if stage.centred.any():
            mean = stage.scale * stage.centred / stage.sizes
            total -= changes.squares(curves, stage.stratum[cluster], mean)
    order = np.take_along_axis(np.moveaxis(total, 1, 0), at[:, None], axis=2)
    return order.ravel()


def _in_parts(study: Study, found: Durations, curves: Curves, at: Ints) -> Floats:
    """Variances with the share of a calibration taken out, for some of the times after another."""
    step = max(1, COVARIANCE_ROWS // (len(at) * len(curves.slopes)))
    shape = (len(at), len(curves.slopes), -1)
    parts = [at[:, start : start + step] for start in range(0, at.shape[1], step)]
    return np.concatenate(
        [linearised(study, found, curves, part).variance().reshape(shape) for part in parts], axis=2
    ).ravel()


@dataclass(frozen=True, eq=False)
class _Sorted:
    """Changes in the order of their cells: pair, cell (group, position), and states × changes."""

    pair: Ints
    cell: Ints
    data: Floats
    shape: tuple[int, int]

    @classmethod
    def of(cls, pair: Ints | None, cell: Ints, data: Floats, found: Durations) -> _Sorted:
        order = np.argsort(cell, kind="stable")
        return cls(order if pair is None else pair[order], cell[order], data[:, order], found.shape)

    def squares(self, curves: Curves, cluster: Ints, factor: Floats) -> Floats:
        """Sum over clusters of factor × (total of the cluster)², curves × groups × positions.

        A product of two states changes, at the position of a change, by the product after it less the one before.
        """
        code = cluster[self.pair]
        order = np.argsort(code.astype(np.uint16) if len(factor) <= 1 << 16 else code, kind="stable")
        code, cell, data = code[order], self.cell[order], self.data[:, order]
        after = _running(data, code, cell // self.shape[1])
        before = after - data
        after[-1], before[-1] = -after[-1], -before[-1]
        weight, size = factor[code], self.shape[0] * self.shape[1]
        sums: dict[tuple[int, int], Floats] = {}
        for i, j in combinations_with_replacement(range(len(data)), 2):
            change = weight * (after[i] * after[j] - before[i] * before[j])
            by_cell: Floats = np.bincount(cell, weights=change, minlength=size).reshape(self.shape).astype(np.float64)
            both_stay = i == j == len(data) - 1
            sums[i, j] = _later(-by_cell) if both_stay else np.cumsum(by_cell, axis=1)
        return np.stack([_quadratic(sums, *curves.own(curve)) for curve in range(len(curves.slopes))])


def _running(data: Floats, code: Ints, group: Ints) -> Floats:
    """Running sums within each cluster and group; of the last state, what is yet to come, negative."""
    first = np.flatnonzero(np.concatenate([[True], (code[1:] != code[:-1]) | (group[1:] != group[:-1])]))
    sizes = np.diff(np.append(first, len(code)))
    running = np.cumsum(data, axis=1)
    base = running[:, first] - data[:, first]
    base[-1] = running[-1, first + sizes - 1]
    return running - np.repeat(base, sizes, axis=1)


def _later(by_cell: Floats) -> Floats:
    """Sums over the positions after each."""
    return np.cumsum(by_cell[:, ::-1], axis=1)[:, ::-1] - by_cell


def _quadratic(sums: dict[tuple[int, int], Floats], own: list[int], factors: list[Floats]) -> Floats:
    """Sum of products of states times their factors: the square of a curve's total."""
    states = [*own, max(j for _, j in sums)]
    total = np.zeros_like(next(iter(sums.values())))
    for (a, i), (b, j) in combinations_with_replacement(enumerate(states), 2):
        total += (1 if i == j else 2) * factors[a] * factors[b] * sums[min(i, j), max(i, j)]
    return total
