"""Multiple imputation by chained equations: every missing value drawn several times from what is known of its unit.

Imputed values serve the figures that ask for them (``pooled``); they are flagged and never written to the store.
Source: van Buuren & Groothuis-Oudshoorn (2011), mice, J. Stat. Softw. 45(3); van Buuren (2018), ch. 4.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import column_codes
from aidlib.estimate.imputation_models import METHODS
from aidlib.estimate.missing import NO_ANSWER, answers
from aidlib.estimate.sampling import Floats, Ints, codes, numbers, resolve

FLAG = "__imputed"
SHRUNK = 2.0  # so many units at the overall mean join the mean of a cluster
NUMERIC, BINARY, TEXT = ("pmm", "norm"), ("logit", "pmm", "norm"), ("multinomial", "ordered")
LEAST = 10  # observed values to impute from


@dataclass(frozen=True, eq=False)
class Filled:
    """Imputed values of a column: positions of its missing rows and values (m × rows), codes of ``levels`` for text."""

    method: str
    at: Ints
    values: Floats
    levels: tuple[str, ...] | None = None


@dataclass(frozen=True, eq=False)
class Imputed:
    """A sample with ``m`` sets of imputed values.

    filled: by column. trace: mean and standard deviation of the imputed values by column, chain and iteration.
    """

    sample: pd.DataFrame
    m: int
    filled: Mapping[str, Filled]
    trace: pd.DataFrame

    def completed(self, number: int) -> pd.DataFrame:
        """The sample with set ``number`` (1 … m) filled in, and ``<column>__imputed`` true where a value is imputed."""
        columns: dict[str, pd.Series] = {}
        for name, found in self.filled.items():
            flag = np.zeros(len(self.sample), dtype=bool)
            flag[found.at] = True
            columns[name] = self._column(name, found, found.values[number - 1])
            columns[name + FLAG] = pd.Series(flag, index=self.sample.index)
        frame = self.sample.assign(**columns)
        frame.attrs = dict(self.sample.attrs)
        return frame

    def adjusted(self, column: str, change: Callable[[Floats], Floats]) -> Imputed:
        """The same imputations with ``change`` applied to the imputed values of a column of numbers."""
        found = self.filled.get(column)
        if found is None:
            raise reference.problem("estimate.not_imputed", column=column, known=", ".join(self.filled))
        if found.levels is not None or found.method == "logit":
            raise reference.problem("estimate.delta", column=column)
        return replace(self, filled={**self.filled, column: replace(found, values=change(found.values))})

    def convergence(self) -> pd.DataFrame:
        """Potential scale reduction of the chain means over the later half of the iterations: column, ``rhat``.

        Near 1 (below about 1.2) once the chains mix (Gelman & Rubin 1992, Stat. Sci. 7(4), 457-472); missing for a
        single iteration, which is exact where only one column is incomplete.
        """
        late = self.trace[self.trace["iteration"] > self.trace["iteration"].max() / 2]
        of_chain = late.groupby(["column", "chain"], sort=False)["mean"].agg(["mean", "var", "size"]).reset_index()
        grouped = of_chain.groupby("column", sort=False)
        within, between = grouped["var"].mean(), grouped["mean"].var()
        length = grouped["size"].first()
        rhat = np.sqrt((length - 1) / length + between / within.where(within > 0))
        return rhat.where(length > 1).rename("rhat").reset_index()

    def _column(self, name: str, found: Filled, values: Floats) -> pd.Series:
        if found.levels is not None:
            column = self.sample[name].copy()
            column.iloc[found.at] = np.array(found.levels, dtype=object)[values.astype(np.int64)]
            return column
        numbers = self.sample[name].to_numpy(np.float64, na_value=np.nan).copy()
        numbers[found.at] = values
        return pd.Series(numbers, index=self.sample.index)


@dataclass(eq=False)
class Variable:
    """A column on its way through the chain: its numbers or codes, what is observed, what is to be imputed."""

    name: str
    method: str
    values: Floats
    seen: NDArray[np.bool_]
    at: Ints
    levels: tuple[str, ...] | None
    centre: float
    spread: float

    def block(self) -> Floats:
        """The column as predictors: scaled numbers, or 0/1 of all levels but one; a mark where it stays missing."""
        left = ~self.seen
        left[self.at] = False
        if self.levels is None:
            parts = [np.where(left, 0.0, (self.values - self.centre) / self.spread)]
        else:
            parts = [(self.values == code).astype(np.float64) for code in range(1, len(self.levels))]
        if left.any():
            parts = [*parts, left.astype(np.float64)]
        return np.stack(parts, axis=1)


def impute(
    sample: pd.DataFrame,
    design: Design | None,
    columns: Sequence[str],
    *,
    predictors: Sequence[str] = (),
    m: int = 20,
    seed: str = "imputation",
    methods: Mapping[str, str] | None = None,
    iterations: int = 10,
    kinds: Sequence[str] = NO_ANSWER,
    clusters: bool = False,
) -> Imputed:
    """``m`` sets of imputed values of ``columns`` by chained equations on each other and on complete ``predictors``.

    methods, by column: "pmm" (predictive mean matching of 5 donors: real values only, the default for numbers),
    "norm" (normal linear model), "logit" (0/1, the default there), "multinomial" (the default for text) or "ordered"
    (text in the order of its code list). Each is fitted to the units with a value, its parameters drawn anew for each
    set. kinds: which missing values are imputed; by default those refused or unknown, since who was not asked, or has
    nothing to tell, has no value to find. The log of the design's weight is always among the predictors (Kim et al.
    2006, J. R. Stat. Soc. B 68(3), 509-521); put strata there where they are few. clusters: also the mean of the
    variable among the other units of the unit's PSU. seed: a name; each set has a generator of its own made from it,
    so results do not depend on order or threads.
    Raises Problem for a column that is not there, a predictor with missing values (impute it as well), a column with
    fewer than 10 values or one kind of values only, a method that does not suit, or m below 2.

    >>> import numpy as np, pandas as pd
    >>> x = np.arange(40.0)
    >>> sample = pd.DataFrame({"x": x, "y": np.where(x % 5 == 0, np.nan, 2 * x)})
    >>> found = impute(sample, None, ["y"], predictors=["x"], m=3)
    >>> int(found.completed(1)["y__imputed"].sum()), bool(found.completed(2)["y"].notna().all())
    (8, True)
    """
    if m < 2:
        raise reference.problem("estimate.few_imputations", m=m)
    known = _known(sample, design, [name for name in predictors if name not in columns])
    parts = [_variable(sample, name, (methods or {}).get(name), kinds) for name in dict.fromkeys(columns)]
    if clusters and design is not None and design.psus and design.psus[0] not in sample:
        raise reference.problem("estimate.no_column", column=design.psus[0])
    cluster = codes(sample[design.psus[0]]) if clusters and design is not None and design.psus else None
    open_ = sorted((part for part in parts if len(part.at)), key=lambda part: len(part.at))
    equations = [Equation.of(part, parts, known, cluster) for part in open_]
    rounds = iterations if len(open_) > 1 else 1
    draws = {part.name: np.empty((m, len(part.at))) for part in parts}
    traces = []
    for chain in range(m):
        rng = _generator(f"{seed}:{chain}")
        for part in open_:
            part.values[part.at] = rng.choice(part.values[part.seen], len(part.at))
        for iteration in range(1, rounds + 1):
            for equation in equations:
                equation.redraw(parts, cluster, rng)
                part = equation.part
                new = part.values[part.at]
                traces.append((part.name, chain + 1, iteration, new.mean(), new.std()))
        for part in open_:
            draws[part.name][chain] = part.values[part.at]
    filled = {part.name: Filled(part.method, part.at, draws[part.name], part.levels) for part in parts}
    return Imputed(sample, m, filled, pd.DataFrame(traces, columns=["column", "chain", "iteration", "mean", "sd"]))


@dataclass(frozen=True, eq=False)
class Equation:
    """The regression of one column: predictors of the units with a value and of those to be imputed (units × terms).

    The first ``fixed`` terms stay as they are; the others are written anew before every draw.
    """

    part: Variable
    fixed: int
    seen: Floats
    unseen: Floats

    @classmethod
    def of(cls, part: Variable, parts: list[Variable], known: Floats, cluster: Ints | None) -> Equation:
        """Room for all terms, the known ones in place."""
        width = sum(block.shape[1] for block in _present(part, parts, cluster))
        room = np.zeros((len(known), width))
        whole = np.concatenate([known, room], axis=1)
        return cls(part, known.shape[1], whole[part.seen], whole[part.at])

    def redraw(self, parts: list[Variable], cluster: Ints | None, rng: np.random.Generator) -> None:
        """Missing values drawn anew given the present values of all other columns."""
        part, start = self.part, self.fixed
        for block in _present(part, parts, cluster):
            end = start + block.shape[1]
            self.seen[:, start:end], self.unseen[:, start:end] = block[part.seen], block[part.at]
            start = end
        part.values[part.at] = METHODS[part.method](self.seen, self.unseen, part.values[part.seen], rng)


def _present(part: Variable, parts: list[Variable], cluster: Ints | None) -> list[Floats]:
    """The predictors that change from draw to draw: the other columns, and the means of the clusters."""
    blocks = [other.block() for other in parts if other is not part]
    return blocks if cluster is None else [*blocks, _cluster_means(part, cluster)]


def _cluster_means(part: Variable, cluster: Ints) -> Floats:
    """Mean of the observed values of the other units of the cluster, drawn to the overall mean; by level for text."""
    if part.levels is None:
        values = ((part.values - part.centre) / part.spread)[:, None]
    else:
        values = (part.values[:, None] == np.arange(1, len(part.levels))).astype(np.float64)
    values = np.where(part.seen[:, None], values, 0.0)
    size = int(cluster.max(initial=-1)) + 1
    count = np.bincount(cluster, weights=part.seen, minlength=size)[cluster] - part.seen
    overall = values[part.seen].mean(axis=0)
    sums = [np.bincount(cluster, weights=column, minlength=size)[cluster] - column for column in values.T]
    return np.asarray((np.stack(sums, axis=1) + SHRUNK * overall) / (count + SHRUNK)[:, None], dtype=np.float64)


def _known(sample: pd.DataFrame, design: Design | None, predictors: Sequence[str]) -> Floats:
    """Intercept, scaled predictors and log weight: units × terms."""
    blocks = [np.ones((len(sample), 1))]
    for name in predictors:
        if name not in sample:
            raise reference.problem("estimate.no_column", column=name)
        if sample[name].isna().any():
            raise reference.problem("estimate.missing_predictor", column=name, rows=int(sample[name].isna().sum()))
        if pd.api.types.is_numeric_dtype(sample[name]) and np.isinf(numbers(sample, name)).any():
            raise reference.problem("estimate.infinite", column=name, rows=int(np.isinf(numbers(sample, name)).sum()))
        block = _predictor(sample[name])
        blocks.append(block[:, (block != block[:1]).any(axis=0)])  # a constant tells nothing beside the intercept
    if design is not None and design.weight is not None:
        weight = resolve(sample, Design(weight=design.weight)).weight
        smallest = weight[weight > 0].min(initial=np.inf)
        logged = np.log(np.maximum(weight, smallest if np.isfinite(smallest) else 1.0))
        if np.ptp(logged) > 0:
            blocks.append(_scaled(logged)[:, None])
    return np.concatenate(blocks, axis=1)


def _predictor(values: pd.Series) -> Floats:
    """A complete column as predictors."""
    if pd.api.types.is_numeric_dtype(values):
        return _scaled(values.to_numpy(np.float64))[:, None]
    code = codes(values.astype("str"))
    return (code[:, None] == np.arange(1, max(int(code.max(initial=0)) + 1, 1))).astype(np.float64)


def _scaled(values: Floats) -> Floats:
    spread = values.std()
    return (values - values.mean()) / (spread if spread > 0 else 1.0)


def _variable(sample: pd.DataFrame, name: str, method: str | None, kinds: Sequence[str]) -> Variable:
    """A column to be imputed, its method checked."""
    if name not in sample:
        raise reference.problem("estimate.no_column", column=name)
    column = sample[name]
    seen = column.notna().to_numpy()
    at = np.flatnonzero(answers(sample, name).isin(list(kinds)).to_numpy() & ~seen)
    levels: tuple[str, ...] | None = None
    if pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column):
        values = column.to_numpy(np.float64, na_value=np.nan).copy()
        allowed = BINARY if np.isin(values[seen], (0.0, 1.0)).all() else NUMERIC
    else:
        values, levels = _text(column)
        allowed = TEXT
    if seen.sum() < LEAST or len(np.unique(values[seen])) < 2:
        raise reference.problem("estimate.nothing_observed", column=name, rows=int(seen.sum()))
    method = method or allowed[0]
    if method not in allowed:
        raise reference.problem("estimate.imputation_method", column=name, method=method, allowed=", ".join(allowed))
    return Variable(name, method, values, seen, at, levels, float(values[seen].mean()), float(values[seen].std()))


def _text(column: pd.Series) -> tuple[Floats, tuple[str, ...]]:
    """Codes of a text column as numbers (missing: NaN), and their texts in the order of the code list."""
    code, levels = column_codes(column)
    return np.where(code < 0, np.nan, code.astype(np.float64)), tuple(levels)


def _generator(seed: str) -> np.random.Generator:
    key = hashlib.blake2b(seed.encode(), digest_size=8).digest()
    return np.random.default_rng(int.from_bytes(key, "little"))
