"""A design resolved on a sample: weights, cluster codes, and what each stratum's clusters count for in the variance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.design import Design, Replicates

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Columns = pd.DataFrame | Mapping[str, pd.Series]
NAMED = 10  # so many strata are named in a message


@dataclass(frozen=True, eq=False)
class Stage:
    """One stage of sampling.

    cluster: each row's cluster, numbered so that clusters of a stratum follow one another; stratum: each cluster's
    stratum; sizes, scale, centred: per stratum the clusters drawn, the factor of their sum of squares, and whether the
    squares are about the stratum's mean.
    """

    cluster: Ints
    stratum: Ints
    sizes: Floats
    scale: Floats
    centred: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sampling:
    """A design resolved on a sample of N rows; ``replicates`` (N × R), ``spread`` (R): only with replicate weights."""

    weight: Floats
    stages: tuple[Stage, ...]
    df: float
    complete: bool
    replicates: Floats | None = None
    spread: Floats | None = None
    mse: bool = True

    @property
    def psu(self) -> Ints:
        """Each row's first-stage cluster."""
        return self.stages[0].cluster

    @property
    def stratum(self) -> Ints:
        """Each row's first-stage stratum."""
        return self.stages[0].stratum[self.psu]

    def same(self, other: Sampling) -> bool:
        """Whether the other sampling has the same rows in the same clusters (or the same replicates)."""
        if self.complete != other.complete or (self.replicates is None) != (other.replicates is None):
            return False
        if self.replicates is not None and other.replicates is not None:
            return np.array_equal(self.replicates, other.replicates)
        same = len(self.stages) == len(other.stages) and np.array_equal(self.weight, other.weight)
        return same and all(
            np.array_equal(mine.cluster, theirs.cluster) and np.array_equal(mine.scale, theirs.scale)
            for mine, theirs in zip(self.stages, other.stages, strict=True)
        )


def resolve(sample: pd.DataFrame, design: Design | None) -> Sampling:
    """The design's columns checked and coded.

    Raises Problem for a column that is not there, for missing or negative weights, missing strata, clusters or
    population sizes, and for a stratum with one cluster unless the design names a strategy.
    """
    design = Design() if design is None else design
    columns = {name: _complete(sample, name) for name in design.columns}
    weight = np.ones(len(sample)) if design.weight is None else numbers(columns, design.weight)
    if not np.isfinite(weight).all() or (weight < 0).any():
        rows = int((~np.isfinite(weight) | (weight < 0)).sum())
        raise reference.problem("estimate.bad_weight", column=design.weight, rows=rows)
    lonely = "certainty" if design.complete or design.replicates else design.lonely_psu
    stages = _stages(columns, len(sample), design, lonely)
    if design.replicates is None:
        df = np.inf if design.complete else _degrees(stages[0], weight)
        return Sampling(weight, stages, df, design.complete)
    weights = _replicate_weights(columns, design.replicates, weight)
    spread = design.replicates.factor * np.asarray(design.replicates.scales or np.ones(weights.shape[1]))
    return Sampling(weight, stages, _rank(weights) - 1.0, False, weights, spread, design.replicates.mse)


def numbers(sample: Columns, name: str) -> Floats:
    """A column as float64, missing where it is; flags as 0 and 1.

    Raises Problem for a column that is not there or there twice, or that holds text or dates.
    """
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    column = sample[name]
    if isinstance(column, pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)
    if isinstance(column.dtype, np.dtype) and column.dtype.kind in "fi":
        return column.to_numpy(np.float64)
    if column.dtype.kind in "mMc":  # dates would pass as nanoseconds
        raise reference.problem("estimate.not_numeric", column=name, rows=int(column.notna().sum()))
    try:
        return pd.to_numeric(column).to_numpy(np.float64, na_value=np.nan)
    except (ValueError, TypeError):
        wrong = pd.to_numeric(column, errors="coerce").isna() & column.notna()
        raise reference.problem("estimate.not_numeric", column=name, rows=int(wrong.sum())) from None


def finite(sample: Columns, name: str) -> Floats:
    """As ``numbers``; Problem also for infinite ones."""
    values = numbers(sample, name)
    if np.isinf(values).any():
        raise reference.problem("estimate.infinite", column=name, rows=int(np.isinf(values).sum()))
    return values


def _complete(sample: pd.DataFrame, name: str) -> pd.Series:
    """The column; Problem where it is not there, there twice, or lacks a value."""
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    values = sample[name]
    if isinstance(values, pd.DataFrame):
        raise reference.problem("estimate.column_twice", column=name)
    kind = values.dtype.kind if isinstance(values.dtype, np.dtype) else ""
    if kind not in "iub" and (np.isnan(values.to_numpy()) if kind == "f" else values.isna()).any():
        raise reference.problem("estimate.missing_design", column=name, rows=int(values.isna().sum()))
    return values


def codes(values: pd.Series) -> Ints:
    """Numbers 0, 1, … of the distinct values, in sorted order."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = pd.Series(values.cat.codes)
    whole = whole_numbers(values)
    return pd.factorize(values, sort=True)[0].astype(np.int64) if whole is None else whole[0]


def whole_numbers(values: pd.Series) -> tuple[Ints, Ints] | None:
    """Codes and sorted distinct values of a column of integers of a small range, by counting; None for others."""
    if not isinstance(values.dtype, np.dtype) or values.dtype.kind != "i" or not len(values):
        return None
    found = values.to_numpy()
    low, high = int(found.min()), int(found.max())
    if high - low > 4 * len(found) + 1000:
        return None
    shifted = np.subtract(found, low, dtype=np.int64)
    number, levels = numbered(shifted, high - low + 1)
    return number, levels + low


def numbered(keys: Ints, bound: int) -> tuple[Ints, Ints]:
    """Numbers 0, 1, … of the distinct keys (0 … bound - 1), in the order of the keys; and these keys, sorted."""
    if bound <= 8 * len(keys) + 1000:  # counting beats hashing
        present = np.zeros(bound, dtype=bool)
        present[keys] = True
        distinct = np.flatnonzero(present)
        if len(distinct) == bound:
            return keys, distinct
        number = np.zeros(bound, dtype=np.int64)
        number[distinct] = np.arange(len(distinct))
        return number[keys], distinct
    found, first = pd.factorize(keys)
    order = np.argsort(first)
    number = np.empty(len(order), dtype=np.int64)
    number[order] = np.arange(len(order))
    return number[found], first[order]


def _nested(stratum: Ints, cluster: Ints) -> tuple[Ints, Ints]:
    """Clusters (codes that may repeat between strata) numbered stratum by stratum, and the stratum of each number."""
    strata, width = _above(stratum), _above(cluster)
    if strata == 1:
        return cluster, np.zeros(width, dtype=np.int64)
    home = np.zeros(width, dtype=np.int64)
    home[cluster] = stratum
    if np.array_equal(home[cluster], stratum):
        order = np.argsort(home, kind="stable")
        number = np.empty(width, dtype=np.int64)
        number[order] = np.arange(width)
        return number[cluster], home[order]
    found, keys = numbered(stratum * width + cluster, strata * width)
    return found, keys // width


def _stages(sample: Columns, rows: int, design: Design, lonely: str) -> tuple[Stage, ...]:
    """The first stage, and the later ones as far as population sizes are given."""
    stratum = np.zeros(rows, dtype=np.int64) if design.strata is None else codes(sample[design.strata])
    fraction = np.ones(rows)
    stages = []
    depth = max(1, min(len(design.fpcs), len(design.psus)))
    for level in range(depth):
        cluster = codes(sample[design.psus[level]]) if design.psus else np.arange(rows, dtype=np.int64)
        nested, parents = _nested(stratum, cluster)
        if level == 0 and design.psus and not design.nested and len(parents) > _above(cluster):
            _check_crossing(sample, design, cluster, nested)
        population = numbers(sample, design.fpcs[level]) if design.fpcs else None
        sizes = np.bincount(parents, minlength=_above(stratum)).astype(np.float64)
        sampled = _fractions(population, stratum, sizes, design.fpcs[level] if design.fpcs else "")
        share = np.ones(len(sizes))  # of the earlier stages' fractions, equal within what is a stratum here
        if level:
            share[stratum] = fraction
        names = _stratum_names(sample, design, level)
        stages.append(_stage(nested, parents, sizes, sampled, share, lonely, names))
        if level + 1 < depth:
            fraction = fraction * sampled[stratum]
            stratum = nested
    return tuple(stages)


def _check_crossing(sample: Columns, design: Design, cluster: Ints, nested: Ints) -> None:
    """Raises Problem where a first-stage cluster lies in two strata."""
    strata = np.bincount(cluster[np.unique(nested, return_index=True)[1]], minlength=_above(cluster))
    crossing = strata[cluster] > 1
    if crossing.any():
        psus = sorted(sample[design.psus[0]][crossing].astype(str).unique())
        named = ", ".join(psus[:NAMED]) + ("" if len(psus) <= NAMED else " …")
        raise reference.problem("estimate.crossing", psu=design.psus[0], psus=named, rows=int(crossing.sum()))


def _stage(
    cluster: Ints, parents: Ints, sizes: Floats, sampled: Floats, share: Floats, lonely: str, names: pd.Series | None
) -> Stage:
    """What each stratum counts for; ``lonely`` decides on strata with one cluster that are not whole in the sample."""
    rest = 1 - sampled
    alone = (sizes == 1) & (rest > 1e-7)
    if lonely == "fail" and alone.any():
        raise _lonely_problem(cluster, parents, alone, names)
    scale = share * np.where(sizes > 1, rest * sizes / np.maximum(sizes - 1, 1), 0.0)
    if lonely == "adjust":
        scale = np.where(alone, share * rest, scale)
    if lonely == "average" and alone.any():
        scale = scale * len(sizes) / (~alone).sum() if (~alone).any() else np.full(len(sizes), np.nan)
    return Stage(cluster, parents, sizes, scale, centred=~(alone & (lonely == "adjust")))


def _fractions(population: Floats | None, stratum: Ints, sizes: Floats, column: str) -> Floats:
    """Sampled fraction of each stratum; 0 without population sizes."""
    if population is None or not len(population):
        return np.zeros(len(sizes))
    impossible = (population <= 0) | np.isinf(population)
    if impossible.any():
        raise reference.problem("estimate.bad_fpc", column=column, rows=int(impossible.sum()))
    given = population if (population <= 1).all() else sizes[stratum] / population
    low, high = np.full(len(sizes), np.inf), np.zeros(len(sizes))
    np.minimum.at(low, stratum, given)
    np.maximum.at(high, stratum, given)
    wrong = ((high - low > 1e-9) | (high > 1 + 1e-9))[stratum]
    if wrong.any():
        raise reference.problem("estimate.bad_fpc", column=column, rows=int(wrong.sum()))
    return np.minimum(high, 1.0)


def _stratum_names(sample: Columns, design: Design, level: int) -> pd.Series | None:
    column = design.psus[level - 1] if level else design.strata
    return None if column is None else sample[column]


def _lonely_problem(cluster: Ints, parents: Ints, alone: NDArray[np.bool_], names: pd.Series | None) -> Exception:
    if names is None:
        return reference.problem("estimate.one_cluster")
    found = sorted(names[alone[parents[cluster]]].astype(str).unique())
    more = "" if len(found) <= NAMED else " …"
    return reference.problem("estimate.lonely_psu", strata=", ".join(found[:NAMED]) + more, count=len(found))


def _degrees(stage: Stage, weight: Floats) -> float:
    """Clusters minus strata, both counted where they hold a positive weight."""
    if (weight > 0).all():
        return float(len(stage.stratum) - len(stage.sizes))
    held = np.zeros(len(stage.stratum), dtype=bool)
    held[stage.cluster[weight > 0]] = True
    return float(held.sum() - len(np.unique(stage.stratum[held])))


def _replicate_weights(sample: Columns, replicates: Replicates, weight: Floats) -> Floats:
    columns = np.column_stack([numbers(sample, name) for name in replicates.columns])
    bad = np.isinf(columns) if replicates.negative else np.isinf(columns) | (columns < 0)
    if bad.any():
        worst = int(bad.any(axis=0).argmax())
        key = "estimate.bad_weight" if np.isinf(columns[bad]).any() else "estimate.negative_replicates"
        raise reference.problem(key, column=replicates.columns[worst], rows=int(bad[:, worst].sum()))
    return columns if replicates.combined else columns * weight[:, None]


def _rank(columns: Floats) -> float:
    """Rank of the replicate weights by their Gram matrix (singular values above 1e-5 of the largest)."""
    values = np.linalg.eigvalsh(columns.T @ columns)
    return float((values > values.max(initial=0) * 1e-10).sum())


def _above(numbers: Ints) -> int:
    return int(numbers.max(initial=-1)) + 1
