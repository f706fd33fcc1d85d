"""A synthetic survey with planted truth and planted dirt: raw exports as unions would hand them over."""

from aidlib.demo.parameters import PRESETS, Parameters
from aidlib.demo.writing import Summary, truth_path, write

__all__ = ["PRESETS", "Parameters", "Summary", "truth_path", "write"]
