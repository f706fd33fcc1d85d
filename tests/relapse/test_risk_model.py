"""The risk model: what it learns, how it treats weights, missing values and households, and what it refuses."""

import inspect

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design
from aidlib.reference import Problem
from aidlib.relapse import Predictor, RiskModel, auc, calibration, risk_bands
from aidlib.relapse.simple_rules import BaseRate, IncomeRule
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers

EXITS = leavers(5000, 3)
MODEL = RiskModel(1, PREDICTORS)


@pytest.fixture(scope="module", params=["boosted", "logit"])
def fitted(request):
    return RiskModel(1, PREDICTORS, request.param).fit(EXITS, DESIGN)


# --- by hand
def test_the_base_rate_is_the_weighted_share_that_returned():
    exits = pd.DataFrame({"returned_1y": [1.0, 0, 0, np.nan], "weight": [3.0, 2, 1, 9]})
    assert BaseRate("returned_1y").fit(exits, Design("weight")).predict(exits).tolist() == [0.5] * 4


def test_an_income_rule_gives_each_side_its_rate():
    exits = pd.DataFrame({"returned_1y": [1.0, 0, 0, 0, 1], "exit_ratio": [1.0, 1.2, 1.5, 2.0, np.nan]})
    rates = IncomeRule("returned_1y", 1.5).fit(exits, None)
    assert rates.predict(exits).tolist() == [0.5, 0.5, 0, 0, 0.4]
    nobody_below = IncomeRule("returned_1y", 0.5).fit(exits, None)
    assert nobody_below.predict(exits.assign(exit_ratio=0.1)).tolist() == [0.4] * 5


def test_bands_by_hand():
    found = risk_bands(np.array([0.01, 0.05, 0.11, 0.12, np.nan]), (0.05, 0.12))
    assert list(found)[:4] == ["low", "middle", "middle", "high"]
    assert pd.isna(found[4]) and found.ordered


# --- what it learns
def test_it_orders_new_households_nearly_as_the_planted_risks_do(fitted):
    new = leavers(20_000, 99)
    new["risk"] = fitted.predict(new)
    found, best = (auc(new, DESIGN, "returned_1y", name).rows["estimate"].item() for name in ("risk", "planted"))
    assert best - 0.025 < found <= best + 0.005


def test_its_risks_mean_what_they_say(fitted):
    new = leavers(20_000, 98)
    new["risk"] = fitted.predict(new)
    found = calibration(new, DESIGN, "returned_1y", "risk").rows.set_index("figure")
    assert abs(found.loc["calibration_slope", "estimate"] - 1) < 0.25
    assert abs(found.loc["calibration_in_the_large", "estimate"]) < 0.1


def test_it_never_turns_against_theory():
    """On outcomes that contradict theory the monotone model finds nothing in those predictors."""
    rng = np.random.default_rng(1)
    exits = EXITS.assign(returned_1y=(rng.random(len(EXITS)) < np.where(EXITS["has_patient"] == 1, 0.1, 0.3)) * 1.0)
    model = RiskModel(1, (Predictor("has_patient", "exit", 1), Predictor("exit_ratio", "exit", -1))).fit(exits, DESIGN)
    ratio = np.linspace(1, 3, 50)
    base = pd.DataFrame({"has_patient": 0.0, "exit_ratio": ratio})
    assert (model.predict(base.assign(has_patient=1.0)) >= model.predict(base) - 1e-12).all()
    assert (np.diff(model.predict(base)) <= 1e-12).all()


def test_what_nobody_can_know_is_given_no_spread():
    noise = RiskModel(1, PREDICTORS).fit(leavers(4000, 8, strength=0.0), DESIGN)
    assert noise.predict(EXITS).std() < 0.03


# --- laws
def test_the_same_data_give_the_same_risks_in_any_order():
    first, again = MODEL.fit(EXITS, DESIGN), MODEL.fit(EXITS, DESIGN)
    assert np.array_equal(first.predict(EXITS), again.predict(EXITS))
    shuffled = MODEL.fit(EXITS.sample(frac=1, random_state=2), DESIGN)
    assert first.predict(EXITS) == pytest.approx(shuffled.predict(EXITS), abs=1e-6)


def test_weights_count_and_their_scale_does_not(fitted):
    model = fitted.model
    scaled = model.fit(EXITS.assign(weight=EXITS["weight"] * 1000), DESIGN)
    assert scaled.predict(EXITS) == pytest.approx(fitted.predict(EXITS), abs=1e-9)
    assert np.abs(model.fit(EXITS, None).predict(EXITS) - fitted.predict(EXITS)).max() > 1e-3


def test_exits_without_a_whole_horizon_teach_nothing():
    known = EXITS[EXITS["returned_1y"].notna()]
    found = MODEL.fit(EXITS, DESIGN)
    assert (found.n, found.events) == (len(known), int(known["returned_1y"].sum()))
    assert np.array_equal(found.predict(EXITS), MODEL.fit(known, DESIGN).predict(EXITS))


def test_bands_split_the_leavers_as_they_say(fitted):
    sizes = fitted.bands(EXITS).value_counts(normalize=True)
    assert list(sizes.sort_index().index) == ["low", "middle", "high"]
    assert abs(sizes["high"] - 0.2) < 0.05
    rates = EXITS.groupby(fitted.bands(EXITS), observed=True)["returned_1y"].mean()
    assert rates["low"] < rates["middle"] < rates["high"]


# --- edges
def test_missing_predictors_and_unknown_words_need_no_repair(fitted):
    new = EXITS.head(50).assign(exit_ratio=np.nan, cause_main="never seen", has_patient=np.nan)
    assert np.isfinite(fitted.predict(new)).all()
    assert np.isfinite(fitted.predict(new.assign(cause_main=pd.Series([None] * 50, dtype="str")))).all()


def test_a_predictor_without_any_value_does_no_harm(fitted):
    empty = EXITS.assign(exit_ratio=np.nan, cause_main=pd.Series([None] * len(EXITS), dtype="str"))
    assert np.isfinite(fitted.model.fit(empty, DESIGN).predict(EXITS)).all()


def test_rare_words_have_no_effect_of_their_own():
    exits = EXITS.assign(cause_main=EXITS["cause_main"].where(EXITS.index >= 30, "very_rare"))
    assert "very_rare" not in MODEL.fit(exits, DESIGN).encoding.levels["cause_main"]


# --- errors
def test_few_returns_are_refused():
    few = EXITS[(EXITS["returned_1y"] == 0) | (EXITS.index < 250)]
    with pytest.raises(Problem) as error:
        MODEL.fit(few, DESIGN)
    assert error.value.key == "relapse.few_events"
    assert error.value.values["events"] < 50


@pytest.mark.parametrize("options", [{"horizon": 2}, {"kind": "forest"}])
def test_other_horizons_and_kinds_are_refused(options):
    with pytest.raises(Problem) as error:
        RiskModel(**options)
    assert error.value.key == "estimate.option"


def test_a_missing_predictor_is_named():
    for call in (
        lambda: MODEL.fit(EXITS.drop(columns="has_widowed"), DESIGN),
        lambda: MODEL.fit(EXITS, DESIGN).predict(EXITS.drop(columns="has_widowed")),
    ):
        with pytest.raises(Problem) as error:
            call()
        assert error.value.values["column"] == "has_widowed"


def test_no_split_can_be_asked_for():
    names = {name for call in (RiskModel, RiskModel.fit) for name in inspect.signature(call).parameters}
    assert names == {"horizon", "predictors", "kind", "self", "exits", "design", "unit"}
