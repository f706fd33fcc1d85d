"""Hazards and probabilities of a Cox model: by hand, against R, laws, edges, errors."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import Design, make_replicates
from aidlib.reference import Problem
from aidlib.relapse.cox_predictions import baseline_hazard, event_probabilities
from aidlib.relapse.curves import cumulative_hazard
from tests.relapse.test_cox import COHORT, FIGURES, LUNG, XZ, data, sample_of

EXACT = 1e-8  # relative
MODEL = COHORT | {"predictors": ["x", "kind", "z"]}


# --- by hand
def test_breslow_hazard_by_hand():
    """x = 1 and 0 in turn: with hazard ratio e^b, H0 = 1/(2 + 2 e^b) + 2/(1 + 2 e^b) at the two times of events."""
    sample = pd.DataFrame({"t": [1, 2, 2, 3], "d": [1, 1, 1, 0], "x": [0.0, 1, 0, 1]})
    options = {"duration": "t", "event": "d", "predictors": ["x"], "ties": "breslow"}
    found = baseline_hazard(sample, None, times=[0, 1, 2], **options).rows
    first = baseline_hazard(sample, None, times=[1], at={"x": 1}, **options).rows["estimate"].item()
    ratio = first / found["estimate"].iloc[1]
    wanted = [0, 1 / (2 + 2 * ratio), 1 / (2 + 2 * ratio) + 2 / (1 + 2 * ratio)]
    assert found["estimate"].to_numpy() == pytest.approx(np.array(wanted))
    assert found["count"].tolist() == [0, 1, 3]


# --- against R
@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_the_baseline_is_that_of_r(ties):
    wanted = FIGURES[f"baseline_{ties}"]
    found = baseline_hazard(
        data("cohort"),
        Design("weight", psu="psu"),
        times=wanted["time"],
        at={"kind": "a", "z": 45},
        **MODEL,
        ties=ties,
    )
    assert found.rows["estimate"].to_numpy() == pytest.approx(np.array(wanted["cumhaz"]), rel=EXACT)
    assert (found.rows["low"] < found.rows["estimate"]).all()


def test_the_difference_of_probabilities_is_that_of_r():
    """g-computation with R's survfit, one curve for each patient."""
    wanted = FIGURES["effect_lung"]
    rows = data("lung")
    rows["sex"] = rows["sex"].astype(str)
    found = event_probabilities(rows, None, time=wanted["at"], **LUNG, predictors=["age", "sex"]).rows.set_index("term")
    assert found.loc["sex=2", "estimate"] == pytest.approx(wanted["two"] - wanted["one"], rel=EXACT)


# --- laws
def derivative(statistic, rows: pd.DataFrame, row: int) -> np.ndarray:
    """w d estimate / d w of one row."""
    values = []
    for step in (1e-5, -1e-5):
        other = rows.assign(weight=rows["weight"] * (1 + step * (rows.index == row)))
        values.append(statistic(other, Design("weight")).rows["estimate"].to_numpy())
    return (values[0] - values[1]) / 2e-5


@pytest.mark.parametrize(
    "statistic",
    [
        partial(baseline_hazard, times=[2, 6], at={"x": 0.5}, **XZ, ties="breslow"),
        partial(baseline_hazard, times=[2, 5], **XZ, ties="breslow", strata="group"),
        partial(event_probabilities, time=5, **XZ, ties="breslow"),
        partial(
            event_probabilities,
            time=5,
            duration="stop",
            event="event",
            entry="start",
            predictors=["x", "kind", "x:kind"],
            ties="breslow",
            strata="group",
        ),
    ],
)
def test_influence_values_are_derivatives_by_the_weights(statistic):
    rows = sample_of(21, n=90)
    rows = rows.assign(
        group=np.where(rows.index % 3, "a", "b"),
        kind=np.where(rows["z"] > 0, "u", "v"),
        start=np.where(rows["stop"] > 2, rows.index % 2, 0),
    )
    found = statistic(rows, Design("weight"))._influence
    z = (found.values.tocsr() @ found.mix).toarray()
    for row in (0, 7, 31, 64):
        assert z[row] == pytest.approx(derivative(statistic, rows, row), abs=1e-7)


def test_replicates_agree_with_linearisation():
    rows = data("cohort")
    plain = event_probabilities(rows, Design("weight", "stratum", "psu"), time=5, **MODEL).rows
    done = make_replicates(rows, Design("weight", "stratum", "psu"), kind="jkn")
    again = event_probabilities(done.sample, done.design, time=5, **MODEL).rows
    assert again["estimate"].to_numpy() == pytest.approx(plain["estimate"].to_numpy())
    assert again["se"].to_numpy() == pytest.approx(plain["se"].to_numpy(), rel=1e-9)  # JKn of linear statistics


def test_a_predictor_without_effect_adds_nothing_and_a_harmful_one_adds():
    rows = sample_of(22, n=2000).assign(noise=lambda d: d.index % 2)
    found = event_probabilities(rows, None, time=4, duration="stop", event="event", predictors=["x", "z", "noise"])
    effect = found.rows.set_index("term")
    assert effect.loc["x", "low"] > 0.05
    assert effect.loc["z", "high"] < 0
    assert abs(effect.loc["noise", "estimate"]) < 3 * effect.loc["noise", "se"] < 0.1
    assert found.unit == "pp"


def test_each_stratum_has_its_own_baseline():
    rows = sample_of(23).assign(group=lambda d: np.where(d.index % 2, "late", "early"))
    rows["stop"] += np.where(rows["group"] == "late", 5, 0)
    found = baseline_hazard(rows, None, times=[1, 8], **XZ, strata="group").rows
    assert found["group"].tolist() == ["early", "early", "late", "late"]
    assert found["estimate"].iloc[2] == 0 < found["estimate"].iloc[0]


def test_strata_of_two_columns_are_named_together():
    rows = sample_of(26).assign(a=lambda d: d.index % 2, b=lambda d: np.where(d.index % 3, "u", "v"))
    found = baseline_hazard(rows, None, times=[3], **XZ, strata=["a", "b"]).rows
    assert found["stratum"].tolist() == ["0 / u", "0 / v", "1 / u", "1 / v"]
    assert found["n"].sum() == len(rows)


def test_results_can_be_drawn_and_shown():
    rows = sample_of(27)
    for found in (baseline_hazard(rows, None, times=[1, 2, 3], **XZ), event_probabilities(rows, None, time=2, **XZ)):
        for language in ("zh", "en"):
            assert found.plot(language=language).has_data()
            assert len(found.table(language)) == len(found.rows)


# --- edges
def test_there_is_no_value_after_the_last_observation():
    rows = sample_of(24)
    found = baseline_hazard(rows, None, times=[2, 1000], **XZ).rows
    assert found["flag"].tolist() == ["", "empty"]
    assert event_probabilities(rows, None, time=1000, **XZ).rows["estimate"].isna().all()


# --- errors
@pytest.mark.parametrize(
    ("call", "key"),
    [
        (partial(baseline_hazard, times=[]), "relapse.times"),
        (partial(baseline_hazard, times=[-1]), "relapse.times"),
        (partial(baseline_hazard, times=[1], at={"age": 3}), "relapse.no_predictor"),
        (partial(baseline_hazard, times=[1], at={"kind": "other"}), "relapse.no_level"),
        (partial(event_probabilities, time=-1), "relapse.times"),
    ],
)
def test_questions_that_make_no_sense_are_refused(call, key):
    with pytest.raises(Problem) as error:
        call(data("cohort"), None, **MODEL)
    assert error.value.key == key


def test_they_have_notes_in_both_languages():
    for found in (
        baseline_hazard(sample_of(25), None, times=[1], **XZ),
        event_probabilities(sample_of(25), None, time=2, **XZ),
    ):
        assert reference.method(found.method, "zh") != reference.method(found.method, "en")
        for measure in found.rows["measure"].unique():
            assert reference.heading(measure, "zh") != reference.heading(measure, "en")


def test_without_predictors_it_is_the_curve_of_nelson_and_aalen():
    rows = data("cohort")
    design, options = Design("weight", "stratum", "psu"), {"duration": "stop", "event": "event", "entry": "start"}
    found = baseline_hazard(rows, design, times=[2, 5], **options, predictors=[], ties="breslow").rows
    wanted = cumulative_hazard(rows, design, times=[2, 5], **options).rows
    for name in ("estimate", "se"):
        assert found[name].to_numpy() == pytest.approx(wanted[name].to_numpy(), rel=1e-9)
