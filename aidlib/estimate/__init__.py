"""Estimates of a complex sample: what each number is, how sure it is, and what the release gate must know about it."""

from aidlib.estimate.changes import change
from aidlib.estimate.design import Design, Replicates
from aidlib.estimate.estimates import Estimates, stack
from aidlib.estimate.measures import count, mean, proportion, ratio, total, unit_of
from aidlib.estimate.quantiles import quantile
from aidlib.estimate.study import Study

__all__ = [
    "Design",
    "Estimates",
    "Replicates",
    "Study",
    "change",
    "count",
    "mean",
    "proportion",
    "quantile",
    "ratio",
    "stack",
    "total",
    "unit_of",
]
