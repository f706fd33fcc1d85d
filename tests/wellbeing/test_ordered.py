"""Ordered outcomes: by hand, against R's polr and svyolr, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit

from aidlib.estimate import Design, make_replicates
from aidlib.estimate.margins import marginal_effects
from aidlib.estimate.regression import exponentiated, regression
from aidlib.reference import Problem, method
from aidlib.wellbeing import cut_logits, ordered_effects, ordered_logit, proportional_odds

ORACLES = Path(__file__).parent / "oracles"
SAME = 1e-6
DESIGN = Design(weight="pw", psu="dnum")
TERMS = ["avg_ed", "mobility", "stype"]


@pytest.fixture(scope="module")
def oracle() -> dict:
    return json.loads((ORACLES / "ordered.json").read_text())


@pytest.fixture(scope="module")
def schools() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "schools.csv")


@pytest.fixture
def made() -> pd.DataFrame:
    """Answers drawn from the model itself: thresholds -1, 0.5, 2, effects 0.8 and -0.5, clusters of ten."""
    rng = np.random.default_rng(11)
    x, ill = rng.normal(size=3000), rng.integers(0, 2, 3000)
    latent = 0.8 * x - 0.5 * ill + rng.logistic(size=3000)
    return pd.DataFrame({"y": np.digitize(latent, [-1, 0.5, 2]), "x": x, "ill": ill, "psu": np.arange(3000) // 10})


# --- by hand
def test_two_categories_are_a_binary_logit(made):
    sample = made.assign(y=(made["y"] > 1).astype(float))
    found = ordered_logit(sample, Design(psu="psu"), "y", ["x", "ill"]).rows
    wanted = regression(sample, Design(psu="psu"), "y", ["x", "ill"]).rows
    assert found["estimate"].tolist() == pytest.approx([*wanted["estimate"][1:], -wanted["estimate"][0]])
    assert found["se"].tolist() == pytest.approx([*wanted["se"][1:], wanted["se"][0]])


def test_without_effect_the_cut_points_are_the_log_odds_of_the_shares():
    sample = pd.DataFrame({"y": [1] * 20 + [2] * 30 + [3] * 50, "x": [0.0, 1.0] * 50})
    found = ordered_logit(sample, None, "y", ["x"]).rows.set_index("term")["estimate"]
    assert found["x"] == pytest.approx(0, abs=1e-9)
    assert found["y=1"] == pytest.approx(np.log(0.2 / 0.8))
    assert found["y=2"] == pytest.approx(0, abs=1e-9)


# --- against reference implementations
def test_the_published_housing_example(oracle):
    levels = {"Sat": "Low Medium High", "Infl": "Low Medium High", "Type": "Tower Apartment Atrium Terrace",
              "Cont": "Low High"}  # fmt: skip
    sample = pd.read_csv(ORACLES / "housing.csv")
    sample = sample.assign(**{name: pd.Categorical(sample[name], words.split()) for name, words in levels.items()})
    found = ordered_logit(sample, Design(weight="Freq"), "Sat", ["Infl", "Type", "Cont"]).rows["estimate"]
    assert found.tolist() == pytest.approx([*oracle["housing"]["coefficients"], *oracle["housing"]["zeta"]], abs=SAME)


def test_the_clustered_schools_of_svyolr(schools, oracle):
    found = ordered_logit(schools, DESIGN, "mealcat", TERMS).rows
    wanted = oracle["schools"]
    assert found["estimate"].tolist() == pytest.approx([*wanted["coefficients"], *wanted["zeta"]], abs=SAME)
    assert found["se"].tolist() == pytest.approx(wanted["se"], rel=SAME)  # svyolr's with the exact Hessian
    assert found["se"].tolist() == pytest.approx(wanted["svyolr_se"], rel=1e-3)  # its own, by numerical derivatives
    assert (found["df"] == 14).all()


# --- laws
def test_turning_the_outcome_turns_the_signs(made):
    one = ordered_logit(made, None, "y", ["x", "ill"]).rows["estimate"].to_numpy()
    other = ordered_logit(made.assign(y=3 - made["y"]), None, "y", ["x", "ill"]).rows["estimate"].to_numpy()
    assert other[:2] == pytest.approx(-one[:2])
    assert other[2:] == pytest.approx(-one[:1:-1])


def test_the_unit_of_a_term_does_not_matter(made):
    one = ordered_logit(made, None, "y", ["x", "ill"]).rows
    other = ordered_logit(made.assign(x=made["x"] * 1e4 + 2e6), None, "y", ["x", "ill"]).rows
    assert other["estimate"][0] * 1e4 == pytest.approx(one["estimate"][0])
    assert other["se"][0] * 1e4 == pytest.approx(one["se"][0])


def test_the_model_that_made_the_data_is_found(made):
    rows = ordered_logit(made, Design(psu="psu"), "y", ["x", "ill"]).rows
    truth = [0.8, -0.5, -1, 0.5, 2]
    assert ((rows["estimate"] - truth).abs() < 3 * rows["se"]).all()
    tests = proportional_odds(made, Design(psu="psu"), "y", ["x", "ill"]).rows
    assert (tests.loc[tests["measure"] == "p_value", "estimate"] > 0.01).all()


def test_an_effect_that_is_not_proportional_is_seen(made):
    rng = np.random.default_rng(4)
    latent = np.where(made["ill"] == 1, 3.0, 1.0) * rng.logistic(size=len(made))
    sample = made.assign(y=np.digitize(latent, [-1.5, 0, 1.5]))
    tests = proportional_odds(sample, Design(psu="psu"), "y", ["x", "ill"]).rows.set_index(["term", "measure"])
    assert tests.loc[("ill", "p_value"), "estimate"] < 1e-6
    assert tests.loc[("ill", "df_numerator"), "estimate"] == 2


def test_cuts_are_binary_logits(made):
    found = cut_logits(made, None, "y", ["x", "ill"]).rows
    assert found["cut"].unique().tolist() == ["0", "1", "2"]
    alone = regression(made.assign(y=made["y"] > 1), None, "y", ["x", "ill"]).rows["estimate"]
    assert found.loc[found["cut"] == "1", "estimate"].tolist() == pytest.approx(alone[1:].tolist())


def test_replicates_are_fitted_anew(made):
    plan = make_replicates(made.head(400), Design(psu="psu"), kind="jk1")
    taylor = ordered_logit(made.head(400), Design(psu="psu"), "y", ["x", "ill"]).rows
    other = ordered_logit(plan.sample, plan.design, "y", ["x", "ill"]).rows
    assert other["estimate"].tolist() == pytest.approx(taylor["estimate"].tolist())
    assert other["se"].tolist() == pytest.approx(taylor["se"].tolist(), rel=0.12)


# --- edges
def test_codes_stand_in_the_order_of_their_list():
    rng = np.random.default_rng(5)
    words = np.array(["deficit", "barely", "balanced", "slight_surplus", "comfortable"])
    income = rng.normal(size=800)
    answers = words[np.digitize(income + rng.logistic(size=800), [-1, 0, 1, 2])]
    sample = pd.DataFrame({"income": income, "ends_meet": answers})
    rows = ordered_logit(sample, None, "ends_meet", ["income"]).rows
    assert rows["estimate"][0] > 0.5
    assert rows["term"].tolist() == ["income", *(f"ends_meet={word}" for word in words[:4])]
    assert rows["measure"].tolist() == ["coefficient"] + ["cutpoint"] * 4
    assert rows["estimate"][1:].is_monotonic_increasing


def test_odds_ratios_leave_the_cut_points_out(made):
    ratios = exponentiated(ordered_logit(made, None, "y", ["x"]), measure="odds_ratio")
    assert ratios.rows["term"].tolist() == ["x"] and method(ratios.method, "zh")


def test_a_category_nobody_uses_is_left_out(made):
    sample = made.assign(y=made["y"].replace({1: 2}))
    assert ordered_logit(sample, None, "y", ["x"]).rows["term"].tolist() == ["x", "y=0", "y=2"]


# --- errors
@pytest.mark.parametrize(
    ("change", "predictors", "key"),
    [
        ({"y": 1}, ["x"], "wellbeing.one_category"),
        ({"y": np.nan}, ["x"], "estimate.no_outcome"),
        ({"x": 3.0}, ["x"], "estimate.predictor_constant"),
        ({"z": lambda s: 2 * s["x"]}, ["x", "z"], "estimate.predictor_aliased"),
        ({"x": lambda s: s["y"] * 1.0}, ["x"], "estimate.separation"),
        ({}, ["absent"], "estimate.no_column"),
    ],
)
def test_what_cannot_be_fitted_is_named(made, change, predictors, key):
    with pytest.raises(Problem) as error:
        ordered_logit(made.assign(**change), None, "y", predictors)
    assert error.value.key == key


def test_too_few_cuts_are_named(made):
    with pytest.raises(Problem, match="y"):
        proportional_odds(made.assign(y=made["y"] > 1), None, "y", ["x"])


# --- effects on the share of low answers
def test_effects_of_two_categories_are_those_of_the_binary_logit(made):
    part = np.where(made["x"] > 1, "c", np.where(made["x"] > 0, "b", "a"))
    sample = made.assign(y=(made["y"] > 1).astype(float), part=part)
    plan = Design(psu="psu")
    found = ordered_effects(sample, plan, "y", ["x", "ill", "part"], up_to=0).rows.set_index("term")
    wanted = marginal_effects(sample, plan, "y", ["x", "ill", "part"]).rows.set_index("term")
    assert found["estimate"].to_dict() == pytest.approx((-wanted["estimate"]).to_dict(), rel=1e-6)
    assert found["se"].to_dict() == pytest.approx(wanted["se"].to_dict(), rel=1e-6)


def test_an_effect_by_hand(made):
    values = ordered_logit(made, None, "y", ["x", "ill"]).rows.set_index("term")["estimate"]
    along = values["y=1"] - values["x"] * made["x"]
    wanted = (expit(along - values["ill"]) - expit(along)).mean()
    found = ordered_effects(made, None, "y", ["x", "ill"], up_to=1).rows.set_index("term")
    assert found.loc["ill", "estimate"] == pytest.approx(wanted)


def test_errors_of_effects_agree_with_replicates(made):
    part = made.head(400)
    plan = make_replicates(part, Design(psu="psu"), kind="jk1")
    taylor = ordered_effects(part, Design(psu="psu"), "y", ["x", "ill"], up_to=1).rows
    other = ordered_effects(plan.sample, plan.design, "y", ["x", "ill"], up_to=1).rows
    assert other["estimate"].tolist() == pytest.approx(taylor["estimate"].tolist())
    assert other["se"].tolist() == pytest.approx(taylor["se"].tolist(), rel=0.1)


@pytest.mark.parametrize("level", [3, 7, "low"])
def test_a_cut_that_is_not_there_is_named(made, level):
    with pytest.raises(Problem) as error:
        ordered_effects(made, None, "y", ["x"], up_to=level)
    assert error.value.key == "wellbeing.no_cut" and "0, 1, 2" in str(error.value)
