"""What a machine finds: models that are told nothing about causes, judged only on households they have not seen.

Households and PSUs that hang together form groups; a group is in one fold only, and each fold is predicted by a model
of the others. A factor's importance is what the held-out AUC loses when the households of a fold exchange their values
of it. The mean over all exchanges is worked out, not drawn: each household counts with every level, in the share the
level has in its fold. Intervals come from learning everything anew on resamples of PSUs. Importance tells what helps to
tell households apart; it is no evidence of cause.
Sources: Breiman (2001), Machine Learning 45(1), 5-32; Friedman (2001), Annals of Statistics 29(5), 1189-1232.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, function_of, make_replicates
from aidlib.estimate import terms as terms_of
from aidlib.estimate.regression import Shared
from aidlib.estimate.sampling import Floats, Ints, codes
from aidlib.estimate.study import Found
from aidlib.estimate.terms import Terms

DEPTHS = {"additive": 1, "boosted": 2}  # trees of one split add up factor by factor; two let pairs of factors interact
KINDS = (*DEPTHS, "logit")
EVENTS = 50  # fewer households with the outcome, or without, teach nothing that may be published
GRID = 10  # so many typical values stand for a number with more


@dataclass(frozen=True, eq=False)
class Levels:
    """What a factor can be: names, the terms' columns, their values (levels × columns), each cell's level."""

    names: list[str]
    columns: list[int]
    values: Floats
    code: Ints


@dataclass(frozen=True, eq=False)
class Machine:
    """What a model found; ``values`` of the figures: AUC, AUC without each factor, mean risk at each level."""

    study: Study
    unit: Ints
    factors: dict[str, Levels]
    kind: str
    fold: Ints
    values: Floats
    thetas: Floats

    @property
    def accuracy(self) -> Estimates:
        """AUC of the held-out predictions: of pairs with and without the outcome, in how many the order is right."""
        return self._estimates(np.array([0]), self.values[:1], self.thetas[:1], "auc", "index", None)

    @property
    def importance(self) -> Estimates:
        """What the held-out AUC loses when values of a factor are exchanged; key ``factor``."""
        at = 1 + np.arange(len(self.factors))
        keys = pd.DataFrame({"factor": list(self.factors)}, dtype="str")
        lost, each = self.values[0] - self.values[at], self.thetas[0] - self.thetas[at]
        return replace(self._estimates(at, lost, each, "importance", "index", keys), kind="effect")

    def dependence(self, factor: str) -> Estimates:
        """Partial dependence: mean predicted risk if everyone were at each level; key column the factor."""
        if factor not in self.factors:
            raise reference.problem("estimate.no_predictor", column=factor)
        start = 1 + len(self.factors)
        for name, levels in self.factors.items():
            if name == factor:
                break
            start += len(levels.names)
        at = start + np.arange(len(self.factors[factor].names))
        keys = pd.DataFrame({factor: self.factors[factor].names}, dtype="str")
        found = self._estimates(at, self.values[at], self.thetas[at], "partial_dependence", "share", keys)
        return replace(found, kind="curve")

    def _estimates(
        self, at: Ints, values: Floats, thetas: Floats, measure: str, unit: str, keys: pd.DataFrame | None
    ) -> Estimates:
        whole = len(self.unit) == len(self.study.sample)
        members = Shared(self.unit, np.zeros(0, dtype=np.int64), len(at), whole)
        found = Found(members, values, self.study.deviations(values, thetas))
        return self.study.estimates(found, measure=measure, unit=unit, method=f"causes_{measure}", keys=keys)


def learn(
    sample: pd.DataFrame,
    design: Design | None,
    outcome: str,
    factors: Sequence[str],
    *,
    kind: str = "boosted",
    unit: str = "household_id",
    folds: int = 5,
    resamples: int = 30,
    seed: str = "machine",
    base: str | None = None,
) -> Machine:
    """A model of ``outcome`` (0, 1) learnt on folds of households and PSUs, and anew on resamples of PSUs.

    kind: "boosted" (gradient boosting, trees of two levels), "additive" (trees of one split) or "logit"
    (ridge-penalised), all with survey weights. Rows without the outcome or a factor are left out, as in a regression.
    unit: a column whose rows stay together (a household over its waves); resamples: by the rescaled bootstrap, none
    where the design has replicate weights, which then are used. seed: a name; folds and resamples follow from it.
    Raises Problem as ``regression``, and for a complete count, fewer than 50 rows with or without the outcome, or
    fewer groups than folds.
    """
    if kind not in KINDS:
        raise reference.problem("estimate.option", option="kind", allowed=", ".join(KINDS))
    design = Design() if design is None else design
    if design.complete:
        raise reference.problem("causes.complete_count")
    group = _groups(sample, design, unit)
    if design.replicates is None:
        made = make_replicates(sample, design, kind="bootstrap", replicates=resamples, seed=seed)
        sample, design = made.sample, made.design
    study = Study.of(sample, design, base=base)
    y, weight = study.flag(outcome), study.sampling.weight
    known = np.isfinite(y) & (weight > 0)
    found = terms_of(sample, factors, known)
    rows = np.flatnonzero(known & found.complete)
    events = int(y[rows].sum())
    if min(events, len(rows) - events) < EVENTS:
        raise reference.problem("causes.few_events", outcome=outcome, events=events, least=EVENTS)
    fold = _folds(group[rows], folds, seed)
    cells = _Cells.of(found, rows, y[rows].astype(np.int64), fold, folds)
    replicates = study.sampling.replicates
    assert replicates is not None  # given or made above
    with _one_thread():
        values = cells.figures(weight[rows], kind)
        thetas = np.column_stack([cells.figures(column[rows], kind) for column in replicates.T])
    everywhere = np.full(len(sample), -1, dtype=np.int64)
    everywhere[rows] = fold
    return Machine(study, rows, cells.factors, kind, everywhere, values, thetas)


def interactions(boosted: Machine, additive: Machine) -> Estimates:
    """Gain in held-out AUC by trees of two levels over trees of one split, with the same folds and resamples.

    An interval around 0: the factors add up on the scale of log odds, no pair of them works together in a way that
    shows.
    """
    return function_of(
        lambda two, one: two - one, measure="interaction_gain", unit="index", method="causes_interactions",
        two=boosted.accuracy, one=additive.accuracy,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Cells:
    """Rows alike in all factors as one: matrix of the distinct ones, and where each used row stands."""

    matrix: Floats
    factors: dict[str, Levels]
    place: Ints  # (fold × cells + cell) × 2 + outcome of each row used
    folds: int

    @classmethod
    def of(cls, found: Terms, rows: Ints, y: Ints, fold: Ints, folds: int) -> _Cells:
        matrix, cell = np.unique(found.matrix[rows], axis=0, return_inverse=True)
        cell = cell.ravel()
        factors = {}
        for factor in dict.fromkeys(found.factors):
            columns = [i for i, name in enumerate(found.factors) if name == factor]
            held, texts = found.columns.get(factor, (matrix[:, columns[0]], []))
            first = texts[int(held[rows].min())] if texts else ""
            factors[factor] = _levels(matrix, columns, [found.names[i] for i in columns], np.bincount(cell), first)
        return cls(matrix, factors, (fold * len(matrix) + cell) * 2 + y, folds)

    def figures(self, weight: Floats, kind: str) -> Floats:
        """AUC, AUC without each factor, and mean risk at each level, over the folds; missing where one cannot learn."""
        size = len(self.matrix)
        table = np.bincount(self.place, weights=weight, minlength=self.folds * size * 2).reshape(self.folds, size, 2)
        parts, pairs, mass = [], [], []
        for held in range(self.folds):
            train = table.sum(axis=0) - table[held]
            if min(*train.sum(axis=0), *table[held].sum(axis=0)) <= 0:
                continue
            parts.append(self._held(_trained(self.matrix, np.maximum(train, 0.0), kind), table[held]))
            pairs.append(table[held].sum(axis=0).prod())
            mass.append(table[held].sum())
        if not parts:
            return np.full(1 + len(self.factors) + sum(len(f.names) for f in self.factors.values()), np.nan)
        figures, ranked = np.array(parts), 1 + len(self.factors)
        means = [np.average(figures[:, :ranked], axis=0, weights=pairs)]
        return np.concatenate([*means, np.average(figures[:, ranked:], axis=0, weights=mass)])

    def _held(self, model: Any, table: Floats) -> Floats:
        """The figures of one fold, its weights by cell and outcome."""
        here = np.flatnonzero(table.sum(axis=1) > 0)
        matrix, table = self.matrix[here], table[here]
        lost, means = [], []
        for levels in self.factors.values():
            share = np.bincount(levels.code[here], weights=table.sum(axis=1), minlength=len(levels.names))
            share = share / share.sum()
            moved = np.repeat(matrix[None], len(share), axis=0)
            moved[:, :, levels.columns] = levels.values[:, None, :]
            score = model.decision_function(moved.reshape(-1, matrix.shape[1])).reshape(len(share), -1)
            each = (share[:, None, None] * table).reshape(-1, 2)
            lost.append(_auc(score.ravel(), each))
            means += ((1 / (1 + np.exp(-score))) @ table.sum(axis=1) / table.sum()).tolist()
        return np.array([_auc(model.decision_function(matrix), table), *lost, *means])


def _levels(matrix: Floats, columns: list[int], names: list[str], count: Ints, first: str) -> Levels:
    """The levels of a factor (first: its reference); a number with many values is told by ``GRID`` typical ones."""
    values, code = np.unique(matrix[:, columns], axis=0, return_inverse=True)
    code = code.ravel()
    if len(columns) == 1 and len(values) > GRID:
        held = np.bincount(code, weights=count)
        group = np.minimum(((np.cumsum(held) - held / 2) / held.sum() * GRID).astype(np.int64), GRID - 1)
        group = np.unique(group, return_inverse=True)[1]
        middle = [np.flatnonzero(group == g)[np.count_nonzero(group == g) // 2] for g in range(group.max() + 1)]
        values, code = values[middle], group[code]
    if "=" not in names[0]:
        return Levels([f"{value:g}" for value in values[:, 0]], columns, values, code)
    said = [first, *(name.split("=", 1)[1] for name in names)]
    place = np.where(values.any(axis=1), values.argmax(axis=1) + 1, 0)
    order = np.argsort(place)
    return Levels([said[i] for i in place[order]], columns, values[order], np.argsort(order)[code])


def _trained(matrix: Floats, table: Floats, kind: str) -> Any:
    """An estimator of scikit-learn; one row per cell and outcome, weighing what the cell's rows weigh."""
    weight = table.ravel()
    kept = weight > 0
    x, y = np.repeat(matrix, 2, axis=0)[kept], np.tile([0, 1], len(matrix))[kept]
    weight = weight[kept] / weight.sum() * EVENTS * 100  # a size at which the penalties below are mild
    if kind == "logit":
        from sklearn.linear_model import LogisticRegression
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        return make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)).fit(
            x, y, standardscaler__sample_weight=weight, logisticregression__sample_weight=weight
        )
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.1, max_iter=80, max_depth=DEPTHS[kind], min_samples_leaf=1, l2_regularization=10.0,
        max_bins=32, early_stopping=False, random_state=0,
    ).fit(x, y, sample_weight=weight)  # fmt: skip


def _auc(score: Floats, table: Floats) -> float:
    """Weighted area under the ROC curve; ``table``: weight without and with the outcome."""
    level = np.unique(score, return_inverse=True)[1]
    without, with_ = (np.bincount(level, weights=column) for column in table.T)
    below = np.cumsum(without) - without / 2
    return float(with_ @ below / (with_.sum() * without.sum()))


def _groups(sample: pd.DataFrame, design: Design, unit: str) -> Ints:
    """Rows that share a household or a first-stage cluster, directly or by others, have one number."""
    if unit not in sample:
        raise reference.problem("estimate.no_column", column=unit)
    mine = codes(sample[unit])
    if not design.psus:
        return mine
    names = [design.psus[0], *([design.strata] if design.strata and design.nested else [])]
    psu = sample.groupby(names, sort=True).ngroup().to_numpy() + mine.max() + 1
    size = int(psu.max()) + 1
    return connected_components(sparse.coo_array((np.ones(len(mine)), (mine, psu)), shape=(size, size)))[1][mine]


def _folds(group: Ints, folds: int, seed: str) -> Ints:
    """Each row's fold: groups in an order that follows from the seed, dealt out one by one."""
    distinct, code = np.unique(group, return_inverse=True)
    if len(distinct) < folds or folds < 2:
        raise reference.problem("causes.few_groups", groups=len(distinct), folds=folds)
    key = hashlib.blake2b(f"folds:{seed}".encode(), digest_size=8).digest()
    order = np.random.default_rng(int.from_bytes(key, "little")).permutation(len(distinct))
    return np.asarray(order[code] % folds, dtype=np.int64)


def _one_thread() -> Any:
    """One thread for scikit-learn: sums in one order."""
    from threadpoolctl import threadpool_limits

    import_module("sklearn.ensemble")  # only threads of libraries that are there already can be limited
    return threadpool_limits(1)
