"""How long hardship lasts, who leaves, who returns, what predicts it, and whom to visit."""

from aidlib.relapse.accuracy import auc, brier, net_benefit
from aidlib.relapse.at_risk import (
    at_risk,
    interviewed_exits,
    met_on_file,
    with_exit_bands,
    with_income_at_exit,
)
from aidlib.relapse.calibration import calibration, calibration_curve
from aidlib.relapse.capacity import precision, recall
from aidlib.relapse.checks import functional_form, martingale_residuals, proportionality, time_slopes
from aidlib.relapse.cox import cox, hazard_ratios
from aidlib.relapse.cox_predictions import baseline_hazard, event_probabilities
from aidlib.relapse.curves import cumulative_hazard, restricted_mean, survival_curve
from aidlib.relapse.dependence import baseline_curve, heterogeneity_test, probability_effects, yearly_chances
from aidlib.relapse.dossiers import dossier_spells
from aidlib.relapse.drift import alarms, population_stability
from aidlib.relapse.due import VisitRule, due, due_cases, monitor, plan_visits, visit_bands, visit_list
from aidlib.relapse.estimable import if_estimable
from aidlib.relapse.exit_rules import exit_rules, hardship_states, register_rules
from aidlib.relapse.exits import known_at_exit
from aidlib.relapse.fairness import group_errors, observed_expected, year_errors
from aidlib.relapse.fine_gray import fine_gray
from aidlib.relapse.follow_up import (
    caseload,
    first_visit,
    first_visits,
    interview_landmarks,
    landmarks,
    register_exits,
    return_visited,
    visited,
    visits,
    visits_per_household,
)
from aidlib.relapse.hazards import discrete_hazard
from aidlib.relapse.incidence import cumulative_incidence
from aidlib.relapse.joint import joint_hazards, state_dependence
from aidlib.relapse.leakage import Predictor, check_leakage
from aidlib.relapse.logrank import logrank
from aidlib.relapse.medians import median_duration
from aidlib.relapse.model_card import ModelCard, model_card
from aidlib.relapse.periods import Periods
from aidlib.relapse.person_years import person_years, register_years
from aidlib.relapse.privacy import membership
from aidlib.relapse.profile import dynamics_profile, long_spells, long_stays
from aidlib.relapse.recurrent import recurrent
from aidlib.relapse.risk_model import FittedRisk, RiskModel, risk_bands
from aidlib.relapse.saved_models import load_model, save_model
from aidlib.relapse.scored import learnt, scored
from aidlib.relapse.sources import agreement, both
from aidlib.relapse.spells import spells
from aidlib.relapse.transitions import mean_stay, mobility, transitions
from aidlib.relapse.validation import Validation, validate
from aidlib.relapse.worklist import Request, Written, write_worklist

__all__ = [
    "FittedRisk",
    "ModelCard",
    "Periods",
    "Predictor",
    "Request",
    "RiskModel",
    "Validation",
    "VisitRule",
    "Written",
    "agreement",
    "alarms",
    "at_risk",
    "auc",
    "baseline_curve",
    "baseline_hazard",
    "both",
    "brier",
    "calibration",
    "calibration_curve",
    "caseload",
    "check_leakage",
    "cox",
    "cumulative_hazard",
    "cumulative_incidence",
    "discrete_hazard",
    "dossier_spells",
    "due",
    "due_cases",
    "dynamics_profile",
    "event_probabilities",
    "exit_rules",
    "fine_gray",
    "first_visit",
    "first_visits",
    "functional_form",
    "group_errors",
    "hardship_states",
    "hazard_ratios",
    "heterogeneity_test",
    "if_estimable",
    "interview_landmarks",
    "interviewed_exits",
    "joint_hazards",
    "known_at_exit",
    "landmarks",
    "learnt",
    "load_model",
    "logrank",
    "long_spells",
    "long_stays",
    "martingale_residuals",
    "mean_stay",
    "median_duration",
    "membership",
    "met_on_file",
    "mobility",
    "model_card",
    "monitor",
    "net_benefit",
    "observed_expected",
    "person_years",
    "plan_visits",
    "population_stability",
    "precision",
    "probability_effects",
    "proportionality",
    "recall",
    "recurrent",
    "register_exits",
    "register_rules",
    "register_years",
    "restricted_mean",
    "return_visited",
    "risk_bands",
    "save_model",
    "scored",
    "spells",
    "state_dependence",
    "survival_curve",
    "time_slopes",
    "transitions",
    "validate",
    "visit_bands",
    "visit_list",
    "visited",
    "visits",
    "visits_per_household",
    "with_exit_bands",
    "with_income_at_exit",
    "write_worklist",
    "year_errors",
    "yearly_chances",
]
