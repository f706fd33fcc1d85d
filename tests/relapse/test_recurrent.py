"""Recurrent events: against R and printed tables (the bladder cancer data), laws, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import Design
from aidlib.reference import Problem
from aidlib.relapse.cox import cox
from aidlib.relapse.recurrent import MODELS, recurrent
from tests.relapse.test_cox import FIGURES, agree, clusters, data, numbers

NAMES = {"start": "start", "stop": "stop", "event": "event", "order": "enum", "unit": "id"}
PREDICTORS = ["rx", "size", "number"]
PATIENTS = clusters(85)


# --- against R and printed tables
@pytest.mark.parametrize(
    ("figures", "options"),
    [
        ("andersen_gill", {"model": "andersen_gill"}),
        ("pwp_total", {"model": "pwp_total"}),
        ("pwp_gap", {"model": "pwp_gap"}),
        ("pwp_gap_three", {"model": "pwp_gap", "last": 3}),
    ],
)
def test_the_bladder_cancer_data_as_in_r(figures, options):
    agree(recurrent(data("bladder2"), None, **NAMES, predictors=PREDICTORS, **options), FIGURES[figures], PATIENTS)


@pytest.mark.parametrize(
    ("model", "rx", "error"),
    [("andersen_gill", -0.465, 0.266), ("pwp_total", -0.333, 0.205), ("pwp_gap", -0.279, 0.216)],
)
def test_the_bladder_cancer_data_as_printed(model, rx, error):
    """Therneau & Grambsch (2000), Modeling Survival Data, section 8.5: thiotepa, robust errors by patient."""
    found = recurrent(data("bladder2"), None, **NAMES, predictors=PREDICTORS, model=model).rows.iloc[0]
    assert round(found["estimate"], 3) == rx
    assert round(found["se"] / PATIENTS, 3) == error


@pytest.mark.parametrize(
    ("order", "rx", "error"), [(1, -0.518, 0.308), (2, -0.619, 0.364), (3, -0.700, 0.415), (4, -0.651, 0.490)]
)
def test_the_marginal_models_as_printed(order, rx, error):
    """Wei, Lin & Weissfeld (1989), J. Am. Stat. Assoc. 84(408), 1065-1073: treatment, one model for each recurrence."""
    rows = data("bladder").query("enum == @order")
    found = cox(rows, None, duration="stop", event="event", predictors=PREDICTORS, ties="breslow").rows.iloc[0]
    assert round(found["estimate"], 3) == rx
    assert found["se"] / clusters(len(rows)) == pytest.approx(error, abs=6e-4)


def test_the_marginal_model_is_cox_with_strata():
    found = cox(data("bladder"), None, duration="stop", event="event", predictors=PREDICTORS, strata="enum", unit="id")
    agree(found, FIGURES["marginal"], PATIENTS)


# --- laws
def returns(seed: int, units: int = 200) -> pd.DataFrame:
    """Units with up to four gaps, each at risk until the next event or the end of observation."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=units)
    gaps = rng.exponential(np.exp(-0.6 * x)[:, None] * np.ones(4)).cumsum(axis=1)
    end = rng.uniform(0.5, 3, units)
    rows = []
    for unit in range(units):
        start = 0.0
        for order, time in enumerate(gaps[unit], 1):
            rows.append((unit, order, start, min(time, end[unit]), float(time <= end[unit]), x[unit], unit % 20))
            start = time
            if time > end[unit]:
                break
    return pd.DataFrame(rows, columns=["id", "enum", "start", "stop", "event", "x", "psu"])


@pytest.mark.parametrize("model", MODELS)
def test_a_row_split_inside_changes_nothing(model):
    rows = returns(1)
    whole = recurrent(rows, None, **NAMES, predictors=["x"], model=model)
    middle = (rows["start"] + rows["stop"]) / 2
    parts = [rows.assign(stop=middle, event=0.0), rows.assign(start=middle)]
    split = recurrent(pd.concat(parts, ignore_index=True), None, **NAMES, predictors=["x"], model=model)
    assert numbers(split) == pytest.approx(numbers(whole), rel=1e-8)
    assert split.rows["n"].tolist() == whole.rows["n"].tolist() == [200]


def test_gap_times_forget_the_beginning():
    rows = returns(2)
    later = rows.assign(start=rows["start"] + rows["id"] % 7, stop=rows["stop"] + rows["id"] % 7)
    found = [recurrent(r, None, **NAMES, predictors=["x"], model="pwp_gap") for r in (rows, later)]
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-9)


def test_one_class_for_all_orders_is_andersen_gill_in_total_time():
    rows = returns(3)
    found = [
        recurrent(rows, Design(psu="psu"), **NAMES, predictors=["x"], **options)
        for options in ({"model": "andersen_gill"}, {"model": "pwp_total", "last": 1})
    ]
    assert numbers(found[0]) == pytest.approx(numbers(found[1]), rel=1e-12)


def test_clusters_are_those_of_the_design_or_the_units():
    rows = returns(4)
    by_unit = recurrent(rows, None, **NAMES, predictors=["x"])
    by_psu = recurrent(rows, Design(psu="psu"), **NAMES, predictors=["x"])
    assert by_unit.rows["psus"].item() == 200
    assert by_psu.rows["psus"].item() == 20
    assert by_unit.rows["estimate"].item() == by_psu.rows["estimate"].item()


# --- errors
@pytest.mark.parametrize(
    ("change", "options", "key"),
    [
        ({"enum": lambda d: d["enum"] + (d["enum"] > 1)}, {}, "relapse.order"),
        ({"enum": lambda d: d["enum"] - 1}, {}, "relapse.order"),
        ({"enum": 1.5}, {}, "relapse.order"),
        ({"enum": 1}, {}, "relapse.order"),
        ({"enum": np.nan}, {}, "relapse.missing"),
        ({"start": 0.0}, {}, "relapse.rows_overlap"),
        ({}, {"model": "frailty"}, "estimate.option"),
        ({}, {"last": 0}, "estimate.option"),
        ({}, {"order": "nothing"}, "estimate.no_column"),
    ],
)
def test_histories_that_make_no_sense_are_refused(change, options, key):
    with pytest.raises(Problem) as error:
        recurrent(returns(5).assign(**change), None, **(NAMES | options), predictors=["x"])
    assert error.value.key == key


def test_they_have_notes_in_both_languages():
    for model in MODELS:
        key = recurrent(returns(6), None, **NAMES, predictors=["x"], model=model).method
        assert reference.method(key, "zh") != reference.method(key, "en")


def test_strata_by_unit_take_out_what_a_unit_keeps_for_life():
    """Gap times with a trait that goes with x: beside the unit's own other spells the planted 0.5 is left."""
    rng = np.random.default_rng(7)
    unit = np.repeat(np.arange(3000), 3)
    trait = rng.normal(size=3000)[unit]
    x = trait + rng.normal(size=len(unit))
    gap, seen = rng.exponential(np.exp(-0.5 * x - trait)), rng.exponential(2.0, len(unit))
    rows = pd.DataFrame({"id": unit, "x": x, "gap": np.minimum(gap, seen), "back": (gap <= seen).astype(float)})
    options = {"duration": "gap", "event": "back", "predictors": ["x"]}
    plain = cox(rows, Design(psu="id"), **options).rows.iloc[0]
    within = cox(rows, Design(psu="id"), **options, strata="id").rows.iloc[0]
    assert plain["low"] > 0.6
    assert within["low"] < 0.5 < within["high"]
