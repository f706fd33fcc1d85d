"""Checks of a Cox model: against R's cox.zph and survey, laws, what they find, errors."""

from functools import partial

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import Design, make_replicates, p_values
from aidlib.reference import Problem
from aidlib.relapse.checks import functional_form, martingale_residuals, proportionality, time_slopes, wald_f
from tests.relapse.test_cox import COHORT, FIGURES, HEART, LUNG, XZ, data, sample_of
from tests.relapse.test_cox_predictions import derivative

STATISTIC = 1e-6  # relative
MODEL = COHORT | {"predictors": ["x", "kind", "z"]}
CASES = {
    "zph_veteran": ("veteran", None, LUNG | {"predictors": ["trt", "celltype", "karno", "age"]}),
    "zph_lung_strata": (
        "lung",
        Design("weight"),
        LUNG | {"predictors": ["age", "ecog"], "strata": "sex", "ties": "breslow"},
    ),
    "zph_heart": (
        "heart",
        Design("weight"),
        HEART | {"predictors": ["age", "year", "surgery", "transplant"], "unit": "id"},
    ),
    "zph_cohort": ("cohort", Design("weight"), MODEL),
}


def of(found, measure: str) -> pd.Series:
    return found.rows[found.rows["measure"] == measure].set_index("term")["estimate"]


# --- by hand
def test_the_wald_test_by_hand():
    """q = 2, W = 1/1 + 4/2 = 3; F = (9 / 20) 3 on 2 and 9 degrees of freedom."""
    found = wald_f(np.array([1.0, 2.0]), np.diag([1.0, 2.0]), 10.0)
    assert found[:2].tolist() == pytest.approx([1.35, 2.0])
    assert wald_f(np.array([1.0, 2.0]), np.diag([1.0, 2.0]), np.inf)[2] == pytest.approx(np.exp(-1.5))


# --- against R
@pytest.mark.parametrize(("name", "transform"), [(name, g) for name in CASES for g in FIGURES[name]])
def test_the_score_test_is_that_of_cox_zph(name, transform):
    sample, design, options = CASES[name]
    wanted = FIGURES[name][transform]
    found = proportionality(data(sample), design, transform=transform, test="model", **options)
    assert of(found, "chi_square").index.tolist() == [*wanted["term"][:-1], "all"]
    for measure, key in (("chi_square", "chisq"), ("df_numerator", "df"), ("p_value", "p")):
        assert of(found, measure).to_numpy() == pytest.approx(np.array(wanted[key]), rel=STATISTIC)


def test_the_spline_is_that_of_r():
    """Wald's W of survey's svycoxph for the spline's terms; our F counts the degrees of freedom."""
    wanted = FIGURES["spline"]
    found = functional_form(data("cohort"), Design("weight", "stratum", "psu"), of="x", knots=wanted["knots"], **MODEL)
    q, df = wanted["df"], wanted["degf"]
    assert of(found, "wald_f").item() == pytest.approx((df - q + 1) / (df * q) * wanted["wald"], rel=STATISTIC)
    assert of(found, "df_numerator").item() == q


# --- laws
def test_robust_and_model_based_tests_agree_in_a_large_simple_sample():
    rows = sample_of(31, n=4000)
    tests = [of(proportionality(rows, None, test=test, **XZ), "p_value") for test in ("design", "model")]
    assert tests[0].to_numpy() == pytest.approx(tests[1].to_numpy(), abs=0.05)


@pytest.mark.parametrize("transform", ["km", "identity", "log", "rank"])
def test_units_of_time_and_weight_do_not_matter(transform):
    rows = sample_of(32)
    found = proportionality(rows, Design("weight"), transform=transform, **XZ)
    other = rows.assign(stop=rows["stop"] / 12, weight=rows["weight"] * 5, x=100 - 3 * rows["x"])
    again = proportionality(other, Design("weight"), transform=transform, **XZ)
    assert again.rows["estimate"].to_numpy() == pytest.approx(found.rows["estimate"].to_numpy(), rel=1e-7)


def test_residuals_are_derivatives_by_the_weights_and_add_up_to_nothing():
    rows = sample_of(33, n=120)
    statistic = partial(martingale_residuals, of="z", **XZ, ties="breslow")
    found = statistic(rows, Design("weight"))
    z = (found._influence.values.tocsr() @ found._influence.mix).toarray()
    for row in (0, 7, 31, 64):
        assert z[row] == pytest.approx(derivative(statistic, rows, row), abs=1e-7)
    tenth = pd.qcut(rows["z"], 10, labels=False)
    weights = rows["weight"].groupby(tenth).sum().to_numpy()
    assert found.rows["estimate"].to_numpy() @ weights == pytest.approx(0, abs=1e-9)


def test_replicates_of_linear_shares_give_the_linearised_test():
    rows = data("cohort")
    plain = proportionality(rows, Design("weight", "stratum", "psu"), **MODEL)
    done = make_replicates(rows, Design("weight", "stratum", "psu"), kind="jkn")
    again = proportionality(done.sample, done.design, **MODEL)
    assert of(again, "wald_f").to_numpy() == pytest.approx(of(plain, "wald_f").to_numpy(), rel=1e-9)


# --- what they find
def bent(seed: int, n: int = 3000) -> pd.DataFrame:
    """x acts before time 0.3 only; z acts through its square."""
    rng = np.random.default_rng(seed)
    x, z = rng.integers(0, 2, n).astype(float), rng.normal(size=n)
    base = rng.exponential(size=n) / np.exp(0.5 * z**2)
    early = base / np.exp(x)
    time = np.where(early < 0.3, early, 0.3 + base - 0.3 * np.exp(x))
    stop = np.minimum(time, rng.uniform(0.5, 5, n))
    return pd.DataFrame({"x": x, "z": z, "stop": stop, "event": (time <= stop).astype(float)})


def test_a_hazard_ratio_that_fades_is_found_and_named():
    found = of(proportionality(bent(1), None, **XZ), "p_value")
    assert found["x"] < 0.001
    assert found["all"] < 0.001
    slopes = time_slopes(bent(1), None, **XZ).rows.set_index("term")
    assert slopes.loc["x", "high"] < 0


def test_a_bent_predictor_is_found_by_both():
    rows = bent(2)
    assert of(functional_form(rows, None, **XZ), "p_value")["z"] < 1e-6
    residuals = martingale_residuals(rows, None, of="z", **XZ)
    assert (residuals.rows["estimate"].iloc[[0, 9]] > 0).all()
    assert (residuals.rows["estimate"].iloc[[4, 5]] < 0).all()
    adjusted = p_values(residuals).rows.query("measure == 'p_adjusted'")["estimate"]
    assert adjusted.iloc[0] < 0.001


def test_flags_have_no_shape():
    found = functional_form(bent(3), None, **XZ)
    assert of(found, "wald_f").index.tolist() == ["z"]
    assert len(functional_form(bent(3), None, duration="stop", event="event", predictors=["x"]).rows) == 0


def test_tests_on_few_events_are_not_to_be_published():
    ovarian = {"duration": "futime", "event": "fustat", "predictors": ["age", "rx"]}
    for check in (proportionality, functional_form, time_slopes):
        assert check(data("ovarian"), None, **ovarian).rows["flag"].unique().tolist() == ["quality"]
        assert check(sample_of(35), None, **XZ).rows["flag"].unique().tolist() == [""]


@pytest.mark.slow
def test_proportional_hazards_are_kept_at_their_level():
    """400 samples of 40 clusters with an effect of their own: 5 % of the tests reject (2.8 to 7.2 % allowed)."""
    rejected = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        cluster = np.repeat(np.arange(40), 10)
        x = rng.normal(size=40)[cluster] + rng.normal(size=400)
        time = rng.exponential(np.exp(-0.4 * x - rng.normal(0, 0.3, 40)[cluster]))
        stop = np.minimum(np.ceil(time * 10), 15)
        rows = pd.DataFrame({"x": x, "stop": stop, "event": (stop < 15).astype(float), "psu": cluster})
        rows["weight"] = rng.uniform(1, 3, 400)
        found = proportionality(rows, Design("weight", psu="psu"), duration="stop", event="event", predictors=["x"])
        rejected.append(of(found, "p_value")["x"] < 0.05)
    assert 0.028 < np.mean(rejected) < 0.072


# --- errors
@pytest.mark.parametrize(
    ("call", "key"),
    [
        (partial(proportionality, transform="sqrt"), "estimate.option"),
        (partial(proportionality, test="schoenfeld"), "estimate.option"),
        (partial(functional_form, knots=7), "estimate.option"),
        (partial(functional_form, of="kind"), "relapse.no_predictor"),
        (partial(functional_form, of="x", knots=[0, 1]), "relapse.few_values"),
        (partial(martingale_residuals, of="event"), "relapse.few_values"),
    ],
)
def test_questions_that_make_no_sense_are_refused(call, key):
    with pytest.raises(Problem) as error:
        call(data("cohort").assign(event=lambda d: d["event"]), None, **MODEL)
    assert error.value.key == key


def test_they_have_notes_in_both_languages():
    calls = [proportionality, partial(proportionality, test="model"), time_slopes, functional_form]
    for call in (*calls, partial(martingale_residuals, of="z")):
        found = call(sample_of(34), None, **XZ)
        assert reference.method(found.method, "zh") != reference.method(found.method, "en")
        for name in (*found.keys, *found.rows["measure"].unique()):
            assert reference.heading(name, "zh") != reference.heading(name, "en")
