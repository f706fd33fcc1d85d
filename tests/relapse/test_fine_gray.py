"""Fine & Gray's model: by hand, against R's finegray, cmprsk and printed tables, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import Design, make_replicates
from aidlib.estimate.study import Study
from aidlib.reference import Problem
from aidlib.relapse.cox import Model, cox
from aidlib.relapse.fine_gray import Subdistribution, fine_gray, fitted
from aidlib.relapse.histories import Histories
from tests.relapse.test_cox import COEFFICIENT, ERROR, FIGURES, data, numbers, r_names, sample_of
from tests.relapse.test_cox_predictions import derivative

END = {"duration": "time", "event": "cause"}
ECONOMIC = END | {"cause": "economic", "predictors": ["x", "kind", "z"]}
PCM = END | {"cause": "pcm", "predictors": ["age", "sex", "mspike"]}
NEAR_CRR = 1e-4  # relative: errors of crr leave out 1 - h of the hazard of censoring


def model_of(
    rows: pd.DataFrame, design: Design | None, ties: str, *, strata=None, cause, predictors, duration, event
) -> Subdistribution:
    study = Study.of(rows, design)
    histories = Histories.of(study, duration=duration, event=event, cause=cause, strata=strata)
    return fitted(study, predictors, histories, (rows[event] == "").to_numpy(), efron=ties == "efron", event=event)


def untied() -> pd.DataFrame:
    return data("cohort").assign(time=lambda d: d["time"] + d["id"] / 1000)


def copies() -> pd.DataFrame:
    return data("cohort").assign(weight=lambda d: np.ceil(d["weight"]))


# --- by hand
def test_the_weights_of_those_who_ended_otherwise_by_hand():
    """A death at 1 (x 0), censored at 2 (x 0) and 5 (x 1), returns at 3 (x 1) and 4 (x 0).

    At 2 four are at risk of being censored, so the dead count 3/4 later. With r = exp(b) the score is
    1 - 2r / (2r + 7/4) - r / (r + 7/4), which is 0 at r = 7/4 / sqrt(2).
    """
    rows = pd.DataFrame({"time": [1, 2, 3, 4, 5], "cause": ["death", "", "back", "back", ""], "x": [0, 0, 1, 0, 1.0]})
    found = fine_gray(rows, None, **END, cause="back", predictors=["x"]).rows["estimate"].item()
    assert found == pytest.approx(np.log(7 / 4 / np.sqrt(2)), abs=1e-12)


# --- against R
@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize(
    ("name", "rows", "design", "options"),
    [
        ("fine_gray_cohort_{}", data("cohort"), None, ECONOMIC),
        ("fine_gray_mgus2_{}", data("mgus2"), None, PCM),
        ("fine_gray_copies_breslow", copies(), Design("weight"), ECONOMIC),
        ("fine_gray_strata_efron", data("cohort"), None, ECONOMIC | {"predictors": ["x", "z"], "strata": "kind"}),
    ],
)
def test_coefficients_and_errors_are_those_of_finegray(name, rows, design, options, ties):
    """R's errors take the curve of censoring as known, and leave out n / (n - 1)."""
    if "{}" not in name and ties not in name:
        pytest.skip("one kind of ties is enough here")
    wanted = FIGURES[name.format(ties)]
    model = model_of(rows, design, ties, **options)
    assert r_names(model.terms.names) == list(wanted["coef"])
    assert model.coefficients == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)
    known = np.sqrt(model.influence(Model.shares.fget(model), model.inverse).variance())  # type: ignore[attr-defined]
    factor = np.sqrt(len(rows) / (len(rows) - 1))
    assert known / factor == pytest.approx(np.array(list(wanted["se"].values())), rel=ERROR)
    public = fine_gray(rows, design, **options, ties=ties).rows
    assert public["estimate"].to_numpy() == pytest.approx(model.coefficients, rel=1e-12)


def test_errors_are_close_to_those_of_crr():
    rows, wanted = untied(), FIGURES["crr_untied"]
    found = fine_gray(rows, None, **ECONOMIC, ties="breslow").rows
    assert found["estimate"].to_numpy() == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)
    ours = found["se"].to_numpy() * np.sqrt((len(rows) - 1) / len(rows))
    theirs, known = (np.array(list(FIGURES[k]["se"].values())) for k in ("crr_untied", "fine_gray_untied_breslow"))
    assert ours == pytest.approx(theirs, rel=NEAR_CRR)
    assert abs(known / theirs - 1).max() > 10 * abs(ours / theirs - 1).max()  # the curve's error does count


@pytest.mark.parametrize(
    ("cause", "age", "male", "mspike"), [("pcm", -0.017, -0.213, 0.888), ("death", 0.059, 0.369, -0.154)]
)
def test_monoclonal_gammopathy_as_printed(cause, age, male, mspike):
    """Therneau, Crowson & Atkinson, Multi-state models and competing risks (vignette of survival), Fine-Gray model.

    Their curve of censoring has 11 patients more, whose mspike is missing: the last digit may differ by one.
    """
    found = fine_gray(data("mgus2"), None, **(PCM | {"cause": cause})).rows["estimate"]
    assert found.to_numpy() == pytest.approx(np.array([age, male, mspike]), abs=1.1e-3)


# --- laws
def test_errors_are_derivatives_by_the_weights():
    """Of the coefficients with the curve of censoring estimated anew, in heavily tied data."""
    rows = data("cohort").head(150).reset_index(drop=True)

    def statistic(sample, design):
        return fine_gray(sample, design, **END, cause="economic", predictors=["x", "z"], strata="kind", ties="breslow")

    found = statistic(rows, Design("weight"))._influence
    z = (found.values.tocsr() @ found.mix).toarray()
    for row in (0, 5, 17, 60, 149):
        assert z[row] == pytest.approx(derivative(statistic, rows, row), abs=1e-7)


def test_a_competing_end_that_is_rare_changes_little():
    rows = sample_of(41, n=500).assign(end=lambda d: np.where(d["event"] == 1, "back", ""))
    rows.loc[rows["event"].eq(0).idxmax(), "end"] = "death"
    options = {"duration": "stop", "event": "end", "cause": "back", "predictors": ["x", "z"]}
    assert numbers(fine_gray(rows, None, **options)) == pytest.approx(numbers(cox(rows, None, **options)), abs=0.01)


def test_order_units_of_time_and_weights_do_not_matter():
    rows = data("cohort")
    found = fine_gray(rows, Design("weight", "stratum", "psu"), **ECONOMIC)
    other = rows.sample(frac=1, random_state=1).assign(time=lambda d: d["time"] / 12, weight=lambda d: d["weight"] * 9)
    again = fine_gray(other, Design("weight", "stratum", "psu"), **ECONOMIC)
    assert numbers(again) == pytest.approx(numbers(found), rel=1e-9)


def test_replicates_fit_coefficients_and_curve_anew():
    rows = data("cohort")
    linear = fine_gray(rows, Design("weight", "stratum", "psu"), **ECONOMIC).rows
    done = make_replicates(rows, Design("weight", "stratum", "psu"), kind="jkn")
    again = fine_gray(done.sample, done.design, **ECONOMIC).rows
    assert again["estimate"].to_numpy() == pytest.approx(linear["estimate"].to_numpy(), rel=1e-12)
    assert again["se"].to_numpy() == pytest.approx(linear["se"].to_numpy(), rel=0.1)
    assert (again["se"] != linear["se"]).all()


def subdistribution(seed: int, n: int = 400) -> pd.DataFrame:
    """Fine & Gray's own simulation: F(t; x) = 1 - (1 - 0.6 (1 - e^-t))^exp(0.5 x), censored at random; 50 clusters."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=n)
    risk = np.exp(0.5 * x)
    back = rng.random(n) < 1 - 0.4**risk
    u = rng.random(n)
    time = -np.log(1 - (1 - (1 - u * (1 - 0.4**risk)) ** (1 / risk)) / 0.6)
    time = np.where(back, time, rng.exponential(np.exp(-0.5 * x)))
    censor = rng.uniform(0.5, 3, n)
    cause = np.where(time > censor, "", np.where(back, "back", "death"))
    return pd.DataFrame({"x": x, "time": np.ceil(np.minimum(time, censor) * 100) / 100, "cause": cause})


@pytest.mark.slow
def test_the_planted_ratio_is_covered():
    """500 samples: 95 % of the intervals hold 0.5, 92.5 to 97.5 allowed."""
    found = [
        fine_gray(subdistribution(s), None, **END, cause="back", predictors=["x"]).rows.iloc[0] for s in range(500)
    ]
    covered = [row["low"] < 0.5 < row["high"] for row in found]
    assert 0.925 < np.mean(covered) < 0.975
    assert np.mean([row["estimate"] for row in found]) == pytest.approx(0.5, abs=0.02)


# --- errors
@pytest.mark.parametrize(
    ("change", "options", "key"),
    [
        ({"cause": lambda d: d["cause"].replace("death", "")}, {}, "relapse.single_cause"),
        ({}, {"cause": "returned"}, "relapse.no_cause"),
        ({}, {"cause": ""}, "relapse.no_cause"),
        ({}, {"ties": "exact"}, "estimate.option"),
        ({"time": 0}, {}, "relapse.no_duration"),
        ({"cause": lambda d: d["cause"].where(d["kind"] != "b", "death")}, {}, "relapse.class_without_events"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, options, key):
    with pytest.raises(Problem) as error:
        fine_gray(data("cohort").assign(**change), None, **(ECONOMIC | options))
    assert error.value.key == key


def test_it_has_notes_in_both_languages():
    for ties in ("efron", "breslow"):
        key = fine_gray(data("cohort"), None, **ECONOMIC, ties=ties).method
        assert reference.method(key, "zh") != reference.method(key, "en")
