"""Calibrated and trimmed weights: by hand, against R survey, laws, errors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import (
    Design,
    Replicates,
    calibrate,
    change,
    make_replicates,
    mean,
    proportion,
    ratio,
    total,
    trim,
)
from aidlib.reference import Problem
from tests.estimate.oracles import ERROR, ESTIMATE, EXACT_ZERO, agree, expected, needs_data, survey

STYPE = {"E": 4421, "H": 755, "M": 1018}
SCHWIDE = {"No": 1072, "Yes": 5122}
API99 = {"stype": STYPE, "api99": 3914069}
CALIBRATED = {
    "clus1_poststrat": ({"stype": STYPE}, {}, "poststrat"),
    "clus1_rake": ({"stype": STYPE, "sch.wide": SCHWIDE}, {"method": "raking"}, "rake"),
    "clus1_cal_linear": ({"stype": STYPE}, {"method": "linear"}, None),
    "clus1_cal_linear_api99": (API99, {"method": "linear"}, "cal_linear_api99"),
    "clus1_cal_raking_api99": (API99, {"method": "raking"}, "cal_raking_api99"),
    "clus1_cal_logit_bounds": (API99, {"method": "logit", "bounds": (0.3, 3)}, None),
}
CLUSTERS = Design(weight="pw", psu="dnum", fpc="fpc")


@pytest.fixture
def people() -> pd.DataFrame:
    return pd.DataFrame({"sex": list("ffmmm"), "age": [30.0, 50, 20, 40, 60], "y": [1.0, 2, 3, 4, 8], "w": 10.0})


# --- by hand
def test_post_stratification_by_hand(people):
    found = calibrate(people, Design(weight="w"), {"sex": {"f": 30, "m": 30}})
    assert found.sample["weight_calibrated"].tolist() == pytest.approx([15, 15, 10, 10, 10])
    row = mean(found.sample, found.design, "y").rows.iloc[0]
    # residuals -.5, .5, -2, -1, 3, weights over their sum 1/4, 1/6; 5 / 4 * sum of squares
    assert row["se"] == pytest.approx(np.sqrt(5 / 4 * (0.5 / 16 + 14 / 36)))


def test_weights_above_a_limit_go_to_the_others():
    sample = pd.DataFrame({"w": [1.0, 2, 3, 14]})
    found = trim(sample, Design(weight="w"), high=8)
    assert found.sample["weight_trimmed"].tolist() == pytest.approx([3, 4, 5, 8])


# --- against R survey on the California schools
@needs_data
@pytest.mark.parametrize("key", CALIBRATED)
def test_calibrated_figures_agree_with_r(key):
    totals, options, column = CALIBRATED[key]
    found = calibrate(survey("api/apiclus1.csv"), CLUSTERS, totals, **options)
    figures = expected("api")["designs"][key]
    if column is not None:
        wanted = survey("api/apiclus1_calibrated_weights.csv")[column]
        assert found.sample["weight_calibrated"].tolist() == pytest.approx(wanted.tolist(), rel=1e-7)
    close = 1e-6 if key == "clus1_rake" else ERROR  # R's rake centres in turn where we regress at once
    for name in ("api00", "api99", "meals"):
        agree(mean(found.sample, found.design, name).rows, figures["mean_api00_api99_meals"], [name])
    agree(total(found.sample, found.design, "enroll").rows, figures["total_enroll"], ["enroll"])
    shares = proportion(found.sample, found.design, "stype", interval="wald").rows
    agree(shares, figures["mean_stype"], ["stypeE", "stypeH", "stypeM"])
    row = ratio(found.sample, found.design, "api.stu", "enroll").rows.iloc[0]
    figure = figures["ratio_apistu_enroll"]
    assert row["estimate"] == pytest.approx(*figure["estimate"].values(), rel=ESTIMATE)
    assert row["se"] == pytest.approx(*figure["se"].values(), rel=close)
    rows = mean(found.sample, found.design, "api00", by="sch.wide").rows
    figure = figures["mean_api00_by_schwide"]
    assert rows["estimate"].tolist() == pytest.approx(list(figure["estimate"].values()), rel=ESTIMATE)
    assert rows["se"].tolist() == pytest.approx(list(figure["se"].values()), rel=close, abs=EXACT_ZERO)


# --- laws
def test_calibrated_totals_are_met_without_error(people):
    found = calibrate(people, Design(weight="w"), {(): 60, "age": 2500}, method="raking")
    row = total(found.sample, found.design, "age").rows.iloc[0]
    assert (row["estimate"], row["se"]) == (pytest.approx(2500), pytest.approx(0, abs=1e-6))


def test_what_the_auxiliaries_explain_no_longer_varies(people):
    sample = people.assign(y=3 * people["age"] + 2)
    found = calibrate(sample, Design(weight="w"), {(): 60, "age": 2500})
    assert mean(found.sample, found.design, "y").rows["se"].item() == pytest.approx(0, abs=1e-6)


def test_limits_hold_and_totals_too(people):
    found = calibrate(people, Design(weight="w"), {(): 60, "age": 2600}, limits=(8, 16))
    weight = found.sample["weight_calibrated"]
    assert weight.between(8 - 1e-9, 16 + 1e-9).all()
    assert [weight.sum(), (weight * people["age"]).sum()] == pytest.approx([60, 2600])


def test_a_second_calibration_keeps_the_first_in_the_variance(people):
    first = calibrate(people, Design(weight="w"), {"sex": {"f": 30, "m": 30}})
    second = calibrate(first.sample, first.design, {"sex": {"f": 30, "m": 30}}, name="weight_again")
    once, twice = (mean(part.sample, part.design, "y").rows["se"].item() for part in (first, second))
    assert once == pytest.approx(twice)


def test_replicate_weights_are_calibrated_one_by_one(people):
    sample = people.assign(r1=[0.0, 20, 10, 10, 10], r2=[20.0, 0, 10, 10, 10])
    design = Design(weight="w", replicates=Replicates(["r1", "r2"], kind="bootstrap"))
    found = calibrate(sample, design, {"sex": {"f": 30, "m": 30}})
    assert found.design.replicates.columns == ("weight_calibrated_1", "weight_calibrated_2")
    assert found.sample["weight_calibrated_1"].tolist() == pytest.approx([0, 30, 10, 10, 10])


# --- errors
@pytest.mark.parametrize(
    ("totals", "options", "key"),
    [
        ({}, {}, "estimate.no_totals"),
        ({"sex": {"f": 30}}, {}, "estimate.no_total"),
        ({"sex": {"f": 30, "m": 20, "x": 10}}, {}, "estimate.no_unit"),
        ({"town": 5}, {}, "estimate.no_column"),
        ({(): 60, "age": 2500}, {"method": "logit"}, "estimate.bounds"),
        ({(): 60}, {"bounds": (1.1, 2)}, "estimate.bounds"),
        ({(): 60}, {"method": "magic"}, "estimate.option"),
        ({(): 60, "age": 5000}, {"bounds": (0.5, 2)}, "estimate.calibration_failed"),
        ({(): 60, "age": 4000}, {}, "estimate.negative_weights"),
        ({"sex": {"f": 30, "m": 30}, (): 70}, {"method": "raking"}, "estimate.calibration_failed"),
    ],
)
def test_totals_that_cannot_be_met_are_refused_by_name(people, totals, options, key):
    with pytest.raises(Problem) as error:
        calibrate(people, Design(weight="w"), totals, **options)
    assert error.value.key == key


def test_missing_categories_are_counted(people):
    with pytest.raises(Problem, match="missing in 1 rows"):
        calibrate(people.assign(sex=[None, *"fmmm"]), Design(weight="w"), {"sex": {"f": 30, "m": 30}})


def test_a_part_of_a_calibrated_sample_is_refused(people):
    found = calibrate(people, Design(weight="w"), {"sex": {"f": 30, "m": 30}})
    sample, design = found.sample, found.design
    whole = mean(sample, design, "y", by="sex").rows
    mixed = mean(sample.iloc[::-1].assign(other=1), design, "y", by="sex").rows  # other order and columns: no matter
    np.testing.assert_allclose(mixed[["estimate", "se"]], whole[["estimate", "se"]], rtol=1e-12)
    for part in (sample.query("sex == 'f'"), sample.iloc[:4], pd.concat([sample, sample])):
        with pytest.raises(Problem, match=r"add up to 60; in these \d+ rows .* domain") as error:
            mean(part, design, "y")
        assert (error.value.key, error.value.values["rows"]) == ("estimate.calibrated_part", len(part))
        with pytest.raises(Problem, match="calibrated on a sample"):
            make_replicates(part, design, kind="jk1")


def test_waves_calibrated_to_totals_of_their_own_make_a_change(people):
    totals = ({"sex": {"f": 30, "m": 30}}, {"sex": {"f": 40, "m": 50}})
    before, after = (calibrate(people, Design(weight="w", psu="age"), known) for known in totals)
    row = change(before.sample, after.sample, before.design, mean, "y").rows.iloc[0]
    levels = [mean(wave.sample, wave.design, "y").rows["estimate"].item() for wave in (before, after)]
    assert row["estimate"] == pytest.approx(levels[1] - levels[0])
    with pytest.raises(Problem, match="calibrated on a sample"):
        change(before.sample, after.sample.iloc[:3], before.design, mean, "y")


def test_replicates_that_a_linear_calibration_brings_below_0_are_meant():
    sample = pd.DataFrame({"x": [1.0, 2, 3, 4, 20], "y": [1.0, 2, 3, 4, 8], "w": 10.0})
    found = calibrate(sample, Design(weight="w", psu="x"), {(): 50, "x": 200})
    made = make_replicates(found.sample, found.design, kind="jk1")
    given = made.design.replicates
    assert (made.sample[list(given.columns)] < 0).any().any()
    assert mean(made.sample, made.design, "y").rows["se"].item() > 0
    with pytest.raises(Problem, match=r"negative in \d rows.*negative=True"):
        mean(made.sample, replace(made.design, replicates=replace(given, negative=False)), "y")


def test_trimming_refuses_what_it_would_break(people):
    found = calibrate(people, Design(weight="w"), {"sex": {"f": 30, "m": 30}})
    with pytest.raises(Problem, match="Calibrated weights"):
        trim(found.sample, found.design, high=12)
    with pytest.raises(Problem, match="cannot keep their sum"):
        trim(people, Design(weight="w"), high=5)


def test_replicates_need_a_column():
    with pytest.raises(Problem) as error:
        Replicates([])
    assert error.value.key == "estimate.no_replicates"
