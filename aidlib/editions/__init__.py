"""One report × period × region: run its chapters, pass the gate, render, publish by one rename, verify."""

from aidlib.editions.folders import Project
from aidlib.editions.revisions import Edition, publish, verify
from aidlib.editions.runner import has_data, latest_period, run

__all__ = ["Edition", "Project", "has_data", "latest_period", "publish", "run", "verify"]
