"""What makes a worker's household poor: how much of hardship each cause accounts for, and what prices do."""

from aidlib.causes.accounting import hardship_shares, if_reimbursed
from aidlib.causes.shapley import shapley

__all__ = ["hardship_shares", "if_reimbursed", "shapley"]
