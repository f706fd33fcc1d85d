"""Who is at risk when: the risk sets of a counting process, as two sums that do without a loop over event times.

A row is at risk over (start, stop]. With the event times of a stratum in order, it stands in the risk sets of a run of
them. Sums over the rows at risk at each time are running sums of what enters and leaves; sums over the times at which
a row is at risk are differences of running sums. Both take one pass, however many ties there are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from aidlib.estimate.sampling import Floats, Ints, numbered

SAME = 1e-9  # relative: times closer than this are one time, for sums of dates leave rounding (R's timefix)
MANY = 10_000  # so many numbers are added up with compensation: the differences of such sums keep their digits
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Grouped:
    """Rows by a code (0 … groups - 1): ``rows`` in the order of their codes, those of code c from bounds[c] on."""

    rows: Ints
    bounds: Ints
    width: int

    @classmethod
    def of(cls, codes: Ints, groups: int) -> Grouped:
        """codes: of each row; negative ones belong to no group."""
        inside = np.flatnonzero(codes >= 0)
        rows = inside[np.argsort(codes[inside], kind="stable")]
        return cls(rows, np.searchsorted(codes[rows], np.arange(groups + 1)), len(codes))

    def sum(self, weight: Floats, values: Floats) -> Floats:
        """Sum by group of weight × values (rows × q, or one each)."""
        shape = (len(self.bounds) - 1, self.width)
        return np.asarray(sparse.csr_array((weight[self.rows], self.rows, self.bounds), shape=shape) @ values)


@dataclass(frozen=True, eq=False)
class RiskSets:
    """The risk sets of n rows at K event times, a stratum's times one after another.

    order: which of the rows given are at risk at any event time, n of them, sorted by ``last``. before, last: the
    event time (position) before the first and the last at which a row is at risk; before is -1 where that is its
    stratum's first. event: the time at which the row has its event, -1 for none. times, stratum: of the K times.
    late: rows that count ``factor`` (one number a time) instead of 1; they have lines of their own, K further on.
    """

    order: Ints
    before: Ints
    last: Ints
    event: Ints
    times: Floats
    stratum: Ints
    late: Bools | None
    factor: Floats
    left: Grouped
    entered: Grouped | None

    @classmethod
    def of(
        cls, start: Floats | None, stop: Floats, event: Bools, stratum: Ints, *, late: Bools | None = None
    ) -> RiskSets:
        """start: None where all rows are at risk from the beginning; stratum: codes from 0."""
        opened, closed, moments = time_codes(start, stop)
        width = len(moments)
        keys = stratum * width + closed
        at, distinct = numbered(keys[event], (int(stratum.max(initial=0)) + 1) * width)
        home = distinct // width
        begin = np.searchsorted(home, stratum)
        first = begin if opened is None else np.searchsorted(distinct, stratum * width + opened, side="right")
        last = np.searchsorted(distinct, keys, side="right") - 1
        order = np.flatnonzero(first <= last)
        order = order[np.argsort(last[order], kind="stable")]
        before = np.where(first > begin, first - 1, -1)[order]
        number = np.full(len(stop), -1, dtype=np.int64)
        number[event] = at
        last, lines, held = last[order], len(distinct), None
        if late is not None:
            held, lines = late[order], 2 * lines
            last, before = (np.where(held & (codes >= 0), codes + len(distinct), codes) for codes in (last, before))
        entered = Grouped.of(before, lines) if (before >= 0).any() else None
        left = Grouped.of(last, lines)
        ones, times = np.ones(len(distinct)), moments[distinct % max(width, 1)]
        return cls(order, before, last, number[order], times, home, held, ones, left, entered)

    def weighted(self, factor: Floats) -> RiskSets:
        """The same sets where late rows count ``factor`` at each time."""
        return replace(self, factor=factor)

    def at_risk(self, weight: Floats, values: Floats) -> Floats:
        """Sum of weight × values (n × q, or n) over the rows at risk at each time: K × q, or K."""
        net = self.left.sum(weight, values)
        if self.entered is not None:
            net -= self.entered.sum(weight, values)
        sums = running(net[::-1], self._strata[::-1])[::-1]
        if self.late is None:
            return sums
        size = len(self.times)
        return np.asarray(sums[:size] + (sums[size:].T * self.factor).T)

    def during(self, values: Floats) -> Floats:
        """Sum of values (K × q, or K) over the times at which each row is at risk: n × q, or n."""
        if self.late is not None:
            values = np.concatenate([values, (values.T * self.factor).T])
        sums = running(values, self._strata)
        found = sums[self.last]
        if self.entered is not None:
            rows = self.entered.rows
            found[rows] -= sums[self.before[rows]]
        return found

    def at_events(self, values: Floats) -> Floats:
        """Values of the times (K × q, or K) at each row's own event; 0 for rows without one."""
        found = values[np.maximum(self.event, 0)] if len(values) else np.zeros((len(self.event), *values.shape[1:]))
        found[self.event < 0] = 0.0
        return found

    @property
    def _strata(self) -> Ints:
        """Stratum of each line."""
        return self.stratum if self.late is None else np.concatenate([self.stratum, -1 - self.stratum])


def running(values: Floats, group: Ints) -> Floats:
    """Running sums along the first axis within runs of one group (codes in order), rounding compensated where many."""
    if not len(values) or (group[0] == group[-1] and len(values) < MANY):
        return np.cumsum(values, axis=0)
    columns = pd.DataFrame(values)
    return np.asarray(columns.groupby(group, sort=False).cumsum().to_numpy().reshape(values.shape))


def time_codes(start: Floats | None, stop: Floats) -> tuple[Ints | None, Ints, Floats]:
    """Codes of start and stop among the distinct times, and these; times within rounding of each other are one."""
    given = stop if start is None else np.concatenate([stop, start])
    codes, distinct = pd.factorize(given)
    order = np.argsort(distinct)
    moments = np.asarray(distinct)[order]
    new = np.diff(moments, prepend=-np.inf) > SAME * np.abs(moments).max(initial=0)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.cumsum(new) - 1
    codes = number[codes]
    return (None if start is None else codes[len(stop) :]), codes[: len(stop)], moments[new]
