"""What makes a worker's household poor: how much of hardship each cause accounts for, and what prices do."""

from aidlib.causes.accounting import hardship_shares, if_reimbursed
from aidlib.causes.components import COSTS, NEEDS, components, dependency, lost_earnings, rigid_costs
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
from aidlib.causes.shapley import shapley

__all__ = [
    "COSTS",
    "NEEDS",
    "components",
    "dependency",
    "group_index",
    "hardship_shares",
    "household_index",
    "if_reimbursed",
    "laspeyres",
    "lost_earnings",
    "paasche",
    "price_level",
    "price_poor",
    "price_ratios",
    "real_income",
    "rigid_costs",
    "shapley",
]
