"""What a risk model must beat: the base rate, income at exit below a multiple of the line, a penalised logit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.estimate.sampling import Floats, finite
from aidlib.relapse.risk_model import RiskModel, sampling_weight

INCOME = "exit_ratio"


class Fitted(Protocol):
    """What has been learnt from earlier exits and predicts later ones."""

    def predict(self, exits: pd.DataFrame) -> Floats:
        """Probability of a return for each row."""


class Rule(Protocol):
    """A model or rule that learns from exits with known outcomes."""

    def fit(self, exits: pd.DataFrame, design: Design | None, *, unit: str = "household_id") -> Fitted:
        """The rule with the rates of these exits."""


@dataclass(frozen=True)
class Rates:
    """Rates learnt by a rule: of exits below the threshold, of the others, and of those without an income."""

    below: float
    above: float
    unknown: float
    column: str | None = None
    threshold: float = np.nan

    def predict(self, exits: pd.DataFrame) -> Floats:
        """The rate of each row's side."""
        if self.column is None:
            return np.full(len(exits), self.unknown)
        income = finite(exits, self.column)
        return np.where(np.isnan(income), self.unknown, np.where(income < self.threshold, self.below, self.above))


@dataclass(frozen=True)
class BaseRate:
    """Everyone has the return rate of the earlier exits."""

    outcome: str

    def fit(self, exits: pd.DataFrame, design: Design | None, *, unit: str = "household_id") -> Rates:
        """The weighted share that returned."""
        y, weight = finite(exits, self.outcome), sampling_weight(exits, design)
        rate = _rate(y, weight, np.ones(len(y), dtype=bool))
        return Rates(rate, rate, rate)


@dataclass(frozen=True)
class IncomeRule:
    """Whoever left with an income below ``threshold`` exit lines is at risk: each side has its earlier return rate.

    column: net income at exit over the exit line (twice the local dibao line), so that 1.5 and 1.8 are the multiples
    that monitoring rules use.
    """

    outcome: str
    threshold: float
    column: str = INCOME

    def fit(self, exits: pd.DataFrame, design: Design | None, *, unit: str = "household_id") -> Rates:
        """The weighted shares that returned of those below and of the others."""
        y, weight, income = finite(exits, self.outcome), sampling_weight(exits, design), finite(exits, self.column)
        below, above = income < self.threshold, income >= self.threshold
        low, high, everyone = (_rate(y, weight, side) for side in (below, above, np.ones(len(y), dtype=bool)))
        sides = [everyone if np.isnan(rate) else rate for rate in (low, high)]
        return Rates(sides[0], sides[1], everyone, self.column, self.threshold)


def benchmarks(model: RiskModel) -> dict[str, Rule]:
    """The rules beside which a model is shown, by the name of the rule."""
    outcome = model.outcome
    return {
        "base_rate": BaseRate(outcome),
        "income_1_5": IncomeRule(outcome, 1.5),
        "income_1_8": IncomeRule(outcome, 1.8),
        "penalised_logit": RiskModel(model.horizon, model.predictors, "logit"),
    }


def _rate(y: Floats, weight: Floats, side: np.ndarray) -> float:
    """Weighted share of 1 among the known on one side; missing where there is nobody."""
    known = side & np.isfinite(y)
    total = float(weight[known].sum())
    return float((weight * y)[known].sum() / total) if total > 0 else np.nan
