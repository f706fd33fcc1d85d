"""How long hardship lasts, who leaves, who returns, what predicts it, and whom to visit."""

from aidlib.relapse.dossiers import dossier_spells
from aidlib.relapse.due import VisitRule, due, due_cases, monitor, visit_bands, visit_list
from aidlib.relapse.exits import known_at_exit
from aidlib.relapse.follow_up import (
    caseload,
    first_visits,
    interview_landmarks,
    landmarks,
    register_exits,
    return_visited,
    visited,
    visits,
    visits_per_household,
)
from aidlib.relapse.person_years import person_years, register_years
from aidlib.relapse.spells import spells
from aidlib.relapse.worklist import Request, Written, write_worklist

__all__ = [
    "Request",
    "VisitRule",
    "Written",
    "caseload",
    "dossier_spells",
    "due",
    "due_cases",
    "first_visits",
    "interview_landmarks",
    "known_at_exit",
    "landmarks",
    "monitor",
    "person_years",
    "register_exits",
    "register_years",
    "return_visited",
    "spells",
    "visit_bands",
    "visit_list",
    "visited",
    "visits",
    "visits_per_household",
    "write_worklist",
]
