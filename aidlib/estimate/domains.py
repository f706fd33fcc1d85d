"""Domains: the full cross of the observed values of the ``by`` columns, their margins, and who belongs where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.sampling import Floats, Ints, numbered, whole_numbers

Texts = pd.api.extensions.ExtensionArray
ALL = "all"
TEXT = pd.StringDtype(na_value=np.nan)  # what pandas calls "str"
PART = 64  # of so many sizes one is looked at for a bound of the two largest
FEW = 8  # so many sizes must then be looked at in each row, else the bound is worth nothing
LONG = 32  # rows of one code after another from which summing by runs is faster than one by one
PROBE = 4096  # so many pairs tell whether groups seem to stand in one row each


@dataclass(frozen=True, eq=False)
class Cells:
    """The distinct pairs (group, row) with a member, sorted by group.

    of: the cell of each pair (unit, row); single: no group stands in two rows.
    """

    group: Ints
    row: Ints
    of: Ints
    single: bool

    def sum(self, values: Floats) -> Floats:
        """Sum of values (one per pair of members) by cell."""
        return _sums(values, self.of, _long_runs(self.of), len(self.group))


@dataclass(frozen=True, eq=False)
class Members:
    """Pairs (unit, row): the sample row ``unit`` belongs to the result row ``row``; a unit may stand in several.

    whole: the units are all rows of the sample, once and in order.
    """

    unit: Ints
    row: Ints
    rows: int
    whole: bool = False
    _known: dict[int, Any] = field(
        default_factory=dict, repr=False, init=False
    )  # what has been counted: pairs by row, cells

    def at(self, values: NDArray[Any]) -> NDArray[Any]:
        """A value per sample row as one per pair; never to be written to."""
        return values if self.whole else values[self.unit]

    def where(self, known: NDArray[np.bool_]) -> Members:
        """Only the units that are ``known``."""
        if known.all():
            return self
        keep = self.at(known)
        return self if keep.all() else Members(self.unit[keep], self.row[keep], self.rows)

    def split(self, parts: int) -> Members:
        """Each result row as ``parts`` rows with the same members (row * parts + part)."""
        row = (self.row[:, None] * parts + np.arange(parts)).ravel()
        return Members(np.repeat(self.unit, parts), row, self.rows * parts)

    def sum(self, values: NDArray[Any] | None = None) -> Floats:
        """Sum of values (one per pair; None: 1) by row."""
        if values is not None:
            return _sums(values, self.row, self._runs(), self.rows)
        if 0 not in self._known:
            self._known[0] = np.bincount(self.row, minlength=self.rows).astype(np.float64)
        return np.array(self._known[0])

    def _runs(self) -> Ints | None:
        """Where the row changes from one pair to the next, if it seldom does."""
        if 1 not in self._known:
            self._known[1] = _long_runs(self.row)
        runs: Ints | None = self._known[1]
        return runs

    def cells(self, group: Ints) -> Cells:
        """The cells of a grouping of the sample's rows (a code per unit)."""
        kept = self._known.get(id(group))
        if kept is None or kept[0] is not group:
            kept = self._known[id(group)] = (group, _cells(self.at(group), self.row, self.rows))
        found: Cells = kept[1]
        return found

    def distinct(self, group: Ints) -> Floats:
        """Number of distinct groups (a code per unit) with a member, by row."""
        return np.bincount(self.cells(group).row, minlength=self.rows).astype(np.float64)

    def largest(self, values: Floats) -> Floats:
        """Shares of the largest, and of the two largest, absolute values (one per pair) in the row's sum: 2 × rows."""
        size = np.abs(values)
        sums = self.sum(size)
        first, second = two_largest(*self._candidates(size), self.rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([first, first + second]) / sums

    def _candidates(self, size: Floats) -> tuple[Floats, Ints]:
        """The sizes, and their rows, that can be among the two largest: those not below the second of a part."""
        if len(size) < FEW * PART * self.rows:
            return size, self.row
        bound = two_largest(size[::PART], self.row[::PART], self.rows)[1]
        near = np.flatnonzero(size >= bound[self.row])
        return size[near], self.row[near]


def two_largest(size: Floats, row: Ints, rows: int) -> Floats:
    """The largest and the second largest size (0: there is none) of each row: 2 × rows."""
    first, second = np.zeros(rows), np.zeros(rows)
    np.maximum.at(first, row, size)
    top = np.flatnonzero(size == first[row])
    one = np.zeros(rows, dtype=np.int64)
    one[row[top]] = top  # of equal ones the last: the others stay for the second place
    rest = size.copy()
    rest[one[row[top]]] = 0.0
    np.maximum.at(second, row, rest)
    return np.stack([first, second])


def _long_runs(codes: Ints) -> Ints | None:
    """Starts of the runs of equal codes where these are long on average; else None."""
    if len(codes) < PROBE or np.count_nonzero(np.diff(codes[:PROBE])) * LONG > PROBE:
        return None
    starts = np.flatnonzero(codes[1:] != codes[:-1]) + 1
    return np.concatenate([[0], starts]) if len(starts) * LONG < len(codes) else None


def _sums(values: NDArray[Any], codes: Ints, runs: Ints | None, size: int) -> Floats:
    """Sums of values by code, by runs of equal codes where there are long ones."""
    if runs is not None:
        values, codes = np.add.reduceat(np.asarray(values, dtype=np.float64), runs), codes[runs]
    return np.bincount(codes, weights=values, minlength=size).astype(np.float64, copy=False)


def _cells(group: Ints, row: Ints, rows: int) -> Cells:
    """See ``Cells``; one pass where every group stands in one row, counting or hashing where not."""
    groups = int(group.max(initial=-1)) + 1
    if rows == 1 or _is_single(group[:PROBE], row[:PROBE], groups):
        home = np.full(groups, -1, dtype=np.int64)
        home[group] = row
        if rows == 1 or np.array_equal(home[group], row):
            if groups and home.min() >= 0:
                return Cells(np.arange(groups, dtype=np.int64), home, group, True)
            present = home >= 0
            numbers = np.cumsum(present) - 1
            return Cells(np.flatnonzero(present), home[present], numbers[group], True)
    key = group * rows + row
    of, keys = numbered(key, groups * rows)
    return Cells(keys // rows, keys % rows, of, False)


def _is_single(group: Ints, row: Ints, groups: int) -> bool:
    home = np.zeros(groups, dtype=np.int64)
    home[group] = row
    return np.array_equal(home[group], row)


@dataclass(frozen=True, eq=False)
class Domains:
    """The domains of a table: their columns as text, one line each, the members, and which line is whose total."""

    names: tuple[str, ...]
    columns: Mapping[str, Texts]
    members: Members
    margins: tuple[tuple[int, tuple[int, ...]], ...]


def domains(sample: pd.DataFrame, by: str | Sequence[str] | None, margins: bool) -> Domains:
    """The cross of the observed values of ``by``, sorted; with ``margins`` also "all" of each column, last.

    Units with a missing value in any of the columns belong nowhere; a column without any value has the one line "all".
    Without ``by``: one domain, ``domain`` = "all".
    Raises Problem for a column that is not there or, with margins, for one that itself holds the value "all".
    """
    names = () if by is None else (by,) if isinstance(by, str) else tuple(by)
    if not names:
        everyone = np.arange(len(sample), dtype=np.int64)
        members = Members(everyone, np.zeros_like(everyone), 1, whole=True)
        return Domains(("domain",), {"domain": texts([ALL])}, members, ())
    coded = [_coded(sample, name, margins) for name in names]
    values = [[*levels, ALL] if margins else levels or [ALL] for _, levels in coded]
    lines = zip(*product(*values), strict=True)
    table = {name: texts(column) for name, column in zip(names, lines, strict=True)}
    sizes = [len(levels) for levels in values]
    columns, known = [c for c, _ in coded], np.arange(len(sample), dtype=np.int64)
    whole = all(c.min(initial=0) >= 0 for c in columns)
    if not whole:
        known = np.flatnonzero(np.all([c >= 0 for c in columns], axis=0))
        columns = [c[known] for c in columns]
    return Domains(names, table, _members(columns, known, sizes, margins, whole), _margins(sizes, margins))


def column_codes(values: pd.Series) -> tuple[Ints, list[str]]:
    """Codes of a column (-1: missing) and the texts of its observed values.

    A categorical keeps its order, a coded column of the data dictionary has that of its code list, others are sorted.
    """
    listed = reference.order(str(values.name))
    if listed and set(values.dropna().unique()) <= set(listed):
        values = values.astype(pd.CategoricalDtype(list(listed), ordered=True))
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.cat.remove_unused_categories()
        return values.cat.codes.to_numpy().astype(np.int64), [text(v) for v in values.cat.categories]
    whole = whole_numbers(values)
    if whole is not None:
        return whole[0], [str(v) for v in whole[1].tolist()]
    found, levels = pd.factorize(values, sort=True)
    names = [text(v) for v in levels]
    if len(set(names)) < len(names):  # 1 and "1" are one domain
        number, distinct = pd.factorize(np.array(names, dtype=object))
        return np.append(number, -1)[found].astype(np.int64), distinct.tolist()
    return found.astype(np.int64, copy=False), names


def text(value: Any) -> str:
    """A domain's value as text; whole numbers and flags without a decimal point: 1.0 and True are "1"."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, float | np.floating) and float(value).is_integer()):
        return str(int(value))
    return str(value)


def texts(values: Sequence[str]) -> Texts:
    """Texts as a column of a table."""
    return pd.array(list(values), dtype=TEXT)


def _coded(sample: pd.DataFrame, name: str, margins: bool) -> tuple[Ints, list[str]]:
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    values = sample[name]
    if isinstance(values, pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)
    found, levels = column_codes(values)
    if margins and ALL in levels:
        raise reference.problem("estimate.value_all", column=name)
    return found, levels


def _members(coded: list[Ints], known: Ints, sizes: list[int], margins: bool, whole: bool) -> Members:
    """Pairs for every way of taking each column at its value or, with margins, at "all"."""
    strides = np.cumprod([1, *sizes[:0:-1]])[::-1].tolist()
    choices = [(c, np.full_like(c, size - 1)) if margins else (c,) for c, size in zip(coded, sizes, strict=True)]
    if len(coded) == 1 and not margins:
        return Members(known, coded[0], sizes[0], whole)
    rows: list[Ints] = [
        np.sum([c * stride for c, stride in zip(chosen, strides, strict=True)], axis=0, dtype=np.int64)
        for chosen in product(*choices)
    ]
    if len(rows) == 1:
        return Members(known, rows[0], int(np.prod(sizes)), whole)
    return Members(np.tile(known, len(rows)), np.concatenate(rows), int(np.prod(sizes)))


def _margins(sizes: list[int], margins: bool) -> tuple[tuple[int, tuple[int, ...]], ...]:
    """(total's line, its parts' lines): for every line with "all" in a column, the lines with that column's values."""
    if not margins:
        return ()
    lines = np.arange(int(np.prod(sizes))).reshape(sizes)
    found = []
    for axis, size in enumerate(sizes):
        totals = np.take(lines, size - 1, axis=axis).ravel()
        parts = np.moveaxis(np.take(lines, np.arange(size - 1), axis=axis), axis, -1).reshape(len(totals), size - 1)
        found += [(int(t), tuple(p.tolist())) for t, p in zip(totals, parts, strict=True)]
    return tuple(found)
