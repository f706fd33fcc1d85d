"""The Shapley value: what each of several factors adds to a number, as the mean over all orders of adding them.

    phi_j = sum over S without j of  |S|! (k - |S| - 1)! / k!  (v(S with j) - v(S))

The only split that adds up to v(all) - v(none), gives factors that act alike alike shares, one that never acts 0, and
the sum of two numbers the sum of their shares. Sources: Shapley (1953), Contributions to the Theory of Games II,
307-317; for decompositions of poverty Shorrocks (2013), J. Economic Inequality 11(1), 99-126.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import factorial
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib import reference
from aidlib.estimate import Estimates
from aidlib.estimate.estimates import COVARIANCE_ROWS
from aidlib.estimate.influence import Influence
from aidlib.estimate.intervals import wald
from aidlib.estimate.sampling import Floats

MOST = 12  # factors: the subsets, 4,096, are all evaluated
Margins = tuple[tuple[int, tuple[int, ...]], ...]
Value = Callable[[frozenset[str]], Estimates]


def shapley(value: Value, factors: Sequence[str]) -> Estimates:
    """Shares of ``factors`` in value(all) - value(none) and that ``total``, in key column ``component``, row by row.

    value: the number where only the given factors are present, as Estimates of one sample with the same rows whatever
    the factors; it is called once for each of the 2^k subsets. The shares' influence values are the same sums as the
    shares, so their errors and covariances are those of the design. n, count, psus and df: the smallest of all subsets;
    shares come in pp. Raises Problem for no, repeated or more than 12 factors, for rows that differ between subsets, or
    values without influence.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"illness": [3.0, 1, 2], "schooling": [1.0, 0, 5]})
    >>> def cost(present):
    ...     return mean(sample.assign(cost=sample[list(present)].sum(axis=1)), None, "cost")
    >>> found = shapley(cost, ["illness", "schooling"])
    >>> dict(zip(found.rows["component"], found.rows["estimate"]))
    {'illness': 2.0, 'schooling': 2.0, 'total': 4.0}
    """
    names = checked(factors, reserved=("total",))
    weights = np.column_stack([shapley_weights(len(names)), total_weights(len(names))])
    first: Estimates | None = None
    summed: dict[str, Any] = {}
    for number, line in enumerate(weights):
        found = value(frozenset(name for place, name in enumerate(names) if number >> place & 1))
        first = first or found
        _check_same(first, found, names)
        summed = _added(summed, found, line)
    assert first is not None  # there are at least two subsets
    return _estimates(first, summed, [*names, "total"])


def shapley_weights(factors: int) -> Floats:
    """Subsets × factors: with what weight the value of each subset enters the share of each factor.

    Subset s holds factor j where bit j of s is 1.
    """
    if factors == 0:
        return np.empty((1, 0))
    present = membership(factors)
    size = present.sum(axis=1)
    orders = np.array([factorial(s) * factorial(factors - 1 - s) / factorial(factors) for s in range(factors)])
    added, left_out = orders[np.maximum(size - 1, 0)], orders[np.minimum(size, factors - 1)]
    return np.where(present, added[:, None], -left_out[:, None])


def total_weights(factors: int) -> Floats:
    """By subset: that of all factors less that of none."""
    return np.concatenate([[-1.0], np.zeros(2**factors - 2), [1.0]])


def membership(factors: int) -> np.ndarray:
    """Subsets × factors: whether the subset holds the factor."""
    return (np.arange(2**factors)[:, None] >> np.arange(factors) & 1).astype(bool)


def checked(factors: Sequence[str], reserved: Sequence[str]) -> list[str]:
    """The factors as a list; Problem for none, one named twice or as in ``reserved``, or more than can be evaluated."""
    names = list(factors)
    if not names or len({*names, *reserved}) < len(names) + len(reserved):
        raise reference.problem("causes.factors", factors=", ".join(names) or "-")
    if len(names) > MOST:
        raise reference.problem("causes.too_many", factors=len(names), most=MOST)
    return names


def _check_same(first: Estimates, found: Estimates, names: list[str]) -> None:
    columns = [*first.domains, *first.keys]
    same = [*found.domains, *found.keys] == columns
    if not same or not all(found.rows[name].equals(first.rows[name]) for name in columns):
        raise reference.problem("estimate.rows_differ", parts=", ".join(names))
    if found._influence is None or first._influence is None:
        raise reference.problem("estimate.not_linearised")
    if not first._influence.sampling.same(found._influence.sampling):
        raise reference.problem("estimate.samples_differ", parts=", ".join(names))


def _added(summed: dict[str, Any], found: Estimates, weights: Floats) -> dict[str, Any]:
    """The sums so far with one more subset: rows × shares, influence values by (row, share), least of the counts."""
    assert found._influence is not None  # checked before
    plain = _plain(found._influence)
    times = np.kron if isinstance(plain, np.ndarray) else _kron
    new = {
        "estimate": np.outer(found.rows["estimate"], weights),
        "influence": times(plain, weights[None, :]),
        "care": (found.rows["flag"] != "").to_numpy(),
        "least": np.column_stack([found.rows[name] for name in ("n", "df", "count", "psus")]),
    }
    if not summed:
        return new
    return {
        "estimate": summed["estimate"] + new["estimate"],
        "influence": summed["influence"] + new["influence"],
        "care": summed["care"] | new["care"],
        "least": np.fmin(summed["least"], new["least"]),
    }


def _plain(influence: Influence) -> Any:
    """Influence values of the statistics themselves: units × statistics, with replicates replicates × statistics."""
    if influence.sampling.replicates is not None:
        values = np.asarray(influence.values)
        return values if influence.mix is None else np.asarray(values @ influence.mix)
    table = influence.values.tocoo().tocsr()
    return table if influence.mix is None else table @ influence.mix


def _kron(table: Any, line: Floats) -> Any:
    return sparse.csr_array(sparse.kron(table, sparse.csr_array(line), format="csr"))


def _estimates(first: Estimates, summed: dict[str, Any], names: list[str]) -> Estimates:
    assert first._influence is not None  # checked before
    size = len(names)
    influence = Influence(first._influence.sampling, summed["influence"])
    rows = first.rows.loc[first.rows.index.repeat(size)].reset_index(drop=True)
    covariance = influence.covariance() if len(rows) <= COVARIANCE_ROWS else None
    variance = influence.variance() if covariance is None else np.diagonal(covariance)
    estimate = summed["estimate"].ravel()
    n, df, count, psus = np.repeat(summed["least"], size, axis=0).T
    se = np.where(np.isnan(estimate), np.nan, np.sqrt(np.maximum(variance, 0)))
    low, high = wald(estimate, se, df, n, psus)
    flag = np.where(np.isnan(estimate), "empty", np.where(np.repeat(summed["care"], size), "care", ""))
    numbers = {"estimate": estimate, "se": se, "low": low, "high": high, "n": n, "df": df, "count": count}
    rows = rows.assign(measure="shapley", **numbers, psus=psus, top1=np.nan, top2=np.nan, flag=flag)
    rows.insert(len(first.domains) + len(first.keys), "component", pd.Series(names * len(first.rows), dtype="str"))
    return replace(
        first,
        rows=rows,
        keys=(*first.keys, "component"),
        unit="pp" if first.unit == "share" else first.unit,
        method="causes_shapley",
        additive=False,
        margins=spread(first.margins, size) + sums_of_parts(len(first.rows), size),
        covariance=covariance,
        _influence=influence,
    )


def spread(margins: Margins, size: int) -> Margins:
    """Margins between rows as those between the shares of the rows."""
    return tuple(
        (total * size + place, tuple(part * size + place for part in parts))
        for total, parts in margins
        for place in range(size)
    )


def sums_of_parts(domains: int, size: int) -> Margins:
    """Margins of ``domains`` blocks of ``size`` rows of which the last is the sum of the others."""
    return tuple((start + size - 1, tuple(range(start, start + size - 1))) for start in range(0, domains * size, size))
