"""The risk of all who left, learnt where a place is large enough to learn it from."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.reference import Problem
from aidlib.relapse.risk_model import FittedRisk, RiskModel


def learnt(exits: pd.DataFrame, design: Design | None, model: RiskModel | None = None) -> FittedRisk | None:
    """``model`` (None: return within a year) learnt from the exits of ``known_at_exit`` whose horizon is over.

    None where fewer than 50 of them returned, or did not: visits are then planned by income at exit.
    """
    try:
        return (model or RiskModel()).fit(exits, design)
    except Problem as problem:
        if problem.key != "relapse.few_events":
            raise
        return None


def scored(exits: pd.DataFrame, fitted: FittedRisk | None) -> pd.DataFrame:
    """The exits with ``risk``, the probability of a return; missing without a model."""
    return exits.assign(risk=np.nan if fitted is None or not len(exits) else fitted.predict(exits))
