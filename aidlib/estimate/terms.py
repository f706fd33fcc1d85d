"""The terms of a regression: numeric predictors as they are, factors as one indicator for each level but the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.domains import column_codes
from aidlib.estimate.sampling import Floats, finite

ALIASED = 1e-12  # of a term's variance: what others must leave unexplained, as rounding leaves so much of a sum of them
BLOCK = 8192  # so many rows are taken at once: their terms stay in the processor's cache


Part = tuple[str, float | None]  # a column, and the code of its level


@dataclass(frozen=True, eq=False)
class Terms:
    """The columns that a regression puts coefficients on, without intercept.

    matrix: sample rows × terms, column by column in memory; missing where a predictor is. names: the predictor itself
    for a number or flag, "grade=deep" for a level of a factor, "age:sex=f" for a product. factors: the predictor
    (as it was asked for) of each term. parts: what each term multiplies, a column with its level's code (None: a
    number); columns: the values of each column, or the codes of its levels.
    """

    matrix: Floats
    names: list[str]
    factors: list[str]
    parts: list[list[Part]] = field(default_factory=list, repr=False)
    columns: Mapping[str, tuple[Floats, list[str]]] = field(default_factory=dict, repr=False)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Sample rows in which no predictor is missing."""
        known = np.ones(len(self.matrix), dtype=bool)
        for column in self.matrix.T:
            known &= ~np.isnan(column)
        return known


def terms(sample: pd.DataFrame, predictors: Sequence[str], among: NDArray[np.bool_] | None = None) -> Terms:
    """The terms of ``predictors``, columns of ``sample``, or products of such columns: "age:sex".

    A text or categorical column is a factor: one indicator a level, in the column's own order, else that of its code
    list, else sorted; the first level that occurs is the reference. Beside a product its single predictors belong in
    the list too. among: the rows (of those without a missing predictor) that a regression can use (None: all); levels
    and checks are those of these rows.
    Raises Problem, naming column or term, for a column that is not there, holds dates or infinite numbers, has no
    value, is constant, or is a sum of other terms; and where no row has all the predictors.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"age": [40.0, 52, 47, 33], "sex": ["m", "f", "f", None]})
    >>> found = terms(sample, ["age", "sex"])
    >>> found.names, found.matrix[:, 1].tolist()
    (['age', 'sex=m'], [1.0, 0.0, 0.0, nan])
    """
    columns = {name: _column(sample, name) for entry in predictors for name in _parts(sample, entry)}
    usable = np.ones(len(sample), dtype=bool) if among is None else among.copy()
    for name, (values, _) in columns.items():
        if np.isnan(values).all():
            raise reference.problem("estimate.predictor_missing", column=name)
        usable &= ~np.isnan(values)
    if columns and not usable.any():
        raise reference.problem("estimate.predictors_together", columns=", ".join(columns))
    levels = {name: _levels(name, *column, usable) for name, column in columns.items()}
    found = [(entry, *product) for entry in predictors for product in _products(levels, _parts(sample, entry))]
    names, parts = [name for _, name, _ in found], [part for _, _, part in found]
    matrix = np.empty((len(sample), len(found)), order="F")
    for place, part in enumerate(parts):
        _fill(matrix[:, place], columns, part)
    _check(matrix, names, usable)
    return Terms(matrix, names, [entry for entry, _, _ in found], parts, columns)


def blocks(rows: int) -> Iterator[slice]:
    """The rows in pieces of ``BLOCK``."""
    return (slice(start, min(start + BLOCK, rows)) for start in range(0, rows, BLOCK))


def aliased(gram: Floats) -> int | None:
    """The first column that is, to rounding, a sum of those before it, from their sums of products; None: no such one.

    The columns' own size does not matter. Cholesky's steps in the given order leave on the diagonal what the columns
    before do not explain.
    """
    size = np.sqrt(np.diagonal(gram))
    left = gram / np.where(size > 0, size, 1.0)[:, None] / np.where(size > 0, size, 1.0)
    for place in range(len(left)):
        if not left[place, place] > ALIASED:
            return place
        left[place + 1 :] -= np.outer(left[place + 1 :, place] / left[place, place], left[place])
    return None


def _parts(sample: pd.DataFrame, entry: str) -> list[str]:
    """The columns of a predictor: itself, or the factors of a product."""
    return [entry] if entry in sample else entry.split(":")


def _column(sample: pd.DataFrame, name: str) -> tuple[Floats, list[str]]:
    """Numbers, or codes with their levels; missing where the column is."""
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    if isinstance(sample[name], pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)
    kind = sample[name].dtype
    if not isinstance(kind, pd.CategoricalDtype) and (pd.api.types.is_numeric_dtype(kind) or kind.kind in "mM"):
        return finite(sample, name), []
    codes, levels = column_codes(sample[name])
    return np.where(codes >= 0, codes, np.nan), levels


def _levels(name: str, values: Floats, levels: list[str], usable: NDArray[np.bool_]) -> list[tuple[str, float | None]]:
    """Each of a predictor's terms with its code (None: a number); Problem for one that is constant."""
    if not levels:
        low, high = (how(values, where=usable, initial=start) for how, start in ((np.min, np.inf), (np.max, -np.inf)))
        if not low < high:
            raise reference.problem("estimate.predictor_constant", column=name)
        return [(name, None)]
    present = np.flatnonzero(np.bincount(values[usable].astype(np.int64), minlength=len(levels)))
    if len(present) < 2:
        raise reference.problem("estimate.predictor_constant", column=name)
    return [(f"{name}={levels[code]}", float(code)) for code in present[1:]]


def _products(levels: dict[str, list[Part]], parts: list[str]) -> list[tuple[str, list[Part]]]:
    """Every product of the terms of some columns: its name, and its parts."""
    found: list[tuple[str, list[Part]]] = [("", [])]
    for column in parts:
        found = [
            (f"{name}:{term}" if name else term, [*before, (column, code)])
            for name, before in found
            for term, code in levels[column]
        ]
    return found


def _fill(out: Floats, columns: Mapping[str, tuple[Floats, list[str]]], parts: list[Part]) -> None:
    """One term's column, the product of its parts."""
    for number, (column, code) in enumerate(parts):
        values = columns[column][0]
        part = values if code is None else values == code
        np.multiply(out, part, out=out) if number else np.copyto(out, part)
    for column, code in parts:
        if code is not None:
            np.copyto(out, np.nan, where=np.isnan(columns[column][0]))


def _check(matrix: Floats, names: list[str], usable: NDArray[np.bool_]) -> None:
    """Raises Problem for a term that is constant or a sum of others among the usable rows."""
    if not names:
        return
    middle = np.array([np.mean(column, where=usable) for column in matrix.T])
    gram = np.zeros((len(names), len(names)))
    whole = bool(usable.all())
    for rows in blocks(len(matrix)):
        block = matrix[rows] - middle
        block = block if whole else block[usable[rows]]
        gram += block.T @ block
    place = aliased(gram)
    if place is not None:
        raise reference.problem("estimate.predictor_aliased", term=names[place], others=_others(gram, names, place))


def _others(gram: Floats, names: list[str], place: int) -> str:
    """The terms before one that add up to it."""
    size = np.sqrt(np.maximum(np.diagonal(gram), np.finfo(float).tiny))
    shape = gram / np.outer(size, size)
    slopes = np.linalg.lstsq(shape[:place, :place], shape[:place, place], rcond=1e-10)[0]
    return ", ".join(name for name, slope in zip(names, slopes, strict=False) if abs(slope) > 1e-6) or "intercept"
