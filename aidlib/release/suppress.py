"""Which further numbers must be withheld so that the withheld ones cannot be computed from the rest.

For each unknown to protect, in order of need, a linear programme seeks the cheapest way in which it could be as much
larger (or smaller) as required while every equation still holds and every published number stays as it is; the numbers
that would have to differ are withheld. What is found is itself the proof: a reader cannot tell the true values from the
shifted ones. (Kelly, Golden & Assad 1992, Networks 22(4), 397-417, one cell at a time; exact optimality is not sought.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aidlib.release.cells import Cells
from aidlib.release.rule import Rule, in_small_total, small
from aidlib.release.system import Floats, Ints, System

SENSITIVE = ("suppressed", "dominance")  # what is withheld for its poor quality may be worked out
ENOUGH = 1e-6  # of a need that numbers may fall short of by rounding
FEW = 40  # equations of the first neighbourhood in which a way is sought
FAR = 1e6  # as good as without bound
PATIENCE = 3  # programmes for many unknowns that may fail in a row
MOVED = (1.0, 0.5, 0.1)  # fractions of the unknowns that one programme moves
HALF = 0.5
AGAIN = 50  # ways for which more was withheld, after which another look at all is worth its while
ALIKE = 1e-3  # needs that may be sought in one programme, relative to the largest
ROUNDS = 5  # of bounds from single equations, each from those before
FREE = 1e-4  # cost of moving what is withheld already, so that ways stay short


@dataclass(frozen=True)
class Need:
    """How far below and above its value each unknown must stay possible, and what a reader knows beforehand.

    What the reasons for withholding say by themselves (a small total has smaller parts) cannot be kept from a reader:
    where they leave less than was asked for, ``down`` and ``up`` are lowered to that.
    """

    down: Floats
    up: Floats
    low: Floats
    high: Floats


@dataclass(frozen=True)
class Shown:
    """Cells whose n, and whose own number, an earlier release has shown: no use in withholding them now."""

    n: NDArray[np.bool_]
    m: NDArray[np.bool_]


def needs(every: Cells, found: System, reason: NDArray[np.object_], close: Floats, rule: Rule) -> Need:
    """What must stay open. close: by cell, the n of an earlier release that must not be told from this one, or NaN."""
    value, kind = found.value, found.kind
    down, up = np.zeros(len(value)), np.zeros(len(value))
    units = np.isin(kind, ["n", "count", "complement", "rest"])
    little = units & small(value, rule)
    least = np.minimum(value, found.read)
    down[little], up[little] = value[little] - 1, rule.threshold - 1 - least[little]
    told = found.m[np.isin(reason, SENSITIVE) & (found.m >= 0) & (every.frame["n"].to_numpy() > 0)]
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
    low[pairs] = value[pairs] - least[pairs]  # a way must be open in a reader's counts as in the true ones
    low[(~units) & (value < 0)] = -np.inf
    high = np.where(little & (kind == "n"), rule.threshold - 1.0, np.inf)
    zero = (kind == "n") & (value == 0)
    high[zero] = 0.0
    hollow = _hollow(every, found, reason)
    low[hollow] = 0.0
    high[hollow & zero] = rule.threshold - 1.0
    return Need(np.maximum(np.minimum(down, value - low), 0), up, low, high)


def _hollow(every: Cells, found: System, reason: NDArray[np.object_]) -> NDArray[np.bool_]:
    """The n that may be 0 for all a reader knows: they stand only where a 0 is withheld too."""
    few = reason == "suppressed"
    inside = few & (in_small_total(few, every.margins) | every.frame["among"].notna().to_numpy())
    hollow, told = np.zeros((2, len(found.value)), dtype=bool)
    hollow[found.n[inside & (found.n >= 0)]] = True
    told[found.n[~inside & (found.n >= 0)]] = True
    return hollow & ~told


def secondary(found: System, need: Need, hidden: NDArray[np.bool_], shown: Shown) -> list[int]:
    """Extends ``hidden`` (by cell, in place). Returns the unknowns that cannot be protected."""
    search = _Search(found, need, hidden, shown)
    shut = search.lower()
    search.settle()
    widest = np.maximum(need.down, need.up)
    order = np.argsort(-widest / np.maximum(np.abs(found.value), 1), kind="stable")
    order = order[search.closed()[:, order].any(axis=0)]
    return [*shut.tolist(), *(u for u in order.tolist() if not (search.protect(u, 1) and search.protect(u, -1)))]


class _Search:
    """The state of a search: what is withheld, and how far each unknown is proven to be open."""

    def __init__(self, found: System, need: Need, hidden: NDArray[np.bool_], shown: Shown) -> None:
        self.need, self.hidden, self.value = need, hidden, found.value
        self.rows, self.columns = found.equations.tocsr(), found.equations.tocsc()
        self.tells = _telling(found)
        self.cost = self._costs()
        self.stays = np.zeros(len(found.value), dtype=bool)
        self.stays[found.n[shown.n & (found.n >= 0)]] = True
        self.stays[found.m[shown.m & (found.m >= 0)]] = True
        self.stays[found.also[shown.m & (found.also >= 0)]] = True
        self.open = np.zeros((2, len(found.value)))
        self.involved = np.diff(self.columns.indptr) > 0
        self.units = np.isin(found.kind, ["n", "count", "complement", "rest"])
        self.chance = np.random.default_rng(0)
        self.taken = 0
        self.derived = np.isin(found.kind, ["complement", "rest"])

    def closed(self) -> NDArray[np.bool_]:
        """2 × unknowns: not yet proven to be open enough upwards, downwards (what was shown earlier is past help)."""
        wanted = np.stack([self.need.up, self.need.down])
        return (wanted > 0) & (self.open < wanted * (1 - ENOUGH)) & self.involved & ~self.stays

    def lower(self) -> Ints:
        """Lower what is needed to what single equations leave open, whatever is published; units so left no choice."""
        wide = (self.need.down + self.need.up >= 1) & self.closed().any(axis=0)
        low, high = self.need.low - self.value, self.need.high - self.value
        for _ in range(ROUNDS):
            low, high = _reach(self.rows, low, high)
        np.minimum(self.need.up, np.maximum(high, 0), out=self.need.up)
        np.minimum(self.need.down, np.maximum(-low, 0), out=self.need.down)
        return np.flatnonzero(wide & self.units & (self.need.down + self.need.up < 1))

    def settle(self) -> None:
        """Prove open, many in one programme, what is open by what is withheld already."""
        free = np.flatnonzero((self.cost == 0) & ~self.stays & self.involved)
        block = self.rows[:, free]
        block = block[np.diff(block.indptr) > 0]
        graph = sparse.block_array([[None, block], [block.T, None]], format="csr")
        lines, label = np.split(connected_components(graph, directed=False)[1], [block.shape[0]])
        for each in np.unique(label[self.closed()[:, free].any(axis=0)]):
            part = np.flatnonzero(label == each)
            equations = block[np.flatnonzero(lines == each)][:, part]
            failed = 0
            while failed < PATIENCE and self.closed()[:, free[part]].any():
                failed = 0 if self._together(free[part], equations) else failed + 1

    def _together(self, inside: Ints, equations: sparse.csr_array) -> bool:
        """Whether one programme, which moves many of ``inside`` as far as each needs, opens any more of them."""
        from scipy.optimize import linprog

        closed = self.closed()[:, inside]
        down = np.where(closed.all(axis=0), self.chance.random(len(inside)) < HALF, closed[1])
        wanted = np.where(down, self.need.down[inside], self.need.up[inside]) * closed.any(axis=0)
        scale = float(wanted.max())
        moved = self.chance.random(len(inside)) < self.chance.choice(MOVED)
        aim = moved & (wanted > scale * ALIKE)
        sign = np.where(down, -1.0, 1.0)
        far = np.where(aim, sign * wanted / scale, 0.0)
        bounds = np.stack([self.need.low, self.need.high], axis=1)[inside] - self.value[inside, None]
        bounds = np.stack([np.minimum(bounds[:, 0], 0), np.maximum(bounds[:, 1], 0)], axis=1) / scale
        bounds[aim] = np.sort(np.stack([far, np.zeros_like(far)], axis=1)[aim], axis=1)
        gain = self.chance.random(len(inside)) * np.divide(1.0, far, out=np.zeros_like(far), where=aim)
        found = linprog(-gain, A_eq=equations, b_eq=np.zeros(equations.shape[0]), bounds=bounds, method="highs")
        if found.status != 0 or not found.x.any():
            return False
        large = np.abs(found.x) > ENOUGH * np.abs(found.x).max()
        self._note(inside[large], found.x[large] * scale)
        return bool(self.closed()[:, inside].sum() < closed.sum())

    def protect(self, unknown: int, sign: int) -> bool:
        """Withhold what is needed for ``unknown`` to be open upwards (1) or downwards (-1)."""
        if not self.closed()[int(sign < 0), unknown]:
            return True
        wanted = self.need.up if sign > 0 else self.need.down
        if self._found(unknown, sign * wanted[unknown]):
            return True
        wanted[unknown] = self._ceiling(unknown, sign)
        if self.need.down[unknown] + self.need.up[unknown] < 1 and self.units[unknown]:
            return False
        return bool(wanted[unknown] <= ENOUGH) or self._found(unknown, sign * wanted[unknown])

    def _found(self, unknown: int, shift: float) -> bool:
        """Whether there is a way to move ``unknown`` by ``shift``, sought ever further around; then it is taken."""
        size = FEW
        while True:
            equations = self._near(unknown, size)
            way = self._way(unknown, shift, equations)
            if way is not None:
                self._take(*way)
                return True
            if len(equations) < size:
                return False
            size *= 5

    def _ceiling(self, unknown: int, sign: int) -> float:
        """How far ``unknown`` could move if nothing at all were published but the reasons for it."""
        from scipy.optimize import linprog

        equations = self._near(unknown, self.rows.shape[0] + 1, self.stays & False)
        inside = np.unique(_indices(self.rows, equations))
        objective = np.where(inside == unknown, -float(sign), 0.0)
        bounds = np.stack([self.need.low[inside] - self.value[inside], self.need.high[inside] - self.value[inside]], 1)
        block = self.rows[equations][:, inside]
        found = linprog(objective, A_eq=block, b_eq=np.zeros(len(equations)), bounds=bounds, method="highs")
        return float(min(-found.fun, np.inf)) if found.status == 0 else 0.0

    def _near(self, unknown: int, size: int, walls: NDArray[np.bool_] | None = None) -> Ints:
        """Equations around ``unknown``, nearest first, until there are ``size`` or no more; not beyond ``walls``."""
        found = np.zeros(0, dtype=np.int64)
        unknowns = np.array([unknown])
        while len(found) < size:
            touching = np.unique(_indices(self.columns, unknowns))
            fresh = np.setdiff1d(touching, found, assume_unique=True)
            if not len(fresh):
                break
            found = np.concatenate([found, fresh])
            unknowns = np.unique(_indices(self.rows, fresh))
            unknowns = unknowns[~(self.stays if walls is None else walls)[unknowns]]
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
        """Withhold the cells that tell what is shifted."""
        moved = np.abs(shifts) > ENOUGH * np.abs(shifts).max()
        self._note(unknowns[moved], shifts[moved])
        cells = _indices(self.tells, unknowns[moved])
        if not self.hidden[cells].all():
            self.hidden[cells] = True
            self.cost = self._costs()
            self.taken += 1
            if self.taken % AGAIN == 0:
                self.settle()

    def _note(self, unknowns: Ints, shifts: Floats) -> None:
        """Remember how far a way has shown everything to be open; it may be gone as far as the bounds let, and back."""
        value, low, high = self.value[unknowns], self.need.low[unknowns], self.need.high[unknowns]
        above, below = np.maximum(high - value, 0), np.maximum(value - low, 0)
        for sign in (1.0, -1.0):
            way = shifts * sign
            with np.errstate(divide="ignore"):
                far = min(np.min(np.where(way > 0, above / np.abs(way), below / np.abs(way))), FAR)
            way = way * (max(far, 1.0) if sign > 0 else far)
            self.open[0, unknowns] = np.maximum(self.open[0, unknowns], way)
            self.open[1, unknowns] = np.maximum(self.open[1, unknowns], -way)

    def _costs(self) -> Floats:
        """For each unknown the number of shown cells that tell it."""
        return np.asarray(self.tells @ (~self.hidden).astype(float))


def _telling(found: System) -> sparse.csr_array:
    """Unknowns × cells: 1 where the cell tells the unknown."""
    told = [(each, np.flatnonzero(each >= 0)) for each in (found.n, found.m, found.also)]
    unknown = np.concatenate([each[cells] for each, cells in told])
    cell = np.concatenate([cells for _, cells in told])
    shape = (len(found.value), len(found.n))
    return sparse.csr_array((np.ones(len(cell)), (unknown, cell)), shape=shape)


def _indices(matrix: sparse.csr_array | sparse.csc_array, lines: Ints) -> Ints:
    """Column (or row) indices of the stored values in ``lines``."""
    starts, sizes = matrix.indptr[lines], np.diff(matrix.indptr)[lines]
    offset = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return matrix.indices[np.repeat(starts, sizes) + offset].astype(np.int64)


def _reach(equations: sparse.csr_array, low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """How far each unknown can move at most by one equation at a time, all others in it at their bounds."""
    entries = equations.tocoo()
    sign, line, at = entries.data, entries.row, entries.col
    least = np.where(sign > 0, sign * low[at], sign * high[at])
    most = np.where(sign > 0, sign * high[at], sign * low[at])
    low, high = low.copy(), high.copy()
    for edge, up in ((least, sign > 0), (most, sign < 0)):  # the least of the others bounds what is left from above
        boundless = np.isinf(edge)
        finite = np.where(boundless, 0.0, edge)
        total = np.bincount(line, finite, equations.shape[0])[line] - finite
        bounded = np.bincount(line, boundless, equations.shape[0])[line] == boundless
        np.minimum.at(high, at[up & bounded], (-total / sign)[up & bounded])
        np.maximum.at(low, at[~up & bounded], (-total / sign)[~up & bounded])
    return low, high
