"""What makes a worker's household poor: how much of hardship each cause accounts for, and what prices do."""

from aidlib.causes.accounting import hardship_shares, if_reimbursed
from aidlib.causes.agreement import agreement, concordance
from aidlib.causes.components import COSTS, NEEDS, components, dependency, lost_earnings, rigid_costs
from aidlib.causes.evidence import EVIDENCE, recorded_evidence
from aidlib.causes.fragility import e_value, e_values, omitted_variable, oster, robustness_value
from aidlib.causes.indices import (
    group_index,
    household_index,
    laspeyres,
    paasche,
    price_level,
    price_poor,
    price_ratios,
    real_income,
)
from aidlib.causes.machine import interactions, learn
from aidlib.causes.published import price_growth, real_standards, standards
from aidlib.causes.said import combinations, main_cause, said
from aidlib.causes.shapley import shapley
from aidlib.causes.supplement import supplement_due, supplement_figures, supplement_months, with_supplement

__all__ = [
    "COSTS",
    "EVIDENCE",
    "NEEDS",
    "agreement",
    "combinations",
    "components",
    "concordance",
    "dependency",
    "e_value",
    "e_values",
    "group_index",
    "hardship_shares",
    "household_index",
    "if_reimbursed",
    "interactions",
    "laspeyres",
    "learn",
    "lost_earnings",
    "main_cause",
    "omitted_variable",
    "oster",
    "paasche",
    "price_growth",
    "price_level",
    "price_poor",
    "price_ratios",
    "real_income",
    "real_standards",
    "recorded_evidence",
    "rigid_costs",
    "robustness_value",
    "said",
    "shapley",
    "standards",
    "supplement_due",
    "supplement_figures",
    "supplement_months",
    "with_supplement",
]
