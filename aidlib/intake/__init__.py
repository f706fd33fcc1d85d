"""Raw union exports into the store: read, map, clean, check, identify, quarantine."""

from aidlib.intake.draft import draft_mapping
from aidlib.intake.run import Outcome, import_files

__all__ = ["Outcome", "draft_mapping", "import_files"]
