"""Listening to workers: scales and their reliability, satisfaction, wishes, and what hardship does to mind and work."""

from aidlib.wellbeing.coding import Words, agreement, coded, to_check
from aidlib.wellbeing.conditional import ordered_within
from aidlib.wellbeing.effects import ordered_effects
from aidlib.wellbeing.listening import (
    low_satisfaction,
    many_codes,
    pressure_bands,
    satisfaction,
    screened,
    wish_ranks,
    wishes,
)
from aidlib.wellbeing.ordered import cut_logits, ordered_logit, proportional_odds
from aidlib.wellbeing.pathways import pathways, within_households
from aidlib.wellbeing.questionnaire import Form, questionnaire, sample_list, source_mapping
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
    "Form",
    "Stability",
    "Words",
    "agreement",
    "coded",
    "congruence",
    "cut_logits",
    "drift",
    "factor_loadings",
    "item_statistics",
    "item_thresholds",
    "low_satisfaction",
    "many_codes",
    "ordered_effects",
    "ordered_logit",
    "ordered_within",
    "pathways",
    "pressure_bands",
    "proportional_odds",
    "questionnaire",
    "reliability",
    "sample_list",
    "satisfaction",
    "score",
    "screened",
    "source_mapping",
    "stability",
    "threshold_shift",
    "to_check",
    "wish_ranks",
    "wishes",
    "within_households",
]
