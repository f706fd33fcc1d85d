"""Results for a report on many places: where a place holds too few cases for an analysis, no result and no stop."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aidlib.estimate import Estimates
from aidlib.estimate.estimates import COLUMNS
from aidlib.reference import Problem

TOO_FEW = frozenset(
    {
        "estimate.no_outcome",
        "estimate.no_solution",
        "estimate.one_outcome",
        "estimate.predictor_aliased",
        "estimate.predictor_constant",
        "estimate.predictor_missing",
        "estimate.separation",
        "relapse.class_without_events",
        "relapse.few_events",
        "relapse.few_values",
        "relapse.no_cause",
        "relapse.no_contrast",
        "relapse.no_event",
        "relapse.no_hazard",
        "relapse.no_year",
        "relapse.nobody_visited",
        "relapse.one_group",
        "relapse.separated",
        "relapse.single_cause",
        "relapse.single_rows",
    }
)


def if_estimable(analysis: Callable[..., Any], /, *arguments: Any, **options: Any) -> Any:
    """What ``analysis`` finds, or a result without a value where the cases are too few for it.

    Too few: no event, one group only, a predictor that nobody or everybody has, separation, a model that does not
    settle. A chapter tells such a result in a sentence, so that one notebook serves a province and its smallest city.
    All other Problems (a missing column, contradictory rows) are raised.
    """
    try:
        return analysis(*arguments, **options)
    except Problem as problem:
        if problem.key not in TOO_FEW:
            raise
        return nothing()


def nothing() -> Estimates:
    """A result of one row without a value, of no units."""
    numbers = {column: [np.nan] for column in COLUMNS if column not in ("measure", "flag")}
    row = {"domain": ["all"], "measure": ["empty"], **numbers, "flag": ["empty"]}
    rows = pd.DataFrame(row)[["domain", *COLUMNS]].assign(n=0.0)
    return Estimates(rows=rows, domains=("domain",), keys=(), unit="number", kind="level", method="", population="")
