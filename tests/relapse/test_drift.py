"""Errors by group and year, stability and alarms of the risk score: by hand, laws, planted shifts, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, ratio
from aidlib.reference import Problem, method
from aidlib.relapse import RiskModel, alarms, auc, group_errors, population_stability, recall, validate, year_errors
from tests.relapse.leavers import DESIGN, PREDICTORS, leavers

DESIGN_OF_FEW = Design("weight")
EXITS = leavers(5000, 31)
MODEL = RiskModel(1, PREDICTORS[:4], "logit")


@pytest.fixture(scope="module")
def validation():
    return validate(EXITS, DESIGN, MODEL)


@pytest.fixture(scope="module")
def by_sex(validation):
    return group_errors(validation, DESIGN, ["worker_sex"]).rows.set_index(["subgroup", "figure"])


# --- by group
def test_group_errors_are_those_of_the_measures(validation, by_sex):
    columns = (validation.exits, DESIGN, "returned_1y", "risk_model")
    wanted = {
        "observed_expected": ratio(*columns, by="worker_sex"),
        "auc": auc(*columns, by="worker_sex", within="exit_year"),
        "false_negative_rate": recall(*columns, capacity=0.2, by="worker_sex", within="exit_year"),
    }
    for name, part in wanted.items():
        for row in part.rows.itertuples():
            found = by_sex.loc[(f"worker_sex={row.worker_sex}", name)]
            value = 1 - row.estimate if name == "false_negative_rate" else row.estimate
            assert found["estimate"] == pytest.approx(value)
            assert found["se"] == pytest.approx(row.se)


def test_groups_with_fewer_than_50_returns_are_not_published(validation):
    rows = group_errors(validation, DESIGN, ["region", "worker_sex"]).rows
    events = rows.query("figure == 'auc'").set_index("subgroup")["count"]
    flags = rows.groupby("subgroup")["flag"].agg(set)
    assert (events < 50).any() and (events >= 50).any()
    for group, count in events.items():
        assert (flags[group] == {"quality"}) == (count < 50), group


def test_a_planted_error_of_one_group_is_found():
    """Men return far more often than the predictors say: observed over expected tells it, women's is below 1."""
    rng = np.random.default_rng(5)
    exits = leavers(8000, 33)
    more = (exits["worker_sex"] == "male") & (rng.random(len(exits)) < 0.25)
    exits["returned_1y"] = exits["returned_1y"].mask(more & exits["returned_1y"].notna(), 1.0)
    rows = group_errors(validate(exits, DESIGN, MODEL), DESIGN, ["worker_sex"]).rows.set_index(["subgroup", "figure"])
    assert rows.loc[("worker_sex=male", "observed_expected"), "low"] > 1.2
    assert rows.loc[("worker_sex=female", "observed_expected"), "high"] < 0.8
    assert (
        rows.loc[("worker_sex=female", "false_negative_rate"), "n"]
        < rows.loc[("worker_sex=male", "false_negative_rate"), "n"]
    )


def test_group_tables_read_in_both_languages(validation):
    found = group_errors(validation, DESIGN, ["worker_sex", "region"])
    for language, wanted in (("zh", {"女", "男", "甲市"}), ("en", {"Female", "Male", "Jia City"})):
        shown = {str(cell) for cell in found.table(language).iloc[:, 0]}
        assert wanted <= shown, shown
    assert method(found.method, "zh") != method(found.method, "en")


def test_only_tested_years_stand_in_the_table(validation):
    years = year_errors(validation, DESIGN).rows["exit_year"].unique().tolist()
    assert years[-1] == "2024" and "2016" not in years


# --- stability
def test_the_index_by_hand():
    """Categories 50 : 50 that became 75 : 25."""
    before = pd.DataFrame({"cause": ["a", "b"] * 50})
    after = pd.DataFrame({"cause": ["a", "a", "a", "b"] * 25})
    rows = population_stability(before, after, None, ["cause"]).rows.set_index("figure")
    assert rows.loc["psi", "estimate"] == pytest.approx(0.25 * np.log(0.75 / 0.5) - 0.25 * np.log(0.25 / 0.5))
    assert rows.loc["psi_by_chance", "estimate"] == pytest.approx(3.841459 * (1 / 100 + 1 / 100), rel=1e-6)
    assert rows.loc["psi", "n"] == 100


def test_weights_count_and_missing_is_a_group():
    before = pd.DataFrame({"x": [1.0, 2, np.nan, np.nan], "weight": [1.0, 1, 1, 1]})
    after = pd.DataFrame({"x": [1.0, 2, np.nan], "weight": [1.0, 1, 2]})
    found = population_stability(before, after, Design("weight"), ["x"]).rows["estimate"]
    assert found.iloc[0] == pytest.approx(0)


def test_the_limit_of_chance_holds_without_a_shift():
    rng = np.random.default_rng(9)
    above = 0
    for _ in range(250):
        before, after = (pd.DataFrame({"x": rng.standard_normal(n)}) for n in (600, 300))
        psi, chance = population_stability(before, after, None, ["x"]).rows["estimate"]
        above += psi > chance
    assert 0.015 < above / 250 < 0.095


def test_no_shift_is_steady_and_a_planted_one_an_alarm(validation):
    old, new = EXITS[EXITS["exit_year"] < 2021], EXITS[EXITS["exit_year"] >= 2021]
    poorer = new.assign(exit_ratio=1 + (new["exit_ratio"] - 1) * 0.5)
    years = year_errors(validation, DESIGN)
    columns = ["exit_ratio", "cause_main", "has_patient"]
    same = alarms(population_stability(old, new, DESIGN, columns), years).set_index("variable")["state"]
    moved = alarms(population_stability(old, poorer, DESIGN, columns), years).set_index("variable")["state"]
    assert same[columns].tolist() == ["steady"] * 3
    assert moved[columns].tolist() == ["alarm", "steady", "steady"]


def test_a_planted_change_of_the_return_rate_raises_the_alarm():
    exits = leavers(5000, 34, level=-1.6)
    spared = (exits["exit_year"] >= 2022) & (exits.index % 2 == 1) & exits["returned_1y"].notna()
    fewer = exits.assign(returned_1y=exits["returned_1y"].mask(spared, 0.0))
    years = year_errors(validate(fewer, DESIGN, MODEL), DESIGN)
    found = alarms(population_stability(EXITS, EXITS, DESIGN, ["has_patient"]), years).set_index("exit_year")
    late = found.loc[["2022", "2023"]]
    assert (late["value"] < 0.75).all() and (late["state"] == "alarm").all()
    assert found.loc["2021", "state"] in ("steady", "watch")


# --- edges
def test_few_exits_that_differ_by_chance_raise_no_alarm():
    rng = np.random.default_rng(3)
    before, after = pd.DataFrame({"x": rng.standard_normal(40)}), pd.DataFrame({"x": rng.standard_normal(12)})
    found = population_stability(before, after, None, ["x"])
    assert found.rows["estimate"].iloc[0] > 0.25
    nothing = year_errors(validate(EXITS.head(30), DESIGN_OF_FEW, MODEL), DESIGN_OF_FEW)
    assert alarms(found, nothing)["state"].iloc[0] == "steady"


def test_no_exits_have_no_index():
    rows = population_stability(EXITS.head(0), EXITS, DESIGN_OF_FEW, ["exit_ratio"]).rows
    assert set(rows["flag"]) == {"empty"} and rows["estimate"].isna().all()


# --- errors
def test_missing_columns_are_named(validation):
    for call in (
        lambda: group_errors(validation, DESIGN, ["nothing"]),
        lambda: population_stability(EXITS, EXITS.drop(columns="region"), DESIGN, ["region"]),
    ):
        with pytest.raises(Problem) as error:
            call()
        assert error.value.key == "estimate.no_column"
