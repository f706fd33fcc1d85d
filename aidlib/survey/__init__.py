"""From the store to a survey: tables with every column of the dictionary, the sampling design, real values, panel."""

from aidlib.survey.load import Survey, load
from aidlib.survey.quality import attrition, check_rates, heaping, item_missing, precision, rows_account
from aidlib.survey.register import flow, on_file, stock
from aidlib.survey.shape import bands, deflated, group_by_each, last_two, membership, rigid_per_head, unfold, within

__all__ = [
    "Survey",
    "attrition",
    "bands",
    "check_rates",
    "deflated",
    "flow",
    "group_by_each",
    "heaping",
    "item_missing",
    "last_two",
    "load",
    "membership",
    "on_file",
    "precision",
    "rigid_per_head",
    "rows_account",
    "stock",
    "unfold",
    "within",
]
