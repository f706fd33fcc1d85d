"""Answers to the items of a scale: checked against the scale's ends, reversed items turned."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.sampling import Floats, Ints, finite

CLEAR = 0.2  # a correlation with the first component below which the sign of an item says nothing
MOST = 12  # categories of an item that is taken as ordered ones


@dataclass(frozen=True, eq=False)
class Answers:
    """Items of a scale. values: rows × items, all pointing one way, missing where not answered; low, high: its ends."""

    items: tuple[str, ...]
    values: Floats
    low: float
    high: float

    def varied(self) -> Answers:
        """These answers; Problem for an item that nobody answered, or all in the same way."""
        for name, column in zip(self.items, self.values.T, strict=True):
            known = column[np.isfinite(column)]
            if len(column) and (not len(known) or known.min() == known.max()):
                raise reference.problem("wellbeing.item_constant", column=name)
        return self

    @property
    def complete(self) -> NDArray[np.bool_]:
        """Rows with an answer to every item."""
        return np.asarray(np.isfinite(self.values).all(axis=1))

    @property
    def categories(self) -> int:
        """Number of the scale's points."""
        return int(self.high - self.low) + 1

    def codes(self, rows: Ints) -> Ints:
        """Answers of these rows as 0, 1, …; Problem for one that is no whole point, or for too many points."""
        values = self.values[rows] - self.low
        broken = (values != np.round(values)).any(axis=0)
        if broken.any() or self.categories > MOST:
            named = self.items[int(broken.argmax())]
            raise reference.problem("wellbeing.not_ordinal", column=named, most=MOST)
        return values.astype(np.int64)


def answers(
    sample: pd.DataFrame,
    items: Sequence[str],
    reversed: Sequence[str] = (),
    limits: tuple[float, float] | None = None,
) -> Answers:
    """The items with those ``reversed`` turned round (low + high - answer).

    limits: the scale's ends (None: those of the data dictionary, the same for all items). Raises Problem for fewer
    than two items, a reversed one that is no item, unknown or different ends, answers outside them, and for items that
    run against the others and are not said to be reversed.
    """
    items = tuple(items)
    if len(set(items)) < 2:
        raise reference.problem("wellbeing.few_items", least=2, found=len(set(items)))
    strangers = [name for name in reversed if name not in items]
    if strangers:
        raise reference.problem("wellbeing.not_an_item", columns=", ".join(strangers))
    low, high = _limits(items) if limits is None else limits
    values = np.column_stack([finite(sample, name) for name in items])
    _check(items, values, low, high)
    turned = np.isin(items, list(reversed))
    values[:, turned] = low + high - values[:, turned]
    _check_direction(items, values)
    return Answers(items, values, float(low), float(high))


def _limits(items: Sequence[str]) -> tuple[float, float]:
    found = set()
    for table in reference.dictionary().tables.values():
        found |= {(table.columns[name].minimum, table.columns[name].maximum) for name in items if name in table.columns}
    known = [(low, high) for low, high in found if low is not None and high is not None]
    if len(known) != 1 or len(found) != 1:
        raise reference.problem("wellbeing.no_limits", columns=", ".join(items))
    return known[0]


def _check(items: Sequence[str], values: Floats, low: float, high: float) -> None:
    outside = ((values < low) | (values > high)).sum(axis=0)
    if outside.any():
        named = ", ".join(f"{name} ({rows})" for name, rows in zip(items, outside, strict=True) if rows)
        raise reference.problem("wellbeing.outside_scale", columns=named, low=f"{low:g}", high=f"{high:g}")


def _check_direction(items: Sequence[str], values: Floats) -> None:
    """Problem that names the items whose sign on the first component is against that of most others."""
    known = values[np.isfinite(values).all(axis=1)]
    if len(known) <= len(items) or (known.std(axis=0) == 0).any():
        return
    size, directions = np.linalg.eigh(np.corrcoef(known.T))
    loading = directions[:, -1] * np.sqrt(size[-1])
    loading = loading * (np.sign(np.sign(loading).sum()) or np.sign(loading[0]))
    against = [name for name, value in zip(items, loading, strict=True) if value < -CLEAR]
    if against:
        raise reference.problem("wellbeing.against_the_others", columns=", ".join(against))
