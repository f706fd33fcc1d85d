"""How long hardship lasts, who leaves, who returns, what predicts it, and whom to visit."""

from aidlib.relapse.dossiers import dossier_spells
from aidlib.relapse.spells import spells

__all__ = ["dossier_spells", "spells"]
