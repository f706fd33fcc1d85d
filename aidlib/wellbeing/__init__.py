"""Listening to workers: scales and their reliability, satisfaction, wishes, and what hardship does to mind and work."""

from aidlib.wellbeing.ordered import cut_logits, ordered_logit, proportional_odds
from aidlib.wellbeing.scales import item_statistics, reliability, score

__all__ = ["cut_logits", "item_statistics", "ordered_logit", "proportional_odds", "reliability", "score"]
