"""From the store to a survey: tables with every column of the dictionary, the sampling design, real values, panel."""

from aidlib.survey.areas import beside_direct, known_of_regions, several_regions, sizes, with_care
from aidlib.survey.deprivation import DIMENSIONS, deprivations
from aidlib.survey.load import Survey, load
from aidlib.survey.quality import attrition, check_rates, heaping, item_missing, precision, rows_account
from aidlib.survey.register import flow, on_file, register_figures, stock
from aidlib.survey.shape import (
    bands,
    deflated,
    group_by_each,
    last_two,
    membership,
    pairs,
    rigid_per_head,
    unfold,
    within,
)

__all__ = [
    "DIMENSIONS",
    "Survey",
    "attrition",
    "bands",
    "beside_direct",
    "check_rates",
    "deflated",
    "deprivations",
    "flow",
    "group_by_each",
    "heaping",
    "item_missing",
    "known_of_regions",
    "last_two",
    "load",
    "membership",
    "on_file",
    "pairs",
    "precision",
    "register_figures",
    "rigid_per_head",
    "rows_account",
    "several_regions",
    "sizes",
    "stock",
    "unfold",
    "with_care",
    "within",
]
