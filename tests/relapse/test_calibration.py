"""Calibration of predicted risks: by hand, against R, laws, edges, errors."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, make_replicates, regression
from aidlib.reference import Problem, method
from aidlib.relapse import calibration, calibration_curve, observed_expected

ORACLES = Path(__file__).parent / "oracles"
R = json.loads((ORACLES / "accuracy.json").read_text())
DESIGN = Design("weight", "stratum", "psu", nested=True)
LEVEL = 1e-7  # svyglm stops at 1e-8 of the deviance


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return pd.read_csv(ORACLES / "accuracy.csv")


def figures(sample, design, **options) -> pd.DataFrame:
    return calibration(sample, design, "returned", "risk", **options).rows.set_index("figure")


# --- by hand
def test_two_risks_by_hand():
    """Risks 0.2 and 0.5 that came true in 2 of 5 and 3 of 5: a line through two points of the log odds."""
    sample = pd.DataFrame({"risk": [0.2] * 5 + [0.5] * 5, "returned": [1.0, 1, 0, 0, 0, 1, 1, 1, 0, 0]})
    found = figures(sample, None)["estimate"]
    assert found["calibration_intercept"] == pytest.approx(np.log(3 / 2))
    assert found["calibration_slope"] == pytest.approx((np.log(3 / 2) - np.log(2 / 3)) / np.log(4))
    level = found["calibration_in_the_large"]
    fitted = 1 / (1 + np.exp(-level - np.log(sample["risk"] / (1 - sample["risk"]))))
    assert fitted.sum() == pytest.approx(5)


def test_observed_over_expected_by_hand():
    sample = pd.DataFrame({"risk": [0.2, 0.3, 0.5], "returned": [1.0, 0, 1], "weight": [2.0, 1, 1]})
    row = observed_expected(sample, Design("weight"), "returned", "risk").rows.iloc[0]
    assert row["estimate"] == pytest.approx(3 / 1.2)
    assert row["low"] * row["high"] == pytest.approx(row["estimate"] ** 2)  # the interval is one of the logarithm


# --- against R
def test_slope_intercept_and_level_are_those_of_svyglm(sample):
    found = figures(sample, DESIGN)
    names = ["calibration_intercept", "calibration_slope", "calibration_in_the_large"]
    assert found.loc[names, ["estimate", "se"]].to_numpy().ravel().tolist() == pytest.approx(
        R["calibration"], rel=LEVEL
    )


def test_slope_and_intercept_are_those_of_our_own_regression(sample):
    table = sample.assign(log_odds=np.log(sample["risk"] / (1 - sample["risk"])))
    wanted = regression(table, DESIGN, "returned", ["log_odds"], link="logit").rows.set_index("term")
    found = figures(sample, DESIGN)
    for figure, term in (("calibration_slope", "log_odds"), ("calibration_intercept", "intercept")):
        assert found.loc[figure, ["estimate", "se"]].tolist() == pytest.approx(
            wanted.loc[term, ["estimate", "se"]].tolist(), rel=1e-8
        )


# --- laws
def test_risks_that_are_right_have_slope_one_and_level_zero():
    rng = np.random.default_rng(11)
    risk = rng.uniform(0.02, 0.6, 200_000)
    found = figures(pd.DataFrame({"risk": risk, "returned": (rng.random(len(risk)) < risk) * 1.0}), None)
    for name, ideal in (("calibration_slope", 1), ("calibration_intercept", 0), ("calibration_in_the_large", 0)):
        assert abs(found.loc[name, "estimate"] - ideal) < 4 * found.loc[name, "se"]
    assert found.loc["calibration_slope", "se"] < 0.02


def test_stretched_log_odds_halve_the_slope(sample):
    odds = np.log(sample["risk"] / (1 - sample["risk"]))
    stretched = sample.assign(risk=1 / (1 + np.exp(-(0.3 + 2 * odds))))
    before, after = figures(sample, DESIGN), figures(stretched, DESIGN)
    slope = before.loc["calibration_slope", "estimate"] / 2
    assert after.loc["calibration_slope", "estimate"] == pytest.approx(slope)
    assert after.loc["calibration_slope", "se"] == pytest.approx(before.loc["calibration_slope", "se"] / 2)
    assert after.loc["calibration_intercept", "estimate"] == pytest.approx(
        before.loc["calibration_intercept", "estimate"] - 0.3 * slope
    )


def test_groups_at_once_are_groups_one_by_one(sample):
    together = calibration(sample, DESIGN, "returned", "risk", by="year").rows
    for year, rows in together.groupby("year"):
        alone = calibration(
            sample.assign(returned=sample["returned"].where(sample["year"] == int(year))), DESIGN, "returned", "risk"
        ).rows
        assert rows["estimate"].tolist() == pytest.approx(alone["estimate"].tolist())
        assert rows["se"].tolist() == pytest.approx(alone["se"].tolist())


def test_errors_agree_with_the_jackknife_that_fits_anew(sample):
    made = make_replicates(sample, DESIGN, kind="jkn")
    weights = made.design.replicates
    whole = figures(sample, DESIGN)
    parts = np.array([figures(made.sample, Design(name))["estimate"].to_numpy() for name in weights.columns])
    expected = np.sqrt(np.array(weights.scales) @ (parts - whole["estimate"].to_numpy()) ** 2)
    assert whole["se"].tolist() == pytest.approx(expected.tolist(), rel=0.05)


def test_the_curve_is_the_share_and_the_mean_risk_of_each_fifth(sample):
    found = calibration_curve(sample, Design("weight"), "returned", "risk")
    rows = found.rows.set_index(["figure", "risk_group"])["estimate"]
    order = sample.sort_values("risk", kind="stable")
    place = (order["weight"].cumsum() - order["weight"] / 2) / order["weight"].sum()
    lowest = order[(place < 0.15).to_numpy()]
    assert found.kind == "curve" and len(rows) == 10
    assert rows["expected"].is_monotonic_increasing
    assert rows["expected", "1"] >= np.average(lowest["risk"], weights=lowest["weight"])
    total = np.average(sample["risk"], weights=sample["weight"])
    assert rows["expected"].mean() == pytest.approx(total, abs=0.02)  # fifths of about equal weight
    assert (found.rows["n"] >= 60).all()


# --- edges
def test_risks_of_zero_and_one_do_not_break_the_fit(sample):
    found = figures(sample.assign(risk=sample["risk"].mask(sample.index < 3, 0.0).mask(sample.index == 5, 1.0)), DESIGN)
    assert np.isfinite(found["estimate"]).all()


@pytest.mark.parametrize("returned", [0.0, 1.0])
def test_where_all_or_none_returned_nothing_can_be_told(returned):
    sample = pd.DataFrame({"risk": np.linspace(0.1, 0.9, 40), "returned": returned})
    assert figures(sample, None)["flag"].tolist() == ["empty"] * 3


def test_equal_risks_have_a_level_but_no_slope():
    found = figures(pd.DataFrame({"risk": [0.3] * 40, "returned": [0.0, 1] * 20}), None)
    assert found["estimate"].isna().tolist() == [True, True, False]
    assert found.loc["calibration_in_the_large", "estimate"] == pytest.approx(-np.log(0.3 / 0.7))


def test_perfect_separation_has_no_slope():
    sample = pd.DataFrame({"risk": np.linspace(0.1, 0.9, 40), "returned": np.repeat([0.0, 1], 20)})
    assert np.isnan(figures(sample, None).loc["calibration_slope", "estimate"])


def test_nobody_is_an_empty_row(sample):
    assert set(figures(sample.head(0), None)["flag"]) == {"empty"}
    assert len(calibration_curve(sample.head(0), None, "returned", "risk").rows) > 0


# --- errors
def test_a_column_that_is_no_probability_is_named():
    with pytest.raises(Problem) as error:
        calibration(pd.DataFrame({"risk": [0.2, 1.2], "returned": [0.0, 1]}), None, "returned", "risk")
    assert (error.value.key, error.value.values["column"]) == ("relapse.not_a_risk", "risk")


def test_methods_have_notes_in_both_languages(sample):
    found = [calibration(sample, None, "returned", "risk"), calibration_curve(sample, None, "returned", "risk")]
    found.append(observed_expected(sample, None, "returned", "risk"))
    assert all(method(part.method, "zh") != method(part.method, "en") for part in found)
