"""Which further numbers must be withheld so that the withheld ones cannot be computed from the rest.

For each unknown to protect, in order of need, a linear programme seeks the cheapest way in which it could be as much
larger (or smaller) as required while every equation still holds and every published number stays as it is; the numbers
that would have to differ are withheld. What is found is itself the proof: a reader cannot tell the true values from the
shifted ones. (Kelly, Golden & Assad 1992, Networks 22(4), 397-417, one cell at a time; exact optimality is not sought.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from aidlib.release.rule import Rule, small
from aidlib.release.system import Floats, Ints, System

ENOUGH = 1e-6  # of a need that numbers may fall short of by rounding
FEW = 40  # equations of the first neighbourhood in which a way is sought
FREE = 1e-4  # cost of moving what is withheld already, so that ways stay short


@dataclass(frozen=True)
class Need:
    """How far below and above its value each unknown must stay possible, and what a reader knows beforehand."""

    down: Floats
    up: Floats
    low: Floats
    high: Floats


def needs(frame: pd.DataFrame, found: System, reason: NDArray[np.object_], close: Floats, rule: Rule) -> Need:
    """What must stay open. close: by cell, the n of an earlier release that must not be told from this one, or NaN."""
    value, kind = found.value, found.kind
    down, up = np.zeros(len(value)), np.zeros(len(value))
    units = np.isin(kind, ["n", "count", "complement", "rest"])
    little = units & small(value, rule)
    down[little], up[little] = value[little] - 1, rule.threshold - 1 - value[little]
    told = found.m[(reason != "") & (found.m >= 0)]
    counts = told[kind[told] == "count"]
    pairs = np.concatenate([counts, found.complement[counts]])
    nobody = pairs[value[pairs] == 0]
    up[nobody] = rule.threshold - 1
    sums = told[np.isin(kind[told], ["total", "sum", "part"])]
    down[sums] = up[sums] = np.abs(value[sums]) * rule.width
    near = found.n[np.isfinite(close)]
    down[near], up[near] = rule.threshold, rule.threshold
    low = np.where(units & (kind != "rest") & (value >= rule.threshold), float(rule.threshold), 0.0)
    low[little] = np.where(kind[little] == "n", 1.0, 0.0)
    low[pairs] = 0.0
    low[(~units) & (value < 0)] = -np.inf
    high = np.where(little & (kind == "n"), rule.threshold - 1.0, np.inf)
    high[(kind == "n") & (value == 0)] = 0.0
    return Need(np.minimum(down, value - low), up, low, high)


def secondary(found: System, need: Need, hidden: NDArray[np.bool_], fixed: NDArray[np.bool_]) -> list[int]:
    """Extends ``hidden`` (by cell, in place); ``fixed`` cells stay shown. Returns unknowns that cannot be protected."""
    search = _Search(found, need, hidden, fixed)
    widest = np.maximum(need.down, need.up)
    involved = np.diff(found.equations.tocsc().indptr) > 0
    order = np.flatnonzero((widest > 0) & involved)
    order = order[np.argsort(-widest[order] / np.maximum(found.value[order], 1), kind="stable")]
    return [u for u in order.tolist() if not search.known(u) and not (search.protect(u, 1) & search.protect(u, -1))]


class _Search:
    """The state of a search: what is withheld, and how far each unknown is proven to be open."""

    def __init__(self, found: System, need: Need, hidden: NDArray[np.bool_], fixed: NDArray[np.bool_]) -> None:
        self.need, self.hidden, self.value = need, hidden, found.value
        self.rows, self.columns = found.equations.tocsr(), found.equations.tocsc()
        self.tells = _telling(found)
        self.cost = self._costs()
        self.stays = np.asarray(self.tells @ fixed.astype(float)) > 0
        self.open = np.zeros((2, len(found.value)))
        self.derived = np.isin(found.kind, ["complement", "rest"])

    def known(self, unknown: int) -> bool:
        """Whether a shown cell tells it: an earlier release did, and nothing can be undone."""
        return bool(self.stays[unknown])

    def protect(self, unknown: int, sign: int) -> bool:
        """Withhold what is needed for ``unknown`` to be open upwards (1) or downwards (-1)."""
        width = (self.need.up if sign > 0 else self.need.down)[unknown]
        if self.open[int(sign < 0), unknown] >= width * (1 - ENOUGH):
            return True
        size = FEW
        while True:
            equations = self._near(unknown, size)
            way = self._way(unknown, sign * width, equations)
            if way is not None:
                self._take(*way)
                return True
            if len(equations) < size:
                return False
            size *= 5

    def _near(self, unknown: int, size: int) -> Ints:
        """Equations around ``unknown``, nearest first, until there are ``size`` or no more."""
        found = np.zeros(0, dtype=np.int64)
        unknowns = np.array([unknown])
        while len(found) < size:
            touching = np.unique(_indices(self.columns, unknowns))
            fresh = np.setdiff1d(touching, found, assume_unique=True)
            if not len(fresh):
                break
            found = np.concatenate([found, fresh])
            unknowns = np.unique(_indices(self.rows, fresh))
            unknowns = unknowns[~self.stays[unknowns]]
        return found

    def _way(self, unknown: int, shift: float, equations: Ints) -> tuple[Ints, Floats] | None:
        """The cheapest shifts of unknowns, within ``equations``, that move ``unknown`` by ``shift``; or None."""
        from scipy.optimize import linprog

        inside = np.unique(_indices(self.rows, equations))
        block = self.rows[equations][:, inside]
        outside = np.diff(self.columns[:, inside].indptr) > np.diff(block.tocsc().indptr)
        still = (outside | self.stays[inside]) & (inside != unknown)
        if (outside & (inside == unknown)).any():
            return None
        scale = abs(shift)
        below = np.where(still, 0.0, np.maximum(self.value[inside] - self.need.low[inside], 0.0)) / scale
        above = np.where(still, 0.0, np.maximum(self.need.high[inside] - self.value[inside], 0.0)) / scale
        at = int(np.searchsorted(inside, unknown))
        bounds = np.concatenate(
            [np.stack([np.zeros_like(above), above], 1), np.stack([np.zeros_like(below), below], 1)]
        )
        bounds[[at, at + len(inside)]] = 0.0
        bounds[at if shift > 0 else at + len(inside)] = 1.0
        cost = np.where(
            self.derived[inside], FREE, self.cost[inside] * (1 + np.log1p(np.abs(self.value[inside])) / 20) + FREE
        )
        found = linprog(
            np.concatenate([cost, cost]),
            A_eq=sparse.hstack([block, -block]),
            b_eq=np.zeros(len(equations)),
            bounds=bounds,
            method="highs",
        )
        if found.status != 0:
            return None
        return inside, (found.x[: len(inside)] - found.x[len(inside) :]) * scale

    def _take(self, unknowns: Ints, shifts: Floats) -> None:
        """Withhold the cells that tell what is shifted; remember how far everything has been shown to be open."""
        moved = np.abs(shifts) > ENOUGH * np.abs(shifts).max()
        which = unknowns[moved]
        self.open[0, which] = np.maximum(self.open[0, which], shifts[moved])
        self.open[1, which] = np.maximum(self.open[1, which], -shifts[moved])
        cells = _indices(self.tells, which)
        if not self.hidden[cells].all():
            self.hidden[cells] = True
            self.cost = self._costs()

    def _costs(self) -> Floats:
        """For each unknown the number of shown cells that tell it."""
        return np.asarray(self.tells @ (~self.hidden).astype(float))


def _telling(found: System) -> sparse.csr_array:
    """Unknowns × cells: 1 where the cell tells the unknown."""
    told = [(found.n, np.flatnonzero(found.n >= 0)), (found.m, np.flatnonzero(found.m >= 0))]
    unknown = np.concatenate([each[cells] for each, cells in told])
    cell = np.concatenate([cells for _, cells in told])
    shape = (len(found.value), len(found.n))
    return sparse.csr_array((np.ones(len(cell)), (unknown, cell)), shape=shape)


def _indices(matrix: sparse.csr_array | sparse.csc_array, lines: Ints) -> Ints:
    """Column (or row) indices of the stored values in ``lines``."""
    starts, sizes = matrix.indptr[lines], np.diff(matrix.indptr)[lines]
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return matrix.indices[np.repeat(starts, sizes) + offset].astype(np.int64)
