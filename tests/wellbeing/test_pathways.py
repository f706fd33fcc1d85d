"""Pathways and change within households: by hand, against R's svyglm, laws, the planted truth, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import survey
from aidlib.estimate import Design
from aidlib.estimate.regression import regression
from aidlib.reference import Problem, label, method
from aidlib.wellbeing import pathways, within_households

ORACLES = Path(__file__).parent / "oracles"
SAME = 1e-6
DESIGN = Design("weight", "stratum", "psu")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "panel.csv")


@pytest.fixture(scope="module")
def oracle() -> dict:
    return json.loads((ORACLES / "panel.json").read_text())


# --- by hand
def test_two_waves_are_first_differences():
    table = pd.DataFrame({"id": [1, 1, 2, 2, 3, 3], "x": [0.0, 1, 4, 6, 2, 5], "y": [1.0, 2, 0, 5, 7, 8]})
    dx, dy = np.array([1, 2, 3]), np.array([1, 5, 1])
    found = within_households(table, Design(psu="id"), "y", ["x"], unit="id", time=None).rows
    assert found["estimate"].item() == pytest.approx((dx @ dy) / (dx @ dx))


def test_a_product_of_paths_by_hand():
    hard = np.array([0, 0, 0, 0, 1, 1, 1, 1.0])
    pressure = 2 + hard + np.array([-1, 1, -1, 1, -1, 1, -1, 1])
    table = pd.DataFrame({"hard": hard, "pressure": pressure, "life": 7 - 0.5 * pressure - 0.25 * hard})
    found = pathways(table, None, "life", "hard", ["pressure"]).rows.set_index("path")["estimate"]
    assert found.to_dict() == pytest.approx({"total_effect": -0.75, "direct_effect": -0.25, "indirect_effect": -0.5})


# --- against reference implementations
def test_fixed_effects_are_those_of_svyglm_with_an_indicator_for_each_household(panel, oracle):
    rows = within_households(panel, DESIGN, "life", ["hard", "pressure"]).rows
    assert rows["estimate"].tolist() == pytest.approx(oracle["fe"]["coefficients"], rel=SAME)
    assert rows["se"].tolist() == pytest.approx(oracle["fe"]["se"], rel=SAME)


def test_paths_are_those_of_svyglm(panel, oracle):
    sample = panel.assign(year=panel["year"].astype("str"))
    rows = pathways(sample, DESIGN, "life", "hard", ["pressure"], controls=["year"]).rows.set_index("path")
    assert rows.loc["total_effect", ["estimate", "se"]].tolist() == pytest.approx(oracle["total"], rel=SAME)
    assert rows.loc["direct_effect", ["estimate", "se"]].tolist() == pytest.approx(oracle["direct"], rel=SAME)
    assert rows.loc["indirect_effect", "estimate"] == pytest.approx(oracle["product"], rel=SAME)


def test_counts_of_days_are_quasi_poisson(panel, oracle):
    rows = regression(panel, DESIGN, "absent", ["hard", "pressure"], link="log").rows
    assert rows["estimate"].tolist() == pytest.approx(oracle["absent"]["coefficients"], rel=SAME)
    assert rows["se"].tolist() == pytest.approx(oracle["absent"]["se"], rel=SAME)


# --- laws
def test_what_stays_with_the_household_does_not_matter(panel):
    one = within_households(panel, DESIGN, "life", ["hard", "pressure"]).rows
    moved = panel.assign(life=panel["life"] + 1000 * np.sin(panel["household_id"]))
    other = within_households(moved, DESIGN, "life", ["hard", "pressure"]).rows
    assert other["estimate"].tolist() == pytest.approx(one["estimate"].tolist(), rel=1e-6)
    assert other["se"].tolist() == pytest.approx(one["se"].tolist(), rel=1e-6)


def test_a_household_seen_once_says_nothing(panel):
    once = panel.iloc[:1].assign(household_id=999, life=1e6)
    rows = within_households(pd.concat([panel, once], ignore_index=True), DESIGN, "life", ["pressure"]).rows
    wanted = within_households(panel, DESIGN, "life", ["pressure"]).rows
    assert rows[["estimate", "n"]].values.tolist() == pytest.approx(wanted[["estimate", "n"]].values)


def test_paths_add_up_on_the_log_scale_too(panel):
    rows = pathways(panel, DESIGN, "absent", "hard", ["pressure"], link="log").rows.set_index("path")["estimate"]
    assert rows["total_effect"] == pytest.approx(rows["direct_effect"] + rows["indirect_effect"])


def test_all_paths_rest_on_the_same_rows(panel):
    gap = panel.assign(pressure=panel["pressure"].where(panel.index % 4 > 0))
    rows = pathways(gap, DESIGN, "life", "hard", ["pressure"]).rows
    assert rows["n"].tolist() == [rows["n"][0]] * 3 and rows["n"][0] < len(panel)


def test_a_factor_has_a_path_for_each_level(panel):
    sample = panel.assign(frame=np.where(panel["hard"] == 1, "on_file", np.where(panel["life"] > 4, "other", "left")))
    rows = pathways(sample, DESIGN, "life", "frame", ["pressure"]).rows
    assert rows["term"].tolist() == ["frame=left", "frame=other"] * 3


# --- the planted truth (DEMO.md, section 4)
@pytest.fixture(scope="module")
def demo(demo_store) -> survey.Survey:
    return survey.load("2025", "990000", demo_store)


def holds(rows: pd.DataFrame, term: str, truth: float) -> bool:
    row = rows.set_index("term").loc[term]
    return bool(row["low"] <= truth <= row["high"])


def test_days_absent_and_effectiveness_go_with_pressure_as_planted(demo):
    strained = demo.panel.assign(strained=(demo.panel["pressure"] - 2).clip(lower=0))
    rows = regression(strained, demo.design(), "days_absent", ["strained"], link="identity").rows
    assert holds(rows, "strained", 0.5) and holds(rows, "intercept", 0.8)
    rows = regression(demo.panel, demo.design(), "effectiveness", ["pressure"], link="identity").rows
    assert holds(rows, "pressure", -0.45) and holds(rows, "intercept", 7.6)


def test_pressure_rises_with_food_prices_as_planted(demo):
    """Food rose by 10 % in 2022 in four cities, else by 2 %: 0.15 points of pressure for each of the 8 points."""
    shocked = demo.panel["region"].isin(["990100", "990300", "990500", "990700"]) & demo.panel["year"].eq(2022)
    frame = demo.panel.assign(food=np.where(shocked, 10.0, 2.0), year=demo.panel["year"].astype("str"))
    rows = within_households(frame, demo.design(), "pressure", ["food"], time="year").rows
    assert holds(rows, "food", 0.15)


def test_the_pressure_of_hardship_explains_absence(demo):
    """Pressure is planted as the only way from hardship to work: the direct effect is nothing."""
    panel = demo.panel.assign(hard=(demo.panel["net_ratio"] < 2).astype(float).where(demo.panel["net_ratio"].notna()))
    rows = pathways(panel, demo.design(), "effectiveness", "hard", ["pressure"]).rows.set_index("path")
    assert rows.loc["indirect_effect", "high"] < 0
    assert rows.loc["direct_effect", "low"] <= 0 <= rows.loc["direct_effect", "high"]


# --- edges
def test_notes_and_words_are_there(panel):
    for found in (
        pathways(panel, DESIGN, "life", "hard", ["pressure"]),
        within_households(panel, DESIGN, "life", ["hard"]),
    ):
        assert method(found.method, "zh") and method(found.method, "en")
    assert label("path", "indirect_effect", "zh") == "间接作用"


# --- errors
@pytest.mark.parametrize(
    ("call", "key", "words"),
    [
        (lambda p: within_households(p, DESIGN, "life", ["stratum"]), "wellbeing.no_change_within", "stratum"),
        (lambda p: within_households(p, DESIGN, "life", ["hard"], unit="nobody"), "estimate.no_column", "nobody"),
        (lambda p: within_households(p, DESIGN, "nothing", ["hard"]), "estimate.no_column", "nothing"),
        (lambda p: within_households(p.assign(twin=p["hard"]), DESIGN, "life", ["hard", "twin"]),
         "estimate.predictor_aliased", "twin"),
        (lambda p: pathways(p, DESIGN, "life", "hard", ["nothing"]), "estimate.no_column", "nothing"),
        (lambda p: pathways(p, DESIGN, "life", "hard", ["pressure"], link="logit"), "estimate.option", "link"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_is_named(panel, call, key, words):
    with pytest.raises(Problem) as error:
        call(panel)
    assert error.value.key == key and words in str(error.value)
