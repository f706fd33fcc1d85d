"""Poverty and inequality: lines, measures, decompositions, change."""

from aidlib.poverty.decomposition import decompose_change
from aidlib.poverty.depth import relative_line, relative_median_gap, sen_shorrocks_thon, watts
from aidlib.poverty.groups import decompose_inequality, fgt_contributions
from aidlib.poverty.inequality import atkinson, generalised_entropy, gini, palma_ratio, quintile_share_ratio
from aidlib.poverty.lines import RelativeLine
from aidlib.poverty.measures import fgt, gap_total, is_poor, poverty_gaps
from aidlib.poverty.movement import entry, growth_incidence
from aidlib.poverty.multidimensional import alkire_foster
from aidlib.poverty.persistence import persistent

__all__ = [
    "RelativeLine",
    "alkire_foster",
    "atkinson",
    "decompose_change",
    "decompose_inequality",
    "entry",
    "fgt",
    "fgt_contributions",
    "gap_total",
    "generalised_entropy",
    "gini",
    "growth_incidence",
    "is_poor",
    "palma_ratio",
    "persistent",
    "poverty_gaps",
    "quintile_share_ratio",
    "relative_line",
    "relative_median_gap",
    "sen_shorrocks_thon",
    "watts",
]
