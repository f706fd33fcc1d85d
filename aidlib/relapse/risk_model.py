"""The risk model: the probability of a return within one or three years, from what was known at exit only.

Exits whose whole horizon has not been observed leave training and testing of that horizon (they are not weighted for,
as all exits of a year are followed alike). No aid is refused by this score: see docs/risk_score.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.special import logit as log_odds

from aidlib import reference
from aidlib.estimate import Design
from aidlib.estimate.domains import Members
from aidlib.estimate.sampling import Floats, Ints, codes, finite, resolve
from aidlib.relapse.calibration import EDGE, LogisticLine
from aidlib.relapse.leakage import Predictor, check_leakage

HORIZONS = (1, 3)
KINDS = ("boosted", "logit")
EVENTS = 50  # fewer returns, or exits without, teach a model nothing that may be published
RARE = 50  # a category with fewer exits has no effect of its own: nobody shall be known by it
FOLDS = 3
CUTS = (0.5, 0.8)  # shares of the exits below the middle and the high band of risk
BANDS = ("low", "middle", "high")
AT_EXIT = (
    Predictor("exit_ratio", "exit", -1),
    Predictor("years_on_file", "exit"),
    Predictor("earlier_spells", "exit", 1),
    Predictor("cause_main", "exit"),
    Predictor("recorded_grade", "exit"),
    Predictor("members", "interviewed"),
    Predictor("has_patient", "interviewed", 1),
    Predictor("has_widowed", "interviewed", 1),
    Predictor("has_jobless_child", "interviewed", 1),
)  # columns of ``known_at_exit``


@dataclass(frozen=True)
class RiskModel:
    """What is to be learnt: P(return within ``horizon`` years of an economic exit), and from what.

    horizon: 1 or 3; the outcome is the column ``returned_1y`` or ``returned_3y``, missing unless the whole horizon has
    been observed. predictors: columns known at exit; text columns are categories. Age, sex and region are not among
    the default ones: errors are told by them instead. kind: "boosted", an additive model of monotone steps
    (scikit-learn's HistGradientBoostingClassifier with trees of one split), or "logit", a ridge-penalised logit.
    """

    horizon: int = 1
    predictors: tuple[Predictor, ...] = AT_EXIT
    kind: str = "boosted"

    def __post_init__(self) -> None:
        for option, value, allowed in (("horizon", self.horizon, HORIZONS), ("kind", self.kind, KINDS)):
            if value not in allowed:
                raise reference.problem("estimate.option", option=option, allowed=", ".join(map(str, allowed)))

    @property
    def outcome(self) -> str:
        """The outcome's column."""
        return f"returned_{self.horizon}y"

    def fit(self, exits: pd.DataFrame, design: Design | None, *, unit: str = "household_id") -> FittedRisk:
        """The model learnt from exits with a known outcome, with survey weights and calibrated on folds of households.

        Each fold's households are predicted by a model of the others; intercept and slope of the outcome on these
        predictions correct the model of all (Platt scaling; the slope is kept from turning the order round).
        Raises Problem for a predictor known only after the exit, and where fewer than 50 exits returned or did not.
        """
        check_leakage(exits, self.predictors, outcome=self.outcome)
        y = finite(exits, self.outcome)
        weight = sampling_weight(exits, design)
        at = np.flatnonzero(np.isfinite(y) & (weight > 0))
        events = int(y[at].sum())
        if min(events, len(at) - events) < EVENTS:
            raise reference.problem("relapse.few_events", outcome=self.outcome, events=events, least=EVENTS)
        with _one_thread():
            return self._learnt(exits.iloc[at], y[at], weight[at] / weight[at].mean(), codes(exits[unit].iloc[at]))

    def _learnt(self, exits: pd.DataFrame, y: Floats, weight: Floats, household: Ints) -> FittedRisk:
        encoding = Encoding.of(exits, self.predictors)
        matrix = encoding.matrix(exits)
        raw = np.empty(len(y))
        for fold in range(FOLDS):
            held = household % FOLDS == fold
            part = _trained(self, encoding, matrix[~held], y[~held], weight[~held])
            raw[held] = _log_odds_of(part, matrix[held])
        intercept, slope = _platt(raw, y, weight)
        whole = _trained(self, encoding, matrix, y, weight)
        cuts = _weighted_quantiles(expit(intercept + slope * raw), weight, CUTS)
        return FittedRisk(self, encoding, whole, intercept, slope, cuts, len(y), int(y.sum()))


@dataclass(frozen=True, eq=False)
class FittedRisk:
    """A risk model that has been learnt. n, events: exits it learnt from and returns among them; cuts: of the bands."""

    model: RiskModel
    encoding: Encoding
    estimator: Any
    intercept: float
    slope: float
    cuts: tuple[float, float]
    n: int
    events: int

    def predict(self, exits: pd.DataFrame) -> Floats:
        """Probability of a return within the horizon for each row; missing predictors need no repair."""
        with _one_thread():
            raw = _log_odds_of(self.estimator, self.encoding.matrix(exits))
        return np.asarray(expit(self.intercept + self.slope * raw))

    def bands(self, exits: pd.DataFrame) -> pd.Series:
        """Low, middle or high risk of each row: see ``risk_bands``."""
        return pd.Series(risk_bands(self.predict(exits), self.cuts), index=exits.index)


def risk_bands(risk: Floats | pd.Series, cuts: tuple[float, float]) -> Any:
    """Categorical low, middle, high: below the first cut, between the two, from the second on; missing stays missing.

    >>> list(risk_bands(np.array([0.04, 0.08, 0.3]), (0.05, 0.12)))
    ['low', 'middle', 'high']
    """
    values = np.asarray(risk, dtype=np.float64)
    found = np.where(np.isfinite(values), np.searchsorted(np.asarray(cuts), values, side="right"), -1)
    return pd.Categorical.from_codes(found, dtype=pd.CategoricalDtype(list(BANDS), ordered=True))


@dataclass(frozen=True)
class Encoding:
    """How predictors become numbers: a number in units of its spread, a category as one indicator a frequent level.

    numbers: (centre, spread) of each numeric predictor; levels: of each text predictor. Missing stays missing.
    """

    predictors: tuple[Predictor, ...]
    numbers: dict[str, tuple[float, float]]
    levels: dict[str, tuple[str, ...]]

    @classmethod
    def of(cls, exits: pd.DataFrame, predictors: Sequence[Predictor]) -> Encoding:
        """Centres, spreads and levels of a sample."""
        numbers, levels = {}, {}
        for predictor in predictors:
            column = exits[predictor.name]
            if _is_text(column):
                size = column.value_counts()
                levels[predictor.name] = tuple(sorted(str(v) for v in size.index[size >= RARE]))
            else:
                numbers[predictor.name] = _centre(finite(exits, predictor.name))
        return cls(tuple(predictors), numbers, levels)

    def matrix(self, exits: pd.DataFrame) -> Floats:
        """Exits × terms; missing where the predictor is."""
        columns: list[Floats] = []
        for predictor in self.predictors:
            if predictor.name not in exits:
                raise reference.problem("estimate.no_column", column=predictor.name)
            if predictor.name in self.numbers:
                centre, spread = self.numbers[predictor.name]
                columns.append((finite(exits, predictor.name) - centre) / spread)
            else:
                columns += _indicators(exits[predictor.name], self.levels[predictor.name])
        return np.column_stack(columns)

    @property
    def directions(self) -> list[int]:
        """The direction of each term."""
        parts = [[p.direction] if p.name in self.numbers else [0] * len(self.levels[p.name]) for p in self.predictors]
        return [direction for part in parts for direction in part]


def sampling_weight(exits: pd.DataFrame, design: Design | None) -> Floats:
    """The design's weight of each row, checked; strata and clusters of a part of the sample need not be whole."""
    return resolve(exits, Design(weight=None if design is None else design.weight)).weight


def _is_text(column: pd.Series) -> bool:
    return not pd.api.types.is_numeric_dtype(column)


def _centre(values: Floats) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    spread = float(known.std()) if len(known) else 0.0
    return (float(known.mean()) if len(known) else 0.0, spread if spread > 0 else 1.0)


def _indicators(column: pd.Series, levels: tuple[str, ...]) -> list[Floats]:
    missing = column.isna().to_numpy()
    texts = column.astype("str").to_numpy(object)
    return [np.where(missing, np.nan, texts == level) for level in levels]


def _one_thread() -> Any:
    """One thread for scikit-learn: sums in one order, and no threads that wait for each other on a busy machine."""
    from threadpoolctl import threadpool_limits

    import_module("sklearn.ensemble")  # only threads of libraries that are there already can be limited
    return threadpool_limits(1)


def _trained(model: RiskModel, encoding: Encoding, matrix: Floats, y: Floats, weight: Floats) -> Any:
    """An estimator of scikit-learn that has learnt; a term without any value counts 0."""
    known = np.where(np.isnan(matrix).all(axis=0), 0.0, matrix)
    if model.kind == "logit":
        return _logit().fit(known, y, logisticregression__sample_weight=weight)
    return _boosted(encoding.directions).fit(known, y, sample_weight=weight)


def _logit() -> Any:
    """Ridge-penalised logistic regression; what is missing counts as the mean and has an indicator of its own."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    imputer = SimpleImputer(strategy="constant", fill_value=0.0, add_indicator=True, keep_empty_features=True)
    return make_pipeline(imputer, LogisticRegression(C=1.0, max_iter=1000))


def _boosted(directions: list[int]) -> Any:
    """Boosted stumps: a sum of one step function a predictor that never turns against the ``directions`` of theory.

    Deeper trees told no more of planted or demonstration returns, and one step a predictor can be read and contested.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(
        learning_rate=0.1,
        max_iter=60,
        max_depth=1,
        min_samples_leaf=50,
        l2_regularization=10.0,
        max_bins=32,
        monotonic_cst=directions,
        early_stopping=False,
        random_state=0,
    )


def _log_odds_of(estimator: Any, matrix: Floats) -> Floats:
    return np.asarray(log_odds(np.clip(estimator.predict_proba(matrix)[:, 1], EDGE, 1 - EDGE)))


def _platt(raw: Floats, y: Floats, weight: Floats) -> tuple[float, float]:
    """Intercept and slope of the outcome on the log odds predicted for other households; slope 0 where it is negative.

    Source: Platt (1999), Advances in Large Margin Classifiers, 61-74.
    """
    everyone = np.arange(len(y), dtype=np.int64)
    line = LogisticLine(Members(everyone, np.zeros_like(everyone), 1, whole=True), weight, raw, y)
    intercept, slope = line.solved(slope=True)[:, 0].tolist()
    if slope > 0:
        return intercept, slope
    return float(log_odds((weight * y).sum() / weight.sum())), 0.0


def _weighted_quantiles(values: Floats, weight: Floats, shares: tuple[float, float]) -> tuple[float, float]:
    order = np.argsort(values, kind="stable")
    place = np.cumsum(weight[order]) / weight.sum()
    low, high = (float(values[order][min(int(np.searchsorted(place, s)), len(order) - 1)]) for s in shares)
    return low, high
