"""From the store to a survey: tables with every column of the dictionary, the sampling design, real values, panel."""

from aidlib.survey.load import Survey, load
from aidlib.survey.quality import attrition, check_rates, heaping, item_missing, precision, rows_account
from aidlib.survey.register import flow, on_file
from aidlib.survey.shape import bands, group_by_each, unfold, within

__all__ = [
    "Survey",
    "attrition",
    "bands",
    "check_rates",
    "flow",
    "group_by_each",
    "heaping",
    "item_missing",
    "load",
    "on_file",
    "precision",
    "rows_account",
    "unfold",
    "within",
]
