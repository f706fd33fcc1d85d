"""Estimates of a complex sample: what each number is, how sure it is, and what the release gate must know about it."""

from aidlib.estimate.bootstrap import bootstrap
from aidlib.estimate.changes import change
from aidlib.estimate.comparisons import compare, p_values
from aidlib.estimate.design import Design, Replicates
from aidlib.estimate.estimates import Estimates, stack
from aidlib.estimate.functions import function_of
from aidlib.estimate.imputation import Imputed, impute
from aidlib.estimate.margins import average_predictions, marginal_effects
from aidlib.estimate.measures import count, mean, proportion, ratio, total, unit_of
from aidlib.estimate.missing import item_nonresponse, nonresponse_rate, patterns
from aidlib.estimate.pooling import delta_adjusted, missing_information, pooled, tipping_point
from aidlib.estimate.quality import Standard, design_effect, grade
from aidlib.estimate.quantiles import quantile
from aidlib.estimate.ranks import rank_intervals
from aidlib.estimate.regression import exponentiated, regression
from aidlib.estimate.replication import make_replicates
from aidlib.estimate.response import adjust_nonresponse, panel_weights
from aidlib.estimate.small_areas import fay_herriot, small_area_model
from aidlib.estimate.study import Study
from aidlib.estimate.terms import Terms, terms
from aidlib.estimate.trends import equality, linearity, trend
from aidlib.estimate.weighting import Weighted, calibrate, trim

__all__ = [
    "Design",
    "Estimates",
    "Imputed",
    "Replicates",
    "Standard",
    "Study",
    "Terms",
    "Weighted",
    "adjust_nonresponse",
    "average_predictions",
    "bootstrap",
    "calibrate",
    "change",
    "compare",
    "count",
    "delta_adjusted",
    "design_effect",
    "equality",
    "exponentiated",
    "fay_herriot",
    "function_of",
    "grade",
    "impute",
    "item_nonresponse",
    "linearity",
    "make_replicates",
    "marginal_effects",
    "mean",
    "missing_information",
    "nonresponse_rate",
    "p_values",
    "panel_weights",
    "patterns",
    "pooled",
    "proportion",
    "quantile",
    "rank_intervals",
    "ratio",
    "regression",
    "small_area_model",
    "stack",
    "terms",
    "tipping_point",
    "total",
    "trend",
    "trim",
    "unit_of",
]
