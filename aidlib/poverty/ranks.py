"""Values in order within every domain: cumulated weights and sums, quantiles, densities.

One sort by domain and value serves every measure that depends on ranks; nothing loops over rows or domains.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats, Ints

ROUNDING = 1e-10  # cumulated shares closer than this are the same


@dataclass(frozen=True, eq=False)
class Ranks:
    """Sorted pairs of a domain row and a value, each with its weight; all sums are within the row.

    order: places of the sorted pairs. weights, sums: cumulated weight and weight times value, the pair included.
    first, ties: the first of every run of equal values and their number. starts, sizes: likewise of every row.
    """

    order: Ints
    row: Ints
    value: Floats
    weight: Floats
    weights: Floats
    sums: Floats
    first: Ints
    ties: Ints
    starts: Ints
    sizes: Ints

    @classmethod
    def of(cls, members: Members, value: Floats, weight: Floats) -> Ranks:
        """value and weight: one per pair of ``members``."""
        order = _sorted(value, members.row, members.rows)
        row, v, w = members.row[order], value[order], weight[order]
        sizes = np.bincount(row, minlength=members.rows)
        starts = np.cumsum(sizes) - sizes
        new = np.ones(len(v), dtype=bool)
        new[1:] = (v[1:] != v[:-1]) | (row[1:] != row[:-1])
        first = np.flatnonzero(new)
        ties = np.diff(first, append=len(v))
        weights, sums = _running(w, starts, sizes), _running(w * v, starts, sizes)
        return cls(order, row, v, w, weights, sums, first, ties, starts, sizes)

    def below(self) -> tuple[Floats, Floats]:
        """Weight, and weight times value, of the smaller values of the row: one per sorted pair."""
        at = self.first
        weight, value = self.weight[at], self.value[at]
        return self._to_ties(self.weights[at] - weight), self._to_ties(self.sums[at] - weight * value)

    def up_to(self) -> tuple[Floats, Floats]:
        """Weight, and weight times value, of the row's values that are not larger: one per sorted pair."""
        at = self.first + self.ties - 1
        return self._to_ties(self.weights[at]), self._to_ties(self.sums[at])

    def back(self, values: Floats) -> Floats:
        """One per sorted pair as one per pair in the order of the members."""
        out = np.empty_like(values)
        out[self.order] = values
        return out

    def quantile(self, share: float) -> Floats:
        """The smallest value at which the cumulated weight reaches ``share``, by row; missing without weight."""
        return np.where(self._heavy, self.value[self._at(share)], np.nan) if len(self.value) else self._nothing

    def lowest(self, share: float) -> Floats:
        """Sum of weight times value of the lowest ``share`` of the row's weight, the unit on its edge split."""
        if not len(self.value):
            return self._nothing
        at = self._at(share)
        rest = share * self.total - (self.weights - self.weight)[at]
        before = (self.sums - self.weight * self.value)[at]
        return np.where(self._heavy, before + rest * self.value[at], np.nan)

    @property
    def total(self) -> Floats:
        """Weight by row."""
        return np.bincount(self.row, weights=self.weight, minlength=len(self.sizes)).astype(np.float64)

    @property
    def _heavy(self) -> np.ndarray:
        return self.total > 0

    @property
    def _nothing(self) -> Floats:
        return np.full(len(self.sizes), np.nan)

    def _at(self, share: float) -> Ints:
        total = np.where(self._heavy, self.total, 1.0)
        reached = self.row + np.minimum(self.weights / total[self.row], 1.0)
        place = np.searchsorted(reached, np.arange(len(self.sizes)) + share - ROUNDING)
        return np.clip(np.clip(place, self.starts, self.starts + self.sizes - 1), 0, len(self.value) - 1)

    def _to_ties(self, values: Floats) -> Floats:
        return np.repeat(values, self.ties)


def densities(members: Members, value: Floats, weight: Floats, at: Floats) -> Floats:
    """Normal kernel density of value at one point per row, bandwidth sd / N^(1/5), N the row's weight.

    Source: the bandwidth of Osier (2009), Survey Research Methods 3(3), 167-195, as in R's convey 1.0.1. Missing where
    all values of a row are equal.
    """
    population = members.sum(weight)
    with np.errstate(divide="ignore", invalid="ignore"):
        centre = members.sum(weight * value) / population
        width = np.sqrt(members.sum(weight * (value - centre[members.row]) ** 2) / population) / population**0.2
        kernel = np.exp(-(((at[members.row] - value) / width[members.row]) ** 2) / 2)
        found = members.sum(weight * kernel) / (population * width * np.sqrt(2 * np.pi))
    return np.where(width > 0, found, np.nan)


def _sorted(value: Floats, row: Ints, rows: int) -> Ints:
    """Places of the pairs by row, then value; narrow row numbers sort by counting."""
    by_value = np.argsort(value)
    narrow = row.astype(np.uint16) if rows <= np.iinfo(np.uint16).max else row
    return by_value[np.argsort(narrow[by_value], kind="stable")]


def _running(values: Floats, starts: Ints, sizes: Ints) -> Floats:
    """Cumulated within rows."""
    running = np.cumsum(values)
    before = np.where(starts > 0, running[starts - 1], 0.0) if len(values) else np.zeros(len(starts))
    return np.asarray(running - np.repeat(before, sizes))
