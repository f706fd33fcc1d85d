"""Listening to workers: scales and their reliability, satisfaction, wishes, and what hardship does to mind and work."""

from aidlib.wellbeing.ordered import cut_logits, ordered_logit, proportional_odds
from aidlib.wellbeing.scales import item_statistics, reliability, score
from aidlib.wellbeing.stability import (
    Stability,
    congruence,
    drift,
    factor_loadings,
    item_thresholds,
    stability,
    threshold_shift,
)

__all__ = [
    "Stability",
    "congruence",
    "cut_logits",
    "drift",
    "factor_loadings",
    "item_statistics",
    "item_thresholds",
    "ordered_logit",
    "proportional_odds",
    "reliability",
    "score",
    "stability",
    "threshold_shift",
]
