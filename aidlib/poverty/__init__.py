"""Poverty: lines and measures."""

from aidlib.poverty.lines import RelativeLine
from aidlib.poverty.measures import fgt, gap_total, is_poor, poverty_gaps

__all__ = ["RelativeLine", "fgt", "gap_total", "is_poor", "poverty_gaps"]
