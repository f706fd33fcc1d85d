"""Domains: the full cross of the observed values of the ``by`` columns, their margins, and who belongs where."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.sampling import Floats, Ints

ALL = "all"


@dataclass(frozen=True, eq=False)
class Members:
    """Pairs (unit, row): the sample row ``unit`` belongs to the result row ``row``; a unit may stand in several."""

    unit: Ints
    row: Ints
    rows: int

    def where(self, known: NDArray[np.bool_]) -> Members:
        """Only the units that are ``known``."""
        keep = known[self.unit]
        return self if keep.all() else replace(self, unit=self.unit[keep], row=self.row[keep])

    def split(self, parts: int) -> Members:
        """Each result row as ``parts`` rows with the same members (row * parts + part)."""
        row = (self.row[:, None] * parts + np.arange(parts)).ravel()
        return Members(np.repeat(self.unit, parts), row, self.rows * parts)

    def sum(self, values: NDArray[Any] | None = None) -> Floats:
        """Sum of values (one per pair; None: 1) by row."""
        return np.bincount(self.row, weights=values, minlength=self.rows).astype(np.float64)

    def distinct(self, group: Ints) -> Floats:
        """Number of distinct groups (a code per unit) with a member, by row."""
        code = group[self.unit] * self.rows + self.row
        if int(group.max(initial=0) + 1) * self.rows <= 50_000_000:
            seen = np.zeros((int(group.max(initial=0)) + 1) * self.rows, dtype=bool)
            seen[code] = True
            return seen.reshape(-1, self.rows).sum(axis=0).astype(np.float64)
        return np.bincount(np.unique(code) % self.rows, minlength=self.rows).astype(np.float64)

    def largest(self, values: Floats) -> Floats:
        """Shares of the largest, and of the two largest, absolute values (one per pair) in the row's sum: 2 × rows."""
        size, sums = np.abs(values), self.sum(np.abs(values))
        first, second = np.zeros(self.rows), np.zeros(self.rows)
        np.maximum.at(first, self.row, size)
        at_top = np.flatnonzero(size == first[self.row])
        at_top = at_top[np.unique(self.row[at_top], return_index=True)[1]]
        rest = size.copy()
        rest[at_top] = 0.0
        np.maximum.at(second, self.row, rest)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.stack([first, first + second]) / sums


@dataclass(frozen=True, eq=False)
class Domains:
    """The domains of a table: their columns as text, one line each, the members, and which line is whose total."""

    names: tuple[str, ...]
    table: pd.DataFrame
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
        table = pd.DataFrame({"domain": pd.Series([ALL], dtype="str")})
        return Domains(("domain",), table, Members(everyone, np.zeros_like(everyone), 1), ())
    coded = [_coded(sample, name, margins) for name in names]
    texts = [[*levels, ALL] if margins else levels or [ALL] for _, levels in coded]
    table = pd.DataFrame(list(product(*texts)), columns=list(names), dtype="str")
    sizes = [len(levels) for levels in texts]
    known = np.flatnonzero(np.all([c >= 0 for c, _ in coded], axis=0))
    return Domains(
        names, table, _members([c[known] for c, _ in coded], known, sizes, margins), _margins(sizes, margins)
    )


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
    found, levels = pd.factorize(values, sort=True)
    return found.astype(np.int64), [text(v) for v in levels]


def text(value: Any) -> str:
    """A domain's value as text; whole numbers and flags without a decimal point: 1.0 and True are "1"."""
    if isinstance(value, bool | np.bool_) or (isinstance(value, float | np.floating) and float(value).is_integer()):
        return str(int(value))
    return str(value)


def _coded(sample: pd.DataFrame, name: str, margins: bool) -> tuple[Ints, list[str]]:
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    found, levels = column_codes(sample[name])
    if margins and ALL in levels:
        raise reference.problem("estimate.value_all", column=name)
    return found, levels


def _members(coded: list[Ints], known: Ints, sizes: list[int], margins: bool) -> Members:
    """Pairs for every way of taking each column at its value or, with margins, at "all"."""
    strides = np.cumprod([1, *sizes[:0:-1]])[::-1].tolist()
    choices = [(c, np.full_like(c, size - 1)) if margins else (c,) for c, size in zip(coded, sizes, strict=True)]
    rows = [
        np.sum([c * stride for c, stride in zip(chosen, strides, strict=True)], axis=0, dtype=np.int64)
        for chosen in product(*choices)
    ]
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
