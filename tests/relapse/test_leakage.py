"""The leakage check: what is known only after the exit is refused by name, and nothing else is."""

import numpy as np
import pandas as pd
import pytest

from aidlib.reference import Problem
from aidlib.relapse import Predictor, RiskModel, check_leakage, validate
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers

EXITS = leavers(3000, 5)


def refusal(exits, *predictors, outcome="returned_1y") -> tuple[str, str]:
    with pytest.raises(Problem) as error:
        check_leakage(exits, [*PREDICTORS, *predictors], outcome=outcome)
    return error.value.key, error.value.values["column"]


def test_what_is_known_at_exit_passes():
    check_leakage(EXITS, PREDICTORS, outcome="returned_1y")
    seen = EXITS.assign(interviewed=EXITS["exit_date"] - pd.Timedelta(days=100))
    check_leakage(seen, [Predictor("has_patient", "interviewed", 1)], outcome="returned_1y")


def test_on_the_day_of_exit_is_not_after_it():
    check_leakage(EXITS, [Predictor("exit_ratio", "exit_date", -1)], outcome="returned_1y")


@pytest.mark.parametrize("name", ["returned_1y", "returned_3y", "return_date", "away", "visited_after"])
def test_the_outcome_and_what_came_of_it_is_refused(name):
    exits = EXITS.assign(return_date=EXITS["exit_date"], away=0.0, visited_after=0.0)
    assert refusal(exits, Predictor(name, "exit")) == ("relapse.leak_outcome", name)


def test_a_date_after_the_exit_is_refused():
    exits = EXITS.assign(reopened=EXITS["exit_date"] + pd.to_timedelta(np.arange(len(EXITS)) % 2, unit="D"))
    assert refusal(exits, Predictor("reopened", "exit")) == ("relapse.leak_late", "reopened")


def test_a_value_that_became_known_later_is_refused():
    exits = EXITS.assign(asked=EXITS["exit_date"] + pd.Timedelta(days=1), health=1.0 * (EXITS.index % 3))
    assert refusal(exits, Predictor("health", "asked")) == ("relapse.leak_late", "health")
    undated = exits.assign(asked=pd.NaT)
    assert refusal(undated, Predictor("health", "asked")) == ("relapse.leak_late", "health")
    check_leakage(undated.assign(health=np.nan), [Predictor("health", "asked")], outcome="returned_1y")


@pytest.mark.parametrize("known_at", ["later", "region"])
def test_a_time_that_is_none_is_refused(known_at):
    assert refusal(EXITS, Predictor("worker_sex", known_at)) == ("relapse.leak_undeclared", "worker_sex")


# --- the canary
def outcome(exits):
    return exits["returned_1y"].to_numpy()


CANARIES = {
    "the outcome under another name": lambda y, rng: y,
    "the outcome turned round": lambda y, rng: 1 - y,
    "the outcome with noise": lambda y, rng: y + 0.2 * rng.standard_normal(len(y)),
    "the outcome as words": lambda y, rng: np.where(y == 1, "again", "away"),
    "missing unless returned": lambda y, rng: np.where(y == 1, rng.random(len(y)), np.nan),
    "missing where returned": lambda y, rng: np.where(y == 1, np.nan, rng.random(len(y))),
    "words missing unless returned": lambda y, rng: pd.Series(np.where(y == 1, "seen", None), dtype="str"),
}


@pytest.mark.parametrize("kind", CANARIES)
def test_a_canary_is_refused_by_name(kind):
    exits = EXITS.assign(canary=CANARIES[kind](outcome(EXITS), np.random.default_rng(3)))
    assert refusal(exits, Predictor("canary", "exit")) == ("relapse.leak_canary", "canary")


def test_strong_but_honest_predictors_pass():
    rng = np.random.default_rng(4)
    y = np.nan_to_num(outcome(EXITS))
    strong = y + 0.6 * rng.standard_normal(len(y))  # AUC about 0.88
    check_leakage(EXITS.assign(strong=strong), [Predictor("strong", "exit")], outcome="returned_1y")


def test_a_few_returns_prove_nothing():
    few = EXITS[EXITS["returned_1y"] == 0].head(300)
    few = pd.concat([few, EXITS[EXITS["returned_1y"] == 1].head(5)])
    check_leakage(few.assign(canary=few["returned_1y"]), [Predictor("canary", "exit")], outcome="returned_1y")


def test_a_canary_moves_no_published_auc():
    """Neither fit nor validate goes on with a leak; a column that is no predictor changes nothing."""
    model = RiskModel(1, PREDICTORS, "logit")
    clean = validate(EXITS, DESIGN, model).figures.rows
    spoilt = EXITS.assign(canary=EXITS["returned_1y"])
    pd.testing.assert_frame_equal(validate(spoilt, DESIGN, model).figures.rows, clean)
    leaking = RiskModel(1, (*PREDICTORS, Predictor("canary", "exit")), "logit")
    for call in (lambda: validate(spoilt, DESIGN, leaking), lambda: leaking.fit(spoilt, DESIGN)):
        with pytest.raises(Problem) as error:
            call()
        assert error.value.values["column"] == "canary"


def test_missing_columns_and_wrong_directions_are_named():
    assert refusal(EXITS, Predictor("nothing", "exit")) == ("estimate.no_column", "nothing")
    with pytest.raises(Problem):
        Predictor("exit_ratio", "exit", 2)
