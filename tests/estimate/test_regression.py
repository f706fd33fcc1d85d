"""Regressions and their effects: by hand, against R's survey, laws, edges, errors."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import (
    Design,
    Estimates,
    average_predictions,
    calibrate,
    change,
    exponentiated,
    function_of,
    make_replicates,
    marginal_effects,
    mean,
    p_values,
    regression,
)
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, needs_data, studied, survey

COEFFICIENT = 1e-8  # relative: both sides iterate to the end; cloglog converges linearly in R
SCHOOLS = {"strat": "strat_fpc", "clus1": "clus1_fpc", "clus2": "clus2_two_stage_fpc"}
SCHOOLS |= {"strat_jkn": "strat_jkn", "clus1_jk1_mse": "clus1_jk1_mse"}
MODELS = {
    "logit": ("wide", ["ell", "meals", "stype"]),
    "cloglog": ("hard", ["meals", "col.grad"]),
    "identity": ("api00", ["ell", "meals", "stype", "ell:stype"]),
    "log": ("enroll", ["meals", "stype"]),
}
VIETNAM = Design("hhsize", "urban", "commune", nested=True)
HEAD = ["age", "female", "educyr", "farm"]


@cache
def expected() -> dict:
    return json.loads((Path(__file__).parent / "oracles_regression" / "expected.json").read_text(encoding="utf-8"))


def schools(name: str) -> tuple[pd.DataFrame, Design]:
    sample, design = studied(SCHOOLS[name])
    wide, hard = sample["sch.wide"] == "Yes", sample["api00"] < 600
    return sample.assign(wide=wide.astype(float), hard=hard.astype(float)), design


def vietnam() -> pd.DataFrame:
    sample = survey("vietnam/vietnam_lsms_1997_households.csv")
    poor = np.exp(sample["lntotal"]) / sample["hhsize"] < 1789.871
    return sample.assign(poor=poor.astype(float), female=(sample["sex"] == "female").astype(float))


def agree(found: Estimates, figures: dict) -> None:
    """Coefficients as R's vector, whose order is that of the terms."""
    assert found.rows["estimate"].tolist() == pytest.approx(list(figures["estimate"].values()), rel=COEFFICIENT)
    assert found.rows["se"].tolist() == pytest.approx(list(figures["se"].values()), rel=ERROR)


def agree_by_name(found: Estimates, key: str, figures: dict) -> None:
    rows = found.rows.set_index(key)
    for name, one in figures.items():
        assert rows.loc[name, "estimate"] == pytest.approx(one["estimate"], rel=COEFFICIENT), name
        assert rows.loc[name, "se"] == pytest.approx(one["se"], rel=ERROR), name


# --- by hand
def test_a_table_of_two_by_two_gives_its_log_odds_ratio():
    sample = pd.DataFrame({"y": [1] * 30 + [0] * 70 + [1] * 60 + [0] * 40, "x": [0] * 100 + [1] * 100})
    rows = regression(sample, None, "y", ["x"]).rows
    assert rows["term"].tolist() == ["intercept", "x"]
    assert rows["estimate"].tolist() == pytest.approx([np.log(30 / 70), np.log(60 / 40) - np.log(30 / 70)])
    assert rows["se"][1] == pytest.approx(np.sqrt((1 / 30 + 1 / 70 + 1 / 60 + 1 / 40) * 200 / 199))
    assert rows[["n", "count"]].to_numpy().tolist() == [[200, 90], [100, 60]]
    assert regression(sample, None, "y", ["x"], link="log").rows["estimate"][1] == pytest.approx(np.log(2))
    hazards = np.log(-np.log(1 - np.array([0.3, 0.6])))
    assert regression(sample, None, "y", ["x"], link="cloglog").rows["estimate"][1] == pytest.approx(np.diff(hazards))


def test_effects_of_a_two_by_two_table_are_its_differences_of_shares():
    sample = pd.DataFrame({"y": [1] * 30 + [0] * 70 + [1] * 60 + [0] * 40, "x": ["no"] * 100 + ["yes"] * 100})
    row = marginal_effects(sample, None, "y", ["x"]).rows.iloc[0]
    assert (row["term"], row["estimate"]) == ("x=yes", pytest.approx(0.3))
    assert row["se"] == pytest.approx(np.sqrt((0.3 * 0.7 / 100 + 0.6 * 0.4 / 100) * 200 / 199))
    assert average_predictions(sample, None, "y", ["x"], over="x").rows["estimate"].tolist() == pytest.approx(
        [0.3, 0.6]
    )


# --- against R survey 4.1-1 (oracles_regression/make.R)
@needs_data
@pytest.mark.parametrize("link", MODELS)
@pytest.mark.parametrize("name", SCHOOLS)
def test_coefficients_and_errors_agree_with_r(name, link):
    sample, design = schools(name)
    outcome, predictors = MODELS[link]
    agree(regression(sample, design, outcome, predictors, link=link), expected()[name][link])


@needs_data
@pytest.mark.parametrize("link", ["logit", "cloglog", "identity", "log"])
def test_calibration_takes_its_share_out_as_in_r(link):
    sample, design = schools("clus1")
    weighted = calibrate(sample, design, {"stype": {"E": 4421, "H": 755, "M": 1018}}, method="linear")
    outcome, predictors = MODELS[link]
    found = regression(weighted.sample, weighted.design, outcome, predictors, link=link)
    agree(found, expected()["clus1_calibrated"][link])


@needs_data
def test_a_part_of_the_sample_stays_in_the_design():
    sample, design = schools("clus1")
    part = sample.assign(hard=sample["hard"].where(sample["stype"] == "E"))
    found = regression(part, design, "hard", ["meals", "col.grad"])
    agree(found, expected()["part"])
    assert found.rows["n"].tolist() == [(sample["stype"] == "E").sum()] * 3


@needs_data
@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_a_household_survey_agrees_with_r(link):
    sample = vietnam()
    agree(regression(sample, VIETNAM, "poor", HEAD, link=link), expected()["vietnam"][link])
    agree_by_name(
        marginal_effects(sample, VIETNAM, "poor", HEAD, link=link), "term", expected()["vietnam_effects"][link]
    )


@needs_data
@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_effects_and_predictions_agree_with_r(link):
    sample, design = schools("clus1")
    outcome, predictors = MODELS["logit"]
    agree_by_name(marginal_effects(sample, design, outcome, predictors, link=link), "term", expected()["effects"][link])
    levels = average_predictions(sample, design, outcome, predictors, over="stype", link=link)
    agree_by_name(levels, "stype", expected()["levels"][link])


@needs_data
def test_effects_count_the_products_that_a_column_is_in():
    sample, design = schools("strat")
    found = marginal_effects(sample, design, "wide", ["ell", "stype", "ell:stype"])
    assert found.rows["term"].tolist() == ["ell", "stype=H", "stype=M"]
    agree_by_name(found, "term", expected()["product"])


@needs_data
def test_effects_by_replicates_agree_with_r():
    figures = expected()["effects_replicates"]
    sample, design = schools("clus1_jk1_mse")
    rows = marginal_effects(sample, design, *MODELS["logit"]).rows.set_index("term")
    for name in figures["estimate"]:
        assert rows.loc[name, "estimate"] == pytest.approx(figures["estimate"][name], rel=COEFFICIENT)
        assert rows.loc[name, "se"] == pytest.approx(figures["se"][name], rel=ERROR)


# --- laws
@pytest.fixture(scope="module")
def workers() -> pd.DataFrame:
    rng = np.random.default_rng(5)
    n = 3000
    psu = rng.integers(0, 60, n)
    sample = pd.DataFrame(
        {"psu": psu, "stratum": psu % 6, "weight": rng.uniform(1, 4, n), "age": rng.uniform(20, 60, n).round()}
    )
    sample["ill"] = (rng.uniform(size=n) < 0.2).astype(float)
    sample["place"] = rng.choice(["coast", "hills", "plain"], n)
    eta = -2 + 0.03 * sample["age"] + sample["ill"] + rng.normal(0, 0.3, 60)[psu]
    sample["poor"] = (rng.uniform(size=n) < 1 / (1 + np.exp(-eta))).astype(float)
    return sample


DESIGN = Design("weight", "stratum", "psu")
TERMS = ["age", "ill", "place"]


def test_without_predictors_the_mean_and_its_error_come_back(workers):
    level = mean(workers, DESIGN, "poor").rows.iloc[0]
    for link in ("logit", "cloglog", "identity", "log"):
        found = average_predictions(workers, DESIGN, "poor", ["place"], over="place", link=link)
        groups = mean(workers, DESIGN, "poor", by="place").rows
        assert found.rows["estimate"].tolist() == pytest.approx(groups["estimate"].tolist(), rel=1e-9)
        assert found.rows["se"].tolist() == pytest.approx(groups["se"].tolist(), rel=1e-9)
    alone = regression(workers, DESIGN, "poor", [], link="identity").rows.iloc[0]
    assert (alone["estimate"], alone["se"]) == pytest.approx((level["estimate"], level["se"]))


@pytest.mark.parametrize("link", ["logit", "cloglog", "log", "identity"])
def test_units_of_predictors_only_rescale(workers, link):
    plain = regression(workers, DESIGN, "poor", TERMS, link=link)
    years = workers.assign(age=1e4 * (workers["age"] + 1900))
    moved = regression(years, DESIGN, "poor", TERMS, link=link)
    for name in ("estimate", "se"):
        assert moved.rows[name][1:].tolist() == pytest.approx(
            (plain.rows[name][1:] * [1e-4, 1, 1, 1]).tolist(), rel=1e-9
        )


def test_the_scale_of_weights_and_the_order_of_rows_do_not_matter(workers):
    plain = regression(workers, DESIGN, "poor", TERMS).rows
    turned = workers.sample(frac=1, random_state=1).assign(weight=lambda s: 50 * s["weight"])
    other = regression(turned, DESIGN, "poor", TERMS).rows
    assert other["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), rel=1e-10)
    assert other["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=1e-10)


def test_many_rows_start_from_a_part_of_them_and_end_at_the_same(workers):
    many = pd.concat([workers] * 70, ignore_index=True)
    plain, found = (regression(s, DESIGN, "poor", TERMS).rows for s in (workers, many))
    assert found["estimate"].tolist() == pytest.approx(plain["estimate"].tolist(), rel=1e-10)
    assert found["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=1e-8)


def test_replicates_come_near_the_linearised_error(workers):
    jackknife = make_replicates(workers, DESIGN, kind="jkn")
    plain = regression(workers, DESIGN, "poor", TERMS, link="cloglog").rows
    other = regression(jackknife.sample, jackknife.design, "poor", TERMS, link="cloglog").rows
    assert other["estimate"].tolist() == plain["estimate"].tolist()
    assert other["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=0.03)


def test_coefficients_of_one_sample_can_be_combined_with_their_covariance(workers):
    found = regression(workers, DESIGN, "poor", TERMS)
    assert np.sqrt(np.diagonal(found.covariance)) == pytest.approx(found.rows["se"].to_numpy())
    twice = function_of(lambda a: 2 * a, measure="twice", a=found)
    assert twice.rows["se"].tolist() == pytest.approx((2 * found.rows["se"]).tolist(), rel=1e-6)
    assert p_values(found).rows["estimate"].between(0, 1).all()


def test_coefficients_of_two_waves_have_a_change_with_the_overlap_of_their_clusters(workers):
    same = change(workers, workers, DESIGN, regression, "poor", TERMS).rows
    assert same["se"].to_numpy() == pytest.approx(0, abs=1e-9)
    apart = change(workers, workers.assign(psu=workers["psu"] + 100), DESIGN, regression, "poor", TERMS).rows
    alone = regression(workers, DESIGN, "poor", TERMS).rows["se"]
    assert apart["se"].tolist() == pytest.approx((alone * np.sqrt(2)).tolist(), rel=0.03)


def test_ratios_are_exponentials_with_intervals_on_the_log_scale(workers):
    found = regression(workers, DESIGN, "poor", TERMS)
    ratios = exponentiated(found, measure="odds_ratio")
    rows, plain = ratios.rows, found.rows.iloc[1:]
    assert rows["term"].tolist() == ["age", "ill", "place=hills", "place=plain"]
    for name in ("estimate", "low", "high"):
        assert rows[name].tolist() == pytest.approx(np.exp(plain[name]).tolist())
    assert np.sqrt(np.diagonal(ratios.covariance)) == pytest.approx(rows["se"].to_numpy())
    assert ratios._influence.variance() == pytest.approx(rows["se"].to_numpy() ** 2)
    assert (ratios.unit, set(rows["measure"])) == ("number", {"odds_ratio"})


# --- edges
def test_rows_without_a_predictor_leave_the_model_and_stay_in_the_design(workers):
    holes = workers.assign(age=workers["age"].where(workers["psu"] != 7))
    found = regression(holes, DESIGN, "poor", TERMS)
    assert (found.rows["n"][0], found.rows["psus"][0], found.rows["df"][0]) == ((workers["psu"] != 7).sum(), 59, 54)
    dropped = regression(holes, Design("weight", "stratum", "psu"), "poor", TERMS, df="domain")
    assert dropped.rows["df"][0] == 53


def test_a_register_has_no_sampling_error(workers):
    found = regression(workers, Design.census(), "poor", TERMS)
    assert (found.rows["se"] == 0).all()
    assert found.base == "R"


def test_rows_of_weight_0_say_nothing(workers):
    dead = workers.assign(weight=workers["weight"].where(workers["ill"] == 0, 0.0))
    with pytest.raises(Problem) as caught:
        regression(dead, DESIGN, "poor", TERMS)
    assert caught.value.values["column"] == "ill"


def test_headings_and_notes_are_in_both_languages(workers):
    found = regression(workers, DESIGN, "poor", TERMS)
    assert found.table("zh").columns[0] == reference.heading("term", "zh") == "变量"
    assert "截距" in found.table("zh").iloc[:, 0].tolist()
    for result in (found, marginal_effects(workers, DESIGN, "poor", TERMS)):
        assert {language for language in ("zh", "en") if reference.method(result.method, language)} == {"zh", "en"}


# --- errors
def refused(sample: pd.DataFrame, outcome: str, predictors: list[str], **options: str) -> Problem:
    with pytest.raises(Problem) as caught:
        regression(sample, None, outcome, predictors, **options)
    return caught.value


@pytest.mark.parametrize("link", ["logit", "cloglog", "log"])
def test_a_category_in_which_nobody_has_the_outcome_is_named(workers, link):
    apart = workers.assign(poor=workers["poor"].where(workers["place"] != "hills", 0.0))
    found = refused(apart, "poor", TERMS, link=link)
    assert (found.key, found.values["terms"]) == ("estimate.separation", "place=hills")


@pytest.mark.parametrize("link", ["logit", "cloglog"])
def test_complete_separation_is_named(workers, link):
    apart = workers.assign(poor=(workers["age"] > 41).astype(float))
    found = refused(apart, "poor", TERMS, link=link)
    assert (found.key, found.values["terms"].split(", ")[0]) == ("estimate.separation", "age")


def test_separation_by_two_terms_together_is_named():
    rng = np.random.default_rng(3)
    sample = pd.DataFrame(rng.normal(size=(400, 3)), columns=["a", "b", "c"])
    sample["y"] = (sample["a"] + sample["b"] > 0.1).astype(float)
    found = refused(sample, "y", ["a", "b", "c"])
    assert found.key == "estimate.separation"
    assert {"a", "b"} <= set(found.values["terms"].split(", "))


def test_outcomes_that_a_link_does_not_take_are_refused(workers):
    assert refused(workers, "age", ["ill"]).key == "estimate.not_binary"
    assert refused(workers.assign(poor=1.0), "poor", ["ill"]).key == "estimate.one_outcome"
    assert refused(workers.assign(poor=0.0), "poor", ["ill"], link="log").key == "estimate.one_outcome"
    assert refused(workers.assign(poor=np.nan), "poor", ["ill"]).key == "estimate.no_outcome"
    assert refused(workers.assign(gain=-workers["age"]), "gain", ["ill"], link="log").key == "estimate.negative_outcome"
    assert refused(workers, "poor", ["ill"], link="probit").key == "estimate.option"
    assert refused(workers, "place", ["ill"]).key == "estimate.not_numeric"


def test_levels_of_what_has_none_are_refused(workers):
    for over, key in {"age": "estimate.no_levels", "height": "estimate.no_predictor"}.items():
        with pytest.raises(Problem) as caught:
            average_predictions(workers, DESIGN, "poor", TERMS, over=over)
        assert caught.value.key == key
